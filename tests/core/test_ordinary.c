/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of ordinary segments, held against the full way: one segment at a time on random records,
 * and whole trackers on random connections, some of whose segments are not as they should be.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/ordinary.h"
#include "core/tcp_track.h"
#include "draws.h"
#include "tracking.h"

/* A number at base, one beside it, a little off, or anywhere. */
static uint32_t near(uint32_t base)
{
    switch (draw(12)) {
    case 0:
        return base + 1;
    case 1:
        return base - 1;
    case 2:
        return base + draw(70000) - 35000;
    case 3:
        return draw(8) ? base : draw(UINT32_MAX);
    default:
        return base;
    }
}

static void compose(void)
{
    cr_assert(weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) > 0);
}

/* Two ends in any states, heard or not, with any of their marks. */
static void draw_record(union record *record)
{
    uint32_t sent[2] = {draw(UINT32_MAX), draw(UINT32_MAX)};

    memset(record, 0, sizeof(*record));
    for (unsigned int dir = 0; dir < 2; dir++) {
        struct weir_peer *peer = &record->flow.peer[dir];

        peer->end = near(sent[dir]);
        peer->ack = near(sent[!dir]);
        peer->edge = near(peer->ack + (draw(4) ? 65535 : 0));
        peer->ts = near(1000);
        peer->bytes = draw(1000);
        peer->packets = draw(10);
        peer->flags = WEIR_PEER_SEEN | (draw(2) ? WEIR_PEER_TS : 0) |
                      (draw(16) & (WEIR_PEER_ACK | WEIR_PEER_DATA | WEIR_PEER_FIN));
        if (draw(8) == 0)
            peer->flags = draw(256);
        record->flow.win[dir] = (uint8_t)(draw(4) ? 0 : draw(15) | draw(15) << 4);
    }
    record->flow.pair = (uint8_t)draw(weir_tcp_pairs.count);
}

static void draw_segment(const union record *record, unsigned int dir, struct weir_segment *seg)
{
    const struct weir_peer *x = &record->flow.peer[dir];
    const struct weir_peer *y = &record->flow.peer[!dir];

    *seg = (struct weir_segment){
        .seq = near(x->end),
        .ack = near(draw(4) ? y->end : x->ack),
        .len = draw(2) ? draw(1500) : 0,
        .win = (uint16_t)draw(65536),
        .flags = (uint8_t)(WEIR_TCP_ACK | (draw(3) ? 0 : WEIR_TCP_FIN)),
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

/* Does the segment add a letter to the history of an end with these flags? As tracker.c has it. */
static bool adds_letter(unsigned int flags_before, const struct weir_segment *seg)
{
    return (seg->flags & (WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST)) ||
           !(flags_before & (seg->len ? WEIR_PEER_DATA : WEIR_PEER_ACK));
}

Test(ordinary, what_it_takes_the_full_way_does_alike)
{
    unsigned int taken = 0;
    unsigned int moved = 0;

    compose();
    for (unsigned int i = 0; i < TRIES; i++) {
        unsigned int dir = draw(2);
        union record before, quick, full;
        struct weir_segment seg;
        struct weir_outcome outcome;
        bool letters = false;

        draw_record(&before);
        draw_segment(&before, dir, &seg);
        quick = full = before;
        if (!weir_ordinary_segment(&quick.flow, dir, &seg, &letters)) {
            cr_assert_arr_eq(quick.octets, before.octets, sizeof(quick), "left but changed");
            continue;
        }
        taken++;
        moved += before.flow.pair != quick.flow.pair;
        outcome = weir_tcp_track(&full.flow, dir, &seg,
                                 draw(2) ? WEIR_MIDSTREAM_LOOSE : WEIR_MIDSTREAM_ONE_WAY);
        cr_assert_eq(outcome.action, WEIR_TCP_ACT_PASS, "try %u: action %u", i, outcome.action);
        cr_assert_eq(outcome.reason, WEIR_REASON_NONE, "try %u: reason %u", i, outcome.reason);
        cr_assert_arr_eq(quick.octets, full.octets, sizeof(quick), "try %u: records differ", i);
        cr_assert(weir_outcome_touches(outcome));
        cr_assert(letters || !adds_letter(before.flow.peer[dir].flags, &seg), "try %u", i);
    }
    cr_assert_gt(taken, TRIES / 50, "too few taken to say anything: %u", taken);
    cr_assert_gt(moved, TRIES / 500, "too few moved a state to say anything: %u", moved);
}

/* A record that has had a SYN, mostly; sometimes with something else known. */
static void draw_half(union record *record)
{
    struct weir_segment syn = {
        .seq = draw(UINT32_MAX),
        .len = draw(4) ? 0 : draw(500),
        .win = (uint16_t)draw(65536),
        .flags = WEIR_TCP_SYN,
        .opts = (uint8_t)(draw(2) ? WEIR_SEG_WS : 0),
        .wscale = (uint8_t)draw(15),
    };
    unsigned int what = draw(24);

    memset(record, 0, sizeof(*record));
    if (what == 0) {
        draw_record(record);
        return;
    }
    weir_plain_syn(&record->flow, &syn);
    record->flow.peer[WEIR_RESP].flags |= draw(2) ? WEIR_PEER_EXTRA : 0;
    if (what == 1)
        record->flow.peer[draw(2)].flags |= (uint8_t)draw(256);
    if (what == 2)
        record->flow.peer[draw(2)].ts = record->flow.peer[0].ack * 0x9e3779b1U & ~0xfU;
    if (what == 3)
        record->flow.peer[WEIR_RESP].end = near(record->flow.peer[WEIR_ORIG].end);
    if (what == 4)
        record->flow.peer[WEIR_RESP].edge = draw(UINT32_MAX);
    if (what == 5)
        record->flow.pair = (uint8_t)draw(weir_tcp_pairs.count);
}

Test(ordinary, the_answer_to_a_syn)
{
    unsigned int taken = 0;

    compose();
    for (unsigned int i = 0; i < TRIES / 4; i++) {
        unsigned int dir = draw(16) ? WEIR_RESP : WEIR_ORIG;
        union record before, quick, full;
        struct weir_segment seg = {
            .seq = draw(UINT32_MAX),
            .len = draw(4) ? 0 : draw(500),
            .win = (uint16_t)draw(65536),
            .flags = WEIR_TCP_SYN | WEIR_TCP_ACK,
            .opts = (uint8_t)(draw(16) & (WEIR_SEG_TS | WEIR_SEG_WS)),
            .tsval = draw(UINT32_MAX),
            .tsecr = draw(4) ? draw(UINT32_MAX) : 0,
            .wscale = (uint8_t)draw(15),
        };
        struct weir_outcome outcome;
        bool letters = false;

        draw_half(&before);
        seg.ack = near(before.flow.peer[WEIR_ORIG].end);
        if (draw(16) == 0)
            seg.flags = (uint8_t)draw(64);
        quick = full = before;
        if (!weir_ordinary_syn_ack(&quick.flow, dir, &seg, &letters)) {
            cr_assert_arr_eq(quick.octets, before.octets, sizeof(quick), "left but changed");
            continue;
        }
        taken++;
        outcome = weir_tcp_track(&full.flow, dir, &seg, WEIR_MIDSTREAM_LOOSE);
        cr_assert_eq(outcome.action, WEIR_TCP_ACT_PASS, "try %u: action %u", i, outcome.action);
        cr_assert_eq(outcome.reason, WEIR_REASON_NONE, "try %u: reason %u", i, outcome.reason);
        cr_assert_arr_eq(quick.octets, full.octets, sizeof(quick), "try %u: records differ", i);
        cr_assert(letters);
    }
    cr_assert_gt(taken, TRIES / 16, "too few taken to say anything: %u", taken);
}

/* What of these does the short way take? All, or it is in vain. */
Test(ordinary, a_whole_connection_is_ordinary)
{
    static const struct {
        uint8_t dir, flags;
        uint16_t seq, ack, len;
    } rows[] = {
        {1, WEIR_TCP_SYN | WEIR_TCP_ACK, 0, 1, 0},
        {0, WEIR_TCP_ACK, 1, 1, 0},
        {0, WEIR_TCP_ACK, 1, 1, 50},
        {1, WEIR_TCP_ACK, 1, 51, 70},
        {0, WEIR_TCP_ACK, 51, 71, 0},
        {0, WEIR_TCP_ACK | WEIR_TCP_FIN, 51, 71, 0},
        {1, WEIR_TCP_ACK, 71, 52, 0},
        {1, WEIR_TCP_ACK | WEIR_TCP_FIN, 71, 52, 9},
        {0, WEIR_TCP_ACK, 52, 81, 0},
    };
    union record record = {0};
    const struct weir_segment syn = {.win = 1000, .flags = WEIR_TCP_SYN};
    bool letters;

    compose();
    weir_plain_syn(&record.flow, &syn);
    for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct weir_segment seg = {.seq = rows[i].seq,
                                         .ack = rows[i].ack,
                                         .len = rows[i].len,
                                         .win = 1000,
                                         .flags = rows[i].flags};

        cr_assert((i == 0 ? weir_ordinary_syn_ack
                          : weir_ordinary_segment)(&record.flow, rows[i].dir, &seg, &letters),
                  "segment %u", i);
        cr_assert_eq(letters, i != 4 && i != 8, "an ACK adds a letter once: segment %u", i);
    }
    cr_assert_eq(weir_tcp_pairs.state[record.flow.pair][0], WEIR_TCP_TIME_WAIT);
    cr_assert_eq(weir_tcp_pairs.state[record.flow.pair][1], WEIR_TCP_CLOSED);
}

/* Whole trackers: one that goes the full way only, since it tells ids, and one that need not. */

#define PAIRS  8U
#define ROUNDS 60000U
#define BURST  24U

struct talk {
    uint32_t next[2];
    unsigned int phase;
    unsigned int port; /* of the originator */
    bool marred;
};

/*
 * The next segment of a talk, of ten; then it begins anew, from another port if the tracker may not
 * have followed it to its end.
 */
static void talk_next(struct talk *talk, unsigned int number, struct frame *frame)
{
    static const struct {
        uint8_t dir, flags, len;
    } script[] = {{0, 0x02, 0}, {1, 0x12, 0}, {0, 0x10, 0}, {0, 0x18, 50}, {1, 0x18, 70},
                  {0, 0x10, 0}, {0, 0x11, 0}, {1, 0x10, 0}, {1, 0x11, 5},  {0, 0x10, 0}};
    unsigned int dir = script[talk->phase].dir;

    if (draw(40) == 0) { /* nobody says more */
        talk->phase = 0;
        talk->marred = true;
        dir = 0;
    }
    if (talk->phase == 0) {
        for (unsigned int i = 0; i < 2; i++)
            talk->next[i] = draw(4) ? 5000 : talk->next[i] + 100000 + draw(50000);
        talk->port = (talk->port + (talk->marred || draw(4) == 0)) % 4096;
        talk->marred = false;
    }
    *frame = (struct frame){.family = number % 3 == 0 ? 6 : 4,
                            .sport = (uint16_t)(dir ? 80 : 1024 + PAIRS * talk->port + number),
                            .dport = (uint16_t)(dir ? 1024 + PAIRS * talk->port + number : 80),
                            .seq = talk->next[dir],
                            .flags = script[talk->phase].flags,
                            .win = (uint16_t)(draw(8) ? 60000 : draw(65536)),
                            .payload = script[talk->phase].len};
    if (dir != number % 2) { /* every other originator is the higher end */
        frame->src = frame->family == 6 ? "2001:db8::2" : "10.0.0.2";
        frame->dst = frame->family == 6 ? "2001:db8::1" : "10.0.0.1";
    }
    frame->ack = (frame->flags & 0x10) ? talk->next[!dir] : 0;
    talk->next[dir] += frame->payload + (frame->flags & 1U) + (frame->flags >> 1 & 1U);
    talk->phase = (talk->phase + 1) % (sizeof(script) / sizeof(script[0]));
}

/* Something happens to it on its way; what was sent has been sent. */
static void mar(struct frame *frame)
{
    switch (draw(6)) {
    case 0:
        frame->flags = (uint8_t)draw(64);
        break;
    case 1:
        frame->seq = near(frame->seq);
        break;
    case 2:
        frame->ack = near(frame->ack);
        break;
    case 3:
        frame->payload += draw(1000);
        break;
    case 4:
        frame->flags |= 0x01;
        break;
    default:
        frame->flags = 0x14;
        break;
    }
}

struct side_by_side {
    struct tracking full, quick;
    struct talk talk[PAIRS];
    uint8_t data[BURST][FRAME_MAX];
    struct weir_packet packet[BURST + 1];
    uint64_t time_us[BURST];
    uint8_t order[BURST];
    uint32_t guess[BURST]; /* a record that the packet is wrongly thought to belong to, or NONE */
};

static void track_burst(struct tracking *t, const struct side_by_side *both, unsigned int count,
                        struct weir_fate *fate)
{
    uint64_t hash[BURST];
    uint32_t likely[BURST];
    struct weir_tracker_burst burst = {both->packet, hash, both->time_us, likely,
                                       both->order,  fate, count};

    for (unsigned int i = 0; i < count; i++)
        hash[i] = weir_packet_hash(&t->rules.secret, &both->packet[i]);
    weir_tracker_match(&t->tracker, both->packet, hash, likely, count);
    for (unsigned int i = 0; i < count; i++)
        likely[i] = both->guess[i] == WEIR_TABLE_NONE ? likely[i] : both->guess[i];
    weir_tracker_track(&t->tracker, &burst);
    weir_tracker_sweep(&t->tracker, both->full.time_us, 8);
    t->tracker.outbox.count = 0;
}

/* Every other thousand of rounds the clock all but stands, so that the table fills. */
static unsigned int draw_burst(struct side_by_side *both, unsigned int round)
{
    unsigned int count = 1 + draw(BURST);

    for (unsigned int i = 0; i < count; i++) {
        unsigned int number = draw(PAIRS);
        struct frame frame;

        talk_next(&both->talk[number], number, &frame);
        if (draw(50) == 0) {
            mar(&frame);
            both->talk[number].marred = true;
        }
        memset(&both->packet[i], 0, sizeof(both->packet[i]));
        weir_parse(both->data[i], frame_build(&frame, both->data[i]), WEIR_PARSE_ALL,
                   &both->packet[i]);
        if (draw(30) == 0) {
            both->packet[i].pieces = (uint8_t)(1 + draw(3));
            both->packet[i].seg.opts |= WEIR_SEG_CUT;
        }
        both->order[i] = (uint8_t)((draw(30) ? WEIR_POLICY_ALLOW : draw(WEIR_POLICY_UNKNOWN + 1)) |
                                   (draw(30) ? 0 : WEIR_ORDER_SHADOW));
        both->guess[i] = draw(50) ? WEIR_TABLE_NONE : draw(TRACKING_FLOWS);
        both->full.time_us +=
            round / 1000 % 2 || draw(200) ? draw(2000) : draw(100) * UINT64_C(1000000);
        both->time_us[i] = both->full.time_us - (draw(20) ? 0 : draw(3000));
    }
    return count;
}

/* Timeouts in any proportion, the same for both. */
static void draw_timeouts(struct side_by_side *both)
{
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++)
        for (unsigned int heard = 0; heard < 2; heard++) {
            uint64_t timeout_us = (uint64_t)(10 + draw(90)) * 1000000;

            both->full.rules.timeout_us[pair][heard] = timeout_us;
            both->quick.rules.timeout_us[pair][heard] = timeout_us;
        }
}

Test(ordinary, a_tracker_is_the_same_after_either_way)
{
    size_t size = weir_tracker_size(TRACKING_FLOWS, TRACKING_FLOWS);
    static struct side_by_side room; /* aligned as it must be */
    struct side_by_side *both = &room;

    tracking_begin(&both->full);
    tracking_begin(&both->quick);
    both->quick.tracker.want_ids = false;
    draw_timeouts(both);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int count = draw_burst(both, round);
        struct weir_fate full[BURST], quick[BURST];

        track_burst(&both->full, both, count, full);
        track_burst(&both->quick, both, count, quick);
        for (unsigned int i = 0; i < count; i++) {
            cr_assert_eq(memcmp(&full[i], &quick[i], offsetof(struct weir_fate, dir) + 1), 0,
                         "round %u, packet %u", round, i);
        }
        if (round % 64 == 0)
            cr_assert_eq(memcmp(both->full.memory, both->quick.memory, size), 0, "round %u", round);
    }
    cr_assert_eq(memcmp(&both->full.tracker.counters, &both->quick.tracker.counters,
                        sizeof(struct weir_counters)),
                 0, "counters differ");
    cr_assert_gt(both->quick.tracker.counters.created, ROUNDS / 2, "connections were opened");
    cr_assert_gt(both->quick.tracker.counters.verdict[WEIR_VERDICT_DROP], ROUNDS / 100);
    cr_assert_gt(both->quick.tracker.counters.reason[WEIR_REASON_TABLE_FULL], ROUNDS / 100);
    tracking_end(&both->full);
    tracking_end(&both->quick);
}

Test(ordinary, each_kind_of_segment_has_its_letter_in_the_history)
{
    for (unsigned int want_ids = 0; want_ids < 2; want_ids++) {
        struct tracking t;
        struct talk talk = {.next = {1000, 2000}};
        const struct weir_flow_view *view;

        tracking_begin(&t);
        t.tracker.want_ids = want_ids;
        draw_seed = 1; /* a talk that nobody leaves */
        for (unsigned int i = 0; i < 10; i++) {
            struct frame frame;

            talk_next(&talk, 1, &frame);
            tracking_frame(&t, &frame);
        }
        view = tracking_only(&t);
        cr_assert_not_null(view);
        cr_assert_str_eq(view->history, "ShADdFaf", "%s", view->history);
        tracking_end(&t);
    }
}
