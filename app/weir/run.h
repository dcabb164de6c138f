/* SPDX-License-Identifier: BSD-3-Clause */
/* Run: ports, workers and the control core, from start to end. */
#ifndef WEIR_APP_RUN_H
#define WEIR_APP_RUN_H

struct weir_settings;
struct weir_summary;

/*
 * Track what the ports of an initialised EAL receive until they are over (exit_at_end) or a signal
 * says so, and fill in summary, which the caller has zeroed. Returns 0, or -errno after a message
 * on standard error; -EINVAL where settings and machine do not fit, and nothing was started.
 */
int weir_run(const struct weir_settings *settings, struct weir_summary *summary);

#endif
