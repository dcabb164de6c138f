/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who notices a wrong cell? Each cell of both endpoint tables is changed to every other value in
 * turn, and the pair table composed anew. A mutant is
 *
 *   equal      the pair table is the same: wherever the cell is asked, the other end's cell refuses
 *   killed     the pairs no longer fit, or P5 does not hold, or a scenario fails
 *   unreached  on every step that any scenario takes it does what the true table does, so that all
 *              scenarios run as before: no conforming endpoint and no blind segment comes to it
 *   survived   none of these
 *
 * mutants.py runs the packet tables of tests/core as well, and counts.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIOS_MAX 64U
#define ALL_STATES    60000000ULL

enum fate { KILLED, EQUAL, UNREACHED, SURVIVED, OPEN, FATES };

static const char *const fates[FATES] = {"killed", "equal", "unreached", "survived", "open"};

/* A cell, and what it is to hold instead. */
struct mutant {
    unsigned int table, event, state, value;
};

static bool taken[SCENARIOS_MAX][WEIR_TCP_STATES][WEIR_TCP_STATES][2][WEIR_TCP_EVENTS];
static unsigned int order[SCENARIOS_MAX]; /* scenarios, quickest first */
static double seconds[SCENARIOS_MAX];

static uint8_t *cell_of(struct weir_tcp_endpoints *tables, unsigned int table, unsigned int event,
                        unsigned int state)
{
    return table ? &tables->received[event][state] : &tables->sent[event][state];
}

static int by_time(const void *a, const void *b)
{
    double x = seconds[*(const unsigned int *)a], y = seconds[*(const unsigned int *)b];

    return x < y ? -1 : x > y;
}

/* Run what is unchanged: which steps does each scenario take, and how long? */
static bool baseline(void)
{
    for (unsigned int i = 0; i < model_scenario_count; i++) {
        struct result r;

        memset(tap_steps, 0, sizeof(tap_steps));
        r = explore(&model_scenarios[i], ALL_STATES, true);
        if (r.finding)
            return false;
        seconds[i] = r.seconds;
        order[i] = i;
        memcpy(taken[i], tap_steps, sizeof(tap_steps));
    }
    qsort(order, model_scenario_count, sizeof(order[0]), by_time);
    return true;
}

/* The pair of these states; -1 if there is none. */
static int pair_of(const struct weir_tcp_pairs *pairs, unsigned int orig, unsigned int resp)
{
    for (unsigned int i = 0; i < pairs->count; i++)
        if (pairs->state[i][WEIR_ORIG] == orig && pairs->state[i][WEIR_RESP] == resp)
            return (int)i;
    return -1;
}

/* Do two tables do the same here? A pair that one of them lacks is missed at the step that leads to
 * it. */
static bool same_step(const struct weir_tcp_pairs *a, const struct weir_tcp_pairs *b,
                      const unsigned int state[2], unsigned int dir, unsigned int event)
{
    int x = pair_of(a, state[WEIR_ORIG], state[WEIR_RESP]);
    int y = pair_of(b, state[WEIR_ORIG], state[WEIR_RESP]);
    struct weir_tcp_step s, t;

    if (x < 0 || y < 0)
        return true;
    s = weir_tcp_step(a, (unsigned int)x, dir, event);
    t = weir_tcp_step(b, (unsigned int)y, dir, event);
    return s.action == t.action && memcmp(a->state[s.next], b->state[t.next], 2) == 0;
}

static bool differs(const struct weir_tcp_pairs *whole, unsigned int scenario)
{
    const bool *step = &taken[scenario][0][0][0][0];

    for (unsigned int i = 0; i < sizeof(taken[scenario]); i++) {
        unsigned int event = i % WEIR_TCP_EVENTS, rest = i / WEIR_TCP_EVENTS / 2;
        const unsigned int state[2] = {rest / WEIR_TCP_STATES, rest % WEIR_TCP_STATES};

        if (step[i] && !same_step(whole, &weir_tcp_pairs, state, i / WEIR_TCP_EVENTS % 2, event))
            return true;
    }
    return false;
}

/* What the composition alone tells: OPEN where it tells nothing. */
static enum fate compose(const struct mutant *m, const struct weir_tcp_pairs *whole)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;

    *cell_of(&tables, m->table, m->event, m->state) = (uint8_t)m->value;
    if (weir_tcp_pairs_compose(&weir_tcp_pairs, &tables) < 0 || property_total(&weir_tcp_pairs))
        return KILLED;
    return memcmp(&weir_tcp_pairs, whole, sizeof(*whole)) ? OPEN : EQUAL;
}

static enum fate try(const struct mutant *m, const struct weir_tcp_pairs *whole)
{
    enum fate fate = compose(m, whole);

    if (fate != OPEN)
        return fate;
    fate = UNREACHED;
    for (unsigned int i = 0; i < model_scenario_count; i++) {
        if (!differs(whole, order[i]))
            continue;
        fate = SURVIVED;
        if (explore(&model_scenarios[order[i]], ALL_STATES, false).finding)
            return KILLED;
    }
    return fate;
}

static const char *value_name(unsigned int value)
{
    return value == WEIR_TCP_CELL_REFUSE ? "refuse" : weir_tcp_state_name(value - 1U);
}

static void tell(const struct mutant *m, enum fate fate)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;
    uint8_t own = *cell_of(&tables, m->table, m->event, m->state);

    printf("%s %u,%u,%u,%u %s %s in %s: %s -> %s\n", fates[fate], m->table, m->event, m->state,
           m->value, m->table ? "received" : "sent", weir_tcp_event_name(m->event),
           weir_tcp_state_name(m->state), value_name(own), value_name(m->value));
    fflush(stdout);
}

/* The next mutant in order; false after the last. */
static bool next(struct mutant *m)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;

    do {
        if (++m->value <= WEIR_TCP_STATES)
            continue;
        m->value = 0;
        if (++m->state < WEIR_TCP_STATES)
            continue;
        m->state = 0;
        if (++m->event < WEIR_TCP_EVENTS)
            continue;
        m->event = WEIR_TCP_EV_SYN;
        if (++m->table == 2)
            return false;
    } while (m->value == *cell_of(&tables, m->table, m->event, m->state));
    return true;
}

int mutate_list(void)
{
    struct weir_tcp_pairs whole = weir_tcp_pairs;
    struct mutant m = {.event = WEIR_TCP_EV_SYN, .value = UINT32_MAX};

    while (next(&m))
        tell(&m, compose(&m, &whole));
    return EXIT_SUCCESS;
}

/* "table,event,state,value"; false if it is not that. */
static bool parse(const char *line, struct mutant *m)
{
    unsigned int *const numbers[] = {&m->table, &m->event, &m->state, &m->value};

    for (unsigned int i = 0; i < 4; i++) {
        char *end;

        *numbers[i] = (unsigned int)strtoul(line, &end, 10);
        if (end == line || *end != (i < 3 ? ',' : '\n'))
            return false;
        line = end + 1;
    }
    return m->table < 2 && m->event < WEIR_TCP_EVENTS && m->state < WEIR_TCP_STATES &&
           m->value <= WEIR_TCP_STATES;
}

int mutate_these(FILE *list)
{
    struct weir_tcp_pairs whole = weir_tcp_pairs;
    char line[64];
    bool all = true;

    if (model_scenario_count > SCENARIOS_MAX || !baseline())
        return EXIT_FAILURE;
    while (fgets(line, sizeof(line), list)) {
        struct mutant m;
        enum fate fate;

        if (!parse(line, &m)) {
            fprintf(stderr, "model: not a mutant: %s", line);
            return EXIT_FAILURE;
        }
        fate = try(&m, &whole);
        tell(&m, fate);
        all = all && fate != SURVIVED;
    }
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
