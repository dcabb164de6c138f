/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The longest poll: established traffic at full load while a million other flows expire at once,
 * swept at the most that a poll may do. The same is repeated, and of each poll the shortest
 * repetition counts: what is left is the work itself, not what else the machine did meanwhile.
 */
#ifndef WEIR_BENCH_POLLS_H
#define WEIR_BENCH_POLLS_H

#include "bench/measure.h"

/* Start the EAL, measure, report. 0 or a negative errno after a message. */
int bench_polls_run(const struct bench_options *options);

/* With the EAL running: fills in poll_p50_ns, poll_max_ns and ns per packet. */
int bench_polls(const struct bench_case *what, struct bench_result *result);

#endif
