/* What stays of a body: one event, a list of them, a list in a member, or lists in lists. */

#include "module.h"

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
static uint32_t leave_around(Leaving *leaving, const Rules *rules, const Given *given, PyObject *envelope,
                             uint32_t list, uint32_t most) {
    Out *out = leaving->out;
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

static uint32_t leave_body(Leaving *leaving, const Rules *rules, const Given *given, PyObject *envelope, bool many,
                           uint32_t most) {
    if (rules->levels_count > 0)
        return leave_nested(leaving, rules, given, most);
    if (leaving->tape->places[0].kind == LIST)
        return many ? leave_events(leaving, rules, given, 0, most) : 0;
    if (leaving->tape->places[0].kind != OBJECT)
        return 0;
    if (rules->list_at != NULL) {
        uint32_t list = member_of(leaving->tape, 0, rules->list_at, strlen(rules->list_at));
        if (list != 0)
            return leave_around(leaving, rules, given, envelope, list, most);
        if (!many)
            return 0;
    }
    memset(leaving->slots, 0, sizeof leaving->slots);
    return leave_event(leaving, rules, given, 0);
}

#define SECRETS_LIMIT 8

static bool read_secrets(Leaving *leaving, PyObject *secrets, Span *found) {
    leaving->secrets = found;
    for (Py_ssize_t number = 0; number < PyTuple_Size(secrets); number++) {
        PyObject *secret = PyTuple_GetItem(secrets, number);
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(secret, &size);
        if (text == NULL)
            return false;
        if (size < SECRET_LEAST)
            continue;
        if (leaving->secrets_count == SECRETS_LIMIT) {
            PyErr_SetString(PyExc_ValueError, "too many secrets");
            return false;
        }
        found[leaving->secrets_count++] = (Span){text, (size_t)size};
    }
    return true;
}

#define NAMES_LIMIT 400 /* so many are counted one by one whatever their order: cookiegate/gate/counts.py */

static PyObject *told(const Leaving *leaving, const Rules *rules, uint32_t count) {
    int64_t *tallies = PyMem_Calloc((size_t)PyList_Size(rules->labels) + 1, sizeof(int64_t));
    PyObject *counts = PyDict_New(), *body = NULL;
    bool done = tallies != NULL && counts != NULL;
    if (done) {
        bool is_strange = count_refused(leaving, tallies);
        done = count_labels(rules->labels, tallies, counts) && (!is_strange || count_strange(leaving, counts))
               && PyDict_Size(counts) <= NAMES_LIMIT;
    }
    if (done)
        body = PyBytes_FromStringAndSize(leaving->out->bytes, (Py_ssize_t)leaving->out->size);
    PyMem_Free(tallies);
    PyObject *found = body == NULL ? NULL : Py_BuildValue("(OIO)", body, (unsigned int)count, counts);
    Py_XDECREF(body);
    Py_XDECREF(counts);
    return found;
}

PyObject *project_body(PyObject *self, PyObject *arguments) {
    const Rules *rules = &((Projection *)self)->rules;
    PyObject *envelope, *secrets;
    const char *data, *token, *stamp;
    Py_ssize_t size, token_size, stamp_size;
    int many, is_shared, passes_untimed;
    unsigned int most;
    Given given;
    if (!PyArg_ParseTuple(arguments, "y#O!pIs#y#pO!pLLL", &data, &size, &PyTuple_Type, &envelope, &many, &most, &token,
                          &token_size, &stamp, &stamp_size, &is_shared, &PyTuple_Type, &secrets, &passes_untimed,
                          &given.earliest_ms, &given.latest_ms, &given.received_ms))
        return NULL;
    given.token = (Span){token, (size_t)token_size};
    given.stamp = (Span){stamp, (size_t)stamp_size};
    given.is_shared = is_shared != 0;
    given.passes_untimed = passes_untimed != 0;
    if (rules->event == NULL) {
        PyErr_SetString(PyExc_TypeError, "a projection needs its rules");
        return NULL;
    }
    Workspace *workspace = workspace_take(&rules->documents);
    if (workspace == NULL)
        return NULL;
    Leaving *leaving = &workspace->leaving;
    Span found[SECRETS_LIMIT];
    PyObject *left = NULL;
    leaving->truncate = rules->truncate;
    uint32_t count = 0;
    bool needs_arena = rules->documents.count > 0 || rules->are_queries;
    if ((!needs_arena || arena_for(&workspace->arena, (size_t)size)) && read_secrets(leaving, secrets, found)) {
        Span text = {data, (size_t)size};
        if (rules->is_query)
            count = leave_query_event(leaving, rules, &given, text);
        else if (tape_read(&workspace->tape, text.text, text.size))
            count = leave_body(leaving, rules, &given, envelope, many != 0, most);
    }
    if (count > 0)
        left = told(leaving, rules, count);
    workspace_give(workspace);
    if (left == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return left;
}
