/* What one grant leaves of JSON: read once into a tape of places, written again without what is refused.
 *
 * Only text that is as usual is taken: whatever is odd (a name spelled with escapes, one name twice, a number past what
 * every reader holds, half of a surrogate pair, bad UTF-8) is left to the gate's thorough way, which alone refuses. So
 * nothing here has to decide what odd text means.
 */
#ifndef COOKIEGATE_PROJECTION_H
#define COOKIEGATE_PROJECTION_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- scan.c: text to tape ---- */

typedef struct {
    const char *text;
    size_t size;
} Span;

typedef enum { OBJECT, LIST, TEXT, NUMBER, BOOLEAN, NOTHING } Kind;

/* A value. An object's members are a TEXT for the name, then the value; start and end of a TEXT lie inside its quotes.
 */
typedef struct {
    uint32_t start, end;
    uint32_t next;  /* the place after this value and all that is in it */
    uint32_t count; /* members or items of its own */
    uint8_t kind;
    bool escaped; /* TEXT: has a backslash */
    bool plain;   /* LIST: of nothing but scalars */
    bool whole;   /* NUMBER: an integer */
} Place;

typedef struct {
    const char *text;
    Place *places;
    uint32_t size, room;
} Tape;

/* Reads text, which must end in a zero byte. False for what is no JSON, or no usual one; tape->places is NULL if there
 * was no memory. */
bool tape_read(Tape *tape, const char *text, size_t length);
void tape_free(Tape *tape);
/* A tape made by hand: of one object, to which texts are added. */
bool tape_begin(Tape *tape, const char *text);
bool tape_add_text(Tape *tape, uint32_t start, uint32_t size);
/* Whether text is UTF-8; what is behind it can be read. */
bool is_utf8(Span text);
/* The value of four hexadecimal digits; -1 if they are none. */
int32_t hexadecimal(const char *at);
/* Whether tokens are made of it. */
bool is_of_tokens(int32_t code);

static inline bool is_same(Span text, Span other) {
    return text.size == other.size && memcmp(text.text, other.text, text.size) == 0;
}

static inline bool is_text(Span text, const char *other) { return is_same(text, (Span){other, strlen(other)}); }

/* ---- rules.c: what becomes of each name ---- */

typedef enum {
    KEEP, /* stays if it is a scalar or a list of them */
    DROP,
    CUT,      /* an address, of which the network stays */
    INNER,    /* its members are judged by themselves */
    TYPED,    /* stays if it is a typed value as OpenTelemetry has them */
    DOCUMENT, /* a text that holds JSON, whose members are judged by its schema; the slot is the document's number */
    ODD,      /* only the thorough way can tell */
    ADDRESS,  /* a header: of its addresses stays what the grant allows */
    COOKIES,  /* a header: its cookies are judged by themselves */
    WRITTEN,  /* a header: says what the gate writes, whatever it said */
} Action;

typedef struct Node Node;

typedef struct {
    char *name;
    uint32_t length;
    uint8_t action;
    int32_t label; /* how it is counted where it is left out or cut; -1: not at all */
    int32_t slot;  /* where its value is remembered; -1: nowhere */
    Node *inner;   /* INNER: rules for what is in it; otherwise what is looked for in it, or NULL */
} Entry;

typedef enum {
    MEMBERS,    /* of an object */
    AROUND,     /* of an object whose other members are passed over */
    ATTRIBUTES, /* of a list of `key` and typed `value` */
} Form;

struct Node {
    Form form;
    Entry *entries;
    uint32_t count, mask;
    uint16_t *buckets; /* number of an entry and one; 0: none */
    PyObject *at;      /* path of the place, ending in a dot unless empty */
};

#define SLOTS_LIMIT 32
#define ENTRIES_LIMIT 512 /* names in one object */

/* Makes a node of (path, {name: (action, label or None, slot, node or None)}, form); labels are added to a list. */
Node *node_make(PyObject *spec, PyObject *labels);
void node_free(Node *node);
const Entry *node_find(const Node *node, const char *name, uint32_t length);

/* ---- times.c: when an event happened ---- */

typedef enum { MS, S, MS_TEXT, S_TEXT, NS_TEXT, RFC3339 } Unit;
typedef enum { TOLD, UNTOLD, UNSURE } Telling;

/* The time at a place in milliseconds since 1970; UNTOLD if the unit's reader would not read it, UNSURE if it may. */
Telling time_read(const Tape *tape, const Place *place, Unit unit, int64_t *ms);
/* The time in a text as RFC 3339 spells it. */
Telling time_of(Span text, int64_t *ms);

/* ---- leaving.c: what stays of an object ---- */

typedef struct {
    char *bytes;
    size_t size, room;
} Out;

bool out_grow(Out *out, size_t size);

/* Room for more at its end, and more at its end; NULL and false without memory, with an exception set. */
static inline char *out_take(Out *out, size_t size) {
    if (out->room - out->size < size && !out_grow(out, size))
        return NULL;
    out->size += size;
    return out->bytes + out->size - size;
}

static inline bool out_add(Out *out, const char *bytes, size_t size) {
    char *taken = out_take(out, size);
    if (taken != NULL)
        memcpy(taken, bytes, size);
    return taken != NULL;
}

/* Something that was left out, to be counted once the event stays. */
typedef struct {
    int32_t label; /* one of those below, or a rule's */
    const Node *node;
    Span name;
    uint32_t times;
} Refused;

/* A field whose text is a self-describing document. */
typedef struct {
    bool is_event;  /* holds one document; otherwise a list of them */
    bool is_base64; /* base64url; otherwise the JSON itself */
    char *wrapper;  /* the schema around it */
    char *of_type;  /* the events' type that needs it; NULL for any */
} Document;

#define DOCUMENTS_LIMIT 8

typedef struct {
    Document documents[DOCUMENTS_LIMIT];
    int count;
    Node *schemas;      /* `vendor/name/jsonschema/model` -> what becomes of its members */
    char *token_schema; /* of a document whose member `token` is the event's token */
} Documents;

/* Room for what documents hold, which stays where it is. */
typedef struct {
    char *bytes;
    size_t size, room;
} Arena;

typedef struct {
    const Tape *tape;
    Out *out;
    PyObject *truncate; /* cuts addresses */
    const Documents *documents;
    Arena *arena;
    Tape *inner, *pairs;  /* of the document and of the query at hand */
    Out *scratch, *value; /* what is left of that, and of a value in this */
    Span document_token;  /* the token in one of the event's documents */
    int event_documents;  /* how many that hold one document the event has */
    Span secret;          /* the token, which must not stay in a text */
    Refused *refused;
    uint32_t refused_size, refused_room;
    uint32_t slots[SLOTS_LIMIT]; /* place and one of what was remembered; 0: was not there */
} Leaving;

#define STRANGE (-1)        /* a name without a rule */
#define STRANGE_SCHEMA (-2) /* a schema without one */

#define SECRET_LEAST 64

bool refuse(Leaving *leaving, int32_t label, const Node *node, Span name);
Span span_of(const Tape *tape, const Place *place);
/* Writes a scalar; false if it must not stay as it is. */
bool add_scalar(Leaving *leaving, const Place *place);
/* Writes what is left of an address: 1 if something is, 0 if nothing, -1 if something broke or is odd. */
int add_cut(Leaving *leaving, const Place *place);
/* What is known of an object that is being left. */
typedef struct {
    const Node *node;
    uint32_t since;         /* what was refused before it */
    uint32_t pause, resume; /* what was refused from here to there is not its own; twice 0 if all is */
    bool remembers;
    uint64_t seen[ENTRIES_LIMIT / 64]; /* a bit for each entry that it had */
} Object;

bool is_first(Object *object, const Entry *entry);
/* Whether a name without a rule was in the object before. */
bool is_again(const Leaving *leaving, const Object *object, Span name);

bool has_secret(const Leaving *leaving, Span text);

/* ---- queries.c ---- */

/* Writes what rules leave of a query: how many pairs, -1 if the thorough way must look. The tape is the query's then.
 */
int32_t leave_query(Leaving *leaving, const Node *node, Span query);
/* The same in parts that make one object, each written behind the other. */
bool begin_query(Leaving *leaving);
int32_t leave_pairs(Leaving *leaving, Object *object, Span query);

/* ---- attributes.c: OpenTelemetry's attribute lists and typed values ---- */

/* As leave_object does it: the list of attributes at a place, of which `met` were there. */
int32_t leave_attributes(Leaving *leaving, const Node *node, uint32_t place, bool remembers);
/* Writes a typed value: 1, or -1 if it is odd. */
int add_typed(Leaving *leaving, uint32_t place);

/* ---- documents.c ---- */

void documents_prepare(void);

/* Writes what is left of a document: 1 if something is, 0 if nothing, -1 if the thorough way must look. */
int leave_document(Leaving *leaving, const Document *document, uint32_t place);
/* Room for `size` bytes and a zero; NULL if there is none. */
char *arena_take(Arena *arena, size_t size);
/* What base64url, or a JSON text with escapes, stands for; no text if it is odd. A zero is behind it. */
Span read_base64(Arena *arena, Span text);
Span read_escaped(Arena *arena, Span text);
/* Writes JSON, or lines, as the inside of a JSON text. */
bool add_escaped(Out *out, Span text);

/* Writes what rules leave of the object at a place. Gives how many members stay; -1 if the thorough way must look, with
 * an exception set if something broke. */
int32_t leave_object(Leaving *leaving, const Node *node, uint32_t place, bool remembers);

/* ---- workspace.c ---- */

typedef struct {
    Tape tape, inner, pairs;
    Out out, scratch, value;
    Out beside, line; /* of a request: what stays of the query beside its events, and all of it */
    Arena arena;
    Leaving leaving; /* of these */
} Workspace;

/* An empty one; NULL without memory, with an exception set. It must be given back. */
Workspace *workspace_take(const Documents *documents);
void workspace_give(Workspace *workspace);
/* Makes room for what the documents in so much text hold. */
bool arena_for(Arena *arena, size_t size);

/* ---- judging.c: one event by one grant ---- */

typedef struct {
    int slot;
    Unit unit;
    bool is_age; /* tells how long ago it was */
} TimeAt;

/* One level of nested bodies. */
typedef struct {
    Node *around;  /* what is beside the list */
    char *list_at; /* the member that holds it */
} Level;

#define LEVELS_LIMIT 4

/* Where a request has its events: in its body, as its query, or as lines of a body that share the query. */
typedef enum { BODY, QUERY, LINES } Source;

/* How the events of one route are read under one grant. */
typedef struct {
    Node *event;
    Node *around;  /* members around the events' list; NULL if a body has no such list */
    char *list_at; /* the member that holds it */
    Level levels[LEVELS_LIMIT];
    int levels_count;
    Documents documents;
    Source source;
    bool are_queries;       /* whether the events are queries, or in texts that are */
    PyObject *envelope;     /* fixed members around the list: (name, text) each */
    bool many;              /* whether a body may be one event, or a list */
    Node *headers;          /* of its request, by lower-case name */
    Node *beside;           /* parameters beside a body */
    Node *address;          /* of one name, `ip`: the client's address */
    char *content_type;     /* of what is written; NULL if there is no body */
    PyObject *read_address; /* (header's name, text) -> what the grant leaves of its addresses, or None */
    Node *types;            /* the known types; NULL if any will do */
    int tokens;             /* the first slots may hold the event's own token, the first that is there counts */
    int type_slot;          /* -1: events have no type */
    TimeAt *times;
    int times_count;
    PyObject *labels; /* list of str */
    PyObject *truncate;
} Rules;

/* What is known of a grant and of a request. */
typedef struct {
    Span token;
    Span stamp;          /* JSON that is left on each event; empty for none */
    bool is_shared;      /* whether an event without a token of its own goes by this one */
    bool passes_untimed; /* whether an event that tells no time may pass */
    long long earliest_ms, latest_ms, received_ms;
} Given;

/* Begins anew, by these rules. */
void leaving_begin(Leaving *leaving, const Rules *rules, Span secret);
/* Writes what stays of the event at a place. False if the thorough way must look, with an exception set if something
 * broke; nothing that was written then counts. What slots hold already is of what the event shares with others. */
bool leave_event(Leaving *leaving, const Rules *rules, const Given *given, uint32_t place);
/* The same for an event that is a query. */
bool leave_query_event(Leaving *leaving, const Rules *rules, const Given *given, Span query);
/* The same for events that are lines and share a query, of which `beside` gets what stays; how many there are, 0 if the
 * thorough way must look. */
uint32_t leave_lines(Leaving *leaving, const Rules *rules, const Given *given, Span query, Span lines, Out *beside);

/* The value of an object's member; 0 if it has none of that name. */
uint32_t member_of(const Tape *tape, uint32_t object, const char *name, size_t length);

/* ---- bodies.c ---- */

/* Writes what stays of the events in a body; how many there are, 0 if the thorough way must look. */
uint32_t leave_body(Leaving *leaving, const Rules *rules, const Given *given, uint32_t most);

/* ---- heads.c: headers, cookies and addresses ---- */

#define HEADERS_LIMIT 96

/* A request's headers. */
typedef struct {
    struct {
        Span name, value; /* the name in lower case; the value as it is spelled: JSON may escape it */
        bool escaped;
        bool is_left;
        size_t start, end; /* of what is left, in what is written */
    } headers[HEADERS_LIMIT];
    uint32_t count;
    Span token, cookie_token; /* what carries one; of no text if nothing does */
} Head;

/* Adds a header; false if the thorough way must look. `is_open`: whether the body is decoded already. */
bool head_add(Head *head, Span name, Span value, bool escaped, bool is_open, Arena *arena);
/* Writes what stays of each header's value, one behind the other; false as above. */
bool leave_headers(Leaving *leaving, const Rules *rules, Head *head);
/* Writes what stays of the addresses in a text: 1 if something does, 0 if nothing, -1 as above. `same` tells whether
 * all of it does. */
int add_address(Leaving *leaving, const Rules *rules, const Entry *entry, Span name, Span text, bool *same);

/* ---- tokens.c ---- */

/* What may be a token in JSON or a query; of no text if nothing is. `folded`: whether it may be in documents. */
Span token_in(Arena *arena, Span text, bool folded);
/* Whether JSON spells a text in one way alone, and it is no longer than a token. */
bool is_plain_text(Span text);
/* The value of a query's own parameter for tokens, `ct`; false if it is spelled oddly. */
bool token_beside(Span query, Span *token);

#endif
