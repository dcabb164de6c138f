/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics: one snapshot of what all workers and ports have counted, and of how full things are.
 *
 * Each counter is read by itself while its owner goes on counting, so that counters of one snapshot
 * may differ by what happened in between; none is ever half written.
 */
#ifndef WEIR_APP_STATS_H
#define WEIR_APP_STATS_H

#include "weir/ipfix.h"
#include "weir/workers.h"

/* What weir_stats_proto counts: the protocols that pairs tell apart. */
enum weir_stats_proto {
    WEIR_STATS_TCP,
    WEIR_STATS_UDP,
    WEIR_STATS_ICMP,
    WEIR_STATS_SCTP,
    WEIR_STATS_OTHER,
    WEIR_STATS_PROTOS
};

struct weir_level {
    uint64_t used;
    uint64_t size;
};

struct weir_stats_worker {
    unsigned int id;
    unsigned int lcore;
    struct weir_traffic traffic;
    struct weir_counters counters;
    struct weir_level table[2]; /* IPv4, IPv6 */
    struct weir_level annex;
    struct weir_level inbox;    /* 0 of 0 with one worker */
    struct weir_level outgoing; /* of all ports; worker 0 only */
    /* made from the above */
    struct weir_port_traffic sum; /* of all ports */
    uint64_t flows;
    uint64_t proto[WEIR_STATS_PROTOS]; /* flows */
};

struct weir_stats_port {
    bool used;
    struct weir_port_traffic traffic;   /* of all workers */
    uint64_t missed, errors, no_buffer; /* as the port itself counts them, and */
    uint64_t send_errors;               /* likewise */
};

/* What the control core counts of its own work. */
struct weir_stats_control {
    uint64_t connections; /* now */
    uint64_t requests;
    uint64_t listings;        /* now */
    uint64_t subscribers;     /* now */
    uint64_t subscriber_lost; /* lines that slow readers did not get */
    uint64_t records_taken;   /* for the flow file, and of them */
    uint64_t records_written; /* those it took, and */
    uint64_t flows_unwritten; /* those it did not */
    uint64_t traces_unwritten;
    uint64_t captured; /* refused packets in the capture, and */
    uint64_t captures_unwritten;
    uint64_t reloads, reloads_failed;
    struct weir_ipfix_counts ipfix;
};

struct weir_stats {
    uint64_t time_us; /* microseconds since the epoch */
    uint64_t uptime_us;
    uint64_t hz; /* TSC cycles a second */
    unsigned int workers;
    struct weir_stats_worker worker[WEIR_WORKERS_MAX];
    struct weir_stats_worker total;
    struct weir_stats_port port[RTE_MAX_ETHPORTS];
    struct weir_level mempool; /* packet buffers */
    struct weir_stats_control control;
};

/* Fill in all of stats but time and control. Control core only; takes no lock and stops nobody. */
void weir_stats_take(struct weir_stats *stats, const struct weir_fleet *fleet);

/* Frames of one worker, all ports together. */
void weir_traffic_sum(const struct weir_traffic *traffic, struct weir_port_traffic *sum);

/* Packets refused, whatever became of them. */
uint64_t weir_stats_refused(const struct weir_counters *counters);

/* "tcp", "udp", "icmp", "sctp", "other". */
const char *weir_stats_proto_name(enum weir_stats_proto proto);

#endif
