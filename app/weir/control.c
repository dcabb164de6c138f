/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/control.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include "weir/http.h"
#include "weir/ipfix.h"
#include "weir/policy_swap.h"
#include "weir/record.h"
#include "weir/reload.h"
#include "weir/telemetry.h"

#define TAKE_AT_ONCE 256U
#define IDLE_USEC    200U
#define SECOND_USEC  1000000U
#define TELL_USEC    60000000U /* between two lines about losses */
#define ENDING_USEC  3000000U  /* that a reader may pause while weir ends */

uint64_t weir_monotonic_us(void)
{
    return rte_rdtsc() / (rte_get_tsc_hz() / 1000000);
}

/*
 * Captures wait for whoever reads the records. Traffic does not: what finds no room is lost, and
 * counted. That all ports play captures is not known before they are started.
 */
static uint64_t patience(const struct weir_control *control)
{
    return control->fleet.lossless ? WEIR_OUTPUT_FOREVER : 0;
}

struct weir_output *weir_control_output(const struct weir_control *control, const char *path)
{
    return weir_output_open(path, patience(control));
}

/* A record of a flow that begins. */
static void start_write(void *context, const struct weir_event *event)
{
    struct weir_control *control = context;

    if (control->flows == NULL)
        return;
    weir_record_flow(control->flows, &event->flow);
    control->counts.records_taken++;
}

static void starts_watch(struct weir_control *control)
{
    bool starts = control->flows != NULL && control->in_force.flow_starts;

    weir_events_also(&control->events, starts ? 1U << WEIR_EVENT_NEW : 0);
}

int weir_control_open(struct weir_control *control)
{
    const struct weir_settings *settings = control->settings;

    int err = weir_reload_init(control);

    if (err < 0)
        return err;
    weir_clock_init(&control->clock);
    control->in_force = *settings;
    control->events.tell = start_write;
    control->events.context = control;
    if (settings->flow_file[0] != '\0') {
        control->flows = weir_output_open(settings->flow_file, WEIR_OUTPUT_FOREVER);
        if (control->flows == NULL)
            return -EIO;
    }
    if (settings->trace_file[0] != '\0') {
        control->traces = weir_output_open(settings->trace_file, WEIR_OUTPUT_FOREVER);
        if (control->traces == NULL)
            return -EIO;
    }
    if (settings->mirror_file[0] != '\0') {
        control->mirror = weir_mirror_open(settings->mirror_file, settings->mirror_size);
        if (control->mirror == NULL)
            return -EIO;
    }
    if (settings->ipfix[0] != '\0') {
        control->ipfix = weir_ipfix_open(settings->ipfix, settings->exit_at_end);
        if (control->ipfix == NULL)
            return -EIO;
    }
    return 0;
}

static void mirror_ports(struct weir_control *control)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++)
        if (control->ports.port[id].used)
            weir_mirror_port(control->mirror, id, control->ports.port[id].name);
}

int weir_control_serve_begin(struct weir_control *control)
{
    int err = weir_http_start(control);

    mirror_ports(control);
    control->start_us = weir_monotonic_us();
    control->flush_us = control->start_us;
    weir_output_patience(control->flows, patience(control));
    weir_output_patience(control->traces, patience(control));
    starts_watch(control);
    for (unsigned int id = 0; id < control->fleet.count; id++) /* before their first packet */
        control->fleet.worker[id]->tracker.events.watch = control->events.watch;
    return err < 0 ? err : weir_telemetry_start(control);
}

bool weir_control_serve_end(struct weir_control *control)
{
    bool listing = false;

    control->stopping = true;
    weir_listings_reap(&control->fleet);
    for (unsigned int i = 0; i < WEIR_LISTINGS_MAX; i++)
        listing |= control->fleet.listing[i] != NULL;
    return !listing && weir_http_idle(control->http) && weir_telemetry_idle(control->telemetry);
}

void weir_control_hurry(struct weir_control *control)
{
    weir_output_patience(control->flows, ENDING_USEC);
    weir_output_patience(control->traces, ENDING_USEC);
}

bool weir_control_settled(struct weir_control *control)
{
    bool flows = weir_output_settled(control->flows);

    return weir_output_settled(control->traces) && flows;
}

int weir_control_close(struct weir_control *control)
{
    int flows;
    int traces;
    int mirror;

    weir_telemetry_stop(control->telemetry);
    weir_http_stop(control->http);
    flows = weir_output_close(control->flows);
    traces = weir_output_close(control->traces);
    mirror = weir_mirror_close(control->mirror);
    weir_ipfix_close(control->ipfix);
    if (flows < 0)
        return flows;
    return traces < 0 ? traces : mirror;
}

static uint32_t epoch_of(const struct weir_worker *worker)
{
    return atomic_load_explicit(&worker->clock_epoch, memory_order_relaxed);
}

uint32_t weir_control_epoch(const struct weir_control *control)
{
    uint32_t epoch = 0;

    for (unsigned int id = 0; id < control->fleet.count; id++)
        epoch = RTE_MAX(epoch, epoch_of(control->fleet.worker[id]));
    return epoch;
}

uint64_t weir_control_now(const struct weir_control *control)
{
    uint32_t epoch = weir_control_epoch(control);
    uint64_t now_us = 0;

    if (!control->fleet.lossless)
        return weir_clock_now(&control->clock);
    for (unsigned int id = 0; id < control->fleet.count; id++) {
        const struct weir_worker *worker = control->fleet.worker[id];
        uint64_t clock_us = atomic_load_explicit(&worker->clock_us, memory_order_relaxed);

        if (epoch_of(worker) == epoch)
            now_us = RTE_MAX(now_us, clock_us);
    }
    return now_us;
}

/* How many records may be taken now. */
static unsigned int room_of(struct weir_output *output)
{
    unsigned int room = output == NULL ? TAKE_AT_ONCE : weir_output_room(output, WEIR_RECORD_MAX);

    return RTE_MIN(room, TAKE_AT_ONCE);
}

/* Take what one worker has sent; returns the number of records. */
static unsigned int take_flows(struct weir_control *control, struct weir_worker *worker,
                               unsigned int limit)
{
    struct weir_flow_copy ended[TAKE_AT_ONCE];
    unsigned int count = rte_ring_sc_dequeue_burst_elem(
        worker->flows, ended, sizeof(ended[0]), RTE_MIN(limit, room_of(control->flows)), NULL);

    for (unsigned int i = 0; i < count; i++) {
        struct weir_flow_view view;

        weir_flow_copy_view(&ended[i], &view);
        weir_summary_flow(control->summary, &view);
        if (control->flows != NULL)
            weir_record_flow(control->flows, &view);
        weir_ipfix_flow(control->ipfix, &view);
    }
    if (control->flows != NULL)
        control->counts.records_taken += count;
    return count;
}

static unsigned int take_traces(struct weir_control *control, struct weir_worker *worker)
{
    struct weir_trace_view view[TAKE_AT_ONCE];
    unsigned int count = rte_ring_sc_dequeue_burst_elem(worker->traces, view, sizeof(view[0]),
                                                        room_of(control->traces), NULL);

    for (unsigned int i = 0; i < count; i++) {
        if (control->traces != NULL)
            weir_record_trace(control->traces, &view[i]);
        else
            weir_events_trace(&control->events, &view[i], &control->counts.subscriber_lost);
    }
    return count;
}

static unsigned int take_refused(struct weir_control *control, struct weir_worker *worker)
{
    struct weir_mirror_view view;
    unsigned int count = 0;

    if (worker->mirrors == NULL)
        return 0;
    while (count < TAKE_AT_ONCE &&
           rte_ring_sc_dequeue_burst_elem(worker->mirrors, &view, sizeof(view), 1, NULL) == 1) {
        weir_mirror_write(control->mirror, &view);
        count++;
    }
    return count;
}

static void workers_look(struct weir_control *control)
{
    for (unsigned int id = 0; id < control->fleet.count; id++) {
        struct weir_worker *worker = control->fleet.worker[id];
        uint64_t polls = __atomic_load_n(&worker->traffic.polls, __ATOMIC_RELAXED);

        control->stalled[id] = polls == control->polls[id] && !control->stopping;
        control->polls[id] = polls;
    }
}

static uint64_t traces_lost(const struct weir_control *control)
{
    return control->traces == NULL ? 0 : weir_output_lost(control->traces);
}

static uint64_t flows_lost(const struct weir_control *control)
{
    return control->flows_lost + (control->flows == NULL ? 0 : weir_output_lost(control->flows));
}

/* Now and then, so that a disk that stays full does not fill the log too. */
static void losses_tell(struct weir_control *control, uint64_t now_us)
{
    uint64_t lost = flows_lost(control) + traces_lost(control);

    if (lost == control->losses_told ||
        (control->losses_told != 0 && now_us - control->told_us < TELL_USEC))
        return;
    control->losses_told = lost;
    control->told_us = now_us;
    warnx("records are being lost, %" PRIu64 " so far: %s", lost,
          weir_control_output_failed(control) ? "an output cannot be written"
                                              : "whoever reads them is too slow");
}

/*
 * Once a second: whoever reads the records as they come sees them within about that time, and
 * whoever asks for health is told of workers that hang.
 */
static void every_second(struct weir_control *control)
{
    uint64_t now_us = weir_monotonic_us();

    if (now_us - control->flush_us < SECOND_USEC)
        return;
    control->flush_us = now_us;
    weir_clock_keep(&control->clock, rte_rdtsc());
    workers_look(control);
    if (control->flows != NULL)
        weir_output_flush(control->flows);
    if (control->traces != NULL)
        weir_output_flush(control->traces);
    weir_mirror_flush(control->mirror);
    losses_tell(control, now_us);
}

/*
 * Events of a worker, then records of its ended flows. A worker sends the event of a flow's
 * beginning before the record of its end, so that a file of both has them in this order too if no
 * record is taken that is younger than the events taken. Returns how many there were.
 */
static unsigned int take_life(struct weir_control *control, struct weir_worker *worker)
{
    unsigned int ended = rte_ring_count(worker->flows);
    unsigned int events = rte_ring_count(worker->events);
    uint64_t now_us = weir_control_now(control);
    bool starts = control->events.also != 0;
    unsigned int taken = 0;
    unsigned int room;

    do {
        room = RTE_MIN(events - taken, starts ? room_of(control->flows) : events);
        taken += weir_events_take(&control->events, worker, room, now_us,
                                  &control->counts.subscriber_lost);
    } while (room > 0 && taken < events);
    return taken < events ? taken : taken + take_flows(control, worker, ended);
}

unsigned int weir_control_round(struct weir_control *control)
{
    unsigned int taken = 0;

    starts_watch(control);
    weir_events_tell(&control->events, &control->fleet);
    for (unsigned int id = 0; id < control->fleet.count; id++) {
        taken += take_traces(control, control->fleet.worker[id]);
        taken += take_refused(control, control->fleet.worker[id]);
        taken += take_life(control, control->fleet.worker[id]);
    }
    weir_events_losses(&control->events, &control->fleet);
    taken += weir_http_serve(control->http);
    taken += weir_telemetry_serve(control->telemetry);
    weir_listings_reap(&control->fleet);
    weir_policy_reap(&control->fleet);
    weir_ipfix_poll(control->ipfix, weir_monotonic_us());
    every_second(control);
    return taken;
}

void weir_control_wait(struct weir_control *control)
{
    if (!weir_http_wait(control->http, IDLE_USEC))
        rte_delay_us_sleep(IDLE_USEC);
}

const struct weir_stats *weir_control_stats(struct weir_control *control)
{
    struct weir_stats *stats = &control->stats;
    struct timespec now;

    weir_stats_take(stats, &control->fleet);
    clock_gettime(CLOCK_REALTIME, &now);
    stats->time_us = (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
    stats->uptime_us = weir_monotonic_us() - control->start_us;
    stats->control = control->counts;
    stats->control.flows_unwritten = flows_lost(control);
    stats->control.traces_unwritten = traces_lost(control);
    stats->control.captured = weir_mirror_written(control->mirror);
    stats->control.captures_unwritten = weir_mirror_unwritten(control->mirror);
    stats->control.records_written = control->counts.records_taken - flows_lost(control);
    weir_ipfix_count(control->ipfix, &stats->control.ipfix);
    stats->control.subscribers = weir_events_subscribers(&control->events);
    stats->control.listings = 0;
    for (unsigned int i = 0; i < WEIR_LISTINGS_MAX; i++)
        stats->control.listings += control->fleet.listing[i] != NULL;
    stats->control.connections = weir_http_connections(control->http);
    stats->control.requests += weir_http_refused(control->http);
    return stats;
}

bool weir_control_output_failed(const struct weir_control *control)
{
    return (control->flows != NULL && weir_output_error(control->flows) < 0) ||
           (control->traces != NULL && weir_output_error(control->traces) < 0);
}

bool weir_control_output_stuck(const struct weir_control *control)
{
    return (control->flows != NULL && weir_output_stuck(control->flows)) ||
           (control->traces != NULL && weir_output_stuck(control->traces));
}
