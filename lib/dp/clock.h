/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time: the time stamp that the port put on the packet where it is one in microseconds since the
 * epoch (net_pcap: the capture's own clock, so that a replay ages by it), the TSC otherwise.
 */
#ifndef WEIR_DP_CLOCK_H
#define WEIR_DP_CLOCK_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

struct weir_clock {
    int stamp_offset;    /* of the time stamp in the mbuf; -1 = no port gives one */
    uint64_t stamp_flag; /* set in ol_flags where there is one */
    uint64_t epoch_us;   /* wall clock at epoch_tsc */
    uint64_t epoch_tsc;
    uint64_t us_per_tsc_32; /* microseconds per cycle, in units of 2^-32 */
};

/* Read the wall clock and look the time stamp field up; call once the ports are probed. */
void weir_clock_init(struct weir_clock *clock);

/* Now by the TSC, microseconds since the epoch. */
uint64_t weir_clock_now(const struct weir_clock *clock);

/* The packet's own time if it has one, now_us otherwise. */
static inline uint64_t weir_clock_packet(const struct weir_clock *clock,
                                         const struct rte_mbuf *mbuf, uint64_t now_us)
{
    if (mbuf->ol_flags & clock->stamp_flag)
        return *RTE_MBUF_DYNFIELD(mbuf, clock->stamp_offset, const rte_mbuf_timestamp_t *);
    return now_us;
}

#endif
