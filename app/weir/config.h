/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration: the file of weir.conf(5). One table lists every key with its type, default, unit
 * and bounds; defaults, checks and messages come from it, and a test holds config/weir.conf against
 * it.
 */
#ifndef WEIR_APP_CONFIG_H
#define WEIR_APP_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "weir/settings.h"

/*
 * All defaults. Flows and timeouts stay 0, which is "nobody has said": weir_config_finish fills
 * them in when file and options have been read.
 */
void weir_config_defaults(struct weir_settings *settings);

/*
 * Read path into settings, on top of what they hold. Every error goes to errors as one line
 * "FILE:LINE: key = value: expected ...". Returns the number of errors; settings are of use only
 * when it is 0.
 */
unsigned int weir_config_read(const char *path, struct weir_settings *settings, FILE *errors);

/*
 * Fill in what nobody has said: timeouts by the profile, table sizes by max_flows, the most flows
 * that can come (a capture's packets), or by their defaults where that is 0 or more.
 */
void weir_config_finish(struct weir_settings *settings, uint64_t max_flows);

/*
 * Look a word up among those that a key takes ("tracking.checksum", "verify"). Returns its number,
 * or -1; *expected is then the list of them for a message.
 */
int weir_config_word(const char *key, const char *word, const char **expected);

#endif
