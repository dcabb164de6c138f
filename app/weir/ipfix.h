/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPFIX: records of ended flows to a collector (RFC 7011), each a biflow: both directions in one
 * record, the responder's counters as reverse elements (RFC 5103).
 *
 * A collector that is down does no harm: records that find none are lost and counted, and it is
 * tried again every second. Templates are sent with each connection; over UDP again every half
 * minute, and at once when the collector has just refused a message (RFC 7011 8.4).
 *
 * Used by the control core only; nothing here waits, but for a patient one (a replay).
 */
#ifndef WEIR_APP_IPFIX_H
#define WEIR_APP_IPFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"

struct weir_ipfix;

struct weir_ipfix_counts {
    uint64_t records; /* handed to the system, in so many */
    uint64_t messages;
    uint64_t lost;     /* records that found no collector, as far as that can be known */
    uint64_t attempts; /* to connect */
    bool up;           /* UDP: the last message was not refused; TCP: connected */
};

/* "udp:127.0.0.1:4739", "tcp:[::1]:4739", ""? Addresses in digits, since names may take long. */
bool weir_ipfix_target_valid(const char *target);

/*
 * Begin to export. patient: wait, within bounds, for a collector that is slow or not yet there.
 * Returns NULL after a message: the target is not valid, or no memory. A collector that is down
 * is no error.
 */
struct weir_ipfix *weir_ipfix_open(const char *target, bool patient);

/* Export one ended flow. NULL as ipfix is no error, here and below. */
void weir_ipfix_flow(struct weir_ipfix *ipfix, const struct weir_flow_view *flow);

/* Go on: send what has waited for a second, connect again. now_us is of a clock that never jumps.
 */
void weir_ipfix_poll(struct weir_ipfix *ipfix, uint64_t now_us);

void weir_ipfix_count(const struct weir_ipfix *ipfix, struct weir_ipfix_counts *counts);

/* Send what is left, waiting two seconds at most, and free. Tells if records were lost. */
void weir_ipfix_close(struct weir_ipfix *ipfix);

#endif
