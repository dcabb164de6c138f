/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events and live traces: from the workers' rings to those who read them.
 *
 *   worker --- events, traces (rings) ---> control core --- lines, by filter ---> subscriber's room
 *
 * Each subscriber has room for so many octets of lines. What finds none is lost and counted, and a
 * line that says so takes its place. Used by the control core only.
 */
#ifndef WEIR_APP_EVENTS_H
#define WEIR_APP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/filter.h"
#include "weir/workers.h"

#define WEIR_SUBSCRIBERS_MAX 32U

struct weir_subscriber;

struct weir_events {
    struct weir_subscriber *subscriber[WEIR_SUBSCRIBERS_MAX];
    uint64_t lost_by_workers; /* events, as of the last look, and */
    uint64_t traces_lost_by_workers;
    uint32_t watch;                                  /* what workers were last told to watch */
    struct weir_trace_filter trace[WEIR_TRACES_MAX]; /* and to trace */
    uint16_t traces;                                 /* number of the last one begun */
    bool told;                                       /* they have been told all that */
    uint32_t also;                                   /* kinds that are wanted apart from readers */
    void (*tell)(void *context, const struct weir_event *event); /* of those */
    void *context;
};

/*
 * Begin to read events (kinds: bit per enum weir_event_kind), or with kinds 0 the packets of trace.
 * Returns 0, -EBUSY if there is no more room for readers, -EALREADY if WEIR_TRACES_MAX trace,
 * -ENOMEM.
 */
int weir_subscribe(struct weir_events *events, const struct weir_filter *filter, unsigned int kinds,
                   const struct weir_trace_filter *trace, struct weir_subscriber **subscriber);

/* NULL is no error. */
void weir_unsubscribe(struct weir_events *events, struct weir_subscriber *subscriber);

/* Lines for the reader, as many as fit into size octets; returns their length. */
size_t weir_subscriber_read(struct weir_subscriber *subscriber, char *text, size_t size);

/* Is there something to read; has it got as much as its filter's limit allows? */
bool weir_subscriber_ready(const struct weir_subscriber *subscriber);
bool weir_subscriber_over(const struct weir_subscriber *subscriber);

/* Events of these kinds go to events->tell too. */
void weir_events_also(struct weir_events *events, uint32_t kinds);

/* Tell the workers what is wanted, as far as they have not been told. */
void weir_events_tell(struct weir_events *events, struct weir_fleet *fleet);

/*
 * Take what a worker has sent, at most so many. Lost lines are added to *lost. Returns the number
 * of events.
 */
unsigned int weir_events_take(struct weir_events *events, struct weir_worker *worker,
                              unsigned int limit, uint64_t now_us, uint64_t *lost);

/* Look what workers have lost for want of room in their rings, and tell whoever reads. */
void weir_events_losses(struct weir_events *events, const struct weir_fleet *fleet);

/* One packet's fate for whoever traces. */
void weir_events_trace(struct weir_events *events, const struct weir_trace_view *trace,
                       uint64_t *lost);

unsigned int weir_events_subscribers(const struct weir_events *events);

#endif
