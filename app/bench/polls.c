/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/polls.h"

#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "bench/memory.h"
#include "bench/report.h"
#include "bench/world.h"

#define REPETITIONS 7U
#define SWEEP_MAX   128U /* records a worker's poll visits at most */
#define USEC        1000000U

/* Shortest time of each poll, in TSC cycles, and how many of them belong to one repetition. */
struct polls {
    uint64_t *shortest;
    unsigned int count;
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Half-open flows into all records that are free, none of them swept away yet. */
static void fill_with_syns(struct bench_world *world)
{
    struct weir_table *table = &world->tracker.table[world->family == 6];
    struct bench_segment seg[BENCH_PASS];

    world->sweep_per_64 = 0;
    while (table->count < table->capacity) {
        unsigned int count = RTE_MIN(table->capacity - table->count, BENCH_PASS);

        for (unsigned int i = 0; i < count; i++)
            bench_next_syn(world, i, &seg[i]);
        bench_world_send(world, seg, count);
    }
    if (world->scenario == BENCH_EXPIRE_POLL)
        bench_world_wait(world, 2 * WEIR_TIMEOUT_MIN_SEC * USEC);
    table->hand = 0;
}

/* Records that one poll goes past. */
static unsigned int stride_of(enum bench_scenario scenario)
{
    return scenario == BENCH_EXPIRE_POLL ? SWEEP_MAX : BENCH_FLUSH_SLICE;
}

/* The sweep, or the client, has come as far as this in the records before the next pass. */
static void set_pace(struct bench_world *world, const struct bench_case *what, unsigned int polls)
{
    uint64_t at = (uint64_t)polls * stride_of(world->scenario);

    if (world->scenario == BENCH_EXPIRE_POLL)
        world->sweep_per_64 = SWEEP_MAX * 64 / what->burst;
    else if (!world->flush && at >= world->flows) {
        world->flush = true;
        world->flush_at = (world->family == 6 ? 1U : 0U) + world->flows;
    }
}

static void repeat(struct bench_world *world, const struct bench_case *what, struct polls *polls,
                   unsigned int passes, bool first)
{
    unsigned int per_pass = (BENCH_PASS + what->burst - 1) / what->burst;

    fill_with_syns(world);
    world->flush = false;
    for (unsigned int pass = 0; pass < passes; pass++) {
        set_pace(world, what, pass * per_pass);
        bench_world_prepare(world, what->checksum);
        bench_world_run(world, what->burst, what->checksum);
        for (unsigned int i = 0; i < per_pass; i++) {
            uint64_t *shortest = &polls->shortest[pass * per_pass + i];

            if (first || world->poll[i] < *shortest)
                *shortest = world->poll[i];
        }
    }
}

/* So many tenths of the calm polls, which stand in order, are not longer than this. */
static double part_ns(const struct polls *polls, unsigned int calm, unsigned int tenths)
{
    unsigned int at = calm * tenths / 10;

    return (double)polls->shortest[at] / ((double)rte_get_tsc_hz() / 1e9);
}

/* The median is of the polls that had nothing to end: those records stand first. */
static void result_of(struct polls *polls, const struct bench_world *world,
                      const struct bench_case *what, struct bench_result *result)
{
    double hz = (double)rte_get_tsc_hz() / 1e9;
    unsigned int calm = (unsigned int)((uint64_t)polls->count * world->flows / world->capacity);
    uint64_t longest = 0;

    for (unsigned int i = 0; i < polls->count; i++)
        longest = RTE_MAX(longest, polls->shortest[i]);
    qsort(polls->shortest, calm, sizeof(polls->shortest[0]), by_value);
    result->poll_p50_ns = part_ns(polls, calm, 5);
    result->poll_max_ns = (double)longest / hz;
    result->weir.median = result->poll_p50_ns / what->burst;
    result->weir.p10 = part_ns(polls, calm, 1) / what->burst;
    result->weir.p90 = part_ns(polls, calm, 9) / what->burst;
    result->packets = world->tracker.counters.packets;
    result->bytes_per_flow = bench_world_bytes_per_flow(world);
}

/* All that were to end have ended, the others have not. */
static uint64_t check(struct bench_world *world)
{
    uint32_t left = world->tracker.table[world->family == 6].count;

    if (left != world->flows)
        warnx("%u flows are left, %u should be", left, world->flows);
    return bench_world_check(world) + (left != world->flows);
}

int bench_polls(const struct bench_case *what, struct bench_result *result)
{
    struct bench_world *world = bench_world_make(what->scenario, what->flows, what->family);
    struct polls polls = {0};
    unsigned int passes;
    int err = 0;

    *result = (struct bench_result){0};
    if (world == NULL)
        return -ENOMEM;
    passes = world->capacity / stride_of(what->scenario) * what->burst / BENCH_PASS + 2;
    polls.count = passes * ((BENCH_PASS + what->burst - 1) / what->burst);
    polls.shortest = calloc(polls.count, sizeof(*polls.shortest));
    if (polls.shortest == NULL)
        err = -ENOMEM;
    for (unsigned int i = 0; i < REPETITIONS && err == 0; i++)
        repeat(world, what, &polls, passes, i == 0);
    if (err == 0) {
        result_of(&polls, world, what, result);
        err = check(world) > 0 ? -EBADMSG : 0;
    }
    free(polls.shortest);
    bench_world_free(world);
    return err;
}

int bench_polls_run(const struct bench_options *options)
{
    struct bench_case what = {.scenario = options->scenario,
                              .flows = options->flows,
                              .family = options->family,
                              .burst = options->burst,
                              .checksum = options->checksum};
    struct bench_result result;
    int err = bench_memory_start(options, bench_measure_size(&what, 1));

    if (err == 0)
        err = bench_polls(&what, &result);
    if (err == 0)
        bench_report(&what, &result, options->json);
    bench_memory_stop();
    return err;
}
