/* Where a request may carry its token: what is found here is looked up, and then held against each event's own. */

#include "projection.h"

#define GLIMPSE_BYTES 16384 /* so far is a token looked for: the first event has it, or what is beside the body */
#define TOKEN_MOST 4096     /* as cookiegate/tokens/claims.py has it */
#define DOCUMENTS_MOST 4    /* so many are looked into */

bool is_plain_text(Span text) {
    for (size_t place = 0; place < text.size; place++)
        if (!is_of_tokens((unsigned char)text.text[place]))
            return false;
    return text.size <= TOKEN_MOST;
}

/* The next word of token characters that begins as JSON in base64url does, `eyJ`, from `*at` on. */
static Span next_word(const char **at, const char *end) {
    while (end - *at >= SECRET_LEAST) {
        const char *found = memchr(*at + 2, 'J', (size_t)(end - *at - 2));
        if (found == NULL)
            break;
        *at = found + 1;
        if (found[-1] != 'y' || found[-2] != 'e')
            continue;
        const char *until = found;
        while (until < end && is_of_tokens((unsigned char)*until))
            until++;
        *at = until;
        if (until - found + 2 >= SECRET_LEAST)
            return (Span){found - 2, (size_t)(until - found + 2)};
    }
    return (Span){NULL, 0};
}

Span token_in(Arena *arena, Span text, bool folded) {
    const char *at = text.text, *end = at + (text.size < GLIMPSE_BYTES ? text.size : GLIMPSE_BYTES);
    int documents = 0;
    for (Span word = next_word(&at, end); word.text != NULL; word = next_word(&at, end)) {
        if (memchr(word.text, '.', word.size) != NULL)
            return word;
        if (!folded || documents++ >= DOCUMENTS_MOST)
            continue;
        size_t before = arena->size;
        Span found = token_in(arena, read_base64(arena, word), false);
        if (found.text != NULL)
            return found;
        arena->size = before;
    }
    return (Span){NULL, 0};
}

/* Whether a letter of the parameter's name may be spelled by its number. */
static bool is_spelled(Span query) {
    for (const char *at = query.text, *end = at + query.size; end - at >= 3; at++) {
        at = memchr(at, '%', (size_t)(end - at));
        if (at == NULL || end - at < 3)
            break;
        if ((at[1] == '6' && at[2] == '3') || (at[1] == '7' && at[2] == '4'))
            return true;
    }
    return false;
}

bool token_beside(Span query, Span *token) {
    *token = (Span){NULL, 0};
    if (is_spelled(query))
        return false;
    for (const char *at = query.text, *end = at + query.size; at < end;) {
        const char *until = memchr(at, '&', (size_t)(end - at));
        if (until == NULL)
            until = end;
        if (until - at == 2 && memcmp(at, "ct", 2) == 0)
            return false;
        if (until - at >= 3 && memcmp(at, "ct=", 3) == 0) {
            *token = (Span){at + 3, (size_t)(until - at - 3)};
            return true;
        }
        at = until + 1;
    }
    return true;
}
