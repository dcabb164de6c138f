/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who notices a wrong cell? Each cell of both endpoint tables is changed to every other value in
 * turn, the pair table composed anew, and the scenarios run that use the cell, until one fails.
 *
 * A mutant is
 *   killed       a scenario fails, or the pairs no longer fit, or P5 does not hold
 *   equal        the pair table is the same: the other end's cell refuses wherever this one is
 * asked unreached    no scenario comes to the cell: no conforming endpoint and no blind segment
 * does survived     none of these: it is listed
 */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIOS_MAX 64U
#define MUTANT_STATES 4000000ULL /* of one scenario; all but the widest end before */

enum fate { KILLED, EQUAL, UNREACHED, SURVIVED, FATES };

static const char *const fates[FATES] = {"killed", "equal", "unreached", "survived"};

static bool uses[SCENARIOS_MAX][2][WEIR_TCP_EVENTS][WEIR_TCP_STATES];
static unsigned int order[SCENARIOS_MAX]; /* scenarios, quickest first */
static uint64_t size[SCENARIOS_MAX];
static unsigned int order_count;

static uint8_t *cell_of(struct weir_tcp_endpoints *tables, unsigned int table, unsigned int event,
                        unsigned int state)
{
    return table ? &tables->received[event][state] : &tables->sent[event][state];
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = size[*(const unsigned int *)a], y = size[*(const unsigned int *)b];

    return x < y ? -1 : x > y;
}

/* Run what is unchanged: which cells does each scenario use, and how large is it? */
static bool baseline(void)
{
    for (unsigned int i = 0; i < model_scenario_count; i++) {
        struct result r;

        if (!model_scenarios[i].quick)
            continue;
        memset(tap_cells, 0, sizeof(tap_cells));
        r = explore(&model_scenarios[i], MUTANT_STATES, true);
        if (r.finding)
            return false;
        size[i] = r.states;
        order[order_count++] = i;
        for (unsigned int table = 0; table < 2; table++)
            for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++)
                for (unsigned int state = 0; state < WEIR_TCP_STATES; state++)
                    uses[i][table][event][state] = tap_cells[table][event][state] != 0;
    }
    qsort(order, order_count, sizeof(order[0]), by_size);
    return true;
}

static enum fate try(unsigned int table, unsigned int event, unsigned int state, uint8_t value,
                     const struct weir_tcp_pairs *whole)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;
    bool reached = false;

    *cell_of(&tables, table, event, state) = value;
    if (weir_tcp_pairs_compose(&weir_tcp_pairs, &tables) < 0)
        return KILLED;
    if (!memcmp(&weir_tcp_pairs, whole, sizeof(*whole)))
        return EQUAL;
    if (property_total(&weir_tcp_pairs))
        return KILLED;
    for (unsigned int i = 0; i < order_count; i++) {
        if (!uses[order[i]][table][event][state])
            continue;
        reached = true;
        if (explore(&model_scenarios[order[i]], MUTANT_STATES, false).finding)
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
    double reached;

    if (!baseline())
        return EXIT_FAILURE;
    whole = weir_tcp_pairs;
    for (unsigned int table = 0; table < 2; table++)
        for (unsigned int event = WEIR_TCP_EV_SYN; event < WEIR_TCP_EVENTS; event++)
            for (unsigned int state = 0; state < WEIR_TCP_STATES; state++)
                mutate_cell(table, event, state, verbose, &whole, count);
    reached = count[KILLED] + count[SURVIVED];
    printf("mutants: %u killed, %u survived (%.1f %% of those reached killed), %u equal, "
           "%u unreached\n",
           count[KILLED], count[SURVIVED], 100.0 * count[KILLED] / reached, count[EQUAL],
           count[UNREACHED]);
    return count[SURVIVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
