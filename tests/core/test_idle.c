/* SPDX-License-Identifier: BSD-3-Clause */
/* Time stamps of a connection that was idle (RFC 7323 5.5). */
#include <criterion/criterion.h>

#include "tracking.h"

#define MINUTE ((uint64_t)60 * 1000000)

/* A segment of ten octets, or an ACK, with a time stamp and an echo. */
static struct weir_fate stamped(struct tracking *t, unsigned int resp, uint32_t seq, uint32_t ack,
                                unsigned int payload, uint32_t tsval, uint32_t tsecr)
{
    uint8_t option[12] = {1, 1, 8, 10};
    struct frame frame = {.src = resp ? "10.0.0.2" : "10.0.0.1",
                          .dst = resp ? "10.0.0.1" : "10.0.0.2",
                          .sport = resp ? 80 : 40000,
                          .dport = resp ? 40000 : 80,
                          .seq = seq,
                          .ack = ack,
                          .win = 65535,
                          .tcp_options = {option, sizeof(option)},
                          .payload = payload};

    for (unsigned int i = 0; i < 4; i++) {
        option[4 + i] = (uint8_t)(tsval >> (24 - 8 * i));
        option[8 + i] = (uint8_t)(tsecr >> (24 - 8 * i));
    }
    return tracking_frame(t, &frame);
}

static void exchange(struct tracking *t)
{
    tracking_begin(t);
    cr_assert_eq(stamped(t, 0, 1, 1, 10, 5000, 70).reason, WEIR_REASON_NONE);
    cr_assert_eq(stamped(t, 1, 1, 11, 10, 80, 5000).reason, WEIR_REASON_NONE);
    cr_assert_eq(stamped(t, 0, 11, 11, 0, 5001, 80).reason, WEIR_REASON_NONE);
    cr_assert_eq(stamped(t, 0, 11, 11, 10, 4999, 80).reason, WEIR_REASON_PAWS);
}

Test(idle, old_stamps_are_told_for_half_an_hour)
{
    struct tracking t;

    exchange(&t);
    t.time_us += 29 * MINUTE;
    cr_assert_eq(stamped(&t, 0, 11, 11, 10, 4999, 80).reason, WEIR_REASON_PAWS);
    tracking_end(&t);
}

/* A clock that counts microseconds has come more than half way round. */
Test(idle, stamps_that_came_round_while_nothing_passed_are_no_old_ones)
{
    struct tracking t;
    uint32_t later = 5001 + (uint32_t)(50 * MINUTE);

    exchange(&t);
    t.time_us += 50 * MINUTE;
    cr_assert_gt(later - 5001, 1U << 31);
    cr_assert_eq(stamped(&t, 0, 11, 11, 10, later, 80).reason, WEIR_REASON_NONE);
    cr_assert_eq(stamped(&t, 1, 11, 21, 0, 90, later).reason, WEIR_REASON_NONE);
    cr_assert_eq(stamped(&t, 0, 21, 11, 10, later - 1, 90).reason, WEIR_REASON_PAWS,
                 "and they count again from the first echo on");
    tracking_end(&t);
}
