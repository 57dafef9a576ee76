/* Events that are queries: names and values between ampersands, as urlencoded forms have them. */

#include "projection.h"

#define AMPERSANDS_LIMIT 512 /* as cookiegate/gate/shapes.py has it */

static int hexadecimal_digit(char character) {
    char lower = character | 0x20;
    if (character >= '0' && character <= '9')
        return character - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What a part of a query stands for, written to `done`; its size, or -1 if it is odd. */
static int64_t unquote(Span part, char *done) {
    char *start = done;
    bool is_coded = false;
    for (size_t place = 0; place < part.size; place++) {
        char character = part.text[place];
        if ((unsigned char)character >= 0x80)
            return -1;
        if (character == '%') {
            int first = place + 2 < part.size ? hexadecimal_digit(part.text[place + 1]) : -1;
            int second = first < 0 ? -1 : hexadecimal_digit(part.text[place + 2]);
            if (second < 0)
                return -1;
            character = (char)(first << 4 | second);
            is_coded = is_coded || (unsigned char)character >= 0x80;
            place += 2;
        } else if (character == '+') {
            character = ' ';
        }
        *done++ = character;
    }
    *done = 0; /* what is behind can be looked at */
    return is_coded && !is_utf8((Span){start, (size_t)(done - start)}) ? -1 : done - start;
}

/* Reads a query into the tape of one object of texts, behind what is there. Its text is taken from the arena. */
static bool read_pairs(Leaving *leaving, Span query) {
    Tape *tape = leaving->pairs;
    char *done = arena_take(leaving->arena, query.size);
    uint32_t ampersands = 0;
    if (done == NULL || query.size > UINT32_MAX / 2)
        return false;
    const char *at = query.text, *end = at + query.size;
    while (at < end) {
        const char *until = memchr(at, '&', (size_t)(end - at));
        if (until == NULL)
            until = end;
        else if (++ampersands == AMPERSANDS_LIMIT)
            return false;
        const char *equals = memchr(at, '=', (size_t)(until - at));
        Span name = {at, (size_t)((equals == NULL ? until : equals) - at)}, value = {until, 0};
        if (equals != NULL)
            value = (Span){equals + 1, (size_t)(until - equals - 1)};
        at = until + 1;
        if (name.size == 0 && equals == NULL)
            continue;
        for (int part = 0; part < 2; part++) {
            int64_t size = unquote(part == 0 ? name : value, done);
            if (size < 0 || !tape_add_text(tape, (uint32_t)(done - tape->text), (uint32_t)size))
                return false;
            done += size;
        }
    }
    *done = 0;
    return true;
}

/* As Python's quote_plus. */
static bool add_quoted(Out *out, Span text) {
    static const char digits[] = "0123456789ABCDEF";
    char *done = out_take(out, text.size * 3);
    if (done == NULL)
        return false;
    for (size_t place = 0; place < text.size; place++) {
        unsigned char character = (unsigned char)text.text[place], lower = character | 0x20;
        if ((character >= '0' && character <= '9') || (lower >= 'a' && lower <= 'z' && character < 0x80)
            || (character != 0 && strchr("_.-~", character) != NULL)) {
            *done++ = (char)character;
        } else if (character == ' ') {
            *done++ = '+';
        } else {
            *done++ = '%';
            *done++ = digits[character >> 4];
            *done++ = digits[character & 15];
        }
    }
    out->size = (size_t)(done - out->bytes);
    return true;
}

/* What stays of a value, as text: 1 if something does, 0 if nothing, -1 if the thorough way must look. */
static int value_left(Leaving *leaving, const Entry *entry, uint32_t number, Span *left) {
    const Place *place = &leaving->tape->places[number];
    *left = span_of(leaving->tape, place);
    if (entry->action == KEEP)
        return has_secret(leaving, *left) ? -1 : 1;
    if (entry->action != CUT && entry->action != DOCUMENT)
        return entry->action == DROP || entry->action == INNER ? 0 : -1;
    Out *out = leaving->out;
    leaving->out = leaving->value;
    leaving->value->size = 0;
    int found = entry->action == CUT ? add_cut(leaving, place)
                                     : leave_document(leaving, &leaving->documents->documents[entry->slot], number);
    leaving->out = out;
    if (found == 1) /* without its quotes */
        *left = (Span){leaving->value->bytes + 1, leaving->value->size - 2};
    return found;
}

static int leave_pair(Leaving *leaving, Object *object, uint32_t name, bool is_more) {
    Span text = span_of(leaving->tape, &leaving->tape->places[name]), left;
    const Entry *entry = node_find(object->node, text.text, (uint32_t)text.size);
    if (entry == NULL)
        return is_again(leaving, object, text) || !refuse(leaving, STRANGE, object->node, text) ? -1 : 0;
    if (!is_first(object, entry))
        return -1;
    if (entry->slot >= 0 && entry->action != DOCUMENT)
        leaving->slots[entry->slot] = name + 2;
    int found = value_left(leaving, entry, name + 1, &left);
    bool is_told = found == 0 || (found == 1 && entry->action == CUT);
    if (found < 0 || (is_told && entry->label >= 0 && !refuse(leaving, entry->label, object->node, text)))
        return -1;
    if (found == 0)
        return 0;
    Out *out = leaving->out;
    return (!is_more || out_add(out, "&", 1)) && add_quoted(out, text) && out_add(out, "=", 1) && add_quoted(out, left)
               ? 1
               : -1;
}

bool begin_query(Leaving *leaving) {
    leaving->tape = leaving->pairs;
    return tape_begin(leaving->pairs, leaving->arena->bytes);
}

int32_t leave_pairs(Leaving *leaving, Object *object, Span query) {
    uint32_t name = leaving->pairs->size;
    if (!read_pairs(leaving, query))
        return -1;
    int32_t kept = 0;
    for (; name < leaving->pairs->size; name += 2) {
        int found = leave_pair(leaving, object, name, kept > 0);
        if (found < 0)
            return -1;
        kept += found;
    }
    return kept;
}

int32_t leave_query(Leaving *leaving, const Node *node, Span query) {
    Object object = {.node = node, .since = leaving->refused_size, .remembers = true};
    return begin_query(leaving) ? leave_pairs(leaving, &object, query) : -1;
}
