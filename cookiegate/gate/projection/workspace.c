/* The room that reading and writing need: kept for the next body or lines, so that it is not asked of the system anew.
 */

#include "projection.h"

#define KEPT_BYTES (4 << 20)

static Workspace kept; /* under the interpreter's lock */
static bool is_taken = false;

Workspace *workspace_take(const Documents *documents) {
    Workspace *workspace = is_taken ? PyMem_Calloc(1, sizeof(Workspace)) : &kept;
    if (workspace == NULL)
        return (Workspace *)PyErr_NoMemory();
    if (workspace == &kept)
        is_taken = true;
    workspace->out.size = workspace->arena.size = 0;
    Leaving *leaving = &workspace->leaving;
    Refused *refused = leaving->refused;
    uint32_t room = leaving->refused_room;
    *leaving = (Leaving){
        .tape = &workspace->tape,
        .inner = &workspace->inner,
        .pairs = &workspace->pairs,
        .out = &workspace->out,
        .scratch = &workspace->scratch,
        .value = &workspace->value,
        .arena = &workspace->arena,
        .documents = documents,
        .refused = refused,
        .refused_room = room,
    };
    return workspace;
}

static size_t size_of(const Workspace *workspace) {
    return ((size_t)workspace->tape.room + workspace->inner.room + workspace->pairs.room) * sizeof(Place)
           + workspace->out.room + workspace->scratch.room + workspace->value.room + workspace->beside.room
           + workspace->line.room + workspace->arena.room + workspace->leaving.refused_room * sizeof(Refused);
}

static void empty(Workspace *workspace) {
    tape_free(&workspace->tape);
    tape_free(&workspace->inner);
    tape_free(&workspace->pairs);
    PyMem_Free(workspace->out.bytes);
    PyMem_Free(workspace->scratch.bytes);
    PyMem_Free(workspace->value.bytes);
    PyMem_Free(workspace->beside.bytes);
    PyMem_Free(workspace->line.bytes);
    PyMem_Free(workspace->arena.bytes);
    PyMem_Free(workspace->leaving.refused);
    *workspace = (Workspace){0};
}

void workspace_give(Workspace *workspace) {
    if (workspace != &kept) {
        empty(workspace);
        PyMem_Free(workspace);
        return;
    }
    if (size_of(workspace) > KEPT_BYTES)
        empty(workspace);
    is_taken = false;
}

bool arena_for(Arena *arena, size_t size) {
    /* Queries and documents in them hold less than what they are in, and a zero each. */
    size_t room = size * 2 + 16;
    if (arena->room >= room)
        return true;
    PyMem_Free(arena->bytes);
    *arena = (Arena){.bytes = PyMem_Malloc(room), .room = room};
    if (arena->bytes != NULL)
        return true;
    *arena = (Arena){0};
    PyErr_NoMemory();
    return false;
}
