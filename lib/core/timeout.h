/* SPDX-License-Identifier: BSD-3-Clause */
/* Timeouts: one table of named classes in seconds; the list itself is timeout.def. */
#ifndef WEIR_CORE_TIMEOUT_H
#define WEIR_CORE_TIMEOUT_H

#include <stdint.h>

#define WEIR_TIMEOUT_MIN_SEC 1U
#define WEIR_TIMEOUT_MAX_SEC 864000U /* 10 days: records hold 12.7 (40 bits of microseconds) */

enum weir_timeout {
#define WEIR_TIMEOUT(symbol, name, value, rfc, text) WEIR_TIMEOUT_##symbol,
#include "core/timeout.def"
#undef WEIR_TIMEOUT
    WEIR_TIMEOUT_COUNT
};

enum weir_timeout_profile { WEIR_PROFILE_DEFAULT, WEIR_PROFILE_RFC };

/* Seconds by class. */
struct weir_timeouts {
    uint32_t sec[WEIR_TIMEOUT_COUNT];
};

/* Fill in a shipped profile. */
void weir_timeouts_profile(struct weir_timeouts *timeouts, enum weir_timeout_profile profile);

/* Name in the configuration ("tcp_time_wait") and its one-line text; "?", "" beyond the list. */
const char *weir_timeout_name(unsigned int class);
const char *weir_timeout_text(unsigned int class);

#endif
