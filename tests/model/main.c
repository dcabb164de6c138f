/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir-model: check lib/core's TCP tracking against two RFC 9293 endpoints.
 *
 *   weir-model                 all scenarios, within the bounds of each
 *   weir-model --deep          the same, with more trouble in most
 *   weir-model NAME...         these scenarios
 *   weir-model --list          what there is
 *   weir-model --mutants       list the mutants of the endpoint tables' cells
 *   weir-model --mutate        run the scenarios on the mutants given as "table,event,state,value"
 */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STATES 60000000ULL

static void print_bounds(const struct scenario *scn)
{
    const struct troubles *t = &scn->troubles;

    printf("%s: %s\n", scn->name, scn->what);
    printf("  bounds: lost before %u after %u, doubled %u, delayed %u, restarts %u;",
           t->lose[BEFORE], t->lose[AFTER], t->twice, t->delay, t->restart);
    printf(" repeats %u/%u; %u segments a queue\n", scn->end[0].repeats, scn->end[1].repeats,
           QUEUE_MAX);
}

static struct scenario deeper(struct scenario scn)
{
    const struct deeper *more = &scn.deep;

    for (unsigned int at = 0; at < 2; at++)
        scn.troubles.lose[at] = (uint8_t)(scn.troubles.lose[at] + more->lose[at]);
    scn.troubles.twice = (uint8_t)(scn.troubles.twice + more->twice);
    scn.troubles.delay = (uint8_t)(scn.troubles.delay + more->delay);
    for (unsigned int e = 0; e < 2; e++) {
        scn.end[e].repeats = (uint8_t)(scn.end[e].repeats + more->repeats[e]);
        scn.end[e].opens = (uint8_t)(scn.end[e].opens + more->opens[e]);
        scn.end[e].sends = (uint8_t)(scn.end[e].sends + more->sends[e]);
        scn.end[e].octets = (uint8_t)(scn.end[e].octets + more->octets[e]);
    }
    return scn;
}

static bool run(const struct scenario *scn)
{
    uint64_t before = blind_tried;
    struct result r;

    print_bounds(scn);
    fflush(stdout);
    r = explore(scn, MAX_STATES, true);
    printf("  %s%s: %" PRIu64 " states, %" PRIu64 " transitions, depth %u, %" PRIu64
           " quiet, %" PRIu64 " blind, %" PRIu64 " out of bounds, %.1f s\n",
           r.finding ? "FAILED" : "passed", r.finding || r.complete ? "" : " (cut short)", r.states,
           r.transitions, r.depth, r.quiet, blind_tried - before, r.out_of_bounds, r.seconds);
    return !r.finding;
}

static int list(void)
{
    for (unsigned int i = 0; i < model_scenario_count; i++)
        printf("%-24s %s\n", model_scenarios[i].name, model_scenarios[i].what);
    return EXIT_SUCCESS;
}

static bool wanted(const char *name, int argc, char **argv)
{
    bool named = false;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        named = true;
        if (!strcmp(argv[i], name))
            return true;
    }
    return !named;
}

static bool option(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    unsigned int passed = 0, failed = 0;
    finding_t finding;

    if (option("--list", argc, argv))
        return list();
    if (weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) < 0)
        return EXIT_FAILURE;
    if (option("--mutants", argc, argv))
        return mutate_list();
    if (option("--mutate", argc, argv))
        return mutate_these(stdin);
    finding = property_total(&weir_tcp_pairs);
    printf("P5 over %u pairs: %s\n", weir_tcp_pairs.count, finding ? finding : "holds");
    failed += finding != NULL;
    for (unsigned int i = 0; i < model_scenario_count; i++) {
        struct scenario scn = model_scenarios[i];

        if (!wanted(scn.name, argc, argv))
            continue;
        if (option("--deep", argc, argv))
            scn = deeper(scn);
        if (run(&scn))
            passed++;
        else
            failed++;
    }
    for (unsigned int i = 1; i < EXCEPTIONS; i++)
        printf("exception %s: %" PRIu64 "\n", property_exception_names[i], property_exceptions[i]);
    printf("model: %u passed, %u failed\n", passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
