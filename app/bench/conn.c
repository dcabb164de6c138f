/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: opening them, their next segments, and comparing the books. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>

#include "bench/world.h"
#include "core/tcp_state.h"

#define CHECK_MAX 1000000U

/* The handshake, and the first data both ways. */
static const struct bench_segment opening[] = {
    {.flags = WEIR_TCP_SYN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_SYN | WEIR_TCP_ACK, .dir = WEIR_RESP},
    {.flags = WEIR_TCP_ACK, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_ORIG},
    {.flags = WEIR_TCP_ACK | WEIR_TCP_PSH, .len = BENCH_DATA_LEN, .dir = WEIR_RESP},
};

#define OPENING (sizeof(opening) / sizeof(opening[0]))

void bench_segment_next(const struct bench_conn *conn, struct bench_segment *seg)
{
    unsigned int syn = seg->flags >> 1 & 1;

    seg->seq = bench_isn(seg->number, seg->dir) + 1 - syn + conn->sent[seg->dir];
    seg->ack = (seg->flags & WEIR_TCP_ACK)
                   ? bench_isn(seg->number, !seg->dir) + 1 + conn->sent[!seg->dir]
                   : 0;
}

void bench_segment_book(struct bench_conn *conn, const struct bench_segment *seg)
{
    conn->sent[seg->dir] += seg->len + (seg->flags & WEIR_TCP_FIN);
    conn->packets[seg->dir]++;
}

static void open_step(struct bench_world *world, uint32_t first, unsigned int count,
                      unsigned int step)
{
    struct bench_segment seg[BENCH_PASS];

    for (unsigned int i = 0; i < count; i++) {
        seg[i] = opening[step];
        seg[i].number = first + i;
        bench_segment_next(&world->conn[first + i], &seg[i]);
        bench_segment_book(&world->conn[first + i], &seg[i]);
    }
    bench_world_send(world, seg, count);
}

int bench_open_all(struct bench_world *world)
{
    uint32_t count = 0;

    for (uint32_t first = 0; first < world->flows; first += count) {
        count = world->flows - first < BENCH_PASS ? world->flows - first : BENCH_PASS;
        for (unsigned int step = 0; step < OPENING; step++)
            open_step(world, first, count, step);
    }
    world->born = world->flows;
    count = world->tracker.table[world->family == 6].count;
    if (count == world->flows)
        return 0;
    warnx("only %" PRIu32 " of %" PRIu32 " connections could be opened", count, world->flows);
    return -ENOSPC;
}

bool bench_conn_right(struct bench_world *world, const struct bench_conn *conn, uint64_t number,
                      const uint8_t state[2])
{
    uint32_t record = bench_world_find(world, number);
    struct weir_flow_view view;
    const struct weir_flow *flow;

    if (record == WEIR_TABLE_NONE)
        return false;
    flow = weir_table_flow(&world->tracker.table[world->family == 6], record);
    weir_tracker_view(&world->tracker, world->family, record, WEIR_END_ACTIVE, &view);
    for (unsigned int dir = 0; dir < 2; dir++) {
        uint64_t headers = (uint64_t)conn->packets[dir] * bench_ip_len(world->family, 0);
        uint32_t fin = state[dir] != WEIR_TCP_ESTABLISHED;

        /* The books are modulo 2^32, as sequence numbers are. */
        if (view.packets[dir] != conn->packets[dir] || view.state[dir] != state[dir] ||
            (uint32_t)(view.bytes[dir] - headers - conn->sent[dir] + fin) != 0 ||
            flow->peer[dir].end != bench_isn(number, dir) + 1 + conn->sent[dir] ||
            view.refused[dir] != 0)
            return false;
    }
    return true;
}

uint64_t bench_check_open(struct bench_world *world)
{
    static const uint8_t established[2] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED};
    uint32_t step = world->flows / CHECK_MAX + 1;
    uint64_t wrong = 0;

    for (uint32_t flow = 0; flow < world->flows; flow += step)
        wrong += !bench_conn_right(world, &world->conn[flow], flow, established);
    if (wrong > 0)
        warnx("%" PRIu64 " connections differ from what was sent on them", wrong);
    return wrong;
}
