/* SPDX-License-Identifier: BSD-3-Clause */
/* What holds for tracking whatever the segment: birth, the record's other fields, clocks, totality.
 */
#include "core/tcp_track.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/tcp_window.h"

#define ACK (WEIR_TCP_ACK)
#define SYN (WEIR_TCP_SYN)
#define FIN (WEIR_TCP_FIN)
#define RST (WEIR_TCP_RST)

union record {
    struct weir_flow flow;
    uint8_t octets[WEIR_FLOW4_SIZE];
};

static void compose(void)
{
    cr_assert_gt(weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints), 0);
}

TestSuite(tcp_track, .init = compose);

/* RFC 9293 3.5: the sender of the SYN is the originator; a SYN-ACK therefore comes from the other.
 */
Test(tcp_track, birth_by_kind_and_mode)
{
    static const struct {
        uint8_t flags;
        enum weir_reason strict;
        enum weir_tcp_seed seed;
        enum weir_dir dir;
    } rows[] = {
        {SYN, WEIR_REASON_NONE, WEIR_PAIR_NEW, WEIR_ORIG},
        {SYN | WEIR_TCP_PSH, WEIR_REASON_NONE, WEIR_PAIR_NEW, WEIR_ORIG},
        {SYN | ACK, WEIR_REASON_NOT_SYN, WEIR_PAIR_HALF, WEIR_RESP},
        {ACK, WEIR_REASON_NOT_SYN, WEIR_PAIR_MID, WEIR_ORIG},
        {FIN | ACK, WEIR_REASON_NOT_SYN, WEIR_PAIR_MID, WEIR_ORIG},
        {WEIR_TCP_URG | WEIR_TCP_PSH | ACK, WEIR_REASON_NOT_SYN, WEIR_PAIR_MID, WEIR_ORIG},
        {RST, WEIR_REASON_NOT_SYN, WEIR_PAIR_DEAD, WEIR_ORIG},
        {RST | ACK, WEIR_REASON_NOT_SYN, WEIR_PAIR_DEAD, WEIR_ORIG},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned int mode = WEIR_MIDSTREAM_LOOSE; mode <= WEIR_MIDSTREAM_ONE_WAY; mode++) {
            struct weir_segment seg = {.flags = rows[i].flags};
            struct weir_birth birth = weir_tcp_birth(&seg, (enum weir_midstream)mode);
            unsigned int reason = mode == WEIR_MIDSTREAM_STRICT ? rows[i].strict : WEIR_REASON_NONE;

            cr_expect_eq(birth.reason, reason, "row %zu mode %u", i, mode);
            if (reason == WEIR_REASON_NONE) {
                cr_expect_eq(birth.seed, rows[i].seed, "row %zu mode %u", i, mode);
                cr_expect_eq(birth.dir, rows[i].dir, "row %zu mode %u", i, mode);
            }
        }
}

static void begin(union record *record, const struct weir_segment *seg)
{
    struct weir_birth birth = weir_tcp_birth(seg, WEIR_MIDSTREAM_LOOSE);

    memset(record, 0, sizeof(*record));
    weir_tcp_begin(&record->flow, birth, seg);
    cr_assert_eq(weir_tcp_track(&record->flow, birth.dir, seg, WEIR_MIDSTREAM_LOOSE).action,
                 WEIR_TCP_ACT_PASS);
}

static void handshake(union record *record, uint32_t orig, uint32_t resp)
{
    struct weir_segment syn = {
        .seq = orig, .win = 8000, .flags = SYN, .opts = WEIR_SEG_WS, .wscale = 7};
    struct weir_segment answer = {.seq = resp,
                                  .ack = orig + 1,
                                  .win = 8000,
                                  .flags = SYN | ACK,
                                  .opts = WEIR_SEG_WS,
                                  .wscale = 9};
    struct weir_segment last = {.seq = orig + 1, .ack = resp + 1, .win = 60000, .flags = ACK};

    begin(record, &syn);
    weir_tcp_track(&record->flow, WEIR_RESP, &answer, WEIR_MIDSTREAM_LOOSE);
    weir_tcp_track(&record->flow, WEIR_ORIG, &last, WEIR_MIDSTREAM_LOOSE);
    cr_assert_eq(record->flow.pair, WEIR_PAIR_MID);
}

/* Clock, tally and key are the caller's: tracking never writes them. */
Test(tcp_track, leaves_clock_tally_and_key_alone)
{
    static const uint8_t kinds[] = {ACK, FIN | ACK, SYN, SYN | ACK, RST, RST | ACK};
    union record record;

    for (size_t i = 0; i < sizeof(kinds); i++) {
        struct weir_segment seg = {.seq = 1001, .ack = 5001, .win = 9000, .flags = kinds[i]};
        struct weir_peer *peer = record.flow.peer;

        handshake(&record, 1000, 5000);
        memset(record.flow.key, 0xa5, sizeof(struct weir_key4));
        weir_flow_set_last(&record.flow, 0x1234567890U);
        peer[0].packets = 63;
        peer[0].bytes = 70000;
        peer[1].packets = 64;
        peer[1].bytes = 131071;
        weir_tcp_track(&record.flow, WEIR_ORIG, &seg, WEIR_MIDSTREAM_LOOSE);
        weir_tcp_track(&record.flow, WEIR_RESP, &seg, WEIR_MIDSTREAM_LOOSE);
        for (size_t at = offsetof(struct weir_flow, key); at < sizeof(record); at++)
            cr_assert_eq(record.octets[at], 0xa5);
        cr_assert_eq(record.flow.last_low, 0x34567890U);
        cr_assert_eq(record.flow.last_high, 0x12);
        cr_assert_eq(peer[0].packets, 63);
        cr_assert_eq(peer[0].bytes, 70000);
        cr_assert_eq(peer[1].packets, 64);
        cr_assert_eq(peer[1].bytes, 131071);
    }
}

/* The annex stays with the record, the originator's place in the key goes with the SYN's sender. */
Test(tcp_track, reopen_keeps_annex_and_key)
{
    static const struct {
        uint8_t annex, higher;
        enum weir_dir dir;
        uint8_t higher_after;
    } rows[] = {
        {0, 0, WEIR_ORIG, 0},
        {0, WEIR_PEER_EXTRA, WEIR_ORIG, WEIR_PEER_EXTRA},
        {0, 0, WEIR_RESP, WEIR_PEER_EXTRA},
        {WEIR_PEER_EXTRA, WEIR_PEER_EXTRA, WEIR_RESP, 0},
        {WEIR_PEER_EXTRA, 0, WEIR_ORIG, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_segment rst = {.seq = 1001, .flags = RST};
        struct weir_segment syn = {.seq = 77777, .win = 8000, .flags = SYN};
        union record record;

        handshake(&record, 1000, 5000);
        memset(record.flow.key, 0xa5, sizeof(struct weir_key4));
        record.flow.peer[0].flags |= rows[i].annex;
        record.flow.peer[1].flags |= rows[i].higher;
        weir_tcp_track(&record.flow, WEIR_ORIG, &rst, WEIR_MIDSTREAM_LOOSE);
        cr_assert_eq(weir_tcp_track(&record.flow, rows[i].dir, &syn, WEIR_MIDSTREAM_LOOSE).action,
                     WEIR_TCP_ACT_OPEN, "row %zu", i);
        weir_tcp_reopen(&record.flow, rows[i].dir, &syn);
        cr_assert_eq(record.flow.pair, WEIR_PAIR_NEW);
        cr_assert_eq(record.flow.peer[0].flags, rows[i].annex | WEIR_PEER_CHALL, "row %zu", i);
        cr_assert_eq(record.flow.peer[1].flags, rows[i].higher_after | WEIR_PEER_CHALL, "row %zu",
                     i);
        for (size_t at = offsetof(struct weir_flow, key); at < sizeof(record); at++)
            cr_assert_eq(record.octets[at], 0xa5);
    }
}

/*
 * A connection opened anew is as one seen for the first time, to the last octet of its windows, but
 * for the mark that it is not the first attempt.
 */
Test(tcp_track, reopened_is_as_new)
{
    struct weir_segment rst = {.seq = 1001, .flags = RST};
    struct weir_segment syn = {.seq = 77777, .win = 8000, .flags = SYN};
    union record used, fresh;

    handshake(&used, 1000, 5000);
    weir_tcp_track(&used.flow, WEIR_ORIG, &rst, WEIR_MIDSTREAM_LOOSE);
    weir_tcp_reopen(&used.flow, WEIR_ORIG, &syn);
    weir_tcp_track(&used.flow, WEIR_ORIG, &syn, WEIR_MIDSTREAM_LOOSE);
    begin(&fresh, &syn);
    for (unsigned int end = 0; end < 2; end++) {
        cr_assert(used.flow.peer[end].flags & WEIR_PEER_CHALL);
        used.flow.peer[end].flags &= (uint8_t)~WEIR_PEER_CHALL;
    }
    cr_assert_arr_eq(used.octets, fresh.octets, offsetof(struct weir_flow, key));
}

/* Nobody listens, and a stranger's segment had been adopted before the SYN: RFC 9293 3.10.7.1. */
Test(tcp_track, refused_after_a_stray_was_adopted)
{
    static const struct {
        uint32_t seq, ack;
        uint8_t flags;
        enum weir_tcp_event event;
    } rows[] = {
        {0, 1001, RST | ACK, WEIR_TCP_EV_RST},
        {0, 1003, RST | ACK, WEIR_TCP_EV_STRAY},
        {1, 1001, RST | ACK, WEIR_TCP_EV_STRAY},
        {0, 1001, RST, WEIR_TCP_EV_STRAY},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_segment stray = {.seq = 900000, .ack = 800000, .win = 9, .flags = ACK};
        struct weir_segment syn = {.seq = 1000, .win = 8000, .flags = SYN};
        struct weir_segment rst = {.seq = rows[i].seq, .ack = rows[i].ack, .flags = rows[i].flags};
        struct weir_outcome outcome;
        union record record;

        begin(&record, &stray);
        weir_tcp_track(&record.flow, WEIR_RESP, &syn, WEIR_MIDSTREAM_LOOSE);
        outcome = weir_tcp_track(&record.flow, WEIR_ORIG, &rst, WEIR_MIDSTREAM_LOOSE);
        cr_expect_eq(outcome.event, rows[i].event, "row %zu: %u", i, outcome.event);
        cr_expect_eq(outcome.action, WEIR_TCP_ACT_PASS, "row %zu", i);
        cr_expect_eq(record.flow.pair == WEIR_PAIR_DEAD, i == 0, "row %zu", i);
    }
}

/*
 * The responder gives its attempt up and opens; that SYN is lost, and when the originator's comes
 * again it aborts. Not a packet table: those begin at every number, and 0 means another thing.
 */
Test(tcp_track, abort_of_an_attempt_of_which_nothing_passed)
{
    static const struct {
        uint32_t seq, ack;
        uint8_t flags, dir, reason;
    } rows[] = {
        {999, 0, SYN, WEIR_ORIG, WEIR_REASON_NONE},
        {9000099, 1000, SYN | ACK, WEIR_RESP, WEIR_REASON_NONE},
        {900000, 1001, RST | ACK, WEIR_RESP, WEIR_REASON_RST_OUTSIDE},
        {900000, 1000, RST, WEIR_RESP, WEIR_REASON_RST_OUTSIDE},
        {900000, 1000, RST | ACK, WEIR_RESP, WEIR_REASON_RST_INEXACT},
        {1000, 9000100, ACK, WEIR_ORIG, WEIR_REASON_NONE},
        {900000, 1000, RST | ACK, WEIR_RESP, WEIR_REASON_RST_OUTSIDE},
        {0, 900000, RST, WEIR_RESP, WEIR_REASON_RST_OUTSIDE},
        /* "Connection refused" for a SYN that passed as a challenge, 3.10.7.1. */
        {0, 900000, RST | ACK, WEIR_RESP, WEIR_REASON_RST_INEXACT},
    };
    union record record = {.flow = {.pair = WEIR_PAIR_NEW}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_segment seg = {
            .seq = rows[i].seq, .ack = rows[i].ack, .flags = rows[i].flags, .win = 9};
        bool refused = rows[i].reason == WEIR_REASON_RST_OUTSIDE;
        struct weir_outcome outcome =
            weir_tcp_track(&record.flow, rows[i].dir, &seg, WEIR_MIDSTREAM_LOOSE);

        cr_assert_eq(outcome.action, refused ? WEIR_TCP_ACT_REFUSE : WEIR_TCP_ACT_PASS, "%zu", i);
        cr_assert_eq(outcome.reason, rows[i].reason, "row %zu: %u", i, outcome.reason);
    }
}

/* A segment that nothing ties to the sequence numbers does not keep a connection alive. */
Test(tcp_track, what_restarts_the_clock)
{
    static const struct {
        enum weir_tcp_event event;
        bool touches;
    } rows[] = {
        {WEIR_TCP_EV_REFUSE, false},  {WEIR_TCP_EV_STRAY, false},  {WEIR_TCP_EV_INERT, true},
        {WEIR_TCP_EV_SYN, true},      {WEIR_TCP_EV_SYN_ACK, true}, {WEIR_TCP_EV_ACK, true},
        {WEIR_TCP_EV_ACK_FIN, true},  {WEIR_TCP_EV_FIN, true},     {WEIR_TCP_EV_FIN_FIN, true},
        {WEIR_TCP_EV_FIN_LATE, true}, {WEIR_TCP_EV_RST, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_outcome outcome = {.event = (uint8_t)rows[i].event};

        cr_expect_eq(weir_outcome_touches(outcome), rows[i].touches, "row %zu", i);
    }
}

/*
 * Timeout class of every pair there is, once both ends have been heard and while only one has; the
 * letters are those of test_tcp_state.c. Issue of the class: RFC 5382 5 REQ-5, RFC 7857 2.1.
 */
/* clang-format off */
static const struct {
    char pair[3];
    enum weir_timeout both, one;
} timeouts[] = {
#define BOTH(pair, class)          {pair, WEIR_TIMEOUT_TCP_##class, WEIR_TIMEOUT_TCP_##class}
#define EACH(pair, class, one_way) {pair, WEIR_TIMEOUT_TCP_##class, WEIR_TIMEOUT_TCP_##one_way}
    BOTH("CL", SYN_SENT), BOTH("CC", CLOSED),
    EACH("SR", SYN_RECEIVED, SYN_SENT),
    BOTH("RS", SYN_RECEIVED), BOTH("RE", SYN_RECEIVED), BOTH("RR", SYN_RECEIVED),
    BOTH("ER", SYN_RECEIVED), BOTH("R1", SYN_RECEIVED), BOTH("1R", SYN_RECEIVED),
    BOTH("S1", SYN_SENT), BOTH("1S", SYN_SENT),
    EACH("EE", ESTABLISHED, ADOPTED),
    EACH("1W", HALF_CLOSED, ADOPTED), EACH("W1", HALF_CLOSED, ADOPTED),
    EACH("1E", HALF_CLOSED, ADOPTED), EACH("E1", HALF_CLOSED, ADOPTED),
    EACH("2W", HALF_CLOSED, ADOPTED), EACH("W2", HALF_CLOSED, ADOPTED),
    EACH("2E", HALF_CLOSED, ADOPTED), EACH("E2", HALF_CLOSED, ADOPTED),
    EACH("11", HALF_CLOSED, ADOPTED), EACH("22", HALF_CLOSED, ADOPTED),
    EACH("21", HALF_CLOSED, ADOPTED), EACH("12", HALF_CLOSED, ADOPTED),
    EACH("2C", HALF_CLOSED, ADOPTED), EACH("C2", HALF_CLOSED, ADOPTED),
    BOTH("X1", CLOSING), BOTH("1X", CLOSING), BOTH("XX", CLOSING),
    BOTH("X2", CLOSING), BOTH("2X", CLOSING), BOTH("TX", CLOSING), BOTH("XT", CLOSING),
    BOTH("TA", CLOSING), BOTH("AT", CLOSING), BOTH("2A", CLOSING), BOTH("A2", CLOSING),
    BOTH("T1", TIME_WAIT), BOTH("1T", TIME_WAIT), BOTH("T2", TIME_WAIT), BOTH("2T", TIME_WAIT),
    BOTH("TT", TIME_WAIT), BOTH("TC", TIME_WAIT), BOTH("CT", TIME_WAIT),
};
/* clang-format on */

Test(tcp_track, every_pair_has_its_timeout)
{
    const size_t count = sizeof(timeouts) / sizeof(timeouts[0]);

    cr_expect_eq(weir_tcp_pairs.count, count);
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++) {
        const char name[] = {"CLSRE12WXAT"[weir_tcp_pairs.state[pair][WEIR_ORIG]],
                             "CLSRE12WXAT"[weir_tcp_pairs.state[pair][WEIR_RESP]], '\0'};
        struct weir_flow flow = {.pair = (uint8_t)pair};
        size_t i = 0;

        while (i < count && strcmp(timeouts[i].pair, name) != 0)
            i++;
        cr_assert_lt(i, count, "%s is not listed", name);
        cr_expect_eq(weir_tcp_timeout(&flow), timeouts[i].one, "%s", name);
        flow.peer[WEIR_ORIG].flags = WEIR_PEER_SEEN;
        cr_expect_eq(weir_tcp_timeout(&flow), timeouts[i].one, "%s", name);
        flow.peer[WEIR_RESP].flags = WEIR_PEER_SEEN;
        cr_expect_eq(weir_tcp_timeout(&flow), timeouts[i].both, "%s", name);
    }
}

/* A generator whose numbers are the same everywhere (Marsaglia, Xorshift RNGs, 2003). */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Segments about the edges of what is known, and now and then from anywhere. */
static struct weir_segment random_segment(uint32_t *state, const struct weir_flow *flow,
                                          unsigned int dir)
{
    static const uint8_t kinds[] = {ACK, ACK, ACK, FIN | ACK, SYN, SYN | ACK, RST, RST | ACK};
    static const uint32_t lengths[] = {0, 0, 1, 1460, 60000};
    struct weir_segment seg = {
        .seq = flow->peer[dir].end + next_random(state) % 5 - 2,
        .ack = flow->peer[!dir].end + next_random(state) % 5 - 2,
        .tsval = flow->peer[dir].ts + next_random(state) % 3 - 1,
        .tsecr = flow->peer[!dir].ts + next_random(state) % 3 - 1,
        .sack_high = flow->peer[!dir].end + next_random(state) % 3 - 1,
        .len = lengths[next_random(state) % 5],
        .win = (uint16_t)next_random(state),
        .flags = kinds[next_random(state) % 8],
        .opts = next_random(state) & 7,
        .wscale = (uint8_t)(next_random(state) % 15),
    };

    if (next_random(state) % 16 == 0)
        seg.seq = next_random(state);
    if (next_random(state) % 16 == 0)
        seg.ack = next_random(state);
    return seg;
}

/* P5 and P4: whatever comes, the answer is one of three, and what does not pass changes nothing. */
static void walk(uint32_t seed, enum weir_midstream midstream)
{
    union record record = {0};
    uint32_t state = seed;
    bool open = false;

    for (unsigned int i = 0; i < 4000; i++) {
        unsigned int dir = next_random(&state) & 1;
        struct weir_segment seg = random_segment(&state, &record.flow, dir);
        union record before;
        struct weir_outcome outcome;

        if (!open) {
            struct weir_birth birth = weir_tcp_birth(&seg, midstream);

            if (birth.reason != WEIR_REASON_NONE)
                continue;
            weir_tcp_begin(&record.flow, birth, &seg);
            dir = birth.dir;
            open = true;
        }
        before = record;
        outcome = weir_tcp_track(&record.flow, dir, &seg, midstream);
        cr_assert_leq(outcome.action, WEIR_TCP_ACT_OPEN);
        cr_assert_lt(outcome.reason, WEIR_REASON_COUNT);
        cr_assert_neq(outcome.reason, WEIR_REASON_STATE,
                      "%s in %s, %s: a refusal has a nearer reason",
                      weir_tcp_event_name(outcome.event),
                      weir_tcp_state_name(weir_tcp_pairs.state[record.flow.pair][0]),
                      weir_tcp_state_name(weir_tcp_pairs.state[record.flow.pair][1]));
        cr_assert_lt(record.flow.pair, weir_tcp_pairs.count);
        cr_assert_eq(outcome.action == WEIR_TCP_ACT_REFUSE,
                     weir_reason_class(outcome.reason) == WEIR_REASON_CLASS_REFUSE, "%s",
                     weir_reason_name(outcome.reason));
        if (outcome.action != WEIR_TCP_ACT_PASS)
            cr_assert_arr_eq(before.octets, record.octets, sizeof(record), "seed %u step %u: %s",
                             seed, i, weir_reason_name(outcome.reason));
        if (outcome.action == WEIR_TCP_ACT_OPEN) {
            weir_tcp_reopen(&record.flow, dir, &seg);
            outcome = weir_tcp_track(&record.flow, WEIR_ORIG, &seg, midstream);
            cr_assert_eq(outcome.action, WEIR_TCP_ACT_PASS);
        }
        if (next_random(&state) % 64 == 0) { /* another connection */
            memset(&record, 0, sizeof(record));
            open = false;
        }
    }
}

Test(tcp_track, whatever_comes_is_answered_and_a_refusal_changes_nothing)
{
    for (uint32_t seed = 1; seed <= 300; seed++)
        walk(seed, (enum weir_midstream)(seed % 3));
}
