/* SPDX-License-Identifier: BSD-3-Clause */
/* One pair of addresses and ports, one connection after another: a record for each. */
#include <criterion/criterion.h>

#include "tracking.h"

/* One segment of a connection; numbers are relative to the initial ones. */
struct step {
    unsigned int resp, flags, seq, ack, payload;
};

static const struct step connection[] = {
    {0, 0x02, 0, 0, 0},   {1, 0x12, 0, 1, 0},   {0, 0x10, 1, 1, 0},   {0, 0x18, 1, 1, 50},
    {1, 0x18, 1, 51, 70}, {0, 0x11, 51, 71, 0}, {1, 0x11, 71, 52, 0}, {0, 0x10, 52, 72, 0},
};

#define STEPS (sizeof(connection) / sizeof(connection[0]))

static struct weir_fate play(struct tracking *t, const struct step *step, uint32_t isn)
{
    const struct frame frame = {.src = step->resp ? "10.0.0.2" : "10.0.0.1",
                                .dst = step->resp ? "10.0.0.1" : "10.0.0.2",
                                .sport = step->resp ? 80 : 40000,
                                .dport = step->resp ? 40000 : 80,
                                .flags = (uint8_t)step->flags,
                                .seq = isn + step->seq,
                                .ack = (step->flags & 0x10) ? isn + step->ack : 0,
                                .win = 65535,
                                .payload = (uint16_t)step->payload};

    return tracking_frame(t, &frame);
}

static uint64_t refused(const struct tracking *t)
{
    return t->tracker.counters.verdict[WEIR_VERDICT_DROP];
}

/* A load generator that plays a capture in a loop: the same numbers each time. */
Test(reopen, a_connection_played_again_is_a_flow_each_time)
{
    struct tracking t;
    uint64_t before = 0;

    tracking_begin(&t);
    for (unsigned int round = 0; round < 20; round++) {
        struct weir_fate fate = {0};

        for (unsigned int i = 0; i < STEPS; i++)
            fate = play(&t, &connection[i], 1000);
        cr_assert_eq(t.tracker.counters.created, round + 1);
        cr_assert_neq(fate.flow_id, before);
        cr_assert_eq(fate.dir, WEIR_ORIG, "the sender of the SYN is the originator");
        before = fate.flow_id;
    }
    cr_assert_eq(refused(&t), 0);
    cr_assert_eq(t.tracker.counters.ended[WEIR_END_FIN], 19);
    tracking_views(&t);
    cr_assert_eq(t.view[18].packets[WEIR_ORIG] + t.view[18].packets[WEIR_RESP], STEPS,
                 "its own SYN counts for the flow before, the next one's for it");
    cr_assert_eq(t.view[18].port[WEIR_ORIG], 40000);
    tracking_end(&t);
}

/* The same with numbers that rise, as a host chooses them (RFC 6528): through every wrap. */
Test(reopen, a_pair_that_is_hammered_has_no_segment_refused)
{
    struct tracking t;

    tracking_begin(&t);
    t.rules.records = false;
    for (uint32_t round = 0; round < 40000; round++)
        for (unsigned int i = 0; i < STEPS; i++)
            cr_assert_eq(play(&t, &connection[i], round * 250007U).reason, WEIR_REASON_NONE);
    cr_assert_eq(t.tracker.counters.created, 40000);
    cr_assert_eq(refused(&t), 0);
    tracking_end(&t);
}

/* Opened, reset, opened: a RST ends the record, and any number opens the next one. */
Test(reopen, a_pair_reset_again_and_again)
{
    static const struct step reset = {0, 0x04, 1, 0, 0};
    struct tracking t;

    tracking_begin(&t);
    t.rules.records = false;
    for (uint32_t round = 0; round < 1000; round++) {
        for (unsigned int i = 0; i < 3; i++)
            cr_assert_eq(play(&t, &connection[i], round * 2654435761U).reason, WEIR_REASON_NONE);
        cr_assert_eq(play(&t, &reset, round * 2654435761U).reason, WEIR_REASON_NONE);
    }
    cr_assert_eq(t.tracker.counters.created, 1000);
    tracking_end(&t);
}

static enum weir_policy judge_drop(const void *context, const struct weir_packet *packet)
{
    (void)context;
    return packet->seg.flags == 0x02 ? WEIR_POLICY_DROP : WEIR_POLICY_ALLOW;
}

/* Who may not open a connection may not do so with an old number either, nor by the answer to it.
 */
Test(reopen, policy_is_asked_of_a_syn_that_may_open)
{
    struct tracking t;
    struct weir_fate fate;

    tracking_begin(&t);
    for (unsigned int i = 0; i < STEPS; i++)
        play(&t, &connection[i], 1000);
    t.tracker.judge = judge_drop;
    t.order = WEIR_POLICY_UNKNOWN;
    fate = play(&t, &connection[0], 1000);
    cr_assert_eq(fate.verdict, WEIR_VERDICT_DROP);
    cr_assert_eq(fate.reason, WEIR_REASON_POLICY_DROP);
    fate = play(&t, &connection[1], 1000);
    cr_assert_eq(fate.reason, WEIR_REASON_AFTER_CLOSE);
    cr_assert_eq(t.tracker.counters.created, 1);
    tracking_end(&t);
}
