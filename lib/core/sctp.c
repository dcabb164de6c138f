/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/sctp.h"

#include <string.h>

#define CHUNK_LEN    4U    /* type, flags, length (RFC 9260 3.2) */
#define CHUNKS_READ  16U   /* of one packet */
#define FLAG_T       0x01U /* the tag is reflected (RFC 9260 3.3.7, 3.3.13) */
#define MOVES(chunk) (1U << (chunk))

/* Chunks that say something about the association as a whole. */
#define MOVING                                                                                     \
    (MOVES(WEIR_SCTP_INIT) | MOVES(WEIR_SCTP_INIT_ACK) | MOVES(WEIR_SCTP_ABORT) |                  \
     MOVES(WEIR_SCTP_SHUTDOWN) | MOVES(WEIR_SCTP_SHUTDOWN_ACK) | MOVES(WEIR_SCTP_COOKIE_ECHO) |    \
     MOVES(WEIR_SCTP_COOKIE_ACK) | MOVES(WEIR_SCTP_SHUTDOWN_COMPLETE))

/* State by state and chunk (RFC 9260 4, figure 3, both ends as one). */
static const uint8_t next_state[3][WEIR_SCTP_CHUNKS] = {
    [WEIR_SCTP_OPENING] =
        {
            [WEIR_SCTP_DATA] = WEIR_SCTP_ESTABLISHED, /* alone: its sender has finished opening */
            [WEIR_SCTP_INIT] = WEIR_SCTP_OPENING,
            [WEIR_SCTP_INIT_ACK] = WEIR_SCTP_OPENING,
            [WEIR_SCTP_COOKIE_ECHO] = WEIR_SCTP_OPENING,
            [WEIR_SCTP_COOKIE_ACK] = WEIR_SCTP_ESTABLISHED,
            [WEIR_SCTP_SHUTDOWN] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_ACK] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_COMPLETE] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_ABORT] = WEIR_SCTP_CLOSING,
        },
    [WEIR_SCTP_ESTABLISHED] =
        {
            [WEIR_SCTP_DATA] = WEIR_SCTP_ESTABLISHED,
            [WEIR_SCTP_INIT] = WEIR_SCTP_ESTABLISHED, /* a restart, or a forgery (5.2.2) */
            [WEIR_SCTP_INIT_ACK] = WEIR_SCTP_ESTABLISHED,
            [WEIR_SCTP_COOKIE_ECHO] = WEIR_SCTP_ESTABLISHED,
            [WEIR_SCTP_COOKIE_ACK] = WEIR_SCTP_ESTABLISHED,
            [WEIR_SCTP_SHUTDOWN] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_ACK] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_COMPLETE] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_ABORT] = WEIR_SCTP_CLOSING,
        },
    [WEIR_SCTP_CLOSING] =
        {
            [WEIR_SCTP_DATA] = WEIR_SCTP_CLOSING, /* what was still to be sent (9.2) */
            [WEIR_SCTP_INIT] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_INIT_ACK] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_COOKIE_ECHO] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_COOKIE_ACK] = WEIR_SCTP_ESTABLISHED, /* restarted (5.2.4) */
            [WEIR_SCTP_SHUTDOWN] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_ACK] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_SHUTDOWN_COMPLETE] = WEIR_SCTP_CLOSING,
            [WEIR_SCTP_ABORT] = WEIR_SCTP_CLOSING,
        },
};

static uint32_t load32(const uint8_t *at) /* wire order: only ever compared */
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

void weir_sctp_read(const uint8_t *sctp, uint32_t left, struct weir_sctp_facts *facts)
{
    uint32_t at = WEIR_SCTP_HEADER_LEN;

    *facts = (struct weir_sctp_facts){.tag = load32(sctp + 4)};
    for (unsigned int i = 0; i < CHUNKS_READ && at + CHUNK_LEN <= left; i++) {
        uint32_t type = sctp[at];
        uint32_t len = (uint32_t)sctp[at + 2] << 8 | sctp[at + 3];

        if (len < CHUNK_LEN)
            return;
        if (type < WEIR_SCTP_CHUNKS && (MOVING & MOVES(type))) {
            facts->chunk = (uint8_t)type;
            facts->tag_of_peer = (type == WEIR_SCTP_ABORT || type == WEIR_SCTP_SHUTDOWN_COMPLETE) &&
                                 (sctp[at + 1] & FLAG_T);
            if (type <= WEIR_SCTP_INIT_ACK && at + CHUNK_LEN + 4 <= left)
                facts->init_tag = load32(sctp + at + CHUNK_LEN);
        }
        at += (len + 3) & ~3U;
    }
}

enum weir_sctp_state weir_sctp_begin(const struct weir_sctp_facts *facts)
{
    switch (facts->chunk) {
    case WEIR_SCTP_INIT:
    case WEIR_SCTP_INIT_ACK:
    case WEIR_SCTP_COOKIE_ECHO:
        return WEIR_SCTP_OPENING;
    default:
        return WEIR_SCTP_ESTABLISHED;
    }
}

/*
 * Two tags are known of each end: `end` is the first that its packets were due to carry, `ack` the
 * one of the newest INIT since. Both are taken, since nobody can tell a restart from a forged INIT
 * before it is over; but only the first can end the association.
 */
static bool tag_known(const struct weir_peer *peer, uint32_t tag)
{
    return peer->end == 0 || tag == peer->end || (peer->ack != 0 && tag == peer->ack);
}

static void tag_note(struct weir_peer *peer, uint32_t tag)
{
    if (tag == 0 || tag == peer->end)
        return;
    if (peer->end == 0)
        peer->end = tag;
    else
        peer->ack = tag;
}

static bool tag_right(const struct weir_flow *flow, unsigned int dir,
                      const struct weir_sctp_facts *facts)
{
    if (facts->tag == 0 || facts->chunk == WEIR_SCTP_INIT)
        return weir_sctp_tag_possible(facts);
    return tag_known(&flow->peer[dir ^ facts->tag_of_peer], facts->tag);
}

enum weir_reason weir_sctp_track(struct weir_flow *flow, unsigned int dir,
                                 const struct weir_sctp_facts *facts, enum weir_sctp_state *state)
{
    struct weir_peer *sender = &flow->peer[dir];
    unsigned int chunk = facts->chunk;
    bool first;

    if (!tag_right(flow, dir, facts))
        return WEIR_REASON_SCTP_TAG;
    if (chunk == WEIR_SCTP_INIT || chunk == WEIR_SCTP_INIT_ACK)
        tag_note(&flow->peer[!dir], facts->init_tag);
    else if (!facts->tag_of_peer)
        tag_note(sender, sender->end == 0 ? facts->tag : 0);
    first = flow->peer[dir ^ facts->tag_of_peer].end == facts->tag;
    if (chunk == WEIR_SCTP_ABORT || chunk == WEIR_SCTP_SHUTDOWN_COMPLETE) {
        uint8_t over = chunk == WEIR_SCTP_ABORT ? WEIR_SCTP_ABORTED : WEIR_PEER_FIN;

        if (!first || weir_sctp_over(flow))
            return WEIR_REASON_NONE;
        flow->peer[0].flags |= over;
        flow->peer[1].flags |= over;
    }
    *state = (enum weir_sctp_state)next_state[*state][chunk];
    return WEIR_REASON_NONE;
}
