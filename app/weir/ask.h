/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks: what the control core wants of a worker, and how it gets it without stopping anybody.
 *
 *   control core --- asks (single producer, single consumer ring) ---> worker
 *   control core <-- copies of records (a ring per listing and worker) --- worker
 *
 * A worker looks at its asks between bursts. A listing goes on a slice at a time, in each idle
 * poll, and on a busy worker in a bounded part of its time; it waits while its ring is full, so
 * that a slow reader costs the worker nothing.
 *
 * The control core's functions are for the control core's thread only, the worker's for its own.
 */
#ifndef WEIR_APP_ASK_H
#define WEIR_APP_ASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "core/tracker.h"

#define WEIR_LISTINGS_MAX 8U /* under way at once */
#define WEIR_TRACES_MAX   8U /* likewise */

struct weir_fleet;
struct weir_worker;

/* Which packets to trace; a field that is zero matches anything. Matched against the packet's key.
 */
struct weir_trace_filter {
    uint16_t number; /* names it; 0: no filter, matches nothing */
    uint8_t family;  /* 4 or 6 */
    uint8_t proto;
    uint8_t prefix_len[2]; /* of addr[]; either end of the packet may match either */
    uint8_t addr[2][16];   /* wire order */
    uint16_t port[2];      /* host order; likewise */
};

enum weir_ask_kind {
    WEIR_ASK_LIST,  /* copy all records into a ring */
    WEIR_ASK_END,   /* end one flow */
    WEIR_ASK_WATCH, /* send events of these kinds from now on */
    WEIR_ASK_TRACE, /* trace the packets of this filter, in the place of another, from now on */
};

struct weir_listing;

struct weir_ask {
    enum weir_ask_kind kind;
    union {
        struct weir_listing *listing;
        struct {
            uint64_t id;
            uint32_t record;
            uint8_t family;
            uint8_t end; /* enum weir_end */
            atomic_uint_fast64_t
                *ended; /* counts up if the flow was still there; NULL: nobody counts */
            atomic_uint_fast64_t
                *handled; /* counts up in any case; the last thing the worker does */
        } flow;
        uint32_t watch; /* bit per enum weir_event_kind */
        struct {
            unsigned int place;
            struct weir_trace_filter filter;
        } trace;
    };
};

/* A listing as a worker goes on with it. */
struct weir_listing_part {
    struct weir_listing *listing; /* NULL: free */
    uint64_t cursor;
};

/* A worker's side: its asks and the listings it is at. */
struct weir_asks {
    struct rte_ring *ring; /* struct weir_ask */
    struct weir_listing_part part[WEIR_LISTINGS_MAX];
    unsigned int turn;
    uint64_t slice_tsc; /* before which a busy worker does no further slice */
    struct weir_trace_filter trace[WEIR_TRACES_MAX];
};

/* Make the ask ring of a worker. Returns 0 or -ENOMEM. */
int weir_asks_make(struct weir_asks *asks, unsigned int worker, int socket);

/* Worker: take what has been asked, do a slice of one listing if it is time. */
void weir_asks_poll(struct weir_worker *worker);

/* Worker: is this packet to be traced? */
bool weir_trace_matches(const struct weir_trace_filter *filter, const struct weir_packet *packet);

/*
 * Control core: begin a listing of all flows of all workers, or with id of that one. Returns NULL
 * if WEIR_LISTINGS_MAX are under way or memory is short.
 */
struct weir_listing *weir_listing_open(struct weir_fleet *fleet, uint64_t id);

/*
 * Control core: the next flows of a listing, up to room, as far as they have come; fewer, or none,
 * does not mean the end: *over says that. worker[i] is the number of the worker that has copy[i].
 */
unsigned int weir_listing_next(struct weir_listing *listing, struct weir_flow_copy *copy,
                               unsigned int *worker, unsigned int room, bool *over);

/* Control core: done with a listing, at its end or before; what it used is freed in time. */
void weir_listing_close(struct weir_listing *listing);

/* Control core: free listings that were closed before their end, once the workers have let go. */
void weir_listings_reap(struct weir_fleet *fleet);

/*
 * Control core: ask worker to end the flow that a listing showed. Returns false if its ring is
 * full, or that of its records nearly so: serve the workers, then try again. See struct weir_ask
 * for ended and handled.
 */
bool weir_flow_ask_end(struct weir_fleet *fleet, unsigned int worker,
                       const struct weir_flow_copy *copy, uint64_t id, enum weir_end end,
                       atomic_uint_fast64_t *ended, atomic_uint_fast64_t *handled);

/* Control core: what all workers are to watch and to trace. Returns false if a ring was full. */
bool weir_watch_set(struct weir_fleet *fleet, uint32_t watch);
bool weir_trace_set(struct weir_fleet *fleet,
                    const struct weir_trace_filter filter[WEIR_TRACES_MAX]);

#endif
