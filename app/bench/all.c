/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/all.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/polls.h"
#include "bench/report.h"

#define MILLION       1000000U
#define QUICK_FLOWS   2000U
#define QUICK_SECONDS 0.02
#define RATE_NS       14.3 /* what 70 Mpps leave for a packet */

/*
 * Cases that are measured in turn: those that are compared, and no others, since each finds in the
 * caches what the others have left.
 */
struct group {
    unsigned int count;
    struct bench_case cases[BENCH_CASES_MAX];
};

/* clang-format off */
#define EST4(n)    {BENCH_ESTABLISHED, n, 4, 64, BENCH_CHECKSUM_HARDWARE, false}
#define EST4_RH(n) {BENCH_ESTABLISHED, n, 4, 64, BENCH_CHECKSUM_HARDWARE, true}
#define OF(scenario, n) {scenario, n, 4, 64, BENCH_CHECKSUM_HARDWARE, false}
/* clang-format on */

enum { MILLION_FLOWS, BURSTS, FAMILIES, FEW_FLOWS, MIXES, BIRTHS, TEN_MILLION, FIFTY_MILLION };

static const struct group groups[] = {
    [MILLION_FLOWS] = {1, {EST4_RH(MILLION)}},
    [BURSTS] = {4,
                {EST4(MILLION),
                 {BENCH_ESTABLISHED, MILLION, 4, 32, BENCH_CHECKSUM_HARDWARE, false},
                 {BENCH_ESTABLISHED, MILLION, 4, 64, BENCH_CHECKSUM_VERIFY, false},
                 {BENCH_ESTABLISHED, MILLION, 4, 64, BENCH_CHECKSUM_IGNORE, false}}},
    [FAMILIES] = {2,
                  {EST4(MILLION),
                   {BENCH_ESTABLISHED, MILLION, 6, 64, BENCH_CHECKSUM_HARDWARE, true}}},
    [FEW_FLOWS] = {1, {EST4_RH(64)}},
    [MIXES] = {2, {OF(BENCH_ZIPF, MILLION), OF(BENCH_MIXED, MILLION)}},
    [BIRTHS] = {5,
                {EST4(MILLION), OF(BENCH_SYNFLOOD, MILLION), OF(BENCH_SETUP, MILLION),
                 OF(BENCH_SYNFLOOD_FULL, MILLION), OF(BENCH_SYNFLOOD_REFUSED, MILLION)}},
    [TEN_MILLION] = {2, {EST4_RH(10 * MILLION), OF(BENCH_EXPIRE, 10 * MILLION)}},
    [FIFTY_MILLION] = {2, {EST4(MILLION), EST4(50 * MILLION)}},
};

/* A limit on the cost of one case, in parts of the cost of another or of its own rte_hash. */
static const struct target {
    const char *what;
    unsigned int group, of, to; /* to == of: rte_hash */
    double limit;
} targets[] = {
    {"established IPv4, 1 M, to rte_hash", MILLION_FLOWS, 0, 0, 1.0},
    {"the same in bursts of 32, to 64", BURSTS, 1, 0, 1.3},
    {"software checksums, to the hardware's word", BURSTS, 2, 0, 1.4},
    {"established IPv6, 1 M, to IPv4", FAMILIES, 1, 0, 1.4},
    {"new half-open flows, 1 M resident, to established", BIRTHS, 1, 0, 2.5},
    {"setup by the segment, 1 M alive, to established", BIRTHS, 2, 0, 1.7},
    {"SYN flood into a table of half-open, to creating", BIRTHS, 3, 1, 1.0},
    {"SYN flood into a table of established, to creating", BIRTHS, 4, 1, 1.0},
    {"established IPv4, 10 M, to rte_hash", TEN_MILLION, 0, 0, 1.1},
    {"create and expire, 10 M resident, to established", TEN_MILLION, 1, 0, 2.7},
    {"established IPv4, 50 M, to 1 M", FIFTY_MILLION, 1, 0, 1.8},
};

static struct bench_result results[RTE_DIM(groups)][BENCH_CASES_MAX];

/* Small tables take the place of all where it only matters that everything works. */
static void make_quick(struct group *group)
{
    for (unsigned int i = 0; i < group->count; i++)
        group->cases[i].flows = RTE_MIN(group->cases[i].flows, QUICK_FLOWS);
}

static size_t size_of_all(const struct group *all)
{
    size_t size = 0;

    for (unsigned int i = 0; i < RTE_DIM(groups); i++)
        size = RTE_MAX(size, bench_measure_size(all[i].cases, all[i].count));
    return size + size / 16;
}

/* One line of the targets: a ratio that is to stay below its limit, at the median and elsewhere. */
static void show_line(const char *what, double limit, double median, double p10, bool json)
{
    const char *json_form = "{\"target\":\"%s\",\"limit\":%.2f,\"ratio\":%.3f,\"ratio_p10\":%.3f,"
                            "\"met\":%s}\n";

    if (json)
        printf(json_form, what, limit, median, p10, median <= limit ? "true" : "false");
    else
        printf("%-52s %7.2f %7.2f %7.2f  %s\n", what, limit, median, p10,
               median <= limit ? "met" : "missed");
}

static void show_target(const struct target *target, bool json)
{
    const struct bench_result *of = &results[target->group][target->of];
    const struct bench_result *to = &results[target->group][target->to];

    show_line(target->what, target->limit,
              of->weir.median / (of == to ? of->hash.median : to->weir.median),
              of->weir.p10 / (of == to ? of->hash.p10 : to->weir.p10), json);
}

/* The one target that is a rate: time over the time that there is for a packet. */
static void show_rate(bool json)
{
    const struct bench_figures *few = &results[FEW_FLOWS][0].weir;

    show_line("established IPv4, 64 flows, to 14.3 ns (70 Mpps)", 1.0, few->median / RATE_NS,
              few->p10 / RATE_NS, json);
}

static int run_polls(const struct bench_options *options, enum bench_scenario scenario,
                     double *ratio)
{
    struct bench_case what = {.scenario = scenario,
                              .flows = options->quick ? QUICK_FLOWS : MILLION,
                              .family = 4,
                              .burst = 64,
                              .checksum = BENCH_CHECKSUM_HARDWARE};
    struct bench_result result;
    int err = bench_polls(&what, &result);

    if (err < 0)
        return err;
    bench_report(&what, &result, options->json);
    *ratio = result.poll_max_ns / result.poll_p50_ns;
    return 0;
}

int bench_all(const struct bench_options *options)
{
    struct group all[RTE_DIM(groups)];
    double expire = 0;
    double flush = 0;
    int err;

    memcpy(all, groups, sizeof(all));
    for (unsigned int i = 0; i < RTE_DIM(groups) && options->quick; i++)
        make_quick(&all[i]);
    err = bench_memory_start(options, size_of_all(all));
    for (unsigned int i = 0; i < RTE_DIM(groups) && err == 0; i++) {
        err = bench_measure(all[i].cases, all[i].count,
                            options->quick ? QUICK_SECONDS : options->seconds, results[i]);
        for (unsigned int j = 0; j < all[i].count && err == 0; j++)
            bench_report(&all[i].cases[j], &results[i][j], options->json);
    }
    if (err == 0)
        err = run_polls(options, BENCH_EXPIRE_POLL, &expire);
    if (err == 0)
        err = run_polls(options, BENCH_FLUSH_POLL, &flush);
    if (err == 0 && !options->json)
        printf("\n%-52s %7s %7s %7s\n", "target", "limit", "median", "p10");
    for (unsigned int i = 0; i < RTE_DIM(targets) && err == 0; i++)
        show_target(&targets[i], options->json);
    if (err == 0) {
        show_rate(options->json);
        show_line("longest poll, 1 M flows expiring, to the median", 8, expire, expire,
                  options->json);
        show_line("longest poll, 1 M flows flushed, to the median", 8, flush, flush, options->json);
    }
    bench_memory_stop();
    return err;
}
