/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core: what it holds, and one round of its work. It takes what the workers send
 * (records, traces, events), and serves those who ask. All of it is one thread, the main lcore's;
 * what other threads want (rte_telemetry) goes through weir_calls. Nothing here waits for a worker
 * or a client: each round takes what is there.
 */
#ifndef WEIR_APP_CONTROL_H
#define WEIR_APP_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/events.h"
#include "weir/output.h"
#include "weir/ports.h"
#include "weir/settings.h"
#include "weir/stats.h"
#include "weir/summary.h"
#include "weir/workers.h"

struct weir_http;
struct weir_ipfix;
struct weir_telemetry;

struct weir_control {
    const struct weir_settings *settings; /* as started */
    struct weir_settings in_force;        /* the same, as reloads have changed it */
    struct weir_settings in_file;         /* as the configuration file was last read */
    struct weir_summary *summary;
    struct weir_ports ports;
    struct weir_fleet fleet;
    struct weir_output *flows;  /* records of ended flows; NULL: none wanted */
    uint64_t flows_lost;        /* records that earlier ones did not take */
    struct weir_output *traces; /* likewise; NULL: live traces only */
    struct weir_mirror *mirror; /* refused packets; NULL: none wanted */
    struct weir_ipfix *ipfix;   /* records of ended flows; NULL: none wanted */
    struct weir_events events;
    struct weir_http *http;           /* NULL: not served */
    struct weir_telemetry *telemetry; /* NULL: not served */
    struct weir_stats stats;          /* the last snapshot */
    struct weir_stats_control counts;
    struct weir_clock clock;          /* the control core's own */
    uint64_t start_us;                /* monotonic */
    uint64_t flush_us;                /* when records were last handed to the system */
    uint64_t polls[WEIR_WORKERS_MAX]; /* of each worker, at that time */
    bool stalled[WEIR_WORKERS_MAX];   /* it has not polled between the last two such times */
    uint64_t losses_told;             /* lines that outputs did not take, as last told, and */
    uint64_t told_us;                 /* when */
    bool stopping;                    /* serve nobody any more */
};

/* Microseconds of a clock that never jumps. */
uint64_t weir_monotonic_us(void);

/* Open what settings name, serve HTTP and telemetry. Returns 0 or a negative errno after a message.
 */
int weir_control_open(struct weir_control *control);

/* Start to serve; the workers are about to run. Returns as above. */
int weir_control_serve_begin(struct weir_control *control);

/* End all that is under way; workers must still run. Then rounds go on until it says true. */
bool weir_control_serve_end(struct weir_control *control);

/* The run is ending: wait for those who read outputs a bounded time from now on. */
void weir_control_hurry(struct weir_control *control);

/* Have outputs handed on all that somebody takes? */
bool weir_control_settled(struct weir_control *control);

/* Close what is open; no worker runs. Returns 0, or the negative errno of an output that failed. */
int weir_control_close(struct weir_control *control);

/* One round. Returns how much there was to do; 0: nothing, wait. */
unsigned int weir_control_round(struct weir_control *control);

/* Wait a moment, less if a client says something. */
void weir_control_wait(struct weir_control *control);

/* How often the clock of the captures was set back, the most that any worker has seen. */
uint32_t weir_control_epoch(const struct weir_control *control);

/* The time of flows: of the captures where all ports play one, of the wall clock otherwise. */
uint64_t weir_control_now(const struct weir_control *control);

/* Take a snapshot; good until the next. */
const struct weir_stats *weir_control_stats(struct weir_control *control);

/* Open a file of flow records as this run needs it; as weir_output_open. */
struct weir_output *weir_control_output(const struct weir_control *control, const char *path);

bool weir_control_output_failed(const struct weir_control *control);
bool weir_control_output_stuck(const struct weir_control *control);

#endif
