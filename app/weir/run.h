/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: ports, workers and the control core, from start to clean end. */
#ifndef WEIR_APP_RUN_H
#define WEIR_APP_RUN_H

#include "weir/settings.h"
#include "weir/summary.h"

/*
 * Run until every port has said all it has (exit_at_end) or a SIGINT or SIGTERM ends it. EAL must
 * be up; the calling thread becomes the control core. Messages go to standard error.
 *
 * Returns 0; -EINVAL for settings that cannot work here (more workers than lcores, unknown port),
 * nothing having been started; another negative errno for what failed at run time (no memory, a
 * port that does not start, an output that could not be written). Each error has had its message.
 * summary is filled in but for -EINVAL.
 */
int weir_run(const struct weir_settings *settings, struct weir_summary *summary);

#endif
