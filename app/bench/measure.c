/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/measure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench/baseline.h"
#include "bench/memory.h"
#include "bench/world.h"

#define WARM_UP    4U /* rounds that do not count */
#define ROUNDS_MIN 20U
#define ROUNDS_MAX 20000U
#define PARTS      5U

/* Cycles of one thing, round by round. */
struct series {
    double *ns; /* per packet; ROUNDS_MAX of them */
    unsigned int count;
};

/* One case under way. Cases that differ only in burst and checksum share a world. */
struct subject {
    struct bench_case what;
    struct bench_world *world;
    struct bench_baseline *baseline;
    bool owner; /* of the world and the baseline */
    struct series weir, parse, hash, line, poll_p50;
    double poll_max_ns;
    uint64_t births_before, packets_before;
};

static bool same_world(const struct bench_case *a, const struct bench_case *b)
{
    return a->scenario == b->scenario && a->flows == b->flows && a->family == b->family;
}

size_t bench_measure_size(const struct bench_case *cases, unsigned int count)
{
    size_t size = 0;

    for (unsigned int i = 0; i < count; i++) {
        unsigned int j = 0;

        while (!same_world(&cases[j], &cases[i]))
            j++;
        if (j == i)
            size += bench_world_size(cases[i].scenario, cases[i].flows, cases[i].family);
        if (cases[i].baseline)
            size += bench_baseline_size(cases[i].flows, cases[i].family);
    }
    return size + ((size_t)32 << 20);
}

/* Statistics */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const double *values, unsigned int count, double q)
{
    double *sorted = count > 0 ? malloc(count * sizeof(*sorted)) : NULL;
    double value;

    if (sorted == NULL)
        return NAN;
    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_value);
    value = sorted[(unsigned int)(q * (count - 1) + 0.5)];
    free(sorted);
    return value;
}

static struct bench_figures figures_of(const struct series *series)
{
    struct bench_figures figures = {
        .median = quantile(series->ns, series->count, 0.5),
        .p10 = quantile(series->ns, series->count, 0.1),
        .p90 = quantile(series->ns, series->count, 0.9),
    };
    unsigned int part = series->count / PARTS;
    double low = INFINITY;
    double high = 0;

    for (unsigned int i = 0; i < PARTS && part > 0; i++) {
        double median = quantile(series->ns + (size_t)i * part, part, 0.5);

        low = fmin(low, median);
        high = fmax(high, median);
    }
    figures.spread = (high - low) / figures.median;
    return figures;
}

static double ns_of(double cycles)
{
    return cycles * 1e9 / (double)rte_get_tsc_hz();
}

static void note(struct series *series, uint64_t cycles)
{
    if (series->count < ROUNDS_MAX)
        series->ns[series->count++] = ns_of((double)cycles) / BENCH_PASS;
}

/* Rounds */

static void note_polls(struct subject *subject)
{
    double polls[BENCH_PASS];
    unsigned int count = (BENCH_PASS + subject->what.burst - 1) / subject->what.burst;

    for (unsigned int i = 0; i < count; i++) {
        polls[i] = ns_of((double)subject->world->poll[i]);
        subject->poll_max_ns = fmax(subject->poll_max_ns, polls[i]);
    }
    if (subject->poll_p50.count < ROUNDS_MAX)
        subject->poll_p50.ns[subject->poll_p50.count++] = quantile(polls, count, 0.5);
}

/* A pass before the one that counts, so that each case finds the caches as it would leave them. */
static void round_of(struct subject *subject)
{
    const struct bench_case *what = &subject->what;

    bench_world_prepare(subject->world, what->checksum);
    bench_world_run(subject->world, what->burst, what->checksum);
    bench_world_prepare(subject->world, what->checksum);
    note(&subject->weir, bench_world_run(subject->world, what->burst, what->checksum));
    note_polls(subject);
    note(&subject->parse, bench_baseline_parse(subject->world, what->burst, what->checksum));
    if (!what->baseline)
        return;
    bench_baseline_prepare(subject->baseline);
    bench_baseline_hash(subject->baseline, what->burst);
    bench_baseline_prepare(subject->baseline);
    note(&subject->hash, bench_baseline_hash(subject->baseline, what->burst));
    note(&subject->line, bench_baseline_lines(subject->baseline, what->burst));
}

static void progress(const struct subject *subject, double done)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s, %u flows: %3.0f %%\033[K",
                bench_scenario_name(subject->what.scenario), subject->what.flows, done * 100);
}

static void progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void forget(struct subject *subject)
{
    subject->weir.count = subject->parse.count = subject->hash.count = subject->line.count = 0;
    subject->poll_p50.count = 0;
    subject->poll_max_ns = 0;
    subject->births_before = subject->world->tracker.counters.created;
    subject->packets_before = subject->world->tracker.counters.packets;
}

/* Another order each round, so that no case always finds the same one's traces in the caches. */
static void shuffle(unsigned int *order, unsigned int count, uint64_t random[2])
{
    for (unsigned int i = count; i > 1; i--) {
        unsigned int j = bench_random_below(random, i);
        unsigned int held = order[i - 1];

        order[i - 1] = order[j];
        order[j] = held;
    }
}

static void run_rounds(struct subject *subjects, unsigned int count, double seconds)
{
    uint64_t end = rte_rdtsc() + (uint64_t)(seconds * count * (double)rte_get_tsc_hz());
    uint64_t length = end - rte_rdtsc();
    uint64_t told = 0;
    uint64_t random[2] = {1, 2};
    unsigned int order[BENCH_CASES_MAX];

    for (unsigned int i = 0; i < count; i++)
        order[i] = i;
    for (unsigned int i = 0; i < WARM_UP * count; i++)
        round_of(&subjects[i % count]);
    for (unsigned int i = 0; i < count; i++)
        forget(&subjects[i]);
    for (unsigned int round = 0; round < ROUNDS_MAX; round++) {
        uint64_t now = rte_rdtsc();

        if (now > end && round >= ROUNDS_MIN)
            break;
        if (now - told > rte_get_tsc_hz() / 4) {
            progress(subjects, now > end ? 1 : 1 - (double)(end - now) / (double)length);
            told = now;
        }
        shuffle(order, count, random);
        for (unsigned int i = 0; i < count; i++)
            round_of(&subjects[order[i]]);
    }
    progress_end();
}

/* Set-up */

static int series_make(struct series *series)
{
    series->ns = malloc(ROUNDS_MAX * sizeof(*series->ns));
    return series->ns == NULL ? -ENOMEM : 0;
}

static int subject_make(struct subject *subjects, unsigned int i)
{
    struct subject *subject = &subjects[i];
    const struct bench_case *what = &subject->what;

    for (unsigned int j = 0; j < i && subject->world == NULL; j++)
        if (same_world(&subjects[j].what, what))
            subject->world = subjects[j].world;
    subject->owner = subject->world == NULL;
    progress(subject, 0);
    if (subject->owner)
        subject->world = bench_world_make(what->scenario, what->flows, what->family);
    if (subject->world == NULL)
        return -ENOMEM;
    if (what->baseline)
        subject->baseline = bench_baseline_make(what->flows, what->family);
    if (what->baseline && subject->baseline == NULL)
        return -ENOMEM;
    if (series_make(&subject->weir) < 0 || series_make(&subject->parse) < 0 ||
        series_make(&subject->hash) < 0 || series_make(&subject->line) < 0 ||
        series_make(&subject->poll_p50) < 0)
        return -ENOMEM;
    return 0;
}

static void subject_free(struct subject *subject)
{
    if (subject->owner)
        bench_world_free(subject->world);
    bench_baseline_free(subject->baseline);
    free(subject->weir.ns);
    free(subject->parse.ns);
    free(subject->hash.ns);
    free(subject->line.ns);
    free(subject->poll_p50.ns);
}

static void result_of(const struct subject *subject, struct bench_result *result)
{
    const struct bench_world *world = subject->world;
    const struct weir_counters *counters = &world->tracker.counters;

    *result = (struct bench_result){
        .weir = figures_of(&subject->weir),
        .parse = figures_of(&subject->parse),
        .poll_p50_ns = quantile(subject->poll_p50.ns, subject->poll_p50.count, 0.5),
        .poll_max_ns = subject->poll_max_ns,
        .packets = counters->packets - subject->packets_before,
        .refused = counters->verdict[WEIR_VERDICT_DROP],
        .bytes_per_flow = bench_world_bytes_per_flow(world),
        .has_baseline = subject->what.baseline,
    };
    result->births = (double)(counters->created - subject->births_before) / (double)result->packets;
    if (!result->has_baseline)
        return;
    result->hash = figures_of(&subject->hash);
    result->line = figures_of(&subject->line);
}

static uint64_t check_all(const struct subject *subjects, unsigned int count)
{
    uint64_t wrong = 0;

    for (unsigned int i = 0; i < count; i++) {
        if (subjects[i].owner)
            wrong += bench_world_check(subjects[i].world);
        if (subjects[i].baseline != NULL)
            wrong += bench_baseline_check(subjects[i].baseline);
    }
    return wrong;
}

int bench_measure(const struct bench_case *cases, unsigned int count, double seconds,
                  struct bench_result *results)
{
    struct subject subjects[BENCH_CASES_MAX] = {0};
    int err = 0;

    for (unsigned int i = 0; i < count && err == 0; i++) {
        subjects[i].what = cases[i];
        err = subject_make(subjects, i);
    }
    if (err == 0) {
        run_rounds(subjects, count, seconds);
        for (unsigned int i = 0; i < count; i++)
            result_of(&subjects[i], &results[i]);
        err = check_all(subjects, count) > 0 ? -EBADMSG : 0;
    }
    for (unsigned int i = 0; i < count; i++)
        subject_free(&subjects[i]);
    return err;
}
