/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything, and the targets: cases that a target compares are measured side by side. */
#ifndef WEIR_BENCH_ALL_H
#define WEIR_BENCH_ALL_H

#include "bench/options.h"

/* Measure and report all. 0, or a negative errno after a message; a target missed is no error. */
int bench_all(const struct bench_options *options);

#endif
