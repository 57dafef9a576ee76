/* One request that a program has: not as a line, but in parts. */

#include "module.h"

#define NAMES_LIMIT 400 /* so many are counted one by one whatever their order: cookiegate/gate/counts.py */

static bool read_text(PyObject *object, Span *text) {
    Py_ssize_t size;
    if (object == Py_None)
        return true;
    if (!PyUnicode_Check(object))
        return false;
    text->text = PyUnicode_AsUTF8AndSize(object, &size);
    text->size = (size_t)size;
    return text->text != NULL;
}

static bool read_body(PyObject *object, Span *body) {
    char *bytes;
    Py_ssize_t size;
    if (!PyBytes_Check(object))
        return read_text(object, body);
    if (PyBytes_AsStringAndSize(object, &bytes, &size) < 0)
        return false;
    *body = (Span){bytes, (size_t)size};
    return true;
}

static bool read_headers(Head *head, PyObject *headers, bool is_open, Arena *arena) {
    PyObject *name, *value;
    Py_ssize_t place = 0;
    while (PyDict_Next(headers, &place, &name, &value)) {
        Span told, text;
        if (name == Py_None || value == Py_None || !read_text(name, &told) || !read_text(value, &text)
            || !head_add(head, told, text, false, is_open, arena))
            return false;
    }
    return true;
}

static PyObject *text_of(const Out *out, size_t start, size_t end) {
    return PyUnicode_DecodeUTF8(start == end ? "" : out->bytes + start, (Py_ssize_t)(end - start), NULL);
}

static PyObject *headers_of(const Head *head, const Out *values) {
    PyObject *headers = PyDict_New();
    for (uint32_t number = 0; headers != NULL && number < head->count; number++) {
        if (!head->headers[number].is_left)
            continue;
        Span told = head->headers[number].name;
        PyObject *name = PyUnicode_DecodeUTF8(told.text, (Py_ssize_t)told.size, NULL);
        PyObject *value = text_of(values, head->headers[number].start, head->headers[number].end);
        if (name == NULL || value == NULL || PyDict_SetItem(headers, name, value) < 0)
            Py_CLEAR(headers);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return headers;
}

/* How often each name was refused; NULL without an exception if there are too many. */
static PyObject *counts_of(const Leaving *leaving, const Rules *rules) {
    int64_t *tallies = PyMem_Calloc((size_t)PyList_Size(rules->labels) + 1, sizeof(int64_t));
    PyObject *counts = PyDict_New();
    bool done = tallies != NULL && counts != NULL;
    if (done) {
        bool is_strange = count_refused(leaving, tallies);
        done = count_labels(rules->labels, tallies, counts) && (!is_strange || count_strange(leaving, counts))
               && PyDict_Size(counts) <= NAMES_LIMIT;
    }
    if (!done)
        Py_CLEAR(counts);
    PyMem_Free(tallies);
    return counts;
}

/* The outcome of a request that goes by a grant; NULL without an exception if the thorough way must look. */
static PyObject *leave(Workspace *workspace, const Requests *requests, const Grant *grant, Request *request) {
    Projection *projection = grant_projection(grant, request->route);
    uint32_t events = projection == NULL ? 0 : request_leave(workspace, requests, grant, request);
    PyObject *counts = events == 0 ? NULL : counts_of(&workspace->leaving, &projection->rules);
    if (counts == NULL)
        return NULL;
    const Out *out = &workspace->out, *value = &workspace->value;
    bool is_query = projection->rules.source == QUERY;
    const Out *beside = is_query ? out : &workspace->beside;
    PyObject *body = is_query ? Py_NewRef(Py_None)
                              : PyBytes_FromStringAndSize(out->size == 0 ? "" : out->bytes, (Py_ssize_t)out->size);
    PyObject *ip = request->is_ip_left ? text_of(value, 0, value->size) : Py_NewRef(Py_None);
    return Py_BuildValue("(iONNNNIN)", request->route, grant->claims, headers_of(&request->head, &workspace->scratch),
                         body, text_of(beside, 0, beside->size), ip, (unsigned int)events, counts);
}

/* The outcome by the grant of the token that the request goes by, that token if it is not known, or None. */
static PyObject *decide(Workspace *workspace, const Requests *requests, const Grants *grants, PyObject *asked,
                        long long moment, Request *request) {
    Span token = request_token(request, requests, &workspace->arena);
    if (token.text == NULL)
        return NULL;
    Grant *grant = grants_find(grants, token);
    if (grant == NULL)
        return PyUnicode_DecodeUTF8(token.text, (Py_ssize_t)token.size, NULL);
    Py_INCREF((PyObject *)grant); /* what is asked may forget it */
    PyObject *outcome = grant_stands(grant, asked, moment) == 1 ? leave(workspace, requests, grant, request) : NULL;
    Py_DECREF((PyObject *)grant);
    return outcome;
}

PyObject *project_request(PyObject *module, PyObject *arguments) {
    PyObject *grants, *asked, *reader, *method, *path, *headers, *body, *received_at, *ip, *outcome = NULL;
    long long moment, now_ms;
    int is_open;
    Request request;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!OLLUUO!OpOO", requests_type, &reader, grants_type, &grants, &asked, &moment,
                          &now_ms, &method, &path, &PyDict_Type, &headers, &body, &is_open, &received_at, &ip))
        return NULL;
    const Requests *requests = (const Requests *)reader;
    Workspace *workspace = workspace_take(NULL);
    if (workspace == NULL)
        return NULL;
    request_begin(&request);
    size_t size = HEADERS_LIMIT * 64; /* of names */
    bool done = requests->addresses != NULL && read_text(method, &request.method) && read_text(path, &request.path)
                && read_body(body, &request.body) && read_text(received_at, &request.received_at)
                && read_text(ip, &request.ip);
    size += request.path.size + request.body.size;
    done = done && size < LINE_LIMIT_BYTES && arena_for(&workspace->arena, size * 2);
    workspace->arena.size = 0;
    if (done && read_headers(&request.head, headers, is_open != 0, &workspace->arena)
        && request_open(&request, requests, workspace, now_ms))
        outcome = decide(workspace, requests, (const Grants *)grants, asked, moment, &request);
    workspace_give(workspace);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        PyErr_Clear(); /* half of a surrogate pair */
    if (outcome == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return outcome;
}
