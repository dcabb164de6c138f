/* SPDX-License-Identifier: BSD-3-Clause */
/* Where trackers and flows begin. */
#include <errno.h>
#include <string.h>

#include "core/tracker_in.h"

#define USEC 1000000U

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
                      const struct weir_rules *rules, struct weir_flow_copy *outbox,
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

static void start_set(struct weir_flow_cold *cold, uint64_t time_us)
{
    for (unsigned int i = 0; i < 3; i++)
        cold->start[i] = (uint16_t)(time_us >> 16 * i);
}

void weir_place_begin(struct weir_tracker *tracker, const struct weir_place *at,
                      const struct weir_passage *p)
{
    start_set(at->cold, p->time_us);
    weir_flow_set_last(at->flow, p->time_us);
    at->cold->reopened = p->packet->epoch & 3U;
    at->cold->port = p->packet->port < WEIR_FLOW_PORT_MAX ? p->packet->port & WEIR_FLOW_PORT_MAX
                                                          : WEIR_FLOW_PORT_MAX;
    tracker->counters.created++;
    tracker->counters.pair[at->flow->pair]++;
    if (weir_tracker_watched(tracker, WEIR_EVENT_NEW))
        weir_tracker_event(tracker, WEIR_EVENT_NEW, weir_tracker_family(tracker, at->table),
                           at->record, 0, 0);
}

bool weir_place_new(struct weir_tracker *tracker, const struct weir_passage *p,
                    struct weir_place *at)
{
    struct weir_table *table = weir_tracker_table(tracker, p->packet->family);
    uint32_t record = weir_table_insert(table, p->hash, &p->packet->key4);

    if (__builtin_expect(record == WEIR_TABLE_NONE, 0) &&
        weir_tracker_evict(tracker, table, p->time_us))
        record = weir_table_insert(table, p->hash, &p->packet->key4);
    if (record == WEIR_TABLE_NONE)
        return false;
    *at = weir_place_at(table, record);
    return true;
}

void weir_flow_set_originator(struct weir_flow *flow, bool higher)
{
    flow->peer[WEIR_RESP].flags &= (uint8_t)~WEIR_PEER_EXTRA;
    flow->peer[WEIR_RESP].flags |= higher ? WEIR_PEER_EXTRA : 0;
}

bool weir_tracker_admits(struct weir_tracker *tracker, const struct weir_passage *p)
{
    unsigned int policy = p->order & WEIR_ORDER_POLICY;

    if (policy == WEIR_POLICY_UNKNOWN)
        policy = tracker->judge == NULL ? WEIR_POLICY_ALLOW
                                        : tracker->judge(tracker->judge_context, p->packet);
    switch (policy) {
    case WEIR_POLICY_DROP:
        weir_fate_by_reason(p, WEIR_REASON_POLICY_DROP, WEIR_CLASS_INVALID);
        break;
    case WEIR_POLICY_REJECT:
        weir_fate_by_reason(p, WEIR_REASON_POLICY_REJECT, WEIR_CLASS_INVALID);
        if (p->fate->verdict == WEIR_VERDICT_DROP)
            p->fate->verdict = WEIR_VERDICT_ANSWER;
        break;
    case WEIR_POLICY_NOTRACK:
        weir_fate_by_reason(p, WEIR_REASON_POLICY_NOTRACK, WEIR_CLASS_UNTRACKED);
        break;
    default:
        return true;
    }
    return false;
}
