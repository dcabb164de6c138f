/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow record: everything weir remembers of one connection.
 *
 *   hot, one aligned line (IPv4)                       cold, beside it by the same index
 *   +--------------+--------------+--------+-------+   +-----------------------------------+
 *   | peer[ORIG]   | peer[RESP]   | clock, | key   |   | start, history, spilled counters, |
 *   | windows,     | windows,     | pair,  | 16 B  |   | or the number of an annex         |
 *   | tally  20 B  | tally  20 B  | win 8B | (v4)  |   +-----------------------------------+
 *   +--------------+--------------+--------+-------+
 *
 * A packet of an established connection reads and writes the hot line only. The tally in it is
 * small and spills into the cold part every 64 packets or 64 KiB; the few connections that outgrow
 * the cold part, and those that had a packet refused, are given an annex (annex.h).
 *
 * An IPv6 record is the same with a longer key, in two lines; its cold part stands behind the key.
 *
 * Owner: the worker that owns the table; nobody else reads or writes any of it.
 */
#ifndef WEIR_CORE_FLOW_H
#define WEIR_CORE_FLOW_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "core/key.h"

/* Directions, and the two ends: the originator's packets and side, the responder's. */
enum weir_dir { WEIR_ORIG, WEIR_RESP };

/* Per-end flags (struct weir_peer.flags). */
#define WEIR_PEER_SEEN   0x01U /* a packet from this end has passed */
#define WEIR_PEER_ACK    0x02U /* it sent a segment without SYN and without payload (history A) */
#define WEIR_PEER_DATA   0x04U /* it sent a segment without SYN and with payload (history D) */
#define WEIR_PEER_FIN    0x08U /* its FIN has passed; end is one beyond it */
#define WEIR_PEER_TS     0x10U /* ts holds the newest of its time stamps that its peer has echoed */
#define WEIR_PEER_UNSURE 0x20U /* adopted mid-stream: end may lie below what it really sent */
#define WEIR_PEER_CHALL  0x40U /* a challenge ACK from this end is expected (RFC 5961) */
#define WEIR_PEER_EXTRA  0x80U /* of ORIG: has an annex; of RESP: ORIG is the key's higher end */

#define WEIR_PEER_PROVEN (WEIR_PEER_ACK | WEIR_PEER_DATA | WEIR_PEER_FIN) /* more than SYNs */

struct weir_peer {
    uint32_t end;  /* one beyond the highest sequence number it sent, SYN and FIN counted */
    uint32_t ack;  /* highest acknowledgement it sent; before its first: its initial number */
    uint32_t edge; /* highest ack + window it offered: the right edge of what it will take */
    uint32_t ts;   /* its newest TSval known to have arrived (RFC 7323 TS.Recent of its peer) */
    uint32_t bytes : 17;  /* tally since the last spill: IP octets */
    uint32_t packets : 7; /* tally since the last spill */
    uint32_t flags : 8;   /* WEIR_PEER_* */
};

/* win: window scale in the low half, max(0, ceil(log2(largest offered)) - 15) in the high. */
#define WEIR_WSCALE_UNKNOWN 15U

struct weir_flow {
    struct weir_peer peer[2]; /* by enum weir_dir */
    uint32_t last_low;        /* when a packet last passed: low 40 bits of Unix microseconds */
    uint8_t last_high;
    uint8_t pair; /* both ends' states as one number: tcp_pair.h, or a class of other protocols */
    uint8_t win[2];
    struct weir_key4 key[]; /* one weir_key4 or one weir_key6 */
};

#define WEIR_FLOW4_SIZE 64U
#define WEIR_FLOW6_SIZE 128U

static_assert(sizeof(struct weir_peer) == 20, "two peers, clock and key fill one line");
static_assert(offsetof(struct weir_flow, key) == 48, "the key ends with the line");
static_assert(offsetof(struct weir_flow, key) + sizeof(struct weir_key4) == WEIR_FLOW4_SIZE,
              "an IPv4 flow is one cache line");
static_assert(offsetof(struct weir_flow, key) + sizeof(struct weir_key6) <= WEIR_FLOW6_SIZE,
              "an IPv6 flow is two cache lines");

#define WEIR_HISTORY_MAX 12U /* six letters for each of two directions */

#define WEIR_FLOW_PORT_MAX 63U

struct weir_flow_cold {
    uint16_t start[3];    /* low 48 bits of Unix microseconds, low word first */
    uint8_t reopened : 2; /* how often the record was opened anew in the same microsecond */
    uint8_t port : 6;     /* of its first packet; WEIR_FLOW_PORT_MAX: that or a higher one */
    uint8_t reason;       /* last reason for which a packet of it was refused */
    uint8_t history[WEIR_HISTORY_MAX / 2]; /* letters as they first appeared, 4 bits each */
    uint8_t refused[2]; /* packets per direction; an annex takes over before they are full */
    union {
        uint16_t spilled[4]; /* units of 64 packets (orig, resp), of 64 KiB (orig, resp) */
        uint32_t annex;      /* with WEIR_PEER_EXTRA of ORIG */
    };
};

static_assert(sizeof(struct weir_flow_cold) == 24,
              "64 + 24 + the index's share stay below 96 bytes");

/* Octets from the start of an IPv6 record to its cold part. */
#define WEIR_FLOW6_COLD (offsetof(struct weir_flow, key) + sizeof(struct weir_key6))

static_assert(WEIR_FLOW6_COLD % sizeof(uint64_t) == 0, "the cold part is aligned");
static_assert(WEIR_FLOW6_COLD + sizeof(struct weir_flow_cold) <= WEIR_FLOW6_SIZE,
              "an IPv6 record has room for its cold part");

static inline const struct weir_key6 *weir_flow_key6(const struct weir_flow *flow)
{
    return (const struct weir_key6 *)(const void *)flow->key;
}

/* Which direction is a packet whose sender is the key's higher end (swapped) or not? */
static inline unsigned int weir_flow_dir(const struct weir_flow *flow, unsigned int swapped)
{
    return swapped ^ (flow->peer[WEIR_RESP].flags >> 7);
}

static inline void weir_flow_set_last(struct weir_flow *flow, uint64_t time_us)
{
    flow->last_low = (uint32_t)time_us;
    flow->last_high = (uint8_t)(time_us >> 32);
}

/*
 * When a packet last passed, whole again: the stored low 40 bits, taken as the time nearest below
 * now, or up to 2^36 us (19 hours) above it, since a capture's clock may run back.
 */
static inline uint64_t weir_flow_last(const struct weir_flow *flow, uint64_t now_us)
{
    uint64_t low = (uint64_t)flow->last_high << 32 | flow->last_low;
    uint64_t mask = ((uint64_t)1 << 40) - 1;
    uint64_t limit = now_us + ((uint64_t)1 << 36);

    return limit - ((limit - low) & mask);
}

#endif
