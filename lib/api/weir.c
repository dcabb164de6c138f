/* SPDX-License-Identifier: BSD-3-Clause */
/* libweir's interface over lib/core: one block of memory, and names instead of numbers. */
#include <weir/weir.h>

#include <assert.h>
#include <string.h>

#include "core/parse.h"
#include "core/tracker.h"

/* A packet ends two flows at most: one that is expired, and one that gives way. */
#define ENDED_PER_PACKET 2U
#define OUTBOX_SIZE      2048U

struct weir {
    struct weir_rules rules;
    struct weir_tracker tracker;
    unsigned int how; /* WEIR_PARSE_* */
    struct weir_flow_copy outbox[OUTBOX_SIZE];
    /* of the burst in hand */
    struct weir_packet packet[WEIR_BURST_MAX];
    uint64_t hash[WEIR_BURST_MAX];
    uint64_t time_us[WEIR_BURST_MAX];
    uint32_t likely[WEIR_BURST_MAX];
    struct weir_fate fate[WEIR_BURST_MAX];
};

static_assert(sizeof(struct weir_hash_secret) == WEIR_SECRET_SIZE, "the public size of the secret");
static_assert(sizeof(((struct weir_connection *)0)->history) > WEIR_HISTORY_MAX,
              "the history fits its public room");
enum { PUBLIC_MAX = WEIR_FLOWS_MAX, TABLE_MAX = WEIR_TABLE_CAPACITY_MAX };
static_assert(PUBLIC_MAX == TABLE_MAX, "the public bound is the table's");

static size_t head_size(void)
{
    return (sizeof(struct weir) + WEIR_MEMORY_ALIGN - 1) & ~(size_t)(WEIR_MEMORY_ALIGN - 1);
}

void weir_setup_default(struct weir_setup *setup)
{
    *setup = (struct weir_setup){.flows4 = 65536, .flows6 = 16384};
}

size_t weir_size(const struct weir_setup *setup)
{
    size_t size = weir_tracker_size(setup->flows4, setup->flows6);

    return size == 0 ? 0 : head_size() + size;
}

static unsigned int how_of(const struct weir_setup *setup)
{
    unsigned int how = WEIR_PARSE_ALL;

    if (!setup->ignore_checksums)
        how |= WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM;
    if (setup->cut)
        how |= WEIR_PARSE_CUT;
    if (setup->ignore_vlans)
        how |= WEIR_PARSE_NO_ZONE;
    return how;
}

struct weir *weir_make(const struct weir_setup *setup, void *memory)
{
    struct weir *weir = memory;
    size_t size = weir_size(setup);
    struct weir_timeouts timeouts;

    if (size == 0 || memory == NULL || (uintptr_t)memory % WEIR_MEMORY_ALIGN != 0)
        return NULL;
    if (weir_tcp_pairs.count == 0 &&
        weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints) < 0)
        return NULL;
    memset(memory, 0, size);
    weir_timeouts_profile(&timeouts, setup->rfc_timeouts ? WEIR_PROFILE_RFC : WEIR_PROFILE_DEFAULT);
    weir_rules_init(&weir->rules, &timeouts);
    memcpy(&weir->rules.secret, setup->secret, sizeof(weir->rules.secret));
    weir->rules.midstream = setup->strict ? WEIR_MIDSTREAM_STRICT : WEIR_MIDSTREAM_LOOSE;
    weir->rules.records = true;
    weir->how = how_of(setup);
    if (weir_tracker_init(&weir->tracker, (uint8_t *)memory + head_size(), setup->flows4,
                          setup->flows6, &weir->rules, weir->outbox, OUTBOX_SIZE) < 0)
        return NULL;
    return weir;
}

static const char *state_text(unsigned int state)
{
    return state == WEIR_STATE_NONE ? NULL : weir_tcp_state_name(state);
}

static const char *reason_text(unsigned int reason)
{
    return reason == WEIR_REASON_NONE ? NULL : weir_reason_name(reason);
}

static void answer_fill(const struct weir_fate *fate, struct weir_answer *answer)
{
    uint8_t state[2] = {WEIR_STATE_NONE, WEIR_STATE_NONE};

    if (fate->family != 0)
        weir_pair_states(fate->pair, state);
    *answer = (struct weir_answer){
        .refused = fate->verdict != WEIR_VERDICT_FORWARD,
        .resp = fate->family != 0 && fate->dir == WEIR_RESP,
        .reason = reason_text(fate->reason),
        .text = fate->reason == WEIR_REASON_NONE ? NULL : weir_reason_text(fate->reason),
        .class_of = weir_class_name(fate->class),
        .flow = fate->flow_id,
        .state = {state_text(state[WEIR_ORIG]), state_text(state[WEIR_RESP])},
    };
}

/* As many as one call takes: so that every flow that they may end finds room. */
static unsigned int burst_count(const struct weir *weir, unsigned int count)
{
    unsigned int room = (weir->tracker.outbox.size - weir->tracker.outbox.count) / ENDED_PER_PACKET;

    if (count > WEIR_BURST_MAX)
        count = WEIR_BURST_MAX;
    return count < room ? count : room;
}

unsigned int weir_track(struct weir *weir, const struct weir_frame *frame, unsigned int count,
                        struct weir_answer *answer)
{
    const struct weir_tracker_burst burst = {
        .packet = weir->packet,
        .hash = weir->hash,
        .time_us = weir->time_us,
        .likely = weir->likely,
        .fate = weir->fate,
        .count = burst_count(weir, count),
    };

    for (unsigned int i = 0; i < burst.count; i++) {
        struct weir_packet *packet = &weir->packet[i];

        weir_parse(frame[i].data, frame[i].len, weir->how, packet);
        weir->time_us[i] = frame[i].time_us;
        weir->hash[i] = packet->family == 0 ? 0 : weir_packet_hash(&weir->rules.secret, packet);
    }
    weir->tracker.want_ids = answer != NULL;
    weir_tracker_match(&weir->tracker, weir->packet, weir->hash, weir->likely, burst.count);
    weir_tracker_track(&weir->tracker, &burst);
    for (unsigned int i = 0; answer != NULL && i < burst.count; i++)
        answer_fill(&weir->fate[i], &answer[i]);
    return burst.count;
}

void weir_sweep(struct weir *weir, uint64_t now_us, unsigned int looks)
{
    weir_tracker_sweep(&weir->tracker, now_us, looks);
}

static void connection_fill(const struct weir_flow_view *view, struct weir_connection *connection)
{
    *connection = (struct weir_connection){
        .id = view->id,
        .start_us = view->start_us,
        .end_us = view->end_us,
        .family = view->family,
        .proto = view->proto,
        .end = weir_end_name(view->end),
        .reason = reason_text(view->reason),
    };
    for (unsigned int dir = 0; dir < 2; dir++) {
        connection->packets[dir] = view->packets[dir];
        connection->bytes[dir] = view->bytes[dir];
        connection->refused[dir] = view->refused[dir];
        connection->port[dir] = view->port[dir];
        connection->vlan[dir] = view->vlan[dir] == WEIR_VLAN_NONE ? -1 : view->vlan[dir];
        connection->state[dir] = state_text(view->state[dir]);
        memcpy(connection->address[dir], view->addr[dir], sizeof(connection->address[dir]));
    }
    memcpy(connection->history, view->history, sizeof(view->history));
}

unsigned int weir_ended(struct weir *weir, struct weir_connection *connection, unsigned int room)
{
    struct weir_outbox *outbox = &weir->tracker.outbox;
    unsigned int count = outbox->count < room ? outbox->count : room;

    for (unsigned int i = 0; i < count; i++) {
        struct weir_flow_view view;

        weir_flow_copy_view(&outbox->ended[i], &view);
        connection_fill(&view, &connection[i]);
    }
    outbox->count -= count;
    memmove(outbox->ended, outbox->ended + count, outbox->count * sizeof(outbox->ended[0]));
    return count;
}

unsigned int weir_list(const struct weir *weir, uint64_t *cursor,
                       struct weir_connection *connection, unsigned int room)
{
    const uint64_t end = weir_tracker_walk_end(&weir->tracker);
    unsigned int count = 0;

    while (count < room && *cursor < end) {
        struct weir_flow_copy copy;
        struct weir_flow_view view;

        if (weir_tracker_walk(&weir->tracker, cursor, &copy, 1, WEIR_TABLE_CAPACITY_MAX) == 0)
            continue;
        weir_flow_copy_view(&copy, &view);
        connection_fill(&view, &connection[count++]);
    }
    return count;
}

bool weir_close(struct weir *weir, uint64_t now_us)
{
    return weir_tracker_close(&weir->tracker, now_us, WEIR_END_ACTIVE);
}

uint64_t weir_count(const struct weir *weir)
{
    return (uint64_t)weir->tracker.table[0].count + weir->tracker.table[1].count;
}
