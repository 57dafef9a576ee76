/* JSON text to a tape of places. Source: RFC 8259; UTF-8 by table 3-7 of the Unicode standard. */

#include "projection.h"

#define DEEPEST 64
#define LONGEST_INTEGER 18 /* digits that every signed 64-bit integer holds */
#define LONGEST_NUMBER 40  /* characters; with an exponent of two digits no double is passed */

typedef const unsigned char *At;

typedef struct {
    Tape *tape;
    At start, end;
} Scanner;

#if defined(__SSE2__)
#include <emmintrin.h>
#define STEP 16

/* How many of the next sixteen bytes are plain: no quote, no backslash, no control character, and of ASCII. */
static int plain_bytes(At at) {
    __m128i sixteen = _mm_loadu_si128((const __m128i *)at);
    __m128i marks = _mm_cmplt_epi8(sixteen, _mm_set1_epi8(0x20)); /* signed: what is past ASCII is below, too */
    marks = _mm_or_si128(marks, _mm_cmpeq_epi8(sixteen, _mm_set1_epi8('"')));
    marks = _mm_or_si128(marks, _mm_cmpeq_epi8(sixteen, _mm_set1_epi8('\\')));
    int mask = _mm_movemask_epi8(marks);
    return mask == 0 ? STEP : __builtin_ctz((unsigned)mask);
}
#elif defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define STEP 8

static int plain_bytes(At at) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t eight;
    memcpy(&eight, at, 8);
    uint64_t quote = eight ^ (ones * '"'), backslash = eight ^ (ones * '\\');
    /* A borrow can mark a byte past the first that is marked rightly, never one before. */
    uint64_t marks =
        ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((eight - ones * 0x20) & ~eight) | eight;
    marks &= tops;
    return marks == 0 ? 8 : __builtin_ctzll(marks) / 8;
}
#else
#define STEP 1

static int plain_bytes(At at) { return *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\'; }
#endif

static bool is_follower(unsigned char byte, unsigned char least, unsigned char most) {
    return byte >= least && byte <= most;
}

/* The end of the character that begins at a byte past ASCII; NULL if it is bad. */
static At character_end(At at) {
    unsigned char first = at[0];
    if (first >= 0xC2 && first <= 0xDF)
        return is_follower(at[1], 0x80, 0xBF) ? at + 2 : NULL;
    if (first >= 0xE0 && first <= 0xEF) {
        unsigned char least = first == 0xE0 ? 0xA0 : 0x80, most = first == 0xED ? 0x9F : 0xBF;
        return is_follower(at[1], least, most) && is_follower(at[2], 0x80, 0xBF) ? at + 3 : NULL;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        unsigned char least = first == 0xF0 ? 0x90 : 0x80, most = first == 0xF4 ? 0x8F : 0xBF;
        bool good = is_follower(at[1], least, most) && is_follower(at[2], 0x80, 0xBF);
        return good && is_follower(at[3], 0x80, 0xBF) ? at + 4 : NULL;
    }
    return NULL;
}

int32_t hexadecimal(const char *at) {
    int32_t value = 0;
    for (int number = 0; number < 4; number++) {
        unsigned char digit = (unsigned char)at[number], lower = digit | 0x20;
        if (digit >= '0' && digit <= '9')
            value = value * 16 + (digit - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return value;
}

bool is_of_tokens(int32_t code) {
    return (code >= '0' && code <= '9') || ((code | 0x20) >= 'a' && (code | 0x20) <= 'z' && code < 0x80) || code == '-'
           || code == '.' || code == '_';
}

/* The end of an escape that begins at a backslash; NULL if it is bad or odd. */
static At escape_end(At at) {
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        break;
    default:
        return NULL;
    }
    int32_t code = hexadecimal((const char *)at + 2);
    /* A text that spells a token with escapes may hide it. */
    if (code < 0 || is_of_tokens(code) || (code >= 0xDC00 && code <= 0xDFFF))
        return NULL;
    if (code < 0xD800 || code > 0xDBFF)
        return at + 6;
    if (at[6] != '\\' || at[7] != 'u')
        return NULL;
    int32_t low = hexadecimal((const char *)at + 8);
    return low >= 0xDC00 && low <= 0xDFFF ? at + 12 : NULL;
}

/* The closing quote of a text whose opening one is before; NULL if it is bad. */
static At text_end(const Scanner *scanner, At at, bool *escaped) {
    while (at != NULL) {
        for (int plain = STEP; plain == STEP && scanner->end - at >= STEP; at += plain)
            plain = plain_bytes(at);
        if (*at == '"')
            return at;
        if (*at == '\\') {
            *escaped = true;
            at = escape_end(at);
        } else if (*at >= 0x80) {
            at = character_end(at);
        } else if (*at < 0x20) { /* the zero at the end, too */
            return NULL;
        } else {
            at++;
        }
    }
    return NULL;
}

static At skip_digits(At at) {
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The end of a number; NULL for one that is bad, or that not every reader holds. */
static At number_end(At at, bool *whole) {
    At start = at, digits = at += *at == '-';
    at = skip_digits(at);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    *whole = *at != '.' && (*at | 0x20) != 'e';
    if (*whole)
        return at - digits <= LONGEST_INTEGER ? at : NULL;
    if (*at == '.') {
        At fraction = at + 1;
        at = skip_digits(fraction);
        if (at == fraction)
            return NULL;
    }
    if ((*at | 0x20) == 'e') {
        at++;
        At exponent = at += *at == '+' || *at == '-';
        at = skip_digits(exponent);
        if (at == exponent || at - exponent > 2)
            return NULL;
    }
    return at - start <= LONGEST_NUMBER ? at : NULL;
}

static At skip_space(At at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

static bool grow(Tape *tape) {
    uint32_t room = tape->room ? tape->room * 2 : 256;
    Place *places = PyMem_Realloc(tape->places, room * sizeof(Place));
    if (places == NULL) {
        tape_free(tape);
        return false;
    }
    tape->places = places;
    tape->room = room;
    return true;
}

/* A new place; its number, or UINT32_MAX without memory. */
static uint32_t add(Scanner *scanner, Kind kind, At start, At end) {
    Tape *tape = scanner->tape;
    if (tape->size == tape->room && !grow(tape))
        return UINT32_MAX;
    uint32_t number = tape->size++;
    tape->places[number] = (Place){
        .start = (uint32_t)(start - scanner->start),
        .end = (uint32_t)(end - scanner->start),
        .next = number + 1,
        .kind = (uint8_t)kind,
    };
    return number;
}

static At scan_value(Scanner *scanner, At at, int depth);

/* Scans a text with its quotes. */
static At scan_text(Scanner *scanner, At at) {
    bool escaped = false;
    At end = text_end(scanner, at + 1, &escaped);
    uint32_t number = end == NULL ? UINT32_MAX : add(scanner, TEXT, at + 1, end);
    if (number == UINT32_MAX)
        return NULL;
    scanner->tape->places[number].escaped = escaped;
    return end + 1;
}

static At scan_member(Scanner *scanner, At at, int depth) {
    if (*at != '"' || (at = scan_text(scanner, at)) == NULL)
        return NULL;
    at = skip_space(at);
    return *at == ':' ? scan_value(scanner, skip_space(at + 1), depth) : NULL;
}

/* Scans an object or a list. */
static At scan_container(Scanner *scanner, At at, int depth) {
    bool is_object = *at == '{', plain = true;
    unsigned char closing = is_object ? '}' : ']';
    uint32_t number = add(scanner, is_object ? OBJECT : LIST, at, at), count = 0;
    if (number == UINT32_MAX || depth == DEEPEST)
        return NULL;
    at = skip_space(at + 1);
    for (bool more = *at != closing; more; count++) {
        uint32_t item = scanner->tape->size;
        at = is_object ? scan_member(scanner, at, depth + 1) : scan_value(scanner, at, depth + 1);
        if (at == NULL)
            return NULL;
        plain = plain && scanner->tape->places[item].kind > LIST;
        at = skip_space(at);
        more = *at == ',';
        if (more)
            at = skip_space(at + 1);
    }
    if (*at != closing)
        return NULL;
    Place *place = &scanner->tape->places[number];
    place->end = (uint32_t)(at + 1 - scanner->start);
    place->next = scanner->tape->size;
    place->count = count;
    place->plain = plain;
    return at + 1;
}

static At scan_word(Scanner *scanner, At at, const char *word, Kind kind) {
    size_t length = strlen(word);
    return strncmp((const char *)at, word, length) == 0 && add(scanner, kind, at, at + length) != UINT32_MAX
               ? at + length
               : NULL;
}

static At scan_number(Scanner *scanner, At at) {
    bool whole = false;
    At end = number_end(at, &whole);
    uint32_t number = end == NULL ? UINT32_MAX : add(scanner, NUMBER, at, end);
    if (number == UINT32_MAX)
        return NULL;
    scanner->tape->places[number].whole = whole;
    return end;
}

static At scan_value(Scanner *scanner, At at, int depth) {
    switch (*at) {
    case '{':
    case '[':
        return scan_container(scanner, at, depth);
    case '"':
        return scan_text(scanner, at);
    case 't':
        return scan_word(scanner, at, "true", BOOLEAN);
    case 'f':
        return scan_word(scanner, at, "false", BOOLEAN);
    case 'n':
        return scan_word(scanner, at, "null", NOTHING);
    default:
        return scan_number(scanner, at);
    }
}

bool tape_read(Tape *tape, const char *text, size_t length) {
    tape->text = text;
    tape->size = 0;
    if (length >= UINT32_MAX / 2 || (tape->places == NULL && !grow(tape)))
        return false;
    Scanner scanner = {tape, (At)text, (At)text + length};
    At at = scan_value(&scanner, skip_space(scanner.start), 0);
    return at != NULL && skip_space(at) == scanner.end;
}

bool tape_begin(Tape *tape, const char *text) {
    tape->text = text;
    tape->size = 0;
    if (tape->room == 0 && !grow(tape))
        return false;
    tape->places[tape->size++] = (Place){.kind = OBJECT};
    return true;
}

bool tape_add_text(Tape *tape, uint32_t start, uint32_t size) {
    if (tape->size == tape->room && !grow(tape))
        return false;
    tape->places[tape->size] = (Place){.start = start, .end = start + size, .next = tape->size + 1, .kind = TEXT};
    tape->size++;
    return true;
}

bool is_utf8(Span text) {
    At at = (At)text.text, end = at + text.size;
    while (at != NULL && at < end)
        at = *at < 0x80 ? at + 1 : character_end(at);
    return at == end;
}

void tape_free(Tape *tape) {
    PyMem_Free(tape->places);
    tape->places = NULL;
    tape->size = tape->room = 0;
}
