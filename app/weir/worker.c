/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of one worker. */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "weir/worker_rx.h"
#include "weir/worker_steer.h"
#include "weir/worker_tell.h"
#include "weir/worker_tx.h"
#include "weir/workers.h"

/* A whole round of the sweep takes about this long. */
#define SWEEP_ROUND_MSEC 2000U

/* Records one poll may visit, at most. */
#define SWEEP_POLL_MAX 128U

/* Records swept for each packet of a replay: by packets, so that it comes out the same every time.
 */
#define SWEEP_PER_PACKET 4U

/* The bucket of a histogram that value falls into: the smallest i with value <= 2^i. */
static inline unsigned int bucket_of(uint64_t value, unsigned int buckets)
{
    unsigned int bucket = value <= 1 ? 0 : 64U - (unsigned int)__builtin_clzll(value - 1);

    return RTE_MIN(bucket, buckets - 1);
}

static int phase_of(const struct weir_fleet *fleet)
{
    return atomic_load_explicit(&fleet->phase, memory_order_acquire);
}

/* Packets */

/* Tell the sender of a rejected packet, through the port it came in by. An observer says nothing.
 */
static void answer(struct weir_worker *worker, unsigned int i)
{
    struct weir_burst *burst = &worker->burst;
    uint16_t port = burst->packet[i].port;
    struct rte_mbuf *about =
        burst->packet[i].pieces == 0 ? burst->mbuf[i] : weir_train_opening(burst->mbuf[i]);
    struct rte_mbuf *mbuf;

    if (worker->fleet->ports->port[port].peer == WEIR_PORT_NONE)
        return;
    mbuf = weir_answer_make(about, &burst->packet[i], worker->fleet->ports->pool, &worker->bucket,
                            burst->time_us[i]);

    if (mbuf == NULL)
        return;
    weir_tx_push(worker, port, mbuf);
    worker->traffic.answers++;
}

/* All pieces of a datagram, in order of arrival, each by the peer of the port it came in by. */
static void train_carry_out(struct weir_worker *worker, unsigned int i)
{
    const struct weir_burst *burst = &worker->burst;
    struct rte_mbuf *mbuf = weir_train_next(burst->mbuf[i]);
    bool forward = burst->fate[i].verdict == WEIR_VERDICT_FORWARD;

    for (unsigned int left = burst->packet[i].pieces + 1U; left > 0; left--) {
        struct rte_mbuf *next = weir_train_next(mbuf);
        uint16_t out = worker->fleet->ports->port[mbuf->port].peer;

        if (forward && out != WEIR_PORT_NONE)
            weir_tx_push(worker, out, mbuf);
        else
            rte_pktmbuf_free(mbuf);
        mbuf = next;
    }
}

static void verdicts_carry_out(struct weir_worker *worker)
{
    struct weir_burst *burst = &worker->burst;
    struct rte_mbuf *drop[WEIR_BURST_MAX];
    unsigned int dropped = 0;

    for (unsigned int i = 0; i < burst->count; i++) {
        uint16_t out = worker->fleet->ports->port[burst->mbuf[i]->port].peer;

        if (unlikely(burst->fate[i].verdict == WEIR_VERDICT_ANSWER))
            answer(worker, i);
        if (unlikely(burst->packet[i].pieces > 0))
            train_carry_out(worker, i);
        else if (burst->fate[i].verdict == WEIR_VERDICT_FORWARD && out != WEIR_PORT_NONE)
            weir_tx_push(worker, out, burst->mbuf[i]);
        else
            drop[dropped++] = burst->mbuf[i];
    }
    rte_pktmbuf_free_bulk(drop, dropped);
    weir_tx_flush(worker);
}

/*
 * What is ordered for each packet: whether its port enforces, and what the policy says of those
 * that belong to no known flow.
 */
static void burst_order(struct weir_worker *worker)
{
    struct weir_burst *burst = &worker->burst;
    bool open = worker->policy == NULL;
    unsigned int policy = open ? WEIR_POLICY_ALLOW : WEIR_POLICY_UNKNOWN;
    uint8_t unknown[WEIR_BURST_MAX];
    unsigned int count = 0;

    if (open && !worker->shadow) {
        memset(burst->order, WEIR_POLICY_ALLOW, burst->count);
        return;
    }
    for (unsigned int i = 0; i < burst->count; i++) {
        bool shadow = worker->fleet->ports->port[burst->packet[i].port].shadow;

        burst->order[i] = (uint8_t)(policy | (shadow ? WEIR_ORDER_SHADOW : 0));
        unknown[count] = (uint8_t)i;
        count += burst->likely[i] == WEIR_TABLE_NONE && burst->packet[i].family != 0;
    }
    if (!open && count > 0)
        weir_policy_judge_burst(worker->policy, burst->packet, unknown, count, burst->order);
}

enum weir_policy weir_worker_judge(const void *worker, const struct weir_packet *packet)
{
    return weir_policy_judge(((const struct weir_worker *)worker)->policy, packet);
}

/* All that is ours in the burst: track, tell, carry out. */
static void burst_finish(struct weir_worker *worker)
{
    struct weir_burst *burst = &worker->burst;

    if (burst->count == 0)
        return;
    weir_burst_match(burst, &worker->tracker);
    burst_order(worker);
    weir_burst_track(burst, &worker->tracker);
    if (unlikely(worker->tracker.want_ids))
        weir_tell_traces(worker);
    if (unlikely(worker->mirrors != NULL))
        weir_tell_refused(worker);
    weir_tell_events(worker);
    weir_tell_flows(worker);
    verdicts_carry_out(worker);
}

/* Have all workers read all that their ports had to say? */
static bool all_received(const struct weir_fleet *fleet)
{
    for (unsigned int id = 0; id < fleet->count; id++)
        if (!atomic_load_explicit(&fleet->worker[id]->received, memory_order_acquire))
            return false;
    return true;
}

/*
 * Refuse the pieces whose datagram will not become whole any more. In a replay they are given up by
 * the times of other pieces, and at the end: never by how fast it is read.
 */
static void pieces_settle(struct weir_worker *worker, bool over)
{
    if (likely(!weir_frag_busy(&worker->frag)))
        return;
    /* In that order: what is handed over was so before its giver said that it had received all. */
    if (over && all_received(worker->fleet) && weir_steer_inbox_empty(worker))
        weir_frag_flush(&worker->frag);
    else if (!worker->fleet->lossless)
        weir_frag_expire(&worker->frag, weir_clock_now(&worker->reader.clock));
    while (weir_frag_refused(&worker->frag, &worker->burst) > 0)
        burst_finish(worker);
}

/* Captures put one behind the other may set the clock back by years. */
static void burst_epochs(struct weir_worker *worker)
{
    struct weir_burst *burst = &worker->burst;

    for (unsigned int i = 0; i < burst->count; i++) {
        uint64_t time_us = burst->time_us[i];

        if (unlikely(time_us + WEIR_SET_BACK_USEC < worker->rx_clock_us)) {
            worker->rx_epoch++;
            worker->rx_clock_us = time_us;
        }
        worker->rx_clock_us = RTE_MAX(worker->rx_clock_us, time_us);
        burst->packet[i].epoch = worker->rx_epoch;
    }
}

/* Count what was received, parsed already: so that its mbufs are at hand. Are there pieces? */
static bool burst_count(struct weir_worker *worker, struct weir_port_traffic *traffic)
{
    const struct weir_burst *burst = &worker->burst;
    uint64_t bytes = 0;
    unsigned int tcp = 0;
    unsigned int pieces = 0;

    for (unsigned int i = 0; i < burst->count; i++) {
        const struct weir_packet *packet = &burst->packet[i];

        bytes += burst->mbuf[i]->pkt_len;
        tcp += packet->kind == WEIR_KIND_TCP || packet->reason == WEIR_REASON_TCP_CHECKSUM;
        pieces += packet->kind == WEIR_KIND_FRAGMENT;
    }
    traffic->rx_packets += burst->count;
    traffic->rx_bytes += bytes;
    worker->traffic.tcp_packets += tcp;
    return pieces > 0;
}

/* Packets that stand in burst.mbuf, as they came from the queue. */
static void burst_work(struct weir_worker *worker, struct weir_rx_queue *queue,
                       unsigned int received)
{
    struct weir_port_traffic *traffic = &worker->traffic.port[queue->port];
    struct weir_burst *burst = &worker->burst;
    bool pieces;

    burst->count = received;
    worker->traffic.burst_fill[bucket_of(received, WEIR_FILL_BUCKETS)]++;
    weir_burst_read(burst, &worker->reader, &worker->tracker,
                    queue->number * worker->fleet->ports->port[queue->port].rx_queues +
                        queue->queue,
                    worker->fleet->ports->port[queue->port].rx_queues);
    queue->number += received;
    pieces = burst_count(worker, traffic);
    if (worker->fleet->lossless)
        burst_epochs(worker);
    if (worker->fleet->count > 1 || pieces)
        weir_steer_burst(worker);
    burst_finish(worker);
}

/* Receive and finish a burst of each queue, or of the one whose time it is. */
static unsigned int queues_poll(struct weir_worker *worker)
{
    struct weir_rx_queue *queue;
    unsigned int received = 0;

    if (worker->ahead != NULL) {
        received = weir_rx_merged(worker, &queue);
        if (received > 0)
            burst_work(worker, queue, received);
        return received;
    }
    for (unsigned int i = 0; i < worker->queue_count; i++) {
        unsigned int count = weir_rx_burst(worker, &worker->queue[i]);

        if (count > 0)
            burst_work(worker, &worker->queue[i], count);
        received += count;
    }
    return received;
}

/* What other workers have handed over; *frames is how many frames that were. */
static unsigned int inbox_poll(struct weir_worker *worker, unsigned int *frames)
{
    struct weir_burst *burst = &worker->burst;
    unsigned int count;

    *frames = 0;

    if (worker->inbox == NULL)
        return 0;
    burst->count = weir_steer_inbox(worker, burst->mbuf, worker->fleet->settings->burst);
    count = burst->count;
    for (unsigned int i = 0; i < count; i++) {
        weir_burst_unpack(burst, i);
        *frames += burst->packet[i].pieces + 1U;
    }
    if (weir_burst_has_pieces(burst))
        weir_steer_burst(worker);
    burst_finish(worker);
    return count;
}

/* Time */

/* How many records this poll is to visit: at its pace by the clock, or by packets in a replay. */
static unsigned int sweep_due(struct weir_worker *worker, unsigned int packets)
{
    uint64_t records = (uint64_t)worker->tracker.table[0].capacity;
    uint64_t round = rte_get_tsc_hz() / 1000 * SWEEP_ROUND_MSEC;
    uint64_t step = round / records + 1; /* cycles a record */
    uint64_t now;
    uint64_t due;

    if (worker->fleet->lossless)
        return packets * SWEEP_PER_PACKET;
    now = worker->poll_tsc;
    due = (now - worker->sweep_tsc) / step;
    if (due < SWEEP_POLL_MAX / 4)
        return 0;
    worker->sweep_tsc = now;
    return (unsigned int)RTE_MIN(due, SWEEP_POLL_MAX);
}

static void sweep(struct weir_worker *worker, unsigned int packets)
{
    unsigned int limit = sweep_due(worker, packets);

    if (limit == 0)
        return;
    weir_tracker_sweep(&worker->tracker,
                       worker->fleet->lossless ? worker->tracker.clock_us
                                               : weir_clock_now(&worker->reader.clock),
                       limit);
    weir_tell_events(worker);
    weir_tell_flows(worker);
}

/* Receives no more: all queues at their end, or the control core says so. */
static bool receive_over(const struct weir_worker *worker, int phase)
{
    if (phase != WEIR_PHASE_RUN)
        return true;
    for (unsigned int i = 0; i < worker->queue_count; i++)
        if (!worker->queue[i].at_end)
            return false;
    return worker->fleet->lossless;
}

/*
 * Take up the policy of this poll. The epoch is read before the policy and published after it, so
 * that an epoch published here means that no older policy is held.
 */
static void policy_hold(struct weir_worker *worker)
{
    struct weir_fleet *fleet = worker->fleet;
    unsigned int epoch = atomic_load_explicit(&fleet->policy_epoch, memory_order_acquire);

    worker->policy = atomic_load_explicit(&fleet->policy, memory_order_acquire);
    if (atomic_load_explicit(&worker->policy_epoch, memory_order_relaxed) != epoch)
        atomic_store_explicit(&worker->policy_epoch, epoch, memory_order_release);
}

/* Tell the control core how late it is by the packets. */
static void clock_publish(struct weir_worker *worker)
{
    atomic_store_explicit(&worker->clock_epoch, worker->tracker.epoch, memory_order_relaxed);
    atomic_store_explicit(&worker->clock_us, worker->tracker.clock_us, memory_order_relaxed);
}

/* Read the clock, once a poll, and account for the time since the poll before began. */
static void poll_begin(struct weir_worker *worker)
{
    struct weir_traffic *traffic = &worker->traffic;
    uint64_t now = rte_rdtsc();
    uint64_t cycles = now - worker->poll_tsc;

    traffic->poll_cycles[bucket_of(cycles, WEIR_POLL_BUCKETS)]++;
    traffic->busy_cycles += worker->poll_idle ? 0 : cycles;
    traffic->idle_cycles += worker->poll_idle ? cycles : 0;
    worker->poll_tsc = now;
    weir_clock_keep(&worker->reader.clock, now);
}

static void poll_all(struct weir_worker *worker, int phase)
{
    unsigned int packets = 0;
    unsigned int handed;
    bool over;

    poll_begin(worker);
    policy_hold(worker);
    if (phase == WEIR_PHASE_RUN)
        packets = queues_poll(worker);
    packets += inbox_poll(worker, &handed);
    over = receive_over(worker, phase);
    if (unlikely(over))
        atomic_store_explicit(&worker->received, true, memory_order_release);
    pieces_settle(worker, over);
    /* After all that: at the end nothing of them is held, and the clock is the last one. */
    clock_publish(worker);
    weir_count_handed(&worker->traffic.handed_in, handed);
    sweep(worker, packets);
    weir_asks_poll(worker);
    worker->traffic.polls++;
    worker->poll_idle = packets + weir_tx_for_others(worker) == 0;
    if (worker->poll_idle) {
        worker->traffic.polls_idle++;
        rte_pause();
    }
    if (unlikely(over) && !weir_frag_busy(&worker->frag))
        atomic_store_explicit(&worker->finished, true, memory_order_release);
}

/* Report every flow that is left. The control core goes on reading, so the ring will have room. */
static void close_flows(struct weir_worker *worker)
{
    struct weir_fleet *fleet = worker->fleet;

    weir_tracker_settle(&worker->tracker, fleet->close_us, fleet->close_epoch);
    while (weir_tracker_close(&worker->tracker, fleet->close_us, fleet->close_end) ||
           worker->tracker.outbox.count > 0) {
        weir_tell_events(worker);
        weir_tell_flows(worker);
        rte_pause();
    }
}

int weir_worker_run(void *arg)
{
    struct weir_worker *worker = arg;
    int phase;

    for (unsigned int port = 0; port < RTE_MAX_ETHPORTS; port++)
        worker->shadow = worker->shadow || worker->fleet->ports->port[port].shadow;
    worker->poll_tsc = rte_rdtsc();
    worker->poll_idle = true;
    worker->sweep_tsc = worker->poll_tsc;
    while ((phase = phase_of(worker->fleet)) != WEIR_PHASE_CLOSE)
        poll_all(worker, phase);
    close_flows(worker);
    atomic_store_explicit(&worker->done, true, memory_order_release);
    return 0;
}
