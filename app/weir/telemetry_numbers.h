/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of a snapshot put into the dictionaries that rte_telemetry sends. */
#ifndef WEIR_APP_TELEMETRY_NUMBERS_H
#define WEIR_APP_TELEMETRY_NUMBERS_H

#include <stdint.h>

#include <rte_telemetry.h>

#include "weir/stats.h"

/* One number; what telemetry does not take in names becomes "_". */
void weir_telemetry_put(struct rte_tel_data *data, const char *name, uint64_t value);

/* All of a worker, or of all of them together, but reasons: a dictionary has room for 256. */
void weir_telemetry_put_worker(struct rte_tel_data *data, const struct weir_stats_worker *worker);

void weir_telemetry_put_port(struct rte_tel_data *data, const struct weir_stats_port *port);

/* What is counted once: packet buffers, and the control core's own. */
void weir_telemetry_put_control(struct rte_tel_data *data, const struct weir_stats *stats);

#endif
