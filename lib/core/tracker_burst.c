/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The burst: one loop a stage. A stage takes packets of one family in a row, so that its loop has
 * one table and a key of constant length; packets without a key go with IPv4.
 *
 * A packet is tried the short way (plain.h), then that of a SYN which begins a record, or that for
 * what else is ordinary (ordinary.h); what is none of these goes the full way (tracker.c).
 */
#include "core/tracker.h"

#include <string.h>

#include "core/account.h"
#include "core/ordinary.h"
#include "core/plain_wide.h"
#include "core/tracker_in.h"
#include "core/tracker_letters.h"

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

/* The fate of a segment that went a short way, all but flow_id, as one word. */
INLINE void fate_short(struct weir_fate *fate, unsigned int key_len, unsigned int pair,
                       unsigned int dir)
{
    uint64_t family = key_len == sizeof(struct weir_key6) ? 6 : 4;
    uint64_t word = (uint64_t)dir << 40 | family << 32 | (uint64_t)pair << 24 |
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
    fate_short(&burst->fate[i], key_len, WEIR_PAIR_MID, dir);
    return true;
}

/*
 * The same of an ordinary segment (ordinary.h), whatever the states. Nobody may watch them: it
 * makes no event.
 */
INLINE bool track_ordinary(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                           unsigned int i, unsigned int key_len)
{
    const unsigned int above = 64 - WEIR_PLAIN_CLOCK_BITS;
    const struct weir_packet *packet = &burst->packet[i];
    struct weir_table *table = &tracker->table[key_len == sizeof(struct weir_key6)];
    const struct weir_place at = {table, weir_table_flow_len(table, burst->likely[i], key_len),
                                  weir_table_cold(table, burst->likely[i]), burst->likely[i]};
    unsigned int syn = (packet->seg.flags & WEIR_TCP_SYN) != 0;
    uint64_t time_us = burst->time_us[i];
    bool letters;
    unsigned int before;
    unsigned int dir;

    if (packet->kind != WEIR_KIND_TCP ||
        !weir_table_holds(table, at.record, &packet->key4, key_len))
        return false;
    before = at.flow->pair;
    dir = weir_flow_dir(at.flow, packet->swapped);
    if ((time_us - weir_plain_word(at.flow)) << above > tracker->rules->timeout_us[before][!syn]
                                                            << above ||
        !(syn ? weir_ordinary_syn_ack(at.flow, dir, &packet->seg, &letters)
              : weir_ordinary_segment(at.flow, dir, &packet->seg, &letters)))
        return false;
    tracker->counters.pair[before]--;
    tracker->counters.pair[at.flow->pair]++;
    weir_flow_set_last(at.flow, time_us);
    weir_letters_note(tracker, &at, dir, &packet->seg, letters);
    weir_account_packet(at.flow, at.cold, &tracker->annex, dir, packet->ip_len);
    fate_short(&burst->fate[i], key_len, at.flow->pair, dir);
    return true;
}

/* Out of line, so that the shortest way has the registers. */
static bool __attribute__((noinline))
track_ordinary4(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                unsigned int i)
{
    return track_ordinary(tracker, burst, i, sizeof(struct weir_key4));
}

static bool __attribute__((noinline))
track_ordinary6(struct weir_tracker *tracker, const struct weir_tracker_burst *burst,
                unsigned int i)
{
    return track_ordinary(tracker, burst, i, sizeof(struct weir_key6));
}

/*
 * A SYN that begins a record, which need not be classified. False, and nothing changed, for any
 * other packet, and where the flow may have come since, or policy would have to be asked. Nobody
 * may be watching.
 */
static bool __attribute__((noinline))
track_syn(struct weir_tracker *tracker, const struct weir_tracker_burst *burst, unsigned int i)
{
    const struct weir_packet *packet = &burst->packet[i];
    const struct weir_passage p = {
        .packet = packet,
        .hash = burst->hash[i],
        .time_us = burst->time_us[i],
        .order = burst->order == NULL ? WEIR_POLICY_ALLOW : burst->order[i],
        .fate = &burst->fate[i],
    };
    struct weir_place at;

    if (packet->kind != WEIR_KIND_TCP || packet->reason != WEIR_REASON_NONE ||
        !weir_plain_is_syn(&packet->seg) || (p.order & WEIR_ORDER_POLICY) != WEIR_POLICY_ALLOW ||
        !weir_table_absent(weir_tracker_table(tracker, packet->family), p.hash))
        return false;
    *p.fate = (struct weir_fate){0};
    if (weir_place_new(tracker, &p, &at)) {
        weir_flow_set_originator(at.flow, packet->swapped);
        weir_plain_syn(at.flow, &packet->seg);
        weir_place_begin(tracker, &at, &p);
        weir_letters_add(at.cold, WEIR_ORIG, weir_letters_of(&packet->seg));
        weir_account_packet(at.flow, at.cold, &tracker->annex, WEIR_ORIG, packet->ip_len);
        weir_fate_by_reason(&p, WEIR_REASON_NONE, WEIR_CLASS_NEW);
        weir_fate_flow(tracker, p.fate, &at, WEIR_ORIG);
    } else {
        weir_fate_by_reason(&p, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
    }
    weir_fate_count(&tracker->counters, packet, p.fate);
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
    const bool watched = tracker->events.watch != 0;
    uint64_t clock_us = tracker->clock_us;
    uint32_t epoch = tracker->epoch;
    uint64_t taken = 0;
    uint64_t bytes = 0;
    unsigned int i;

    for (i = at; i < burst->count && in_row(&burst->packet[i], key_len); i++) {
        uint64_t time_us = burst->time_us[i];

        if (WEIR_PLAIN_UNLESS(burst->packet[i].epoch != epoch || time_us > clock_us)) {
            weir_tracker_follow(tracker, time_us, burst->packet[i].epoch);
            clock_us = tracker->clock_us;
            epoch = tracker->epoch;
        }
        if (WEIR_PLAIN_UNLESS(
                !track_plain(&table, &tracker->annex, burst, i, time_us, patience_us, key_len))) {
            bool fresh = burst->likely[i] == WEIR_TABLE_NONE;

            if (!watched && fresh && track_syn(tracker, burst, i))
                continue;
            if (watched || fresh ||
                !(key_len == sizeof(struct weir_key6) ? track_ordinary6(tracker, burst, i)
                                                      : track_ordinary4(tracker, burst, i))) {
                weir_tracker_whole(tracker, burst, i);
                continue;
            }
        }
        taken++;
        bytes += burst->packet[i].ip_len;
    }
    counters->packets += taken;
    counters->bytes += bytes;
    counters->reason[WEIR_REASON_NONE] += taken;
    counters->verdict[WEIR_VERDICT_FORWARD] += taken;
    return i;
}

/* With the id of each flow, which only the full way tells. */
static void track_telling_ids(struct weir_tracker *tracker, const struct weir_tracker_burst *burst)
{
    for (unsigned int i = 0; i < burst->count; i++) {
        weir_tracker_follow(tracker, burst->time_us[i], burst->packet[i].epoch);
        weir_tracker_whole(tracker, burst, i);
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
