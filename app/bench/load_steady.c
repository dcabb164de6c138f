/* SPDX-License-Identifier: BSD-3-Clause */
/* Established connections: data in both directions, acknowledging what the other has sent. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "bench/world.h"
#include "core/account.h"
#include "core/tcp_state.h"

#define MIXED_SYN_PERCENT 5U
#define CHECK_MAX         1000000U
#define SYN_WAIT_USEC     (121U * 1000000U) /* beyond tcp_syn_sent */

/* The handshake, and the first data both ways. */
static const struct bench_segment opening[] = {
    {.flags = WEIR_TCP_SYN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_SYN | WEIR_TCP_ACK, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_RESP},
};

#define OPENING (sizeof(opening) / sizeof(opening[0]))

static void data_segment(const struct bench_conn *conn, uint64_t number, unsigned int dir,
                         unsigned int len, struct bench_segment *seg)
{
    *seg = (struct bench_segment){
        .number = number,
        .seq = bench_isn(number, dir) + 1 + conn->sent[dir],
        .ack = bench_isn(number, !dir) + 1 + conn->sent[!dir],
        .len = (uint16_t)len,
        .flags = WEIR_TCP_ACK | WEIR_TCP_PSH,
        .dir = (uint8_t)dir,
    };
}

static void open_all(struct bench_world *world, uint32_t first, unsigned int count,
                     unsigned int step)
{
    struct bench_segment seg[BENCH_PASS];

    for (unsigned int i = 0; i < count; i++) {
        struct bench_conn *conn = &world->conn[first + i];
        unsigned int dir = opening[step].dir;

        data_segment(conn, first + i, dir, opening[step].len, &seg[i]);
        seg[i].flags = opening[step].flags;
        seg[i].seq -= seg[i].flags >> 1 & 1; /* the SYN's own number */
        conn->packets[dir]++;
        conn->sent[dir] += seg[i].len;
    }
    bench_world_send(world, seg, count);
}

static int fill(struct bench_world *world)
{
    for (uint32_t first = 0; first < world->flows; first += BENCH_PASS) {
        unsigned int count =
            world->flows - first < BENCH_PASS ? world->flows - first : BENCH_PASS;

        for (unsigned int step = 0; step < OPENING; step++)
            open_all(world, first, count, step);
    }
    world->born = world->flows;
    if (world->tracker.table[world->family == 6].count == world->flows)
        return 0;
    warnx("only %" PRIu32 " of %" PRIu32 " connections could be opened",
          world->tracker.table[world->family == 6].count, world->flows);
    return -ENOSPC;
}

/* Zipf's law with exponent 1: the rank's logarithm is uniform. Ranks are strewn over the records. */
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
    uint32_t flow = world->scenario == BENCH_ZIPF
                        ? zipf(world)
                        : bench_random_below(world->random, world->flows);
    unsigned int dir = bench_random(world->random) >> 63;
    unsigned int len = BENCH_DATA_LEN;

    (void)i;
    if (world->scenario == BENCH_MIXED) {
        if (bench_random_below(world->random, 100) < MIXED_SYN_PERCENT) {
            *seg = (struct bench_segment){.number = world->born,
                                          .seq = bench_isn(world->born, WEIR_ORIG),
                                          .flags = WEIR_TCP_SYN};
            world->born++;
            return;
        }
        len = imix_len(world);
    }
    data_segment(&world->conn[flow], flow, dir, len, seg);
    world->conn[flow].sent[dir] += len;
    world->conn[flow].packets[dir]++;
}

/* Where connections come they must go: their SYNs time out, and are swept in one go, not timed. */
static void between(struct bench_world *world)
{
    struct weir_table *table = &world->tracker.table[world->family == 6];

    if (world->scenario != BENCH_MIXED || table->capacity - table->count > BENCH_PASS)
        return;
    bench_world_wait(world, SYN_WAIT_USEC);
    table->hand = 0;
    weir_tracker_sweep(&world->tracker, weir_clock_now(&world->reader.clock), table->capacity);
}

static bool conn_differs(struct bench_world *world, uint32_t flow)
{
    const struct bench_conn *conn = &world->conn[flow];
    uint32_t record = bench_world_find(world, flow);
    struct weir_flow_view view;
    const struct weir_flow *at;

    if (record == WEIR_TABLE_NONE)
        return true;
    at = weir_table_flow(&world->tracker.table[world->family == 6], record);
    weir_tracker_view(&world->tracker, world->family, record, WEIR_END_ACTIVE, &view);
    for (unsigned int dir = 0; dir < 2; dir++) {
        uint64_t octets = (uint64_t)conn->packets[dir] * bench_ip_len(world->family, 0);
        uint64_t more = view.bytes[dir] - octets - conn->sent[dir];

        /* sent is modulo 2^32, as sequence numbers are */
        if (view.packets[dir] != conn->packets[dir] || (uint32_t)more != 0 ||
            at->peer[dir].end != bench_isn(flow, dir) + 1 + conn->sent[dir] ||
            view.state[dir] != WEIR_TCP_ESTABLISHED || view.refused[dir] != 0)
            return true;
    }
    return false;
}

static uint64_t check(struct bench_world *world)
{
    uint32_t step = world->flows / CHECK_MAX + 1;
    uint64_t wrong = 0;

    for (uint32_t flow = 0; flow < world->flows; flow += step)
        wrong += conn_differs(world, flow);
    if (wrong > 0)
        warnx("%" PRIu64 " connections differ from what was sent on them", wrong);
    if (world->tracker.counters.created != world->born) {
        warnx("the tracker has opened %" PRIu64 " connections of %" PRIu64,
              world->tracker.counters.created, world->born);
        wrong++;
    }
    return wrong;
}

const struct bench_load bench_load_steady = {fill, next, between, check};
