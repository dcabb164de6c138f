/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core: starts the workers, takes what they send, and sees to the end.
 *
 * The end comes in three steps. Workers first receive no more, of themselves at the end of all
 * captures or told so (DRAIN). When all they have handed to each other is done with, they report
 * the flows that are left (CLOSE). When they have, and their rings are empty, they have ended.
 */
#include "weir/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_ring_elem.h>

#include "weir/output.h"
#include "weir/policy_swap.h"
#include "weir/ports.h"
#include "weir/progress.h"
#include "weir/record.h"
#include "weir/workers.h"

#define TAKE_AT_ONCE 256U
#define IDLE_USEC    200U

struct run {
    const struct weir_settings *settings;
    struct weir_summary *summary;
    struct weir_ports ports;
    struct weir_fleet fleet;
    struct weir_output *flows;
    struct weir_output *traces;
    struct weir_progress progress;
    uint64_t start_us;
    bool interrupted;
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

static void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static uint64_t monotonic_us(void)
{
    return rte_rdtsc() / (rte_get_tsc_hz() / 1000000);
}

static int outputs_open(struct run *run)
{
    const struct weir_settings *settings = run->settings;

    if (settings->flow_file[0] != '\0') {
        run->flows = weir_output_open(settings->flow_file);
        if (run->flows == NULL)
            return -EIO;
    }
    if (settings->trace_file[0] != '\0') {
        run->traces = weir_output_open(settings->trace_file);
        if (run->traces == NULL)
            return -EIO;
    }
    return 0;
}

static int outputs_close(struct run *run)
{
    int flows = weir_output_close(run->flows);
    int traces = weir_output_close(run->traces);

    return flows < 0 ? flows : traces;
}

/* Take what one worker has sent; returns the number of records. */
static unsigned int take_flows(struct run *run, struct weir_worker *worker)
{
    struct weir_flow_view view[TAKE_AT_ONCE];
    unsigned int count =
        rte_ring_sc_dequeue_burst_elem(worker->flows, view, sizeof(view[0]), TAKE_AT_ONCE, NULL);

    for (unsigned int i = 0; i < count; i++) {
        weir_summary_flow(run->summary, &view[i]);
        if (run->flows != NULL)
            weir_record_flow(run->flows, &view[i]);
    }
    return count;
}

static unsigned int take_traces(struct run *run, struct weir_worker *worker)
{
    struct weir_trace_view view[TAKE_AT_ONCE];
    unsigned int count;

    if (worker->traces == NULL)
        return 0;
    count =
        rte_ring_sc_dequeue_burst_elem(worker->traces, view, sizeof(view[0]), TAKE_AT_ONCE, NULL);
    for (unsigned int i = 0; i < count; i++)
        weir_record_trace(run->traces, &view[i]);
    return count;
}

static unsigned int take_all(struct run *run)
{
    unsigned int taken = 0;

    for (unsigned int id = 0; id < run->fleet.count; id++) {
        taken += take_traces(run, run->fleet.worker[id]);
        taken += take_flows(run, run->fleet.worker[id]);
    }
    return taken;
}

static uint64_t refused_by(const struct weir_counters *counters)
{
    uint64_t refused = 0;

    for (unsigned int reason = 0; reason < WEIR_REASON_COUNT; reason++)
        if (weir_reason_class(reason) == WEIR_REASON_CLASS_REFUSE)
            refused += counters->reason[reason];
    return refused;
}

static void progress_tell(struct run *run)
{
    struct weir_progress_counts counts = {0};
    uint64_t now_us = monotonic_us();

    if (!weir_progress_due(&run->progress, now_us))
        return;
    for (unsigned int id = 0; id < run->fleet.count; id++) {
        const struct weir_worker *worker = run->fleet.worker[id];

        counts.packets += worker->traffic.rx_packets;
        counts.bytes += worker->traffic.rx_bytes;
        counts.flows += worker->tracker.table[0].count + worker->tracker.table[1].count;
        counts.refused += refused_by(&worker->tracker.counters);
    }
    weir_progress_tell(&run->progress, now_us, &counts);
}

static bool all_of(const struct run *run, size_t flag)
{
    for (unsigned int id = 0; id < run->fleet.count; id++) {
        atomic_bool *b = (atomic_bool *)((char *)run->fleet.worker[id] + flag);

        if (!atomic_load_explicit(b, memory_order_acquire))
            return false;
    }
    return true;
}

/* Is everything that workers handed to each other done with? Only asked once nothing comes in. */
static bool nothing_under_way(const struct run *run)
{
    uint64_t out = 0;
    uint64_t in = 0;

    /* In before out: what is counted in was counted out before. */
    for (unsigned int id = 0; id < run->fleet.count; id++)
        in += run->fleet.worker[id]->traffic.handed_in + run->fleet.worker[id]->traffic.passed_in;
    atomic_thread_fence(memory_order_acquire);
    for (unsigned int id = 0; id < run->fleet.count; id++)
        out +=
            run->fleet.worker[id]->traffic.handed_out + run->fleet.worker[id]->traffic.passed_out;
    return in == out;
}

/* The time at the end: of the captures where that is all there was, of the wall clock otherwise. */
static uint64_t end_time(const struct run *run)
{
    uint64_t end_us = 0;

    if (!run->fleet.lossless)
        return weir_clock_now(&run->fleet.worker[0]->reader.clock);
    for (unsigned int id = 0; id < run->fleet.count; id++)
        end_us = RTE_MAX(end_us, run->fleet.worker[id]->tracker.clock_us);
    return end_us;
}

static void phase_set(struct run *run, enum weir_phase phase)
{
    atomic_store_explicit(&run->fleet.phase, phase, memory_order_release);
}

static bool output_failed(const struct run *run)
{
    return (run->flows != NULL && weir_output_error(run->flows) < 0) ||
           (run->traces != NULL && weir_output_error(run->traces) < 0);
}

/* Serve the workers until cond says that it is over. */
static void serve_until(struct run *run, bool (*over)(struct run *))
{
    bool last = false;

    while (!last) {
        last = over(run);
        if (take_all(run) > 0)
            last = false;
        else if (!last)
            rte_delay_us_sleep(IDLE_USEC);
        progress_tell(run);
    }
}

static bool received_all(struct run *run)
{
    if (stop_signal != 0)
        run->interrupted = true;
    if (run->interrupted || output_failed(run))
        phase_set(run, WEIR_PHASE_DRAIN);
    return all_of(run, offsetof(struct weir_worker, finished)) && nothing_under_way(run);
}

static bool closed_all(struct run *run)
{
    return all_of(run, offsetof(struct weir_worker, done));
}

static int workers_run(struct run *run)
{
    for (unsigned int id = 0; id < run->fleet.count; id++) {
        struct weir_worker *worker = run->fleet.worker[id];
        int err = rte_eal_remote_launch(weir_worker_run, worker, worker->lcore);

        if (err < 0) {
            fprintf(stderr, "weir: worker %u does not start on lcore %u\n", id, worker->lcore);
            run->fleet.count = id;
            return err;
        }
    }
    serve_until(run, received_all);
    run->fleet.close_us = end_time(run);
    run->fleet.close_end = run->interrupted ? WEIR_END_SHUTDOWN : WEIR_END_ACTIVE;
    phase_set(run, WEIR_PHASE_CLOSE);
    serve_until(run, closed_all);
    rte_eal_mp_wait_lcore();
    return 0;
}

static void summary_worker(struct weir_summary *summary, const struct weir_worker *worker)
{
    const struct weir_counters *counters = &worker->tracker.counters;

    summary->packets += worker->traffic.rx_packets;
    summary->bytes += worker->traffic.rx_bytes;
    summary->tcp_packets += worker->traffic.tcp_packets;
    summary->sent += worker->traffic.tx_packets;
    summary->sent_bytes += worker->traffic.tx_bytes;
    summary->lost_tx += worker->traffic.tx_lost + worker->traffic.steer_lost;
    for (unsigned int i = 0; i < WEIR_VERDICT_COUNT; i++)
        summary->verdicts[i] += counters->verdict[i];
    for (unsigned int i = 0; i < WEIR_REASON_COUNT; i++)
        summary->reasons[i] += counters->reason[i];
}

static void summary_ports(struct weir_summary *summary, const struct weir_ports *ports)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct rte_eth_stats stats;

        if (!ports->port[id].used || rte_eth_stats_get(id, &stats) != 0)
            continue;
        summary->lost_rx += stats.imissed + stats.rx_nombuf;
        summary->errors_rx += stats.ierrors;
    }
}

static void summary_fill(struct run *run)
{
    for (unsigned int id = 0; id < run->fleet.count; id++)
        summary_worker(run->summary, run->fleet.worker[id]);
    summary_ports(run->summary, &run->ports);
    run->summary->elapsed_us = monotonic_us() - run->start_us;
}

static int run_all(struct run *run)
{
    int err = outputs_open(run);

    if (err == 0)
        err = weir_ports_start(&run->ports, run->settings);
    if (err == 0)
        err = weir_fleet_make(&run->fleet, run->settings, &run->ports);
    if (err == 0)
        err = weir_policy_load(&run->fleet, run->settings->policy_file, false, stderr);
    if (err == 0) {
        signals_catch();
        run->start_us = monotonic_us();
        weir_progress_start(&run->progress, stderr, run->settings->quiet, run->start_us);
        err = workers_run(run);
        weir_progress_end(&run->progress);
        summary_fill(run);
    }
    return err;
}

int weir_run(const struct weir_settings *settings, struct weir_summary *summary)
{
    static struct run run;
    int closed;
    int err;

    memset(&run, 0, sizeof(run));
    memset(summary, 0, sizeof(*summary));
    run.settings = settings;
    run.summary = summary;
    err = weir_ports_find(&run.ports, settings);
    if (err < 0)
        return err;
    err = run_all(&run);
    closed = outputs_close(&run);
    weir_ports_stop(&run.ports);
    weir_policy_drop(&run.fleet);
    weir_fleet_free(&run.fleet);
    return err < 0 ? err : closed;
}
