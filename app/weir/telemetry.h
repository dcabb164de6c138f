/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_telemetry: /weir/stats, /weir/workers, /weir/reasons, /weir/flows, /weir/config,
 * /weir/health.
 *
 * DPDK calls back in threads of its own, one a client. Each puts its question into one slot and
 * waits; the control core answers in its next rounds. Questions wait for each other, and none waits
 * longer than a few seconds.
 */
#ifndef WEIR_APP_TELEMETRY_H
#define WEIR_APP_TELEMETRY_H

#include <stdbool.h>

struct weir_control;
struct weir_telemetry;

/* Register the commands, once in a process. Returns 0 or a negative errno after a message. */
int weir_telemetry_start(struct weir_control *control);

/* One round; returns what was done. These take NULL for "not started". */
unsigned int weir_telemetry_serve(struct weir_telemetry *telemetry);

/* Is no listing under way? With control->stopping set, rounds bring that about. */
bool weir_telemetry_idle(const struct weir_telemetry *telemetry);

/* Whoever asks from now on is told that nobody is there. */
void weir_telemetry_stop(struct weir_telemetry *telemetry);

#endif
