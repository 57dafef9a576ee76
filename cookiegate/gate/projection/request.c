/* One request of a tracker: read from a line or from what a program has of it, left, and written as a line. */

#include "module.h"
#include <stddef.h>

static bool read_text(const Tape *tape, const Place *place, Span *text) {
    if (place->kind == TEXT && !place->escaped)
        *text = span_of(tape, place);
    return (place->kind == TEXT && !place->escaped) || place->kind == NOTHING;
}

static bool read_headers(Head *head, const Tape *tape, uint32_t object, Arena *arena) {
    const Place *places = tape->places;
    uint32_t name = object + 1;
    if (places[object].kind != OBJECT)
        return false;
    for (uint32_t left = places[object].count; left > 0; left--, name = places[name + 1].next)
        if (places[name].escaped || places[name + 1].kind != TEXT
            || !head_add(head, span_of(tape, &places[name]), span_of(tape, &places[name + 1]), places[name + 1].escaped,
                         false, arena))
            return false;
    return true;
}

/* Reads one member; false if the thorough way must look. */
static bool read_member(Request *request, const Tape *tape, uint32_t name, Arena *arena, unsigned *seen) {
    static const char *const names[] = {"method", "path", "headers", "body", "body_base64", "received_at", "ip"};
    enum { METHOD, PATH, HEADERS, TEXT_BODY, BASE64_BODY, RECEIVED_AT, IP, COUNT };
    Span told = span_of(tape, &tape->places[name]);
    const Place *value = &tape->places[name + 1];
    int member = 0;
    while (member < COUNT && !is_text(told, names[member]))
        member++;
    if (member == COUNT) /* nobody reads it */
        return !tape->places[name].escaped;
    bool is_again = (*seen >> member & 1) != 0;
    *seen |= 1U << member;
    if (is_again)
        return false;
    switch (member) {
    case METHOD:
        return value->kind == TEXT && read_text(tape, value, &request->method);
    case PATH:
        return value->kind == TEXT && read_text(tape, value, &request->path);
    case HEADERS:
        return read_headers(&request->head, tape, name + 1, arena);
    case TEXT_BODY:
        request->is_body_escaped = value->escaped;
        if (value->kind == TEXT)
            request->body = span_of(tape, value);
        return value->kind == TEXT || value->kind == NOTHING;
    case RECEIVED_AT:
        return read_text(tape, value, &request->received_at);
    case IP:
        return read_text(tape, value, &request->ip);
    default: /* in base64 */
        return value->kind == NOTHING;
    }
}

static bool read_members(Request *request, const Tape *tape, Arena *arena) {
    const Place *places = tape->places;
    unsigned seen = 0;
    uint32_t name = 1;
    if (places[0].kind != OBJECT)
        return false;
    for (uint32_t left = places[0].count; left > 0; left--, name = places[name + 1].next)
        if (!read_member(request, tape, name, arena, &seen))
            return false;
    return request->method.text != NULL && request->path.text != NULL;
}

/* Parts address and query. */
static void part_address(Request *request) {
    Span path = request->path;
    const char *question = memchr(path.text, '?', path.size);
    request->path.size = question == NULL ? path.size : (size_t)(question - path.text);
    request->query = (Span){path.text + request->path.size, 0};
    if (question != NULL)
        request->query = (Span){question + 1, path.size - request->path.size - 1};
}

/* Reads the body's text as JSON in a text stands for it. */
static bool open_body(Request *request, const Requests *requests, Arena *arena) {
    if (request->body.text == NULL)
        request->body = (Span){"", 0};
    else if (request->is_body_escaped)
        request->body = read_escaped(arena, request->body);
    return request->body.text != NULL && request->body.size <= requests->body_limit;
}

static bool add_token(Request *request, Span token) {
    if (token.size > 0)
        request->tokens[request->tokens_count++] = token;
    return is_plain_text(token);
}

static bool read_received(Request *request, int64_t now_ms) {
    request->received_ms = now_ms;
    if (request->received_at.text == NULL)
        return true;
    Telling telling = time_of(request->received_at, &request->received_ms);
    if (request->received_ms > now_ms)
        request->received_ms = now_ms;
    return telling == TOLD;
}

void request_begin(Request *request) {
    memset(request, 0, offsetof(Request, head));
    request->head.count = 0;
    request->head.token = request->head.cookie_token = (Span){NULL, 0};
}

bool request_read(Request *request, Workspace *workspace, Span line) {
    request_begin(request);
    return tape_read(&workspace->tape, line.text, line.size)
           && read_members(request, &workspace->tape, &workspace->arena);
}

bool request_open(Request *request, const Requests *requests, Workspace *workspace, int64_t now_ms) {
    Span beside;
    part_address(request);
    if (!open_body(request, requests, &workspace->arena) || !read_received(request, now_ms)
        || (request->route = route_of(requests, request)) < 0)
        return false;
    return token_beside(request->query, &beside) && add_token(request, request->head.token)
           && add_token(request, beside) && add_token(request, request->head.cookie_token);
}

Span request_token(const Request *request, const Requests *requests, Arena *arena) {
    Span token = token_in(arena, request->body, requests->folded);
    if (token.text == NULL)
        token = token_in(arena, request->query, requests->folded);
    return token.text == NULL && request->tokens_count > 0 ? request->tokens[0] : token;
}

/* Writes what stays of the events to `out`, of the query beside them to the workspace's; how many there are, 0 if the
 * thorough way must look. */
static uint32_t leave_events(Workspace *workspace, const Requests *requests, const Rules *rules, const Given *given,
                             const Request *request) {
    Leaving *leaving = &workspace->leaving;
    Span body = request->body;
    if (rules->source == QUERY)
        return leave_query_event(leaving, rules, given, request->query);
    if (rules->source == LINES)
        return leave_lines(leaving, rules, given, request->query, body, &workspace->beside);
    uint32_t most = requests->events_limit, more = (uint32_t)(body.size / requests->event_bytes);
    uint32_t events = tape_read(&workspace->tape, body.text, body.size)
                          ? leave_body(leaving, rules, given, more > most ? more : most)
                          : 0;
    if (events == 0 || request->query.size == 0)
        return events;
    leaving->out = &workspace->beside;
    return leave_query(leaving, rules->beside, request->query) < 0 ? 0 : events;
}

/* Writes what stays of the client's address. */
static bool leave_client(Leaving *leaving, const Rules *rules, Request *request) {
    static const Span name = {"ip", 2};
    const Entry *entry = node_find(rules->address, name.text, (uint32_t)name.size);
    bool same;
    if (request->ip.text == NULL)
        return true;
    if (entry == NULL || (entry->label >= 0 && !refuse(leaving, entry->label, rules->address, name)))
        return false;
    int found = add_address(leaving, rules, entry, name, request->ip, &same);
    request->is_ip_left = found == 1;
    return found >= 0;
}

/* What is known of the grant and of the request. */
static Given given_of(const Requests *requests, const Grant *grant, const Request *request) {
    Given given = grant->given;
    given.received_ms = request->received_ms;
    given.passes_untimed = !requests->checks_times
                           || (given.earliest_ms <= given.received_ms
                               && given.received_ms / 1000 < given.latest_ms / 1000 + requests->leeway_s);
    given.is_shared = request->tokens_count > 0 && is_same(request->tokens[0], given.token);
    if (!requests->stamps_events)
        given.stamp = (Span){NULL, 0};
    return given;
}

uint32_t request_leave(Workspace *workspace, const Requests *requests, const Grant *grant, Request *request) {
    Leaving *leaving = &workspace->leaving;
    const Rules *rules = &grant_projection(grant, request->route)->rules;
    Given given = given_of(requests, grant, request);
    for (int number = 0; number < request->tokens_count; number++)
        if (request->tokens[number].size >= SECRET_LEAST && !is_same(request->tokens[number], given.token))
            return 0; /* a secret that a stranger chose */
    leaving_begin(leaving, rules, given.token);
    workspace->beside.size = 0;
    uint32_t events = leave_events(workspace, requests, rules, &given, request);
    workspace->value.size = workspace->scratch.size = 0; /* of what events had in them */
    leaving->out = &workspace->value;
    bool done = events > 0 && leave_client(leaving, rules, request);
    leaving->out = &workspace->scratch;
    done = done && leave_headers(leaving, rules, &request->head);
    leaving->out = &workspace->out;
    leaving->tape = &workspace->tape;
    return done ? events : 0;
}

static bool add_member(Out *line, const char *start, Span text, const char *end) {
    return out_add(line, start, strlen(start)) && out_add(line, text.text, text.size)
           && out_add(line, end, strlen(end));
}

static Span span_out(const Out *out) { return (Span){out->size == 0 ? "" : out->bytes, out->size}; }

static bool add_headers(Out *line, const Head *head, const Out *values) {
    bool is_more = false;
    for (uint32_t number = 0; number < head->count; number++) {
        size_t start = head->headers[number].start, end = head->headers[number].end;
        if (!head->headers[number].is_left)
            continue;
        if (!add_member(line, is_more ? ",\"" : "\"", head->headers[number].name, "\":\"")
            || !add_member(line, "", (Span){values->bytes + start, end - start}, "\""))
            return false;
        is_more = true;
    }
    return true;
}

static bool add_body(Out *line, Span body) {
    return out_add(line, "\"", 1) && add_escaped(line, body) && out_add(line, "\"", 1);
}

bool request_add_line(Workspace *workspace, const Rules *rules, const Request *request, Span stamp) {
    Out *line = &workspace->line;
    Span events = span_out(&workspace->out), beside = span_out(&workspace->beside);
    bool is_query = rules->source == QUERY;
    if (is_query)
        beside = events;
    line->size = 0;
    return out_add(line, "{", 1)
           && (request->received_at.text == NULL || add_member(line, "\"received_at\":\"", request->received_at, "\","))
           && (!request->is_ip_left || add_member(line, "\"ip\":\"", span_out(&workspace->value), "\","))
           && add_member(line, "\"method\":\"", request->method, "\",\"path\":\"")
           && add_member(line, "", request->path, beside.size > 0 ? "?" : "") && add_member(line, "", beside, "\"")
           && out_add(line, ",\"headers\":{", 12) && add_headers(line, &request->head, &workspace->scratch)
           && out_add(line, "},\"body\":", 9) && (is_query ? out_add(line, "null", 4) : add_body(line, events))
           && add_member(line, ",\"consent\":", stamp, "}\n");
}
