/* The type Requests: how the requests of one tracker are read, and which of its routes takes one. */

#include "module.h"

#define ADDRESS_LIMIT 512 /* characters of method and path that a tracker may have */

int route_of(const Requests *requests, const Request *request) {
    char name[ADDRESS_LIMIT];
    size_t size = request->method.size + 1 + request->path.size;
    if (size > sizeof name || memchr(request->method.text, ' ', request->method.size) != NULL)
        return -1;
    memcpy(name, request->method.text, request->method.size);
    name[request->method.size] = ' ';
    memcpy(name + request->method.size + 1, request->path.text, request->path.size);
    const Entry *entry = node_find(requests->addresses, name, (uint32_t)size);
    if (entry == NULL)
        return -1;
    const char *at = request->body.text, *end = at + request->body.size;
    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    return requests->choices[entry->slot].routes[at == end ? 0 : *at == '{' || *at == '[' ? 1 : 2];
}

static void free_requests(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    node_free(((Requests *)self)->addresses);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static bool read_choices(Requests *requests, PyObject *choices) {
    Py_ssize_t size = PyTuple_Size(choices);
    if (size > SLOTS_LIMIT) {
        PyErr_SetString(PyExc_ValueError, "too many addresses");
        return false;
    }
    for (Py_ssize_t number = 0; number < size; number++) {
        int *routes = requests->choices[number].routes;
        if (!PyArg_ParseTuple(PyTuple_GetItem(choices, number), "iii", &routes[0], &routes[1], &routes[2]))
            return false;
    }
    for (uint32_t number = 0; number < requests->addresses->count; number++)
        if (requests->addresses->entries[number].slot < 0 || requests->addresses->entries[number].slot >= size) {
            PyErr_SetString(PyExc_ValueError, "no such choice");
            return false;
        }
    return true;
}

static int init_requests(PyObject *self, PyObject *arguments, PyObject *names) {
    static char *keywords[] = {"addresses",   "choices",  "folded",       "body_limit",    "events_limit",
                               "event_bytes", "leeway_s", "checks_times", "stamps_events", NULL};
    Requests *requests = (Requests *)self;
    PyObject *addresses, *choices, *labels;
    int folded, checks_times, stamps_events;
    if (requests->addresses != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O!O!pIIILpp", keywords, &PyTuple_Type, &addresses,
                                     &PyTuple_Type, &choices, &folded, &requests->body_limit, &requests->events_limit,
                                     &requests->event_bytes, &requests->leeway_s, &checks_times, &stamps_events))
        return -1;
    if (requests->event_bytes == 0) {
        PyErr_SetString(PyExc_ValueError, "an event has bytes");
        return -1;
    }
    requests->folded = folded != 0;
    requests->checks_times = checks_times != 0;
    requests->stamps_events = stamps_events != 0;
    labels = PyList_New(0);
    if (labels != NULL)
        requests->addresses = node_make(addresses, labels);
    Py_XDECREF(labels);
    return requests->addresses != NULL && read_choices(requests, choices) ? 0 : -1;
}

static PyType_Slot slots[] = {
    {Py_tp_init, init_requests},
    {Py_tp_dealloc, free_requests},
    {0, NULL},
};

PyType_Spec requests_spec = {
    "cookiegate.gate._projection.Requests", sizeof(Requests), 0, Py_TPFLAGS_DEFAULT, slots,
};
