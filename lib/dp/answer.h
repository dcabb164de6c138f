/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers: what a rejected packet's sender is told. A RST for TCP, built right from the segment
 * (RFC 9293 3.10.7.1); ICMP or ICMPv6 "administratively prohibited" otherwise (RFC 1812 5.2.7.1,
 * RFC 4443 3.1), never for an ICMP error, a broadcast, a fragment beyond the first or another's
 * answer (RFC 1122 3.2.2), and no faster than the worker's bucket lets them.
 *
 * Owner: one worker.
 */
#ifndef WEIR_DP_ANSWER_H
#define WEIR_DP_ANSWER_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "core/packet.h"

/* Token bucket of ICMP answers. */
struct weir_answer_bucket {
    uint32_t per_sec; /* answers a second; as many may come at once; anybody may change it */
    uint32_t tokens;
    uint64_t filled_us; /* when it was last filled */
};

/* Take a token at now_us. Returns 0 if there is none. */
int weir_answer_take(struct weir_answer_bucket *bucket, uint64_t now_us);

/*
 * Build the answer to mbuf, which packet describes, with a buffer from pool. The frame goes back
 * the way it came: addresses swapped, VLAN tags kept. Returns NULL where none is due (a RST is
 * never answered), none may be had from the bucket, or no buffer was left. mbuf is only read.
 */
struct rte_mbuf *weir_answer_make(const struct rte_mbuf *mbuf, const struct weir_packet *packet,
                                  struct rte_mempool *pool, struct weir_answer_bucket *bucket,
                                  uint64_t now_us);

#endif
