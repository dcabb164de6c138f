/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/tracker.h"

#include <errno.h>
#include <string.h>

#include "core/account.h"
#include "core/plain.h"
#include "core/sctp.h"

#define USEC 1000000U

/* A packet's time further ahead of the clock than this is a jump (see clock_jump). */
#define JUMP_AHEAD_USEC ((uint64_t)1 << 38) /* 3.2 days; a record tells 12 apart */

/* Records looked at, at most, to find one that may give way to a new flow. */
#define EVICT_LOOKS 64U

/* The same for a burst: as many, and these for each packet in it. */
#define EVICT_LOOKS_PER_PACKET 4U

/* Records between one that is ended and one whose bucket is fetched for that. */
#define END_AHEAD 6U

/* Packets between one that is tracked and one whose cold part is fetched. */
#define COLD_AHEAD 6U

/* Where one packet's record is. */
struct place {
    struct weir_table *table;
    struct weir_flow *flow;
    struct weir_flow_cold *cold;
    uint32_t record;
};

/* One packet on its way through: what is known of it, and where its fate goes. */
struct passage {
    const struct weir_packet *packet;
    uint64_t hash;
    uint64_t time_us;
    unsigned int order;
    struct weir_fate *fate;
};

static inline struct weir_table *table_of(struct weir_tracker *tracker, unsigned int family)
{
    return &tracker->table[family == 6];
}

static inline struct place place_at(struct weir_table *table, uint32_t record)
{
    return (struct place){table, weir_table_flow(table, record), &table->cold[record], record};
}

static inline bool both_heard(const struct weir_flow *flow)
{
    return flow->peer[0].flags & flow->peer[1].flags & WEIR_PEER_SEEN;
}

void weir_pair_states(unsigned int pair, uint8_t state[2])
{
    if (pair < WEIR_PAIR_OTHER)
        memcpy(state, weir_tcp_pairs.state[pair], 2);
    else
        memset(state, WEIR_STATE_NONE, 2);
}

/* Set-up */

void weir_rules_init(struct weir_rules *rules, const struct weir_timeouts *timeouts)
{
    rules->timeout_min_us = UINT64_MAX;
    for (unsigned int which = 0; which < WEIR_TIMEOUT_COUNT; which++) {
        uint64_t us = (uint64_t)timeouts->sec[which] * USEC;

        rules->timeout_us[WEIR_PAIR_OTHER + which][0] = us;
        rules->timeout_us[WEIR_PAIR_OTHER + which][1] = us;
        if (us < rules->timeout_min_us)
            rules->timeout_min_us = us;
    }
    rules->timeout_us[WEIR_PAIR_OTHER + WEIR_TIMEOUT_UDP_UNREPLIED][1] =
        (uint64_t)timeouts->sec[WEIR_TIMEOUT_UDP_STREAM] * USEC;
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++) {
        rules->timeout_us[pair][0] =
            (uint64_t)timeouts->sec[weir_tcp_pairs.timeout_one_way[pair]] * USEC;
        rules->timeout_us[pair][1] = (uint64_t)timeouts->sec[weir_tcp_pairs.timeout[pair]] * USEC;
    }
}

static size_t annex_size(uint32_t flows4, uint32_t flows6)
{
    size_t size = weir_annex_entries((uint64_t)flows4 + flows6) * sizeof(struct weir_annex_entry);

    return (size + 63) & ~(size_t)63;
}

size_t weir_tracker_size(uint32_t flows4, uint32_t flows6)
{
    size_t size4 = weir_table_size(flows4, 4);
    size_t size6 = weir_table_size(flows6, 6);

    return size4 == 0 || size6 == 0 ? 0 : size4 + size6 + annex_size(flows4, flows6);
}

int weir_tracker_init(struct weir_tracker *tracker, void *memory, uint32_t flows4, uint32_t flows6,
                      const struct weir_rules *rules, struct weir_flow_view *outbox,
                      uint32_t outbox_size)
{
    uint8_t *at = memory;
    int err;

    memset(tracker, 0, sizeof(*tracker));
    err = weir_table_init(&tracker->table[0], at, flows4, 4);
    if (err < 0)
        return err;
    at += weir_table_size(flows4, 4);
    err = weir_table_init(&tracker->table[1], at, flows6, 6);
    if (err < 0)
        return err;
    at += weir_table_size(flows6, 6);
    weir_annex_init(&tracker->annex, at, weir_annex_entries((uint64_t)flows4 + flows6));
    tracker->rules = rules;
    tracker->outbox = (struct weir_outbox){outbox, outbox_size, 0};
    return 0;
}

/* Identity and views */

static uint64_t mix(uint64_t x)
{
    /* The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

static uint64_t start_low(const struct weir_flow_cold *cold)
{
    return (uint64_t)cold->start[2] << 32 | (uint64_t)cold->start[1] << 16 | cold->start[0];
}

static void start_set(struct weir_flow_cold *cold, uint64_t time_us)
{
    for (unsigned int i = 0; i < 3; i++)
        cold->start[i] = (uint16_t)(time_us >> 16 * i);
}

/* The start, whole again: the 48 bits kept, as the time nearest to now. */
static uint64_t start_time(const struct weir_flow_cold *cold, uint64_t now_us)
{
    uint64_t mask = ((uint64_t)1 << 48) - 1;
    uint64_t limit = now_us + ((uint64_t)1 << 47);

    return limit - ((limit - start_low(cold)) & mask);
}

/*
 * A flow's number, from its key and start alone, so that it is the same whatever worker made it.
 * Two flows of one key that begin in the same microsecond differ in `reopened`.
 */
static uint64_t key_id(const struct weir_flow *flow, const struct weir_flow_cold *cold,
                       size_t key_len)
{
    uint64_t id = start_low(cold) | (uint64_t)cold->reopened << 48;

    for (size_t i = 0; i < key_len; i += 8) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)flow->key + i, 8);
        id = mix(id + word + 0x9e3779b97f4a7c15U);
    }
    return id ? id : 1;
}

static uint64_t flow_id(const struct weir_table *table, uint32_t record)
{
    return key_id(weir_table_flow(table, record), &table->cold[record], table->key_len);
}

/* Addresses and ports, originator first. */
static void view_ends(const struct weir_flow_copy *copy, struct weir_flow_view *view)
{
    const struct weir_flow *flow = &copy->flow;
    const struct weir_key6 *key6 = weir_flow_key6(flow);
    unsigned int high = flow->peer[WEIR_RESP].flags >> 7; /* which end is the originator */

    for (unsigned int dir = 0; dir < 2; dir++) {
        if (copy->family == 6) {
            memcpy(view->addr[dir], key6->addr[dir ^ high], 16);
            view->port[dir] = __builtin_bswap16(key6->tail.port[dir ^ high]);
        } else {
            memcpy(view->addr[dir], &flow->key->addr[dir ^ high], 4);
            view->port[dir] = __builtin_bswap16(flow->key->tail.port[dir ^ high]);
        }
    }
}

void weir_flow_copy_view(const struct weir_flow_copy *copy, uint64_t now_us, enum weir_end end,
                         struct weir_flow_view *view)
{
    const struct weir_flow *flow = &copy->flow;
    const struct weir_key_tail *tail =
        copy->family == 6 ? &weir_flow_key6(flow)->tail : &flow->key->tail;
    struct weir_totals totals;

    memset(view, 0, sizeof(*view));
    weir_account_total(flow, &copy->cold, copy->annexed ? &copy->annex : NULL, &totals);
    memcpy(view->packets, totals.packets, sizeof(view->packets));
    memcpy(view->bytes, totals.bytes, sizeof(view->bytes));
    memcpy(view->refused, totals.refused, sizeof(view->refused));
    view_ends(copy, view);
    view->id = key_id(flow, &copy->cold,
                      copy->family == 6 ? sizeof(struct weir_key6) : sizeof(struct weir_key4));
    view->start_us = start_time(&copy->cold, now_us);
    view->end_us = weir_flow_last(flow, now_us);
    view->vlan[0] = (uint16_t)(tail->zone_proto >> 12 & 0xfffU);
    view->vlan[1] = (uint16_t)(tail->zone_proto & 0xfffU);
    weir_pair_states(flow->pair, view->state);
    view->family = copy->family;
    view->proto = weir_key_proto(tail);
    view->end = (uint8_t)end;
    view->reason = copy->cold.reason;
    weir_history_text(&copy->cold, view->history);
}

static void record_copy(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                        struct weir_flow_copy *copy)
{
    const struct weir_table *table = &tracker->table[family == 6];
    const struct weir_flow *flow = weir_table_flow(table, record);

    copy->family = (uint8_t)family;
    copy->record = record;
    copy->annexed = (flow->peer[WEIR_ORIG].flags & WEIR_PEER_EXTRA) != 0;
    memcpy(copy->hot, flow, offsetof(struct weir_flow, key) + table->key_len);
    copy->cold = table->cold[record];
    if (copy->annexed)
        copy->annex = tracker->annex.entry[copy->cold.annex];
}

void weir_tracker_view(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_view *view)
{
    struct weir_flow_copy copy;

    record_copy(tracker, family, record, &copy);
    weir_flow_copy_view(&copy, tracker->clock_us, end, view);
}

/* The next record in use from *at on, before end; false when there is none. */
static bool next_in_use(const struct weir_table *table, uint32_t *at, uint32_t end)
{
    while (*at < end) {
        uint64_t word = table->used[*at / 64] >> *at % 64;

        if (word != 0) {
            *at += (uint32_t)__builtin_ctzll(word);
            return *at < end;
        }
        *at = (*at | 63) + 1;
    }
    return false;
}

unsigned int weir_tracker_walk(const struct weir_tracker *tracker, uint64_t *cursor,
                               struct weir_flow_copy *copy, unsigned int room, unsigned int looks)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < 2; i++) {
        const struct weir_table *table = &tracker->table[i];
        uint64_t base = i == 0 ? 0 : tracker->table[0].capacity;
        uint32_t at;
        uint32_t end;

        if (*cursor < base || *cursor >= base + table->capacity)
            continue;
        at = (uint32_t)(*cursor - base);
        end = table->capacity - at > looks ? at + looks : table->capacity;
        while (count < room && next_in_use(table, &at, end))
            record_copy(tracker, i == 0 ? 4 : 6, at++, &copy[count++]);
        *cursor = base + (at < end || count == room ? at : end);
        break;
    }
    return count;
}

/* Events */

static void event_add(struct weir_tracker *tracker, enum weir_event_kind kind, unsigned int family,
                      uint32_t record, unsigned int reason, unsigned int pair_before)
{
    struct weir_event_box *box = &tracker->events;
    struct weir_event *event;

    if (box->count >= box->size) {
        tracker->counters.events_lost++;
        return;
    }
    event = &box->event[box->count++];
    event->kind = (uint8_t)kind;
    event->reason = (uint8_t)reason;
    weir_pair_states(pair_before, event->state_before);
    event->time_us = tracker->clock_us;
    weir_tracker_view(tracker, family, record, WEIR_END_ACTIVE, &event->flow);
}

static inline bool watched(const struct weir_tracker *tracker, enum weir_event_kind kind)
{
    return __builtin_expect(tracker->events.watch >> kind & 1, 0);
}

/* Ends */

static inline bool expired(const struct weir_rules *rules, const struct weir_flow *flow,
                           uint64_t now_us)
{
    uint64_t last = weir_flow_last(flow, now_us);
    uint64_t age = last < now_us ? now_us - last : 0;

    return __builtin_expect(age > rules->timeout_min_us, 0) &&
           age > rules->timeout_us[flow->pair][both_heard(flow)];
}

/* How a flow ended that nothing more is heard of. */
static enum weir_end end_of(const struct weir_flow *flow, enum weir_end otherwise)
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

static void report(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                   enum weir_end end)
{
    tracker->counters.ended[end]++;
    if (watched(tracker, WEIR_EVENT_END)) {
        event_add(tracker, WEIR_EVENT_END, family, record, 0, 0);
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
    weir_tracker_view(tracker, family, record, end, &tracker->outbox.view[tracker->outbox.count++]);
}

static inline unsigned int family_of(const struct weir_tracker *tracker,
                                     const struct weir_table *table)
{
    return table == &tracker->table[0] ? 4 : 6;
}

static void flow_end(struct weir_tracker *tracker, struct place at, enum weir_end end)
{
    report(tracker, family_of(tracker, at.table), at.record, end);
    tracker->counters.pair[at.flow->pair]--;
    weir_account_release(at.flow, at.cold, &tracker->annex);
    weir_table_remove(at.table, weir_table_hash(at.table, &tracker->rules->secret, at.record),
                      at.record);
}

bool weir_tracker_end(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                      uint64_t id, enum weir_end end)
{
    struct weir_table *table = table_of(tracker, family);

    if (record >= table->capacity || !(table->used[record / 64] >> record % 64 & 1) ||
        flow_id(table, record) != id)
        return false;
    flow_end(tracker, place_at(table, record), end);
    return true;
}

/* May this flow give way to a new one? Over, or never answered; an established one never. */
static bool may_give_way(const struct weir_flow *flow)
{
    return !both_heard(flow) || end_of(flow, WEIR_END_ACTIVE) != WEIR_END_ACTIVE;
}

/*
 * The record that the hand reaches a little later: if it is to end then, its bucket and cold part
 * are fetched now. The record itself is on its way already (WEIR_TABLE_SWEEP_AHEAD).
 */
static inline __attribute__((always_inline)) void fetch_end(const struct weir_tracker *tracker,
                                                            const struct weir_table *table,
                                                            uint32_t record, uint64_t now_us,
                                                            bool evicting)
{
    const struct weir_flow *flow = weir_table_flow(table, record + END_AHEAD);

    record += END_AHEAD;
    if (record >= table->capacity || !(table->used[record / 64] >> record % 64 & 1))
        return;
    if (!expired(tracker->rules, flow, now_us) && !(evicting && may_give_way(flow)))
        return;
    weir_table_prefetch_bucket(table, weir_table_hash(table, &tracker->rules->secret, record));
    __builtin_prefetch(&table->cold[record], 1);
}

/*
 * Make room in a full table: the next record that is expired, over or half-open. Looks are limited
 * for each new flow and for the burst, so that a flood into a table full of established flows costs
 * no more than it would to take it in.
 */
static bool evict(struct weir_tracker *tracker, struct weir_table *table, uint64_t now_us)
{
    uint32_t limit = tracker->looks_left < EVICT_LOOKS ? tracker->looks_left : EVICT_LOOKS;
    uint32_t looks = 0;

    while (looks < limit) {
        uint32_t looked;
        uint32_t record = weir_table_next(table, limit - looks, &looked);
        struct place at;

        looks += looked ? looked : 1;
        tracker->looks_left -= looked < tracker->looks_left ? looked : tracker->looks_left;
        if (record == WEIR_TABLE_NONE)
            continue;
        fetch_end(tracker, table, record, now_us, true);
        at = place_at(table, record);
        if (expired(tracker->rules, at.flow, now_us)) {
            flow_end(tracker, at, end_of(at.flow, WEIR_END_TIMEOUT));
            return true;
        }
        if (may_give_way(at.flow)) {
            flow_end(tracker, at, end_of(at.flow, WEIR_END_EVICTED));
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
                struct place at = place_at(table, record);

                fetch_end(tracker, table, record, now_us, false);
                if (expired(tracker->rules, at.flow, now_us))
                    flow_end(tracker, at, end_of(at.flow, WEIR_END_TIMEOUT));
            } else if (table->hand == 0) {
                break; /* once round is enough */
            }
        }
    }
    tracker->counters.swept += looks;
    return looks;
}

/*
 * The clock jumps: ahead by more than a record can tell apart, or it is set back. Whoever was heard
 * before a jump ahead has gone silent unless its timeout says otherwise; once the clock is set back
 * nothing can be aged any more, and every flow ends.
 */
static void clock_jump(struct weir_tracker *tracker, uint64_t time_us, bool back)
{
    for (unsigned int i = 0; i < 2; i++) {
        struct weir_table *table = &tracker->table[i];
        uint32_t record = 0;

        for (; next_in_use(table, &record, table->capacity); record++) {
            struct place at = place_at(table, record);
            uint64_t age = time_us - weir_flow_last(at.flow, tracker->clock_us);

            if (back || age > tracker->rules->timeout_us[at.flow->pair][both_heard(at.flow)])
                flow_end(tracker, at, end_of(at.flow, WEIR_END_TIMEOUT));
        }
    }
    tracker->clock_us = time_us;
}

/* The clock is the latest time seen in its epoch; packets may be a little out of order. */
static inline void clock_follow(struct weir_tracker *tracker, uint64_t time_us, uint32_t epoch)
{
    if (__builtin_expect(epoch != tracker->epoch, 0)) {
        clock_jump(tracker, time_us, true);
        tracker->epoch = epoch;
    } else if (time_us > tracker->clock_us) {
        if (__builtin_expect(time_us - tracker->clock_us > JUMP_AHEAD_USEC, 0))
            clock_jump(tracker, time_us, false);
        tracker->clock_us = time_us;
    }
}

void weir_tracker_settle(struct weir_tracker *tracker, uint64_t now_us, uint32_t epoch)
{
    clock_follow(tracker, now_us, epoch);
}

bool weir_tracker_close(struct weir_tracker *tracker, uint64_t now_us, enum weir_end end)
{
    clock_follow(tracker, now_us, tracker->epoch);
    for (unsigned int i = 0; i < 2; i++) {
        struct weir_table *table = &tracker->table[i];

        while (table->count > 0) {
            uint32_t looked;
            uint32_t record;
            struct place at;

            if (tracker->rules->records && tracker->outbox.count == tracker->outbox.size)
                return true;
            record = weir_table_next(table, table->capacity, &looked);
            if (record == WEIR_TABLE_NONE)
                continue;
            at = place_at(table, record);
            flow_end(
                tracker, at,
                end_of(at.flow, expired(tracker->rules, at.flow, now_us) ? WEIR_END_TIMEOUT : end));
        }
    }
    return false;
}

/* Births */

static void cold_begin(struct weir_tracker *tracker, struct place at, const struct passage *p)
{
    start_set(at.cold, p->time_us);
    weir_flow_set_last(at.flow, p->time_us);
    at.cold->reopened = p->packet->epoch & 3U;
    at.cold->port = p->packet->port < WEIR_FLOW_PORT_MAX ? p->packet->port & WEIR_FLOW_PORT_MAX
                                                         : WEIR_FLOW_PORT_MAX;
    tracker->counters.created++;
    tracker->counters.pair[at.flow->pair]++;
    if (watched(tracker, WEIR_EVENT_NEW))
        event_add(tracker, WEIR_EVENT_NEW, family_of(tracker, at.table), at.record, 0, 0);
}

/* A new record for the packet's key, or one with record WEIR_TABLE_NONE. */
static struct place flow_new(struct weir_tracker *tracker, const struct weir_packet *packet,
                             uint64_t hash, uint64_t time_us)
{
    struct weir_table *table = table_of(tracker, packet->family);
    uint32_t record = weir_table_insert(table, hash, &packet->key4);

    if (__builtin_expect(record == WEIR_TABLE_NONE, 0) && evict(tracker, table, time_us))
        record = weir_table_insert(table, hash, &packet->key4);
    if (record == WEIR_TABLE_NONE)
        return (struct place){table, NULL, NULL, record};
    return place_at(table, record);
}

/* Remember which end of the key the originator is. */
static void set_originator(struct weir_flow *flow, bool higher)
{
    flow->peer[WEIR_RESP].flags &= (uint8_t)~WEIR_PEER_EXTRA;
    flow->peer[WEIR_RESP].flags |= higher ? WEIR_PEER_EXTRA : 0;
}

static void tcp_letters(struct weir_flow_cold *cold, unsigned int dir, unsigned int flags,
                        uint32_t len)
{
    if (flags & WEIR_TCP_SYN)
        weir_history_add(cold, dir, (flags & WEIR_TCP_ACK) ? WEIR_LETTER_SYN_ACK : WEIR_LETTER_SYN);
    if (len > 0)
        weir_history_add(cold, dir, WEIR_LETTER_DATA);
    if (flags & WEIR_TCP_FIN)
        weir_history_add(cold, dir, WEIR_LETTER_FIN);
    if (flags & WEIR_TCP_RST)
        weir_history_add(cold, dir, WEIR_LETTER_RST);
    if (len == 0 && !(flags & (WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST)))
        weir_history_add(cold, dir, WEIR_LETTER_ACK);
}

/* Fates */

static inline void fate_by_reason(const struct passage *p, unsigned int reason,
                                  enum weir_class class)
{
    bool refused = weir_reason_class(reason) == WEIR_REASON_CLASS_REFUSE;

    p->fate->reason = (uint8_t)reason;
    p->fate->verdict =
        refused && !(p->order & WEIR_ORDER_SHADOW) ? WEIR_VERDICT_DROP : WEIR_VERDICT_FORWARD;
    p->fate->class = (uint8_t)(refused ? WEIR_CLASS_INVALID : class);
}

/* May this packet start a flow? If not, its fate is settled. */
static bool admitted(struct weir_tracker *tracker, const struct passage *p)
{
    unsigned int policy = p->order & WEIR_ORDER_POLICY;

    if (policy == WEIR_POLICY_UNKNOWN)
        policy = tracker->judge == NULL ? WEIR_POLICY_ALLOW
                                        : tracker->judge(tracker->judge_context, p->packet);
    switch (policy) {
    case WEIR_POLICY_DROP:
        fate_by_reason(p, WEIR_REASON_POLICY_DROP, WEIR_CLASS_INVALID);
        break;
    case WEIR_POLICY_REJECT:
        fate_by_reason(p, WEIR_REASON_POLICY_REJECT, WEIR_CLASS_INVALID);
        if (p->fate->verdict == WEIR_VERDICT_DROP)
            p->fate->verdict = WEIR_VERDICT_ANSWER;
        break;
    case WEIR_POLICY_NOTRACK:
        fate_by_reason(p, WEIR_REASON_POLICY_NOTRACK, WEIR_CLASS_UNTRACKED);
        break;
    default:
        return true;
    }
    return false;
}

static inline void fate_flow(struct weir_tracker *tracker, struct weir_fate *fate, struct place at,
                             unsigned int dir)
{
    fate->dir = (uint8_t)dir;
    fate->pair = at.flow->pair;
    fate->family = (uint8_t)family_of(tracker, at.table);
    if (__builtin_expect(tracker->want_ids, 0))
        fate->flow_id = flow_id(at.table, at.record);
}

static inline void pair_moved(struct weir_tracker *tracker, struct place at, unsigned int before)
{
    unsigned int after = at.flow->pair;

    if (before == after)
        return;
    tracker->counters.pair[before]--;
    tracker->counters.pair[after]++;
    if (watched(tracker, WEIR_EVENT_STATE))
        event_add(tracker, WEIR_EVENT_STATE, family_of(tracker, at.table), at.record, 0, before);
}

/* The record of a connection that is over serves the next one on the same key. */
static unsigned int tcp_reopen(struct weir_tracker *tracker, struct place at, unsigned int dir,
                               const struct passage *p)
{
    uint64_t before = start_low(at.cold);
    uint8_t reopened = at.cold->reopened;

    report(tracker, family_of(tracker, at.table), at.record, end_of(at.flow, WEIR_END_TIMEOUT));
    tracker->counters.pair[at.flow->pair]--;
    weir_account_release(at.flow, at.cold, &tracker->annex);
    memset(at.cold, 0, sizeof(*at.cold));
    weir_tcp_reopen(at.flow, dir, &p->packet->seg);
    cold_begin(tracker, at, p);
    if (start_low(at.cold) == before)
        at.cold->reopened = (reopened + 1U) & 3U;
    return WEIR_ORIG;
}

static void tcp_account(struct weir_tracker *tracker, struct place at, unsigned int dir,
                        unsigned int letters_before, const struct weir_packet *packet,
                        uint64_t time_us, bool touches)
{
    const struct weir_segment *seg = &packet->seg;
    unsigned int letter = seg->len ? WEIR_PEER_DATA : WEIR_PEER_ACK;

    if (__builtin_expect((seg->flags & (WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST)) ||
                             !(letters_before & letter),
                         0))
        tcp_letters(at.cold, dir, seg->flags, seg->len);
    weir_account_pieces(at.flow, at.cold, &tracker->annex, dir, packet->pieces, packet->ip_len);
    if (touches && time_us >= weir_flow_last(at.flow, time_us))
        weir_flow_set_last(at.flow, time_us);
}

/* Nothing of a refused packet but its number and reason is kept. */
static void flow_refused(struct weir_tracker *tracker, struct place at, unsigned int dir,
                         unsigned int pieces, uint8_t reason)
{
    for (unsigned int i = 0; i <= pieces; i++)
        if (!weir_account_refused(at.flow, at.cold, &tracker->annex, dir, reason))
            tracker->counters.annex_full++;
    if (watched(tracker, WEIR_EVENT_REFUSED))
        event_add(tracker, WEIR_EVENT_REFUSED, family_of(tracker, at.table), at.record, reason,
                  at.flow->pair);
}

static inline void track_tcp(struct weir_tracker *tracker, struct place at, unsigned int dir,
                             const struct passage *p)
{
    const struct weir_segment *seg = &p->packet->seg;
    unsigned int before = at.flow->pair;
    unsigned int letters = at.flow->peer[dir].flags;
    struct weir_outcome outcome = weir_tcp_track(at.flow, dir, seg, tracker->rules->midstream);

    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_OPEN, 0)) {
        if (!admitted(tracker, p))
            return;
        dir = tcp_reopen(tracker, at, dir, p);
        before = at.flow->pair;
        letters = 0;
        outcome = weir_tcp_track(at.flow, dir, seg, tracker->rules->midstream);
    }
    pair_moved(tracker, at, before);
    fate_by_reason(p, outcome.reason,
                   both_heard(at.flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW);
    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_REFUSE, 0))
        flow_refused(tracker, at, dir, p->packet->pieces, outcome.reason);
    else
        tcp_account(tracker, at, dir, letters, p->packet, p->time_us,
                    weir_outcome_touches(outcome));
    fate_flow(tracker, p->fate, at, dir);
}

static void begin_tcp(struct weir_tracker *tracker, const struct passage *p)
{
    struct weir_birth birth = weir_tcp_birth(&p->packet->seg, tracker->rules->midstream);
    struct place at;

    if (birth.reason != WEIR_REASON_NONE) {
        fate_by_reason(p, birth.reason, WEIR_CLASS_INVALID);
        return;
    }
    at = flow_new(tracker, p->packet, p->hash, p->time_us);
    if (at.record == WEIR_TABLE_NONE) {
        fate_by_reason(p, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    weir_tcp_begin(at.flow, birth, &p->packet->seg);
    set_originator(at.flow, p->packet->swapped ^ birth.dir);
    cold_begin(tracker, at, p);
    track_tcp(tracker, at, birth.dir, p);
}

/* Anything but TCP: both ends, their packets, and when the last one passed. */

static const uint8_t kind_timeout[] = {
    [WEIR_KIND_UDP] = WEIR_TIMEOUT_UDP_UNREPLIED,
    [WEIR_KIND_ICMP] = WEIR_TIMEOUT_ICMP,
    [WEIR_KIND_OTHER] = WEIR_TIMEOUT_OTHER,
};

static const uint8_t sctp_timeout[] = {
    [WEIR_SCTP_OPENING] = WEIR_TIMEOUT_SCTP_OPENING,
    [WEIR_SCTP_ESTABLISHED] = WEIR_TIMEOUT_SCTP_ESTABLISHED,
    [WEIR_SCTP_CLOSING] = WEIR_TIMEOUT_SCTP_CLOSING,
};

static enum weir_sctp_state sctp_state(const struct weir_flow *flow)
{
    enum weir_sctp_state state = WEIR_SCTP_OPENING;

    while (state < WEIR_SCTP_CLOSING && sctp_timeout[state] + WEIR_PAIR_OTHER != flow->pair)
        state++;
    return state;
}

/* False where the packet is refused: its fate is settled. */
static bool track_sctp(struct weir_tracker *tracker, struct place at, unsigned int dir,
                       const struct passage *p)
{
    enum weir_sctp_state state = sctp_state(at.flow);
    enum weir_reason reason = weir_sctp_track(at.flow, dir, &p->packet->sctp, &state);

    if (reason != WEIR_REASON_NONE) {
        fate_by_reason(p, reason, WEIR_CLASS_INVALID);
        flow_refused(tracker, at, dir, p->packet->pieces, (uint8_t)reason);
        fate_flow(tracker, p->fate, at, dir);
        return false;
    }
    tracker->counters.pair[at.flow->pair]--;
    at.flow->pair = (uint8_t)(WEIR_PAIR_OTHER + sctp_timeout[state]);
    tracker->counters.pair[at.flow->pair]++;
    return true;
}

static void track_other(struct weir_tracker *tracker, struct place at, unsigned int dir,
                        const struct passage *p)
{
    if (p->packet->kind == WEIR_KIND_SCTP && !track_sctp(tracker, at, dir, p))
        return;
    at.flow->peer[dir].flags |= WEIR_PEER_SEEN;
    if (!(at.flow->peer[dir].flags & WEIR_PEER_DATA)) {
        at.flow->peer[dir].flags |= WEIR_PEER_DATA;
        weir_history_add(at.cold, dir, WEIR_LETTER_DATA);
    }
    weir_account_pieces(at.flow, at.cold, &tracker->annex, dir, p->packet->pieces,
                        p->packet->ip_len);
    if (p->time_us >= weir_flow_last(at.flow, p->time_us))
        weir_flow_set_last(at.flow, p->time_us);
    fate_by_reason(p, WEIR_REASON_NONE,
                   both_heard(at.flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW);
    fate_flow(tracker, p->fate, at, dir);
}

static void begin_other(struct weir_tracker *tracker, const struct passage *p)
{
    struct place at;

    if (p->packet->kind == WEIR_KIND_SCTP && !weir_sctp_tag_possible(&p->packet->sctp)) {
        fate_by_reason(p, WEIR_REASON_SCTP_TAG, WEIR_CLASS_INVALID);
        return;
    }
    at = flow_new(tracker, p->packet, p->hash, p->time_us);
    if (at.record == WEIR_TABLE_NONE) {
        fate_by_reason(p, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    at.flow->pair =
        (uint8_t)(WEIR_PAIR_OTHER + (p->packet->kind == WEIR_KIND_SCTP
                                         ? sctp_timeout[weir_sctp_begin(&p->packet->sctp)]
                                         : kind_timeout[p->packet->kind]));
    set_originator(at.flow, p->packet->swapped);
    cold_begin(tracker, at, p);
    track_other(tracker, at, WEIR_ORIG, p);
}

/*
 * Is the segment that the error quotes one that its sender may have in flight (RFC 5927 4.1)? Where
 * that end has not been heard, or may have sent more than has passed, nobody can tell how far. A
 * message about the path's MTU always may pass: a connection that misses it stands still.
 */
static bool quoted_in_flight(const struct weir_flow *flow, unsigned int dir,
                             const struct weir_packet *packet)
{
    const struct weir_peer *x = &flow->peer[!dir]; /* who sent the quoted segment */
    uint32_t slack = weir_window_slack(flow, dir);
    uint32_t beyond = (x->flags & WEIR_PEER_UNSURE) ? slack : 0;

    if (flow->pair >= WEIR_PAIR_OTHER || packet->quote.pmtu || !(x->flags & WEIR_PEER_SEEN))
        return true;
    return packet->quote.seq - (x->end - slack) <= slack + beyond;
}

/* An ICMP error belongs to the flow whose packet it quotes; it counts for none. */
static void track_quoted(struct weir_tracker *tracker, struct place at, const struct passage *p)
{
    unsigned int dir = weir_flow_dir(at.flow, p->packet->swapped);

    if (quoted_in_flight(at.flow, dir, p->packet)) {
        fate_by_reason(p, WEIR_REASON_NONE, WEIR_CLASS_RELATED);
    } else {
        fate_by_reason(p, WEIR_REASON_ICMP_OUTSIDE, WEIR_CLASS_INVALID);
        flow_refused(tracker, at, dir, p->packet->pieces, WEIR_REASON_ICMP_OUTSIDE);
    }
    fate_flow(tracker, p->fate, at, dir);
}

static void begin(struct weir_tracker *tracker, const struct passage *p)
{
    if (!admitted(tracker, p))
        return;
    if (p->packet->kind == WEIR_KIND_ICMP_ERROR) {
        fate_by_reason(p, WEIR_REASON_ICMP_UNMATCHED, WEIR_CLASS_UNTRACKED);
        return;
    }
    if (p->packet->kind == WEIR_KIND_TCP)
        begin_tcp(tracker, p);
    else
        begin_other(tracker, p);
}

/* An association that is over gives way to the next one on the same key. */
static inline bool begins_anew(const struct weir_flow *flow, const struct weir_packet *packet)
{
    return packet->kind == WEIR_KIND_SCTP && packet->sctp.chunk == WEIR_SCTP_INIT &&
           weir_sctp_over(flow);
}

static inline void track(struct weir_tracker *tracker, const struct passage *p, uint32_t likely)
{
    struct weir_table *table = table_of(tracker, p->packet->family);
    uint32_t record = weir_table_find(table, p->hash, &p->packet->key4, likely);
    struct place at;
    unsigned int dir;

    if (__builtin_expect(record == WEIR_TABLE_NONE, 0)) {
        begin(tracker, p);
        return;
    }
    at = place_at(table, record);
    if (__builtin_expect(
            expired(tracker->rules, at.flow, p->time_us) || begins_anew(at.flow, p->packet), 0)) {
        flow_end(tracker, at, end_of(at.flow, WEIR_END_TIMEOUT));
        begin(tracker, p);
        return;
    }
    dir = weir_flow_dir(at.flow, p->packet->swapped);
    if (__builtin_expect(p->packet->kind == WEIR_KIND_TCP, 1))
        track_tcp(tracker, at, dir, p);
    else if (p->packet->kind == WEIR_KIND_ICMP_ERROR)
        track_quoted(tracker, at, p);
    else
        track_other(tracker, at, dir, p);
}

/* The burst: one loop a stage */

void weir_tracker_match(struct weir_tracker *tracker, const struct weir_packet *packet,
                        const uint64_t *hash, uint32_t *likely, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        if (packet[i].family != 0)
            weir_table_prefetch_bucket(table_of(tracker, packet[i].family), hash[i]);
    for (unsigned int i = 0; i < count; i++)
        likely[i] = packet[i].family == 0
                        ? WEIR_TABLE_NONE
                        : weir_table_match(table_of(tracker, packet[i].family), hash[i]);
    for (unsigned int i = 0; i < count; i++)
        if (likely[i] == WEIR_TABLE_NONE && packet[i].family != 0)
            likely[i] = weir_table_match_second(table_of(tracker, packet[i].family), hash[i]);
}

static void count_fate(struct weir_counters *counters, const struct weir_packet *packet,
                       const struct weir_fate *fate)
{
    counters->bytes += packet->ip_len;
    counters->packets += packet->pieces;
    counters->reason[fate->reason] += 1U + packet->pieces;
    counters->verdict[fate->verdict] += 1U + packet->pieces;
}

/*
 * A plain segment of a flow that stage 2 has found, the short way (plain.h); false, and nothing
 * changed, for any other packet.
 */
static inline bool track_plain(struct weir_tracker *tracker, const struct passage *p,
                               uint32_t likely, unsigned int key_len)
{
    struct weir_table *table = &tracker->table[key_len == sizeof(struct weir_key6)];
    struct weir_flow *flow = weir_table_flow_len(table, likely, key_len);
    unsigned int dir;

    if (likely == WEIR_TABLE_NONE || !weir_table_holds(table, likely, &p->packet->key4, key_len))
        return false;
    dir = weir_flow_dir(flow, p->packet->swapped);
    if (!weir_plain_track(flow, &table->cold[likely], &tracker->annex, dir, p->packet, p->time_us,
                          tracker->rules->timeout_us[WEIR_PAIR_MID][1]))
        return false;
    *p->fate = (struct weir_fate){
        .verdict = WEIR_VERDICT_FORWARD,
        .reason = WEIR_REASON_NONE,
        .class = WEIR_CLASS_ESTABLISHED,
        .dir = (uint8_t)dir,
        .pair = WEIR_PAIR_MID,
        .family = key_len == sizeof(struct weir_key6) ? 6 : 4,
    };
    return true;
}

/* Fetch the cold part of a flow that is likely to get a new letter in its history. */
static inline __attribute__((always_inline)) void
fetch_cold(const struct weir_tracker *tracker, const struct weir_packet *packet, uint32_t likely)
{
    const unsigned int rare = WEIR_TCP_SYN | WEIR_TCP_FIN | WEIR_TCP_RST;
    const struct weir_table *table = &tracker->table[packet->family == 6];
    unsigned int letter = packet->seg.len ? WEIR_PEER_DATA : WEIR_PEER_ACK;
    const struct weir_flow *flow;

    if (likely == WEIR_TABLE_NONE)
        return;
    flow = weir_table_flow(table, likely);
    if ((packet->seg.flags & rare) ||
        !(flow->peer[weir_flow_dir(flow, packet->swapped)].flags & letter))
        __builtin_prefetch(&table->cold[likely], 1);
}

static inline bool track_any_plain(struct weir_tracker *tracker, const struct passage *p,
                                   uint32_t likely)
{
    if (p->packet->kind != WEIR_KIND_TCP)
        return false;
    if (p->packet->family == 4)
        return track_plain(tracker, p, likely, sizeof(struct weir_key4));
    return track_plain(tracker, p, likely, sizeof(struct weir_key6));
}

void weir_tracker_track(struct weir_tracker *tracker, const struct weir_tracker_burst *burst)
{
    struct weir_counters *counters = &tracker->counters;
    bool whole = tracker->want_ids; /* every packet the full way */
    uint64_t plain = 0;
    uint64_t plain_bytes = 0;

    tracker->looks_left = EVICT_LOOKS + EVICT_LOOKS_PER_PACKET * burst->count;
    for (unsigned int i = 0; i < burst->count && i < COLD_AHEAD; i++)
        fetch_cold(tracker, &burst->packet[i], burst->likely[i]);
    for (unsigned int i = 0; i < burst->count; i++) {
        const struct passage p = {
            .packet = &burst->packet[i],
            .hash = burst->hash[i],
            .time_us = burst->time_us[i],
            .order = burst->order == NULL ? WEIR_POLICY_ALLOW : burst->order[i],
            .fate = &burst->fate[i],
        };

        if (i + COLD_AHEAD < burst->count)
            fetch_cold(tracker, &burst->packet[i + COLD_AHEAD], burst->likely[i + COLD_AHEAD]);
        clock_follow(tracker, p.time_us, p.packet->epoch);
        if (__builtin_expect(!whole && track_any_plain(tracker, &p, burst->likely[i]), 1)) {
            plain++;
            plain_bytes += p.packet->ip_len;
            continue;
        }
        *p.fate = (struct weir_fate){0};
        if (p.packet->reason != WEIR_REASON_NONE)
            fate_by_reason(&p, p.packet->reason, WEIR_CLASS_UNTRACKED);
        else
            track(tracker, &p, burst->likely[i]);
        count_fate(counters, p.packet, p.fate);
    }
    counters->bytes += plain_bytes;
    counters->reason[WEIR_REASON_NONE] += plain;
    counters->verdict[WEIR_VERDICT_FORWARD] += plain;
    counters->packets += burst->count;
}
