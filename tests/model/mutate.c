/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who notices a wrong cell? Each cell of both endpoint tables is changed to every other value in
 * turn, and the pair table composed anew. A mutant is
 *
 *   killed       the pairs no longer fit, or P5 does not hold, or a scenario fails
 *   unreached    on every step that any scenario takes it does what the true table does, so that
 * all scenarios run as before: no conforming endpoint and no blind segment comes to it survived
 * neither: it is listed
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIOS_MAX 64U
#define ALL_STATES    60000000ULL

enum fate { KILLED, UNREACHED, SURVIVED, FATES };

static const char *const fates[FATES] = {"killed", "unreached", "survived"};

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

static enum fate try(unsigned int table, unsigned int event, unsigned int state, uint8_t value,
                     const struct weir_tcp_pairs *whole)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;
    bool reached = false;

    *cell_of(&tables, table, event, state) = value;
    if (weir_tcp_pairs_compose(&weir_tcp_pairs, &tables) < 0 || property_total(&weir_tcp_pairs))
        return KILLED;
    for (unsigned int i = 0; i < model_scenario_count; i++) {
        if (!differs(whole, order[i]))
            continue;
        reached = true;
        if (explore(&model_scenarios[order[i]], ALL_STATES, false).finding)
            return KILLED;
    }
    return reached ? SURVIVED : UNREACHED;
}

static const char *value_name(uint8_t value)
{
    return value == WEIR_TCP_CELL_REFUSE ? "refuse" : weir_tcp_state_name(value - 1U);
}

static void mutate_cell(unsigned int table, unsigned int event, unsigned int state, bool verbose,
                        const struct weir_tcp_pairs *whole, unsigned int count[FATES])
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;
    uint8_t own = *cell_of(&tables, table, event, state);

    for (uint8_t value = 0; value <= WEIR_TCP_STATES; value++) {
        enum fate fate;

        if (value == own)
            continue;
        fate = try(table, event, state, value, whole);
        count[fate]++;
        if (verbose || fate == SURVIVED)
            printf("%-9s %s %s in %s: %s -> %s\n", fates[fate], table ? "received" : "sent",
                   weir_tcp_event_name(event), weir_tcp_state_name(state), value_name(own),
                   value_name(value));
    }
    fflush(stdout);
}

int mutate_all(bool verbose)
{
    struct weir_tcp_pairs whole;
    unsigned int count[FATES] = {0};

    if (model_scenario_count > SCENARIOS_MAX || !baseline())
        return EXIT_FAILURE;
    whole = weir_tcp_pairs;
    for (unsigned int table = 0; table < 2; table++)
        for (unsigned int event = WEIR_TCP_EV_SYN; event < WEIR_TCP_EVENTS; event++)
            for (unsigned int state = 0; state < WEIR_TCP_STATES; state++)
                mutate_cell(table, event, state, verbose, &whole, count);
    printf("mutants: %u, of them %u unreached; of the others %u killed, %u survived (%.1f %%)\n",
           count[KILLED] + count[UNREACHED] + count[SURVIVED], count[UNREACHED], count[KILLED],
           count[SURVIVED], 100.0 * count[KILLED] / (count[KILLED] + count[SURVIVED]));
    return count[SURVIVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
