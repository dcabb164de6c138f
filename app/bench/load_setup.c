/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole connections: each slot opens one, asks, is answered, closes from both ends, and begins the
 * next. Slots are drawn at random, so the connections alive stand at all phases at once. What is
 * closed waits out its TIME-WAIT, a tenth of the slots' worth, and is swept.
 */
#include <err.h>
#include <inttypes.h>

#include "bench/world.h"
#include "core/tcp_state.h"

#define SWEEP_PER_64 32U
#define USEC         1000000U

static const struct bench_segment segments[] = {
    {.flags = WEIR_TCP_SYN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_SYN | WEIR_TCP_ACK, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_FIN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_FIN, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_ORIG},
};

#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

/* States after the last segments; before, the ends are not compared. */
static const uint8_t states[SEGMENTS + 1][2] = {
    [3] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
    [4] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
    [5] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
    [6] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
};

static void begin_slot(struct bench_world *world, uint32_t slot)
{
    world->conn[slot] = (struct bench_conn){0};
    world->phase[slot] = 0;
    world->number[slot] = world->born++;
}

static void slot_next(struct bench_world *world, uint32_t slot, struct bench_segment *seg)
{
    if (world->phase[slot] == SEGMENTS)
        begin_slot(world, slot);
    *seg = segments[world->phase[slot]++];
    seg->number = world->number[slot];
    bench_segment_next(&world->conn[slot], seg);
    bench_segment_book(&world->conn[slot], seg);
}

/* Bring every slot to a phase of its own; in steps, so that no burst holds one twice. */
static int fill(struct bench_world *world)
{
    struct bench_segment seg[BENCH_PASS];

    for (uint32_t slot = 0; slot < world->flows; slot++)
        begin_slot(world, slot);
    for (unsigned int phase = 0; phase < SEGMENTS; phase++) {
        unsigned int count = 0;

        for (uint32_t slot = 0; slot < world->flows; slot++) {
            if (slot % SEGMENTS < phase)
                continue;
            slot_next(world, slot, &seg[count++]);
            if (count == BENCH_PASS || slot + 1 == world->flows) {
                bench_world_send(world, seg, count);
                count = 0;
            }
        }
        bench_world_send(world, seg, count);
    }
    world->sweep_per_64 = SWEEP_PER_64;
    world->step_usec = (uint32_t)((uint64_t)USEC * BENCH_PASS / world->flows);
    return 0;
}

static void next(struct bench_world *world, unsigned int i, struct bench_segment *seg)
{
    (void)i;
    slot_next(world, bench_random_below(world->random, world->flows), seg);
}

static uint64_t check(struct bench_world *world)
{
    const struct weir_counters *counters = &world->tracker.counters;
    uint64_t wrong = 0;
    uint64_t begun = world->born;

    for (uint32_t slot = 0; slot < world->flows; slot++) {
        unsigned int phase = world->phase[slot];

        begun -= phase == 0;
        if (states[phase][0] != 0)
            wrong +=
                !bench_conn_right(world, &world->conn[slot], world->number[slot], states[phase]);
    }
    if (wrong > 0)
        warnx("%" PRIu64 " connections differ from what was sent on them", wrong);
    if (counters->created != begun || counters->ended[WEIR_END_TIMEOUT] != 0 ||
        counters->ended[WEIR_END_EVICTED] != 0) {
        warnx("the tracker has opened %" PRIu64 " connections of %" PRIu64 ", given up %" PRIu64
              " and evicted %" PRIu64,
              counters->created, begun, counters->ended[WEIR_END_TIMEOUT],
              counters->ended[WEIR_END_EVICTED]);
        wrong++;
    }
    return wrong;
}

const struct bench_load bench_load_setup = {fill, next, NULL, check};
