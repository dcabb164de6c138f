/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics: the statistics in the text formats that Prometheus scrapes; docs/metrics.md lists them.
 */
#ifndef WEIR_APP_METRICS_H
#define WEIR_APP_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "weir/stats.h"

struct weir_control;

/*
 * As OpenMetrics 1.0 (open) or in the Prometheus text format 0.0.4, which differ in how counters
 * are named and in the last line. Returns text of *len octets, the caller's to free, or NULL.
 */
char *weir_metrics_text(const struct weir_control *control, const struct weir_stats *stats,
                        bool open, size_t *len);

#endif
