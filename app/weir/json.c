/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/reason.h"
#include "core/tcp_state.h"
#include "weir/control.h"

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void put(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, number(value));
}

static void put_frames(json_t *object, const struct weir_port_traffic *traffic)
{
    put(object, "rx_packets", traffic->rx_packets);
    put(object, "rx_bytes", traffic->rx_bytes);
    put(object, "tx_packets", traffic->tx_packets);
    put(object, "tx_bytes", traffic->tx_bytes);
    put(object, "tx_lost", traffic->tx_lost);
}

static json_t *level(const struct weir_level *level)
{
    json_t *object = json_object();

    put(object, "used", level->used);
    put(object, "size", level->size);
    return object;
}

/* One member a name. */
static json_t *named(const uint64_t *value, unsigned int count, const char *(*name)(unsigned int))
{
    json_t *object = json_object();

    for (unsigned int i = 0; i < count; i++)
        put(object, name(i), value[i]);
    return object;
}

static const char *proto_name(unsigned int proto)
{
    return weir_stats_proto_name((enum weir_stats_proto)proto);
}

static json_t *histogram(const uint64_t *bucket, unsigned int count)
{
    json_t *array = json_array();

    for (unsigned int i = 0; i < count; i++) {
        json_t *row = json_object();

        put(row, "le", UINT64_C(1) << i);
        put(row, "count", bucket[i]);
        json_array_append_new(array, row);
    }
    return array;
}

static json_t *states(const uint64_t *pair)
{
    json_t *array = json_array();

    for (unsigned int i = 0; i < WEIR_PAIR_OTHER; i++) {
        uint8_t state[2];
        json_t *row;

        if (pair[i] == 0)
            continue;
        weir_pair_states(i, state);
        row = json_object();
        json_object_set_new(row, "orig", json_string(weir_tcp_state_name(state[WEIR_ORIG])));
        json_object_set_new(row, "resp", json_string(weir_tcp_state_name(state[WEIR_RESP])));
        put(row, "flows", pair[i]);
        json_array_append_new(array, row);
    }
    return array;
}

static json_t *tables(const struct weir_stats_worker *worker)
{
    json_t *array = json_array();

    for (unsigned int i = 0; i < 2; i++) {
        json_t *row = json_object();

        put(row, "family", i == 0 ? 4 : 6);
        put(row, "flows", worker->table[i].used);
        put(row, "capacity", worker->table[i].size);
        json_array_append_new(array, row);
    }
    return array;
}

static double share(uint64_t part, uint64_t rest)
{
    return part + rest == 0 ? 0.0 : (double)part / (double)(part + rest);
}

static void put_loop(json_t *object, const struct weir_stats_worker *worker)
{
    const struct weir_traffic *traffic = &worker->traffic;
    uint64_t packets = worker->counters.packets;

    put(object, "swept", worker->counters.swept);
    put(object, "polls", traffic->polls);
    put(object, "polls_idle", traffic->polls_idle);
    put(object, "busy_cycles", traffic->busy_cycles);
    put(object, "idle_cycles", traffic->idle_cycles);
    json_object_set_new(object, "idle_share",
                        json_real(share(traffic->idle_cycles, traffic->busy_cycles)));
    json_object_set_new(
        object, "cycles_per_packet",
        json_real(packets == 0 ? 0.0 : (double)traffic->busy_cycles / (double)packets));
    json_object_set_new(object, "burst_fill", histogram(traffic->burst_fill, WEIR_FILL_BUCKETS));
    json_object_set_new(object, "poll_cycles", histogram(traffic->poll_cycles, WEIR_POLL_BUCKETS));
}

static void put_rings(json_t *object, const struct weir_stats_worker *worker)
{
    const struct weir_traffic *traffic = &worker->traffic;

    put(object, "steer_lost", traffic->steer_lost);
    put(object, "trace_lost", traffic->trace_lost);
    put(object, "capture_lost", traffic->mirror_lost);
    put(object, "records_lost", worker->counters.records_lost);
    put(object, "events_lost", worker->counters.events_lost);
    put(object, "annex_full", worker->counters.annex_full);
    put(object, "handed_out", traffic->handed_out);
    put(object, "handed_in", traffic->handed_in);
    put(object, "passed_out", traffic->passed_out);
    put(object, "passed_in", traffic->passed_in);
    put(object, "answers", traffic->answers);
    json_object_set_new(object, "inbox", level(&worker->inbox));
    json_object_set_new(object, "outgoing", level(&worker->outgoing));
    json_object_set_new(object, "annex", level(&worker->annex));
}

static json_t *worker_stats(const struct weir_stats_worker *worker)
{
    const struct weir_counters *counters = &worker->counters;
    json_t *object = json_object();

    put_frames(object, &worker->sum);
    put_rings(object, worker);
    put(object, "packets", counters->packets);
    put(object, "bytes", counters->bytes);
    json_object_set_new(object, "verdicts",
                        named(counters->verdict, WEIR_VERDICT_COUNT, weir_verdict_name));
    json_object_set_new(object, "reasons",
                        named(counters->reason, WEIR_REASON_COUNT, weir_reason_name));
    put(object, "flows", worker->flows);
    put(object, "created", counters->created);
    json_object_set_new(object, "ended", named(counters->ended, WEIR_END_COUNT, weir_end_name));
    json_object_set_new(object, "protocols", named(worker->proto, WEIR_STATS_PROTOS, proto_name));
    json_object_set_new(object, "states", states(counters->pair));
    json_object_set_new(object, "tables", tables(worker));
    put_loop(object, worker);
    return object;
}

static json_t *ports_stats(const struct weir_control *control, const struct weir_stats *stats)
{
    json_t *array = json_array();

    for (unsigned int id = 0; id < RTE_MAX_ETHPORTS; id++) {
        const struct weir_stats_port *port = &stats->port[id];
        const struct weir_port *made = &control->ports.port[id];
        json_t *object;

        if (!port->used)
            continue;
        object = json_object();
        put(object, "port", id);
        json_object_set_new(object, "name", json_string(made->name));
        json_object_set_new(object, "peer",
                            made->peer == WEIR_PORT_NONE ? json_null() : number(made->peer));
        json_object_set_new(object, "mode", json_string(made->shadow ? "shadow" : "enforce"));
        put_frames(object, &port->traffic);
        put(object, "rx_missed", port->missed);
        put(object, "rx_errors", port->errors);
        put(object, "rx_no_buffer", port->no_buffer);
        put(object, "tx_errors", port->send_errors);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *control_stats(const struct weir_stats_control *counts)
{
    json_t *object = json_object();

    put(object, "connections", counts->connections);
    put(object, "requests", counts->requests);
    put(object, "listings", counts->listings);
    put(object, "subscribers", counts->subscribers);
    put(object, "subscriber_lost", counts->subscriber_lost);
    put(object, "records_written", counts->records_written);
    put(object, "records_unwritten", counts->flows_unwritten);
    put(object, "traces_unwritten", counts->traces_unwritten);
    put(object, "captured", counts->captured);
    put(object, "captures_unwritten", counts->captures_unwritten);
    put(object, "reloads", counts->reloads);
    put(object, "reloads_failed", counts->reloads_failed);
    put(object, "ipfix_records", counts->ipfix.records);
    put(object, "ipfix_lost", counts->ipfix.lost);
    put(object, "ipfix_attempts", counts->ipfix.attempts);
    return object;
}

json_t *weir_json_stats(const struct weir_control *control, const struct weir_stats *stats)
{
    json_t *object = json_object();
    json_t *workers = json_array();

    for (unsigned int id = 0; id < stats->workers; id++) {
        json_t *worker = worker_stats(&stats->worker[id]);

        put(worker, "id", stats->worker[id].id);
        put(worker, "lcore", stats->worker[id].lcore);
        json_array_append_new(workers, worker);
    }
    json_object_set_new(object, "version", json_string(WEIR_VERSION));
    json_object_set_new(object, "time", json_real((double)stats->time_us / 1e6));
    json_object_set_new(object, "uptime_sec", json_real((double)stats->uptime_us / 1e6));
    put(object, "hz", stats->hz);
    json_object_set_new(object, "total", worker_stats(&stats->total));
    json_object_set_new(object, "workers", workers);
    json_object_set_new(object, "ports", ports_stats(control, stats));
    json_object_set_new(object, "mempool", level(&stats->mempool));
    json_object_set_new(object, "control", control_stats(&stats->control));
    return object;
}

json_t *weir_json_key_name(const struct weir_config_key *key)
{
    return json_sprintf("%s.%s", key->group, key->name);
}

json_t *weir_json_key_value(const struct weir_config_key *key, struct weir_settings *settings)
{
    const char *at = (const char *)settings + key->offset;
    uint32_t word;

    if (key->type == WEIR_CONFIG_PATH)
        return json_string(at);
    if (key->type == WEIR_CONFIG_BOOL)
        return json_boolean(*(const bool *)at);
    memcpy(&word, at, sizeof(word));
    return key->type == WEIR_CONFIG_WORD ? json_string(key->words[word]) : number(word);
}

json_t *weir_json_config(struct weir_settings *settings)
{
    json_t *object = json_object();

    json_object_set_new(object, "config_file", json_string(settings->config_file));
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];
        json_t *group = json_object_get(object, key->group);

        if (group == NULL) {
            group = json_object();
            json_object_set_new(object, key->group, group);
        }
        json_object_set_new(group, key->name, weir_json_key_value(key, settings));
    }
    return object;
}

json_t *weir_json_health(struct weir_control *control, bool *well)
{
    const struct weir_stats *stats = weir_control_stats(control);
    json_t *problems = json_array();
    json_t *object = json_object();

    if (control->stopping)
        json_array_append_new(problems, json_string("weir is ending"));
    if (weir_control_output_failed(control))
        json_array_append_new(problems, json_string("an output cannot be written"));
    if (weir_control_output_stuck(control))
        json_array_append_new(problems, json_string("whoever reads an output takes nothing"));
    if (control->ipfix != NULL && !stats->control.ipfix.up)
        json_array_append_new(problems, json_string("the IPFIX collector does not answer"));
    for (unsigned int id = 0; id < stats->workers; id++)
        if (control->stalled[id])
            json_array_append_new(problems, json_sprintf("worker %u does not poll", id));
    *well = json_array_size(problems) == 0;
    json_object_set_new(object, "status", json_string(*well ? "ok" : "failing"));
    json_object_set_new(object, "version", json_string(WEIR_VERSION));
    put(object, "pid", (uint64_t)getpid());
    json_object_set_new(object, "uptime_sec", json_real((double)stats->uptime_us / 1e6));
    put(object, "workers", stats->workers);
    put(object, "flows", stats->total.flows);
    json_object_set_new(object, "problems", problems);
    return object;
}

/* What a client has written may stand in it, which need not be UTF-8: then "?" stands for all that
 * is not ASCII. */
json_t *weir_json_error(const char *error)
{
    json_t *answer = json_pack("{s:s}", "error", error);
    char *copy = answer != NULL ? NULL : strdup(error);

    if (copy == NULL)
        return answer;
    for (char *octet = copy; *octet != '\0'; octet++)
        if ((unsigned char)*octet > 0x7e)
            *octet = '?';
    answer = json_pack("{s:s}", "error", copy);
    free(copy);
    return answer;
}
