/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ring_elem.h>

#include "weir/record.h"

#define ROOM     (256U * 1024) /* octets a subscriber can lag behind */
#define LOST_MAX 64U           /* octets of a line that tells of a loss */
#define TAKE     64U

struct weir_subscriber {
    struct weir_filter filter;
    unsigned int kinds; /* 0: it traces */
    struct weir_trace_filter trace;
    uint64_t lost;       /* lines, since it was last told */
    uint64_t unfiltered; /* events, by the workers, likewise */
    uint64_t lines;      /* it was given */
    size_t begin, used;  /* of text, a ring */
    char text[ROOM];
};

static bool wanted(const struct weir_subscriber *subscriber, unsigned int kind)
{
    return subscriber != NULL && (subscriber->kinds >> kind & 1U) != 0;
}

/* Who traces with this filter; NULL: nobody any more. */
static struct weir_subscriber *tracer(const struct weir_events *events, uint16_t number)
{
    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++)
        if (events->subscriber[i] != NULL && events->subscriber[i]->trace.number == number)
            return events->subscriber[i];
    return NULL;
}

static unsigned int tracers(const struct weir_events *events)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++)
        count += events->subscriber[i] != NULL && events->subscriber[i]->kinds == 0;
    return count;
}

/* Numbers come again only after 65,534 others, when nothing under way holds them any more. */
static uint16_t number_next(struct weir_events *events)
{
    do
        events->traces++;
    while (events->traces == 0 || tracer(events, events->traces) != NULL);
    return events->traces;
}

unsigned int weir_events_subscribers(const struct weir_events *events)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++)
        count += events->subscriber[i] != NULL;
    return count;
}

/* What all of them want, together. */
static void wants_collect(struct weir_events *events)
{
    unsigned int traces = 0;

    events->watch = events->also;
    memset(events->trace, 0, sizeof(events->trace));
    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++) {
        const struct weir_subscriber *subscriber = events->subscriber[i];

        if (subscriber == NULL)
            continue;
        events->watch |= subscriber->kinds;
        if (subscriber->kinds == 0)
            events->trace[traces++] = subscriber->trace;
    }
    events->told = false;
}

int weir_subscribe(struct weir_events *events, const struct weir_filter *filter, unsigned int kinds,
                   const struct weir_trace_filter *trace, struct weir_subscriber **subscriber)
{
    unsigned int free = 0;

    while (free < WEIR_SUBSCRIBERS_MAX && events->subscriber[free] != NULL)
        free++;
    if (kinds == 0 && tracers(events) == WEIR_TRACES_MAX)
        return -EALREADY;
    if (free == WEIR_SUBSCRIBERS_MAX)
        return -EBUSY;
    *subscriber = malloc(sizeof(**subscriber));
    if (*subscriber == NULL)
        return -ENOMEM;
    memset(*subscriber, 0, offsetof(struct weir_subscriber, text));
    (*subscriber)->filter = *filter;
    (*subscriber)->kinds = kinds;
    if (trace != NULL) {
        (*subscriber)->trace = *trace;
        (*subscriber)->trace.number = number_next(events);
    }
    events->subscriber[free] = *subscriber;
    wants_collect(events);
    return 0;
}

void weir_unsubscribe(struct weir_events *events, struct weir_subscriber *subscriber)
{
    for (unsigned int i = 0; subscriber != NULL && i < WEIR_SUBSCRIBERS_MAX; i++)
        if (events->subscriber[i] == subscriber)
            events->subscriber[i] = NULL;
    if (subscriber != NULL)
        wants_collect(events);
    free(subscriber);
}

bool weir_subscriber_ready(const struct weir_subscriber *subscriber)
{
    return subscriber->used > 0 || subscriber->lost > 0 || subscriber->unfiltered > 0 ||
           weir_subscriber_over(subscriber);
}

bool weir_subscriber_over(const struct weir_subscriber *subscriber)
{
    return subscriber->filter.limit != 0 && subscriber->lines >= subscriber->filter.limit;
}

static void text_add(struct weir_subscriber *subscriber, const char *text, size_t len)
{
    size_t at = (subscriber->begin + subscriber->used) % ROOM;
    size_t first = RTE_MIN(len, ROOM - at);

    memcpy(subscriber->text + at, text, first);
    memcpy(subscriber->text, text + first, len - first);
    subscriber->used += len;
}

/* Tell of losses, now that there is room again. */
static void losses_tell(struct weir_subscriber *subscriber)
{
    char line[LOST_MAX];

    if (subscriber->lost > 0) {
        snprintf(line, sizeof(line), "{\"lost\":%" PRIu64 "}\n", subscriber->lost);
        text_add(subscriber, line, strlen(line));
        subscriber->lost = 0;
    }
    if (subscriber->unfiltered > 0) {
        snprintf(line, sizeof(line), "{\"lost\":%" PRIu64 ",\"unfiltered\":true}\n",
                 subscriber->unfiltered);
        text_add(subscriber, line, strlen(line));
        subscriber->unfiltered = 0;
    }
}

/* Returns the number of lines lost: 0 or 1. */
static unsigned int line_add(struct weir_subscriber *subscriber, const char *line, size_t len)
{
    if (weir_subscriber_over(subscriber))
        return 0;
    if (len + 2 * LOST_MAX > ROOM - subscriber->used) {
        subscriber->lost++;
        return 1;
    }
    losses_tell(subscriber);
    text_add(subscriber, line, len);
    subscriber->lines++;
    return 0;
}

size_t weir_subscriber_read(struct weir_subscriber *subscriber, char *text, size_t size)
{
    size_t len;
    size_t first;

    if (2 * LOST_MAX <= ROOM - subscriber->used)
        losses_tell(subscriber);
    len = RTE_MIN(size, subscriber->used);
    first = RTE_MIN(len, ROOM - subscriber->begin);
    memcpy(text, subscriber->text + subscriber->begin, first);
    memcpy(text + first, subscriber->text, len - first);
    subscriber->begin = (subscriber->begin + len) % ROOM;
    subscriber->used -= len;
    return len;
}

void weir_events_also(struct weir_events *events, uint32_t kinds)
{
    if (events->also == kinds)
        return;
    events->also = kinds;
    wants_collect(events);
}

void weir_events_tell(struct weir_events *events, struct weir_fleet *fleet)
{
    if (!events->told)
        events->told = weir_watch_set(fleet, events->watch) && weir_trace_set(fleet, events->trace);
}

/* One event for all who want it; formatted once, if anybody does. */
static unsigned int event_deal(struct weir_events *events, const struct weir_event *event,
                               uint64_t now_us)
{
    char line[WEIR_RECORD_MAX];
    unsigned int lost = 0;
    size_t len = 0;

    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++) {
        struct weir_subscriber *subscriber = events->subscriber[i];

        if (!wanted(subscriber, event->kind) ||
            !weir_filter_matches(&subscriber->filter, &event->flow, now_us))
            continue;
        if (len == 0)
            len = weir_record_event_format(line, event);
        lost += line_add(subscriber, line, len);
    }
    return lost;
}

/* Whoever reads is told of what workers lost for want of room in their rings. */
void weir_events_losses(struct weir_events *events, const struct weir_fleet *fleet)
{
    uint64_t lost = 0;
    uint64_t traces = 0;

    for (unsigned int id = 0; id < fleet->count; id++) {
        const struct weir_worker *worker = fleet->worker[id];

        lost += __atomic_load_n(&worker->tracker.counters.events_lost, __ATOMIC_RELAXED);
        traces += __atomic_load_n(&worker->traffic.trace_lost, __ATOMIC_RELAXED);
    }
    for (unsigned int i = 0; i < WEIR_SUBSCRIBERS_MAX; i++) {
        struct weir_subscriber *subscriber = events->subscriber[i];

        if (subscriber == NULL)
            continue;
        if (subscriber->kinds != 0)
            subscriber->unfiltered += lost - events->lost_by_workers;
        else
            subscriber->lost += traces - events->traces_lost_by_workers;
    }
    events->lost_by_workers = lost;
    events->traces_lost_by_workers = traces;
}

static unsigned int batch_take(struct weir_events *events, struct weir_worker *worker,
                               unsigned int limit, uint64_t now_us, uint64_t *lost)
{
    struct weir_event event[TAKE];
    unsigned int count = rte_ring_sc_dequeue_burst_elem(worker->events, event, sizeof(event[0]),
                                                        RTE_MIN(limit, TAKE), NULL);

    for (unsigned int i = 0; i < count; i++) {
        if ((events->also >> event[i].kind & 1U) != 0)
            events->tell(events->context, &event[i]);
        *lost += event_deal(events, &event[i], now_us);
    }
    return count;
}

unsigned int weir_events_take(struct weir_events *events, struct weir_worker *worker,
                              unsigned int limit, uint64_t now_us, uint64_t *lost)
{
    unsigned int total = 0;
    unsigned int count;

    do {
        count = batch_take(events, worker, limit - total, now_us, lost);
        total += count;
    } while (count > 0 && total < limit);
    return total;
}

void weir_events_trace(struct weir_events *events, const struct weir_trace_view *trace,
                       uint64_t *lost)
{
    struct weir_subscriber *subscriber = tracer(events, trace->wanted_by);
    char line[WEIR_RECORD_MAX];

    if (subscriber != NULL)
        *lost += line_add(subscriber, line, weir_record_trace_format(line, trace));
}
