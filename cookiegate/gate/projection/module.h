/* What the parts of the Python module share. */

#ifndef COOKIEGATE_MODULE_H
#define COOKIEGATE_MODULE_H

#include "projection.h"

/* How one route's events are left under one grant. */
typedef struct Projection {
    PyObject_HEAD Rules rules;
    int64_t *tallies;  /* by label, of the lines that are being read */
    PyObject *strange; /* of the same: path of a name without a rule -> how often */
    bool is_touched;
    struct Projection *after; /* the next of those with tallies */
} Projection;

/* A grant that lines are known to go by. */
typedef struct {
    PyObject_HEAD Projection *projection;
    PyObject *token, *stamp; /* bytes, which `given` points into */
    PyObject *claims;
    Given given;
    long long moment; /* when it was last found to stand */
} Grant;

typedef struct {
    PyObject_HEAD Grant **buckets;
    size_t mask, count;
} Grants;

extern PyType_Spec projection_spec, grant_spec, grants_spec;
extern PyTypeObject *projection_type, *grant_type, *grants_type;

Grant *grants_find(const Grants *grants, Span token);

/* Adds what was refused by label to tallies; tells whether there were names without a rule. */
bool count_refused(const Leaving *leaving, int64_t *tallies);
/* Adds those to a dict; false if something broke, as below. */
bool count_strange(const Leaving *leaving, PyObject *strange);
/* Adds tallies, and another dict's numbers, to counts. */
bool count_labels(PyObject *labels, const int64_t *tallies, PyObject *counts);
bool count_all(PyObject *others, PyObject *counts);

PyObject *project_body(PyObject *self, PyObject *arguments);
PyObject *project_lines(PyObject *module, PyObject *arguments);

#endif
