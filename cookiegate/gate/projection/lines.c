/* Lines of plain events, or of requests: each by the grant that its own token is known for. */

#include "module.h"

typedef struct {
    Workspace *workspace;
    const Grants *grants;
    PyObject *stands;
    const Requests *requests; /* NULL for plain events */
    Request *request;         /* the one at hand */
    Span token_name;          /* of those: the member that has the token */
    long long moment, received_ms;
    Projection *touched; /* the first of those whose tallies changed */
    unsigned int accepted;
} Reading;

static bool count(Reading *reading, Projection *projection) {
    if (!projection->is_touched) {
        projection->is_touched = true;
        projection->after = reading->touched;
        reading->touched = (Projection *)Py_NewRef((PyObject *)projection);
    }
    const Leaving *leaving = &reading->workspace->leaving;
    return !count_refused(leaving, projection->tallies) || count_strange(leaving, projection->strange);
}

static PyObject *accept(Reading *reading, Projection *projection, const Out *out, uint32_t events) {
    if (events == 0 || !count(reading, projection))
        return NULL;
    reading->accepted += events;
    return PyBytes_FromStringAndSize(out->bytes, (Py_ssize_t)out->size);
}

/* The outcome of an event that goes by a grant; NULL without an exception if the thorough way must look. */
static PyObject *leave_plain(Reading *reading, const Grant *grant) {
    Leaving *leaving = &reading->workspace->leaving;
    Projection *projection = grant_projection(grant, 0);
    Given given = grant->given;
    if (projection == NULL)
        return NULL;
    given.received_ms = reading->received_ms;
    leaving_begin(leaving, &projection->rules, given.token);
    bool done = leave_event(leaving, &projection->rules, &given, 0) && out_add(leaving->out, "\n", 1);
    return accept(reading, projection, leaving->out, done);
}

/* The same for a request. */
static PyObject *leave_request(Reading *reading, const Grant *grant, Request *request) {
    Workspace *workspace = reading->workspace;
    Projection *projection = grant_projection(grant, request->route);
    uint32_t events = projection == NULL ? 0 : request_leave(workspace, reading->requests, grant, request);
    if (events == 0 || !request_add_line(workspace, &projection->rules, request, grant->given.stamp))
        return NULL;
    return accept(reading, projection, &workspace->line, events);
}

/* The token of a line that is a plain event; of no text if the thorough way must look. */
static Span token_of(const Reading *reading, Span line) {
    Tape *tape = &reading->workspace->tape;
    static const Span odd = {NULL, 0};
    if (!tape_read(tape, line.text, line.size) || tape->places[0].kind != OBJECT)
        return odd;
    uint32_t found = member_of(tape, 0, reading->token_name.text, reading->token_name.size);
    const Place *own = &tape->places[found];
    return found == 0 || own->kind != TEXT || own->escaped || own->start == own->end ? odd : span_of(tape, own);
}

/* The same of one that is a request, which is read. */
static Span read_request(const Reading *reading, Request *request, Span line) {
    Workspace *workspace = reading->workspace;
    workspace->arena.size = 0;
    if (line.size > LINE_LIMIT_BYTES || !arena_for(&workspace->arena, line.size * 2)
        || !request_read(request, workspace, line)
        || !request_open(request, reading->requests, workspace, reading->received_ms))
        return (Span){NULL, 0};
    return request_token(request, reading->requests, &workspace->arena);
}

/* A line's outcome, its token's text if that is not known, None if the thorough way must look; NULL if it broke. */
static PyObject *read_line(Reading *reading, PyObject *line) {
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(line, &text, &size) < 0)
        return NULL;
    Span told = {text, (size_t)size};
    Span token = reading->requests == NULL ? token_of(reading, told) : read_request(reading, reading->request, told);
    if (token.text == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    Grant *grant = grants_find(reading->grants, token);
    if (grant == NULL)
        return PyUnicode_DecodeUTF8(token.text, (Py_ssize_t)token.size, NULL);
    Py_INCREF((PyObject *)grant); /* what is asked may forget it */
    int good = grant_stands(grant, reading->stands, reading->moment);
    PyObject *outcome = NULL;
    if (good == 1)
        outcome =
            reading->requests == NULL ? leave_plain(reading, grant) : leave_request(reading, grant, reading->request);
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

/* What the lines hold: requests that are read so, or plain events with their token in a member of this name. */
static bool read_reader(Reading *reading, PyObject *reader) {
    if (PyObject_TypeCheck(reader, requests_type)) {
        reading->requests = (const Requests *)reader;
        if (reading->requests->addresses == NULL)
            PyErr_SetString(PyExc_TypeError, "requests need their addresses");
        return reading->requests->addresses != NULL;
    }
    Py_ssize_t size;
    reading->token_name.text = PyUnicode_AsUTF8AndSize(reader, &size);
    reading->token_name.size = (size_t)size;
    return reading->token_name.text != NULL;
}

PyObject *project_lines(PyObject *module, PyObject *arguments) {
    PyObject *lines, *grants, *reader, *counts = PyDict_New(), *outcomes = NULL, *found = NULL;
    Request request;
    Reading reading = {.workspace = workspace_take(NULL), .request = &request};
    (void)module;
    if (counts == NULL || reading.workspace == NULL
        || !PyArg_ParseTuple(arguments, "O!O!OOLL", &PyList_Type, &lines, grants_type, &grants, &reading.stands,
                             &reader, &reading.moment, &reading.received_ms)
        || !read_reader(&reading, reader))
        goto end;
    reading.grants = (const Grants *)grants;
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
