/* OpenTelemetry's attribute lists and typed values. Source: OTLP 1.x, common.proto (KeyValue, AnyValue) in its JSON
 * form, as cookiegate/gate/attributes.py reads and writes them. */

#include "projection.h"

static bool is_named(const Tape *tape, uint32_t place, const char *name) {
    return is_text(span_of(tape, &tape->places[place]), name);
}

/* The number in a text, as it is written again; empty if it is odd. */
static Span integer_of(Span text) {
    static const Span odd = {NULL, 0};
    size_t sign = text.size > 0 && text.text[0] == '-', digits = text.size - sign;
    if (digits < 1 || digits > 18 || (text.text[sign] == '0' && text.size > 1))
        return odd;
    for (size_t number = sign; number < text.size; number++)
        if (text.text[number] < '0' || text.text[number] > '9')
            return odd;
    return text;
}

/* Writes an object of one member, `stringValue` and its kin; false if it is odd. */
static bool add_typed_scalar(Leaving *leaving, uint32_t number) {
    const Tape *tape = leaving->tape;
    const Place *object = &tape->places[number];
    Out *out = leaving->out;
    if (object->kind != OBJECT || object->count != 1)
        return false;
    const Place *value = object + 2;
    Span name = span_of(tape, object + 1), text = span_of(tape, value);
    bool fits = (is_named(tape, number + 1, "stringValue") && value->kind == TEXT)
                || (is_named(tape, number + 1, "boolValue") && value->kind == BOOLEAN)
                || (is_named(tape, number + 1, "doubleValue") && value->kind == NUMBER);
    bool is_integer =
        is_named(tape, number + 1, "intValue") && (value->kind == TEXT || (value->kind == NUMBER && value->whole));
    if (is_integer)
        text = integer_of(text);
    if ((!fits && !is_integer) || text.text == NULL)
        return false;
    return out_add(out, "{\"", 2) && out_add(out, name.text, name.size) && out_add(out, "\":", 2)
           && (is_integer ? out_add(out, text.text, text.size) : add_scalar(leaving, value)) && out_add(out, "}", 1);
}

static bool add_typed_list(Leaving *leaving, uint32_t list) {
    static const char start[] = "{\"arrayValue\":{\"values\":[";
    const Place *places = leaving->tape->places;
    if (!out_add(leaving->out, start, sizeof start - 1))
        return false;
    uint32_t item = list + 1;
    for (uint32_t left = places[list].count; left > 0; left--, item = places[item].next)
        if ((item != list + 1 && !out_add(leaving->out, ",", 1)) || !add_typed_scalar(leaving, item))
            return false;
    return out_add(leaving->out, "]}}", 3);
}

int add_typed(Leaving *leaving, uint32_t number) {
    const Place *places = leaving->tape->places;
    bool is_list = places[number].kind == OBJECT && places[number].count == 1 && places[number + 2].kind == OBJECT
                   && is_named(leaving->tape, number + 1, "arrayValue");
    if (!is_list)
        return add_typed_scalar(leaving, number) ? 1 : -1;
    /* {"values": [...]} and nothing else */
    uint32_t inner = number + 2;
    if (places[inner].count != 1 || !is_named(leaving->tape, inner + 1, "values") || places[inner + 2].kind != LIST)
        return -1;
    return add_typed_list(leaving, inner + 2) ? 1 : -1;
}

/* Key and value of an attribute that has both and nothing else; false otherwise. */
static bool read_attribute(const Tape *tape, uint32_t number, uint32_t *key, uint32_t *value) {
    const Place *places = tape->places;
    if (places[number].kind != OBJECT || places[number].count != 2)
        return false;
    uint32_t first = number + 1, second = places[first + 1].next;
    bool is_key_first = is_named(tape, first, "key");
    if (!is_named(tape, is_key_first ? second : first, "value")
        || !is_named(tape, is_key_first ? first : second, "key"))
        return false;
    *key = (is_key_first ? first : second) + 1;
    *value = (is_key_first ? second : first) + 1;
    return places[*key].kind == TEXT && !places[*key].escaped;
}

/* The text of a typed value, for what is remembered; 0 if it is none. */
static uint32_t text_in(const Tape *tape, uint32_t number) {
    const Place *object = &tape->places[number];
    bool is_text = object->kind == OBJECT && object->count == 1 && object[2].kind == TEXT;
    return is_text && is_named(tape, number + 1, "stringValue") ? number + 2 : 0;
}

/* As add_cut does it, for a typed value. */
static int add_cut_text(Leaving *leaving, uint32_t number) {
    uint32_t text = text_in(leaving->tape, number);
    if (text == 0 || !out_add(leaving->out, "{\"stringValue\":", 15))
        return -1;
    int found = add_cut(leaving, &leaving->tape->places[text]);
    return found == 1 && !out_add(leaving->out, "}", 1) ? -1 : found;
}

/* Writes what is left of an attribute: 1 if something is, 0 if it goes, -1 if the thorough way must look. */
static int leave_attribute(Leaving *leaving, Object *object, uint32_t number, bool is_more) {
    static const char start[] = ",{\"key\":", middle[] = ",\"value\":";
    const Tape *tape = leaving->tape;
    const Node *node = object->node;
    uint32_t key, value, text;
    if (!read_attribute(tape, number, &key, &value))
        return -1;
    Span name = span_of(tape, &tape->places[key]);
    const Entry *entry = node_find(node, name.text, (uint32_t)name.size);
    if (entry == NULL)
        return is_again(leaving, object, name) || !refuse(leaving, STRANGE, node, name) ? -1 : 0;
    if (!is_first(object, entry) || entry->inner != NULL)
        return -1;
    if (entry->slot >= 0) {
        if ((text = text_in(tape, value)) == 0 || !object->remembers)
            return -1;
        leaving->slots[entry->slot] = text + 1;
    }
    if (entry->action != KEEP && entry->label >= 0 && !refuse(leaving, entry->label, node, name))
        return -1;
    if (entry->action == DROP)
        return 0;
    size_t before = leaving->out->size;
    if (!out_add(leaving->out, start + !is_more, sizeof start - 1 - !is_more)
        || !out_add(leaving->out, name.text - 1, name.size + 2) || !out_add(leaving->out, middle, sizeof middle - 1))
        return -1;
    int found = entry->action == CUT ? add_cut_text(leaving, value) : add_typed(leaving, value);
    if (found == 0)
        leaving->out->size = before;
    return found == 1 && !out_add(leaving->out, "}", 1) ? -1 : found;
}

int32_t leave_attributes(Leaving *leaving, const Node *node, uint32_t number, bool remembers) {
    const Place *places = leaving->tape->places;
    Object object = {.node = node, .since = leaving->refused_size, .remembers = remembers};
    uint32_t item = number + 1;
    int32_t kept = 0;
    if (!out_add(leaving->out, "[", 1))
        return -1;
    for (uint32_t left = places[number].count; left > 0; left--, item = places[item].next) {
        int found = leave_attribute(leaving, &object, item, kept > 0);
        if (found < 0)
            return -1;
        kept += found;
    }
    return out_add(leaving->out, "]", 1) ? kept : -1;
}
