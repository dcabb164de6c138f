/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/worker_tell.h"

#include <string.h>

#include <rte_ring_elem.h>

void weir_tell_flows(struct weir_worker *worker)
{
    struct weir_outbox *outbox = &worker->tracker.outbox;
    unsigned int sent = 0;

    if (worker->flows == NULL || outbox->count == 0)
        return;
    do
        sent += rte_ring_sp_enqueue_burst_elem(worker->flows, outbox->ended + sent,
                                               sizeof(struct weir_flow_copy), outbox->count - sent,
                                               NULL);
    while (sent < outbox->count && worker->fleet->lossless);
    memmove(outbox->ended, outbox->ended + sent,
            (outbox->count - sent) * sizeof(struct weir_flow_copy));
    outbox->count -= sent;
}

void weir_worker_drain(void *worker)
{
    weir_tell_flows(worker);
}

/* A piece of a datagram has come when its luggage says, not when the datagram was whole. */
static void trace_fill(const struct weir_burst *burst, unsigned int i, struct rte_mbuf *mbuf,
                       struct weir_trace_view *view)
{
    const struct weir_fate *fate = &burst->fate[i];
    bool piece = burst->packet[i].pieces > 0 || burst->packet[i].kind == WEIR_KIND_FRAGMENT;
    const struct weir_luggage *luggage = piece ? rte_mbuf_to_priv(mbuf) : NULL;

    *view = (struct weir_trace_view){
        .n = luggage != NULL ? luggage->number : burst->number[i],
        .time_us = luggage != NULL ? luggage->time_us : burst->time_us[i],
        .flow_id = fate->flow_id,
        .port = mbuf->port,
        .verdict = fate->verdict,
        .class = fate->class,
        .reason = fate->reason,
        .dir = fate->dir,
    };
    if (fate->family == 0)
        memset(view->state, WEIR_STATE_NONE, sizeof(view->state));
    else
        weir_pair_states(fate->pair, view->state);
}

static void trace_send(struct weir_worker *worker, unsigned int i, struct rte_mbuf *mbuf,
                       uint16_t wanted_by)
{
    struct weir_trace_view view;
    unsigned int sent;

    trace_fill(&worker->burst, i, mbuf, &view);
    view.wanted_by = wanted_by;
    do
        sent = rte_ring_sp_enqueue_burst_elem(worker->traces, &view, sizeof(view), 1, NULL);
    while (sent == 0 && worker->fleet->lossless);
    worker->traffic.trace_lost += sent == 0;
}

/* A packet, with the pieces that it came in. */
static void packet_trace(struct weir_worker *worker, unsigned int i, uint16_t wanted_by)
{
    struct rte_mbuf *mbuf = worker->burst.mbuf[i];

    for (unsigned int left = worker->burst.packet[i].pieces; left > 0; left--) {
        mbuf = weir_train_next(mbuf);
        trace_send(worker, i, mbuf, wanted_by);
    }
    trace_send(worker, i, worker->burst.mbuf[i], wanted_by);
}

/* Tell what became of each packet: of all for a trace file, else of those the filter picks. */
void weir_tell_traces(struct weir_worker *worker)
{
    bool all = worker->fleet->settings->trace_file[0] != '\0';

    for (unsigned int i = 0; i < worker->burst.count; i++) {
        if (all)
            packet_trace(worker, i, 0);
        for (unsigned int place = 0; !all && place < WEIR_TRACES_MAX; place++) {
            const struct weir_trace_filter *filter = &worker->asks.trace[place];

            if (weir_trace_matches(filter, &worker->burst.packet[i]))
                packet_trace(worker, i, filter->number);
        }
    }
}

/* Events of traffic never wait: a slow reader loses some, and they are counted. */
void weir_tell_events(struct weir_worker *worker)
{
    struct weir_event_box *box = &worker->tracker.events;
    unsigned int sent = 0;

    if (likely(box->count == 0))
        return;
    do
        sent += rte_ring_sp_enqueue_burst_elem(worker->events, box->event + sent,
                                               sizeof(struct weir_event), box->count - sent, NULL);
    while (sent < box->count && worker->fleet->lossless);
    worker->tracker.counters.events_lost += box->count - sent;
    box->count = 0;
}

static void mirror_fill(const struct weir_burst *burst, unsigned int i, struct rte_mbuf *mbuf,
                        struct weir_mirror_view *view)
{
    struct weir_trace_view facts;
    const void *octets;

    trace_fill(burst, i, mbuf, &facts);
    view->time_us = facts.time_us;
    view->number = facts.n;
    view->port = facts.port;
    view->reason = facts.reason;
    view->len = mbuf->pkt_len;
    view->captured = (uint16_t)RTE_MIN(mbuf->pkt_len, WEIR_MIRROR_SNAP);
    octets = rte_pktmbuf_read(mbuf, 0, view->captured, view->octets);
    if (octets != view->octets)
        memcpy(view->octets, octets, view->captured);
}

static void mirror_send(struct weir_worker *worker, unsigned int i, struct rte_mbuf *mbuf)
{
    struct weir_mirror_view view;
    unsigned int sent = 0;

    if (weir_answer_take(&worker->mirror_bucket, worker->burst.time_us[i])) {
        mirror_fill(&worker->burst, i, mbuf, &view);
        do
            sent = rte_ring_sp_enqueue_burst_elem(worker->mirrors, &view, sizeof(view), 1, NULL);
        while (sent == 0 && worker->fleet->lossless);
    }
    worker->traffic.mirror_lost += sent == 0;
}

void weir_tell_refused(struct weir_worker *worker)
{
    const struct weir_burst *burst = &worker->burst;

    for (unsigned int i = 0; i < burst->count; i++) {
        struct rte_mbuf *mbuf = burst->mbuf[i];

        if (weir_reason_class(burst->fate[i].reason) != WEIR_REASON_CLASS_REFUSE)
            continue;
        for (unsigned int left = burst->packet[i].pieces; left > 0; left--) {
            mbuf = weir_train_next(mbuf);
            mirror_send(worker, i, mbuf);
        }
        mirror_send(worker, i, burst->mbuf[i]);
    }
}
