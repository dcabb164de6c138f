/* SPDX-License-Identifier: BSD-3-Clause */
/* SYNs of connections that were never seen before: beside others, into a full table, in balance
 * with expiry. */
#include <err.h>
#include <inttypes.h>

#include "bench/world.h"
#include "core/tcp_state.h"

#define USEC         1000000U
#define SWEEP_PER_64 80U /* at four fifths of the records in use, 64 of them */
#define CHECK_LAST   1000U

void bench_next_syn(struct bench_world *world, unsigned int i, struct bench_segment *seg)
{
    (void)i;
    *seg = (struct bench_segment){
        .number = world->born, .seq = bench_isn(world->born, WEIR_ORIG), .flags = WEIR_TCP_SYN};
    world->born++;
}

void bench_clear_syns(struct bench_world *world)
{
    struct weir_table *table = &world->tracker.table[world->family == 6];

    if (table->capacity - table->count >= BENCH_PASS)
        return;
    bench_world_wait(world, 2 * WEIR_TIMEOUT_MIN_SEC * USEC);
    do {
        world->tracker.outbox.count = 0;
        weir_tracker_sweep(&world->tracker, weir_clock_now(&world->reader.clock), BENCH_PASS);
    } while (table->hand != 0 || table->capacity - table->count < BENCH_PASS);
}

/* So many passes of SYNs, untimed, with whatever sweeping and waiting belongs to the scenario. */
static void send_syns(struct bench_world *world, uint64_t count)
{
    struct bench_segment seg[BENCH_PASS];

    while (count > 0) {
        unsigned int part = count < BENCH_PASS ? (unsigned int)count : BENCH_PASS;

        for (unsigned int i = 0; i < part; i++)
            bench_next_syn(world, i, &seg[i]);
        bench_world_send(world, seg, part);
        bench_world_wait(world, world->step_usec);
        count -= part;
    }
}

static int fill(struct bench_world *world)
{
    switch (world->scenario) {
    case BENCH_SYNFLOOD_FULL:
        send_syns(world, world->capacity);
        return 0;
    case BENCH_EXPIRE: /* half a round of the sweep is the timeout: each visit finds all expired */
        world->sweep_per_64 = SWEEP_PER_64;
        world->step_usec = (uint32_t)((uint64_t)2 * USEC * BENCH_PASS / world->flows);
        send_syns(world, (uint64_t)2 * world->flows);
        return 0;
    default:
        return bench_open_all(world);
    }
}

static void between(struct bench_world *world)
{
    if (world->scenario == BENCH_SYNFLOOD)
        bench_clear_syns(world);
    if (world->scenario == BENCH_SYNFLOOD_REFUSED)
        world->refused += BENCH_PASS;
}

/* The last ones must be there, with the number that their SYN had. */
static uint64_t check_last(struct bench_world *world)
{
    static const uint8_t state[2] = {WEIR_TCP_SYN_SENT, WEIR_TCP_SYN_RECEIVED};
    uint64_t half = world->tracker.table[world->family == 6].count / 2;
    uint64_t count = half < CHECK_LAST ? half : CHECK_LAST;
    uint64_t wrong = 0;

    for (uint64_t number = world->born - count; number < world->born; number++) {
        uint32_t record = bench_world_find(world, number);
        struct weir_flow_view view;

        if (record == WEIR_TABLE_NONE) {
            wrong++;
            continue;
        }
        weir_tracker_view(&world->tracker, world->family, record, WEIR_END_ACTIVE, &view);
        wrong += view.packets[WEIR_ORIG] != 1 || view.packets[WEIR_RESP] != 0 ||
                 view.state[0] != state[0] || view.state[1] != state[1];
    }
    if (wrong > 0)
        warnx("%" PRIu64 " of the last %" PRIu64 " SYNs are not tracked", wrong, count);
    return wrong;
}

static uint64_t check(struct bench_world *world)
{
    const struct weir_counters *counters = &world->tracker.counters;
    uint64_t resident = world->tracker.table[world->family == 6].count;
    uint64_t should = world->born - world->refused;
    uint64_t ended = counters->ended[WEIR_END_TIMEOUT] + counters->ended[WEIR_END_EVICTED];
    uint64_t wrong = 0;

    if (counters->created != should || resident + ended != should) {
        warnx("of %" PRIu64 " SYNs the tracker has taken %" PRIu64 ", ended %" PRIu64
              " and holds %" PRIu64,
              should, counters->created, ended, resident);
        wrong++;
    }
    if (world->scenario == BENCH_SYNFLOOD || world->scenario == BENCH_SYNFLOOD_REFUSED)
        wrong += bench_check_open(world);
    else
        wrong += check_last(world);
    return wrong;
}

const struct bench_load bench_load_birth = {fill, bench_next_syn, between, check};
