/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tracker is compared with, in the same run: DPDK's own hash table in bulk with a record
 * touched, parsing alone, and the machine's random reads.
 */
#ifndef WEIR_BENCH_BASELINE_H
#define WEIR_BENCH_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_hash.h>

#include "bench/frame.h"
#include "bench/world.h"

struct bench_baseline {
    uint32_t flows;
    unsigned int family;
    struct rte_hash *hash; /* NULL: not measured */
    uint8_t *records;      /* 64 octets each */
    struct weir_key4 key4[BENCH_PASS];
    struct weir_key6 key6[BENCH_PASS];
    uint32_t line[BENCH_PASS];
    uint64_t random[2];
    uint64_t found;
    uint64_t looked_up;
};

/* Make one with as many keys; NULL after a message. */
struct bench_baseline *bench_baseline_make(uint32_t flows, unsigned int family);
void bench_baseline_free(struct bench_baseline *baseline);
size_t bench_baseline_size(uint32_t flows, unsigned int family);

/* Draw the keys and lines of the next pass. */
void bench_baseline_prepare(struct bench_baseline *baseline);

/* One pass each; TSC cycles. */
uint64_t bench_baseline_hash(struct bench_baseline *baseline, unsigned int burst);
uint64_t bench_baseline_lines(struct bench_baseline *baseline, unsigned int burst);

/* Parse the frames that a world has prepared, and nothing else. */
uint64_t bench_baseline_parse(struct bench_world *world, unsigned int burst,
                              enum bench_checksum checksum);

/* Did every look-up find its record? Returns the number that did not, after a message. */
uint64_t bench_baseline_check(const struct bench_baseline *baseline);

#endif
