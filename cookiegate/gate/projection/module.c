/* cookiegate.gate._projection: see _projection.pyi for what it gives. */

#include "module.h"

PyTypeObject *projection_type = NULL, *grant_type = NULL, *grants_type = NULL, *requests_type = NULL;

static PyMethodDef functions[] = {
    {"project_lines", project_lines, METH_VARARGS, "What stays of lines that hold plain events, or requests."},
    {"project_request", project_request, METH_VARARGS, "What stays of one request."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "cookiegate.gate._projection",
    "What one grant leaves of JSON.",
    -1,
    functions,
    NULL,
    NULL,
    NULL,
    NULL,
};

#ifndef BUILT_FROM
#define BUILT_FROM ""
#endif

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0)
        return NULL;
    return (PyTypeObject *)type;
}

PyMODINIT_FUNC PyInit__projection(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
    documents_prepare();
    projection_type = add_type(module, &projection_spec);
    grant_type = add_type(module, &grant_spec);
    grants_type = add_type(module, &grants_spec);
    requests_type = add_type(module, &requests_spec);
    if (projection_type == NULL || grant_type == NULL || grants_type == NULL || requests_type == NULL
        || PyModule_AddStringConstant(module, "BUILT_FROM", BUILT_FROM) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
