/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections by number, and their segments as frames with right checksums. */
#ifndef WEIR_BENCH_FRAME_H
#define WEIR_BENCH_FRAME_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "core/flow.h"
#include "core/key.h"
#include "core/segment.h"

#define BENCH_DATA_LEN 6U /* payload of a frame of 64 octets: 14 + 20 + 20 + 6, and 4 of FCS */

/* A segment of connection number, sent in direction dir. */
struct bench_segment {
    uint64_t number;
    uint32_t seq;
    uint32_t ack;
    uint16_t len; /* payload */
    uint8_t flags;
    uint8_t dir; /* enum weir_dir */
};

/* Initial sequence number of an end. */
static inline uint32_t bench_isn(uint64_t number, unsigned int dir)
{
    return (uint32_t)((number * 2 + dir) * 0x9e3779b97f4a7c15U >> 32);
}

/*
 * Write the frame, as a port would have received it: data, lengths, and flags, which say that the
 * hardware has verified the checksums if vouched.
 */
void bench_frame_write(struct rte_mbuf *mbuf, unsigned int family, const struct bench_segment *seg,
                       int vouched);

/* IP octets of a segment with so much payload. */
static inline uint32_t bench_ip_len(unsigned int family, uint32_t len)
{
    return (family == 6 ? 60 : 40) + len;
}

/* The tracker's key of a connection. */
void bench_key4(uint64_t number, struct weir_key4 *key);
void bench_key6(uint64_t number, struct weir_key6 *key);

#endif
