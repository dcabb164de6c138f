/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two endpoint tables, and the pair table composed from them.
 *
 * What is tracked of an endpoint is a presumption: it has received every segment that has passed.
 * Two rules follow, and every cell below is one of them applied.
 *
 *   received: the segment will arrive, so the receiver moves as RFC 9293 3.10.7 says.
 *   sent: the sender moves as its own act shows (SYN, FIN, RST). Where its segment shows that it
 *         had not yet taken in the peer's FIN (it acknowledges no FIN), the presumption is taken
 *         back: the receipt of a FIN is always confirmed by an acknowledgement, so nothing is
 *         lost by waiting for that. The receipt of an ACK is never confirmed, so that presumption
 * is kept.
 */
#include "core/tcp_state.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Cells: the state that follows. */
#define CLOSED  (WEIR_TCP_CLOSED + 1)
#define SYN_S   (WEIR_TCP_SYN_SENT + 1)
#define SYN_R   (WEIR_TCP_SYN_RECEIVED + 1)
#define ESTAB   (WEIR_TCP_ESTABLISHED + 1)
#define FIN_W1  (WEIR_TCP_FIN_WAIT_1 + 1)
#define FIN_W2  (WEIR_TCP_FIN_WAIT_2 + 1)
#define CLOSE_W (WEIR_TCP_CLOSE_WAIT + 1)
#define CLOSING (WEIR_TCP_CLOSING + 1)
#define LAST_A  (WEIR_TCP_LAST_ACK + 1)
#define TIME_W  (WEIR_TCP_TIME_WAIT + 1)

/* clang-format off */
const struct weir_tcp_endpoints weir_tcp_endpoints = {
.sent = {
    [WEIR_TCP_EV_SYN] = { /* 3.10.1 OPEN call */
        [WEIR_TCP_CLOSED]       = SYN_S,   /* active open */
        [WEIR_TCP_LISTEN]       = SYN_S,   /* active open of a listening endpoint */
        [WEIR_TCP_TIME_WAIT]    = SYN_S,   /* its TIME-WAIT is over: used again, 3.6.1 */
        [WEIR_TCP_SYN_SENT]     = SYN_S,   /* SYN repeated: no answer yet */
        [WEIR_TCP_SYN_RECEIVED] = SYN_R,   /* simultaneous open: the peer's SYN is under way, 3.5 */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,   /* SYN repeated while the SYN-ACK is on its way */
        [WEIR_TCP_CLOSE_WAIT]   = CLOSE_W, /* the same, and a FIN is on its way behind it */
    },
    [WEIR_TCP_EV_SYN_ACK] = { /* 3.10.7.2, 3.10.7.3: a SYN has been received */
        [WEIR_TCP_LISTEN]       = SYN_R,   /* passive open answered */
        [WEIR_TCP_SYN_SENT]     = SYN_R,   /* simultaneous open answered */
        [WEIR_TCP_SYN_RECEIVED] = SYN_R,   /* first answer, or repeated */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,   /* repeated while the ACK of it is on its way */
        [WEIR_TCP_CLOSE_WAIT]   = CLOSE_W, /* the same, and a FIN with it */
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,  /* closed in SYN-RECEIVED, its SYN not yet acknowledged */
    },
    [WEIR_TCP_EV_ACK] = {
        [WEIR_TCP_SYN_SENT]     = ESTAB,   /* acknowledges a SYN-ACK that took another way */
        [WEIR_TCP_SYN_RECEIVED] = SYN_R,   /* data before its SYN is acknowledged, 3.10.7.4 */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,   /* data transfer */
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,  /* no FIN of the peer taken in */
        [WEIR_TCP_FIN_WAIT_2]   = FIN_W2,  /* takes the peer's data in a half-closed connection */
        [WEIR_TCP_CLOSE_WAIT]   = ESTAB,   /* the peer's FIN had not arrived */
        [WEIR_TCP_CLOSING]      = FIN_W1,  /* the peer's FIN had not arrived */
        [WEIR_TCP_LAST_ACK]     = LAST_A,  /* its FIN acknowledged the peer's: cannot be unsaid */
        [WEIR_TCP_TIME_WAIT]    = FIN_W2,  /* the peer's FIN had not arrived */
        [WEIR_TCP_CLOSED]       = CLOSED,  /* sent before the last ACK or the RST arrived */
    },
    [WEIR_TCP_EV_ACK_FIN] = { /* 3.10.7.4 eighth: the FIN has been received */
        [WEIR_TCP_SYN_SENT]     = CLOSE_W, /* after a SYN-ACK that took another way */
        [WEIR_TCP_SYN_RECEIVED] = CLOSE_W, /* takes ACK and FIN in one */
        [WEIR_TCP_ESTABLISHED]  = CLOSE_W,
        [WEIR_TCP_FIN_WAIT_1]   = CLOSING,
        [WEIR_TCP_FIN_WAIT_2]   = TIME_W,
        [WEIR_TCP_CLOSE_WAIT]   = CLOSE_W, /* sends on after the peer's FIN */
        [WEIR_TCP_CLOSING]      = CLOSING,
        [WEIR_TCP_LAST_ACK]     = LAST_A,  /* answers the repeated FIN */
        [WEIR_TCP_TIME_WAIT]    = TIME_W,  /* answers the repeated FIN */
        [WEIR_TCP_CLOSED]       = CLOSED,  /* answers a repeated FIN, the last ACK is on its way */
    },
    [WEIR_TCP_EV_FIN] = { /* 3.10.4 CLOSE call */
        [WEIR_TCP_SYN_SENT]     = FIN_W1,  /* answers a SYN-ACK that took another way, and closes */
        [WEIR_TCP_SYN_RECEIVED] = FIN_W1,  /* closed before its SYN was acknowledged */
        [WEIR_TCP_ESTABLISHED]  = FIN_W1,
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,  /* FIN repeated */
        [WEIR_TCP_FIN_WAIT_2]   = FIN_W2,  /* FIN repeated while the ACK of it is on its way */
        [WEIR_TCP_CLOSE_WAIT]   = FIN_W1,  /* closed before the peer's FIN arrived */
        [WEIR_TCP_CLOSING]      = FIN_W1,  /* FIN repeated before the peer's arrived */
        [WEIR_TCP_TIME_WAIT]    = FIN_W2,  /* the same, and the ACK of it is on its way */
        [WEIR_TCP_CLOSED]       = CLOSED,  /* sent before a RST arrived */
    },
    [WEIR_TCP_EV_FIN_FIN] = { /* 3.10.4 CLOSE call after the peer's FIN */
        [WEIR_TCP_SYN_SENT]     = LAST_A,  /* after a SYN-ACK that took another way */
        [WEIR_TCP_SYN_RECEIVED] = LAST_A,  /* took ACK and FIN, and closed */
        [WEIR_TCP_ESTABLISHED]  = LAST_A,  /* its ACK of the peer's FIN was lost, or is this one */
        [WEIR_TCP_FIN_WAIT_1]   = CLOSING, /* FIN repeated, the peer's FIN taken in */
        [WEIR_TCP_FIN_WAIT_2]   = TIME_W,  /* the same, and the ACK of it is on its way */
        [WEIR_TCP_CLOSE_WAIT]   = LAST_A,
        [WEIR_TCP_CLOSING]      = CLOSING, /* FIN repeated */
        [WEIR_TCP_LAST_ACK]     = LAST_A,  /* FIN repeated */
        [WEIR_TCP_TIME_WAIT]    = TIME_W,  /* FIN repeated while the ACK of it is on its way */
        [WEIR_TCP_CLOSED]       = CLOSED,  /* FIN repeated while the last ACK is on its way */
    },
    [WEIR_TCP_EV_FIN_LATE] = { /* FIN and ACK of the peer's FIN, seen in the wrong order */
        [WEIR_TCP_CLOSE_WAIT]   = CLOSING, /* it was in FIN-WAIT-1 when the peer's FIN arrived */
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_RST] = { /* 3.10.5 ABORT call, 3.10.7.1 no such connection */
        [WEIR_TCP_CLOSED]       = CLOSED,
        [WEIR_TCP_LISTEN]       = CLOSED,
        [WEIR_TCP_SYN_SENT]     = CLOSED,  /* refuses an unacceptable SYN-ACK, or aborts */
        [WEIR_TCP_SYN_RECEIVED] = CLOSED,  /* "connection refused": nobody listens there */
        [WEIR_TCP_ESTABLISHED]  = CLOSED,
        [WEIR_TCP_FIN_WAIT_1]   = CLOSED,
        [WEIR_TCP_FIN_WAIT_2]   = CLOSED,  /* data for an application that has gone */
        [WEIR_TCP_CLOSE_WAIT]   = CLOSED,
        [WEIR_TCP_CLOSING]      = CLOSED,
        [WEIR_TCP_LAST_ACK]     = CLOSED,
        [WEIR_TCP_TIME_WAIT]    = CLOSED,
    },
},
.received = {
    [WEIR_TCP_EV_SYN] = {
        [WEIR_TCP_CLOSED]       = SYN_R,   /* a connection ended here; it may listen again */
        [WEIR_TCP_LISTEN]       = SYN_R,   /* 3.10.7.2 */
        [WEIR_TCP_TIME_WAIT]    = SYN_R,   /* 3.6.1, RFC 6191 2 */
        [WEIR_TCP_SYN_SENT]     = SYN_R,   /* 3.10.7.3 simultaneous open */
        [WEIR_TCP_SYN_RECEIVED] = SYN_R,   /* repeated SYN: answered again */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,   /* simultaneous open: repeated SYN is below the window */
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,  /* closed in SYN-RECEIVED; the SYN is below the window */
    },
    [WEIR_TCP_EV_SYN_ACK] = {
        [WEIR_TCP_SYN_SENT]     = ESTAB,   /* 3.10.7.3 */
        [WEIR_TCP_SYN_RECEIVED] = ESTAB,   /* simultaneous open, 3.5 figure 7 */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,   /* repeated: its ACK was lost */
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,  /* repeated, after the receiver has closed */
    },
    [WEIR_TCP_EV_ACK] = {
        [WEIR_TCP_SYN_SENT]     = SYN_S,   /* 3.10.7.3: no SYN, not taken */
        [WEIR_TCP_SYN_RECEIVED] = ESTAB,   /* 3.10.7.4 fifth: its SYN is acknowledged */
        [WEIR_TCP_ESTABLISHED]  = ESTAB,
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W1,
        [WEIR_TCP_FIN_WAIT_2]   = FIN_W2,
        [WEIR_TCP_CLOSE_WAIT]   = CLOSE_W, /* an ACK after the peer's FIN */
        [WEIR_TCP_CLOSING]      = CLOSING,
        [WEIR_TCP_LAST_ACK]     = LAST_A,
        [WEIR_TCP_TIME_WAIT]    = TIME_W,
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_ACK_FIN] = { /* 3.10.7.4 fifth: its FIN is acknowledged */
        [WEIR_TCP_FIN_WAIT_1]   = FIN_W2,
        [WEIR_TCP_FIN_WAIT_2]   = FIN_W2,
        [WEIR_TCP_CLOSING]      = TIME_W,
        [WEIR_TCP_LAST_ACK]     = CLOSED,
        [WEIR_TCP_TIME_WAIT]    = TIME_W,
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_FIN] = { /* 3.10.7.4 eighth */
        [WEIR_TCP_SYN_SENT]     = SYN_S,   /* 3.10.7.3: no SYN, not taken */
        [WEIR_TCP_SYN_RECEIVED] = CLOSE_W, /* its ACK of the SYN takes effect first */
        [WEIR_TCP_ESTABLISHED]  = CLOSE_W,
        [WEIR_TCP_FIN_WAIT_1]   = CLOSING, /* simultaneous close, 3.6 figure 13 */
        [WEIR_TCP_FIN_WAIT_2]   = TIME_W,
        [WEIR_TCP_CLOSE_WAIT]   = CLOSE_W, /* repeated */
        [WEIR_TCP_CLOSING]      = CLOSING,
        [WEIR_TCP_LAST_ACK]     = LAST_A,
        [WEIR_TCP_TIME_WAIT]    = TIME_W,  /* repeated: acknowledged again, timer restarted */
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_FIN_FIN] = { /* its FIN is acknowledged and the peer's arrives with it */
        [WEIR_TCP_FIN_WAIT_1]   = TIME_W,
        [WEIR_TCP_FIN_WAIT_2]   = TIME_W,
        [WEIR_TCP_CLOSING]      = TIME_W,
        [WEIR_TCP_LAST_ACK]     = CLOSED,
        [WEIR_TCP_TIME_WAIT]    = TIME_W,
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_FIN_LATE] = { /* as a FIN that does not acknowledge the receiver's */
        [WEIR_TCP_FIN_WAIT_1]   = CLOSING,
        [WEIR_TCP_FIN_WAIT_2]   = TIME_W,
        [WEIR_TCP_CLOSED]       = CLOSED,
    },
    [WEIR_TCP_EV_RST] = { /* 3.10.7.3, 3.10.7.4 second; whether it is taken was decided before */
        [WEIR_TCP_CLOSED]       = CLOSED,
        [WEIR_TCP_LISTEN]       = CLOSED,
        [WEIR_TCP_SYN_SENT]     = CLOSED,  /* connection refused */
        [WEIR_TCP_SYN_RECEIVED] = CLOSED,
        [WEIR_TCP_ESTABLISHED]  = CLOSED,
        [WEIR_TCP_FIN_WAIT_1]   = CLOSED,
        [WEIR_TCP_FIN_WAIT_2]   = CLOSED,
        [WEIR_TCP_CLOSE_WAIT]   = CLOSED,
        [WEIR_TCP_CLOSING]      = CLOSED,
        [WEIR_TCP_LAST_ACK]     = CLOSED,
    },
},
};
/* clang-format on */

struct weir_tcp_pairs weir_tcp_pairs;

static const uint8_t seeds[WEIR_PAIR_SEEDS][2] = {
    [WEIR_PAIR_NEW] = {WEIR_TCP_CLOSED, WEIR_TCP_LISTEN},
    [WEIR_PAIR_HALF] = {WEIR_TCP_SYN_SENT, WEIR_TCP_SYN_RECEIVED},
    [WEIR_PAIR_MID] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
    [WEIR_PAIR_DEAD] = {WEIR_TCP_CLOSED, WEIR_TCP_CLOSED},
};

/* Timeout class of one endpoint's state; the pair takes the class of the end further on its way. */
static const uint8_t state_timeout[WEIR_TCP_STATES] = {
    [WEIR_TCP_CLOSED] = WEIR_TIMEOUT_TCP_CLOSED,
    [WEIR_TCP_LISTEN] = WEIR_TIMEOUT_TCP_SYN_SENT,
    [WEIR_TCP_SYN_SENT] = WEIR_TIMEOUT_TCP_SYN_SENT,
    [WEIR_TCP_SYN_RECEIVED] = WEIR_TIMEOUT_TCP_SYN_RECEIVED,
    [WEIR_TCP_ESTABLISHED] = WEIR_TIMEOUT_TCP_ESTABLISHED,
    [WEIR_TCP_FIN_WAIT_1] = WEIR_TIMEOUT_TCP_HALF_CLOSED,
    [WEIR_TCP_FIN_WAIT_2] = WEIR_TIMEOUT_TCP_HALF_CLOSED,
    [WEIR_TCP_CLOSE_WAIT] = WEIR_TIMEOUT_TCP_HALF_CLOSED,
    [WEIR_TCP_CLOSING] = WEIR_TIMEOUT_TCP_CLOSING,
    [WEIR_TCP_LAST_ACK] = WEIR_TIMEOUT_TCP_CLOSING,
    [WEIR_TCP_TIME_WAIT] = WEIR_TIMEOUT_TCP_TIME_WAIT,
};

static bool may_open(unsigned int state)
{
    return state == WEIR_TCP_CLOSED || state == WEIR_TCP_LISTEN || state == WEIR_TCP_TIME_WAIT;
}

/* Handshake not over, closing not over, or else whatever stands last: the order of decision. */
static uint8_t pair_timeout(const uint8_t state[2])
{
    static const uint8_t order[] = {
        WEIR_TIMEOUT_TCP_SYN_RECEIVED, WEIR_TIMEOUT_TCP_SYN_SENT,    WEIR_TIMEOUT_TCP_CLOSING,
        WEIR_TIMEOUT_TCP_TIME_WAIT,    WEIR_TIMEOUT_TCP_HALF_CLOSED, WEIR_TIMEOUT_TCP_ESTABLISHED,
    };

    for (unsigned int i = 0; i < sizeof(order); i++)
        if (state_timeout[state[0]] == order[i] || state_timeout[state[1]] == order[i])
            return order[i];
    return WEIR_TIMEOUT_TCP_CLOSED;
}

/* While only one end has been heard: unanswered SYN, or adopted on the word of one end. */
static uint8_t pair_timeout_one_way(const uint8_t state[2])
{
    uint8_t class = pair_timeout(state);

    if (class == WEIR_TIMEOUT_TCP_SYN_RECEIVED && state[WEIR_ORIG] == WEIR_TCP_SYN_SENT)
        return WEIR_TIMEOUT_TCP_SYN_SENT;
    if (class == WEIR_TIMEOUT_TCP_ESTABLISHED || class == WEIR_TIMEOUT_TCP_HALF_CLOSED)
        return WEIR_TIMEOUT_TCP_ADOPTED;
    return class;
}

/* The number of a pair of states, new or known; -E2BIG when there is no room. */
static int pair_number(struct weir_tcp_pairs *pairs, unsigned int orig, unsigned int resp)
{
    unsigned int i = 0;

    while (i < pairs->count && (pairs->state[i][0] != orig || pairs->state[i][1] != resp))
        i++;
    if (i == WEIR_PAIRS_MAX)
        return -E2BIG;
    if (i == pairs->count) {
        pairs->state[i][WEIR_ORIG] = (uint8_t)orig;
        pairs->state[i][WEIR_RESP] = (uint8_t)resp;
        pairs->timeout[i] = pair_timeout(pairs->state[i]);
        pairs->timeout_one_way[i] = pair_timeout_one_way(pairs->state[i]);
        pairs->count++;
    }
    return (int)i;
}

/* One step of the pair: both ends must have a cell for it, else it is refused and nothing moves. */
static int compose_step(struct weir_tcp_pairs *pairs, const struct weir_tcp_endpoints *tables,
                        unsigned int pair, unsigned int dir, unsigned int event)
{
    struct weir_tcp_step *step = &pairs->step[pair][dir][event];
    unsigned int from = pairs->state[pair][dir];
    unsigned int to = pairs->state[pair][!dir];
    unsigned int sender = tables->sent[event][from];
    unsigned int receiver = tables->received[event][to];
    int next;

    step->next = (uint8_t)pair;
    step->action = WEIR_TCP_ACT_REFUSE;
    if (event == WEIR_TCP_EV_INERT || event == WEIR_TCP_EV_STRAY)
        step->action = WEIR_TCP_ACT_PASS;
    if (sender == WEIR_TCP_CELL_REFUSE || receiver == WEIR_TCP_CELL_REFUSE)
        return 0;
    if (event == WEIR_TCP_EV_SYN && may_open(from) && may_open(to) && pair != WEIR_PAIR_NEW) {
        step->action = WEIR_TCP_ACT_OPEN; /* the next pair is found anew, from WEIR_PAIR_NEW */
        return 0;
    }
    next = dir == WEIR_ORIG ? pair_number(pairs, sender - 1, receiver - 1)
                            : pair_number(pairs, receiver - 1, sender - 1);
    if (next < 0)
        return next;
    step->next = (uint8_t)next;
    step->action = WEIR_TCP_ACT_PASS;
    return 0;
}

int weir_tcp_pairs_compose(struct weir_tcp_pairs *pairs, const struct weir_tcp_endpoints *tables)
{
    memset(pairs, 0, sizeof(*pairs));
    for (unsigned int i = 0; i < WEIR_PAIR_SEEDS; i++)
        pair_number(pairs, seeds[i][WEIR_ORIG], seeds[i][WEIR_RESP]);
    for (unsigned int pair = 0; pair < pairs->count; pair++)
        for (unsigned int dir = 0; dir < 2; dir++)
            for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++) {
                int err = compose_step(pairs, tables, pair, dir, event);

                if (err < 0)
                    return err;
            }
    return pairs->count;
}

const char *weir_tcp_state_name(unsigned int state)
{
    static const char *const names[WEIR_TCP_STATES] = {
        [WEIR_TCP_CLOSED] = "CLOSED",           [WEIR_TCP_LISTEN] = "LISTEN",
        [WEIR_TCP_SYN_SENT] = "SYN-SENT",       [WEIR_TCP_SYN_RECEIVED] = "SYN-RECEIVED",
        [WEIR_TCP_ESTABLISHED] = "ESTABLISHED", [WEIR_TCP_FIN_WAIT_1] = "FIN-WAIT-1",
        [WEIR_TCP_FIN_WAIT_2] = "FIN-WAIT-2",   [WEIR_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
        [WEIR_TCP_CLOSING] = "CLOSING",         [WEIR_TCP_LAST_ACK] = "LAST-ACK",
        [WEIR_TCP_TIME_WAIT] = "TIME-WAIT",
    };
    return state < WEIR_TCP_STATES ? names[state] : "?";
}

const char *weir_tcp_event_name(unsigned int event)
{
    static const char *const names[WEIR_TCP_EVENTS] = {
        [WEIR_TCP_EV_REFUSE] = "refuse",
        [WEIR_TCP_EV_INERT] = "inert",
        [WEIR_TCP_EV_STRAY] = "stray",
        [WEIR_TCP_EV_SYN] = "syn",
        [WEIR_TCP_EV_SYN_ACK] = "syn-ack",
        [WEIR_TCP_EV_ACK] = "ack",
        [WEIR_TCP_EV_ACK_FIN] = "ack-of-fin",
        [WEIR_TCP_EV_FIN] = "fin",
        [WEIR_TCP_EV_FIN_FIN] = "fin+ack-of-fin",
        [WEIR_TCP_EV_FIN_LATE] = "fin-late",
        [WEIR_TCP_EV_RST] = "rst",
    };
    return event < WEIR_TCP_EVENTS ? names[event] : "?";
}
