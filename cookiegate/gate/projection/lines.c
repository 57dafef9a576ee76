/* Lines of plain events: each by the grant that its own token is known for. */

#include "module.h"

typedef struct {
    Workspace *workspace;
    const Grants *grants;
    PyObject *stands;
    Span token_name;
    long long moment, received_ms;
    Projection *touched; /* the first of those whose tallies changed */
    unsigned int accepted;
} Reading;

/* Whether a grant is good at this moment: the gate is asked once; -1 if that broke. */
static int stands(const Reading *reading, Grant *grant) {
    if (grant->moment == reading->moment)
        return 1;
    PyObject *answer = PyObject_CallFunctionObjArgs(reading->stands, (PyObject *)grant, NULL);
    int found = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return found;
}

static bool count(Reading *reading, Projection *projection) {
    if (!projection->is_touched) {
        projection->is_touched = true;
        projection->after = reading->touched;
        reading->touched = (Projection *)Py_NewRef((PyObject *)projection);
    }
    const Leaving *leaving = &reading->workspace->leaving;
    return !count_refused(leaving, projection->tallies) || count_strange(leaving, projection->strange);
}

/* The outcome of an event that goes by a grant; NULL without an exception if the thorough way must look. */
static PyObject *leave_line(Reading *reading, Grant *grant) {
    Leaving *leaving = &reading->workspace->leaving;
    Given given = grant->given;
    given.received_ms = reading->received_ms;
    leaving->secrets = &given.token;
    leaving->secrets_count = 1;
    leaving->truncate = grant->projection->rules.truncate;
    leaving->documents = &grant->projection->rules.documents;
    leaving->refused_size = 0;
    leaving->out->size = 0;
    memset(leaving->slots, 0, sizeof leaving->slots);
    if (!leave_event(leaving, &grant->projection->rules, &given, 0) || !out_add(leaving->out, "\n", 1)
        || !count(reading, grant->projection))
        return NULL;
    reading->accepted++;
    return PyBytes_FromStringAndSize(leaving->out->bytes, (Py_ssize_t)leaving->out->size);
}

/* A line's outcome, its token's text if that is not known, None if the thorough way must look; NULL if it broke. */
static PyObject *read_line(Reading *reading, PyObject *line) {
    Tape *tape = &reading->workspace->tape;
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(line, &text, &size) < 0)
        return NULL;
    if (!tape_read(tape, text, (size_t)size) || tape->places[0].kind != OBJECT)
        Py_RETURN_NONE;
    uint32_t found = member_of(tape, 0, reading->token_name.text, reading->token_name.size);
    const Place *own = &tape->places[found];
    if (found == 0 || own->kind != TEXT || own->escaped || own->start == own->end)
        Py_RETURN_NONE;
    Span token = {text + own->start, own->end - own->start};
    Grant *grant = grants_find(reading->grants, token);
    if (grant == NULL)
        return PyUnicode_DecodeUTF8(token.text, (Py_ssize_t)token.size, NULL);
    Py_INCREF((PyObject *)grant); /* what is asked may forget it */
    int good = stands(reading, grant);
    PyObject *outcome = good == 1 ? leave_line(reading, grant) : NULL;
    Py_DECREF((PyObject *)grant);
    if (outcome == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return outcome;
}

/* Gives out the tallies, unless that is not wanted, and makes them zero for the next lines. */
static bool tell(Reading *reading, PyObject *counts) {
    bool done = counts != NULL;
    while (reading->touched != NULL) {
        Projection *projection = reading->touched;
        Py_ssize_t size = PyList_Size(projection->rules.labels);
        reading->touched = projection->after;
        projection->is_touched = false;
        done = done && count_labels(projection->rules.labels, projection->tallies, counts)
               && count_all(projection->strange, counts);
        memset(projection->tallies, 0, (size_t)size * sizeof(int64_t));
        PyDict_Clear(projection->strange);
        Py_DECREF((PyObject *)projection);
    }
    return done;
}

PyObject *project_lines(PyObject *module, PyObject *arguments) {
    PyObject *lines, *grants, *counts = PyDict_New(), *outcomes = NULL, *found = NULL;
    const char *name;
    Py_ssize_t name_size;
    Reading reading = {.workspace = workspace_take(NULL)};
    (void)module;
    if (counts == NULL || reading.workspace == NULL
        || !PyArg_ParseTuple(arguments, "O!O!Os#LL", &PyList_Type, &lines, grants_type, &grants, &reading.stands, &name,
                             &name_size, &reading.moment, &reading.received_ms))
        goto end;
    reading.grants = (const Grants *)grants;
    reading.token_name = (Span){name, (size_t)name_size};
    Py_ssize_t size = PyList_Size(lines);
    if ((outcomes = PyList_New(size)) == NULL)
        goto end;
    for (Py_ssize_t number = 0; number < size; number++) {
        PyObject *line = PyList_GetItem(lines, number);
        PyObject *outcome = NULL;
        if (line != NULL) {
            Py_INCREF(line); /* what is asked may change the list */
            outcome = read_line(&reading, line);
            Py_DECREF(line);
        }
        if (outcome == NULL)
            goto end;
        PyList_SetItem(outcomes, number, outcome);
    }
    if (tell(&reading, counts))
        found = Py_BuildValue("(OIO)", outcomes, reading.accepted, counts);
end:
    tell(&reading, NULL);
    Py_XDECREF(outcomes);
    Py_XDECREF(counts);
    if (reading.workspace != NULL)
        workspace_give(reading.workspace);
    return found;
}
