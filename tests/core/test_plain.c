/* SPDX-License-Identifier: BSD-3-Clause */
/* The short way of plain segments, held against the full way on random records and segments. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/plain_wide.h"
#include "core/tcp_track.h"
#include "draws.h"

/* A number at or near base: most often the same, else off by a little, else anywhere. */
static uint32_t near(uint32_t base)
{
    static const uint32_t reach[] = {1, 1, 1, 2, 2, 10, 3000, 1U << 17};

    if (draw(64) == 0)
        return draw(UINT32_MAX);
    return base + draw(2 * reach[draw(8)] + 1) - reach[draw(2)] / 2;
}

static void draw_record(union record *record)
{
    const unsigned int usual = WEIR_PEER_SEEN | WEIR_PEER_ACK | WEIR_PEER_DATA;
    uint32_t sent[2] = {draw(UINT32_MAX), draw(UINT32_MAX)};

    memset(record, 0, sizeof(*record));
    for (unsigned int dir = 0; dir < 2; dir++) {
        struct weir_peer *peer = &record->flow.peer[dir];

        peer->end = near(sent[dir]);
        peer->ack = near(sent[!dir]);
        peer->edge = near(peer->ack + (draw(4) ? 65535 : 0));
        peer->ts = near(1000);
        peer->flags = usual | (draw(2) ? WEIR_PEER_TS : 0);
        if (draw(8) == 0)
            peer->flags = draw(256);
        record->flow.win[dir] = (uint8_t)(draw(4) ? 0 : draw(15) | draw(15) << 4);
    }
    record->flow.pair = (uint8_t)(draw(8) ? WEIR_PAIR_MID : draw(weir_tcp_pairs.count));
}

static void draw_segment(const union record *record, unsigned int dir, struct weir_segment *seg)
{
    const struct weir_peer *x = &record->flow.peer[dir];
    const struct weir_peer *y = &record->flow.peer[!dir];

    *seg = (struct weir_segment){
        .seq = draw(2) ? x->end : near(x->end),
        .ack = near(draw(2) ? y->end : x->ack),
        .len = draw(2) ? draw(1500) : draw(3),
        .win = (uint16_t)draw(65536),
        .flags = WEIR_TCP_ACK,
        .opts = (uint8_t)(draw(2) ? WEIR_SEG_TS : 0),
    };
    if (draw(16) == 0)
        seg->flags = (uint8_t)draw(64);
    if (draw(16) == 0) {
        seg->opts |= WEIR_SEG_SACK;
        seg->sack_high = near(y->end);
    }
    seg->tsval = near(x->ts);
    seg->tsecr = draw(8) ? near(y->ts) : 0;
}

Test(plain, what_the_short_way_takes_the_full_way_does_alike)
{
    unsigned int plain = 0;

    cr_assert(weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) > 0);
    for (unsigned int i = 0; i < TRIES; i++) {
        unsigned int dir = draw(2);
        union record before, quick, full;
        struct weir_segment seg;
        struct weir_outcome outcome;

        draw_record(&before);
        draw_segment(&before, dir, &seg);
        quick = full = before;
        if (before.flow.pair != WEIR_PAIR_MID || !weir_plain_segment(&quick.flow, dir, &seg)) {
            cr_assert_arr_eq(quick.octets, before.octets, sizeof(quick), "refused but changed");
            continue;
        }
        plain++;
        outcome = weir_tcp_track(&full.flow, dir, &seg, WEIR_MIDSTREAM_LOOSE);
        cr_assert_eq(outcome.action, WEIR_TCP_ACT_PASS, "try %u: action %u", i, outcome.action);
        cr_assert_eq(outcome.reason, WEIR_REASON_NONE, "try %u: reason %u", i, outcome.reason);
        cr_assert_arr_eq(quick.octets, full.octets, sizeof(quick), "try %u: records differ", i);
    }
    cr_assert_gt(plain, TRIES / 50, "too few plain ones to say anything: %u", plain);
}

Test(plain, a_syn_begins_a_record_as_the_full_way_does)
{
    cr_assert(weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) > 0);
    for (unsigned int i = 0; i < 100000; i++) {
        union record quick = {.flow.peer[WEIR_RESP].flags = draw(2) ? WEIR_PEER_EXTRA : 0};
        union record full = quick;
        struct weir_segment seg = {
            .seq = draw(UINT32_MAX),
            .ack = draw(2) ? draw(UINT32_MAX) : 0,
            .len = draw(2) ? draw(1500) : 0,
            .win = (uint16_t)draw(65536),
            .flags = WEIR_TCP_SYN | (draw(2) ? WEIR_TCP_PSH : 0),
            .opts = (uint8_t)(draw(16) & (WEIR_SEG_TS | WEIR_SEG_WS)),
            .tsval = draw(UINT32_MAX),
            .tsecr = draw(2) ? draw(UINT32_MAX) : 0,
            .wscale = (uint8_t)draw(15),
        };
        struct weir_outcome outcome;

        weir_plain_syn(&quick.flow, &seg);
        weir_tcp_begin(&full.flow, weir_tcp_birth(&seg, WEIR_MIDSTREAM_STRICT), &seg);
        outcome = weir_tcp_track(&full.flow, WEIR_ORIG, &seg, WEIR_MIDSTREAM_STRICT);
        cr_assert_eq(outcome.action, WEIR_TCP_ACT_PASS, "try %u: action %u", i, outcome.action);
        cr_assert_eq(outcome.reason, WEIR_REASON_NONE, "try %u: reason %u", i, outcome.reason);
        cr_assert_arr_eq(quick.octets, full.octets, sizeof(quick), "try %u: records differ", i);
    }
}

Test(plain, an_ordinary_exchange_is_plain)
{
    union record record = {0};
    struct weir_segment seg = {
        .seq = 1000, .ack = 2000, .len = 100, .win = 500, .flags = WEIR_TCP_ACK | WEIR_TCP_PSH};

    for (unsigned int dir = 0; dir < 2; dir++)
        record.flow.peer[dir] = (struct weir_peer){
            .end = dir ? 2000 : 1000,
            .ack = dir ? 1000 : 2000,
            .edge = dir ? 3000 : 4000,
            .flags = WEIR_PEER_SEEN | WEIR_PEER_ACK | WEIR_PEER_DATA,
        };
    cr_assert(weir_plain_segment(&record.flow, WEIR_ORIG, &seg));
    cr_assert_eq(record.flow.peer[WEIR_ORIG].end, 1100);
    seg = (struct weir_segment){.seq = 2000, .ack = 1100, .win = 500, .flags = WEIR_TCP_ACK};
    cr_assert(weir_plain_segment(&record.flow, WEIR_RESP, &seg));
    cr_assert_eq(record.flow.peer[WEIR_RESP].ack, 1100);
    cr_assert_not(weir_plain_segment(&record.flow, WEIR_ORIG, &seg), "outside every window");
}

/* The clock is compared modulo 2^40 us: too old, or younger than the packet, is not plain. */
Test(plain, a_flow_whose_time_is_over_goes_the_full_way)
{
    static const struct {
        uint64_t last, now, patience;
        bool plain;
    } rows[] = {
        {1000, 1000, 0, true},
        {1000, 1001, 0, false},
        {1000, 5000, 4000, true},
        {5000, 1000, 4000, false},
        {((uint64_t)1 << 40) - 10, ((uint64_t)1 << 40) + 10, 100, true},
    };

    for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        union record record = {0};
        struct weir_flow_cold cold = {0};
        struct weir_packet packet = {.ip_len = 40, .seg = {.flags = WEIR_TCP_ACK}};

        for (unsigned int dir = 0; dir < 2; dir++)
            record.flow.peer[dir].flags = WEIR_PEER_SEEN | WEIR_PEER_ACK;
        record.flow.pair = WEIR_PAIR_MID;
        weir_flow_set_last(&record.flow, rows[i].last);
        cr_expect_eq(weir_plain_track(&record.flow, &cold, NULL, WEIR_ORIG, &packet, rows[i].now,
                                      rows[i].patience),
                     rows[i].plain, "row %u", i);
        cr_expect_eq(weir_flow_last(&record.flow, rows[i].now),
                     rows[i].plain ? rows[i].now : rows[i].last, "row %u", i);
        cr_expect_eq(record.flow.peer[WEIR_ORIG].packets, rows[i].plain, "row %u", i);
        cr_expect_eq(record.flow.pair, WEIR_PAIR_MID);
    }
}

#ifdef WEIR_PLAIN_WIDE
union wide {
    struct weir_flow flow;
    uint8_t octets[WEIR_FLOW6_SIZE];
} __attribute__((aligned(64)));

static void draw_octets(void *at, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        ((uint8_t *)at)[i] = (uint8_t)draw(256);
}

/* A record with everything in it, and a packet that mostly belongs to it. */
static void draw_case(union wide *wide, unsigned int dir, unsigned int key_len,
                      struct weir_packet *packet, uint64_t *time_us)
{
    union record record;

    draw_record(&record);
    draw_octets(wide, sizeof(*wide));
    memcpy(wide, &record, offsetof(struct weir_flow, key));
    *time_us = (uint64_t)draw(UINT32_MAX)
               << (draw(2) ? 12 : 32); /* or where the octet above moves */
    weir_flow_set_last(&wide->flow, *time_us + 2 - draw(draw(8) ? 8 : 2000));
    for (unsigned int i = 0; i < 2; i++) {
        wide->flow.win[i] = (uint8_t)(draw(4) ? wide->flow.win[i] : draw(256));
        wide->flow.peer[i].packets = draw(4) ? draw(60) : 63;
        wide->flow.peer[i].bytes = draw(4) ? draw(40000) : 65535;
    }
    draw_octets(packet, sizeof(*packet));
    draw_segment(&record, dir, &packet->seg);
    memcpy(&packet->key6, wide->flow.key, sizeof(packet->key6));
    if (draw(16) == 0)
        ((uint8_t *)&packet->key6)[draw(key_len)] ^= (uint8_t)(1U << draw(8));
    packet->ip_len = draw(16) ? 40 + draw(1500) : draw(65576);
    packet->zero = 0;
    wide->flow.peer[WEIR_ORIG].flags &= (uint8_t)~WEIR_PEER_EXTRA; /* there is no annex */
}

/* Must the wide way leave to the full way what the narrow one takes? */
static bool left(const struct weir_flow *flow, unsigned int dir, const struct weir_packet *packet)
{
    return packet->ip_len >= WEIR_SPILL_BYTES ||
           ((packet->seg.opts & WEIR_SEG_TS) &&
            (packet->seg.tsecr == 0 ||
             !(flow->peer[dir].flags & flow->peer[!dir].flags & WEIR_PEER_TS)));
}

Test(plain, the_wide_way_does_what_the_narrow_one_does)
{
    unsigned int taken = 0;
    unsigned int spilled = 0;

    for (unsigned int i = 0; i < TRIES; i++) {
        unsigned int key_len = draw(2) ? sizeof(struct weir_key4) : sizeof(struct weir_key6);
        unsigned int dir = draw(2);
        struct weir_flow_cold cold = {.spilled = {1, 2, 3, 4}};
        struct weir_flow_cold cold_narrow = cold;
        struct weir_flow_cold cold_wide = cold;
        union wide before, narrow, wide;
        struct weir_packet packet;
        uint64_t time_us;
        bool by_narrow, by_wide;

        draw_case(&before, dir, key_len, &packet, &time_us);
        narrow = wide = before;
        by_narrow = memcmp(before.flow.key, &packet.key6, key_len) == 0 &&
                    weir_plain_track(&narrow.flow, &cold_narrow, NULL, dir, &packet, time_us, 1000);
        by_wide =
            weir_wide_track(&wide.flow, &cold_wide, NULL, dir, &packet, time_us, 1000, key_len);
        cr_assert_eq(by_wide, by_narrow && !left(&before.flow, dir, &packet), "try %u", i);
        if (!by_wide) {
            cr_assert_arr_eq(&wide, &before, sizeof(wide), "try %u: left but changed", i);
            cr_assert_arr_eq(&cold_wide, &cold, sizeof(cold), "try %u: left but spilled", i);
            continue;
        }
        cr_assert_arr_eq(&wide, &narrow, sizeof(wide), "try %u: records differ", i);
        cr_assert_arr_eq(&cold_wide, &cold_narrow, sizeof(cold), "try %u: tallies differ", i);
        taken++;
        spilled += memcmp(&cold_wide, &cold, sizeof(cold)) != 0;
    }
    cr_assert_gt(taken, TRIES / 100, "too few taken to say anything: %u", taken);
    cr_assert_gt(spilled, TRIES / 500, "too few spilled to say anything: %u", spilled);
}
#endif
