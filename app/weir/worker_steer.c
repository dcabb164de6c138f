/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/worker_steer.h"

#include "weir/worker_tx.h"

/*
 * Put aside what stands in our inbox. Whoever waits for room in another's inbox makes room in its
 * own meanwhile, so two workers that hand packets to each other never wait for each other. Their
 * number is bounded by the pool; the luggage has the link.
 */
static void backlog_fill(struct weir_worker *worker)
{
    struct weir_backlog *backlog = &worker->backlog;
    struct rte_mbuf *mbuf[WEIR_BURST_MAX];
    unsigned int count =
        rte_ring_sc_dequeue_burst(worker->inbox, (void **)mbuf, WEIR_BURST_MAX, NULL);

    for (unsigned int i = 0; i < count; i++) {
        struct weir_luggage *luggage = rte_mbuf_to_priv(mbuf[i]);

        luggage->behind = NULL;
        if (backlog->first == NULL)
            backlog->first = mbuf[i];
        else
            ((struct weir_luggage *)rte_mbuf_to_priv(backlog->last))->behind = mbuf[i];
        backlog->last = mbuf[i];
    }
}

unsigned int weir_steer_inbox(struct weir_worker *worker, struct rte_mbuf **mbuf, unsigned int max)
{
    struct weir_backlog *backlog = &worker->backlog;
    unsigned int count = 0;

    while (count < max && backlog->first != NULL) {
        const struct weir_luggage *luggage = rte_mbuf_to_priv(backlog->first);

        mbuf[count++] = backlog->first;
        backlog->first = luggage->behind;
    }
    return count +
           rte_ring_sc_dequeue_burst(worker->inbox, (void **)(mbuf + count), max - count, NULL);
}

bool weir_steer_inbox_empty(const struct weir_worker *worker)
{
    return worker->inbox == NULL ||
           (worker->backlog.first == NULL && rte_ring_empty(worker->inbox));
}

/* Hand packet i over, with all its pieces. */
static void hand_to(struct weir_worker *worker, unsigned int owner, unsigned int i)
{
    struct rte_ring *inbox = worker->fleet->worker[owner]->inbox;
    struct rte_mbuf *mbuf = worker->burst.mbuf[i];
    unsigned int frames = worker->burst.packet[i].pieces + 1U;

    weir_burst_pack(&worker->burst, i);
    while (rte_ring_enqueue(inbox, mbuf) != 0) {
        if (!worker->fleet->lossless) {
            worker->traffic.steer_lost += frames;
            if (frames > 1)
                weir_train_free(mbuf);
            else
                rte_pktmbuf_free(mbuf);
            return;
        }
        backlog_fill(worker);       /* the owner may be waiting for room with us, or */
        weir_tx_for_others(worker); /* for us to send */
    }
    weir_count_handed(&worker->traffic.handed_out, frames);
}

/*
 * Whose is the packet? Packets without a flow stay where they came in. Pieces of datagrams go to a
 * worker that receives, by address pair: where only one does they stay with it, and their datagram
 * keeps its place among the other packets of its flow.
 */
static unsigned int owner_of(const struct weir_worker *worker, unsigned int i)
{
    const struct weir_packet *packet = &worker->burst.packet[i];
    uint64_t hash = worker->burst.hash[i];

    if (packet->family == 0)
        return worker->id;
    return weir_burst_owner(hash, packet->kind == WEIR_KIND_FRAGMENT ? worker->fleet->receivers
                                                                     : worker->fleet->count);
}

/* Hold our pieces of datagrams, hand other workers' packets over; ours move up. */
void weir_steer_burst(struct weir_worker *worker)
{
    struct weir_burst *burst = &worker->burst;
    unsigned int kept = 0;

    for (unsigned int i = 0; i < burst->count; i++) {
        unsigned int owner = owner_of(worker, i);

        if (unlikely(burst->packet[i].kind == WEIR_KIND_FRAGMENT) && owner == worker->id) {
            if (!weir_frag_add(&worker->frag, &worker->reader, &worker->fleet->rules, burst, i))
                continue;
            owner = owner_of(worker, i);
        }
        if (owner == worker->id)
            weir_burst_move(burst, kept++, i);
        else
            hand_to(worker, owner, i);
    }
    burst->count = kept;
}
