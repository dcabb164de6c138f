/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tracker shows of its flows: numbers, copies, views, walks, events. */
#include <string.h>

#include "core/account.h"
#include "core/tracker_in.h"

void weir_pair_states(unsigned int pair, uint8_t state[2])
{
    if (pair < WEIR_PAIR_OTHER)
        memcpy(state, weir_tcp_pairs.state[pair], 2);
    else
        memset(state, WEIR_STATE_NONE, 2);
}

static uint64_t mix(uint64_t x)
{
    /* The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

/* The start, whole again: the 48 bits kept, as the time nearest to now. */
static uint64_t start_time(const struct weir_flow_cold *cold, uint64_t now_us)
{
    uint64_t mask = ((uint64_t)1 << 48) - 1;
    uint64_t limit = now_us + ((uint64_t)1 << 47);

    return limit - ((limit - weir_flow_start_low(cold)) & mask);
}

/*
 * A flow's number, from its key and start alone, so that it is the same whatever worker made it.
 * Two flows of one key that begin in the same microsecond differ in `reopened`.
 */
static uint64_t key_id(const struct weir_flow *flow, const struct weir_flow_cold *cold,
                       size_t key_len)
{
    uint64_t id = weir_flow_start_low(cold) | (uint64_t)cold->reopened << 48;

    for (size_t i = 0; i < key_len; i += 8) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)flow->key + i, 8);
        id = mix(id + word + 0x9e3779b97f4a7c15U);
    }
    return id ? id : 1;
}

uint64_t weir_table_id(const struct weir_table *table, uint32_t record)
{
    return key_id(weir_table_flow(table, record), weir_table_cold(table, record), table->key_len);
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

void weir_flow_copy_view(const struct weir_flow_copy *copy, struct weir_flow_view *view)
{
    const struct weir_flow *flow = &copy->flow;
    const struct weir_key_tail *tail =
        copy->family == 6 ? &weir_flow_key6(flow)->tail : &flow->key->tail;

    memset(view, 0, sizeof(*view));
    weir_account_total(flow, &copy->cold, copy->annexed ? &copy->annex : NULL, &view->totals);
    view_ends(copy, view);
    view->id = key_id(flow, &copy->cold,
                      copy->family == 6 ? sizeof(struct weir_key6) : sizeof(struct weir_key4));
    view->start_us = start_time(&copy->cold, copy->clock_us);
    view->end_us = weir_flow_last(flow, copy->clock_us);
    view->vlan[0] = (uint16_t)(tail->zone_proto >> 12 & 0xfffU);
    view->vlan[1] = (uint16_t)(tail->zone_proto & 0xfffU);
    weir_pair_states(flow->pair, view->state);
    view->family = copy->family;
    view->proto = weir_key_proto(tail);
    view->end = copy->end;
    view->reason = copy->cold.reason;
    weir_history_text(&copy->cold, view->history);
}

void weir_tracker_copy(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_copy *copy)
{
    const struct weir_table *table = &tracker->table[family == 6];
    const struct weir_flow *flow = weir_table_flow(table, record);

    copy->family = (uint8_t)family;
    copy->end = (uint8_t)end;
    copy->record = record;
    copy->clock_us = tracker->clock_us;
    copy->annexed = (flow->peer[WEIR_ORIG].flags & WEIR_PEER_EXTRA) != 0;
    if (family == 4) /* of a length that the compiler knows */
        memcpy(copy->hot, flow, WEIR_FLOW4_SIZE);
    else
        memcpy(copy->hot, flow, sizeof(copy->hot));
    copy->cold = *weir_table_cold(table, record);
    if (copy->annexed)
        copy->annex = tracker->annex.entry[copy->cold.annex];
}

void weir_tracker_view(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_view *view)
{
    struct weir_flow_copy copy;

    weir_tracker_copy(tracker, family, record, end, &copy);
    weir_flow_copy_view(&copy, view);
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
        while (count < room && weir_table_next_used(table, &at, end))
            weir_tracker_copy(tracker, i == 0 ? 4 : 6, at++, WEIR_END_ACTIVE, &copy[count++]);
        *cursor = base + (at < end || count == room ? at : end);
        break;
    }
    return count;
}

/* The table that a cursor is in, and where; NULL: it is beyond both. */
static const struct weir_table *cursor_table(const struct weir_tracker *tracker, uint64_t cursor,
                                             uint32_t *at)
{
    uint64_t first = tracker->table[0].capacity;

    if (cursor >= weir_tracker_walk_end(tracker))
        return NULL;
    *at = (uint32_t)(cursor < first ? cursor : cursor - first);
    return &tracker->table[cursor >= first];
}

unsigned int weir_tracker_seek(const struct weir_tracker *tracker, uint64_t *cursor, uint64_t id,
                               struct weir_flow_copy *copy, unsigned int looks)
{
    uint32_t begin = 0;
    const struct weir_table *table = cursor_table(tracker, *cursor, &begin);
    uint32_t at = begin;
    uint32_t end;

    if (table == NULL)
        return 0;
    end = table->capacity - at > looks ? at + looks : table->capacity;
    while (weir_table_next_used(table, &at, end)) {
        if (weir_table_id(table, at++) != id)
            continue;
        *cursor += at - begin;
        weir_tracker_copy(tracker, table == &tracker->table[0] ? 4 : 6, at - 1, WEIR_END_ACTIVE,
                          copy);
        return 1;
    }
    *cursor += end - begin;
    return 0;
}

void weir_tracker_event(struct weir_tracker *tracker, enum weir_event_kind kind,
                        unsigned int family, uint32_t record, unsigned int reason,
                        unsigned int pair_before)
{
    struct weir_event_box *box = &tracker->events;
    struct weir_event *event;

    if (box->count >= box->size) {
        tracker->counters.events_lost++;
        return;
    }
    weir_letters_enter(tracker);
    event = &box->event[box->count++];
    event->kind = (uint8_t)kind;
    event->reason = (uint8_t)reason;
    weir_pair_states(pair_before, event->state_before);
    event->time_us = tracker->clock_us;
    weir_tracker_view(tracker, family, record, WEIR_END_ACTIVE, &event->flow);
}
