/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model checker's world: two endpoints as RFC 9293 has them, the channel between them, the tap
 * in its middle, and what is known to be true at the tap.
 *
 *     left endpoint --> before[0] --> tap --> after[0] --> right endpoint
 *     left endpoint <-- after[1]  <-- tap <-- before[1] <-- right endpoint
 *
 * endpoint.c, endpoint_call.c  the endpoints, written from RFC 9293 3.10 and not from lib/core
 * channel.c                    events: what may happen next, and its doing
 * tap.c                        lib/core driven as the data path drives it
 * property.c, blind.c          what must hold (P1 to P5)
 * explore.c                    the search, breadth first
 * scenario.c, ladder.c, mutate.c, main.c
 */
#ifndef WEIR_MODEL_H
#define WEIR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/flow.h"
#include "core/tcp_track.h"

#define QUEUE_MAX   6U     /* segments a queue holds; a state that needs more is out of bounds */
#define ISS_SPACING 400000 /* from one connection's initial sequence number to the next one's */

enum { LEFT, RIGHT };
enum { BEFORE, AFTER }; /* the tap */

/* What a segment that has passed does to the endpoint it goes to: its parts, which may take effect
 * one without the other where a hole precedes the segment. */
#define EFFECT_SYN     0x01U
#define EFFECT_ACK_SYN 0x02U /* acknowledges that endpoint's SYN */
#define EFFECT_ACK_FIN 0x04U /* acknowledges that endpoint's FIN */
#define EFFECT_FIN     0x08U
#define EFFECT_RST     0x10U

struct packet {
    uint32_t seq;
    uint32_t ack;
    uint16_t win;
    uint8_t flags; /* WEIR_TCP_* */
    uint8_t len;
    uint8_t sent_in;  /* state of its sender, as far as a wire can show it, after sending */
    uint8_t unclosed; /* the same, as if its FIN had not been sent */
    uint8_t ahead;   /* effects that have passed the tap toward its sender, before it passes itself;
                      * what of them its sender had not taken in, the tap may be ahead by */
    uint8_t effects; /* its own, once it has passed */
    uint8_t generation : 4;      /* connection of its sender */
    uint8_t peer_generation : 4; /* and of the endpoint it is meant for, as its sender knows it */
    uint8_t delayed : 1;         /* exempt from the order of its queue */
    uint8_t overtaken : 1;       /* a later one of its sender has passed the tap */
    uint8_t inert : 1;           /* it passed as no evidence */
    uint8_t reply : 1;           /* bare ACK that answers an unacceptable segment */
};

#define END_PASSIVE  0x01U /* opened by LISTEN: a RST in SYN-RECEIVED returns there */
#define END_FIN_DUE  0x02U /* CLOSE called, FIN waits behind data */
#define END_FIN_SENT 0x04U
#define END_LATE_FIN 0x08U  /* took the peer's FIN in FIN-WAIT-1 before its own had gone out */
#define END_ACK_DUE  0x10U  /* delayed acknowledgement */
#define END_EXPIRED  0x20U  /* CLOSED since TIME-WAIT ended */
#define END_SILENT   0x40U  /* the peer may not know that it is CLOSED */
#define END_UNTOLD   0x200U /* CLOSED by a RST that passed as no evidence */
#define END_CROSSED  0x100U /* its FIN first passed the tap with an ACK of a FIN that crossed it */
#define END_SYNCED   0x80U  /* irs and rcv_nxt hold */

struct endpoint {
    uint32_t iss, una, nxt, wl1, wl2, irs, rcv_nxt;
    uint16_t wnd;     /* SND.WND */
    uint16_t wnd_max; /* MAX.SND.WND, RFC 5961 5.2 */
    uint16_t flags;
    uint8_t state;
    uint8_t generation;      /* connections begun by it */
    uint8_t peer_generation; /* connection of its peer that it has synchronised with */
    uint8_t queued;          /* octets of SEND not yet sent */
    uint8_t unread;          /* octets received, not yet read by the user */
    uint8_t held;            /* bit i: octet rcv_nxt + 1 + i has arrived */
    uint8_t held_fin;        /* distance of a held FIN from rcv_nxt; 0: none */
    uint8_t last;            /* state before it became CLOSED */
    uint8_t passed;          /* effects that have passed the tap toward it */
    uint8_t opens, sends, closes, aborts, repeats, probes, giveups; /* left */
};

/* What passed the tap, by sender: the truth that the record's windows are held against. */
struct witness {
    uint32_t end, ack, edge;
    uint8_t generation; /* the connection that the record follows; NO_GENERATION before any */
    uint8_t known;      /* WITNESS_* */
    uint8_t spare[2];
};

#define NO_GENERATION 0xfU
#define WITNESS_END   0x01U
#define WITNESS_ACK   0x02U
#define WITNESS_FIN   0x04U
#define WITNESS_MORE  0x10U /* than SYNs */
#define WITNESS_LATE  0x08U /* first heard with what follows its SYN: its scale is unknown */

/* The budgets that the scenario gives the network. */
struct troubles {
    uint8_t lose[2]; /* before, after the tap */
    uint8_t twice;
    uint8_t delay;
    uint8_t restart;
};

struct state {
    struct endpoint end[2];
    struct witness witness[2];
    union {
        struct weir_flow flow;
        uint32_t words[12];
    } record;
    struct troubles left;
    uint8_t tracked;     /* a record exists */
    uint8_t adopted;     /* the record began mid-stream */
    uint8_t count[2][2]; /* packets: side of the tap, direction */
    uint8_t mixed;       /* attempts at a connection interleave: see tap.c */
    uint8_t restarted;   /* the record before was forgotten */
    uint8_t grace;       /* a RST one below a FIN was taken */
    uint8_t attempts;    /* bit e: signs of another attempt have passed since end e last spoke */
    uint8_t spare;
    struct packet queue[2][2][QUEUE_MAX];
};

/* Variants of a conforming endpoint: the RFC leaves each of these open, or stacks differ. */
#define VARIANT_DELAY_ACK  0x01U /* acknowledges later, or with its next segment */
#define VARIANT_DROP_HOLES 0x02U /* does not hold what arrives out of order */
#define VARIANT_STRICT_SYN 0x04U /* a SYN-ACK in SYN-RECEIVED is unacceptable (3.10.7.4 first) */
#define VARIANT_SYN_AGAIN  0x08U /* repeats its SYN-ACK for a repeated SYN instead of a bare ACK */
#define VARIANT_GONE       0x10U /* nobody reads after CLOSE: data draws a RST, 3.10.4 */
#define VARIANT_SLOW       0x20U /* the user reads only when it calls RECEIVE: the window closes */
#define VARIANT_RST_ACK    0x40U /* its ABORT sends RST and ACK */
#define VARIANT_RELISTEN   0x80U /* listens again when a connection is over */

/* What a deep run adds. */
struct deeper {
    uint8_t lose[2], twice, delay; /* to the troubles */
    uint8_t repeats[2], sends[2], octets[2], opens[2];
};

struct scenario {
    const char *name;
    const char *what;
    uint32_t iss[2];
    int32_t spacing; /* in place of ISS_SPACING; may go down */
    struct {
        uint8_t listens;
        uint8_t opens, sends, octets, closes, aborts, repeats, probes, giveups;
        uint8_t variant;
        uint8_t buffer; /* octets */
    } end[2];
    uint8_t mss;
    struct troubles troubles;
    struct deeper deep;
    uint8_t midstream;   /* enum weir_midstream */
    uint8_t one_way;     /* packets of RIGHT do not pass the tap */
    uint8_t established; /* both ends begin in ESTABLISHED, unknown to the tap */
    uint8_t blind;       /* check blind segments in every nth state; 0 never */
};

extern const struct scenario model_scenarios[];
extern const unsigned int model_scenario_count;

/* The scenario being explored. */
extern struct scenario model_scn;

static inline int32_t model_spacing(void)
{
    return model_scn.spacing ? model_scn.spacing : ISS_SPACING;
}

/* First number of a connection of end e. */
static inline uint32_t model_iss(unsigned int e, unsigned int generation)
{
    return model_scn.iss[e] + (generation - 1) * (uint32_t)model_spacing();
}

/* How far a connection's numbers may go. */
static inline uint32_t model_reach(void)
{
    int32_t spacing = model_spacing();

    return (uint32_t)(spacing < 0 ? -spacing : spacing) / 2;
}

enum event_kind {
    EV_OPEN,
    EV_SEND,
    EV_CLOSE,
    EV_ABORT,
    EV_READ, /* user calls */
    EV_REPEAT,
    EV_PROBE,
    EV_GIVE_UP,
    EV_EXPIRE,
    EV_ACK_NOW, /* timers */
    EV_MOVE,
    EV_LOSE,
    EV_TWICE,
    EV_DELAY,
    EV_RESTART, /* network and tap */
    EV_KINDS
};

struct event {
    uint8_t kind;
    uint8_t side; /* endpoint, or the direction by its sender */
    uint8_t at;   /* BEFORE or AFTER the tap */
    uint8_t index;
};

#define EVENTS_MAX 96U

/* What the tap said to one packet. */
struct tapped {
    bool happened;
    struct packet packet;
    unsigned int sender;
    struct weir_outcome outcome;
    uint8_t was[2]; /* tracked states before, by endpoint */
    bool was_tracked;
};

/* Verdict of a property: NULL, or the sentence that says what is wrong. */
typedef const char *finding_t;

/* endpoint.c */
void endpoint_receive(struct state *s, unsigned int e, const struct packet *p);
void endpoint_output(struct state *s, unsigned int e);
void endpoint_emit(struct state *s, unsigned int e, uint32_t seq, uint32_t ack, unsigned int flags,
                   unsigned int len);
void endpoint_emit_ack(struct state *s, unsigned int e);
void endpoint_closed(struct endpoint *end);
uint32_t endpoint_window(const struct endpoint *end, unsigned int e);
unsigned int endpoint_wire_state(const struct endpoint *end);
unsigned int endpoint_unclosed_state(const struct endpoint *end);
unsigned int endpoint_crossed_state(unsigned int state);
bool endpoint_variant(unsigned int e, unsigned int variant);
extern bool endpoint_overflow; /* a queue was full: the event did not fit the bounds */

/* endpoint_call.c */
bool endpoint_open(struct state *s, unsigned int e);
bool endpoint_send(struct state *s, unsigned int e);
bool endpoint_close(struct state *s, unsigned int e);
bool endpoint_abort(struct state *s, unsigned int e);
bool endpoint_read(struct state *s, unsigned int e);
bool endpoint_repeat(struct state *s, unsigned int e);
bool endpoint_probe(struct state *s, unsigned int e);
bool endpoint_give_up(struct state *s, unsigned int e);
bool endpoint_expire(struct state *s, unsigned int e);
bool endpoint_ack_now(struct state *s, unsigned int e);
bool endpoint_outstanding(const struct endpoint *end);
void endpoint_begin(struct state *s, unsigned int e);

/* tap.c */
struct tapped tap_pass(struct state *s, unsigned int sender, const struct packet *p);
unsigned int tap_tracked_state(const struct state *s, unsigned int e);
struct weir_outcome tap_track(struct state *s, unsigned int sender, const struct weir_segment *seg,
                              unsigned int generation);
bool tap_moves_nothing(struct weir_outcome outcome);
bool tap_attempts_interleave(const struct state *s);
struct weir_segment tap_segment(const struct packet *p);

/* channel.c */
void channel_begin(struct state *s);
unsigned int channel_events(const struct state *s, struct event out[EVENTS_MAX]);
bool channel_apply(struct state *s, struct event event, struct tapped *tapped);
bool channel_empty(const struct state *s);

/* property.c */
enum exception {
    EXC_NONE,
    EXC_BARE_ACK,    /* P1: bare ACK from SYN-RECEIVED */
    EXC_FORMER,      /* P1, P2: SYN on a connection that the other end still holds */
    EXC_SILENT,      /* P2: gave up, or its RST was lost before the tap */
    EXC_SENDER_GONE, /* P2: what passed was lost and its sender has gone */
    EXC_EXPIRED,     /* P2: TIME-WAIT has ended */
    EXC_RST_1337,    /* P3: RST toward TIME-WAIT */
    EXC_ADOPTED,     /* P1, P2: picked up after a FIN or SYN had passed unseen */
    EXC_MIXED,       /* P1, P2: attempts at a connection interleave */
    EXC_FIN_UNSEEN,  /* P1: its FIN has not passed, or told nothing */
    EXC_CROSSED,     /* P1, P2: a lost FIN is repeated with a later acknowledgement */
    EXC_REFUSES,     /* P1: RST out of SYN-SENT */
    EXC_OLD,         /* P3: outside, since of a connection before */
    EXC_GRACE,       /* P1, P2: a RST that leaves its FIN out of account */
    EXC_RST_INEXACT, /* P1: a blind attacker's would look the same */
    EXC_RESTARTED,   /* P3: the tap forgot while a SYN was on its way */
    EXCEPTIONS
};
extern uint64_t property_exceptions[EXCEPTIONS];
extern const char *const property_exception_names[EXCEPTIONS];
finding_t property_step(const struct state *s, const struct tapped *tapped);
finding_t property_quiet(const struct state *s);
finding_t property_total(const struct weir_tcp_pairs *pairs);
unsigned int property_effects(const struct state *s, unsigned int to, const struct packet *p,
                              unsigned int generation);

/* blind.c */
finding_t property_blind(const struct state *s, struct weir_segment *culprit, unsigned int *sender);
extern uint64_t blind_tried;

/* explore.c */
struct result {
    uint64_t states, transitions, out_of_bounds, quiet;
    uint32_t depth;
    bool complete;
    finding_t finding;
    double seconds;
};
struct result explore(const struct scenario *scn, uint64_t max_states, bool print);

/* ladder.c */
void ladder_print(const struct event *path, unsigned int len, finding_t finding);

/* mutate.c: list all mutants and what composing them tells; run the scenarios on those listed. */
int mutate_list(void);
int mutate_these(FILE *list);
extern bool tap_steps[WEIR_TCP_STATES][WEIR_TCP_STATES][2][WEIR_TCP_EVENTS]; /* orig, resp, dir */

#endif
