/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time: the time stamp that the port put on the packet where it is one in microseconds since the
 * epoch (net_pcap: the capture's own clock, so that a replay ages by it), the TSC otherwise.
 *
 * The TSC's rate is only nearly known: DPDK rounds it to 10 MHz, which can be a minute a day. So
 * once a second a clock is compared to the system's monotonic one, which NTP disciplines, and runs
 * a little faster or slower until the next time. It never jumps and never goes back, even where the
 * wall clock, which it is set by when it begins, is set anew.
 *
 * A clock belongs to one thread.
 */
#ifndef WEIR_DP_CLOCK_H
#define WEIR_DP_CLOCK_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

struct weir_clock {
    int stamp_offset;    /* of the time stamp in the mbuf; -1 = no port gives one */
    uint64_t stamp_flag; /* set in ol_flags where there is one */
    uint64_t epoch_us;   /* this clock at epoch_tsc, and */
    uint64_t true_us;    /* what it should have been */
    uint64_t epoch_tsc;
    uint64_t us_per_tsc_32; /* microseconds per cycle, in units of 2^-32 */
    uint64_t boot_us;       /* the wall clock, less the monotonic one, when this clock began */
    uint64_t hz;            /* of the TSC, nearly */
};

/* Read the wall clock and look the time stamp field up; call once the ports are probed. */
void weir_clock_init(struct weir_clock *clock);

/* Now by the TSC, microseconds since the epoch. */
uint64_t weir_clock_now(const struct weir_clock *clock);

/*
 * At tsc it was true_us: go on from what the clock shows there, at the rate since the last such
 * pair, and so much faster or slower that it will be right when as much time again has passed; but
 * by no more than a half.
 */
void weir_clock_steer(struct weir_clock *clock, uint64_t tsc, uint64_t true_us);

/* Compare to the system's clock, unless interrupted at it. */
void weir_clock_keep_slowly(struct weir_clock *clock);

/* To be called often, with the TSC as of now: compares once a second. */
static inline void weir_clock_keep(struct weir_clock *clock, uint64_t tsc)
{
    if (__builtin_expect(tsc - clock->epoch_tsc >= clock->hz, 0))
        weir_clock_keep_slowly(clock);
}

/* The packet's own time if it has one, now_us otherwise. */
static inline uint64_t weir_clock_packet(const struct weir_clock *clock,
                                         const struct rte_mbuf *mbuf, uint64_t now_us)
{
    if (mbuf->ol_flags & clock->stamp_flag)
        return *RTE_MBUF_DYNFIELD(mbuf, clock->stamp_offset, const rte_mbuf_timestamp_t *);
    return now_us;
}

#endif
