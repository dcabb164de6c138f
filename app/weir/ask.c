/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include "weir/workers.h"

#define ASKS_SIZE  1024U
#define ASKS_POLL  24U   /* asks taken a poll, at most */
#define COPIES     2048U /* room of a listing's ring */
#define SLICE      24U   /* records copied a slice, at most */
#define SLICE_LOOK 4096U /* records looked at a slice, at most; empty stretches go by 64 */
#define SEEK_LOOK  256U  /* the same where one flow is looked for: that takes as long */
#define SLICE_USEC 20U   /* that a slice may be taken for, however long it was interrupted */
#define SLICE_PART 96U   /* of a busy worker's time that slices may take, at most */

struct weir_listing {
    struct weir_fleet *fleet;
    uint64_t id;                             /* of the one flow that is looked for; 0: all */
    struct rte_ring *ring[WEIR_WORKERS_MAX]; /* struct weir_flow_copy; family 0 ends it */
    bool over[WEIR_WORKERS_MAX];             /* the end has been read */
    atomic_bool cancelled;
    bool closed; /* the reader is gone; to be freed when all parts are over */
};

int weir_asks_make(struct weir_asks *asks, unsigned int worker, int socket)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "weir_asks_%u", worker);
    asks->ring = rte_ring_create_elem(name, sizeof(struct weir_ask), ASKS_SIZE, socket,
                                      RING_F_SP_ENQ | RING_F_SC_DEQ);
    return asks->ring == NULL ? -ENOMEM : 0;
}

/* The worker's side */

static void listing_begin(struct weir_asks *asks, struct weir_listing *listing)
{
    for (unsigned int i = 0; i < WEIR_LISTINGS_MAX; i++)
        if (asks->part[i].listing == NULL) {
            asks->part[i] = (struct weir_listing_part){listing, 0};
            return;
        }
}

static void flow_end_asked(struct weir_worker *worker, const struct weir_ask *ask)
{
    bool ended = weir_tracker_end(&worker->tracker, ask->flow.family, ask->flow.record,
                                  ask->flow.id, (enum weir_end)ask->flow.end);

    if (ended && ask->flow.ended != NULL)
        atomic_fetch_add_explicit(ask->flow.ended, 1, memory_order_relaxed);
    if (ask->flow.handled != NULL)
        atomic_fetch_add_explicit(ask->flow.handled, 1, memory_order_release);
}

static bool traces_wanted(const struct weir_worker *worker)
{
    for (unsigned int i = 0; i < WEIR_TRACES_MAX; i++)
        if (worker->asks.trace[i].number != 0)
            return true;
    return worker->fleet->settings->trace_file[0] != '\0';
}

static void ask_take(struct weir_worker *worker, const struct weir_ask *ask)
{
    switch (ask->kind) {
    case WEIR_ASK_LIST:
        listing_begin(&worker->asks, ask->listing);
        break;
    case WEIR_ASK_END:
        flow_end_asked(worker, ask);
        break;
    case WEIR_ASK_WATCH:
        worker->tracker.events.watch = ask->watch;
        break;
    case WEIR_ASK_TRACE:
        worker->asks.trace[ask->trace.place] = ask->trace.filter;
        worker->tracker.want_ids = traces_wanted(worker);
        break;
    }
}

/* Returns whether the part is over. */
static bool listing_slice(struct weir_worker *worker, struct weir_listing_part *part)
{
    struct rte_ring *ring = part->listing->ring[worker->id];
    struct weir_flow_copy copy[SLICE];
    unsigned int room = rte_ring_free_count(ring);
    unsigned int count;

    if (room == 0)
        return false;
    if (atomic_load_explicit(&part->listing->cancelled, memory_order_relaxed))
        part->cursor = weir_tracker_walk_end(&worker->tracker);
    if (part->cursor == weir_tracker_walk_end(&worker->tracker)) {
        copy[0].family = 0;
        rte_ring_sp_enqueue_bulk_elem(ring, copy, sizeof(copy[0]), 1, NULL);
        return true; /* from here on the control core may free it */
    }
    if (part->listing->id != 0)
        count =
            weir_tracker_seek(&worker->tracker, &part->cursor, part->listing->id, copy, SEEK_LOOK);
    else
        count = weir_tracker_walk(&worker->tracker, &part->cursor, copy, RTE_MIN(room, SLICE),
                                  SLICE_LOOK);
    rte_ring_sp_enqueue_bulk_elem(ring, copy, sizeof(copy[0]), count, NULL);
    return false;
}

static bool listings_go_on(struct weir_worker *worker)
{
    struct weir_asks *asks = &worker->asks;

    for (unsigned int i = 0; i < WEIR_LISTINGS_MAX; i++) {
        struct weir_listing_part *part = &asks->part[++asks->turn % WEIR_LISTINGS_MAX];

        if (part->listing == NULL)
            continue;
        if (listing_slice(worker, part))
            part->listing = NULL;
        return true;
    }
    return false;
}

void weir_asks_poll(struct weir_worker *worker)
{
    struct weir_ask ask[ASKS_POLL];
    unsigned int count =
        rte_ring_sc_dequeue_burst_elem(worker->asks.ring, ask, sizeof(ask[0]), ASKS_POLL, NULL);
    uint64_t begun;
    uint64_t took;

    for (unsigned int i = 0; i < count; i++)
        ask_take(worker, &ask[i]);
    if (!worker->poll_idle && worker->poll_tsc < worker->asks.slice_tsc)
        return;
    begun = rte_rdtsc();
    if (!listings_go_on(worker))
        return;
    took = RTE_MIN(rte_rdtsc() - begun, rte_get_tsc_hz() / 1000000 * SLICE_USEC);
    worker->asks.slice_tsc = begun + SLICE_PART * took;
}

static bool prefix_matches(const uint8_t *addr, const uint8_t *prefix, unsigned int len)
{
    unsigned int bytes = len / 8;

    if (memcmp(addr, prefix, bytes) != 0)
        return false;
    return len % 8 == 0 || ((addr[bytes] ^ prefix[bytes]) & 0xff00U >> len % 8) == 0;
}

/* Do the key's ends, turned round or not, match the filter's two? */
static bool ends_match(const struct weir_trace_filter *filter, const struct weir_packet *packet,
                       unsigned int turn)
{
    const struct weir_key_tail *tail =
        packet->family == 6 ? &packet->key6.tail : &packet->key4.tail;

    for (unsigned int end = 0; end < 2; end++) {
        const uint8_t *addr = packet->family == 6 ? packet->key6.addr[end ^ turn]
                                                  : (const uint8_t *)&packet->key4.addr[end ^ turn];

        if (!prefix_matches(addr, filter->addr[end], filter->prefix_len[end]))
            return false;
        if (filter->port[end] != 0 &&
            filter->port[end] != __builtin_bswap16(tail->port[end ^ turn]))
            return false;
    }
    return true;
}

bool weir_trace_matches(const struct weir_trace_filter *filter, const struct weir_packet *packet)
{
    bool any_end =
        filter->prefix_len[0] + filter->prefix_len[1] + filter->port[0] + filter->port[1] == 0;

    if (filter->number == 0)
        return false;
    if (packet->family == 0)
        return filter->family == 0 && filter->proto == 0 && any_end;
    if (filter->family != 0 && filter->family != packet->family)
        return false;
    if (filter->proto != 0 &&
        filter->proto !=
            weir_key_proto(packet->family == 6 ? &packet->key6.tail : &packet->key4.tail))
        return false;
    return any_end || ends_match(filter, packet, 0) || ends_match(filter, packet, 1);
}

/* The control core's side */

static bool ask_all(struct weir_fleet *fleet, const struct weir_ask *ask)
{
    bool all = true;

    for (unsigned int id = 0; id < fleet->count; id++)
        all &= rte_ring_sp_enqueue_bulk_elem(fleet->worker[id]->asks.ring, ask, sizeof(*ask), 1,
                                             NULL) == 1;
    return all;
}

static void listing_free(struct weir_listing *listing)
{
    for (unsigned int id = 0; id < listing->fleet->count; id++)
        rte_ring_free(listing->ring[id]);
    free(listing);
}

static bool rings_make(struct weir_listing *listing, unsigned int slot)
{
    for (unsigned int id = 0; id < listing->fleet->count; id++) {
        char name[RTE_RING_NAMESIZE];

        snprintf(name, sizeof(name), "weir_list_%u_%u", slot, id);
        listing->ring[id] = rte_ring_create_elem(name, sizeof(struct weir_flow_copy), COPIES,
                                                 SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (listing->ring[id] == NULL)
            return false;
    }
    return true;
}

/* Is there room for one more ask in every worker's ring? Only the control core fills them. */
static bool asks_have_room(const struct weir_fleet *fleet)
{
    for (unsigned int id = 0; id < fleet->count; id++)
        if (rte_ring_free_count(fleet->worker[id]->asks.ring) == 0)
            return false;
    return true;
}

struct weir_listing *weir_listing_open(struct weir_fleet *fleet, uint64_t id)
{
    struct weir_listing *listing;
    unsigned int slot = 0;

    while (slot < WEIR_LISTINGS_MAX && fleet->listing[slot] != NULL)
        slot++;
    if (slot == WEIR_LISTINGS_MAX || !asks_have_room(fleet))
        return NULL;
    listing = calloc(1, sizeof(*listing));
    if (listing == NULL)
        return NULL;
    listing->fleet = fleet;
    listing->id = id;
    if (!rings_make(listing, slot)) {
        listing_free(listing);
        return NULL;
    }
    fleet->listing[slot] = listing;
    ask_all(fleet, &(struct weir_ask){.kind = WEIR_ASK_LIST, .listing = listing});
    return listing;
}

unsigned int weir_listing_next(struct weir_listing *listing, struct weir_flow_copy *copy,
                               unsigned int *worker, unsigned int room, bool *over)
{
    unsigned int count = 0;

    *over = true;
    for (unsigned int id = 0; id < listing->fleet->count; id++) {
        unsigned int got = 0;

        if (!listing->over[id])
            got = rte_ring_sc_dequeue_burst_elem(listing->ring[id], copy + count, sizeof(*copy),
                                                 room - count, NULL);
        for (unsigned int i = 0; i < got; i++)
            worker[count + i] = id;
        if (got > 0 && copy[count + got - 1].family == 0) {
            listing->over[id] = true;
            got--;
        }
        count += got;
        *over = *over && listing->over[id];
    }
    return count;
}

void weir_listing_close(struct weir_listing *listing)
{
    atomic_store_explicit(&listing->cancelled, true, memory_order_relaxed);
    listing->closed = true;
    weir_listings_reap(listing->fleet);
}

void weir_listings_reap(struct weir_fleet *fleet)
{
    for (unsigned int slot = 0; slot < WEIR_LISTINGS_MAX; slot++) {
        struct weir_listing *listing = fleet->listing[slot];
        struct weir_flow_copy copy[SLICE];
        unsigned int worker[SLICE];
        bool over = false;

        if (listing == NULL || !listing->closed)
            continue;
        while (weir_listing_next(listing, copy, worker, SLICE, &over) > 0)
            ;
        if (!over)
            continue;
        listing_free(listing);
        fleet->listing[slot] = NULL;
    }
}

bool weir_flow_ask_end(struct weir_fleet *fleet, unsigned int worker,
                       const struct weir_flow_copy *copy, uint64_t id, enum weir_end end,
                       atomic_uint_fast64_t *ended, atomic_uint_fast64_t *handled)
{
    struct weir_ask ask = {.kind = WEIR_ASK_END};

    /* Whatever is asked already, its records are to find room beside those of the traffic. */
    if (rte_ring_free_count(fleet->worker[worker]->flows) < 2 * ASKS_SIZE)
        return false;
    ask.flow.id = id;
    ask.flow.record = copy->record;
    ask.flow.family = copy->family;
    ask.flow.end = (uint8_t)end;
    ask.flow.ended = ended;
    ask.flow.handled = handled;
    return rte_ring_sp_enqueue_bulk_elem(fleet->worker[worker]->asks.ring, &ask, sizeof(ask), 1,
                                         NULL) == 1;
}

bool weir_watch_set(struct weir_fleet *fleet, uint32_t watch)
{
    return asks_have_room(fleet) &&
           ask_all(fleet, &(struct weir_ask){.kind = WEIR_ASK_WATCH, .watch = watch});
}

bool weir_trace_set(struct weir_fleet *fleet,
                    const struct weir_trace_filter filter[WEIR_TRACES_MAX])
{
    bool all = true;

    for (unsigned int i = 0; i < WEIR_TRACES_MAX; i++)
        all &= ask_all(fleet, &(struct weir_ask){.kind = WEIR_ASK_TRACE,
                                                 .trace = {.place = i, .filter = filter[i]}});
    return all;
}
