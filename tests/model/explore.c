/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The search, breadth first, so that the first counterexample is a shortest one.
 *
 * A state visited is kept as 64 bits of hash only (two states in twenty million fall together with
 * a chance of about 1e-5; one of them is then not explored). For the way back, each has the number
 * of the state before and the event between. States in full exist only for the level being explored
 * and the next, packed.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct scenario model_scn;

struct bytes {
    uint8_t *data;
    size_t used, room;
};

struct node {
    uint32_t parent;
    struct event event;
};

struct search {
    uint64_t *seen; /* open addressing, 0 is free */
    uint64_t seen_mask;
    struct node *nodes;
    uint64_t nodes_room;
    struct bytes level, next;
    struct result result;
    struct event last; /* event of the finding */
    uint32_t last_from;
};

#define FIXED_SIZE offsetof(struct state, queue)

static void grow(void **data, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return;
    *room = need * 2;
    *data = realloc(*data, *room * size);
    if (!*data) {
        fputs("model: out of memory\n", stderr);
        exit(2);
    }
}

static size_t pack(const struct state *s, uint8_t *out)
{
    uint8_t *at = out;

    memcpy(at, s, FIXED_SIZE);
    at += FIXED_SIZE;
    for (unsigned int i = 0; i < 4; i++) {
        size_t len = s->count[i / 2][i % 2] * sizeof(struct packet);

        memcpy(at, s->queue[i / 2][i % 2], len);
        at += len;
    }
    return (size_t)(at - out);
}

static size_t unpack(struct state *s, const uint8_t *in)
{
    const uint8_t *at = in;

    memcpy(s, at, FIXED_SIZE);
    at += FIXED_SIZE;
    for (unsigned int i = 0; i < 4; i++) {
        size_t len = s->count[i / 2][i % 2] * sizeof(struct packet);

        memcpy(s->queue[i / 2][i % 2], at, len);
        at += len;
    }
    return (size_t)(at - in);
}

/* Every packed state is a multiple of four octets long. */
static uint64_t hash(const uint8_t *data, size_t len)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ len;

    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, data + i, len - i < 8 ? len - i : 8);
        h = (h ^ word) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 29;
    return h ? h : 1;
}

static void seen_grow(struct search *search)
{
    uint64_t *old = search->seen, old_mask = search->seen_mask;

    search->seen_mask = old_mask * 2 + 1;
    search->seen = calloc(search->seen_mask + 1, sizeof(*search->seen));
    if (!search->seen)
        exit(2);
    for (uint64_t i = 0; i <= old_mask; i++) {
        uint64_t slot = old[i] & search->seen_mask;

        if (!old[i])
            continue;
        while (search->seen[slot])
            slot = (slot + 1) & search->seen_mask;
        search->seen[slot] = old[i];
    }
    free(old);
}

static bool seen_add(struct search *search, uint64_t h)
{
    uint64_t slot = h & search->seen_mask;

    while (search->seen[slot]) {
        if (search->seen[slot] == h)
            return false;
        slot = (slot + 1) & search->seen_mask;
    }
    search->seen[slot] = h;
    return true;
}

/* A state found: if new, number it and put it on the next level. */
static void visit(struct search *search, const struct state *s, uint32_t parent, struct event event)
{
    size_t len, room = search->nodes_room;
    uint8_t *at;
    uint32_t number = (uint32_t)search->result.states;

    grow((void **)&search->next.data, &search->next.room,
         search->next.used + sizeof(number) + sizeof(*s), 1);
    at = search->next.data + search->next.used;
    len = pack(s, at + sizeof(number));
    if (!seen_add(search, hash(at + sizeof(number), len)))
        return;
    memcpy(at, &number, sizeof(number));
    search->next.used += sizeof(number) + len;
    grow((void **)&search->nodes, &room, number + 1UL, sizeof(*search->nodes));
    search->nodes_room = room;
    search->nodes[number] = (struct node){parent, event};
    search->result.states++;
    if (search->result.states * 2 > search->seen_mask)
        seen_grow(search);
}

static bool quiet(const struct state *s)
{
    return s->tracked && channel_empty(s) && !endpoint_outstanding(&s->end[LEFT]) &&
           !endpoint_outstanding(&s->end[RIGHT]);
}

static finding_t check_state(struct search *search, const struct state *s, uint32_t number)
{
    struct weir_segment seg;
    unsigned int sender;
    finding_t finding = NULL;

    if (quiet(s) && !model_scn.one_way) {
        search->result.quiet++;
        finding = property_quiet(s);
    }
    if (!finding && model_scn.blind && number % model_scn.blind == 0 && s->tracked &&
        !model_scn.one_way)
        finding = property_blind(s, &seg, &sender);
    return finding;
}

/* All that may follow one state. */
static finding_t expand(struct search *search, const struct state *s, uint32_t number)
{
    struct event events[EVENTS_MAX];
    unsigned int count = channel_events(s, events);
    finding_t finding = check_state(search, s, number);

    search->last_from = number;
    search->last = (struct event){EV_KINDS, 0, 0, 0};
    for (unsigned int i = 0; !finding && i < count; i++) {
        struct state after = *s;
        struct tapped tapped;

        if (!channel_apply(&after, events[i], &tapped)) {
            search->result.out_of_bounds += endpoint_overflow;
            continue;
        }
        search->result.transitions++;
        finding = property_step(&after, &tapped);
        if (finding)
            search->last = events[i];
        else
            visit(search, &after, number, events[i]);
    }
    return finding;
}

static void print_ladder(const struct search *search)
{
    struct event path[512];
    unsigned int len = 0, from = 512;
    uint32_t number = search->last_from;

    if (search->last.kind != EV_KINDS)
        path[--from] = search->last;
    for (; number != 0 && from > 0; number = search->nodes[number].parent)
        path[--from] = search->nodes[number].event;
    len = 512 - from;
    ladder_print(path + from, len, search->result.finding);
}

static bool run_level(struct search *search, uint64_t max_states)
{
    struct bytes swap = search->level;

    search->level = search->next;
    search->next = swap;
    search->next.used = 0;
    for (size_t at = 0; at < search->level.used;) {
        struct state s;
        uint32_t number;

        memcpy(&number, search->level.data + at, sizeof(number));
        at += sizeof(number);
        at += unpack(&s, search->level.data + at);
        search->result.finding = expand(search, &s, number);
        if (search->result.finding || search->result.states > max_states)
            return false;
    }
    search->result.depth++;
    return search->next.used > 0;
}

/* Of the processor, not of the wall. */
static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct result explore(const struct scenario *scn, uint64_t max_states, bool print)
{
    struct search search = {.seen_mask = 0xffff};
    struct state s;
    double start = now();

    model_scn = *scn;
    search.seen = calloc(search.seen_mask + 1, sizeof(*search.seen));
    channel_begin(&s);
    visit(&search, &s, 0, (struct event){EV_KINDS, 0, 0, 0});
    while (run_level(&search, max_states))
        ;
    search.result.complete = !search.result.finding && search.next.used == 0;
    search.result.seconds = now() - start;
    if (search.result.finding && print)
        print_ladder(&search);
    free(search.seen);
    free(search.nodes);
    free(search.level.data);
    free(search.next.data);
    return search.result;
}
