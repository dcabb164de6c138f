/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/clock.h"

#include <time.h>

#include <rte_cycles.h>

#define USEC     1000000U
#define APART_US 50U /* between the readings of a pair, at most: else they are not of one time */
#define TRIES    10U

static uint64_t clock_read_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * USEC + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t at(const struct weir_clock *clock, uint64_t tsc)
{
    uint64_t cycles = tsc - clock->epoch_tsc;

    return clock->epoch_us + (uint64_t)((unsigned __int128)cycles * clock->us_per_tsc_32 >> 32);
}

static bool apart(const struct weir_clock *clock, uint64_t before, uint64_t after)
{
    return after - before > clock->hz / USEC * APART_US;
}

void weir_clock_init(struct weir_clock *clock)
{
    int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    unsigned int tries = TRIES;

    clock->stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    clock->stamp_flag = bit < 0 || clock->stamp_offset < 0 ? 0 : RTE_BIT64(bit);
    clock->hz = rte_get_tsc_hz();
    clock->us_per_tsc_32 = ((uint64_t)USEC << 32) / clock->hz;
    do {
        clock->epoch_tsc = rte_rdtsc();
        clock->epoch_us = clock_read_us(CLOCK_REALTIME);
        clock->boot_us = clock->epoch_us - clock_read_us(CLOCK_MONOTONIC);
    } while (apart(clock, clock->epoch_tsc, rte_rdtsc()) && --tries > 0);
    clock->true_us = clock->epoch_us;
}

uint64_t weir_clock_now(const struct weir_clock *clock)
{
    return at(clock, rte_rdtsc());
}

void weir_clock_steer(struct weir_clock *clock, uint64_t tsc, uint64_t true_us)
{
    uint64_t now_us = at(clock, tsc);
    uint64_t passed_us = true_us - clock->true_us;
    int64_t late_us = (int64_t)(true_us - now_us);
    int64_t part_us = (int64_t)passed_us / 2;
    unsigned __int128 next_us;

    if (passed_us == 0 || tsc == clock->epoch_tsc)
        return;
    late_us = late_us > part_us ? part_us : late_us < -part_us ? -part_us : late_us;
    next_us = passed_us + (uint64_t)late_us;
    clock->us_per_tsc_32 = (uint64_t)((next_us << 32U) / (tsc - clock->epoch_tsc));
    clock->epoch_us = now_us;
    clock->epoch_tsc = tsc;
    clock->true_us = true_us;
}

void weir_clock_keep_slowly(struct weir_clock *clock)
{
    uint64_t before = rte_rdtsc();
    uint64_t mono_us = clock_read_us(CLOCK_MONOTONIC);
    uint64_t after = rte_rdtsc();

    if (!apart(clock, before, after))
        weir_clock_steer(clock, before + (after - before) / 2, clock->boot_us + mono_us);
}
