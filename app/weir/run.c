/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A run: ports, workers, and the control core's rounds from the first packet to the last record.
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

#include <rte_launch.h>

#include "weir/control.h"
#include "weir/notify.h"
#include "weir/policy_swap.h"
#include "weir/progress.h"
#include "weir/reload.h"

struct run {
    struct weir_control control;
    struct weir_progress progress;
    bool interrupted;
};

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t reload_signal;

static void on_signal(int number)
{
    if (number == SIGHUP)
        reload_signal = number;
    else
        stop_signal = number;
}

static void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void progress_tell(struct run *run)
{
    struct weir_progress_counts counts = {0};
    const struct weir_stats_worker *total;
    uint64_t now_us = weir_monotonic_us();

    if (!weir_progress_due(&run->progress, now_us))
        return;
    total = &weir_control_stats(&run->control)->total;
    counts.packets = total->sum.rx_packets;
    counts.bytes = total->sum.rx_bytes;
    counts.flows = total->table[0].used + total->table[1].used;
    counts.refused = weir_stats_refused(&total->counters);
    weir_progress_tell(&run->progress, now_us, &counts);
}

static bool all_of(const struct run *run, size_t flag)
{
    for (unsigned int id = 0; id < run->control.fleet.count; id++) {
        atomic_bool *b = (atomic_bool *)((char *)run->control.fleet.worker[id] + flag);

        if (!atomic_load_explicit(b, memory_order_acquire))
            return false;
    }
    return true;
}

/* The reader's side of weir_count_handed. */
static uint64_t counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* Is everything that workers handed to each other done with? Only asked once nothing comes in. */
static bool nothing_under_way(const struct weir_fleet *fleet)
{
    uint64_t out = 0;
    uint64_t in = 0;

    /* In before out: what is counted in was counted out before. */
    for (unsigned int id = 0; id < fleet->count; id++)
        in += counted(&fleet->worker[id]->traffic.handed_in) +
              counted(&fleet->worker[id]->traffic.passed_in);
    for (unsigned int id = 0; id < fleet->count; id++)
        out += counted(&fleet->worker[id]->traffic.handed_out) +
               counted(&fleet->worker[id]->traffic.passed_out);
    return in == out;
}

static void phase_set(struct run *run, enum weir_phase phase)
{
    atomic_store_explicit(&run->control.fleet.phase, phase, memory_order_release);
}

static void reload_if_asked(struct run *run)
{
    if (reload_signal == 0)
        return;
    reload_signal = 0;
    weir_notify_reloading();
    weir_reload_tell(&run->control, stderr);
    weir_notify("READY=1");
}

/* Told to end: then a reader that takes nothing is not waited for without end. */
static void stop_if_asked(struct run *run)
{
    if (stop_signal == 0 || run->interrupted)
        return;
    weir_notify("STOPPING=1");
    run->interrupted = true;
    weir_control_hurry(&run->control);
}

/* Serve workers and clients until it is over. */
static void serve_until(struct run *run, bool (*over)(struct run *))
{
    bool last = false;

    while (!last) {
        last = over(run);
        if (weir_control_round(&run->control) > 0)
            last = false;
        else if (!last)
            weir_control_wait(&run->control);
        reload_if_asked(run);
        stop_if_asked(run);
        progress_tell(run);
    }
}

static bool received_all(struct run *run)
{
    /* A capture can be played again; traffic goes on whatever becomes of its records. */
    bool futile = run->control.fleet.lossless && weir_control_output_failed(&run->control);

    bool ending = run->interrupted || futile;

    if (ending)
        phase_set(run, WEIR_PHASE_DRAIN);
    return (ending || run->control.settings->exit_at_end) &&
           all_of(run, offsetof(struct weir_worker, finished)) &&
           nothing_under_way(&run->control.fleet) && weir_control_serve_end(&run->control);
}

static bool closed_all(struct run *run)
{
    return all_of(run, offsetof(struct weir_worker, done)) && weir_control_settled(&run->control);
}

static int workers_run(struct run *run)
{
    struct weir_fleet *fleet = &run->control.fleet;

    for (unsigned int id = 0; id < fleet->count; id++) {
        struct weir_worker *worker = fleet->worker[id];
        int err = rte_eal_remote_launch(weir_worker_run, worker, worker->lcore);

        if (err < 0) {
            fprintf(stderr, "weir: worker %u does not start on lcore %u\n", id, worker->lcore);
            fleet->count = id;
            return err;
        }
    }
    weir_notify("READY=1");
    serve_until(run, received_all);
    fleet->close_epoch = weir_control_epoch(&run->control);
    fleet->close_us = weir_control_now(&run->control);
    fleet->close_end = run->interrupted ? WEIR_END_SHUTDOWN : WEIR_END_ACTIVE;
    phase_set(run, WEIR_PHASE_CLOSE);
    serve_until(run, closed_all);
    rte_eal_mp_wait_lcore();
    return 0;
}

static void summary_fill(struct weir_summary *summary, struct weir_control *control)
{
    const struct weir_stats *stats = weir_control_stats(control);
    const struct weir_stats_worker *total = &stats->total;

    summary->packets = total->sum.rx_packets;
    summary->bytes = total->sum.rx_bytes;
    summary->tcp_packets = total->traffic.tcp_packets;
    summary->sent = total->sum.tx_packets;
    summary->sent_bytes = total->sum.tx_bytes;
    summary->lost_tx = total->sum.tx_lost + total->traffic.steer_lost;
    memcpy(summary->verdicts, total->counters.verdict, sizeof(summary->verdicts));
    memcpy(summary->reasons, total->counters.reason, sizeof(summary->reasons));
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        summary->lost_rx += stats->port[id].missed + stats->port[id].no_buffer;
        summary->errors_rx += stats->port[id].errors;
    }
    summary->elapsed_us = stats->uptime_us;
}

static int run_all(struct run *run)
{
    struct weir_control *control = &run->control;
    int err = weir_control_open(control);

    if (err == 0)
        err = weir_ports_start(&control->ports, control->settings);
    if (err == 0)
        err = weir_fleet_make(&control->fleet, control->settings, &control->ports);
    if (err == 0)
        err = weir_policy_load(&control->fleet, control->settings->policy_file, stderr);
    if (err == 0)
        err = weir_control_serve_begin(control);
    if (err == 0) {
        signals_catch();
        weir_progress_start(&run->progress, stderr, control->settings->quiet, control->start_us);
        err = workers_run(run);
        weir_progress_end(&run->progress);
        summary_fill(control->summary, control);
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
    run.control.settings = settings;
    run.control.summary = summary;
    err = weir_ports_find(&run.control.ports, settings);
    if (err < 0)
        return err;
    err = run_all(&run);
    closed = weir_control_close(&run.control);
    weir_ports_stop(&run.control.ports);
    weir_policy_drop(&run.control.fleet);
    weir_fleet_free(&run.control.fleet);
    return err < 0 ? err : closed;
}
