/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/worker_rx.h"

#include <string.h>

#include <rte_ethdev.h>

/* A finite port has said all it has when it gives nothing although there was a buffer to be had. */
static void queue_empty(struct weir_rx_queue *queue)
{
    struct rte_eth_stats stats;

    if (rte_eth_stats_get(queue->port, &stats) != 0)
        return;
    queue->at_end = stats.rx_nombuf == queue->no_buffer;
    queue->no_buffer = stats.rx_nombuf;
}

static unsigned int receive(const struct weir_worker *worker, struct weir_rx_queue *queue,
                            struct rte_mbuf **mbuf)
{
    unsigned int count;

    if (queue->at_end)
        return 0;
    count =
        rte_eth_rx_burst(queue->port, queue->queue, mbuf, (uint16_t)worker->fleet->settings->burst);
    if (count == 0 && worker->fleet->ports->port[queue->port].finite)
        queue_empty(queue);
    return count;
}

unsigned int weir_rx_burst(struct weir_worker *worker, struct weir_rx_queue *queue)
{
    return receive(worker, queue, worker->burst.mbuf);
}

static uint64_t time_of(const struct weir_worker *worker, const struct rte_mbuf *mbuf)
{
    return weir_clock_packet(&worker->reader.clock, mbuf, 0);
}

/* Has the queue a packet at hand, or none any more? */
static bool look_ahead(struct weir_worker *worker, unsigned int i)
{
    struct weir_rx_ahead *ahead = &worker->ahead[i];

    if (ahead->at == ahead->count) {
        ahead->count = receive(worker, &worker->queue[i], ahead->mbuf);
        ahead->at = 0;
    }
    return ahead->count > 0 || worker->queue[i].at_end;
}

/* The queue with the earliest packet, and the time of the other queues' earliest. */
static struct weir_rx_ahead *earliest(struct weir_worker *worker, uint64_t *others_us)
{
    struct weir_rx_ahead *first = NULL;
    uint64_t first_us = UINT64_MAX;

    *others_us = UINT64_MAX;
    for (unsigned int i = 0; i < worker->queue_count; i++) {
        struct weir_rx_ahead *ahead = &worker->ahead[i];
        uint64_t time_us;

        if (!look_ahead(worker, i))
            return NULL; /* it lacked a buffer; what it has may be the next */
        if (ahead->count == 0)
            continue;
        time_us = time_of(worker, ahead->mbuf[ahead->at]);
        if (first == NULL || time_us < first_us) {
            *others_us = first_us;
            first_us = time_us;
            first = ahead;
        } else {
            *others_us = RTE_MIN(*others_us, time_us);
        }
    }
    return first;
}

unsigned int weir_rx_merged(struct weir_worker *worker, struct weir_rx_queue **queue)
{
    uint64_t others_us;
    struct weir_rx_ahead *ahead = earliest(worker, &others_us);
    unsigned int count = 1;

    if (ahead == NULL)
        return 0;
    while (ahead->at + count < ahead->count &&
           time_of(worker, ahead->mbuf[ahead->at + count]) <= others_us)
        count++;
    memcpy(worker->burst.mbuf, ahead->mbuf + ahead->at, count * sizeof(ahead->mbuf[0]));
    ahead->at += count;
    *queue = &worker->queue[ahead - worker->ahead];
    return count;
}
