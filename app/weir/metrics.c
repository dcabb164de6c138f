/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/reason.h"
#include "core/tcp_state.h"
#include "weir/control.h"

#define POLL_FIRST 6U  /* 64 cycles: nothing is quicker */
#define POLL_LAST  27U /* 2^27 cycles: some 50 ms */

struct page {
    FILE *out;
    const struct weir_control *control;
    const struct weir_stats *stats;
    bool open;
    const char *name; /* of the family at hand */
    const char *suffix;
};

/* Families. The suffix of counters is part of their name in one format, and not in the other. */

static void family(struct page *page, const char *name, const char *type, const char *help)
{
    bool counter = type[0] == 'c';

    page->name = name;
    page->suffix = counter ? "_total" : "";
    fprintf(page->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, page->open ? "" : page->suffix,
            help, name, page->open ? "" : page->suffix, type);
}

static void counter(struct page *page, const char *name, const char *help)
{
    family(page, name, "counter", help);
}

static void gauge(struct page *page, const char *name, const char *help)
{
    family(page, name, "gauge", help);
}

__attribute__((format(printf, 3, 4))) static void sample(struct page *page, uint64_t value,
                                                         const char *labels, ...)
{
    va_list arguments;

    fprintf(page->out, "%s%s{", page->name, page->suffix);
    va_start(arguments, labels);
    vfprintf(page->out, labels, arguments);
    va_end(arguments);
    fprintf(page->out, "} %" PRIu64 "\n", value);
}

/* One counter of every worker, where it is in struct weir_stats_worker. */
static void by_worker(struct page *page, size_t offset)
{
    for (unsigned int id = 0; id < page->stats->workers; id++)
        sample(page, *(const uint64_t *)((const char *)&page->stats->worker[id] + offset),
               "worker=\"%u\"", id);
}

/* An array of counters of every worker, by name. */
static void by_name(struct page *page, size_t offset, unsigned int count, const char *label,
                    const char *(*name)(unsigned int))
{
    for (unsigned int id = 0; id < page->stats->workers; id++) {
        const uint64_t *value = (const uint64_t *)((const char *)&page->stats->worker[id] + offset);

        for (unsigned int i = 0; i < count; i++)
            sample(page, value[i], "worker=\"%u\",%s=\"%s\"", id, label, name(i));
    }
}

#define AT(field) offsetof(struct weir_stats_worker, field)

/* Ports */

static void by_port(struct page *page, const char *name, const char *help, size_t offset)
{
    counter(page, name, help);
    for (unsigned int id = 0; id < RTE_MAX_ETHPORTS; id++)
        if (page->stats->port[id].used)
            sample(page, *(const uint64_t *)((const char *)&page->stats->port[id] + offset),
                   "port=\"%s\"", page->control->ports.port[id].name);
}

static void put_ports(struct page *page)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"weir_port_received_packets", "Frames received by a port.",
         offsetof(struct weir_stats_port, traffic.rx_packets)},
        {"weir_port_received_bytes", "Octets of frames received by a port.",
         offsetof(struct weir_stats_port, traffic.rx_bytes)},
        {"weir_port_sent_packets", "Frames sent by a port.",
         offsetof(struct weir_stats_port, traffic.tx_packets)},
        {"weir_port_sent_bytes", "Octets of frames sent by a port.",
         offsetof(struct weir_stats_port, traffic.tx_bytes)},
        {"weir_port_send_lost_packets",
         "Frames not sent: a full transmit queue or ring, or too large for the port.",
         offsetof(struct weir_stats_port, traffic.tx_lost)},
        {"weir_port_receive_missed_packets", "Frames that a port had no descriptor for.",
         offsetof(struct weir_stats_port, missed)},
        {"weir_port_receive_errors", "Frames that a port received broken.",
         offsetof(struct weir_stats_port, errors)},
        {"weir_port_receive_no_buffer", "Receptions that failed for want of a packet buffer.",
         offsetof(struct weir_stats_port, no_buffer)},
        {"weir_port_send_errors",
         "Frames that a driver could not send: its link is down, say. Some count lost ones, too.",
         offsetof(struct weir_stats_port, send_errors)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        by_port(page, rows[i].name, rows[i].help, rows[i].offset);
}

/* Packets and flows */

static const char *proto_name(unsigned int proto)
{
    return weir_stats_proto_name((enum weir_stats_proto)proto);
}

static void put_packets(struct page *page)
{
    counter(page, "weir_packets", "Packets tracked, by verdict.");
    by_name(page, AT(counters.verdict), WEIR_VERDICT_COUNT, "verdict", weir_verdict_name);
    counter(page, "weir_bytes", "Octets of IP of the packets tracked.");
    by_worker(page, AT(counters.bytes));
    counter(page, "weir_reasons",
            "Packets by the reason of their verdict; none is a plain forward.");
    by_name(page, AT(counters.reason), WEIR_REASON_COUNT, "reason", weir_reason_name);
    counter(page, "weir_answers", "Answers sent to senders of rejected packets.");
    by_worker(page, AT(traffic.answers));
}

static void put_pairs(struct page *page)
{
    gauge(page, "weir_tcp_flows", "TCP flows by the states of originator and responder.");
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++) {
        uint8_t state[2];

        weir_pair_states(pair, state);
        sample(page, page->stats->total.counters.pair[pair], "orig_state=\"%s\",resp_state=\"%s\"",
               weir_tcp_state_name(state[WEIR_ORIG]), weir_tcp_state_name(state[WEIR_RESP]));
    }
}

/* How full something is in two families, by worker and family of addresses. */
static void put_tables(struct page *page)
{
    for (unsigned int size = 0; size < 2; size++) {
        if (size == 0)
            gauge(page, "weir_table_flows", "Records in use.");
        else
            gauge(page, "weir_table_capacity", "Records there are.");
        for (unsigned int id = 0; id < page->stats->workers; id++)
            for (unsigned int i = 0; i < 2; i++) {
                const struct weir_level *table = &page->stats->worker[id].table[i];

                sample(page, size == 0 ? table->used : table->size, "worker=\"%u\",family=\"%s\"",
                       id, i == 0 ? "ipv4" : "ipv6");
            }
    }
}

static void put_flows(struct page *page)
{
    gauge(page, "weir_flows", "Flows now, by protocol.");
    by_name(page, AT(proto), WEIR_STATS_PROTOS, "protocol", proto_name);
    put_pairs(page);
    counter(page, "weir_flows_created", "Flows begun.");
    by_worker(page, AT(counters.created));
    counter(page, "weir_flows_ended", "Flows ended, by why.");
    by_name(page, AT(counters.ended), WEIR_END_COUNT, "reason", weir_end_name);
    put_tables(page);
}

/* Workers */

static void put_losses(struct page *page)
{
    static const struct {
        const char *what;
        size_t offset;
    } rows[] = {
        {"record", AT(counters.records_lost)}, {"event", AT(counters.events_lost)},
        {"trace", AT(traffic.trace_lost)},     {"steered_packet", AT(traffic.steer_lost)},
        {"annex", AT(counters.annex_full)},    {"captured_packet", AT(traffic.mirror_lost)},
    };

    counter(page, "weir_lost", "What found no room, by what it was.");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned int id = 0; id < page->stats->workers; id++)
            sample(page,
                   *(const uint64_t *)((const char *)&page->stats->worker[id] + rows[i].offset),
                   "worker=\"%u\",what=\"%s\"", id, rows[i].what);
}

static void put_rings(struct page *page)
{
    counter(page, "weir_steered_packets", "Packets handed to the worker that owns their flow.");
    by_worker(page, AT(traffic.handed_out));
    counter(page, "weir_passed_packets", "Packets passed to a worker that has a transmit queue.");
    by_worker(page, AT(traffic.passed_out));
    gauge(page, "weir_inbox_packets", "Packets waiting in a worker's inbox.");
    by_worker(page, AT(inbox.used));
    gauge(page, "weir_inbox_capacity", "Packets that a worker's inbox holds.");
    by_worker(page, AT(inbox.size));
    gauge(page, "weir_outgoing_packets", "Packets waiting for worker 0 to send them.");
    by_worker(page, AT(outgoing.used));
    gauge(page, "weir_outgoing_capacity", "Packets that the outgoing rings of all ports hold.");
    by_worker(page, AT(outgoing.size));
    gauge(page, "weir_annexes", "Annexes in use by flows with large counters.");
    by_worker(page, AT(annex.used));
    gauge(page, "weir_annex_capacity", "Annexes there are.");
    by_worker(page, AT(annex.size));
}

static void seconds(struct page *page, unsigned int id, uint64_t cycles)
{
    fprintf(page->out, "%s%s{worker=\"%u\"} %.9g\n", page->name, page->suffix, id,
            (double)cycles / (double)page->stats->hz);
}

static void put_load(struct page *page)
{
    counter(page, "weir_polls", "Rounds of a worker's loop.");
    by_worker(page, AT(traffic.polls));
    counter(page, "weir_idle_polls", "Rounds that found no packet.");
    by_worker(page, AT(traffic.polls_idle));
    counter(page, "weir_busy_seconds", "Time in rounds that found packets.");
    for (unsigned int id = 0; id < page->stats->workers; id++)
        seconds(page, id, page->stats->worker[id].traffic.busy_cycles);
    counter(page, "weir_idle_seconds", "Time in rounds that found none.");
    for (unsigned int id = 0; id < page->stats->workers; id++)
        seconds(page, id, page->stats->worker[id].traffic.idle_cycles);
    counter(page, "weir_busy_cycles", "TSC cycles in rounds that found packets.");
    by_worker(page, AT(traffic.busy_cycles));
    counter(page, "weir_swept_records", "Records that the sweep for expired flows has visited.");
    by_worker(page, AT(counters.swept));
}

/* Histograms */

static void put_fill(struct page *page)
{
    family(page, "weir_burst_packets", "histogram", "Packets of a burst received from a port.");
    for (unsigned int id = 0; id < page->stats->workers; id++) {
        const struct weir_stats_worker *worker = &page->stats->worker[id];
        uint64_t count = 0;

        for (unsigned int i = 0; i < WEIR_FILL_BUCKETS; i++) {
            count += worker->traffic.burst_fill[i];
            fprintf(page->out, "%s_bucket{worker=\"%u\",le=\"%u.0\"} %" PRIu64 "\n", page->name, id,
                    1U << i, count);
        }
        fprintf(page->out,
                "%s_bucket{worker=\"%u\",le=\"+Inf\"} %" PRIu64 "\n"
                "%s_sum{worker=\"%u\"} %" PRIu64 "\n%s_count{worker=\"%u\"} %" PRIu64 "\n",
                page->name, id, count, page->name, id, worker->sum.rx_packets, page->name, id,
                count);
    }
}

static void put_poll_buckets(struct page *page, const struct weir_stats_worker *worker)
{
    uint64_t count = 0;

    for (unsigned int i = 0; i < WEIR_POLL_BUCKETS; i++) {
        count += worker->traffic.poll_cycles[i];
        if (i >= POLL_FIRST && i <= POLL_LAST)
            fprintf(page->out, "%s_bucket{worker=\"%u\",le=\"%.9g\"} %" PRIu64 "\n", page->name,
                    worker->id, (double)(UINT64_C(1) << i) / (double)page->stats->hz, count);
    }
    fprintf(page->out, "%s_bucket{worker=\"%u\",le=\"+Inf\"} %" PRIu64 "\n", page->name, worker->id,
            count);
    fprintf(page->out, "%s_count{worker=\"%u\"} %" PRIu64 "\n", page->name, worker->id, count);
}

static void put_poll(struct page *page)
{
    family(page, "weir_poll_seconds", "histogram", "Length of a round of a worker's loop.");
    for (unsigned int id = 0; id < page->stats->workers; id++) {
        const struct weir_traffic *traffic = &page->stats->worker[id].traffic;

        put_poll_buckets(page, &page->stats->worker[id]);
        page->suffix = "_sum";
        seconds(page, id, traffic->busy_cycles + traffic->idle_cycles);
    }
}

/* The rest */

static void one(struct page *page, uint64_t value)
{
    fprintf(page->out, "%s%s %" PRIu64 "\n", page->name, page->suffix, value);
}

static void put_control(struct page *page)
{
    const struct weir_stats_control *counts = &page->stats->control;

    gauge(page, "weir_mempool_buffers", "Packet buffers in use.");
    one(page, page->stats->mempool.used);
    gauge(page, "weir_mempool_capacity", "Packet buffers there are.");
    one(page, page->stats->mempool.size);
    gauge(page, "weir_http_connections", "Open connections of HTTP clients.");
    one(page, counts->connections);
    counter(page, "weir_http_requests", "Requests of HTTP clients.");
    one(page, counts->requests);
    gauge(page, "weir_listings", "Listings, counts and deletions under way.");
    one(page, counts->listings);
    gauge(page, "weir_subscribers", "Readers of events and traces.");
    one(page, counts->subscribers);
    counter(page, "weir_subscriber_lost", "Lines that slow readers of events did not get.");
    one(page, counts->subscriber_lost);
    counter(page, "weir_records_written", "Flow records written to the flow file.");
    one(page, counts->records_written);
    counter(page, "weir_unwritten", "Records that an output did not take.");
    sample(page, counts->flows_unwritten, "output=\"flows\"");
    sample(page, counts->traces_unwritten, "output=\"trace\"");
    sample(page, counts->captures_unwritten, "output=\"capture\"");
    counter(page, "weir_captured_packets", "Refused packets written to the capture.");
    one(page, counts->captured);
    counter(page, "weir_ipfix_records", "Flow records handed on to the IPFIX collector.");
    one(page, counts->ipfix.records);
    counter(page, "weir_ipfix_lost", "Flow records that found no IPFIX collector.");
    one(page, counts->ipfix.lost);
    gauge(page, "weir_ipfix_up",
          "1 if the IPFIX collector can be reached, 0 if not or if there is none.");
    one(page, counts->ipfix.up);
    counter(page, "weir_reloads", "Reloads that were carried out.");
    one(page, counts->reloads);
    counter(page, "weir_reloads_failed", "Reloads that were refused.");
    one(page, counts->reloads_failed);
}

static void put_about(struct page *page)
{
    gauge(page, "weir_build_info", "Always 1; the version is a label.");
    sample(page, 1, "version=\"%s\"", WEIR_VERSION);
    gauge(page, "weir_start_time_seconds", "When it was started, seconds since the epoch.");
    fprintf(page->out, "%s %.3f\n", page->name,
            (double)(page->stats->time_us - page->stats->uptime_us) / 1e6);
    gauge(page, "weir_tsc_hertz", "TSC cycles a second.");
    one(page, page->stats->hz);
    gauge(page, "weir_workers", "Packet workers.");
    one(page, page->stats->workers);
}

char *weir_metrics_text(const struct weir_control *control, const struct weir_stats *stats,
                        bool open, size_t *len)
{
    char *text = NULL;
    struct page page = {
        .out = open_memstream(&text, len), .control = control, .stats = stats, .open = open};

    if (page.out == NULL)
        return NULL;
    put_about(&page);
    put_ports(&page);
    put_packets(&page);
    put_flows(&page);
    put_losses(&page);
    put_rings(&page);
    put_load(&page);
    put_fill(&page);
    put_poll(&page);
    put_control(&page);
    if (open)
        fputs("# EOF\n", page.out);
    if (fclose(page.out) == 0)
        return text;
    free(text);
    return NULL;
}
