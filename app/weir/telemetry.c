/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/telemetry.h"

#include <arpa/inet.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_telemetry.h>

#include "core/tcp_state.h"
#include "weir/control.h"
#include "weir/json.h"
#include "weir/record.h"
#include "weir/scan.h"
#include "weir/telemetry_numbers.h"

#define PATIENCE_SEC 5
#define FLOWS_MAX    100U
#define PARAMS_MAX   512U

/* A command: what answers it. Returns 0 when done, -EAGAIN to be called again, or an error. */
typedef int answer_fn(struct weir_telemetry *telemetry);

enum slot { SLOT_FREE, SLOT_ASKED, SLOT_ANSWERED };

struct weir_telemetry {
    struct weir_control *control; /* NULL: nobody is there */
    pthread_mutex_t turn;         /* held by the one who asks */
    pthread_mutex_t lock;         /* of all below */
    pthread_cond_t changed;
    enum slot slot;
    answer_fn *answer;
    char params[PARAMS_MAX];
    struct rte_tel_data *data;
    int result;
    struct weir_scan *scan; /* of /weir/flows, while it goes on */
    unsigned int flows;     /* shown so far */
    unsigned int limit;
};

/* DPDK hands its callbacks nothing of ours, so there is one, for all runs of the process. */
static struct weir_telemetry the_telemetry = {
    .turn = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
};

/* Answers: in the control core's thread, lock held */

static int answer_stats(struct weir_telemetry *telemetry)
{
    const struct weir_stats *stats = weir_control_stats(telemetry->control);

    rte_tel_data_start_dict(telemetry->data);
    weir_telemetry_put_worker(telemetry->data, &stats->total);
    weir_telemetry_put_control(telemetry->data, stats);
    return 0;
}

/* The number that a command was given, below limit. Returns false if it was given another word. */
static bool number_read(const char *params, unsigned long limit, unsigned long *number)
{
    char *end;

    *number = strtoul(params, &end, 10);
    return params[0] >= '0' && params[0] <= '9' && *end == '\0' && *number < limit;
}

static int answer_workers(struct weir_telemetry *telemetry)
{
    const struct weir_stats *stats = weir_control_stats(telemetry->control);
    unsigned long id;

    if (telemetry->params[0] == '\0') {
        rte_tel_data_start_array(telemetry->data, RTE_TEL_INT_VAL);
        for (unsigned int i = 0; i < stats->workers; i++)
            rte_tel_data_add_array_int(telemetry->data, (int)i);
        return 0;
    }
    if (!number_read(telemetry->params, stats->workers, &id))
        return -EINVAL;
    rte_tel_data_start_dict(telemetry->data);
    weir_telemetry_put(telemetry->data, "lcore", stats->worker[id].lcore);
    weir_telemetry_put_worker(telemetry->data, &stats->worker[id]);
    return 0;
}

static int answer_ports(struct weir_telemetry *telemetry)
{
    const struct weir_stats *stats = weir_control_stats(telemetry->control);
    unsigned long id;

    if (telemetry->params[0] == '\0') {
        rte_tel_data_start_array(telemetry->data, RTE_TEL_INT_VAL);
        for (int i = 0; i < RTE_MAX_ETHPORTS; i++)
            if (stats->port[i].used)
                rte_tel_data_add_array_int(telemetry->data, i);
        return 0;
    }
    if (!number_read(telemetry->params, RTE_MAX_ETHPORTS, &id) || !stats->port[id].used)
        return -EINVAL;
    rte_tel_data_start_dict(telemetry->data);
    weir_telemetry_put_port(telemetry->data, &stats->port[id]);
    return 0;
}

static int answer_reasons(struct weir_telemetry *telemetry)
{
    const struct weir_stats *stats = weir_control_stats(telemetry->control);

    rte_tel_data_start_dict(telemetry->data);
    for (unsigned int i = 0; i < WEIR_REASON_COUNT; i++)
        weir_telemetry_put(telemetry->data, weir_reason_name(i), stats->total.counters.reason[i]);
    return 0;
}

static int answer_config(struct weir_telemetry *telemetry)
{
    struct weir_settings *settings = &telemetry->control->in_force;

    rte_tel_data_start_dict(telemetry->data);
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];
        json_t *value = weir_json_key_value(key, settings);
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        char name[RTE_TEL_MAX_STRING_LEN];

        snprintf(name, sizeof(name), "%s/%s", key->group, key->name);
        if (json_is_string(value))
            rte_tel_data_add_dict_string(telemetry->data, name, json_string_value(value));
        else if (text != NULL)
            rte_tel_data_add_dict_string(telemetry->data, name, text);
        free(text);
        json_decref(value);
    }
    return 0;
}

static int answer_health(struct weir_telemetry *telemetry)
{
    bool well;
    json_t *health = weir_json_health(telemetry->control, &well);

    rte_tel_data_start_dict(telemetry->data);
    rte_tel_data_add_dict_string(telemetry->data, "status", well ? "ok" : "failing");
    rte_tel_data_add_dict_string(telemetry->data, "version", WEIR_VERSION);
    weir_telemetry_put(telemetry->data, "problems",
                       json_array_size(json_object_get(health, "problems")));
    weir_telemetry_put(telemetry->data, "flows", telemetry->control->stats.total.flows);
    weir_telemetry_put(telemetry->data, "workers", telemetry->control->stats.workers);
    json_decref(health);
    return 0;
}

/* "tcp 192.0.2.1 1024 > 192.0.2.2 80 ESTABLISHED/ESTABLISHED": ids are names, this is the value. */
static void put_flow(struct rte_tel_data *data, const struct weir_flow_view *flow)
{
    char src[INET6_ADDRSTRLEN] = "?";
    char dst[INET6_ADDRSTRLEN] = "?";
    char id[17];
    char number[4];
    char text[RTE_TEL_MAX_STRING_LEN];
    const char *proto = weir_proto_name(flow->proto);
    int family = flow->family == 6 ? AF_INET6 : AF_INET;
    int len;

    snprintf(number, sizeof(number), "%u", flow->proto);
    snprintf(id, sizeof(id), "%016" PRIx64, flow->id);
    inet_ntop(family, flow->addr[WEIR_ORIG], src, sizeof(src));
    inet_ntop(family, flow->addr[WEIR_RESP], dst, sizeof(dst));
    len = snprintf(text, sizeof(text), "%s %s %u > %s %u", proto == NULL ? number : proto, src,
                   flow->port[WEIR_ORIG], dst, flow->port[WEIR_RESP]);
    if (flow->state[WEIR_ORIG] != WEIR_STATE_NONE)
        snprintf(text + len, sizeof(text) - (size_t)len, " %s/%s",
                 weir_tcp_state_name(flow->state[WEIR_ORIG]),
                 weir_tcp_state_name(flow->state[WEIR_RESP]));
    rte_tel_data_add_dict_string(data, id, text);
}

/* name=value&name=value, as in the query of HTTP. */
static bool filter_read(struct weir_filter *filter, char *params)
{
    char error[256];

    weir_filter_init(filter, WEIR_FILTER_LIST);
    for (char *one = strsep(&params, "&"); one != NULL; one = strsep(&params, "&")) {
        char *value = strchr(one, '=');

        if (one[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (!weir_filter_add(filter, one, value, error, sizeof(error)))
            return false;
    }
    return true;
}

static int flows_begin(struct weir_telemetry *telemetry)
{
    struct weir_filter filter;

    if (!filter_read(&filter, telemetry->params))
        return -EINVAL;
    telemetry->scan = weir_scan_begin(&telemetry->control->fleet, &filter, 0,
                                      weir_control_now(telemetry->control));
    if (telemetry->scan == NULL)
        return -EBUSY;
    telemetry->flows = 0;
    telemetry->limit = filter.limit == 0 || filter.limit > FLOWS_MAX ? FLOWS_MAX : filter.limit;
    rte_tel_data_start_dict(telemetry->data);
    return 0;
}

static void flows_end(struct weir_telemetry *telemetry)
{
    weir_scan_end(telemetry->scan);
    telemetry->scan = NULL;
}

static int answer_flows(struct weir_telemetry *telemetry)
{
    int err = telemetry->scan == NULL ? flows_begin(telemetry) : 0;

    if (err < 0)
        return err;
    while (telemetry->flows < telemetry->limit) {
        struct weir_found found;
        enum weir_scan_result result = weir_scan_next(telemetry->scan, &found);

        if (result == WEIR_SCAN_WAIT)
            return -EAGAIN;
        if (result == WEIR_SCAN_OVER)
            break;
        put_flow(telemetry->data, &found.view);
        telemetry->flows++;
    }
    flows_end(telemetry);
    return 0;
}

/* Asking: in DPDK's threads */

static int wait_answer(struct weir_telemetry *telemetry)
{
    struct timespec end;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_SEC;
    while (telemetry->slot == SLOT_ASKED && telemetry->control != NULL && err == 0)
        err = pthread_cond_timedwait(&telemetry->changed, &telemetry->lock, &end);
    err = telemetry->slot == SLOT_ANSWERED ? telemetry->result : -ETIMEDOUT;
    telemetry->slot = SLOT_FREE; /* a listing under way finds that nobody waits */
    return err;
}

static int ask(answer_fn *answer, const char *params, struct rte_tel_data *data)
{
    struct weir_telemetry *telemetry = &the_telemetry;
    int result = -ENODEV;

    pthread_mutex_lock(&telemetry->turn);
    pthread_mutex_lock(&telemetry->lock);
    if (telemetry->control != NULL && telemetry->scan == NULL) {
        telemetry->answer = answer;
        telemetry->data = data;
        strlcpy(telemetry->params, params == NULL ? "" : params, sizeof(telemetry->params));
        telemetry->slot = SLOT_ASKED;
        result = wait_answer(telemetry);
    }
    pthread_mutex_unlock(&telemetry->lock);
    pthread_mutex_unlock(&telemetry->turn);
    return result;
}

#define COMMAND(name)                                                                              \
    static int on_##name(const char *command, const char *params, struct rte_tel_data *data)       \
    {                                                                                              \
        (void)command;                                                                             \
        return ask(answer_##name, params, data);                                                   \
    }

COMMAND(stats)
COMMAND(workers)
COMMAND(ports)
COMMAND(reasons)
COMMAND(flows)
COMMAND(config)
COMMAND(health)

static int commands_register(void)
{
    static const struct {
        const char *command;
        telemetry_cb call;
        const char *help;
    } rows[] = {
        {"/weir/stats", on_stats, "All workers together. No parameters"},
        {"/weir/workers", on_workers, "Numbers of the workers, or one worker. Parameter: number"},
        {"/weir/ports", on_ports, "Numbers of the ports, or one port. Parameter: number"},
        {"/weir/reasons", on_reasons, "Packets by reason. No parameters"},
        {"/weir/flows", on_flows,
         "Up to 100 flows. Parameters: a filter, as in src=192.0.2.0/24&dport=80"},
        {"/weir/config", on_config, "Every key of the configuration. No parameters"},
        {"/weir/health", on_health, "Whether all is well. No parameters"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int err = rte_telemetry_register_cmd(rows[i].command, rows[i].call, rows[i].help);

        if (err < 0) {
            warnx("telemetry command %s is not taken: %s", rows[i].command, strerror(-err));
            return err;
        }
    }
    return 0;
}

/* The control core's side */

int weir_telemetry_start(struct weir_control *control)
{
    int err = commands_register();

    if (err < 0)
        return err;
    pthread_mutex_lock(&the_telemetry.lock);
    the_telemetry.control = control;
    control->telemetry = &the_telemetry;
    pthread_mutex_unlock(&the_telemetry.lock);
    return 0;
}

unsigned int weir_telemetry_serve(struct weir_telemetry *telemetry)
{
    unsigned int done = 0;

    /* Whoever holds the lock for a moment is served in the next round. */
    if (telemetry == NULL || pthread_mutex_trylock(&telemetry->lock) != 0)
        return 0;
    if (telemetry->scan != NULL && (telemetry->slot != SLOT_ASKED || telemetry->control->stopping))
        flows_end(telemetry);
    if (telemetry->slot == SLOT_ASKED) {
        int result = telemetry->control->stopping ? -ENODEV : telemetry->answer(telemetry);

        if (result != -EAGAIN) {
            telemetry->result = result;
            telemetry->slot = SLOT_ANSWERED;
            pthread_cond_broadcast(&telemetry->changed);
            done = 1;
        }
    }
    pthread_mutex_unlock(&telemetry->lock);
    return done;
}

bool weir_telemetry_idle(const struct weir_telemetry *telemetry)
{
    return telemetry == NULL || telemetry->scan == NULL;
}

void weir_telemetry_stop(struct weir_telemetry *telemetry)
{
    if (telemetry == NULL)
        return;
    pthread_mutex_lock(&telemetry->lock);
    flows_end(telemetry);
    telemetry->control->telemetry = NULL;
    telemetry->control = NULL;
    pthread_cond_broadcast(&telemetry->changed);
    pthread_mutex_unlock(&telemetry->lock);
}
