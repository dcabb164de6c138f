/* SPDX-License-Identifier: BSD-3-Clause */
/* Established connections: data in both directions, acknowledging what the other has sent. */
#include <math.h>

#include "bench/world.h"

#define MIXED_SYN_PERCENT 5U

/* Zipf's law, exponent 1: the rank's logarithm is uniform. Ranks are strewn over the records. */
static uint32_t zipf(struct bench_world *world)
{
    uint64_t rank = (uint64_t)exp(bench_random_unit(world->random) * log((double)world->flows));

    return (uint32_t)(rank * 2654435761U % world->flows);
}

/* Simple IMIX: 7 of 64, 4 of 594, 1 of 1518 octets, FCS included. */
static unsigned int imix_len(struct bench_world *world)
{
    unsigned int dice = bench_random_below(world->random, 12);
    unsigned int headers = 18 + bench_ip_len(world->family, 0);

    return dice < 7 ? BENCH_DATA_LEN : (dice < 11 ? 594U : 1518U) - headers;
}

static void next(struct bench_world *world, unsigned int i, struct bench_segment *seg)
{
    uint32_t flow = world->scenario == BENCH_ZIPF ? zipf(world)
                                                  : bench_random_below(world->random, world->flows);
    unsigned int dir = bench_random(world->random) >> 63;
    unsigned int len = BENCH_DATA_LEN;

    if (world->scenario == BENCH_MIXED) {
        if (bench_random_below(world->random, 100) < MIXED_SYN_PERCENT) {
            bench_next_syn(world, i, seg);
            return;
        }
        len = imix_len(world);
    }
    *seg = (struct bench_segment){.number = flow,
                                  .len = (uint16_t)len,
                                  .flags = WEIR_TCP_ACK | WEIR_TCP_PSH,
                                  .dir = (uint8_t)dir};
    bench_segment_next(&world->conn[flow], seg);
    bench_segment_book(&world->conn[flow], seg);
}

/* Where connections come they must go. */
static void between(struct bench_world *world)
{
    if (world->scenario == BENCH_MIXED)
        bench_clear_syns(world);
}

const struct bench_load bench_load_steady = {bench_open_all, next, between, bench_check_open};
const struct bench_load bench_load_polls = {bench_open_all, next, NULL, bench_check_open};
