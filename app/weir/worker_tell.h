/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker tells the control core, by its rings: ended flows, what became of packets, events.
 */
#ifndef WEIR_APP_WORKER_TELL_H
#define WEIR_APP_WORKER_TELL_H

#include "weir/workers.h"

/* Records of ended flows. What the ring does not take stays in the outbox; a replay waits for it.
 */
void weir_tell_flows(struct weir_worker *worker);

/* What became of each packet: of all for a trace file, else of those the filter picks. */
void weir_tell_traces(struct weir_worker *worker);

/* Refused packets for the capture, whatever becomes of them. There is a ring for them. */
void weir_tell_refused(struct weir_worker *worker);

/* Events never wait: a slow reader loses some, and they are counted. */
void weir_tell_events(struct weir_worker *worker);

#endif
