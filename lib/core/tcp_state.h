/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP states of two endpoints, and what a segment tells about each.
 *
 * Two small tables over the eleven states of RFC 9293 3.3.2 say what a segment that passes tells of
 * the endpoint that sent it, and what it will do to the endpoint that receives it. The pair table,
 * which is what runs, is composed from them over all pairs that can be reached: the index is (pair,
 * direction, event), the value the next pair and an action. See docs/tcp-state-machine.md.
 */
#ifndef WEIR_CORE_TCP_STATE_H
#define WEIR_CORE_TCP_STATE_H

#include <stdint.h>

#include "core/flow.h"
#include "core/timeout.h"

enum weir_tcp_state {
    WEIR_TCP_CLOSED,
    WEIR_TCP_LISTEN,
    WEIR_TCP_SYN_SENT,
    WEIR_TCP_SYN_RECEIVED,
    WEIR_TCP_ESTABLISHED,
    WEIR_TCP_FIN_WAIT_1,
    WEIR_TCP_FIN_WAIT_2,
    WEIR_TCP_CLOSE_WAIT,
    WEIR_TCP_CLOSING,
    WEIR_TCP_LAST_ACK,
    WEIR_TCP_TIME_WAIT,
    WEIR_TCP_STATES
};

/*
 * Events: the kind of segment and its evidence. "peer's FIN" is the FIN of the endpoint the segment
 * goes to; the segment acknowledges it, or does not, or there is none.
 */
enum weir_tcp_event {
    WEIR_TCP_EV_REFUSE,   /* not acceptable: moves nothing */
    WEIR_TCP_EV_INERT,    /* passes, but is no evidence: moves nothing */
    WEIR_TCP_EV_STRAY,    /* the same, and nothing ties it to the connection's sequence numbers */
    WEIR_TCP_EV_SYN,      /* SYN, the first of its connection or a repetition of it */
    WEIR_TCP_EV_SYN_ACK,  /* SYN and ACK, acknowledging the peer's SYN */
    WEIR_TCP_EV_ACK,      /* no SYN, FIN, RST; does not acknowledge a FIN of the peer */
    WEIR_TCP_EV_ACK_FIN,  /* the same, and acknowledges the peer's FIN */
    WEIR_TCP_EV_FIN,      /* FIN; does not acknowledge a FIN of the peer */
    WEIR_TCP_EV_FIN_FIN,  /* FIN, and acknowledges the peer's FIN */
    WEIR_TCP_EV_FIN_LATE, /* FIN sent before, but passing after, its ACK of the peer's FIN */
    WEIR_TCP_EV_RST,      /* RST that the receiver accepts */
    WEIR_TCP_EVENTS
};

/* A cell: the state after, plus one; 0 is the unlisted cell, which refuses. */
#define WEIR_TCP_CELL_REFUSE 0U

struct weir_tcp_endpoints {
    uint8_t sent[WEIR_TCP_EVENTS][WEIR_TCP_STATES];     /* what is now known of the sender */
    uint8_t received[WEIR_TCP_EVENTS][WEIR_TCP_STATES]; /* what must be presumed of the receiver */
};

extern const struct weir_tcp_endpoints weir_tcp_endpoints;

enum weir_tcp_action {
    WEIR_TCP_ACT_REFUSE, /* zero: the safe one */
    WEIR_TCP_ACT_PASS,
    WEIR_TCP_ACT_OPEN, /* passes, and begins a new connection on the pair */
};

#define WEIR_PAIRS_MAX 64U

/* Pairs that flows start from; composed first, so their numbers are fixed. */
enum weir_tcp_seed {
    WEIR_PAIR_NEW,  /* CLOSED, LISTEN: a SYN is about to be tracked */
    WEIR_PAIR_HALF, /* SYN-SENT, SYN-RECEIVED: first seen from the SYN-ACK on */
    WEIR_PAIR_MID,  /* ESTABLISHED, ESTABLISHED: first seen mid-stream */
    WEIR_PAIR_DEAD, /* CLOSED, CLOSED: first seen with its RST */
    WEIR_PAIR_SEEDS
};

struct weir_tcp_step {
    uint8_t next;   /* pair */
    uint8_t action; /* enum weir_tcp_action */
};

struct weir_tcp_pairs {
    struct weir_tcp_step step[WEIR_PAIRS_MAX][2][16]; /* pair, weir_dir, event (rest refuses) */
    uint8_t state[WEIR_PAIRS_MAX][2];                 /* both ends' states, by enum weir_dir */
    uint8_t timeout[WEIR_PAIRS_MAX];         /* enum weir_timeout while both ends have been heard */
    uint8_t timeout_one_way[WEIR_PAIRS_MAX]; /* the same while only one has */
    uint8_t count;
};

/* The pair table; written once by weir_tcp_pairs_compose at start, read by all workers. */
extern struct weir_tcp_pairs weir_tcp_pairs;

/*
 * Compose the pair table from endpoint tables. Returns the number of pairs, or -E2BIG if more than
 * WEIR_PAIRS_MAX can be reached (the table is then unusable). No other call may run at the time.
 */
int weir_tcp_pairs_compose(struct weir_tcp_pairs *pairs, const struct weir_tcp_endpoints *tables);

/* RFC 9293 name in upper case with hyphens ("FIN-WAIT-1"); "?" beyond the list. */
const char *weir_tcp_state_name(unsigned int state);

/* Name of an event for ladders and traces ("syn-ack", "fin+ack-of-fin"). */
const char *weir_tcp_event_name(unsigned int event);

static inline struct weir_tcp_step weir_tcp_step(const struct weir_tcp_pairs *pairs,
                                                 unsigned int pair, unsigned int dir,
                                                 unsigned int event)
{
    return pairs->step[pair][dir][event];
}

#endif
