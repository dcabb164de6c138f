/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core tells, as JSON by jansson; docs/http-api.md lists the fields. */
#ifndef WEIR_APP_JSON_H
#define WEIR_APP_JSON_H

#include <jansson.h>

#include "weir/config_keys.h"
#include "weir/settings.h"
#include "weir/stats.h"

struct weir_control;

/* All of these return a new object, or NULL without memory. */
json_t *weir_json_stats(const struct weir_control *control, const struct weir_stats *stats);
json_t *weir_json_config(struct weir_settings *settings);
json_t *weir_json_health(struct weir_control *control, bool *well);
json_t *weir_json_error(const char *error);

/* "group.name", and its value in settings. */
json_t *weir_json_key_name(const struct weir_config_key *key);
json_t *weir_json_key_value(const struct weir_config_key *key, struct weir_settings *settings);

#endif
