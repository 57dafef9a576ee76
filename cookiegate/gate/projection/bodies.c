/* What stays of a body: one event, a list of them, a list in a member, or lists in lists. */

#include "projection.h"

/* Whether the fixed members of an envelope are of the version that is known: they agree up to their last slash. */
static bool is_envelope(const Tape *tape, PyObject *envelope) {
    for (Py_ssize_t number = 0; number < PyTuple_Size(envelope); number++) {
        const char *name, *text;
        if (!PyArg_ParseTuple(PyTuple_GetItem(envelope, number), "ss", &name, &text))
            return false;
        uint32_t found = member_of(tape, 0, name, strlen(name));
        const Place *place = &tape->places[found];
        if (found == 0 || place->kind != TEXT || place->escaped)
            return false;
        const char *slash = strrchr(text, '/');
        if (slash == NULL)
            return false;
        size_t known = (size_t)(slash - text), told = place->end - place->start;
        const char *at = tape->text + place->start;
        if (told <= known || memcmp(at, text, known + 1) != 0 || memchr(at + known + 1, '/', told - known - 1) != NULL)
            return false;
    }
    return true;
}

static bool add_envelope(Out *out, PyObject *envelope, bool is_first) {
    for (Py_ssize_t number = 0; number < PyTuple_Size(envelope); number++, is_first = false) {
        const char *name, *text;
        if (!PyArg_ParseTuple(PyTuple_GetItem(envelope, number), "ss", &name, &text)
            || !out_add(out, is_first ? "\"" : ",\"", is_first ? 1 : 2) || !out_add(out, name, strlen(name))
            || !out_add(out, "\":\"", 3) || !out_add(out, text, strlen(text)) || !out_add(out, "\"", 1))
            return false;
    }
    return true;
}

/* Writes what stays of the events in a list; how many there are, 0 if the thorough way must look. */
static uint32_t leave_events(Leaving *leaving, const Rules *rules, const Given *given, uint32_t list, uint32_t most) {
    const Place *places = leaving->tape->places;
    uint32_t count = places[list].count, event = list + 1;
    if (count == 0 || count > most || !out_add(leaving->out, "[", 1))
        return 0;
    for (uint32_t left = count; left > 0; left--, event = places[event].next) {
        memset(leaving->slots, 0, sizeof leaving->slots);
        if ((left < count && !out_add(leaving->out, ",", 1)) || !leave_event(leaving, rules, given, event))
            return 0;
    }
    return out_add(leaving->out, "]", 1) ? count : 0;
}

/* Writes what stays of a body with its events in a member. */
static uint32_t leave_around(Leaving *leaving, const Rules *rules, const Given *given, uint32_t list, uint32_t most) {
    Out *out = leaving->out;
    PyObject *envelope = rules->envelope;
    if (leaving->tape->places[list].kind != LIST || !is_envelope(leaving->tape, envelope))
        return 0;
    int32_t kept = leave_object(leaving, rules->around, 0, false);
    if (kept < 0)
        return 0;
    out->size--; /* the closing brace */
    bool is_first = kept == 0 && PyTuple_Size(envelope) == 0;
    if (!add_envelope(out, envelope, kept == 0) || !out_add(out, is_first ? "\"" : ",\"", is_first ? 1 : 2)
        || !out_add(out, rules->list_at, strlen(rules->list_at)) || !out_add(out, "\":", 2))
        return 0;
    uint32_t count = leave_events(leaving, rules, given, list, most);
    return count > 0 && out_add(out, "}", 1) ? count : 0;
}

/* Writes `,"name":[` or `"name":[`. */
static bool open_list(Out *out, const char *name, bool is_first) {
    return out_add(out, is_first ? "\"" : ",\"", is_first ? 1 : 2) && out_add(out, name, strlen(name))
           && out_add(out, "\":[", 3);
}

/* Writes what stays of a nested body from one of its levels on; how many events are in it, -1 if the thorough way must
 * look. What events share is counted once for each of them. */
static int64_t leave_level(Leaving *leaving, const Rules *rules, const Given *given, int depth, uint32_t object) {
    const Level *level = &rules->levels[depth];
    const Place *places = leaving->tape->places;
    Out *out = leaving->out;
    uint32_t list =
        places[object].kind == OBJECT ? member_of(leaving->tape, object, level->list_at, strlen(level->list_at)) : 0;
    if (list == 0 || places[list].kind != LIST)
        return -1;
    uint32_t since = leaving->refused_size, shared[SLOTS_LIMIT];
    int32_t kept = leave_object(leaving, level->around, object, true);
    if (kept < 0)
        return -1;
    out->size--; /* the closing brace */
    uint32_t until = leaving->refused_size, item = list + 1;
    if (!open_list(out, level->list_at, kept == 0))
        return -1;
    memcpy(shared, leaving->slots, sizeof shared);
    int64_t events = 0;
    bool is_last = depth + 1 == rules->levels_count;
    for (uint32_t left = places[list].count; left > 0; left--, item = places[item].next) {
        size_t before = out->size;
        memcpy(leaving->slots, shared, sizeof shared);
        if (events > 0 && !out_add(out, ",", 1))
            return -1;
        int64_t found = is_last ? (leave_event(leaving, rules, given, item) ? 1 : -1)
                                : leave_level(leaving, rules, given, depth + 1, item);
        if (found < 0)
            return -1;
        if (found == 0)
            out->size = before;
        events += found;
    }
    for (uint32_t number = since; number < until; number++)
        leaving->refused[number].times = (uint32_t)events;
    return out_add(out, "]}", 2) ? events : -1;
}

static uint32_t leave_nested(Leaving *leaving, const Rules *rules, const Given *given, uint32_t most) {
    memset(leaving->slots, 0, sizeof leaving->slots);
    int64_t events = leave_level(leaving, rules, given, 0, 0);
    return events > 0 && events <= most ? (uint32_t)events : 0;
}

uint32_t leave_body(Leaving *leaving, const Rules *rules, const Given *given, uint32_t most) {
    if (rules->levels_count > 0)
        return leave_nested(leaving, rules, given, most);
    if (leaving->tape->places[0].kind == LIST)
        return rules->many ? leave_events(leaving, rules, given, 0, most) : 0;
    if (leaving->tape->places[0].kind != OBJECT)
        return 0;
    if (rules->list_at != NULL) {
        uint32_t list = member_of(leaving->tape, 0, rules->list_at, strlen(rules->list_at));
        if (list != 0)
            return leave_around(leaving, rules, given, list, most);
        if (!rules->many)
            return 0;
    }
    memset(leaving->slots, 0, sizeof leaving->slots);
    return leave_event(leaving, rules, given, 0);
}
