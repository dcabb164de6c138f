/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SCTP associations: opening, established, closing (RFC 9260 4), from the chunks that pass, and the
 * verification tags that tell the two ends' packets from anybody else's (RFC 9260 8.5).
 */
#ifndef WEIR_CORE_SCTP_H
#define WEIR_CORE_SCTP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/flow.h"
#include "core/packet.h"
#include "core/reason.h"

/* Chunk types that open and close (RFC 9260 3.2). */
enum weir_sctp_chunk {
    WEIR_SCTP_DATA = 0, /* stands for all that do not */
    WEIR_SCTP_INIT = 1,
    WEIR_SCTP_INIT_ACK = 2,
    WEIR_SCTP_ABORT = 6,
    WEIR_SCTP_SHUTDOWN = 7,
    WEIR_SCTP_SHUTDOWN_ACK = 8,
    WEIR_SCTP_COOKIE_ECHO = 10,
    WEIR_SCTP_COOKIE_ACK = 11,
    WEIR_SCTP_SHUTDOWN_COMPLETE = 14,
    WEIR_SCTP_CHUNKS
};

enum weir_sctp_state { WEIR_SCTP_OPENING, WEIR_SCTP_ESTABLISHED, WEIR_SCTP_CLOSING };

#define WEIR_SCTP_HEADER_LEN 12U

/* Per-end flag of an association that an ABORT has ended; SHUTDOWN COMPLETE sets WEIR_PEER_FIN. */
#define WEIR_SCTP_ABORTED WEIR_PEER_CHALL

/* Read header and chunks: left octets are there of the packet's len (at least the header). */
void weir_sctp_read(const uint8_t *sctp, uint32_t left, struct weir_sctp_facts *facts);

/* May any end of any association send this tag? An INIT has none to carry yet (RFC 9260 8.5.1). */
static inline bool weir_sctp_tag_possible(const struct weir_sctp_facts *facts)
{
    return (facts->chunk == WEIR_SCTP_INIT) == (facts->tag == 0);
}

/* The state of an association that is first seen with this packet. */
enum weir_sctp_state weir_sctp_begin(const struct weir_sctp_facts *facts);

/* Has it been aborted or shut down, so that an INIT begins another one? */
static inline bool weir_sctp_over(const struct weir_flow *flow)
{
    return flow->peer[0].flags & (WEIR_PEER_FIN | WEIR_SCTP_ABORTED);
}

/*
 * Track a packet from end dir in *state, which is moved. NONE, or SCTP_TAG where neither end would
 * take it; then nothing has changed.
 */
enum weir_reason weir_sctp_track(struct weir_flow *flow, unsigned int dir,
                                 const struct weir_sctp_facts *facts, enum weir_sctp_state *state);

#endif
