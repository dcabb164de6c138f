/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-bench: what the tracker costs a packet, beside what DPDK's own hash table costs. */
#include <err.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/options.h"
#include "bench/report.h"
#include "core/tcp_state.h"

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

int main(int argc, char **argv)
{
    struct bench_options options;

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
    return run_one(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
