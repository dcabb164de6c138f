/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/tracker.h"

#include <errno.h>
#include <string.h>

#include "core/account.h"

#define USEC 1000000U

/* Records looked at, at most, to find one that may give way to a new flow. */
#define EVICT_LOOKS 64U

/* Where one packet's record is. */
struct place {
    struct weir_table *table;
    struct weir_flow *flow;
    struct weir_flow_cold *cold;
    uint32_t record;
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
    for (unsigned int class = 0; class < WEIR_TIMEOUT_COUNT; class++) {
        uint64_t us = (uint64_t)timeouts->sec[class] * USEC;

        rules->timeout_us[WEIR_PAIR_OTHER + class][0] = us;
        rules->timeout_us[WEIR_PAIR_OTHER + class][1] = us;
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
    size_t size =
        weir_annex_entries((uint64_t)flows4 + flows6) * sizeof(struct weir_annex_entry);

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
static uint64_t flow_id(const struct weir_table *table, uint32_t record)
{
    const struct weir_flow *flow = weir_table_flow(table, record);
    const struct weir_flow_cold *cold = &table->cold[record];
    uint64_t id = start_low(cold) | (uint64_t)cold->reopened << 48;

    for (unsigned int i = 0; i < table->key_len; i += 8) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)flow->key + i, 8);
        id = mix(id + word + 0x9e3779b97f4a7c15U);
    }
    return id ? id : 1;
}

static void view_key4(const struct weir_flow *flow, struct weir_flow_view *view)
{
    unsigned int high = flow->peer[WEIR_RESP].flags >> 7; /* which end is the originator */

    for (unsigned int dir = 0; dir < 2; dir++) {
        memcpy(view->addr[dir], &flow->key->addr[dir ^ high], 4);
        view->port[dir] = __builtin_bswap16(flow->key->tail.port[dir ^ high]);
    }
}

static void view_key6(const struct weir_flow *flow, struct weir_flow_view *view)
{
    const struct weir_key6 *key = weir_flow_key6(flow);
    unsigned int high = flow->peer[WEIR_RESP].flags >> 7;

    for (unsigned int dir = 0; dir < 2; dir++) {
        memcpy(view->addr[dir], key->addr[dir ^ high], 16);
        view->port[dir] = __builtin_bswap16(key->tail.port[dir ^ high]);
    }
}

void weir_tracker_view(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_view *view)
{
    const struct weir_table *table = &tracker->table[family == 6];
    const struct weir_flow *flow = weir_table_flow(table, record);
    const struct weir_flow_cold *cold = &table->cold[record];
    const struct weir_key_tail *tail =
        family == 6 ? &weir_flow_key6(flow)->tail : &flow->key->tail;
    struct weir_totals totals;

    memset(view, 0, sizeof(*view));
    weir_account_total(flow, cold, &tracker->annex, &totals);
    memcpy(view->packets, totals.packets, sizeof(view->packets));
    memcpy(view->bytes, totals.bytes, sizeof(view->bytes));
    memcpy(view->refused, totals.refused, sizeof(view->refused));
    if (family == 6)
        view_key6(flow, view);
    else
        view_key4(flow, view);
    view->id = flow_id(table, record);
    view->start_us = start_time(cold, tracker->clock_us);
    view->end_us = weir_flow_last(flow, tracker->clock_us);
    view->vlan[0] = (uint16_t)(tail->zone_proto >> 12 & 0xfffU);
    view->vlan[1] = (uint16_t)(tail->zone_proto & 0xfffU);
    weir_pair_states(flow->pair, view->state);
    view->family = (uint8_t)family;
    view->proto = weir_key_proto(tail);
    view->end = (uint8_t)end;
    view->reason = cold->reason;
    weir_history_text(cold, view->history);
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
    if (flow->peer[0].flags & flow->peer[1].flags & WEIR_PEER_FIN)
        return WEIR_END_FIN;
    return otherwise;
}

static void report(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                   enum weir_end end)
{
    tracker->counters.ended[end]++;
    if (!tracker->rules->records)
        return;
    if (tracker->outbox.count == tracker->outbox.size) {
        tracker->counters.records_lost++;
        return;
    }
    weir_tracker_view(tracker, family, record, end,
                      &tracker->outbox.view[tracker->outbox.count++]);
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

/* May this flow give way to a new one? Over, or never answered; an established one never. */
static bool may_give_way(const struct weir_flow *flow)
{
    return !both_heard(flow) || end_of(flow, WEIR_END_ACTIVE) != WEIR_END_ACTIVE;
}

/* Make room in a full table: the next record that is expired, over or half-open. */
static bool evict(struct weir_tracker *tracker, struct weir_table *table, uint64_t now_us)
{
    uint32_t looks = 0;

    while (looks < EVICT_LOOKS) {
        uint32_t looked;
        uint32_t record = weir_table_next(table, EVICT_LOOKS - looks, &looked);
        struct place at;

        looks += looked ? looked : 1;
        if (record == WEIR_TABLE_NONE)
            continue;
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

bool weir_tracker_close(struct weir_tracker *tracker, uint64_t now_us, enum weir_end end)
{
    if (now_us > tracker->clock_us)
        tracker->clock_us = now_us;
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
            flow_end(tracker, at,
                     end_of(at.flow,
                            expired(tracker->rules, at.flow, now_us) ? WEIR_END_TIMEOUT : end));
        }
    }
    return false;
}

/* Births */

static void cold_begin(struct weir_tracker *tracker, struct place at, uint64_t time_us)
{
    start_set(at.cold, time_us);
    weir_flow_set_last(at.flow, time_us);
    tracker->counters.created++;
    tracker->counters.pair[at.flow->pair]++;
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
        weir_history_add(cold, dir,
                         (flags & WEIR_TCP_ACK) ? WEIR_LETTER_SYN_ACK : WEIR_LETTER_SYN);
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

static inline void fate_by_reason(struct weir_fate *fate, const struct weir_rules *rules,
                                  unsigned int reason, enum weir_class class)
{
    bool refused = weir_reason_class(reason) == WEIR_REASON_CLASS_REFUSE;

    fate->reason = (uint8_t)reason;
    fate->verdict = refused && !rules->shadow ? WEIR_VERDICT_DROP : WEIR_VERDICT_FORWARD;
    fate->class = (uint8_t)(refused ? WEIR_CLASS_INVALID : class);
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

static inline void pair_moved(struct weir_tracker *tracker, unsigned int before,
                              unsigned int after)
{
    if (before != after) {
        tracker->counters.pair[before]--;
        tracker->counters.pair[after]++;
    }
}

/* The record of a connection that is over serves the next one on the same key. */
static unsigned int tcp_reopen(struct weir_tracker *tracker, struct place at, unsigned int dir,
                               const struct weir_segment *seg, uint64_t time_us)
{
    uint64_t before = start_low(at.cold);
    uint8_t reopened = at.cold->reopened;

    report(tracker, family_of(tracker, at.table), at.record, end_of(at.flow, WEIR_END_TIMEOUT));
    tracker->counters.pair[at.flow->pair]--;
    weir_account_release(at.flow, at.cold, &tracker->annex);
    memset(at.cold, 0, sizeof(*at.cold));
    weir_tcp_reopen(at.flow, dir, seg);
    cold_begin(tracker, at, time_us);
    if (start_low(at.cold) == before)
        at.cold->reopened = (uint8_t)(reopened + 1);
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
    weir_account_packet(at.flow, at.cold, &tracker->annex, dir, packet->ip_len);
    if (touches && time_us >= weir_flow_last(at.flow, time_us))
        weir_flow_set_last(at.flow, time_us);
}

static inline void track_tcp(struct weir_tracker *tracker, struct place at,
                             const struct weir_packet *packet, unsigned int dir, uint64_t time_us,
                             struct weir_fate *fate)
{
    unsigned int before = at.flow->pair;
    unsigned int letters = at.flow->peer[dir].flags;
    struct weir_outcome outcome =
        weir_tcp_track(at.flow, dir, &packet->seg, tracker->rules->midstream);
    enum weir_class class;

    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_OPEN, 0)) {
        dir = tcp_reopen(tracker, at, dir, &packet->seg, time_us);
        before = at.flow->pair;
        letters = 0;
        outcome = weir_tcp_track(at.flow, dir, &packet->seg, tracker->rules->midstream);
    }
    pair_moved(tracker, before, at.flow->pair);
    class = both_heard(at.flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW;
    fate_by_reason(fate, tracker->rules, outcome.reason, class);
    if (__builtin_expect(outcome.action == WEIR_TCP_ACT_REFUSE, 0)) {
        if (!weir_account_refused(at.flow, at.cold, &tracker->annex, dir, outcome.reason))
            tracker->counters.annex_full++;
    } else {
        tcp_account(tracker, at, dir, letters, packet, time_us, weir_outcome_touches(outcome));
    }
    fate_flow(tracker, fate, at, dir);
}

static void begin_tcp(struct weir_tracker *tracker, const struct weir_packet *packet, uint64_t hash,
                      uint64_t time_us, struct weir_fate *fate)
{
    struct weir_birth birth = weir_tcp_birth(&packet->seg, tracker->rules->midstream);
    struct place at;

    if (birth.reason != WEIR_REASON_NONE) {
        fate_by_reason(fate, tracker->rules, birth.reason, WEIR_CLASS_INVALID);
        return;
    }
    at = flow_new(tracker, packet, hash, time_us);
    if (at.record == WEIR_TABLE_NONE) {
        fate_by_reason(fate, tracker->rules, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    weir_tcp_begin(at.flow, birth, &packet->seg);
    set_originator(at.flow, packet->swapped ^ birth.dir);
    cold_begin(tracker, at, time_us);
    track_tcp(tracker, at, packet, birth.dir, time_us, fate);
}

/* Anything but TCP: both ends, their packets, and when the last one passed. */

static const uint8_t kind_timeout[] = {
    [WEIR_KIND_UDP] = WEIR_TIMEOUT_UDP_UNREPLIED,
    [WEIR_KIND_ICMP] = WEIR_TIMEOUT_ICMP,
    [WEIR_KIND_SCTP] = WEIR_TIMEOUT_SCTP_ESTABLISHED,
    [WEIR_KIND_OTHER] = WEIR_TIMEOUT_OTHER,
};

static void track_other(struct weir_tracker *tracker, struct place at,
                        const struct weir_packet *packet, unsigned int dir, uint64_t time_us,
                        struct weir_fate *fate)
{
    at.flow->peer[dir].flags |= WEIR_PEER_SEEN;
    if (!(at.flow->peer[dir].flags & WEIR_PEER_DATA)) {
        at.flow->peer[dir].flags |= WEIR_PEER_DATA;
        weir_history_add(at.cold, dir, WEIR_LETTER_DATA);
    }
    weir_account_packet(at.flow, at.cold, &tracker->annex, dir, packet->ip_len);
    if (time_us >= weir_flow_last(at.flow, time_us))
        weir_flow_set_last(at.flow, time_us);
    fate_by_reason(fate, tracker->rules, WEIR_REASON_NONE,
                   both_heard(at.flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW);
    fate_flow(tracker, fate, at, dir);
}

static void begin_other(struct weir_tracker *tracker, const struct weir_packet *packet,
                        uint64_t hash, uint64_t time_us, struct weir_fate *fate)
{
    struct place at = flow_new(tracker, packet, hash, time_us);

    if (at.record == WEIR_TABLE_NONE) {
        fate_by_reason(fate, tracker->rules, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    at.flow->pair = (uint8_t)(WEIR_PAIR_OTHER + kind_timeout[packet->kind]);
    set_originator(at.flow, packet->swapped);
    cold_begin(tracker, at, time_us);
    track_other(tracker, at, packet, WEIR_ORIG, time_us, fate);
}

/* An ICMP error belongs to the flow whose packet it quotes; it counts for none. */
static void track_quoted(struct weir_tracker *tracker, struct place at,
                         const struct weir_packet *packet, struct weir_fate *fate)
{
    fate_by_reason(fate, tracker->rules, WEIR_REASON_NONE, WEIR_CLASS_RELATED);
    fate_flow(tracker, fate, at, weir_flow_dir(at.flow, packet->swapped));
}

static void begin(struct weir_tracker *tracker, const struct weir_packet *packet, uint64_t hash,
                  uint64_t time_us, struct weir_fate *fate)
{
    if (packet->kind == WEIR_KIND_TCP)
        begin_tcp(tracker, packet, hash, time_us, fate);
    else if (packet->kind == WEIR_KIND_ICMP_ERROR)
        fate_by_reason(fate, tracker->rules, WEIR_REASON_NOT_TRACKED, WEIR_CLASS_UNTRACKED);
    else
        begin_other(tracker, packet, hash, time_us, fate);
}

static inline void track(struct weir_tracker *tracker, const struct weir_packet *packet,
                         uint64_t hash, uint32_t likely, uint64_t time_us, struct weir_fate *fate)
{
    struct weir_table *table = table_of(tracker, packet->family);
    uint32_t record = weir_table_find(table, hash, &packet->key4, likely);
    struct place at;

    if (__builtin_expect(record == WEIR_TABLE_NONE, 0)) {
        begin(tracker, packet, hash, time_us, fate);
        return;
    }
    at = place_at(table, record);
    if (__builtin_expect(expired(tracker->rules, at.flow, time_us), 0)) {
        flow_end(tracker, at, end_of(at.flow, WEIR_END_TIMEOUT));
        begin(tracker, packet, hash, time_us, fate);
        return;
    }
    if (__builtin_expect(packet->kind == WEIR_KIND_TCP, 1))
        track_tcp(tracker, at, packet, weir_flow_dir(at.flow, packet->swapped), time_us, fate);
    else if (packet->kind == WEIR_KIND_ICMP_ERROR)
        track_quoted(tracker, at, packet, fate);
    else
        track_other(tracker, at, packet, weir_flow_dir(at.flow, packet->swapped), time_us, fate);
}

/* The burst: one loop a stage */

static void burst_match(struct weir_tracker *tracker, const struct weir_packet *packet,
                        const uint64_t *hash, uint32_t *likely, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        if (packet[i].family != 0)
            weir_table_prefetch_bucket(table_of(tracker, packet[i].family), hash[i]);
    for (unsigned int i = 0; i < count; i++)
        likely[i] = packet[i].family == 0
                        ? WEIR_TABLE_NONE
                        : weir_table_match(table_of(tracker, packet[i].family), hash[i]);
}

static void count_fate(struct weir_counters *counters, const struct weir_packet *packet,
                       const struct weir_fate *fate)
{
    counters->bytes += packet->ip_len;
    counters->reason[fate->reason]++;
    counters->verdict[fate->verdict]++;
}

void weir_tracker_burst(struct weir_tracker *tracker, const struct weir_packet *packet,
                        const uint64_t *hash, const uint64_t *time_us, struct weir_fate *fate,
                        unsigned int count)
{
    uint32_t likely[WEIR_BURST_MAX];

    burst_match(tracker, packet, hash, likely, count);
    for (unsigned int i = 0; i < count; i++) {
        fate[i] = (struct weir_fate){0};
        if (time_us[i] > tracker->clock_us)
            tracker->clock_us = time_us[i];
        if (packet[i].reason != WEIR_REASON_NONE)
            fate_by_reason(&fate[i], tracker->rules, packet[i].reason, WEIR_CLASS_UNTRACKED);
        else
            track(tracker, &packet[i], hash[i], likely[i], time_us[i], &fate[i]);
        count_fate(&tracker->counters, &packet[i], &fate[i]);
    }
    tracker->counters.packets += count;
}
