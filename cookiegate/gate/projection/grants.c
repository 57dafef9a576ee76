/* The types Grant, what is known of a token, and Grants, a table of them. */

#include "module.h"
#include <stddef.h>
#include <structmember.h>

static void free_grant(PyObject *self) {
    Grant *grant = (Grant *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_CLEAR(grant->projections);
    Py_CLEAR(grant->token);
    Py_CLEAR(grant->stamp);
    Py_CLEAR(grant->claims);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int init_grant(PyObject *self, PyObject *arguments, PyObject *names) {
    static char *keywords[] = {"projections", "token", "stamp", "claims", "earliest_ms", "latest_ms", NULL};
    Grant *grant = (Grant *)self;
    PyObject *projections, *token, *stamp, *claims;
    if (grant->token != NULL) {
        PyErr_SetString(PyExc_TypeError, "a grant is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O!SSOLL", keywords, &PyTuple_Type, &projections, &token, &stamp,
                                     &claims, &grant->given.earliest_ms, &grant->given.latest_ms))
        return -1;
    for (Py_ssize_t number = 0; number < PyTuple_Size(projections); number++) {
        PyObject *projection = PyTuple_GetItem(projections, number);
        if (projection != Py_None
            && (!PyObject_TypeCheck(projection, projection_type) || ((Projection *)projection)->rules.event == NULL)) {
            PyErr_SetString(PyExc_TypeError, "projections with their rules are needed");
            return -1;
        }
    }
    grant->projections = Py_NewRef(projections);
    grant->token = Py_NewRef(token);
    grant->stamp = Py_NewRef(stamp);
    grant->claims = Py_NewRef(claims);
    grant->given.token = (Span){PyBytes_AsString(token), (size_t)PyBytes_Size(token)};
    grant->given.stamp = (Span){PyBytes_AsString(stamp), (size_t)PyBytes_Size(stamp)};
    return 0;
}

static PyMemberDef grant_members[] = {
    {"claims", T_OBJECT, offsetof(Grant, claims), READONLY, "what the token says"},
    {"moment", T_LONGLONG, offsetof(Grant, moment), 0, "when it was last found to stand"},
    {"passes_untimed", T_BOOL, offsetof(Grant, given.passes_untimed), 0,
     "whether an event that tells no time may pass"},
    {"earliest_ms", T_LONGLONG, offsetof(Grant, given.earliest_ms), READONLY, "when it began to hold"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot grant_slots[] = {
    {Py_tp_init, init_grant},
    {Py_tp_dealloc, free_grant},
    {Py_tp_members, grant_members},
    {0, NULL},
};

PyType_Spec grant_spec = {"cookiegate.gate._projection.Grant", sizeof(Grant), 0, Py_TPFLAGS_DEFAULT, grant_slots};

/* A signature ends a token, and only what the issuer signed gets here: the last bytes tell tokens apart. */
static size_t hash(Span token) {
    uint64_t tail = 0;
    size_t size = token.size < 8 ? token.size : 8;
    memcpy(&tail, token.text + token.size - size, size);
    return (size_t)((tail * UINT64_C(0x9E3779B97F4A7C15)) >> 24);
}

static Grant **bucket_of(const Grants *grants, Span token) {
    for (size_t place = hash(token);; place++) {
        Grant **bucket = &grants->buckets[place & grants->mask];
        if (*bucket == NULL)
            return bucket;
        Span known = (*bucket)->given.token;
        if (is_same(known, token))
            return bucket;
    }
}

int grant_stands(Grant *grant, PyObject *asked, long long moment) {
    if (grant->moment == moment)
        return 1;
    PyObject *answer = PyObject_CallFunctionObjArgs(asked, (PyObject *)grant, NULL);
    int found = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return found;
}

Projection *grant_projection(const Grant *grant, int route) {
    if (route >= PyTuple_Size(grant->projections))
        return NULL;
    PyObject *projection = PyTuple_GetItem(grant->projections, route);
    return projection == Py_None ? NULL : (Projection *)projection;
}

Grant *grants_find(const Grants *grants, Span token) { return grants->count == 0 ? NULL : *bucket_of(grants, token); }

static bool grow(Grants *grants) {
    Grants larger = {.mask = grants->buckets == NULL ? 63 : grants->mask * 2 + 1};
    larger.buckets = PyMem_Calloc(larger.mask + 1, sizeof(Grant *));
    if (larger.buckets == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t place = 0; grants->buckets != NULL && place <= grants->mask; place++)
        if (grants->buckets[place] != NULL)
            *bucket_of(&larger, grants->buckets[place]->given.token) = grants->buckets[place];
    PyMem_Free(grants->buckets);
    grants->buckets = larger.buckets;
    grants->mask = larger.mask;
    return true;
}

static PyObject *add_grant(PyObject *self, PyObject *added) {
    Grants *grants = (Grants *)self;
    if (!PyObject_TypeCheck(added, grant_type) || ((Grant *)added)->token == NULL) {
        PyErr_SetString(PyExc_TypeError, "a Grant is needed");
        return NULL;
    }
    if ((grants->buckets == NULL || grants->count * 2 >= grants->mask) && !grow(grants))
        return NULL;
    Grant **bucket = bucket_of(grants, ((Grant *)added)->given.token), *before = *bucket;
    grants->count += before == NULL;
    *bucket = (Grant *)Py_NewRef(added);
    Py_XDECREF((PyObject *)before);
    Py_RETURN_NONE;
}

static PyObject *clear(PyObject *self, PyObject *unused) {
    Grants *grants = (Grants *)self, before = *grants;
    (void)unused;
    grants->buckets = NULL;
    grants->mask = grants->count = 0;
    for (size_t place = 0; before.buckets != NULL && place <= before.mask; place++)
        Py_XDECREF((PyObject *)before.buckets[place]);
    PyMem_Free(before.buckets);
    Py_RETURN_NONE;
}

static Py_ssize_t length(PyObject *self) { return (Py_ssize_t)((Grants *)self)->count; }

static void free_grants(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(clear(self, NULL));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef grants_methods[] = {
    {"add", add_grant, METH_O, "Remembers a grant by its token."},
    {"clear", clear, METH_NOARGS, "Forgets all."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot grants_slots[] = {
    {Py_tp_dealloc, free_grants},
    {Py_tp_methods, grants_methods},
    {Py_sq_length, length},
    {0, NULL},
};

PyType_Spec grants_spec = {"cookiegate.gate._projection.Grants", sizeof(Grants), 0, Py_TPFLAGS_DEFAULT, grants_slots};
