/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A SYN that has passed on a pair in use and moved nothing: what answers it, and what goes on from
 * it, passes and moves nothing either; what has any other number is refused as before.
 */
#include <criterion/criterion.h>

#include "tracking.h"

enum side { L, R };

#define S  0x02U
#define SA 0x12U
#define A  0x10U
#define PA 0x18U
#define FA 0x11U
#define RS 0x04U
#define RA 0x14U

#define NEXT  200000U /* number of L's next SYN */
#define OTHER 700000U /* of its next but one */
#define NEW   900000U /* of R in the attempt that these begin */

struct step {
    enum side from;
    unsigned int flags;
    uint32_t seq, ack, payload;
    enum weir_reason reason;
};

static const struct step opened[] = {
    {L, S, 0, 0, 0, WEIR_REASON_NONE},
    {R, SA, 0, 1, 0, WEIR_REASON_NONE},
    {L, A, 1, 1, 0, WEIR_REASON_NONE},
    {L, RA, 501, 1, 0, WEIR_REASON_RST_INEXACT}, /* it overtakes the text here, not behind */
    {L, PA, 1, 1, 500, WEIR_REASON_NONE},
};

#define COUNT(steps) (sizeof(steps) / sizeof((steps)[0]))

static unsigned int family;

static struct weir_fate send(struct tracking *t, const struct step *step)
{
    static const char *const address4[] = {"10.0.0.1", "10.0.0.2"};
    static const char *const address6[] = {"2001:db8::1", "2001:db8::2"};
    const char *const *ends = family == 6 ? address6 : address4;
    const struct frame frame = {.family = (uint8_t)family,
                                .src = ends[step->from],
                                .dst = ends[!step->from],
                                .sport = step->from == R ? 80 : 40000,
                                .dport = step->from == R ? 40000 : 80,
                                .flags = (uint8_t)step->flags,
                                .seq = step->seq,
                                .ack = (step->flags & A) ? step->ack : 0,
                                .win = 1000,
                                .payload = step->payload};

    return tracking_frame(t, &frame);
}

static void run(struct tracking *t, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct weir_fate fate = send(t, &steps[i]);

        cr_assert_eq(fate.reason, steps[i].reason, "step %zu: %s, not %s", i,
                     weir_reason_name(fate.reason), weir_reason_name(steps[i].reason));
    }
}

/* Both ends are tracked as ESTABLISHED, and as far as the connection before has gone. */
static void begin(struct tracking *t)
{
    tracking_begin(t);
    run(t, opened, COUNT(opened));
}

static void check_unmoved(struct tracking *t)
{
    const struct weir_flow_view *view = tracking_only(t);

    cr_assert_not_null(view, "one flow, no more");
    cr_assert_eq(view->state[WEIR_ORIG], WEIR_TCP_ESTABLISHED);
    cr_assert_eq(view->state[WEIR_RESP], WEIR_TCP_ESTABLISHED);
}

/* R has taken the RST and the SYN; its SYN-ACK is lost, and L has given that attempt up. */
static const struct step challenged[] = {
    {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE},
    {L, S, OTHER, 0, 0, WEIR_REASON_SYN_CHALLENGE},
    {R, A, NEW + 1, NEXT + 1, 0, WEIR_REASON_OTHER_ATTEMPT}, /* 9293 3.10.7.4 fourth */
    {L, RS, NEXT + 1, 0, 0, WEIR_REASON_OTHER_ATTEMPT},      /* 9293 3.10.7.3 */
};

Test(syn_notes, challenge_of_a_later_syn_by_the_next_attempt)
{
    struct tracking t;

    for (family = 4; family <= 6; family += 2) {
        begin(&t);
        run(&t, challenged, COUNT(challenged));
        check_unmoved(&t);
        tracking_end(&t);
    }
}

/* R's last ACK in the connection before comes behind its SYN-ACK, and says no more than that. */
Test(syn_notes, ack_of_before_behind_the_syn_ack)
{
#define ANSWERED                                                                                   \
    {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE},                                                 \
    {                                                                                              \
        R, SA, NEW, NEXT + 1, 0, WEIR_REASON_SYN_ACK_OTHER                                         \
    }
#define GOES_ON                                                                                    \
    {R, A, 1, 501, 0, WEIR_REASON_NONE}, {L, A, NEXT + 1, NEW + 1, 0, WEIR_REASON_OTHER_ATTEMPT},  \
        {L, PA, NEXT + 1, NEW + 1, 70, WEIR_REASON_OTHER_ATTEMPT},                                 \
        {R, A, NEW + 1, NEXT + 71, 0, WEIR_REASON_OTHER_ATTEMPT},                                  \
    {                                                                                              \
        L, FA, NEXT + 71, NEW + 1, 0, WEIR_REASON_OTHER_ATTEMPT                                    \
    }
    static const struct step once[] = {ANSWERED, GOES_ON};
    static const struct step doubled[] = {
        ANSWERED, {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE}, GOES_ON};
    struct tracking t;

    begin(&t);
    run(&t, once, COUNT(once));
    check_unmoved(&t);
    tracking_end(&t);
    begin(&t);
    run(&t, doubled, COUNT(doubled));
    check_unmoved(&t);
    tracking_end(&t);
}

/* Whoever forges a SYN may go on from its number, which nobody takes; nothing else is let in by it.
 */
Test(syn_notes, a_forged_syn_lets_no_other_number_in)
{
    static const struct step rows[] = {
        {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE},
        {L, RS, NEXT, 0, 0, WEIR_REASON_RST_OUTSIDE},
        {L, RS, NEXT + 1, 0, 0, WEIR_REASON_OTHER_ATTEMPT},
        {L, RS, NEXT + 2, 0, 0, WEIR_REASON_RST_OUTSIDE},
        {L, A, NEXT + 1, NEW + 1, 0, WEIR_REASON_OTHER_ATTEMPT},
        {L, PA, NEXT + 2, NEW + 1, 9, WEIR_REASON_SEQ_ABOVE},
        {R, A, NEW + 1, NEXT, 0, WEIR_REASON_SEQ_ABOVE},
        {R, A, NEW + 1, NEXT + 2, 0, WEIR_REASON_SEQ_ABOVE},
        {R, RS, NEXT + 1, 0, 0, WEIR_REASON_RST_OUTSIDE}, /* of the other end */
        {L, A, OTHER, NEXT + 1, 0, WEIR_REASON_SEQ_ABOVE},
        {R, A, 1, 501, 0, WEIR_REASON_NONE},
        {L, PA, 501, 1, 9, WEIR_REASON_NONE},
    };
    struct tracking t;

    begin(&t);
    run(&t, rows, COUNT(rows));
    check_unmoved(&t);
    tracking_end(&t);
}

/* Somebody else's SYN of the same number is not this one. */
Test(syn_notes, a_syn_counts_for_its_own_pair)
{
    static const struct step rows[] = {
        {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE},
        {R, A, NEW + 1, NEXT + 1, 0, WEIR_REASON_OTHER_ATTEMPT},
    };
    static const struct step refused = {R, A, NEW + 1, NEXT + 1, 0, WEIR_REASON_SEQ_ABOVE};
    struct tracking t;

    family = 4;
    begin(&t);
    family = 6;
    run(&t, opened, COUNT(opened));
    run(&t, rows, 1);
    family = 4;
    run(&t, &refused, 1);
    family = 6;
    run(&t, rows + 1, 1);
    tracking_end(&t);
}

/* Nothing of a SYN is on its way two minutes later, unless it was repeated. */
Test(syn_notes, a_syn_is_noted_for_two_minutes)
{
    static const struct step syn = {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE};
    static const struct step follows = {L, A, NEXT + 1, NEW + 1, 0, WEIR_REASON_OTHER_ATTEMPT};
    static const struct step refused = {L, A, NEXT + 1, NEW + 1, 0, WEIR_REASON_SEQ_ABOVE};
    struct tracking t;

    begin(&t);
    run(&t, &syn, 1);
    t.time_us += 100 * UINT64_C(1000000);
    run(&t, &syn, 1);
    t.time_us += 119 * UINT64_C(1000000);
    run(&t, &follows, 1);
    t.time_us += 2 * UINT64_C(1000000);
    run(&t, &refused, 1);
    tracking_end(&t);
}

/* TIME-WAIT is not cut short, not even by a RST that goes on from a SYN (RFC 1337 3). */
Test(syn_notes, rst_toward_time_wait_stays_out)
{
    static const struct step rows[] = {
        {L, S, 500000, 0, 0, WEIR_REASON_NONE},
        {R, SA, 0, 500001, 0, WEIR_REASON_NONE},
        {L, A, 500001, 1, 0, WEIR_REASON_NONE},
        {R, FA, 1, 500001, 0, WEIR_REASON_NONE},
        {L, FA, 500001, 2, 0, WEIR_REASON_NONE},
        {R, A, 2, 500002, 0, WEIR_REASON_NONE},
        {L, S, NEXT, 0, 0, WEIR_REASON_SYN_TIME_WAIT},
        {L, RS, NEXT + 1, 0, 0, WEIR_REASON_RST_TIME_WAIT},
    };
    struct tracking t;

    tracking_begin(&t);
    run(&t, rows, COUNT(rows));
    tracking_end(&t);
}

/* Notes that are taken away by a flood cost nothing but themselves. */
Test(syn_notes, a_flood_of_syns_takes_the_places)
{
    static const struct step late = {R, A, NEW + 1, NEXT + 1, 0, WEIR_REASON_SEQ_ABOVE};
    struct step syn = {L, S, NEXT, 0, 0, WEIR_REASON_SYN_CHALLENGE};
    struct tracking t;

    begin(&t);
    run(&t, &syn, 1);
    for (uint32_t i = 1; i <= 64 * WEIR_SYN_NOTES; i++) {
        syn.seq = NEXT + 2654435761U * i;
        run(&t, &syn, 1);
    }
    run(&t, &late, 1);
    check_unmoved(&t);
    tracking_end(&t);
}
