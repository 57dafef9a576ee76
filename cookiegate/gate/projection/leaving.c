/* What rules leave of an object: copied from the text as it stands, in the same order. */

#include "projection.h"

bool out_grow(Out *out, size_t size) {
    size_t room = (out->room + size) * 2;
    char *grown = PyMem_Realloc(out->bytes, room);
    if (grown == NULL) {
        PyErr_NoMemory();
        return false;
    }
    out->bytes = grown;
    out->room = room;
    return true;
}

Span span_of(const Tape *tape, const Place *place) {
    return (Span){tape->text + place->start, place->end - place->start};
}

bool refuse(Leaving *leaving, int32_t label, const Node *node, Span name) {
    if (leaving->refused_size == leaving->refused_room) {
        uint32_t room = leaving->refused_room ? leaving->refused_room * 2 : 64;
        Refused *grown = PyMem_Realloc(leaving->refused, room * sizeof(Refused));
        if (grown == NULL) {
            PyErr_NoMemory();
            return false;
        }
        leaving->refused = grown;
        leaving->refused_room = room;
    }
    leaving->refused[leaving->refused_size++] = (Refused){label, node, name, 1};
    return true;
}

bool has_secret(const Leaving *leaving, Span text) {
    Span secret = leaving->secret;
    const char *at = text.text, *end = at + text.size;
    while (secret.size >= SECRET_LEAST && (size_t)(end - at) >= secret.size) {
        at = memchr(at, secret.text[0], (size_t)(end - at) - secret.size + 1);
        if (at == NULL)
            break;
        if (memcmp(at++, secret.text, secret.size) == 0)
            return true;
    }
    return false;
}

bool add_scalar(Leaving *leaving, const Place *place) {
    Span text = span_of(leaving->tape, place);
    if (place->kind != TEXT)
        return out_add(leaving->out, text.text, text.size);
    return !has_secret(leaving, text) && out_add(leaving->out, text.text - 1, text.size + 2);
}

/* Writes a scalar or a list of scalars, without the space between its items. */
static bool add_plain(Leaving *leaving, uint32_t number) {
    const Place *places = leaving->tape->places;
    if (places[number].kind != LIST)
        return add_scalar(leaving, &places[number]);
    uint32_t item = number + 1;
    for (uint32_t left = places[number].count; left > 0; left--, item = places[item].next)
        if (!out_add(leaving->out, item == number + 1 ? "[" : ",", 1) || !add_scalar(leaving, &places[item]))
            return false;
    return out_add(leaving->out, places[number].count ? "]" : "[]", places[number].count ? 1 : 2);
}

int add_cut(Leaving *leaving, const Place *place) {
    if (place->kind != TEXT)
        return 0;
    if (place->escaped)
        return -1;
    const char *text = leaving->tape->text + place->start;
    PyObject *address = PyUnicode_DecodeUTF8(text, (Py_ssize_t)(place->end - place->start), NULL);
    PyObject *left = address ? PyObject_CallFunctionObjArgs(leaving->truncate, address, NULL) : NULL;
    Py_XDECREF(address);
    int found = left == NULL ? -1 : left != Py_None;
    Py_ssize_t size;
    const char *bytes = found == 1 ? PyUnicode_AsUTF8AndSize(left, &size) : NULL;
    if (found == 1
        && (bytes == NULL || !out_add(leaving->out, "\"", 1) || !out_add(leaving->out, bytes, (size_t)size)
            || !out_add(leaving->out, "\"", 1)))
        found = -1;
    Py_XDECREF(left);
    return found;
}

/* Remembers values that rules look for in an object that they do not let pass. */
static bool look_into(Leaving *leaving, const Node *node, uint32_t number) {
    const Place *places = leaving->tape->places;
    if (places[number].kind != OBJECT)
        return true;
    Object object = {.node = node};
    uint32_t name = number + 1;
    for (uint32_t left = places[number].count; left > 0; left--, name = places[name + 1].next) {
        if (places[name].escaped)
            return false;
        uint32_t size = places[name].end - places[name].start;
        const Entry *entry = node_find(node, leaving->tape->text + places[name].start, size);
        if (entry == NULL)
            continue;
        if (!is_first(&object, entry))
            return false;
        if (entry->slot >= 0)
            leaving->slots[entry->slot] = name + 2;
        if (entry->inner != NULL && !look_into(leaving, entry->inner, name + 1))
            return false;
    }
    return true;
}

/* Writes what is left of objects in a list: how many stay; -1 as for one. */
static int32_t leave_list(Leaving *leaving, const Node *node, uint32_t number) {
    const Place *places = leaving->tape->places;
    uint32_t count = places[number].count, item = number + 1;
    for (uint32_t left = count; left > 0; left--, item = places[item].next)
        if (places[item].kind != OBJECT)
            return -1;
    int32_t kept = 0;
    Out *out = leaving->out;
    if (!out_add(out, "[", 1))
        return -1;
    item = number + 1;
    for (uint32_t left = count; left > 0; left--, item = places[item].next) {
        size_t before = out->size;
        if (kept > 0 && !out_add(out, ",", 1))
            return -1;
        int32_t members = leave_object(leaving, node, item, false);
        if (members < 0)
            return -1;
        if (members == 0 && places[item].count > 0)
            out->size = before;
        else
            kept++;
    }
    return out_add(out, "]", 1) ? kept : -1;
}

/* Writes what is left of a member's value: 1 if something is, 0 if it goes and is counted, 2 if it goes for what is
 * in it went, -1 as for an object. */
static int leave_value(Leaving *leaving, const Entry *entry, uint32_t number, bool remembers) {
    const Place *place = &leaving->tape->places[number];
    int32_t kept;
    switch (entry->action) {
    case KEEP:
        if (place->kind == OBJECT || (place->kind == LIST && !place->plain))
            return 0;
        return add_plain(leaving, number) ? 1 : -1;
    case CUT:
        return add_cut(leaving, place);
    case TYPED:
        return add_typed(leaving, number);
    case DOCUMENT:
        return leave_document(leaving, &leaving->documents->documents[entry->slot], number);
    case INNER:
        if (entry->inner->form == ATTRIBUTES) {
            kept = place->kind == LIST ? leave_attributes(leaving, entry->inner, number, remembers) : -1;
            return kept < 0 ? -1 : kept > 0 || place->count == 0 ? 1 : 2;
        }
        if (place->kind != OBJECT && place->kind != LIST)
            return 0;
        kept = place->kind == OBJECT ? leave_object(leaving, entry->inner, number, remembers)
                                     : leave_list(leaving, entry->inner, number);
        return kept < 0 ? -1 : kept > 0 || place->count == 0 ? 1 : 2;
    default:
        return 0;
    }
}

#define STRANGE_LIMIT 32 /* of more names without a rule in one object, none is looked for */

bool is_again(const Leaving *leaving, const Object *object, Span name) {
    int strange = 0;
    for (uint32_t number = object->since; number < leaving->refused_size; number++) {
        if (number == object->pause && (number = object->resume) >= leaving->refused_size)
            break;
        const Refused *other = &leaving->refused[number];
        if (other->label != STRANGE || other->node != object->node)
            continue;
        if (++strange > STRANGE_LIMIT
            || (other->name.size == name.size && !memcmp(other->name.text, name.text, name.size)))
            return true;
    }
    return false;
}

bool is_first(Object *object, const Entry *entry) {
    size_t number = (size_t)(entry - object->node->entries);
    uint64_t bit = UINT64_C(1) << number % 64, before = object->seen[number / 64];
    object->seen[number / 64] |= bit;
    return (before & bit) == 0;
}

/* One member; 1 if it stays, 0 if it goes, -1 as for an object. */
static int leave_member(Leaving *leaving, Object *object, uint32_t name) {
    const Place *place = &leaving->tape->places[name];
    Span text = span_of(leaving->tape, place);
    const Node *node = object->node;
    const Entry *entry = node_find(node, text.text, (uint32_t)text.size);
    bool remembers = object->remembers;
    if (entry == NULL && node->form == AROUND)
        return 0;
    if (entry == NULL)
        return is_again(leaving, object, text) || !refuse(leaving, STRANGE, node, text) ? -1 : 0;
    if (!is_first(object, entry))
        return -1;
    if (remembers && entry->slot >= 0 && entry->action != DOCUMENT)
        leaving->slots[entry->slot] = name + 2;
    if (entry->action != INNER && entry->inner != NULL && remembers && !look_into(leaving, entry->inner, name + 1))
        return -1;
    int found = 0;
    if (entry->action != DROP) {
        if (!out_add(leaving->out, text.text - 1, text.size + 2) || !out_add(leaving->out, ":", 1))
            return -1;
        found = leave_value(leaving, entry, name + 1, remembers);
    }
    bool is_told = found == 0 || (found == 1 && entry->action == CUT);
    if (is_told && entry->label >= 0 && !refuse(leaving, entry->label, node, text))
        return -1;
    return found == 2 ? 0 : found;
}

int32_t leave_object(Leaving *leaving, const Node *node, uint32_t number, bool remembers) {
    const Place *places = leaving->tape->places;
    Out *out = leaving->out;
    Object object = {.node = node, .since = leaving->refused_size, .remembers = remembers};
    uint32_t name = number + 1;
    int32_t kept = 0;
    if (!out_add(out, "{", 1))
        return -1;
    for (uint32_t left = places[number].count; left > 0; left--, name = places[name + 1].next) {
        size_t before = out->size;
        if (places[name].escaped || (kept > 0 && !out_add(out, ",", 1)))
            return -1;
        int found = leave_member(leaving, &object, name);
        if (found < 0)
            return -1;
        if (found == 0)
            out->size = before;
        kept += found;
    }
    return out_add(out, "}", 1) ? kept : -1;
}
