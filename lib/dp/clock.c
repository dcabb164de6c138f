/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/clock.h"

#include <time.h>

#include <rte_cycles.h>

#define USEC 1000000U

void weir_clock_init(struct weir_clock *clock)
{
    struct timespec now;
    int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);

    clock->stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    clock->stamp_flag = bit < 0 || clock->stamp_offset < 0 ? 0 : RTE_BIT64(bit);
    clock_gettime(CLOCK_REALTIME, &now);
    clock->epoch_tsc = rte_rdtsc();
    clock->epoch_us = (uint64_t)now.tv_sec * USEC + (uint64_t)now.tv_nsec / 1000;
    clock->us_per_tsc_32 = ((uint64_t)USEC << 32) / rte_get_tsc_hz();
}

uint64_t weir_clock_now(const struct weir_clock *clock)
{
    uint64_t cycles = rte_rdtsc() - clock->epoch_tsc;

    return clock->epoch_us + (uint64_t)((unsigned __int128)cycles * clock->us_per_tsc_32 >> 32);
}
