/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: the flow they concern, and whether what they quote can be in flight (RFC 5927 4). */
#include <criterion/criterion.h>

#include "tracking.h"

static const struct frame syn = {.flags = 2, .seq = 1000, .win = 65535};
static const struct frame syn_ack = {.src = "10.0.0.2",
                                     .dst = "10.0.0.1",
                                     .sport = 80,
                                     .dport = 40000,
                                     .flags = 0x12,
                                     .seq = 5000,
                                     .ack = 1001,
                                     .win = 65535};
static const struct frame data = {
    .flags = 0x18, .seq = 1001, .ack = 5001, .win = 65535, .payload = 500};

static void be32(char *at, uint32_t value)
{
    for (unsigned int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i));
}

/* An error that answers the originator's segment with this number. */
static struct weir_fate error(struct tracking *t, const char *type_code, uint32_t seq)
{
    char body[] = "..\0\0\0\0\5\xdc\x45\0\5\xdc\0\0\x40\0@\6\0\0\x0a\0\0\1\x0a\0\0\2"
                  "\x9c\x40\0\x50....";
    struct frame frame = {
        .proto = 1, .src = "192.0.2.1", .dst = "10.0.0.1", .body = {body, sizeof(body) - 1}};

    memcpy(body, type_code, 2);
    be32(body + sizeof(body) - 5, seq);
    return tracking_frame(t, &frame);
}

static void check(struct tracking *t, const char *type_code, uint32_t seq, unsigned int reason)
{
    uint64_t refused = t->tracker.counters.reason[WEIR_REASON_ICMP_OUTSIDE];
    struct weir_fate fate = error(t, type_code, seq);

    cr_assert_eq(fate.reason, reason, "%u: %s", seq, weir_reason_name(fate.reason));
    cr_assert_eq(fate.verdict, reason ? WEIR_VERDICT_DROP : WEIR_VERDICT_FORWARD);
    cr_assert_eq(fate.class, reason ? WEIR_CLASS_INVALID : WEIR_CLASS_RELATED);
    cr_assert_neq(fate.flow_id, 0);
    cr_assert_eq(fate.dir, WEIR_RESP);
    cr_assert_eq(t->tracker.counters.reason[WEIR_REASON_ICMP_OUTSIDE], refused + (reason != 0));
}

static void establish(struct tracking *t)
{
    tracking_begin(t);
    tracking_frame(t, &syn);
    tracking_frame(t, &syn_ack);
    cr_assert_eq(tracking_frame(t, &data).reason, WEIR_REASON_NONE);
}

Test(quote, a_segment_in_flight_is_related)
{
    struct tracking t;

    establish(&t);
    check(&t, "\3\1", 1001, WEIR_REASON_NONE);
    check(&t, "\3\1", 1000, WEIR_REASON_NONE);
    check(&t, "\x0b\0", 1501, WEIR_REASON_NONE);
    tracking_end(&t);
}

Test(quote, a_segment_that_was_never_sent_is_refused_and_counted)
{
    struct tracking t;
    const struct weir_flow_view *view;

    establish(&t);
    check(&t, "\3\1", 1502, WEIR_REASON_ICMP_OUTSIDE);
    check(&t, "\3\1", 1501U - 131072U, WEIR_REASON_ICMP_OUTSIDE);
    check(&t, "\3\3", 0x80000000U, WEIR_REASON_ICMP_OUTSIDE);
    view = tracking_only(&t);
    cr_assert_not_null(view);
    cr_assert_eq(view->refused[WEIR_RESP], 3);
    cr_assert_eq(view->reason, WEIR_REASON_ICMP_OUTSIDE);
    cr_assert_eq(view->packets[WEIR_RESP], 1, "an error counts for none");
    tracking_end(&t);
}

Test(quote, a_path_mtu_message_always_passes)
{
    struct tracking t;

    establish(&t);
    check(&t, "\3\4", 0x80000000U, WEIR_REASON_NONE);
    tracking_end(&t);
}

Test(quote, an_error_about_a_lone_syn_is_related)
{
    struct tracking t;

    tracking_begin(&t);
    tracking_frame(&t, &syn);
    check(&t, "\3\x0d", 1000, WEIR_REASON_NONE);
    check(&t, "\3\x0d", 1002, WEIR_REASON_ICMP_OUTSIDE);
    tracking_end(&t);
}

Test(quote, what_quotes_no_flow_is_up_to_the_policy)
{
    struct tracking t;
    struct weir_fate fate;

    tracking_begin(&t);
    fate = error(&t, "\3\1", 1000);
    cr_assert_eq(fate.reason, WEIR_REASON_ICMP_UNMATCHED);
    cr_assert_eq(fate.verdict, WEIR_VERDICT_FORWARD);
    cr_assert_eq(fate.class, WEIR_CLASS_UNTRACKED);
    t.order = WEIR_POLICY_DROP;
    fate = error(&t, "\3\4", 1000);
    cr_assert_eq(fate.reason, WEIR_REASON_POLICY_DROP);
    cr_assert_eq(fate.verdict, WEIR_VERDICT_DROP);
    cr_assert_null(tracking_only(&t), "an error starts no flow");
    tracking_end(&t);
}
