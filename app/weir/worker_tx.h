/* SPDX-License-Identifier: BSD-3-Clause */
/* How a worker sends frames: by its own queue of a port, or through the worker that has one. */
#ifndef WEIR_APP_WORKER_TX_H
#define WEIR_APP_WORKER_TX_H

#include <rte_mbuf.h>

#include "weir/workers.h"

/* Octets of so many frames. */
static inline uint64_t weir_frame_bytes(struct rte_mbuf *const *mbuf, unsigned int count)
{
    uint64_t bytes = 0;

    for (unsigned int i = 0; i < count; i++)
        bytes += mbuf[i]->pkt_len;
    return bytes;
}

/* Send what stands in the worker's buffers. */
void weir_tx_flush(struct weir_worker *worker);

/*
 * Give a frame the addresses of its next hop, where its port has one. Those to a group stay what
 * they are: ARP, neighbour discovery and the like pass between both sides.
 */
static inline void weir_tx_readdress(const struct weir_port *port, struct rte_mbuf *mbuf)
{
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);

    if (mbuf->data_len < sizeof(*ether) || rte_is_multicast_ether_addr(&ether->dst_addr))
        return;
    ether->dst_addr = port->next;
    ether->src_addr = port->own;
}

/*
 * Put a frame into the port's buffer; one that is too large for the port is lost, and counted. A
 * burst of packets fits; trains of fragments can be longer.
 */
static inline void weir_tx_push(struct weir_worker *worker, uint16_t port, struct rte_mbuf *mbuf)
{
    struct weir_tx_buffer *buffer = &worker->tx[port];
    const struct weir_port *out = &worker->fleet->ports->port[port];

    if (unlikely(mbuf->pkt_len > out->frame_max)) {
        worker->traffic.port[port].tx_lost++;
        rte_pktmbuf_free(mbuf);
        return;
    }
    if (unlikely(out->readdress))
        weir_tx_readdress(out, mbuf);
    if (unlikely(buffer->count == WEIR_BURST_MAX))
        weir_tx_flush(worker);
    buffer->mbuf[buffer->count++] = mbuf;
}

/* Send what other workers have passed to the queues of ours. Returns the number of frames. */
unsigned int weir_tx_for_others(struct weir_worker *worker);

#endif
