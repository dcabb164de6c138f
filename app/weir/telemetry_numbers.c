/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/telemetry_numbers.h"

#include <bsd/string.h>
#include <stdio.h>

#include "core/tcp_state.h"

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))

/* Telemetry takes letters, digits, _ and / in names. */
void weir_telemetry_put(struct rte_tel_data *data, const char *name, uint64_t value)
{
    char key[RTE_TEL_MAX_STRING_LEN];

    strlcpy(key, name, sizeof(key));
    for (char *at = key; *at != '\0'; at++)
        if (*at == '-' || *at == '.')
            *at = '_';
    rte_tel_data_add_dict_u64(data, key, value);
}

/* A number of a struct that is counted in 64 bits. */
struct row {
    const char *name;
    size_t offset;
};

static void put_rows(struct rte_tel_data *data, const struct row *row, size_t count,
                     const void *from)
{
    for (size_t i = 0; i < count; i++)
        weir_telemetry_put(data, row[i].name,
                           *(const uint64_t *)((const char *)from + row[i].offset));
}

static void put_named(struct rte_tel_data *data, const char *group, const char *name,
                      uint64_t value)
{
    char text[RTE_TEL_MAX_STRING_LEN];

    snprintf(text, sizeof(text), "%s/%s", group, name);
    weir_telemetry_put(data, text, value);
}

/* TCP flows by both states, originator's first; pairs without flows left out. */
static void put_states(struct rte_tel_data *data, const uint64_t *pair)
{
    char name[RTE_TEL_MAX_STRING_LEN];

    for (unsigned int i = 0; i < WEIR_PAIR_OTHER; i++) {
        uint8_t state[2];

        if (pair[i] == 0)
            continue;
        weir_pair_states(i, state);
        snprintf(name, sizeof(name), "%s/%s", weir_tcp_state_name(state[WEIR_ORIG]),
                 weir_tcp_state_name(state[WEIR_RESP]));
        put_named(data, "state", name, pair[i]);
    }
}

/* Buckets by powers of two, as /stats has them. */
static void put_histogram(struct rte_tel_data *data, const char *group, const uint64_t *bucket,
                          unsigned int count)
{
    char bound[24];

    for (unsigned int i = 0; i < count; i++) {
        snprintf(bound, sizeof(bound), "%llu", 1ULL << i);
        put_named(data, group, bound, bucket[i]);
    }
}

/* Whole numbers, as telemetry has no others. */
static void put_load(struct rte_tel_data *data, const struct weir_stats_worker *worker)
{
    const struct weir_traffic *traffic = &worker->traffic;
    uint64_t cycles = traffic->busy_cycles + traffic->idle_cycles;
    uint64_t packets = worker->counters.packets;

    weir_telemetry_put(
        data, "idle_percent",
        cycles == 0 ? 0 : (uint64_t)(100.0 * (double)traffic->idle_cycles / (double)cycles));
    weir_telemetry_put(data, "cycles_per_packet",
                       packets == 0 ? 0 : traffic->busy_cycles / packets);
    put_histogram(data, "burst_fill", traffic->burst_fill, WEIR_FILL_BUCKETS);
    put_histogram(data, "poll_cycles", traffic->poll_cycles, WEIR_POLL_BUCKETS);
}

void weir_telemetry_put_worker(struct rte_tel_data *data, const struct weir_stats_worker *worker)
{
    static const struct row rows[] = {
        {"rx_packets", offsetof(struct weir_stats_worker, sum.rx_packets)},
        {"rx_bytes", offsetof(struct weir_stats_worker, sum.rx_bytes)},
        {"tx_packets", offsetof(struct weir_stats_worker, sum.tx_packets)},
        {"tx_bytes", offsetof(struct weir_stats_worker, sum.tx_bytes)},
        {"tx_lost", offsetof(struct weir_stats_worker, sum.tx_lost)},
        {"steer_lost", offsetof(struct weir_stats_worker, traffic.steer_lost)},
        {"trace_lost", offsetof(struct weir_stats_worker, traffic.trace_lost)},
        {"capture_lost", offsetof(struct weir_stats_worker, traffic.mirror_lost)},
        {"records_lost", offsetof(struct weir_stats_worker, counters.records_lost)},
        {"events_lost", offsetof(struct weir_stats_worker, counters.events_lost)},
        {"annex_full", offsetof(struct weir_stats_worker, counters.annex_full)},
        {"handed_out", offsetof(struct weir_stats_worker, traffic.handed_out)},
        {"handed_in", offsetof(struct weir_stats_worker, traffic.handed_in)},
        {"passed_out", offsetof(struct weir_stats_worker, traffic.passed_out)},
        {"passed_in", offsetof(struct weir_stats_worker, traffic.passed_in)},
        {"answers", offsetof(struct weir_stats_worker, traffic.answers)},
        {"inbox_used", offsetof(struct weir_stats_worker, inbox.used)},
        {"inbox_size", offsetof(struct weir_stats_worker, inbox.size)},
        {"outgoing_used", offsetof(struct weir_stats_worker, outgoing.used)},
        {"outgoing_size", offsetof(struct weir_stats_worker, outgoing.size)},
        {"annex_used", offsetof(struct weir_stats_worker, annex.used)},
        {"annex_size", offsetof(struct weir_stats_worker, annex.size)},
        {"packets", offsetof(struct weir_stats_worker, counters.packets)},
        {"bytes", offsetof(struct weir_stats_worker, counters.bytes)},
        {"flows", offsetof(struct weir_stats_worker, flows)},
        {"created", offsetof(struct weir_stats_worker, counters.created)},
        {"table4_flows", offsetof(struct weir_stats_worker, table[0].used)},
        {"table4_capacity", offsetof(struct weir_stats_worker, table[0].size)},
        {"table6_flows", offsetof(struct weir_stats_worker, table[1].used)},
        {"table6_capacity", offsetof(struct weir_stats_worker, table[1].size)},
        {"swept", offsetof(struct weir_stats_worker, counters.swept)},
        {"polls", offsetof(struct weir_stats_worker, traffic.polls)},
        {"polls_idle", offsetof(struct weir_stats_worker, traffic.polls_idle)},
        {"busy_cycles", offsetof(struct weir_stats_worker, traffic.busy_cycles)},
        {"idle_cycles", offsetof(struct weir_stats_worker, traffic.idle_cycles)},
    };

    put_rows(data, rows, ROWS(rows), worker);
    for (unsigned int i = 0; i < WEIR_VERDICT_COUNT; i++)
        put_named(data, "verdict", weir_verdict_name(i), worker->counters.verdict[i]);
    for (unsigned int i = 0; i < WEIR_END_COUNT; i++)
        put_named(data, "ended", weir_end_name(i), worker->counters.ended[i]);
    for (unsigned int i = 0; i < WEIR_STATS_PROTOS; i++)
        put_named(data, "protocol", weir_stats_proto_name((enum weir_stats_proto)i),
                  worker->proto[i]);
    put_states(data, worker->counters.pair);
    put_load(data, worker);
}

void weir_telemetry_put_port(struct rte_tel_data *data, const struct weir_stats_port *port)
{
    static const struct row rows[] = {
        {"rx_packets", offsetof(struct weir_stats_port, traffic.rx_packets)},
        {"rx_bytes", offsetof(struct weir_stats_port, traffic.rx_bytes)},
        {"tx_packets", offsetof(struct weir_stats_port, traffic.tx_packets)},
        {"tx_bytes", offsetof(struct weir_stats_port, traffic.tx_bytes)},
        {"tx_lost", offsetof(struct weir_stats_port, traffic.tx_lost)},
        {"rx_missed", offsetof(struct weir_stats_port, missed)},
        {"rx_errors", offsetof(struct weir_stats_port, errors)},
        {"rx_no_buffer", offsetof(struct weir_stats_port, no_buffer)},
        {"tx_errors", offsetof(struct weir_stats_port, send_errors)},
    };

    put_rows(data, rows, ROWS(rows), port);
}

void weir_telemetry_put_control(struct rte_tel_data *data, const struct weir_stats *stats)
{
    static const struct row rows[] = {
        {"mempool_used", offsetof(struct weir_stats, mempool.used)},
        {"mempool_size", offsetof(struct weir_stats, mempool.size)},
        {"connections", offsetof(struct weir_stats, control.connections)},
        {"requests", offsetof(struct weir_stats, control.requests)},
        {"listings", offsetof(struct weir_stats, control.listings)},
        {"subscribers", offsetof(struct weir_stats, control.subscribers)},
        {"subscriber_lost", offsetof(struct weir_stats, control.subscriber_lost)},
        {"records_written", offsetof(struct weir_stats, control.records_written)},
        {"records_unwritten", offsetof(struct weir_stats, control.flows_unwritten)},
        {"traces_unwritten", offsetof(struct weir_stats, control.traces_unwritten)},
        {"captured", offsetof(struct weir_stats, control.captured)},
        {"captures_unwritten", offsetof(struct weir_stats, control.captures_unwritten)},
        {"reloads", offsetof(struct weir_stats, control.reloads)},
        {"reloads_failed", offsetof(struct weir_stats, control.reloads_failed)},
        {"ipfix_records", offsetof(struct weir_stats, control.ipfix.records)},
        {"ipfix_lost", offsetof(struct weir_stats, control.ipfix.lost)},
        {"ipfix_attempts", offsetof(struct weir_stats, control.ipfix.attempts)},
    };

    put_rows(data, rows, ROWS(rows), stats);
}
