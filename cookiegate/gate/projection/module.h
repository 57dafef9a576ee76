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
    PyObject_HEAD PyObject *projections; /* by route: a Projection, or None; of plain events there is one */
    PyObject *token, *stamp;             /* bytes, which `given` points into */
    PyObject *claims;
    Given given;
    long long moment; /* when it was last found to stand */
} Grant;

typedef struct {
    PyObject_HEAD Grant **buckets;
    size_t mask, count;
} Grants;

/* How the requests of one tracker are read. */
typedef struct {
    PyObject_HEAD Node *addresses; /* `METHOD path`; the slot is the number of the choice */
    struct {
        int routes[3]; /* of an empty body, of JSON, of any other; -1: only the thorough way knows it */
    } choices[SLOTS_LIMIT];
    unsigned int body_limit, events_limit, event_bytes;
    long long leeway_s;
    bool folded; /* whether a token may be in a document */
    bool checks_times;
    bool stamps_events; /* rather than requests */
} Requests;

extern PyType_Spec projection_spec, grant_spec, grants_spec, requests_spec;
extern PyTypeObject *projection_type, *grant_type, *grants_type, *requests_type;

#define TOKENS_LIMIT 3
#define LINE_LIMIT_BYTES (1 << 26) /* what a request needs must fit in places of 32 bits */

/* What is said of a request; of no text where it says nothing. */
typedef struct {
    Span method, path, query; /* the path without the query */
    Span body, received_at, ip;
    bool is_body_escaped; /* until it is opened */
    int route;
    Span tokens[TOKENS_LIMIT]; /* that it carries beside its events, the deciding one first */
    int tokens_count;
    int64_t received_ms;
    bool is_ip_left;
    Head head;
} Request;

/* The number of the route that takes a request; -1 if the thorough way must look. */
int route_of(const Requests *requests, const Request *request);
/* Makes an empty one, and reads what a line says; false as above. */
void request_begin(Request *request);
bool request_read(Request *request, Workspace *workspace, Span line);
/* Opens what was read: address, body, time of receipt, and tokens beside the events; false as above. */
bool request_open(Request *request, const Requests *requests, Workspace *workspace, int64_t now_ms);
/* What may be the token of its events; of no text if nothing is. */
Span request_token(const Request *request, const Requests *requests, Arena *arena);
/* Writes what a grant that has the request's route leaves of it: events to the workspace's `out`, what is beside them
 * to `beside`, values of headers to `scratch`, the address to `value`. How many events, 0 as above. */
uint32_t request_leave(Workspace *workspace, const Requests *requests, const Grant *grant, Request *request);
/* Writes that as a line to the workspace's. */
bool request_add_line(Workspace *workspace, const Rules *rules, const Request *request, Span stamp);
/* Whether a grant is good at a moment: the gate is asked once; -1 if that broke. */
int grant_stands(Grant *grant, PyObject *asked, long long moment);

Grant *grants_find(const Grants *grants, Span token);
/* What a grant leaves of a route's events; NULL if only the thorough way can tell. */
Projection *grant_projection(const Grant *grant, int route);

/* Adds what was refused by label to tallies; tells whether there were names without a rule. */
bool count_refused(const Leaving *leaving, int64_t *tallies);
/* Adds those to a dict; false if something broke, as below. */
bool count_strange(const Leaving *leaving, PyObject *strange);
/* Adds tallies, and another dict's numbers, to counts. */
bool count_labels(PyObject *labels, const int64_t *tallies, PyObject *counts);
bool count_all(PyObject *others, PyObject *counts);

PyObject *project_lines(PyObject *module, PyObject *arguments);
PyObject *project_request(PyObject *module, PyObject *arguments);

#endif
