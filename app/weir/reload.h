/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reload: read the configuration and the policy anew while workers run. All or nothing: everything
 * is read and checked, and what can fail is done, before anything is put in force.
 *
 * What the configuration file said when it was last read is compared with what it says now, so that
 * options of the command line, which win over it, go on doing so.
 */
#ifndef WEIR_APP_RELOAD_H
#define WEIR_APP_RELOAD_H

#include <stdio.h>

#include <jansson.h>

struct weir_control;

/* Remember what the file says at the start. Returns 0, or -EINVAL (it said something else before).
 */
int weir_reload_init(struct weir_control *control);

/* Returns the HTTP status that fits; *answer is the object that goes with it, the caller's. */
unsigned int weir_reload(struct weir_control *control, json_t **answer);

/* SIGHUP: open the flow file anew and reload; the outcome goes to out. */
void weir_reload_tell(struct weir_control *control, FILE *out);

#endif
