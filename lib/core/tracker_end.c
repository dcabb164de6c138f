/* SPDX-License-Identifier: BSD-3-Clause */
/* How flows end: expired, evicted, asked to, or with the run; and the clock that says so. */
#include "core/account.h"
#include "core/sctp.h"
#include "core/tracker_in.h"

/*
 * Records whose buckets are fetched together, that many before the first of them is ended. Not one
 * by one while others are ended: a fetch that misses the TLB holds up what comes behind it, unless
 * that is but another fetch.
 */
#define END_GROUP 16U

/* Between one that is ended and one whose second bucket is fetched, where its entry may stand. */
#define END_SECOND_AHEAD 5U

static_assert(2 * END_GROUP < WEIR_HASHES_KNOWN, "a hash is known until its record ends");

enum weir_end weir_flow_end_of(const struct weir_flow *flow, enum weir_end otherwise)
{
    uint8_t state[2];

    weir_pair_states(flow->pair, state);
    if (state[WEIR_ORIG] == WEIR_TCP_CLOSED && state[WEIR_RESP] == WEIR_TCP_CLOSED)
        return WEIR_END_RST;
    if (flow->pair >= WEIR_PAIR_OTHER && (flow->peer[0].flags & WEIR_SCTP_ABORTED))
        return WEIR_END_RST;
    if (flow->peer[0].flags & flow->peer[1].flags & WEIR_PEER_FIN)
        return WEIR_END_FIN;
    return otherwise;
}

void weir_tracker_report(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                         enum weir_end end)
{
    tracker->counters.ended[end]++;
    if (weir_tracker_watched(tracker, WEIR_EVENT_END)) {
        weir_tracker_event(tracker, WEIR_EVENT_END, family, record, 0, 0);
        if (tracker->events.count > 0)
            tracker->events.event[tracker->events.count - 1].flow.end = (uint8_t)end;
    }
    if (!tracker->rules->records)
        return;
    if (tracker->outbox.count == tracker->outbox.size && tracker->drain != NULL)
        tracker->drain(tracker->drain_context);
    if (tracker->outbox.count == tracker->outbox.size) {
        tracker->counters.records_lost++;
        return;
    }
    weir_letters_settle(tracker);
    weir_tracker_copy(tracker, family, record, end,
                      &tracker->outbox.ended[tracker->outbox.count++]);
}

/* The hash of a record's key, for the last time. */
static uint64_t hash_take(struct weir_tracker *tracker, const struct weir_place *at)
{
    struct weir_known_hash *known =
        &tracker->known[at->table - tracker->table][at->record % WEIR_HASHES_KNOWN];

    if (known->record != (uint64_t)at->record + 1)
        return weir_table_hash(at->table, &tracker->rules->secret, at->record);
    known->record = 0;
    return known->hash;
}

void weir_place_end(struct weir_tracker *tracker, const struct weir_place *at, enum weir_end end)
{
    weir_tracker_report(tracker, weir_tracker_family(tracker, at->table), at->record, end);
    tracker->counters.pair[at->flow->pair]--;
    weir_account_release(at->flow, at->cold, &tracker->annex);
    weir_letters_settle(tracker);
    weir_table_remove(at->table, hash_take(tracker, at), at->record);
}

bool weir_tracker_end(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                      uint64_t id, enum weir_end end)
{
    struct weir_table *table = weir_tracker_table(tracker, family);
    struct weir_place at;

    if (record >= table->capacity || !(table->used[record / 64] >> record % 64 & 1) ||
        weir_table_id(table, record) != id)
        return false;
    at = weir_place_at(table, record);
    weir_place_end(tracker, &at, end);
    return true;
}

/* May this flow give way to a new one? Over, or never answered; an established one never. */
static bool may_give_way(const struct weir_flow *flow)
{
    return !weir_flow_both_heard(flow) ||
           weir_flow_end_of(flow, WEIR_END_ACTIVE) != WEIR_END_ACTIVE;
}

static inline __attribute__((always_inline)) void
fetch_end_second(const struct weir_tracker *tracker, const struct weir_table *table,
                 uint32_t record)
{
    const struct weir_known_hash *known =
        &tracker->known[table - tracker->table][record % WEIR_HASHES_KNOWN];

    if (known->record == (uint64_t)record + 1)
        weir_table_prefetch_second(table, known->hash, record);
}

/* If the record is to end then, its bucket and cold part are fetched. It is here already. */
static inline void fetch_end(struct weir_tracker *tracker, const struct weir_table *table,
                             uint32_t record, uint64_t now_us, bool evicting)
{
    const struct weir_flow *flow = weir_table_flow(table, record);
    struct weir_known_hash *known;

    if (!(table->used[record / 64] >> record % 64 & 1))
        return;
    if (!weir_flow_expired(tracker->rules, flow, now_us) && !(evicting && may_give_way(flow)))
        return;
    known = &tracker->known[table - tracker->table][record % WEIR_HASHES_KNOWN];
    *known = (struct weir_known_hash){weir_table_hash(table, &tracker->rules->secret, record),
                                      (uint64_t)record + 1};
    weir_table_prefetch_bucket(table, known->hash);
    __builtin_prefetch(weir_table_cold(table, record), 1);
}

/* The hand is at record: see to it that those of the next group, at least, are being fetched. */
static inline void fetch_ends(struct weir_tracker *tracker, const struct weir_table *table,
                              uint32_t record, uint64_t now_us, bool evicting)
{
    uint32_t *fetched = &tracker->fetched[table - tracker->table];
    uint32_t limit = record + 2 * END_GROUP;

    fetch_end_second(tracker, table, record + END_SECOND_AHEAD);
    if (*fetched - record - END_GROUP <= END_GROUP)
        return;
    if (*fetched - record > END_GROUP) /* the hand was elsewhere */
        *fetched = record + 1;
    limit = limit < table->capacity ? limit : table->capacity;
    for (; *fetched < limit; ++*fetched)
        fetch_end(tracker, table, *fetched, now_us, evicting);
    *fetched = record + 2 * END_GROUP;
}

bool weir_tracker_evict(struct weir_tracker *tracker, struct weir_table *table, uint64_t now_us)
{
    uint32_t limit =
        tracker->looks_left < WEIR_EVICT_LOOKS ? tracker->looks_left : WEIR_EVICT_LOOKS;
    uint32_t looks = 0;

    while (looks < limit) {
        uint32_t looked;
        uint32_t record = weir_table_next(table, limit - looks, &looked);
        struct weir_place at;

        looks += looked ? looked : 1;
        tracker->looks_left -= looked < tracker->looks_left ? looked : tracker->looks_left;
        if (record == WEIR_TABLE_NONE)
            continue;
        fetch_ends(tracker, table, record, now_us, true);
        at = weir_place_at(table, record);
        if (weir_flow_expired(tracker->rules, at.flow, now_us)) {
            weir_place_end(tracker, &at, weir_flow_end_of(at.flow, WEIR_END_TIMEOUT));
            return true;
        }
        if (may_give_way(at.flow)) {
            weir_place_end(tracker, &at, weir_flow_end_of(at.flow, WEIR_END_EVICTED));
            return true;
        }
    }
    return false;
}

unsigned int weir_tracker_sweep(struct weir_tracker *tracker, uint64_t now_us, unsigned int limit)
{
    unsigned int looks = 0;

    for (unsigned int i = 0; i < 2; i++) {
        struct weir_table *table = &tracker->table[i];
        uint32_t left = table->count == 0 ? 0 : limit;

        while (left > 0) {
            uint32_t looked;
            uint32_t record;

            if (tracker->rules->records && tracker->outbox.count == tracker->outbox.size)
                break;
            record = weir_table_next(table, left, &looked);
            left -= looked < left ? looked : left;
            looks += looked;
            if (record != WEIR_TABLE_NONE) {
                struct weir_place at = weir_place_at(table, record);

                fetch_ends(tracker, table, record, now_us, false);
                if (weir_flow_expired(tracker->rules, at.flow, now_us))
                    weir_place_end(tracker, &at, weir_flow_end_of(at.flow, WEIR_END_TIMEOUT));
            } else if (table->hand == 0) {
                break; /* once round is enough */
            }
        }
    }
    tracker->counters.swept += looks;
    return looks;
}

void weir_tracker_jump(struct weir_tracker *tracker, uint64_t time_us, bool back)
{
    for (unsigned int i = 0; i < 2; i++) {
        struct weir_table *table = &tracker->table[i];
        uint32_t record = 0;

        for (; weir_table_next_used(table, &record, table->capacity); record++) {
            struct weir_place at = weir_place_at(table, record);
            uint64_t age = time_us - weir_flow_last(at.flow, tracker->clock_us);

            if (back ||
                age > tracker->rules->timeout_us[at.flow->pair][weir_flow_both_heard(at.flow)])
                weir_place_end(tracker, &at, weir_flow_end_of(at.flow, WEIR_END_TIMEOUT));
        }
    }
    tracker->clock_us = time_us;
}

void weir_tracker_settle(struct weir_tracker *tracker, uint64_t now_us, uint32_t epoch)
{
    weir_tracker_follow(tracker, now_us, epoch);
}

bool weir_tracker_close(struct weir_tracker *tracker, uint64_t now_us, enum weir_end end)
{
    weir_tracker_follow(tracker, now_us, tracker->epoch);
    for (unsigned int i = 0; i < 2; i++) {
        struct weir_table *table = &tracker->table[i];

        while (table->count > 0) {
            uint32_t looked;
            uint32_t record;
            struct weir_place at;

            if (tracker->rules->records && tracker->outbox.count == tracker->outbox.size)
                return true;
            record = weir_table_next(table, table->capacity, &looked);
            if (record == WEIR_TABLE_NONE)
                continue;
            at = weir_place_at(table, record);
            weir_place_end(
                tracker, &at,
                weir_flow_end_of(at.flow, weir_flow_expired(tracker->rules, at.flow, now_us)
                                              ? WEIR_END_TIMEOUT
                                              : end));
        }
    }
    return false;
}
