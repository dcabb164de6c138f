/* SPDX-License-Identifier: BSD-3-Clause */
/* Summary: what a run came to, and how it is told at its end. */
#ifndef WEIR_APP_SUMMARY_H
#define WEIR_APP_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/reason.h"
#include "core/tcp_state.h"
#include "core/view.h"

#define WEIR_SUMMARY_STATES (WEIR_TCP_STATES + 1) /* the last for flows that are not TCP */

struct weir_summary {
    uint64_t packets;     /* received, all ports */
    uint64_t bytes;       /* octets of their frames */
    uint64_t tcp_packets; /* those of them that reached the TCP checks */
    uint64_t sent;        /* packets that left by a port, and octets of their frames */
    uint64_t sent_bytes;
    uint64_t lost_tx;    /* accepted, but the port or a full steering ring did not take them */
    uint64_t lost_rx;    /* the port missed them: no buffer, no descriptor */
    uint64_t errors_rx;  /* the port says that it received them broken */
    uint64_t elapsed_us; /* wall clock from first to last poll */
    uint64_t verdicts[WEIR_VERDICT_COUNT];
    uint64_t reasons[WEIR_REASON_COUNT];                       /* packets, refused or not */
    uint64_t flows;                                            /* records, each connection once */
    uint64_t protocols[256];                                   /* flows by IP protocol */
    uint64_t ends[WEIR_END_COUNT];                             /* flows by why they ended */
    uint64_t states[WEIR_SUMMARY_STATES][WEIR_SUMMARY_STATES]; /* flows by final orig, resp state */
};

/* Add one flow record. */
void weir_summary_flow(struct weir_summary *summary, const struct weir_flow_view *flow);

/* Add what another worker counted; elapsed time is the longer of both. */
void weir_summary_add(struct weir_summary *sum, const struct weir_summary *other);

/* Tell it to people. With shadow, refused packets were forwarded all the same. */
void weir_summary_print(const struct weir_summary *summary, bool shadow, FILE *out);

/* On standard error, whatever else is quiet: what in these numbers calls for another option. */
void weir_summary_advise(const struct weir_summary *summary);

/* Did most TCP packets have a wrong checksum, as captures taken on a sending host do? */
bool weir_summary_checksums_off(const struct weir_summary *summary);

#endif
