/* SPDX-License-Identifier: BSD-3-Clause */
/* Results as a table for people, or as JSON Lines for programs. */
#ifndef WEIR_BENCH_REPORT_H
#define WEIR_BENCH_REPORT_H

#include <stdbool.h>

#include "bench/measure.h"

/* Write one result; the table gets its heading before the first. */
void bench_report(const struct bench_case *what, const struct bench_result *result, bool json);

#endif
