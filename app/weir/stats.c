/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/stats.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_mempool.h>

const char *weir_stats_proto_name(enum weir_stats_proto proto)
{
    static const char *const names[WEIR_STATS_PROTOS] = {
        [WEIR_STATS_TCP] = "tcp",   [WEIR_STATS_UDP] = "udp",     [WEIR_STATS_ICMP] = "icmp",
        [WEIR_STATS_SCTP] = "sctp", [WEIR_STATS_OTHER] = "other",
    };

    return names[proto];
}

static enum weir_stats_proto proto_of(unsigned int pair)
{
    static const uint8_t protos[WEIR_TIMEOUT_COUNT] = {
        [WEIR_TIMEOUT_UDP_UNREPLIED] = WEIR_STATS_UDP,
        [WEIR_TIMEOUT_UDP_STREAM] = WEIR_STATS_UDP,
        [WEIR_TIMEOUT_ICMP] = WEIR_STATS_ICMP,
        [WEIR_TIMEOUT_SCTP_OPENING] = WEIR_STATS_SCTP,
        [WEIR_TIMEOUT_SCTP_ESTABLISHED] = WEIR_STATS_SCTP,
        [WEIR_TIMEOUT_SCTP_CLOSING] = WEIR_STATS_SCTP,
        [WEIR_TIMEOUT_OTHER] = WEIR_STATS_OTHER,
    };

    return pair < WEIR_PAIR_OTHER ? WEIR_STATS_TCP
                                  : (enum weir_stats_proto)protos[pair - WEIR_PAIR_OTHER];
}

static_assert(sizeof(struct weir_traffic) % 8 == 0 && sizeof(struct weir_counters) % 8 == 0,
              "read as 64-bit words");

/* Copy or add 64-bit counters that somebody may be writing, each by itself. */
static void words_copy(void *to, const void *from, size_t bytes)
{
    const uint64_t *in = from;
    uint64_t *out = to;

    for (size_t i = 0; i < bytes / 8; i++)
        out[i] = __atomic_load_n(&in[i], __ATOMIC_RELAXED);
}

static void words_add(void *to, const void *from, size_t bytes)
{
    const uint64_t *in = from;
    uint64_t *out = to;

    for (size_t i = 0; i < bytes / 8; i++)
        out[i] += in[i];
}

static void level_add(struct weir_level *to, const struct weir_level *from)
{
    to->used += from->used;
    to->size += from->size;
}

void weir_traffic_sum(const struct weir_traffic *traffic, struct weir_port_traffic *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (unsigned int port = 0; port < RTE_MAX_ETHPORTS; port++)
        words_add(sum, &traffic->port[port], sizeof(*sum));
}

uint64_t weir_stats_refused(const struct weir_counters *counters)
{
    uint64_t refused = 0;

    for (unsigned int reason = 0; reason < WEIR_REASON_COUNT; reason++)
        if (weir_reason_class(reason) == WEIR_REASON_CLASS_REFUSE)
            refused += counters->reason[reason];
    return refused;
}

static struct weir_level ring_level(const struct rte_ring *ring)
{
    if (ring == NULL)
        return (struct weir_level){0, 0};
    return (struct weir_level){rte_ring_count(ring), rte_ring_get_capacity(ring)};
}

/* What follows from the counters. */
static void worker_conclude(struct weir_stats_worker *stats)
{
    weir_traffic_sum(&stats->traffic, &stats->sum);
    stats->flows = 0;
    memset(stats->proto, 0, sizeof(stats->proto));
    for (unsigned int pair = 0; pair < WEIR_PAIR_COUNT; pair++) {
        /* A gauge that is read between two of its owner's writes may be short of nothing. */
        if ((int64_t)stats->counters.pair[pair] < 0)
            stats->counters.pair[pair] = 0;
        stats->flows += stats->counters.pair[pair];
        stats->proto[proto_of(pair)] += stats->counters.pair[pair];
    }
}

static void worker_take(struct weir_stats_worker *stats, const struct weir_worker *worker)
{
    const struct weir_tracker *tracker = &worker->tracker;

    stats->id = worker->id;
    stats->lcore = worker->lcore;
    words_copy(&stats->traffic, &worker->traffic, sizeof(stats->traffic));
    words_copy(&stats->counters, &tracker->counters, sizeof(stats->counters));
    for (unsigned int i = 0; i < 2; i++)
        stats->table[i] = (struct weir_level){
            __atomic_load_n(&tracker->table[i].count, __ATOMIC_RELAXED),
            tracker->table[i].capacity,
        };
    stats->annex.size = tracker->annex.count;
    stats->annex.used =
        tracker->annex.count - __atomic_load_n(&tracker->annex.free, __ATOMIC_RELAXED);
    stats->inbox = ring_level(worker->inbox);
    worker_conclude(stats);
}

static void worker_add(struct weir_stats_worker *total, const struct weir_stats_worker *stats)
{
    words_add(&total->traffic, &stats->traffic, sizeof(stats->traffic));
    words_add(&total->counters, &stats->counters, sizeof(stats->counters));
    for (unsigned int i = 0; i < 2; i++)
        level_add(&total->table[i], &stats->table[i]);
    level_add(&total->annex, &stats->annex);
    level_add(&total->inbox, &stats->inbox);
    level_add(&total->outgoing, &stats->outgoing);
}

static void ports_take(struct weir_stats *stats, const struct weir_ports *ports)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct weir_stats_port *port = &stats->port[id];
        struct rte_eth_stats own;

        port->used = ports->port[id].used;
        if (!port->used)
            continue;
        port->traffic = stats->total.traffic.port[id];
        if (rte_eth_stats_get(id, &own) != 0)
            continue;
        port->missed = own.imissed;
        port->errors = own.ierrors;
        port->no_buffer = own.rx_nombuf;
        port->send_errors = own.oerrors;
    }
    if (ports->pool == NULL)
        return;
    stats->mempool.size = ports->pool->size;
    stats->mempool.used = rte_mempool_in_use_count(ports->pool);
}

static void outgoing_take(struct weir_level *sum, const struct weir_fleet *fleet)
{
    *sum = (struct weir_level){0, 0};
    for (unsigned int port = 0; port < RTE_MAX_ETHPORTS; port++) {
        struct weir_level level = ring_level(fleet->outgoing[port]);

        level_add(sum, &level);
    }
}

void weir_stats_take(struct weir_stats *stats, const struct weir_fleet *fleet)
{
    stats->hz = rte_get_tsc_hz();
    stats->workers = fleet->count;
    memset(&stats->total, 0, sizeof(stats->total));
    for (unsigned int id = 0; id < fleet->count; id++) {
        worker_take(&stats->worker[id], fleet->worker[id]);
        if (id == 0)
            outgoing_take(&stats->worker[0].outgoing, fleet);
        worker_add(&stats->total, &stats->worker[id]);
    }
    worker_conclude(&stats->total);
    ports_take(stats, fleet->ports);
}
