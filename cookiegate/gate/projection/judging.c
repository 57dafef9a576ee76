/* One event by one grant: whether it goes by this token, its type and its time, and what stays of it. */

#include "projection.h"

/* As in cookiegate/gate/event_times.py. */
#define EARLIEST_TIME_MS INT64_C(1000000000000)
#define LATEST_TIME_MS INT64_C(253402300800000)

uint32_t member_of(const Tape *tape, uint32_t object, const char *name, size_t length) {
    const Place *places = tape->places;
    uint32_t at = object + 1;
    for (uint32_t left = places[object].count; left > 0; left--, at = places[at + 1].next)
        if (places[at].end - places[at].start == length && memcmp(tape->text + places[at].start, name, length) == 0)
            return at + 1;
    return 0;
}

static const Place *in_slot(const Leaving *leaving, int slot) {
    return leaving->slots[slot] == 0 ? NULL : &leaving->tape->places[leaving->slots[slot] - 1];
}

static bool goes_by(const Leaving *leaving, const Rules *rules, const Given *given) {
    for (int slot = 0; slot < rules->tokens; slot++) {
        const Place *own = in_slot(leaving, slot);
        if (own == NULL || own->kind == NOTHING || (own->kind == TEXT && own->start == own->end))
            continue;
        return own->kind == TEXT && is_same(span_of(leaving->tape, own), given->token);
    }
    Span own = leaving->document_token;
    if (own.text != NULL)
        return is_same(own, given->token);
    return given->is_shared;
}

/* Whether an event of this type has the documents that it needs, and no others. */
static bool has_documents(const Leaving *leaving, const Documents *documents, Span type) {
    for (int number = 0; number < documents->count; number++) {
        const char *of_type = documents->documents[number].of_type;
        if (of_type == NULL)
            continue;
        bool is_needed = is_text(type, of_type);
        if (is_needed != (leaving->event_documents > 0))
            return false;
    }
    return true;
}

static bool is_known(const Leaving *leaving, const Rules *rules) {
    if (rules->type_slot < 0)
        return true;
    const Place *type = in_slot(leaving, rules->type_slot);
    if (type == NULL || type->kind != TEXT || type->escaped)
        return false;
    Span name = span_of(leaving->tape, type);
    bool is_one = rules->types == NULL || node_find(rules->types, name.text, (uint32_t)name.size) != NULL;
    return is_one && has_documents(leaving, &rules->documents, name);
}

static bool is_timely(const Leaving *leaving, const Rules *rules, const Given *given) {
    for (int number = 0; number < rules->times_count; number++) {
        const TimeAt *time = &rules->times[number];
        const Place *place = in_slot(leaving, time->slot);
        int64_t at_ms = 0;
        Telling telling = place == NULL ? UNTOLD : time_read(leaving->tape, place, time->unit, &at_ms);
        if (telling == UNSURE)
            return false;
        if (telling == UNTOLD || (!time->is_age && (at_ms < EARLIEST_TIME_MS || at_ms >= LATEST_TIME_MS)))
            continue;
        if (time->is_age) {
            if (at_ms > LATEST_TIME_MS)
                return false;
            at_ms = given->received_ms - at_ms;
        }
        if (at_ms > given->received_ms)
            at_ms = given->received_ms;
        return given->earliest_ms <= at_ms && at_ms <= given->latest_ms;
    }
    return given->passes_untimed;
}

void leaving_begin(Leaving *leaving, const Rules *rules, Span secret) {
    leaving->secret = secret;
    leaving->truncate = rules->truncate;
    leaving->documents = &rules->documents;
    leaving->refused_size = 0;
    leaving->out->size = 0;
    memset(leaving->slots, 0, sizeof leaving->slots);
}

static bool add_stamp(Out *out, const Span *stamp, bool is_only) {
    static const char name[] = ",\"consent\":";
    out->size--; /* the closing brace */
    return out_add(out, name + is_only, sizeof name - 1 - is_only) && out_add(out, stamp->text, stamp->size)
           && out_add(out, "}", 1);
}

static void begin(Leaving *leaving) {
    leaving->document_token = (Span){NULL, 0};
    leaving->event_documents = 0;
}

static bool is_good(const Leaving *leaving, const Rules *rules, const Given *given) {
    return goes_by(leaving, rules, given) && is_known(leaving, rules) && is_timely(leaving, rules, given);
}

bool leave_query_event(Leaving *leaving, const Rules *rules, const Given *given, Span query) {
    const Tape *tape = leaving->tape;
    begin(leaving);
    bool done = leave_query(leaving, rules->event, query) >= 0 && is_good(leaving, rules, given);
    leaving->tape = tape;
    return done;
}

#define LINES_LIMIT 250 /* as cookiegate/gate/shapes.py has it */

/* The next line that is not blank, without its end; false if there is none. A lone carriage return is odd. */
static bool next_line(Span *lines, Span *line, bool *odd) {
    while (lines->size > 0) {
        const char *end = memchr(lines->text, '\n', lines->size);
        size_t size = end == NULL ? lines->size : (size_t)(end - lines->text);
        *line = (Span){lines->text, size};
        lines->text += size + (end != NULL);
        lines->size -= size + (end != NULL);
        if (end != NULL && size > 0 && end[-1] == '\r')
            line->size--;
        *odd = *odd || memchr(line->text, '\r', line->size) != NULL;
        for (size_t place = 0; place < line->size; place++)
            if (line->text[place] != ' ' && line->text[place] != '\t') {
                *odd = *odd || (unsigned char)line->text[place] < 0x20;
                return true;
            }
    }
    return false;
}

/* Writes what stays of a line's event, behind what stays of the query, of which the slots and the object tell. */
static bool leave_line_event(Leaving *leaving, const Rules *rules, const Given *given, Object object, Span line) {
    Span token = {NULL, 0}; /* beside events it is nobody's field */
    begin(leaving);
    object.pause = object.resume;
    object.resume = leaving->refused_size;
    return token_beside(line, &token) && token.text == NULL && leave_pairs(leaving, &object, line) >= 0
           && is_good(leaving, rules, given);
}

static uint32_t leave_each_line(Leaving *leaving, const Rules *rules, const Given *given, const Object *shared,
                                Span lines) {
    uint32_t count = 0, query = leaving->pairs->size, slots[SLOTS_LIMIT];
    const char *newline = lines.size > 0 && memchr(lines.text, '\r', lines.size) != NULL ? "\r\n" : "\n";
    Span line = {lines.text, 0};
    bool odd = false, more = next_line(&lines, &line, &odd);
    if (!more) /* all of them are blank: the query alone is the event */
        line.size = 0;
    memcpy(slots, leaving->slots, sizeof slots);
    for (; more || count == 0; count++) {
        leaving->pairs->size = query;
        memcpy(leaving->slots, slots, sizeof slots);
        if (odd || count == LINES_LIMIT || (count > 0 && !out_add(leaving->out, newline, strlen(newline))))
            return 0;
        size_t before = leaving->out->size;
        if (!leave_line_event(leaving, rules, given, *shared, line))
            return 0;
        more = more && next_line(&lines, &line, &odd);
        if (leaving->out->size == before && (more || count > 0))
            return 0; /* of several a blank one would be read as none */
    }
    return odd ? 0 : count;
}

uint32_t leave_lines(Leaving *leaving, const Rules *rules, const Given *given, Span query, Span lines, Out *beside) {
    Out *out = leaving->out;
    const Tape *tape = leaving->tape;
    Object shared = {.node = rules->event, .since = leaving->refused_size, .remembers = true};
    leaving->out = beside;
    memset(leaving->slots, 0, sizeof leaving->slots);
    bool done = begin_query(leaving) && leave_pairs(leaving, &shared, query) >= 0;
    leaving->out = out;
    shared.resume = leaving->refused_size;
    uint32_t events = done ? leave_each_line(leaving, rules, given, &shared, lines) : 0;
    leaving->tape = tape;
    for (uint32_t number = shared.since; number < shared.resume; number++)
        leaving->refused[number].times = events;
    return events;
}

/* The same for one that is a text in a list, with or without a question mark. */
static bool leave_text_event(Leaving *leaving, const Rules *rules, const Given *given, const Place *place) {
    Span query = span_of(leaving->tape, place);
    if (place->kind != TEXT || place->escaped)
        return false;
    if (query.size > 0 && query.text[0] == '?')
        query = (Span){query.text + 1, query.size - 1};
    return out_add(leaving->out, "\"?", 2) && leave_query_event(leaving, rules, given, query)
           && out_add(leaving->out, "\"", 1);
}

bool leave_event(Leaving *leaving, const Rules *rules, const Given *given, uint32_t number) {
    const Place *place = &leaving->tape->places[number];
    if (rules->are_queries)
        return leave_text_event(leaving, rules, given, place);
    if (place->kind != OBJECT)
        return false;
    begin(leaving);
    int32_t kept = leave_object(leaving, rules->event, number, true);
    if (kept < 0 || !is_good(leaving, rules, given))
        return false;
    return given->stamp.size == 0 || add_stamp(leaving->out, &given->stamp, kept == 0);
}
