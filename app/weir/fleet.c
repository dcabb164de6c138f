/* SPDX-License-Identifier: BSD-3-Clause */
/* Making workers: memory near their lcore, rings, queues dealt out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "dp/pages.h"
#include "weir/workers.h"

#define OUTGOING_SIZE 4096U
#define FLOWS_SIZE    8192U
#define TRACES_SIZE   16384U
#define MIRRORS_SIZE  256U
#define SCRATCH_LEN   65600U /* a frame with the longest IPv4 packet, two tags */

/* Outbox: each packet of a burst can end two flows, and a sweep some more. */
#define OUTBOX_SIZE 2048U

/* Events of one burst: a few for each packet. */
#define EVENTS_SIZE 1024U
#define EVENTS_RING 8192U

static struct rte_ring *ring_make(const char *kind, unsigned int id, unsigned int size,
                                  unsigned int element, int socket, unsigned int flags)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "weir_%s_%u", kind, id);
    return rte_ring_create_elem(name, element, size, socket, flags);
}

/* Records of one worker: its share, and some more since shares are never quite equal. */
static uint32_t share_of(uint32_t flows, uint32_t workers)
{
    uint64_t share = flows / workers;

    if (workers > 1)
        share += share / 8 + 64;
    return (uint32_t)RTE_MIN(share, WEIR_TABLE_CAPACITY_MAX);
}

static int tracker_make(struct weir_worker *worker, const struct weir_settings *settings,
                        int socket)
{
    uint32_t flows4 = share_of(settings->flows, settings->workers);
    uint32_t flows6 = share_of(settings->flows6, settings->workers);
    size_t size = weir_tracker_size(flows4, flows6);
    void *memory = weir_pages_take("weir_tables", size, socket);
    struct weir_flow_copy *outbox = rte_zmalloc_socket("weir_outbox", OUTBOX_SIZE * sizeof(*outbox),
                                                       RTE_CACHE_LINE_SIZE, socket);
    int err;

    if (memory == NULL || outbox == NULL) {
        fprintf(stderr,
                "weir: no memory for the flow tables of worker %u (%zu MiB): give EAL more (-m), "
                "or lower tracking.flows\n",
                worker->id, size >> 20);
        weir_pages_give(memory, size);
        rte_free(outbox);
        return -ENOMEM;
    }
    worker->event_room =
        rte_zmalloc_socket("weir_events", EVENTS_SIZE * sizeof(struct weir_event), 0, socket);
    err = weir_tracker_init(&worker->tracker, memory, flows4, flows6, &worker->fleet->rules, outbox,
                            OUTBOX_SIZE);
    if (worker->event_room != NULL)
        worker->tracker.events = (struct weir_event_box){worker->event_room, EVENTS_SIZE, 0, 0};
    return err;
}

static unsigned int reader_how(const struct weir_settings *settings)
{
    unsigned int how = WEIR_PARSE_ALL;

    if (settings->checksum == WEIR_CHECKSUM_VERIFY)
        how |= WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM;
    if (settings->frames_cut)
        how |= WEIR_PARSE_CUT;
    if (!settings->vlan_in_key)
        how |= WEIR_PARSE_NO_ZONE;
    return how;
}

static int rings_make(struct weir_worker *worker, const struct weir_settings *settings, int socket)
{
    unsigned int single = RING_F_SP_ENQ | RING_F_SC_DEQ;
    bool ok = true;

    if (settings->workers > 1) {
        worker->inbox = ring_make("inbox", worker->id, settings->inbox, sizeof(void *), socket,
                                  RING_F_SC_DEQ | RING_F_EXACT_SZ);
        ok = worker->inbox != NULL;
    }
    worker->flows =
        ring_make("flows", worker->id, FLOWS_SIZE, sizeof(struct weir_flow_copy), socket, single);
    ok = ok && worker->flows != NULL;
    worker->traces = ring_make("traces", worker->id, TRACES_SIZE, sizeof(struct weir_trace_view),
                               socket, single);
    worker->events =
        ring_make("events", worker->id, EVENTS_RING, sizeof(struct weir_event), socket, single);
    if (settings->mirror_file[0] != '\0') {
        worker->mirrors = ring_make("mirrors", worker->id, MIRRORS_SIZE,
                                    sizeof(struct weir_mirror_view), socket, single);
        ok = ok && worker->mirrors != NULL;
    }
    ok = ok && worker->traces != NULL && worker->events != NULL &&
         weir_asks_make(&worker->asks, worker->id, socket) == 0;
    if (ok)
        return 0;
    fprintf(stderr, "weir: no memory for the rings of worker %u: %s\n", worker->id,
            rte_strerror(rte_errno));
    return -ENOMEM;
}

static int worker_make(struct weir_fleet *fleet, unsigned int id, unsigned int lcore)
{
    int socket = (int)rte_lcore_to_socket_id(lcore);
    struct weir_worker *worker =
        rte_zmalloc_socket("weir_worker", sizeof(*worker), RTE_CACHE_LINE_SIZE, socket);
    int err;

    if (worker == NULL) {
        fprintf(stderr, "weir: no memory for worker %u\n", id);
        return -ENOMEM;
    }
    fleet->worker[id] = worker;
    worker->fleet = fleet;
    worker->id = id;
    worker->lcore = lcore;
    worker->reader.how = reader_how(fleet->settings);
    weir_clock_init(&worker->reader.clock);
    worker->reader.scratch_len = SCRATCH_LEN;
    worker->reader.scratch = rte_malloc_socket("weir_scratch", SCRATCH_LEN, 0, socket);
    err = worker->reader.scratch == NULL ? -ENOMEM : tracker_make(worker, fleet->settings, socket);
    if (err == 0)
        err = rings_make(worker, fleet->settings, socket);
    if (err == 0)
        err = weir_frag_make(&worker->frag, fleet->ports->pool->size / (4 * fleet->receivers),
                             socket);
    worker->tracker.judge = weir_worker_judge;
    worker->tracker.drain = weir_worker_drain;
    worker->tracker.drain_context = worker;
    worker->tracker.judge_context = worker;
    worker->mirror_bucket.per_sec = fleet->settings->mirror_per_sec;
    worker->bucket.per_sec = fleet->settings->reject_per_sec;
    worker->tracker.want_ids = fleet->settings->trace_file[0] != '\0';
    return err;
}

/* Workers that get a queue, when queues_deal deals them out. */
static unsigned int receivers_of(const struct weir_settings *settings,
                                 const struct weir_ports *ports)
{
    unsigned int queues = 1;

    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
        queues = RTE_MAX(queues, (unsigned int)ports->port[port].rx_queues);
    return RTE_MIN(queues, settings->workers);
}

/* Works, but each packet crosses from one node to the other. */
static void distance_tell(const struct weir_worker *worker, const struct weir_port *port,
                          uint16_t id)
{
    int node = (int)rte_lcore_to_socket_id(worker->lcore);
    int far = rte_eth_dev_socket_id(id);

    if (far >= 0 && far != node)
        fprintf(stderr,
                "weir: worker %u on lcore %u is at NUMA node %d, its port %s at %d: better give it "
                "an lcore there\n",
                worker->id, worker->lcore, node, port->name, far);
}

/* Queue q of each port goes to worker q, or round again where there are more queues than workers.
 */
static void queues_deal(struct weir_fleet *fleet)
{
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
        for (uint16_t q = 0; q < fleet->ports->port[port].rx_queues; q++) {
            struct weir_worker *worker = fleet->worker[q % fleet->count];

            distance_tell(worker, &fleet->ports->port[port], port);
            if (worker->queue_count < WEIR_QUEUES_MAX)
                worker->queue[worker->queue_count++] =
                    (struct weir_rx_queue){.port = port, .queue = q};
        }
}

/* Where all ports play captures, their packets are taken in order of time. */
static int ahead_make(struct weir_fleet *fleet)
{
    for (unsigned int id = 0; id < fleet->count; id++) {
        struct weir_worker *worker = fleet->worker[id];

        if (!fleet->lossless || worker->queue_count < 2)
            continue;
        worker->ahead =
            rte_zmalloc("weir_ahead", worker->queue_count * sizeof(worker->ahead[0]), 0);
        if (worker->ahead == NULL) {
            fprintf(stderr, "weir: no memory to merge %u captures\n", worker->queue_count);
            return -ENOMEM;
        }
    }
    return 0;
}

static int outgoing_make(struct weir_fleet *fleet)
{
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++) {
        const struct weir_port *p = &fleet->ports->port[port];

        if (!p->used || p->tx_queues >= fleet->count)
            continue;
        fleet->outgoing[port] = ring_make("outgoing", port, OUTGOING_SIZE, sizeof(void *),
                                          SOCKET_ID_ANY, RING_F_SC_DEQ);
        if (fleet->outgoing[port] == NULL) {
            fprintf(stderr, "weir: no memory for the outgoing ring of port %s\n", p->name);
            return -ENOMEM;
        }
    }
    return 0;
}

static bool all_finite(const struct weir_ports *ports)
{
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
        if (ports->port[port].used && !ports->port[port].finite)
            return false;
    return true;
}

int weir_fleet_make(struct weir_fleet *fleet, const struct weir_settings *settings,
                    struct weir_ports *ports)
{
    unsigned int lcore = rte_get_next_lcore(-1, 1, 0);
    int err;

    memset(fleet, 0, sizeof(*fleet));
    fleet->settings = settings;
    fleet->ports = ports;
    fleet->lossless = all_finite(ports);
    fleet->receivers = receivers_of(settings, ports);
    if (rte_lcore_count() - 1 < settings->workers) {
        fprintf(stderr,
                "weir: %u workers need %u lcores beside the main one, EAL has %u: give more with "
                "-l or --lcores\n",
                settings->workers, settings->workers, rte_lcore_count() - 1);
        return -EINVAL;
    }
    err = weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints);
    if (err < 0)
        return err;
    arc4random_buf(&fleet->rules.secret, sizeof(fleet->rules.secret));
    weir_rules_init(&fleet->rules, &settings->timeouts);
    fleet->rules.midstream = settings->midstream;
    fleet->rules.records = true;
    for (unsigned int id = 0; id < settings->workers; id++) {
        err = worker_make(fleet, id, lcore);
        if (err != 0)
            return err;
        fleet->count++;
        lcore = rte_get_next_lcore(lcore, 1, 0);
    }
    queues_deal(fleet);
    err = ahead_make(fleet);
    return err != 0 ? err : outgoing_make(fleet);
}

static void worker_free(struct weir_worker *worker)
{
    if (worker == NULL)
        return;
    rte_ring_free(worker->inbox);
    rte_ring_free(worker->flows);
    rte_ring_free(worker->traces);
    rte_ring_free(worker->events);
    rte_ring_free(worker->mirrors);
    rte_ring_free(worker->asks.ring);
    weir_frag_drop(&worker->frag);
    rte_free(worker->event_room);
    rte_free(worker->ahead);
    rte_free(worker->reader.scratch);
    rte_free(worker->tracker.outbox.ended);
    weir_pages_give(
        worker->tracker.table[0].records, /* first in the block of all tables */
        weir_tracker_size(worker->tracker.table[0].capacity, worker->tracker.table[1].capacity));
    rte_free(worker);
}

void weir_fleet_free(struct weir_fleet *fleet)
{
    for (unsigned int id = 0; id < WEIR_WORKERS_MAX; id++)
        worker_free(fleet->worker[id]);
    for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
        rte_ring_free(fleet->outgoing[port]);
}
