/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A world: one tracker with its traffic. Passes of some thousand packets are prepared (frames
 * written, not timed), then run burst by burst the way a worker does (timed); and at the end the
 * tracker's books are compared with the generator's.
 */
#ifndef WEIR_BENCH_WORLD_H
#define WEIR_BENCH_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/frame.h"
#include "bench/options.h"
#include "core/tracker.h"
#include "dp/burst.h"

#define BENCH_PASS 4096U /* packets; headers and mbufs of that many stay in L2 */

#define BENCH_POLL_FLOWS  1000000U /* expire-poll, flush-poll: that end */
#define BENCH_FLUSH_SLICE 24U      /* flush-poll: flows that a worker copies and ends a poll */
#define BENCH_PATIENT_SEC 100000U

/* The generator's books of one connection. */
struct bench_conn {
    uint32_t sent[2]; /* payload octets, by enum weir_dir */
    uint32_t packets[2];
};

struct bench_world;

/* Traffic of one scenario. */
struct bench_load {
    /* Fill the world before measuring; 0 or negative errno after a message. */
    int (*fill)(struct bench_world *world);
    /* Say which segment is packet i of the next pass. */
    void (*next)(struct bench_world *world, unsigned int i, struct bench_segment *seg);
    /* Between passes, not timed: move the clock, clear away. May be NULL. */
    void (*between)(struct bench_world *world);
    /* Does the tracker hold what was sent? Returns the number of differences. */
    uint64_t (*check)(struct bench_world *world);
};

struct bench_world {
    const struct bench_load *load;
    enum bench_scenario scenario;
    uint32_t flows;
    uint32_t capacity;
    unsigned int family;
    struct bench_conn *conn; /* flows of them; NULL where connections are not kept */
    uint8_t *phase;          /* setup: segments of its connection that a slot has sent */
    uint64_t *number;        /* setup: the connection that a slot has reached */
    uint64_t born;           /* connections begun */
    uint64_t random[2];
    void *memory; /* the tracker's */
    struct weir_rules rules;
    struct weir_tracker tracker;
    struct weir_flow_copy *outbox;
    struct weir_reader reader;
    struct rte_mempool *pool;
    struct rte_mbuf *mbuf[BENCH_PASS];
    struct rte_mbuf *sent[BENCH_PASS]; /* where forwarded packets are put */
    struct weir_burst burst;
    unsigned int sweep_per_64; /* records that a poll visits for each 64 packets */
    uint32_t step_usec;        /* by which time moves on between passes, beside its own pace */
    uint64_t flush_at;         /* flush-poll: record from which the next poll ends some */
    bool flush;                /* and whether it does */
    uint64_t forwarded;
    uint64_t packets; /* expected in the tracker's counters, as the next ones */
    uint64_t octets;
    uint64_t refused;
    uint64_t plain;            /* packets without any reason */
    uint64_t poll[BENCH_PASS]; /* TSC cycles of each poll of the last pass */
};

/* Make and fill a world; NULL after a message. */
struct bench_world *bench_world_make(enum bench_scenario scenario, uint32_t flows,
                                     unsigned int family);
void bench_world_free(struct bench_world *world);

/* Octets that bench_world_make will ask for. */
size_t bench_world_size(enum bench_scenario scenario, uint32_t flows, unsigned int family);

/* Write the frames of the next pass. */
void bench_world_prepare(struct bench_world *world, enum bench_checksum checksum);

/* Run it; returns TSC cycles. */
uint64_t bench_world_run(struct bench_world *world, unsigned int burst,
                         enum bench_checksum checksum);

/* WEIR_PARSE_* for a checksum policy. */
unsigned int bench_world_how(enum bench_checksum checksum);

/* Compare all books; returns 0, or the number of differences after a message. */
uint64_t bench_world_check(struct bench_world *world);

/* The tracker's memory by the flow, as laid out. */
double bench_world_bytes_per_flow(const struct bench_world *world);

/* Send segments untimed, in bursts, count at most BENCH_PASS. */
void bench_world_send(struct bench_world *world, const struct bench_segment *seg,
                      unsigned int count);

/* Let time pass. */
void bench_world_wait(struct bench_world *world, uint64_t usec);

uint64_t bench_random(uint64_t state[2]);
double bench_random_unit(uint64_t state[2]);
static inline uint32_t bench_random_below(uint64_t state[2], uint32_t limit)
{
    return (uint32_t)((bench_random(state) >> 32) * limit >> 32);
}

/* The record of a connection, or WEIR_TABLE_NONE. */
uint32_t bench_world_find(struct bench_world *world, uint64_t number);

/* Fill in the next segment on a connection, by its books; flags, direction, payload are given. */
void bench_segment_next(const struct bench_conn *conn, struct bench_segment *seg);

/* Enter it in the books. */
void bench_segment_book(struct bench_conn *conn, const struct bench_segment *seg);

/* Does the tracker hold this connection as in the books, its ends in these states? */
bool bench_conn_right(struct bench_world *world, const struct bench_conn *conn, uint64_t number,
                      const uint8_t state[2]);

/* Open flows connections, numbered from 0, with data both ways. 0 or negative errno. */
int bench_open_all(struct bench_world *world);

/* How many of the connections differ; a million of them at most are looked at. */
uint64_t bench_check_open(struct bench_world *world);

/* The SYN of the next connection. */
void bench_next_syn(struct bench_world *world, unsigned int i, struct bench_segment *seg);

/* Where there is no room for another pass of SYNs: let those there are time out, and sweep them. */
void bench_clear_syns(struct bench_world *world);

extern const struct bench_load bench_load_steady;
extern const struct bench_load bench_load_setup;
extern const struct bench_load bench_load_birth;
extern const struct bench_load bench_load_polls;

#endif
