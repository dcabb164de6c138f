/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet the full way: its flow, TCP, and the counters. */
#include "core/tracker.h"

#include <string.h>

#include "core/account.h"
#include "core/plain.h"
#include "core/sctp.h"
#include "core/tracker_in.h"
#include "core/tracker_letters.h"

void weir_letters_enter(struct weir_tracker *tracker)
{
    for (unsigned int i = 0; i < tracker->letter_count; i++) {
        const struct weir_letters *letters = &tracker->letters[i];

        weir_letters_add(weir_table_cold(&tracker->table[letters->six], letters->record),
                         letters->dir, letters->letters);
    }
    tracker->letter_count = 0;
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
        weir_letters_note(tracker, at, dir, seg, true);
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

void __attribute__((noinline))
weir_tracker_whole(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                   unsigned int i)
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
    weir_fate_count(&tracker->counters, p.packet, p.fate);
}
