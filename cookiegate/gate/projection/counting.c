/* How often each name was refused. */

#include "module.h"

static bool add(PyObject *counts, PyObject *name, int64_t times) {
    PyObject *before = PyDict_GetItemWithError(counts, name);
    if (before == NULL && PyErr_Occurred())
        return false;
    PyObject *after = PyLong_FromLongLong((before == NULL ? 0 : PyLong_AsLongLong(before)) + times);
    bool done = after != NULL && PyDict_SetItem(counts, name, after) == 0;
    Py_XDECREF(after);
    return done;
}

static bool add_strange(PyObject *strange, const Refused *refused) {
    PyObject *name = PyUnicode_DecodeUTF8(refused->name.text, (Py_ssize_t)refused->name.size, NULL);
    PyObject *path = NULL;
    if (name != NULL)
        path =
            refused->label == STRANGE ? PyUnicode_Concat(refused->node->at, name) : PyUnicode_FromFormat("%U.*", name);
    bool done = path != NULL && add(strange, path, refused->times);
    Py_XDECREF(name);
    Py_XDECREF(path);
    return done;
}

bool count_refused(const Leaving *leaving, int64_t *tallies) {
    bool is_strange = false;
    for (uint32_t number = 0; number < leaving->refused_size; number++) {
        const Refused *refused = &leaving->refused[number];
        if (refused->label >= 0)
            tallies[refused->label] += refused->times;
        else
            is_strange = is_strange || refused->times > 0;
    }
    return is_strange;
}

bool count_strange(const Leaving *leaving, PyObject *strange) {
    for (uint32_t number = 0; number < leaving->refused_size; number++) {
        const Refused *refused = &leaving->refused[number];
        if (refused->label < 0 && refused->times > 0 && !add_strange(strange, refused))
            return false;
    }
    return true;
}

bool count_labels(PyObject *labels, const int64_t *tallies, PyObject *counts) {
    Py_ssize_t size = PyList_Size(labels);
    for (Py_ssize_t number = 0; number < size; number++)
        if (tallies[number] != 0 && !add(counts, PyList_GetItem(labels, number), tallies[number]))
            return false;
    return true;
}

bool count_all(PyObject *others, PyObject *counts) {
    PyObject *name, *times;
    Py_ssize_t place = 0;
    while (PyDict_Next(others, &place, &name, &times))
        if (!add(counts, name, PyLong_AsLongLong(times)))
            return false;
    return true;
}
