/* SPDX-License-Identifier: BSD-3-Clause */
/* The burst's way through the tables, TCP, and the counters. */
#include "core/tracker.h"

#include <string.h>

#include "core/account.h"
#include "core/plain_wide.h"
#include "core/sctp.h"
#include "core/tracker_in.h"

static void tcp_letters(struct weir_flow_cold *cold, const struct weir_letters *letters)
{
    unsigned int flags = letters->flags;
    unsigned int dir = letters->dir;

    if (flags & WEIR_TCP_SYN)
        weir_history_add(cold, dir, (flags & WEIR_TCP_ACK) ? WEIR_LETTER_SYN_ACK : WEIR_LETTER_SYN);
    if (letters->data)
        weir_history_add(cold, dir, WEIR_LETTER_DATA);
    if (flags & WEIR_TCP_FIN)
        weir_history_add(cold, dir, WEIR_LETTER_FIN);
    if (flags & WEIR_TCP_RST)
        weir_history_add(cold, dir, WEIR_LETTER_RST);
    if (!letters->data && !(flags & (WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST)))
        weir_history_add(cold, dir, WEIR_LETTER_ACK);
}

void weir_letters_enter(struct weir_tracker *tracker)
{
    for (unsigned int i = 0; i < tracker->letter_count; i++) {
        const struct weir_letters *letters = &tracker->letters[i];

        tcp_letters(weir_table_cold(&tracker->table[letters->six], letters->record), letters);
    }
    tracker->letter_count = 0;
}

/* The cold part is fetched; what is new for the history is entered when it is there. */
static void letters_note(struct weir_tracker *tracker, const struct weir_place *at,
                         unsigned int dir, const struct weir_segment *seg)
{
    __builtin_prefetch(at->cold, 1);
    tracker->letters[tracker->letter_count++] = (struct weir_letters){
        .record = at->record,
        .six = at->table == &tracker->table[1],
        .dir = (uint8_t)dir,
        .flags = seg->flags,
        .data = seg->len > 0,
    };
}

static inline void pair_moved(struct weir_tracker *tracker, const struct weir_place *at,
                              unsigned int before)
{
    unsigned int after = at->flow->pair;

    if (before == after)
        return;
    tracker->counters.pair[before]--;
    tracker->counters.pair[after]++;
    if (weir_tracker_watched(tracker, WEIR_EVENT_STATE))
        weir_tracker_event(tracker, WEIR_EVENT_STATE, weir_tracker_family(tracker, at->table),
                           at->record, 0, before);
}

/* The record of a connection that is over serves the next one on the same key. */
static unsigned int tcp_reopen(struct weir_tracker *tracker, const struct weir_place *at,
                               unsigned int dir, const struct weir_passage *p)
{
    uint64_t before = weir_flow_start_low(at->cold);
    uint8_t reopened = at->cold->reopened;

    weir_tracker_report(tracker, weir_tracker_family(tracker, at->table), at->record,
                        weir_flow_end_of(at->flow, WEIR_END_TIMEOUT));
    tracker->counters.pair[at->flow->pair]--;
    weir_account_release(at->flow, at->cold, &tracker->annex);
    weir_letters_enter(tracker);
    memset(at->cold, 0, sizeof(*at->cold));
    weir_tcp_reopen(at->flow, dir, &p->packet->seg);
    weir_place_begin(tracker, at, p);
    if (weir_flow_start_low(at->cold) == before)
        at->cold->reopened = (reopened + 1U) & 3U;
    return weir_flow_dir(at->flow, p->packet->swapped);
}

static void tcp_account(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                        unsigned int letters_before, const struct weir_packet *packet,
                        uint64_t time_us, bool touches)
{
    const struct weir_segment *seg = &packet->seg;
    unsigned int letter = seg->len ? WEIR_PEER_DATA : WEIR_PEER_ACK;

    if (__builtin_expect((seg->flags & (WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST)) ||
                             !(letters_before & letter),
                         0))
        letters_note(tracker, at, dir, seg);
    weir_account_pieces(at->flow, at->cold, &tracker->annex, dir, packet->pieces, packet->ip_len);
    if (touches && time_us >= weir_flow_last(at->flow, time_us))
        weir_flow_set_last(at->flow, time_us);
}

void weir_place_refused(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                        unsigned int pieces, uint8_t reason)
{
    for (unsigned int i = 0; i <= pieces; i++)
        if (!weir_account_refused(at->flow, at->cold, &tracker->annex, dir, reason))
            tracker->counters.annex_full++;
    if (weir_tracker_watched(tracker, WEIR_EVENT_REFUSED))
        weir_tracker_event(tracker, WEIR_EVENT_REFUSED, weir_tracker_family(tracker, at->table),
                           at->record, reason, at->flow->pair);
}

/* Has nothing passed for so long that the time stamps last seen tell nothing any more? */
static inline bool stamps_expired(const struct weir_flow *flow, uint64_t now_us)
{
    uint64_t last = weir_flow_last(flow, now_us);

    return last + WEIR_TCP_STAMPS_USEC < now_us;
}

/*
 * What answers a SYN that has passed without moving a state, or goes on from it, is no stranger's
 * (syn_notes.h). An answered one tells that both ends are in another attempt. A RST toward
 * TIME-WAIT stays out all the same (RFC 1337 3).
 */
static bool of_noted_syn(struct weir_tracker *tracker, const struct weir_place *at,
                         const struct weir_passage *p, uint32_t now_sec)
{
    const struct weir_segment *seg = &p->packet->seg;
    unsigned int sender = p->packet->swapped;
    struct weir_syn_note *note = NULL;

    if (seg->flags & WEIR_TCP_ACK)
        note = weir_syn_note_find(&tracker->syn_notes, p->hash, !sender, seg->ack - 1, now_sec);
    if (note != NULL)
        note->answered = true;
    else
        note = weir_syn_note_find(&tracker->syn_notes, p->hash, sender, seg->seq - 1, now_sec);
    if (note != NULL && note->answered)
        weir_tcp_expect_attempts(at->flow);
    return note != NULL;
}

/* A segment that is refused, or passes as no evidence: is there, or begins, another attempt? */
static void __attribute__((noinline))
heed_attempts(struct weir_tracker *tracker, const struct weir_place *at,
              const struct weir_passage *p, struct weir_outcome *outcome)
{
    const struct weir_segment *seg = &p->packet->seg;
    uint32_t now_sec = (uint32_t)(p->time_us / 1000000);

    if (outcome->action == WEIR_TCP_ACT_REFUSE) {
        if (outcome->reason != WEIR_REASON_RST_TIME_WAIT && of_noted_syn(tracker, at, p, now_sec))
            *outcome = (struct weir_outcome){WEIR_TCP_ACT_PASS, WEIR_REASON_OTHER_ATTEMPT,
                                             WEIR_TCP_EV_STRAY};
    } else if ((seg->flags & (WEIR_TCP_SYN | WEIR_TCP_ACK)) == WEIR_TCP_SYN) {
        weir_syn_note_make(&tracker->syn_notes, p->hash, p->packet->swapped, seg->seq, now_sec);
    } else if (seg->flags & WEIR_TCP_SYN) {
        of_noted_syn(tracker, at, p, now_sec);
    }
}

static inline void track_tcp(struct weir_tracker *tracker, const struct weir_place *at,
                             unsigned int dir, const struct weir_passage *p)
{
    const struct weir_segment *seg = &p->packet->seg;
    unsigned int before = at->flow->pair;
    unsigned int letters = at->flow->peer[dir].flags;
    struct weir_outcome outcome;

    if (__builtin_expect(stamps_expired(at->flow, p->time_us), 0))
        weir_tcp_forget_stamps(at->flow);
    outcome = weir_tcp_track(at->flow, dir, seg, tracker->rules->midstream);
    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_OPEN, 0)) {
        if (!(seg->flags & WEIR_TCP_ACK) && !weir_tracker_admits(tracker, p)) /* else its SYN was */
            return;
        dir = tcp_reopen(tracker, at, dir, p);
        before = at->flow->pair;
        letters = 0;
        outcome = weir_tcp_track(at->flow, dir, seg, tracker->rules->midstream);
    } else if (__builtin_expect(weir_outcome_may_open(outcome), 0) &&
               weir_tcp_syn_remembered(at->flow, dir, seg) && !weir_tracker_admits(tracker, p)) {
        weir_tcp_forget_syn(at->flow, dir);
        return;
    }
    if (__builtin_expect(outcome.event == WEIR_TCP_EV_REFUSE || outcome.event == WEIR_TCP_EV_STRAY,
                         0))
        heed_attempts(tracker, at, p, &outcome);
    pair_moved(tracker, at, before);
    weir_fate_by_reason(p, outcome.reason,
                        weir_flow_both_heard(at->flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW);
    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_REFUSE, 0))
        weir_place_refused(tracker, at, dir, p->packet->pieces, outcome.reason);
    else
        tcp_account(tracker, at, dir, letters, p->packet, p->time_us,
                    weir_outcome_touches(outcome));
    weir_fate_flow(tracker, p->fate, at, dir);
}

/* A SYN begins a record, and nobody watches: no need to classify it. */
static void begin_by_syn(struct weir_tracker *tracker, const struct weir_place *at,
                         const struct weir_passage *p)
{
    const struct weir_segment *seg = &p->packet->seg;
    const struct weir_letters letters = {.flags = seg->flags, .data = seg->len > 0};

    weir_plain_syn(at->flow, seg);
    weir_place_begin(tracker, at, p);
    tcp_letters(at->cold, &letters);
    weir_account_pieces(at->flow, at->cold, &tracker->annex, WEIR_ORIG, p->packet->pieces,
                        p->packet->ip_len);
    weir_fate_by_reason(p, WEIR_REASON_NONE, WEIR_CLASS_NEW);
    weir_fate_flow(tracker, p->fate, at, WEIR_ORIG);
}

static void begin_tcp(struct weir_tracker *tracker, const struct weir_passage *p)
{
    struct weir_birth birth = weir_tcp_birth(&p->packet->seg, tracker->rules->midstream);
    struct weir_place at;

    if (birth.reason != WEIR_REASON_NONE) {
        weir_fate_by_reason(p, birth.reason, WEIR_CLASS_INVALID);
        return;
    }
    if (!weir_place_new(tracker, p, &at)) {
        weir_fate_by_reason(p, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    weir_flow_set_originator(at.flow, p->packet->swapped ^ birth.dir);
    if (birth.seed == WEIR_PAIR_NEW && tracker->events.watch == 0) {
        begin_by_syn(tracker, &at, p);
        return;
    }
    weir_tcp_begin(at.flow, birth, &p->packet->seg);
    weir_place_begin(tracker, &at, p);
    track_tcp(tracker, &at, birth.dir, p);
}

static void begin(struct weir_tracker *tracker, const struct weir_passage *p)
{
    if (!weir_tracker_admits(tracker, p))
        return;
    if (p->packet->kind == WEIR_KIND_ICMP_ERROR) {
        weir_fate_by_reason(p, WEIR_REASON_ICMP_UNMATCHED, WEIR_CLASS_UNTRACKED);
        return;
    }
    if (p->packet->kind == WEIR_KIND_TCP)
        begin_tcp(tracker, p);
    else
        weir_begin_other(tracker, p);
}

/* An association that is over gives way to the next one on the same key. */
static inline bool begins_anew(const struct weir_flow *flow, const struct weir_packet *packet)
{
    return packet->kind == WEIR_KIND_SCTP && packet->sctp.chunk == WEIR_SCTP_INIT &&
           weir_sctp_over(flow);
}

static inline void track(struct weir_tracker *tracker, const struct weir_passage *p,
                         uint32_t likely)
{
    struct weir_table *table = weir_tracker_table(tracker, p->packet->family);
    bool absent = likely == WEIR_TABLE_NONE && weir_table_absent(table, p->hash);
    uint32_t record = absent ? likely : weir_table_find(table, p->hash, &p->packet->key4, likely);
    struct weir_place at;
    unsigned int dir;

    if (__builtin_expect(record == WEIR_TABLE_NONE, 0)) {
        begin(tracker, p);
        return;
    }
    at = weir_place_at(table, record);
    if (__builtin_expect(weir_flow_expired(tracker->rules, at.flow, p->time_us) ||
                             begins_anew(at.flow, p->packet),
                         0)) {
        weir_place_end(tracker, &at, weir_flow_end_of(at.flow, WEIR_END_TIMEOUT));
        begin(tracker, p);
        return;
    }
    dir = weir_flow_dir(at.flow, p->packet->swapped);
    if (__builtin_expect(p->packet->kind == WEIR_KIND_TCP, 1))
        track_tcp(tracker, &at, dir, p);
    else if (p->packet->kind == WEIR_KIND_ICMP_ERROR)
        weir_track_quoted(tracker, &at, p);
    else
        weir_track_other(tracker, &at, dir, p);
}

/*
 * The burst: one loop a stage. A stage takes packets of one family in a row, so that its loop has
 * one table and a key of constant length; packets without a key go with IPv4.
 */

#define INLINE static inline __attribute__((always_inline))

INLINE bool in_row(const struct weir_packet *packet, unsigned int key_len)
{
    return (packet->family == 6) == (key_len == sizeof(struct weir_key6));
}

/* Match from at on; returns where the row ends. */
INLINE unsigned int match_row(struct weir_tracker *tracker, const struct weir_packet *packet,
                              const uint64_t *hash, uint32_t *likely, unsigned int at,
                              unsigned int count, unsigned int key_len)
{
    struct weir_table *table = &tracker->table[key_len == sizeof(struct weir_key6)];
    const struct weir_table constant = *table; /* what is stored meanwhile cannot change it */
    uint32_t first[WEIR_BURST_MAX];
    uint8_t missed[WEIR_BURST_MAX];
    unsigned int misses = 0;
    unsigned int needs_second;
    unsigned int end;

    static_assert(WEIR_BURST_MAX - 1 <= UINT8_MAX, "missed holds positions in the burst");

    for (end = at; end < count && in_row(&packet[end], key_len); end++) {
        first[end] = weir_table_first(&constant, hash[end]);
        __builtin_prefetch(&constant.buckets[first[end]]);
    }
    for (unsigned int i = at; i < end; i++) {
        likely[i] = weir_table_match_in(&constant, first[i], hash[i], key_len, &needs_second);
        missed[misses] = (uint8_t)i;
        misses += needs_second;
    }
    for (unsigned int i = 0; i < misses; i++)
        likely[missed[i]] = weir_table_match_second_len(table, hash[missed[i]], key_len);
    return end;
}

void weir_tracker_match(struct weir_tracker *tracker, const struct weir_packet *packet,
                        const uint64_t *hash, uint32_t *likely, unsigned int count)
{
    weir_arrivals_clear(&tracker->table[0].arrivals);
    weir_arrivals_clear(&tracker->table[1].arrivals);
    for (unsigned int i = 0; i < count;)
        i = packet[i].family == 6
                ? match_row(tracker, packet, hash, likely, i, count, sizeof(struct weir_key6))
                : match_row(tracker, packet, hash, likely, i, count, sizeof(struct weir_key4));
}

static void count_fate(struct weir_counters *counters, const struct weir_packet *packet,
                       const struct weir_fate *fate)
{
    counters->packets += 1U + packet->pieces;
    counters->bytes += packet->ip_len;
    counters->reason[fate->reason] += 1U + packet->pieces;
    counters->verdict[fate->verdict] += 1U + packet->pieces;
}

/* Any packet the full way; out of line, so that the short way has the registers for itself. */
static void __attribute__((noinline))
track_whole(struct weir_tracker *tracker, const struct weir_tracker_burst *burst, unsigned int i)
{
    const struct weir_passage p = {
        .packet = &burst->packet[i],
        .hash = burst->hash[i],
        .time_us = burst->time_us[i],
        .order = burst->order == NULL ? WEIR_POLICY_ALLOW : burst->order[i],
        .fate = &burst->fate[i],
    };

    *p.fate = (struct weir_fate){0};
    if (p.packet->reason != WEIR_REASON_NONE)
        weir_fate_by_reason(&p, p.packet->reason, WEIR_CLASS_UNTRACKED);
    else
        track(tracker, &p, burst->likely[i]);
    count_fate(&tracker->counters, p.packet, p.fate);
}

/* The fate of a plain segment, all but flow_id, as one word. */
INLINE void fate_plain(struct weir_fate *fate, unsigned int family, unsigned int dir)
{
    uint64_t word = (uint64_t)dir << 40 | (uint64_t)family << 32 | (uint64_t)WEIR_PAIR_MID << 24 |
                    WEIR_CLASS_ESTABLISHED << 16 | WEIR_REASON_NONE << 8 | WEIR_VERDICT_FORWARD;

    static_assert(
        offsetof(struct weir_fate, reason) == 1 && offsetof(struct weir_fate, class) == 2 &&
            offsetof(struct weir_fate, pair) == 3 && offsetof(struct weir_fate, family) == 4 &&
            offsetof(struct weir_fate, dir) == 5 && offsetof(struct weir_fate, flow_id) == 8,
        "a fate begins with one word");
    memcpy(fate, &word, sizeof(word));
}

/*
 * A plain segment of a flow that stage 2 has found, the short way (plain.h); false, and nothing
 * changed, for any other packet. Its fate has no flow_id.
 */
INLINE bool track_plain(const struct weir_table *table, struct weir_annex *annex,
                        const struct weir_tracker_burst *burst, unsigned int i, uint64_t time_us,
                        uint64_t patience_us, unsigned int key_len)
{
    const struct weir_packet *packet = &burst->packet[i];
    uint32_t likely = burst->likely[i];
    struct weir_flow *flow = weir_table_flow_len(table, likely, key_len);
    unsigned int dir;

    if (WEIR_PLAIN_UNLESS(packet->kind != WEIR_KIND_TCP) ||
        WEIR_PLAIN_UNLESS(likely == WEIR_TABLE_NONE))
        return false;
    dir = weir_flow_dir(flow, packet->swapped);
#ifdef WEIR_PLAIN_WIDE
    if (!weir_wide_track(flow, weir_table_cold(table, likely), annex, dir, packet, time_us,
                         patience_us, key_len))
        return false;
#else
    if (!weir_table_holds(table, likely, &packet->key4, key_len) ||
        !weir_plain_track(flow, weir_table_cold(table, likely), annex, dir, packet, time_us,
                          patience_us))
        return false;
#endif
    fate_plain(&burst->fate[i], key_len == sizeof(struct weir_key6) ? 6 : 4, dir);
    return true;
}

/* Track from at on; returns where the row ends. */
INLINE unsigned int track_row(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                              unsigned int at, unsigned int key_len)
{
    struct weir_counters *counters = &tracker->counters;
    /* Where records are does not change, nor how long they last. */
    const struct weir_table table = tracker->table[key_len == sizeof(struct weir_key6)];
    const uint64_t patience_us = tracker->rules->timeout_us[WEIR_PAIR_MID][1];
    uint64_t plain = 0;
    uint64_t bytes = 0;
    unsigned int i;

    for (i = at; i < burst->count && in_row(&burst->packet[i], key_len); i++) {
        uint64_t time_us = burst->time_us[i];

        weir_tracker_follow(tracker, time_us, burst->packet[i].epoch);
        if (WEIR_PLAIN_UNLESS(
                !track_plain(&table, &tracker->annex, burst, i, time_us, patience_us, key_len))) {
            track_whole(tracker, burst, i);
            continue;
        }
        plain++;
        bytes += burst->packet[i].ip_len;
    }
    counters->packets += plain;
    counters->bytes += bytes;
    counters->reason[WEIR_REASON_NONE] += plain;
    counters->verdict[WEIR_VERDICT_FORWARD] += plain;
    return i;
}

/* With the id of each flow, which only the full way tells. */
static void track_telling_ids(struct weir_tracker *tracker, const struct weir_tracker_burst *burst)
{
    for (unsigned int i = 0; i < burst->count; i++) {
        weir_tracker_follow(tracker, burst->time_us[i], burst->packet[i].epoch);
        track_whole(tracker, burst, i);
    }
}

void weir_tracker_track(struct weir_tracker *tracker, const struct weir_tracker_burst *burst)
{
    unsigned int i = 0;

    tracker->looks_left = WEIR_EVICT_LOOKS + WEIR_EVICT_LOOKS_PER_PACKET * burst->count;
    if (__builtin_expect(tracker->want_ids, 0))
        track_telling_ids(tracker, burst);
    else
        while (i < burst->count)
            i = burst->packet[i].family == 6
                    ? track_row(tracker, burst, i, sizeof(struct weir_key6))
                    : track_row(tracker, burst, i, sizeof(struct weir_key4));
    weir_letters_enter(tracker);
}
