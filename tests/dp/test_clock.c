/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/clock.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#define SEC  1000000U
#define HZ   2600000000U /* as DPDK has it, and */
#define TRUE 2596100000U /* as it is: 1500 ppm less */

static struct weir_clock clock_begun(uint64_t epoch_us)
{
    return (struct weir_clock){
        .epoch_us = epoch_us,
        .true_us = epoch_us,
        .hz = HZ,
        .us_per_tsc_32 = ((uint64_t)SEC << 32) / HZ,
    };
}

static uint64_t cycles(uint64_t us)
{
    return us * (TRUE / 100000) / 10;
}

/* By how much the clock is late when so long has passed by the true time; negative: fast. */
static int64_t steered(struct weir_clock *clock, uint64_t passed_us, uint64_t set_on_us)
{
    uint64_t true_us = clock->true_us + passed_us + set_on_us;

    weir_clock_steer(clock, clock->epoch_tsc + cycles(passed_us), true_us);
    return (int64_t)(true_us - clock->epoch_us);
}

Test(clock, finds_the_rate_of_the_tsc)
{
    struct weir_clock clock = clock_begun(1700000000ULL * SEC);
    int64_t first = steered(&clock, SEC, 0);

    cr_assert(first > 1400 && first < 1600, "1500 ppm, not %" PRId64, first);
    for (unsigned int i = 0; i < 100000; i++) {
        int64_t late = steered(&clock, SEC + i % 1000, 0);

        cr_assert(late >= -3 && late <= 3, "after %u s late by %" PRId64 " us", i + 2, late);
    }
}

Test(clock, runs_after_a_clock_that_is_steered_itself)
{
    struct weir_clock clock = clock_begun(SEC);

    for (unsigned int i = 0; i < 1000; i++) {
        int64_t late = steered(&clock, SEC, 500); /* NTP's fastest */

        cr_assert(i < 2 || (late >= -3 && late <= 503), "late by %" PRId64 " us", late);
    }
}

Test(clock, never_goes_back_nor_much_faster)
{
    static const int64_t set_us[] = {10 * SEC, -10 * (int64_t)SEC, SEC / 2, -(int64_t)SEC / 2};

    for (unsigned int i = 0; i < sizeof(set_us) / sizeof(set_us[0]); i++) {
        struct weir_clock clock = clock_begun(100 * SEC);
        int64_t late = 0;

        steered(&clock, SEC, 0);
        clock.true_us += (uint64_t)set_us[i];
        for (unsigned int round = 0; round < 40; round++) {
            uint64_t before_us = clock.epoch_us;
            uint64_t shown_us;

            late = steered(&clock, SEC, 0);
            shown_us = clock.epoch_us - before_us;
            cr_assert(round == 0 || (shown_us >= SEC / 2 - 2 && shown_us <= SEC * 3 / 2 + 2),
                      "%" PRIu64 " us shown for a second", shown_us);
        }
        cr_assert(late >= -3 && late <= 3, "still late by %" PRId64 " us", late);
    }
}

Test(clock, nothing_can_be_told_from_no_time)
{
    struct weir_clock clock = clock_begun(100 * SEC);
    struct weir_clock before = clock;

    weir_clock_steer(&clock, clock.epoch_tsc + 100, clock.true_us);
    cr_assert_eq(clock.us_per_tsc_32, before.us_per_tsc_32);
    weir_clock_steer(&clock, clock.epoch_tsc, clock.true_us + 1);
    cr_assert_eq(clock.us_per_tsc_32, before.us_per_tsc_32);
    cr_assert_eq(clock.epoch_us, before.epoch_us);
}
