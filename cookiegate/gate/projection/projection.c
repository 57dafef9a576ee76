/* The type Projection: how one route's events are left under one grant. */

#include "module.h"

static void free_documents(Documents *documents) {
    for (int number = 0; number < DOCUMENTS_LIMIT; number++) {
        PyMem_Free(documents->documents[number].wrapper);
        PyMem_Free(documents->documents[number].of_type);
    }
    node_free(documents->schemas);
    PyMem_Free(documents->token_schema);
}

static void free_projection(PyObject *self) {
    Projection *projection = (Projection *)self;
    PyTypeObject *type = Py_TYPE(self);
    node_free(projection->rules.event);
    node_free(projection->rules.around);
    node_free(projection->rules.types);
    node_free(projection->rules.headers);
    node_free(projection->rules.beside);
    node_free(projection->rules.address);
    PyMem_Free(projection->rules.content_type);
    Py_CLEAR(projection->rules.envelope);
    Py_CLEAR(projection->rules.read_address);
    free_documents(&projection->rules.documents);
    for (int number = 0; number < LEVELS_LIMIT; number++) {
        node_free(projection->rules.levels[number].around);
        PyMem_Free(projection->rules.levels[number].list_at);
    }
    PyMem_Free(projection->rules.list_at);
    PyMem_Free(projection->rules.times);
    PyMem_Free(projection->tallies);
    Py_CLEAR(projection->rules.labels);
    Py_CLEAR(projection->rules.truncate);
    Py_CLEAR(projection->strange);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static bool read_times(Rules *rules, PyObject *times) {
    Py_ssize_t size = PyTuple_Size(times);
    rules->times = PyMem_Calloc((size_t)size + 1, sizeof(TimeAt));
    if (size < 0 || rules->times == NULL)
        return false;
    for (; rules->times_count < size; rules->times_count++) {
        int slot, unit, is_age;
        if (!PyArg_ParseTuple(PyTuple_GetItem(times, rules->times_count), "iip", &slot, &unit, &is_age))
            return false;
        if (slot < 0 || slot >= SLOTS_LIMIT || unit < MS || unit > RFC3339) {
            PyErr_SetString(PyExc_ValueError, "no such slot, or no such unit");
            return false;
        }
        rules->times[rules->times_count] = (TimeAt){slot, (Unit)unit, is_age != 0};
    }
    return true;
}

static char *copied(const char *text) {
    char *copy = PyMem_Malloc(strlen(text) + 1);
    return copy == NULL ? (char *)PyErr_NoMemory() : strcpy(copy, text);
}

static bool read_levels(Rules *rules, PyObject *levels) {
    for (; rules->levels_count < PyTuple_Size(levels); rules->levels_count++) {
        Level *level = &rules->levels[rules->levels_count];
        PyObject *around;
        const char *list_at;
        if (rules->levels_count == LEVELS_LIMIT) {
            PyErr_SetString(PyExc_ValueError, "too many levels");
            return false;
        }
        if (!PyArg_ParseTuple(PyTuple_GetItem(levels, rules->levels_count), "Os", &around, &list_at)
            || (level->around = node_make(around, rules->labels)) == NULL || (level->list_at = copied(list_at)) == NULL)
            return false;
    }
    return true;
}

static bool read_documents(Documents *documents, PyObject *specs, PyObject *schemas, const char *token,
                           PyObject *labels) {
    if (token != NULL && (documents->token_schema = copied(token)) == NULL)
        return false;
    if ((documents->schemas = node_make(schemas, labels)) == NULL)
        return false;
    for (; documents->count < PyTuple_Size(specs); documents->count++) {
        Document *document = &documents->documents[documents->count];
        int is_event, is_base64;
        const char *wrapper, *of_type;
        if (documents->count == DOCUMENTS_LIMIT) {
            PyErr_SetString(PyExc_ValueError, "too many documents");
            return false;
        }
        if (!PyArg_ParseTuple(PyTuple_GetItem(specs, documents->count), "ppsz", &is_event, &is_base64, &wrapper,
                              &of_type))
            return false;
        document->is_event = is_event != 0;
        document->is_base64 = is_base64 != 0;
        if ((document->wrapper = copied(wrapper)) == NULL
            || (of_type != NULL && (document->of_type = copied(of_type)) == NULL))
            return false;
    }
    return true;
}

static int init_projection(PyObject *self, PyObject *arguments, PyObject *names) {
    static char *keywords[] = {
        "event",     "around",       "list_at",      "source",  "are_queries",  "envelope",  "many",  "levels",
        "documents", "schemas",      "token_schema", "types",   "tokens",       "type_slot", "times", "truncate",
        "headers",   "content_type", "beside",       "address", "read_address", NULL,
    };
    Projection *projection = (Projection *)self;
    Rules *rules = &projection->rules;
    PyObject *event, *around, *envelope, *levels, *documents, *schemas, *types, *times, *truncate;
    PyObject *headers, *beside, *address, *read_address;
    const char *list_at, *token_schema, *content_type;
    int source, are_queries, many;
    if (rules->event != NULL) {
        PyErr_SetString(PyExc_TypeError, "a projection is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O!OzipO!pO!O!OzOiiO!OOzOOO", keywords, &PyTuple_Type, &event,
                                     &around, &list_at, &source, &are_queries, &PyTuple_Type, &envelope, &many,
                                     &PyTuple_Type, &levels, &PyTuple_Type, &documents, &schemas, &token_schema, &types,
                                     &rules->tokens, &rules->type_slot, &PyTuple_Type, &times, &truncate, &headers,
                                     &content_type, &beside, &address, &read_address))
        return -1;
    if (rules->tokens < 0 || rules->tokens > SLOTS_LIMIT || rules->type_slot >= SLOTS_LIMIT || source < BODY
        || source > LINES) {
        PyErr_SetString(PyExc_ValueError, "no such slot, or no such source");
        return -1;
    }
    rules->source = (Source)source;
    rules->are_queries = source != BODY || are_queries != 0;
    rules->many = many != 0;
    rules->envelope = Py_NewRef(envelope);
    rules->truncate = Py_NewRef(truncate);
    rules->read_address = Py_NewRef(read_address);
    if ((content_type != NULL && (rules->content_type = copied(content_type)) == NULL)
        || (rules->labels = PyList_New(0)) == NULL || (projection->strange = PyDict_New()) == NULL
        || (rules->event = node_make(event, rules->labels)) == NULL
        || (rules->headers = node_make(headers, rules->labels)) == NULL
        || (rules->beside = node_make(beside, rules->labels)) == NULL
        || (rules->address = node_make(address, rules->labels)) == NULL
        || (around != Py_None && (rules->around = node_make(around, rules->labels)) == NULL)
        || (types != Py_None && (rules->types = node_make(types, rules->labels)) == NULL)
        || (list_at != NULL && (rules->list_at = copied(list_at)) == NULL) || !read_times(rules, times)
        || !read_levels(rules, levels)
        || !read_documents(&rules->documents, documents, schemas, token_schema, rules->labels))
        return PyErr_Occurred() ? -1 : (PyErr_NoMemory(), -1);
    size_t labels = (size_t)PyList_Size(rules->labels);
    projection->tallies = PyMem_Calloc(labels + 1, sizeof(int64_t));
    return projection->tallies == NULL ? (PyErr_NoMemory(), -1) : 0;
}

static PyType_Slot slots[] = {
    {Py_tp_init, init_projection},
    {Py_tp_dealloc, free_projection},
    {0, NULL},
};

PyType_Spec projection_spec = {
    "cookiegate.gate._projection.Projection", sizeof(Projection), 0, Py_TPFLAGS_DEFAULT, slots,
};
