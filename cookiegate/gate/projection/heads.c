/* A request's headers, its cookies and the addresses in them, as cookiegate/gate/headers.py leaves them. */

#include "projection.h"

/* A header's name in lower case; of no text if it is odd. */
static Span lowered(Arena *arena, Span name) {
    char *text = arena_take(arena, name.size);
    for (size_t place = 0; text != NULL && place < name.size; place++) {
        char character = name.text[place];
        if ((unsigned char)character >= 0x80)
            return (Span){NULL, 0};
        text[place] = character >= 'A' && character <= 'Z' ? character | 0x20 : character;
    }
    return (Span){text, name.size};
}

static bool is_space(char character) { return character == ' ' || (character >= '\t' && character <= '\r'); }

static Span trimmed(Span text) {
    while (text.size > 0 && is_space(text.text[0]))
        text = (Span){text.text + 1, text.size - 1};
    while (text.size > 0 && is_space(text.text[text.size - 1]))
        text.size--;
    return text;
}

/* The next cookie of a header; false if there is none. Source: RFC 6265 section 4.2. */
static bool next_cookie(Span *header, Span *name, Span *value) {
    while (header->size > 0) {
        const char *end = memchr(header->text, ';', header->size);
        size_t size = end == NULL ? header->size : (size_t)(end - header->text);
        Span pair = trimmed((Span){header->text, size});
        header->text += size + (end != NULL);
        header->size -= size + (end != NULL);
        const char *equals = memchr(pair.text, '=', pair.size);
        if (equals == NULL)
            continue;
        *name = (Span){pair.text, (size_t)(equals - pair.text)};
        *value = (Span){equals + 1, pair.size - name->size - 1};
        return true;
    }
    return false;
}

/* Whether a text is of ASCII, without control characters and quotes, which may be around a value. */
static bool is_usual(Span text) {
    for (size_t place = 0; place < text.size; place++)
        if (text.text[place] < ' ' || text.text[place] > '~' || text.text[place] == '"')
            return false;
    return true;
}

/* Finds the token among the cookies; false if they say that the visitor refused, which only the thorough way counts. */
static bool read_cookies(Head *head, Span header) {
    Span name, value;
    while (next_cookie(&header, &name, &value)) {
        if (is_text(name, "cg_choice") && value.size >= 7 && memcmp(value.text, "refused", 7) == 0)
            return false;
        if (is_text(name, "cg_token") && head->cookie_token.text == NULL)
            head->cookie_token = value;
    }
    return true;
}

/* What the gate itself needs of a header; false if the thorough way must look. */
static bool read_own(Head *head, Span name, Span value, bool escaped, bool is_open) {
    if (is_text(name, "x-consent-token")) {
        head->token = trimmed(value);
        return !escaped && is_plain_text(head->token);
    }
    if (is_text(name, "content-encoding"))
        return value.size == 0 || is_open;
    return !is_text(name, "cookie") || (!escaped && is_usual(value) && read_cookies(head, value));
}

bool head_add(Head *head, Span name, Span value, bool escaped, bool is_open, Arena *arena) {
    Span lower = lowered(arena, name);
    if (lower.text == NULL || head->count == HEADERS_LIMIT || !read_own(head, lower, value, escaped, is_open))
        return false;
    head->headers[head->count].name = lower;
    head->headers[head->count].value = value;
    head->headers[head->count++].escaped = escaped;
    return true;
}

/* The number of one part of an IPv4 address, and what is behind it; NULL if it is none. */
static const char *octet_end(const char *at, const char *end) {
    int value = 0;
    const char *start = at;
    while (at < end && at - start < 3 && *at >= '0' && *at <= '9')
        value = value * 10 + (*at++ - '0');
    return at == start || value > 255 || (*start == '0' && at - start > 1) ? NULL : at;
}

/* Where the last part of an IPv4 address begins; NULL if the text is none. */
static const char *last_octet(Span text) {
    const char *at = text.text, *end = at + text.size, *last = at;
    for (int number = 0; number < 4; number++) {
        last = at;
        at = octet_end(at, end);
        if (at == NULL || (number < 3 && (at == end || *at++ != '.')))
            return NULL;
    }
    return at == end ? last : NULL;
}

/* The same of whatever is not one IPv4 address. */
static int ask_address(Leaving *leaving, const Rules *rules, Span name, Span text, bool *same) {
    PyObject *left = PyObject_CallFunction(rules->read_address, "s#s#", name.text, (Py_ssize_t)name.size, text.text,
                                           (Py_ssize_t)text.size);
    Py_ssize_t size = 0;
    const char *bytes = left == NULL || left == Py_None ? NULL : PyUnicode_AsUTF8AndSize(left, &size);
    int found = left == NULL ? -1 : left == Py_None ? 0 : bytes == NULL ? -1 : 1;
    *same = found == 1 && (size_t)size == text.size && memcmp(bytes, text.text, text.size) == 0;
    /* A quote would have to be escaped in a line. */
    if (found == 1 && (memchr(bytes, '"', (size_t)size) != NULL || !out_add(leaving->out, bytes, (size_t)size)))
        found = -1;
    Py_XDECREF(left);
    return found;
}

int add_address(Leaving *leaving, const Rules *rules, const Entry *entry, Span name, Span text, bool *same) {
    const char *last = is_text(name, "forwarded") ? NULL : last_octet(text); /* that one has names and values */
    *same = false;
    if (entry->action == DROP)
        return 0;
    if (last == NULL)
        return ask_address(leaving, rules, name, text, same);
    *same = entry->action == ADDRESS;
    if (*same)
        return out_add(leaving->out, text.text, text.size) ? 1 : -1;
    return out_add(leaving->out, text.text, (size_t)(last - text.text)) && out_add(leaving->out, "0", 1) ? 1 : -1;
}

/* Writes the cookies that stay: how many, -1 if the thorough way must look. */
static int leave_cookies(Leaving *leaving, const Node *node, Span header) {
    Object object = {.node = node, .since = leaving->refused_size};
    Span name, value;
    int kept = 0;
    while (next_cookie(&header, &name, &value)) {
        const Entry *entry = node_find(node, name.text, (uint32_t)name.size);
        if (entry == NULL) {
            if (is_again(leaving, &object, name) || !refuse(leaving, STRANGE, node, name))
                return -1;
            continue;
        }
        bool is_kept = entry->action == KEEP;
        if (!is_first(&object, entry) || (is_kept && has_secret(leaving, value))
            || (!is_kept && entry->label >= 0 && !refuse(leaving, entry->label, node, name)))
            return -1;
        if (!is_kept)
            continue;
        if ((kept++ > 0 && !out_add(leaving->out, "; ", 2)) || !out_add(leaving->out, name.text, name.size)
            || !out_add(leaving->out, "=", 1) || !out_add(leaving->out, value.text, value.size))
            return -1;
    }
    return kept;
}

/* Writes what stays of a header's value: 1 if something does, 0 if nothing, -1 if the thorough way must look. */
static int leave_value(Leaving *leaving, const Rules *rules, const Entry *entry, Span name, Span value, bool escaped) {
    bool same = true;
    int found;
    switch (entry->action) {
    case KEEP:
        return !has_secret(leaving, value) && out_add(leaving->out, value.text, value.size) ? 1 : -1;
    case COOKIES:
        found = leave_cookies(leaving, entry->inner, value);
        return found > 0 ? 1 : found;
    case WRITTEN:
        if (rules->content_type == NULL)
            return 0;
        return out_add(leaving->out, rules->content_type, strlen(rules->content_type)) ? 1 : -1;
    case ADDRESS:
    case CUT:
        found = escaped ? -1 : add_address(leaving, rules, entry, name, value, &same);
        break;
    case DROP:
        found = 0;
        same = false;
        break;
    default:
        return -1;
    }
    return !same && entry->label >= 0 && !refuse(leaving, entry->label, rules->headers, name) ? -1 : found;
}

bool leave_headers(Leaving *leaving, const Rules *rules, Head *head) {
    Object object = {.node = rules->headers, .since = leaving->refused_size};
    for (uint32_t number = 0; number < head->count; number++) {
        Span name = head->headers[number].name;
        const Entry *entry = node_find(object.node, name.text, (uint32_t)name.size);
        head->headers[number].is_left = false;
        if (entry == NULL) {
            if (is_again(leaving, &object, name) || !refuse(leaving, STRANGE, object.node, name))
                return false;
            continue;
        }
        head->headers[number].start = leaving->out->size;
        int found = is_first(&object, entry) ? leave_value(leaving, rules, entry, name, head->headers[number].value,
                                                           head->headers[number].escaped)
                                             : -1;
        if (found < 0)
            return false;
        head->headers[number].is_left = found == 1;
        head->headers[number].end = leaving->out->size;
    }
    return true;
}
