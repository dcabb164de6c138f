/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-bench: what the tracker costs a packet, beside what DPDK's own hash table costs. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/all.h"
#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/options.h"
#include "bench/polls.h"
#include "bench/report.h"
#include "bench/world.h"
#include "core/tcp_state.h"

#define FEW 64U

static int run_one(const struct bench_options *options)
{
    struct bench_case what = {.scenario = options->scenario,
                              .flows = options->flows,
                              .family = options->family,
                              .burst = options->burst,
                              .checksum = options->checksum,
                              .baseline = options->baseline};
    struct bench_result result;
    int err = bench_memory_start(options, bench_measure_size(&what, 1));

    if (err == 0)
        err = bench_measure(&what, 1, options->seconds, &result);
    if (err == 0)
        bench_report(&what, &result, options->json);
    bench_memory_stop();
    return err;
}

/* By how much the process grows with a world of so many open connections; 0 after a message. */
static int64_t growth(uint32_t flows, unsigned int family)
{
    uint64_t before = bench_memory_held();
    struct bench_world *world = bench_world_make(BENCH_ESTABLISHED, flows, family);
    uint64_t after = bench_memory_held();

    if (world == NULL)
        return 0;
    /* The generator's books are by the flow too, but not the tracker's. */
    after -= (uint64_t)flows * sizeof(*world->conn);
    bench_world_free(world);
    return (int64_t)(after - before);
}

/* What a flow costs: the growth with so many of them, less that with next to none. */
static int run_memory(const struct bench_options *options)
{
    size_t need = bench_world_size(BENCH_ESTABLISHED, options->flows, options->family);
    int err = bench_memory_start(options, need + bench_world_size(BENCH_ESTABLISHED, FEW, 4));
    int64_t few;
    int64_t many;

    if (err < 0)
        return err;
    growth(FEW, options->family); /* what is only ever made once */
    few = growth(FEW, options->family);
    many = growth(options->flows, options->family);
    if (many > few)
        printf("{\"scenario\":\"memory\",\"flows\":%" PRIu32
               ",\"family\":%u,\"huge\":%s,\"held_bytes\":%" PRId64 ",\"bytes_per_flow\":%.1f}\n",
               options->flows, options->family, bench_memory_huge() ? "true" : "false", many - few,
               (double)(many - few) / (options->flows - FEW + 1));
    bench_memory_stop();
    return many > few ? 0 : -ENOMEM;
}

int main(int argc, char **argv)
{
    struct bench_options options;
    int err;

    if (bench_options_read(argc, argv, &options) < 0) {
        warnx("try --help");
        return 2;
    }
    if (options.command == BENCH_HELP) {
        bench_options_help(stdout);
        return EXIT_SUCCESS;
    }
    if (weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) < 0)
        return EXIT_FAILURE;
    if (options.command == BENCH_ALL)
        err = bench_all(&options);
    else if (options.command == BENCH_MEMORY)
        err = run_memory(&options);
    else if (options.scenario == BENCH_EXPIRE_POLL || options.scenario == BENCH_FLUSH_POLL)
        err = bench_polls_run(&options);
    else
        err = run_one(&options);
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
