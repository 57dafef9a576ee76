/* Self-describing JSON documents inside a field. Source: Iglu's self-describing JSON, as Snowplow's tracker protocol
 * carries it and cookiegate/gate/documents.py reads and writes it. */

#include "projection.h"

char *arena_take(Arena *arena, size_t size) {
    if (arena->room - arena->size <= size)
        return NULL;
    char *taken = arena->bytes + arena->size;
    arena->size += size + 1;
    taken[size] = 0;
    return taken;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static int8_t values[256]; /* of each character as a digit; -1 if it is none */
static bool is_of_names[256], is_of_vendors[256];

void documents_prepare(void) {
    memset(values, -1, sizeof values);
    for (int value = 0; value < 64; value++) {
        unsigned char digit = (unsigned char)digits[value];
        values[digit] = (int8_t)value;
        is_of_names[digit] = is_of_vendors[digit] = true;
    }
    is_of_vendors['.'] = true;
}

/* Up to four digits as one number of 24 bits; negative if one of them is none. */
static int32_t four(const char *text, size_t count) {
    int32_t number = 0, bad = 0;
    for (size_t place = 0; place < 4; place++) {
        int8_t value = place < count ? values[(unsigned char)text[place]] : 0;
        bad |= value;
        number = number << 6 | (value & 63);
    }
    return bad < 0 ? -1 : number;
}

Span read_base64(Arena *arena, Span text) {
    static const Span odd = {NULL, 0};
    while (text.size > 0 && text.text[text.size - 1] == '=')
        text.size--;
    size_t size = text.size * 3 / 4, done = 0;
    char *bytes = text.size % 4 == 1 ? NULL : arena_take(arena, size);
    if (bytes == NULL)
        return odd;
    for (size_t place = 0; place < text.size; place += 4) {
        int32_t number = four(text.text + place, text.size - place);
        if (number < 0)
            return odd;
        for (int shift = 16; shift >= 0; shift -= 8) {
            if (done < size)
                bytes[done++] = (char)(number >> shift);
            else if ((number >> shift & 255) != 0)
                return odd; /* bits after the last byte */
        }
    }
    return (Span){bytes, size};
}

static bool add_base64(Out *out, Span bytes) {
    size_t size = (bytes.size * 4 + 2) / 3, done = 0;
    char *text = out_take(out, size);
    if (text == NULL)
        return false;
    for (size_t place = 0; place < bytes.size; place += 3) {
        uint32_t number = 0;
        for (size_t more = 0; more < 3; more++)
            number = number << 8 | (place + more < bytes.size ? (unsigned char)bytes.text[place + more] : 0);
        for (int shift = 18; shift >= 0 && done < size; shift -= 6)
            text[done++] = digits[number >> shift & 63];
    }
    return true;
}

static char *add_utf8(char *done, uint32_t code) {
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t firsts[] = {0, 0xC0, 0xE0, 0xF0};
    *done++ = (char)(firsts[more] | code >> 6 * more);
    while (more-- > 0)
        *done++ = (char)(0x80 | (code >> 6 * more & 63));
    return done;
}

/* Reads an escape that the scanner found good; the place behind it. */
static const char *read_escape(const char *at, char **done) {
    static const char escapes[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    if (at[1] != 'u') {
        *(*done)++ = plain[(const char *)memchr(escapes, at[1], sizeof escapes - 1) - escapes];
        return at + 2;
    }
    uint32_t code = (uint32_t)hexadecimal(at + 2);
    bool is_pair = code >= 0xD800 && code <= 0xDBFF;
    if (is_pair)
        code = 0x10000 + ((code & 0x3FF) << 10) + ((uint32_t)hexadecimal(at + 8) & 0x3FF);
    *done = add_utf8(*done, code);
    return at + (is_pair ? 12 : 6);
}

Span read_escaped(Arena *arena, Span text) {
    const char *at = text.text, *end = at + text.size;
    char *bytes = arena_take(arena, text.size), *done = bytes;
    while (bytes != NULL && at < end)
        if (*at == '\\')
            at = read_escape(at, &done);
        else
            *done++ = *at++;
    if (bytes != NULL)
        *done = 0;
    return (Span){bytes, bytes == NULL ? 0 : (size_t)(done - bytes)};
}

static Span copied(Arena *arena, Span text) {
    char *bytes = arena_take(arena, text.size);
    return bytes == NULL ? (Span){NULL, 0} : (Span){memcpy(bytes, text.text, text.size), text.size};
}

bool add_escaped(Out *out, Span text) {
    char *done = out_take(out, text.size * 2);
    if (done == NULL)
        return false;
    for (const char *at = text.text, *end = at + text.size; at < end; at++) {
        char character = *at;
        if (character == '"' || character == '\\') {
            *done++ = '\\';
        } else if ((unsigned char)character < 0x20) { /* between lines: JSON has none inside its texts */
            if (character != '\n' && character != '\r')
                return false;
            *done++ = '\\';
            character = character == '\n' ? 'n' : 'r';
        }
        *done++ = character;
    }
    out->size = (size_t)(done - out->bytes);
    return true;
}

/* The value of a member that an object has once, all of whose names are plain; 0 otherwise. */
static uint32_t sole_member(const Tape *tape, uint32_t object, const char *name) {
    const Place *places = tape->places;
    uint32_t at = object + 1, found = 0;
    for (uint32_t left = places[object].count; left > 0; left--, at = places[at + 1].next) {
        if (places[at].escaped)
            return 0;
        if (is_text(span_of(tape, &places[at]), name)) {
            if (found != 0)
                return 0;
            found = at + 1;
        }
    }
    return found;
}

/* The end of a part of 1 to 128 of these characters; NULL if it is none. */
static const char *part_end(const char *at, const char *end, const bool *characters) {
    const char *start = at;
    while (at < end && characters[(unsigned char)*at])
        at++;
    return at > start && at - start <= 128 ? at : NULL;
}

static const char *number_end(const char *at, const char *end, bool may_be_zero) {
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start && at - start <= 2 && (may_be_zero || *start != '0') ? at : NULL;
}

/* Reads iglu:VENDOR/NAME/jsonschema/MODEL-REVISION-ADDITION: what a known schema goes by, and its name. */
static bool read_schema(Span schema, Span *known, Span *name) {
    static const char start[] = "iglu:", middle[] = "/jsonschema/";
    const char *at = schema.text, *end = at + schema.size;
    if (schema.size < sizeof start || memcmp(at, start, sizeof start - 1) != 0)
        return false;
    known->text = at += sizeof start - 1;
    at = part_end(at, end, is_of_vendors);
    if (at == NULL || at == end || *at != '/')
        return false;
    name->text = ++at;
    at = part_end(at, end, is_of_names);
    if (at == NULL || (size_t)(end - at) < sizeof middle || memcmp(at, middle, sizeof middle - 1) != 0)
        return false;
    name->size = (size_t)(at - name->text);
    at = number_end(at + sizeof middle - 1, end, false);
    if (at == NULL)
        return false;
    known->size = (size_t)(at - known->text);
    for (int number = 0; number < 2; number++)
        if (at == end || *at != '-' || (at = number_end(at + 1, end, true)) == NULL)
            return false;
    return at == end;
}

static bool is_token_schema(const Leaving *leaving, Span schema) {
    return leaving->documents->token_schema != NULL && is_text(schema, leaving->documents->token_schema);
}

/* Whether what a schema is called is what the token's is: that is not counted. */
static bool is_silent(const Leaving *leaving, Span name) {
    Span own = {leaving->documents->token_schema, 0}, known, silent;
    if (own.text == NULL)
        return false;
    own.size = strlen(own.text);
    return read_schema(own, &known, &silent) && silent.size == name.size && !memcmp(silent.text, name.text, name.size);
}

/* Counts a schema that nobody mapped. */
static int pass_over(Leaving *leaving, bool is_schema, Span name) {
    static const Span none = {"schema", 6};
    if (is_schema && is_silent(leaving, name))
        return 0;
    return refuse(leaving, STRANGE_SCHEMA, NULL, is_schema ? name : none) ? 0 : -1;
}

static bool take_token(Leaving *leaving, uint32_t data) {
    uint32_t token = sole_member(leaving->tape, data, "token");
    const Place *place = &leaving->tape->places[token];
    if (token == 0 || place->kind != TEXT || place->escaped || place->start == place->end
        || leaving->document_token.text != NULL)
        return false;
    leaving->document_token = span_of(leaving->tape, place);
    return true;
}

/* Writes `{"schema":…,"data":{…}}`: 1 and how many members stay, 0 if nobody mapped the schema, -1 if it is odd. */
static int leave_described(Leaving *leaving, uint32_t item, int32_t *kept) {
    const Place *places = leaving->tape->places;
    Span known, name = {NULL, 0};
    uint32_t schema = places[item].kind == OBJECT ? sole_member(leaving->tape, item, "schema") : 0;
    uint32_t data = schema == 0 ? 0 : sole_member(leaving->tape, item, "data");
    if (data == 0 || places[schema].kind != TEXT || places[schema].escaped || places[data].kind != OBJECT)
        return -1;
    Span text = span_of(leaving->tape, &places[schema]);
    bool is_token = is_token_schema(leaving, text);
    if (is_token && !take_token(leaving, data))
        return -1;
    bool is_schema = read_schema(text, &known, &name);
    const Entry *entry = is_schema ? node_find(leaving->documents->schemas, known.text, (uint32_t)known.size) : NULL;
    if (entry == NULL)
        return is_token ? 0 : pass_over(leaving, is_schema, name);
    Out *out = leaving->out;
    if (!out_add(out, "{\"schema\":\"", 11) || !out_add(out, text.text, text.size) || !out_add(out, "\",\"data\":", 9))
        return -1;
    *kept = leave_object(leaving, entry->inner, data, false);
    return *kept < 0 || !out_add(out, "}", 1) ? -1 : 1;
}

/* Writes what is left of a list of documents: how many. */
static int32_t leave_contexts(Leaving *leaving, uint32_t list) {
    const Place *places = leaving->tape->places;
    if (places[list].kind != LIST)
        return -1;
    uint32_t item = list + 1;
    int32_t documents = 0;
    for (uint32_t left = places[list].count; left > 0; left--, item = places[item].next) {
        size_t before = leaving->out->size;
        int32_t kept = 0;
        if (documents > 0 && !out_add(leaving->out, ",", 1))
            return -1;
        int found = leave_described(leaving, item, &kept);
        if (found < 0)
            return -1;
        if (found == 0 || kept == 0)
            leaving->out->size = before;
        documents += found == 1 && kept > 0;
    }
    return documents;
}

/* Writes the JSON that is left of a document: 1 if something is, 0 if nothing, -1 if the thorough way must look. */
static int leave_wrapped(Leaving *leaving, const Document *document) {
    Out *out = leaving->out;
    uint32_t data = leaving->tape->places[0].kind == OBJECT ? sole_member(leaving->tape, 0, "data") : 0;
    if (data == 0 || !out_add(out, "{\"schema\":\"", 11) || !out_add(out, document->wrapper, strlen(document->wrapper))
        || !out_add(out, "\",\"data\":", 9))
        return -1;
    int32_t kept = 0;
    if (document->is_event)
        return leave_described(leaving, data, &kept) == 1 && out_add(out, "}", 1) ? 1 : -1;
    if (!out_add(out, "[", 1) || (kept = leave_contexts(leaving, data)) < 0)
        return -1;
    return kept == 0 ? 0 : out_add(out, "]}", 2) ? 1 : -1;
}

int leave_document(Leaving *leaving, const Document *document, uint32_t number) {
    const Tape *tape = leaving->tape;
    Out *out = leaving->out;
    const Place *place = &tape->places[number];
    if (place->kind != TEXT || (document->is_base64 && place->escaped))
        return -1;
    leaving->event_documents += document->is_event;
    Span text = span_of(tape, place);
    bool is_raw = tape == leaving->pairs; /* a query's text has no escapes */
    Span json = document->is_base64 ? read_base64(leaving->arena, text)
                : is_raw            ? copied(leaving->arena, text)
                                    : read_escaped(leaving->arena, text);
    if (json.text == NULL || !tape_read(leaving->inner, json.text, json.size))
        return -1;
    leaving->tape = leaving->inner;
    leaving->out = leaving->scratch;
    leaving->scratch->size = 0;
    int found = leave_wrapped(leaving, document);
    Span left = {leaving->scratch->bytes, leaving->scratch->size};
    leaving->tape = tape;
    leaving->out = out;
    if (found != 1)
        return found;
    bool done = out_add(out, "\"", 1)
                && (document->is_base64 ? add_base64(out, left)
                    : is_raw            ? out_add(out, left.text, left.size)
                                        : add_escaped(out, left));
    return done && out_add(out, "\"", 1) ? 1 : -1;
}
