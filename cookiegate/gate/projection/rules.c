/* What becomes of each name in an object: a table made of a field map and a grant. */

#include "projection.h"

/* By length, first and last bytes: names that agree in all of these are told apart when they are compared. */
static uint32_t hash(const char *name, uint32_t length) {
    uint64_t first = 0, last = 0;
    if (length >= 8) {
        memcpy(&first, name, 8);
        memcpy(&last, name + length - 8, 8);
    } else if (length >= 4) {
        memcpy(&first, name, 4);
        memcpy(&last, name + length - 4, 4);
    } else {
        for (uint32_t number = 0; number < length; number++)
            first = first << 8 | (unsigned char)name[number];
    }
    uint64_t value = (first ^ (last << 23 | last >> 41) ^ length) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(value >> 32);
}

const Entry *node_find(const Node *node, const char *name, uint32_t length) {
    for (uint32_t place = hash(name, length);; place++) {
        uint16_t found = node->buckets[place & node->mask];
        if (found == 0)
            return NULL;
        const Entry *entry = &node->entries[found - 1];
        if (entry->length == length && memcmp(entry->name, name, length) == 0)
            return entry;
    }
}

static bool make_buckets(Node *node, Py_ssize_t count) {
    uint32_t size = 8;
    while (size < (uint32_t)count * 2)
        size *= 2;
    node->mask = size - 1;
    node->entries = PyMem_Calloc(count ? (size_t)count : 1, sizeof(Entry));
    node->buckets = PyMem_Calloc(size, sizeof(uint16_t));
    return node->entries != NULL && node->buckets != NULL;
}

static bool fill(Entry *entry, PyObject *name, PyObject *spec, PyObject *labels) {
    int action, slot;
    PyObject *label, *inner;
    if (!PyArg_ParseTuple(spec, "iOiO", &action, &label, &slot, &inner))
        return false;
    if (action < KEEP || action > WRITTEN || slot < -1 || slot >= SLOTS_LIMIT
        || ((action == INNER || action == COOKIES) && inner == Py_None)) {
        PyErr_SetString(PyExc_ValueError, "no such action, or no such slot");
        return false;
    }
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(name, &length);
    if (text == NULL || (entry->name = PyMem_Malloc((size_t)length + 1)) == NULL)
        return false;
    memcpy(entry->name, text, (size_t)length + 1);
    entry->length = (uint32_t)length;
    entry->action = (uint8_t)action;
    entry->slot = slot;
    entry->label = -1;
    if (label != Py_None) {
        entry->label = (int32_t)PyList_Size(labels);
        if (PyList_Append(labels, label) < 0)
            return false;
    }
    return inner == Py_None || (entry->inner = node_make(inner, labels)) != NULL;
}

Node *node_make(PyObject *spec, PyObject *labels) {
    PyObject *at, *entries, *name, *entry;
    int form;
    if (!PyArg_ParseTuple(spec, "O!O!i", &PyUnicode_Type, &at, &PyDict_Type, &entries, &form))
        return NULL;
    Py_ssize_t count = PyDict_Size(entries), place = 0;
    if (count > ENTRIES_LIMIT) {
        PyErr_SetString(PyExc_ValueError, "more names than an object may have here");
        return NULL;
    }
    Node *node = PyMem_Calloc(1, sizeof(Node));
    if (node == NULL || !make_buckets(node, count)) {
        node_free(node);
        return (Node *)PyErr_NoMemory();
    }
    node->at = Py_NewRef(at);
    node->form = (Form)form;
    while (PyDict_Next(entries, &place, &name, &entry)) {
        Entry *made = &node->entries[node->count++];
        if (!fill(made, name, entry, labels)) {
            node_free(node);
            if (!PyErr_Occurred())
                PyErr_NoMemory();
            return NULL;
        }
        uint32_t bucket = hash(made->name, made->length);
        while (node->buckets[bucket & node->mask] != 0)
            bucket++;
        node->buckets[bucket & node->mask] = (uint16_t)node->count;
    }
    return node;
}

void node_free(Node *node) {
    if (node == NULL)
        return;
    for (uint32_t number = 0; number < node->count; number++) {
        PyMem_Free(node->entries[number].name);
        node_free(node->entries[number].inner);
    }
    PyMem_Free(node->entries);
    PyMem_Free(node->buckets);
    Py_XDECREF(node->at);
    PyMem_Free(node);
}
