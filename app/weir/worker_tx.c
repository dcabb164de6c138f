/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/worker_tx.h"

#include <rte_ethdev.h>

/* Send by a queue of ours; what it does not take is lost and counted, or waited for in a replay. */
static void tx_burst(struct weir_worker *worker, uint16_t port, struct rte_mbuf **mbuf,
                     unsigned int count)
{
    struct weir_port_traffic *traffic = &worker->traffic.port[port];
    uint64_t bytes = weir_frame_bytes(mbuf, count); /* before: what is sent is no longer ours */
    unsigned int sent = 0;

    do
        sent += rte_eth_tx_burst(port, (uint16_t)worker->id, mbuf + sent, (uint16_t)(count - sent));
    while (sent < count && worker->fleet->lossless);
    traffic->tx_packets += sent;
    traffic->tx_bytes += bytes - weir_frame_bytes(mbuf + sent, count - sent);
    traffic->tx_lost += count - sent;
    rte_pktmbuf_free_bulk(mbuf + sent, count - sent);
}

unsigned int weir_tx_for_others(struct weir_worker *worker)
{
    struct rte_mbuf *mbuf[WEIR_BURST_MAX];
    unsigned int total = 0;

    if (worker->id != 0)
        return 0;
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++) {
        struct rte_ring *ring = worker->fleet->outgoing[port];
        unsigned int count;

        if (ring == NULL)
            continue;
        count = rte_ring_dequeue_burst(ring, (void **)mbuf, WEIR_BURST_MAX, NULL);
        if (count > 0)
            tx_burst(worker, port, mbuf, count);
        weir_count_handed(&worker->traffic.passed_in, count);
        total += count;
    }
    return total;
}

/* Pass frames to worker 0, which owns the port's queue. */
static void tx_pass(struct weir_worker *worker, uint16_t port, struct rte_mbuf **mbuf,
                    unsigned int count)
{
    struct rte_ring *ring = worker->fleet->outgoing[port];
    unsigned int passed = 0;

    do
        passed += rte_ring_enqueue_burst(ring, (void **)(mbuf + passed), count - passed, NULL);
    while (passed < count && worker->fleet->lossless);
    weir_count_handed(&worker->traffic.passed_out, passed);
    worker->traffic.port[port].tx_lost += count - passed;
    rte_pktmbuf_free_bulk(mbuf + passed, count - passed);
}

void weir_tx_flush(struct weir_worker *worker)
{
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++) {
        struct weir_tx_buffer *buffer = &worker->tx[port];

        if (buffer->count == 0)
            continue;
        if (worker->id < worker->fleet->ports->port[port].tx_queues)
            tx_burst(worker, port, buffer->mbuf, buffer->count);
        else
            tx_pass(worker, port, buffer->mbuf, buffer->count);
        buffer->count = 0;
    }
}
