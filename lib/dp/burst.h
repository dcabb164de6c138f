/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts: mbufs in, verdicts out. A burst is a worker's workspace, arrays over the packets in hand;
 * each stage is one loop over it.
 *
 *   receive -> parse, time, hash by sixteens -> (hand over) -> match all -> track all -> verdicts
 *
 * A packet that another worker owns is handed over as its mbuf, with what was parsed in the mbuf's
 * private area, so that the frame is read only once. The mbuf belongs to whoever holds it.
 *
 * Owner: one worker.
 */
#ifndef WEIR_DP_BURST_H
#define WEIR_DP_BURST_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "core/parse.h"
#include "core/tracker.h"
#include "dp/clock.h"

/*
 * What travels with a packet that is handed over; the private area of every mbuf. Whole lines, so
 * that the frame behind it begins a line: its headers, without options, lie in one.
 */
struct weir_luggage {
    struct weir_packet packet;
    uint64_t hash;
    uint64_t time_us;
    uint64_t number;
    struct rte_mbuf *next;   /* of its train, or refused with it: frag.h */
    struct rte_mbuf *behind; /* it, waiting in its owner's backlog */
    bool opening;            /* in a train: it has the transport header */
} __rte_cache_aligned;

/* How mbufs are read; constant while the worker runs. */
struct weir_reader {
    unsigned int how; /* WEIR_PARSE_* */
    struct weir_clock clock;
    uint8_t *scratch; /* room for one frame that lies in several segments */
    uint32_t scratch_len;
};

#define WEIR_BURST_AHEAD 8U  /* frames being fetched beyond the one that is parsed */
#define WEIR_BURST_PART  16U /* packets hashed after as many were parsed; a third of fewer */

struct weir_burst {
    unsigned int count;
    struct rte_mbuf *mbuf[WEIR_BURST_MAX + 2 * WEIR_BURST_AHEAD]; /* with room to fetch ahead */
    struct weir_packet packet[WEIR_BURST_MAX];
    uint64_t hash[WEIR_BURST_MAX];
    uint64_t time_us[WEIR_BURST_MAX];
    uint64_t number[WEIR_BURST_MAX]; /* of the packet, in order of arrival on its port, from 0 */
    uint32_t likely[WEIR_BURST_MAX];
    uint8_t order[WEIR_BURST_MAX]; /* WEIR_ORDER_* */
    struct weir_fate fate[WEIR_BURST_MAX];
};

/*
 * Parse and time the count mbufs that stand in burst->mbuf, numbering them from first_number in
 * steps of stride (the number of queues that share the port). Then, unless tracker is NULL, hash
 * every packet that has a key. That goes by parts of WEIR_BURST_PART packets, or a third of a small
 * burst; the buckets of each are on their way from the tracker's tables while the next is parsed.
 */
void weir_burst_read(struct weir_burst *burst, const struct weir_reader *reader,
                     const struct weir_tracker *tracker, uint64_t first_number, uint64_t stride);

/* Find the records of all; then track all, as ordered. Fates are filled in. */
void weir_burst_match(struct weir_burst *burst, struct weir_tracker *tracker);
void weir_burst_track(struct weir_burst *burst, struct weir_tracker *tracker);

/* Which of count workers owns the packet? Bits of the hash that the flow table does not use. */
static inline unsigned int weir_burst_owner(uint64_t hash, unsigned int count)
{
    return (unsigned int)((hash >> 16 & 0xffff) * count >> 16);
}

/* Put packet i's findings into its mbuf's private area, and take them out at position i. */
void weir_burst_pack(const struct weir_burst *burst, unsigned int i);
void weir_burst_unpack(struct weir_burst *burst, unsigned int i);

/* Move packet from one position to another, to close a gap. */
void weir_burst_move(struct weir_burst *burst, unsigned int to, unsigned int from);

#endif
