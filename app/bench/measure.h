/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measuring: what is to be compared runs in turn, one pass of each a round, so that a disturbance
 * hits all alike; the figures are medians over the rounds.
 */
#ifndef WEIR_BENCH_MEASURE_H
#define WEIR_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/options.h"

#define BENCH_CASES_MAX 12U

/* What one measurement is of. */
struct bench_case {
    enum bench_scenario scenario;
    uint32_t flows;
    unsigned int family;
    unsigned int burst;
    enum bench_checksum checksum;
    bool baseline;
};

struct bench_figures {
    double median, p10, p90; /* ns per packet */
    double spread;           /* of the medians of five parts of the run, in parts of the median */
};

struct bench_result {
    struct bench_figures weir, parse, hash, line;
    double poll_p50_ns;
    double poll_max_ns;
    double bytes_per_flow;
    double births; /* connections begun per packet */
    uint64_t packets;
    uint64_t refused;
    bool has_baseline;
};

/* Octets that measuring these cases together will take. */
size_t bench_measure_size(const struct bench_case *cases, unsigned int count);

/*
 * Measure cases side by side for seconds each. Returns 0, or a negative errno after a message: no
 * memory, or the tracker's books are wrong.
 */
int bench_measure(const struct bench_case *cases, unsigned int count, double seconds,
                  struct bench_result *results);

#endif
