/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tracker*.c files share; nobody else includes this. */
#ifndef WEIR_CORE_TRACKER_IN_H
#define WEIR_CORE_TRACKER_IN_H

#include "core/tracker.h"

/* A packet's time further ahead of the clock than this is a jump (weir_tracker_jump). */
#define WEIR_JUMP_AHEAD_USEC ((uint64_t)1 << 38) /* 3.2 days; a record tells 12 apart */

/* Records looked at, at most, to find one that may give way to a new flow. */
#define WEIR_EVICT_LOOKS 64U

/* The same for a burst: as many, and one for each packet in it. */
#define WEIR_EVICT_LOOKS_PER_PACKET 1U

/* Where one packet's record is. */
struct weir_place {
    struct weir_table *table;
    struct weir_flow *flow;
    struct weir_flow_cold *cold;
    uint32_t record;
};

/* One packet on its way through: what is known of it, and where its fate goes. */
struct weir_passage {
    const struct weir_packet *packet;
    uint64_t hash;
    uint64_t time_us;
    unsigned int order;
    struct weir_fate *fate;
};

static inline struct weir_table *weir_tracker_table(struct weir_tracker *tracker,
                                                    unsigned int family)
{
    return &tracker->table[family == 6];
}

static inline unsigned int weir_tracker_family(const struct weir_tracker *tracker,
                                               const struct weir_table *table)
{
    return table == &tracker->table[0] ? 4 : 6;
}

static inline struct weir_place weir_place_at(struct weir_table *table, uint32_t record)
{
    return (struct weir_place){table, weir_table_flow(table, record),
                               weir_table_cold(table, record), record};
}

static inline bool weir_flow_both_heard(const struct weir_flow *flow)
{
    return flow->peer[0].flags & flow->peer[1].flags & WEIR_PEER_SEEN;
}

static inline bool weir_tracker_watched(const struct weir_tracker *tracker,
                                        enum weir_event_kind kind)
{
    return __builtin_expect(tracker->events.watch >> kind & 1, 0);
}

/* tracker.c */

/* Enter the letters that the burst in hand has noted in the histories. */
void weir_letters_enter(struct weir_tracker *tracker);

/* The same where there mostly are none. */
static inline void weir_letters_settle(struct weir_tracker *tracker)
{
    if (tracker->letter_count != 0)
        weir_letters_enter(tracker);
}

/* Packet i of the burst the full way; out of line, so that the short ones have the registers. */
void weir_tracker_whole(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                        unsigned int i);

/* tracker_view.c: events, and what a flow is called */

static inline uint64_t weir_flow_start_low(const struct weir_flow_cold *cold)
{
    return (uint64_t)cold->start[2] << 32 | (uint64_t)cold->start[1] << 16 | cold->start[0];
}

void weir_tracker_event(struct weir_tracker *tracker, enum weir_event_kind kind,
                        unsigned int family, uint32_t record, unsigned int reason,
                        unsigned int pair_before);

uint64_t weir_table_id(const struct weir_table *table, uint32_t record);

void weir_tracker_copy(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_copy *copy);

/* tracker_end.c: how flows end, and the clock by which they do */

static inline bool weir_flow_expired(const struct weir_rules *rules, const struct weir_flow *flow,
                                     uint64_t now_us)
{
    uint64_t last = weir_flow_last(flow, now_us);
    uint64_t age = last < now_us ? now_us - last : 0;

    return __builtin_expect(age > rules->timeout_min_us, 0) &&
           age > rules->timeout_us[flow->pair][weir_flow_both_heard(flow)];
}

/* How a flow ended that nothing more is heard of. */
enum weir_end weir_flow_end_of(const struct weir_flow *flow, enum weir_end otherwise);

void weir_tracker_report(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                         enum weir_end end);

void weir_place_end(struct weir_tracker *tracker, const struct weir_place *at, enum weir_end end);

/*
 * Make room in a full table: the next record that is expired, over or half-open. Looks are limited
 * for each new flow and for the burst, so that a flood into a table full of established flows costs
 * no more than it would to take it in.
 */
bool weir_tracker_evict(struct weir_tracker *tracker, struct weir_table *table, uint64_t now_us);

/*
 * The clock jumps: ahead by more than a record can tell apart, or it is set back. Whoever was heard
 * before a jump ahead has gone silent unless its timeout says otherwise; once the clock is set back
 * nothing can be aged any more, and every flow ends.
 */
void weir_tracker_jump(struct weir_tracker *tracker, uint64_t time_us, bool back);

/* The clock is the latest time seen in its epoch; packets may be a little out of order. */
static inline void weir_tracker_follow(struct weir_tracker *tracker, uint64_t time_us,
                                       uint32_t epoch)
{
    if (__builtin_expect(epoch != tracker->epoch, 0)) {
        weir_tracker_jump(tracker, time_us, true);
        tracker->epoch = epoch;
    } else if (time_us > tracker->clock_us) {
        if (__builtin_expect(time_us - tracker->clock_us > WEIR_JUMP_AHEAD_USEC, 0))
            weir_tracker_jump(tracker, time_us, false);
        tracker->clock_us = time_us;
    }
}

/* tracker_birth.c: new records, and who may have one */

void weir_place_begin(struct weir_tracker *tracker, const struct weir_place *at,
                      const struct weir_passage *p);

/* A new record for the packet's key; false where there is no room. */
bool weir_place_new(struct weir_tracker *tracker, const struct weir_passage *p,
                    struct weir_place *at);

/* Remember which end of the key the originator is. */
void weir_flow_set_originator(struct weir_flow *flow, bool higher);

/* May this packet start a flow? If not, its fate is settled. */
bool weir_tracker_admits(struct weir_tracker *tracker, const struct weir_passage *p);

/* Fates */

static inline void weir_fate_by_reason(const struct weir_passage *p, unsigned int reason,
                                       enum weir_class class)
{
    bool refused = weir_reason_class(reason) == WEIR_REASON_CLASS_REFUSE;

    p->fate->reason = (uint8_t)reason;
    p->fate->verdict =
        refused && !(p->order & WEIR_ORDER_SHADOW) ? WEIR_VERDICT_DROP : WEIR_VERDICT_FORWARD;
    p->fate->class = (uint8_t)(refused ? WEIR_CLASS_INVALID : class);
}

static inline void weir_fate_flow(struct weir_tracker *tracker, struct weir_fate *fate,
                                  const struct weir_place *at, unsigned int dir)
{
    fate->dir = (uint8_t)dir;
    fate->pair = at->flow->pair;
    fate->family = (uint8_t)weir_tracker_family(tracker, at->table);
    if (__builtin_expect(tracker->want_ids, 0))
        fate->flow_id = weir_table_id(at->table, at->record);
}

static inline void weir_fate_count(struct weir_counters *counters, const struct weir_packet *packet,
                                   const struct weir_fate *fate)
{
    counters->packets += 1U + packet->pieces;
    counters->bytes += packet->ip_len;
    counters->reason[fate->reason] += 1U + packet->pieces;
    counters->verdict[fate->verdict] += 1U + packet->pieces;
}

/* Nothing of a refused packet but its number and reason is kept. */
void weir_place_refused(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                        unsigned int pieces, uint8_t reason);

/* tracker_other.c: anything but TCP */

void weir_track_other(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                      const struct weir_passage *p);

void weir_begin_other(struct weir_tracker *tracker, const struct weir_passage *p);

/* An ICMP error belongs to the flow whose packet it quotes; it counts for none. */
void weir_track_quoted(struct weir_tracker *tracker, const struct weir_place *at,
                       const struct weir_passage *p);

#endif
