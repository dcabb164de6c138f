/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An endpoint takes in a segment: RFC 9293 3.10.7, paragraph by paragraph, with the challenge ACKs
 * of RFC 5961 that 3.10.7 has taken over. Nothing here looks at lib/core.
 */
#include "model.h"

#include <string.h>

#include "core/segment.h"

bool endpoint_overflow;

static unsigned int answering = NO_GENERATION; /* connection of the segment being taken in */

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool before_or_at(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

bool endpoint_variant(unsigned int e, unsigned int variant)
{
    return model_scn.end[e].variant & variant;
}

uint32_t endpoint_window(const struct endpoint *end, unsigned int e)
{
    return (uint32_t)model_scn.end[e].buffer - end->unread;
}

/* A CLOSE whose FIN has not gone out is not seen on a wire (3.10.4: FIN-WAIT-1 "in any case"). */
unsigned int endpoint_wire_state(const struct endpoint *end)
{
    bool unsent = end->flags & END_FIN_DUE;

    if (unsent && end->state == WEIR_TCP_FIN_WAIT_1)
        return WEIR_TCP_ESTABLISHED;
    if (unsent && end->state == WEIR_TCP_CLOSING)
        return WEIR_TCP_CLOSE_WAIT;
    return end->flags & END_LATE_FIN ? endpoint_crossed_state(end->state) : end->state;
}

/* CLOSING and LAST-ACK look alike where the FIN has been seen only with the ACK of the peer's. */
unsigned int endpoint_crossed_state(unsigned int state)
{
    switch (state) {
    case WEIR_TCP_CLOSING:
        return WEIR_TCP_LAST_ACK;
    case WEIR_TCP_TIME_WAIT:
        return WEIR_TCP_CLOSED;
    default:
        return state;
    }
}

/* What can be known as long as its FIN has not passed. */
unsigned int endpoint_unclosed_state(const struct endpoint *end)
{
    switch (end->state) {
    case WEIR_TCP_FIN_WAIT_1:
        return end->una == end->iss ? WEIR_TCP_SYN_RECEIVED : WEIR_TCP_ESTABLISHED;
    case WEIR_TCP_CLOSING:
    case WEIR_TCP_LAST_ACK:
        return WEIR_TCP_CLOSE_WAIT;
    default:
        return end->state;
    }
}

static bool synchronised(const struct endpoint *end)
{
    return end->state != WEIR_TCP_CLOSED && end->state != WEIR_TCP_LISTEN &&
           end->state != WEIR_TCP_SYN_SENT;
}

void endpoint_emit(struct state *s, unsigned int e, uint32_t seq, uint32_t ack, unsigned int flags,
                   unsigned int len)
{
    struct endpoint *end = &s->end[e];
    uint8_t *count = &s->count[BEFORE][e];
    struct packet *p = &s->queue[BEFORE][e][*count];

    if (*count == QUEUE_MAX) {
        endpoint_overflow = true;
        return;
    }
    memset(p, 0, sizeof(*p));
    p->seq = seq;
    p->ack = (flags & WEIR_TCP_ACK) ? ack : 0;
    p->win = (flags & WEIR_TCP_RST) ? 0 : (uint16_t)endpoint_window(end, e);
    p->flags = (uint8_t)flags;
    p->len = (uint8_t)len;
    p->sent_in = (uint8_t)endpoint_wire_state(end);
    p->peer_generation =
        (answering == NO_GENERATION || synchronised(end) ? end->peer_generation : answering) & 0xf;
    p->unclosed = (uint8_t)endpoint_unclosed_state(end);
    p->generation = end->generation & 0xf;
    p->ahead = end->passed;
    (*count)++;
    if (flags & WEIR_TCP_ACK)
        end->flags &= (uint16_t)~END_ACK_DUE;
}

void endpoint_emit_ack(struct state *s, unsigned int e)
{
    endpoint_emit(s, e, s->end[e].nxt, s->end[e].rcv_nxt, WEIR_TCP_ACK, 0);
}

/* Answer to what is not acceptable: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
static void emit_reply(struct state *s, unsigned int e)
{
    unsigned int count = s->count[BEFORE][e];

    endpoint_emit_ack(s, e);
    if (s->count[BEFORE][e] > count)
        s->queue[BEFORE][e][count].reply = 1;
}

static void acknowledge(struct state *s, unsigned int e)
{
    if (endpoint_variant(e, VARIANT_DELAY_ACK))
        s->end[e].flags |= END_ACK_DUE;
    else
        endpoint_emit_ack(s, e);
}

/*
 * The connection is over. Its numbers are kept for judging what is still in flight (endpoint_begin
 * writes them anew), and so is what the user may still do.
 */
void endpoint_closed(struct endpoint *end)
{
    end->last = (uint8_t)endpoint_wire_state(end);
    end->state = WEIR_TCP_CLOSED;
    end->flags &= END_FIN_SENT | END_SYNCED | END_CROSSED;
    end->una = end->wl1 = end->wl2 = 0;
    end->wnd = end->wnd_max = 0;
    end->queued = end->unread = end->held = end->held_fin = 0;
    end->repeats = end->probes = 0;
}

static void closed_or_listen(struct state *s, unsigned int e)
{
    endpoint_closed(&s->end[e]);
    if (endpoint_variant(e, VARIANT_RELISTEN))
        s->end[e].state = WEIR_TCP_LISTEN;
}

static uint32_t segment_len(const struct packet *p)
{
    return p->len + !!(p->flags & WEIR_TCP_SYN) + !!(p->flags & WEIR_TCP_FIN);
}

/* 3.10.7.1 */
static void receive_closed(struct state *s, unsigned int e, const struct packet *p)
{
    if (p->flags & WEIR_TCP_RST)
        return;
    if (p->flags & WEIR_TCP_ACK)
        endpoint_emit(s, e, p->ack, 0, WEIR_TCP_RST, 0);
    else
        endpoint_emit(s, e, 0, p->seq + segment_len(p), WEIR_TCP_RST | WEIR_TCP_ACK, 0);
}

static void take_syn(struct endpoint *end, const struct packet *p)
{
    end->irs = p->seq;
    end->peer_generation = p->generation;
    end->rcv_nxt = p->seq + 1;
    end->wnd = p->win;
    end->wnd_max = p->win;
    end->wl1 = p->seq;
    end->wl2 = p->ack;
    end->flags |= END_SYNCED;
}

/* 3.10.7.2 */
static void receive_listen(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];

    if (p->flags & WEIR_TCP_RST)
        return;
    if (p->flags & WEIR_TCP_ACK) {
        endpoint_emit(s, e, p->ack, 0, WEIR_TCP_RST, 0);
        return;
    }
    if (!(p->flags & WEIR_TCP_SYN))
        return;
    endpoint_begin(s, e);
    take_syn(end, p);
    end->flags |= END_PASSIVE;
    end->state = WEIR_TCP_SYN_RECEIVED;
    endpoint_emit(s, e, end->iss, end->rcv_nxt, WEIR_TCP_SYN | WEIR_TCP_ACK, 0);
}

/* 3.10.7.3 */
static void receive_syn_sent(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];
    bool acks = p->flags & WEIR_TCP_ACK;

    if (acks && (before_or_at(p->ack, end->iss) || before(end->nxt, p->ack))) {
        if (!(p->flags & WEIR_TCP_RST))
            endpoint_emit(s, e, p->ack, 0, WEIR_TCP_RST, 0);
        return;
    }
    if (p->flags & WEIR_TCP_RST) {
        if (acks)
            closed_or_listen(s, e);
        return;
    }
    if (!(p->flags & WEIR_TCP_SYN))
        return;
    take_syn(end, p);
    if (acks) {
        end->una = p->ack;
        end->state = WEIR_TCP_ESTABLISHED;
        acknowledge(s, e);
        endpoint_output(s, e);
        return;
    }
    end->state = WEIR_TCP_SYN_RECEIVED;
    endpoint_emit(s, e, end->iss, end->rcv_nxt, WEIR_TCP_SYN | WEIR_TCP_ACK, 0);
}

/* 3.10.7.4 first: the four cases. */
static bool acceptable(const struct endpoint *end, unsigned int e, const struct packet *p)
{
    uint32_t window = endpoint_window(end, e), len = segment_len(p);
    uint32_t off = p->seq - end->rcv_nxt;

    if (window == 0)
        return off == 0; /* text is cut off; "special allowance [...] to accept valid ACKs" */
    if (len == 0)
        return off < window;
    return off < window || off + len - 1 < window;
}

/* 3.10.7.4 second, with RFC 5961 3.2. */
static void receive_rst(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];

    if (p->seq != end->rcv_nxt) {
        emit_reply(s, e);
        return;
    }
    if (end->state == WEIR_TCP_SYN_RECEIVED && (end->flags & END_PASSIVE)) {
        endpoint_closed(end);
        end->state = WEIR_TCP_LISTEN;
        return;
    }
    closed_or_listen(s, e);
}

static bool fin_acked(const struct endpoint *end)
{
    return (end->flags & END_FIN_SENT) && end->una == end->nxt;
}

/* 3.10.7.4 fifth. False: drop the segment. */
static bool receive_ack(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];

    if (end->state == WEIR_TCP_SYN_RECEIVED) {
        if (!before(end->una, p->ack) || before(end->nxt, p->ack)) {
            endpoint_emit(s, e, p->ack, 0, WEIR_TCP_RST, 0);
            return false;
        }
        end->state = WEIR_TCP_ESTABLISHED;
        end->wnd = p->win;
        end->wl1 = p->seq;
        end->wl2 = p->ack;
    }
    if (before(end->nxt, p->ack) || before(p->ack, end->una - end->wnd_max)) { /* RFC 5961 5.2 */
        emit_reply(s, e);
        return false;
    }
    if (before(end->una, p->ack)) { /* the right edge stays if no window comes with it */
        uint32_t acked = p->ack - end->una;

        end->una = p->ack;
        end->wnd = (uint16_t)(end->wnd > acked ? end->wnd - acked : 0);
    }
    if (before_or_at(end->una, p->ack) &&
        (before(end->wl1, p->seq) || (end->wl1 == p->seq && before_or_at(end->wl2, p->ack)))) {
        end->wnd = p->win;
        end->wl1 = p->seq;
        end->wl2 = p->ack;
        if (end->wnd > end->wnd_max)
            end->wnd_max = end->wnd;
    }
    if (!fin_acked(end))
        return true;
    if (end->state == WEIR_TCP_FIN_WAIT_1)
        end->state = WEIR_TCP_FIN_WAIT_2;
    else if (end->state == WEIR_TCP_CLOSING)
        end->state = WEIR_TCP_TIME_WAIT;
    else if (end->state == WEIR_TCP_LAST_ACK) {
        closed_or_listen(s, e);
        return false;
    }
    return true;
}

/* 3.10.7.4 eighth */
static void take_fin(struct endpoint *end)
{
    end->rcv_nxt++;
    switch (end->state) {
    case WEIR_TCP_SYN_RECEIVED:
    case WEIR_TCP_ESTABLISHED:
        end->state = WEIR_TCP_CLOSE_WAIT;
        break;
    case WEIR_TCP_FIN_WAIT_1:
        if (end->flags & END_FIN_DUE)
            end->flags |= END_LATE_FIN;
        end->state = WEIR_TCP_CLOSING;
        break;
    case WEIR_TCP_FIN_WAIT_2:
        end->state = WEIR_TCP_TIME_WAIT;
        break;
    default:
        break;
    }
}

static bool takes_text(const struct endpoint *end)
{
    return end->state == WEIR_TCP_ESTABLISHED || end->state == WEIR_TCP_FIN_WAIT_1 ||
           end->state == WEIR_TCP_FIN_WAIT_2;
}

/* Mark what a segment brings, at its distance from RCV.NXT; text outside the window is cut off. */
static void hold(struct endpoint *end, unsigned int e, const struct packet *p, unsigned int *now)
{
    uint32_t window = endpoint_window(end, e);

    for (unsigned int i = 0; i < p->len; i++) {
        uint32_t off = p->seq + i - end->rcv_nxt;

        if (off >= window || off > 8)
            continue;
        if (off == 0)
            *now = 1;
        else
            end->held |= (uint8_t)(1U << (off - 1));
    }
}

/* 3.10.7.4 seventh and eighth. */
static void receive_text(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];
    uint32_t fin_off = p->seq + p->len - end->rcv_nxt;
    bool fin = (p->flags & WEIR_TCP_FIN) && fin_off < 128 &&
               (fin_off < endpoint_window(end, e) || fin_off == 0);
    unsigned int now = 0;

    if (!takes_text(end)) {
        if (segment_len(p)) /* a repeated FIN; text "should not occur" */
            emit_reply(s, e);
        return;
    }
    if (endpoint_variant(e, VARIANT_DROP_HOLES) && before(end->rcv_nxt, p->seq)) {
        acknowledge(s, e);
        return;
    }
    if (p->len)
        hold(end, e, p, &now);
    if (fin && fin_off > 0)
        end->held_fin = (uint8_t)fin_off;
    while (now) {
        end->rcv_nxt++;
        if (endpoint_variant(e, VARIANT_SLOW))
            end->unread++;
        now = end->held & 1;
        end->held >>= 1;
        if (end->held_fin && --end->held_fin == 0)
            fin_off = 0;
    }
    if (fin_off == 0 && (fin || p->len))
        take_fin(end);
    if (segment_len(p))
        acknowledge(s, e);
}

/* The whole of 3.10.7.4 once the number is acceptable. */
static void receive_in_window(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];

    if (p->flags & WEIR_TCP_RST) {
        receive_rst(s, e, p);
        return;
    }
    if (p->flags & WEIR_TCP_SYN) { /* fourth */
        if (end->state == WEIR_TCP_SYN_RECEIVED && (end->flags & END_PASSIVE)) {
            endpoint_closed(end);
            end->state = WEIR_TCP_LISTEN;
        } else {
            emit_reply(s, e);
        }
        return;
    }
    if (!(p->flags & WEIR_TCP_ACK))
        return;
    if (endpoint_variant(e, VARIANT_DROP_HOLES) && before(end->rcv_nxt, p->seq)) {
        if (segment_len(p)) /* processed in sequence: nothing of it, not even its ACK */
            emit_reply(s, e);
        return;
    }
    if (!receive_ack(s, e, p))
        return;
    if (endpoint_variant(e, VARIANT_GONE) && p->len && (end->flags & END_FIN_SENT) &&
        before(end->rcv_nxt, p->seq + p->len)) { /* 3.10.4: half-duplex close */
        closed_or_listen(s, e);
        endpoint_emit(s, e, end->nxt, 0, WEIR_TCP_RST, 0); /* closed: its numbers are kept */
        return;
    }
    receive_text(s, e, p);
    endpoint_output(s, e);
}

/* 3.5 figure 7: in SYN-RECEIVED after a simultaneous open, the SYN-ACK counts as the ACK in it. */
static bool figure_8(const struct endpoint *end, unsigned int e, const struct packet *p)
{
    return end->state == WEIR_TCP_SYN_RECEIVED && !(end->flags & END_PASSIVE) &&
           !endpoint_variant(e, VARIANT_STRICT_SYN) &&
           (p->flags & (WEIR_TCP_SYN | WEIR_TCP_ACK | WEIR_TCP_RST)) ==
               (WEIR_TCP_SYN | WEIR_TCP_ACK) &&
           p->seq == end->irs && p->ack == end->nxt;
}

/* 3.6.1: a SYN beyond the old connection's numbers is taken by a listening user in TIME-WAIT. */
static bool reopens(const struct endpoint *end, unsigned int e, const struct packet *p)
{
    return end->state == WEIR_TCP_TIME_WAIT && endpoint_variant(e, VARIANT_RELISTEN) &&
           (p->flags & (WEIR_TCP_SYN | WEIR_TCP_ACK | WEIR_TCP_RST)) == WEIR_TCP_SYN &&
           !before(p->seq, end->rcv_nxt);
}

static void receive_synchronised(struct state *s, unsigned int e, const struct packet *p)
{
    struct endpoint *end = &s->end[e];

    if (reopens(end, e, p)) {
        endpoint_closed(end);
        end->state = WEIR_TCP_LISTEN;
        receive_listen(s, e, p);
    } else if (figure_8(end, e, p)) {
        end->una = p->ack;
        end->wnd = p->win;
        end->state = WEIR_TCP_ESTABLISHED;
        endpoint_output(s, e);
    } else if (end->state == WEIR_TCP_SYN_RECEIVED && endpoint_variant(e, VARIANT_SYN_AGAIN) &&
               (p->flags & (WEIR_TCP_SYN | WEIR_TCP_ACK)) == WEIR_TCP_SYN && p->seq == end->irs) {
        endpoint_emit(s, e, end->iss, end->rcv_nxt, WEIR_TCP_SYN | WEIR_TCP_ACK, 0);
    } else if (!acceptable(end, e, p)) {
        if (!(p->flags & WEIR_TCP_RST))
            emit_reply(s, e);
    } else {
        receive_in_window(s, e, p);
    }
}

void endpoint_receive(struct state *s, unsigned int e, const struct packet *p)
{
    answering = p->generation;
    switch (s->end[e].state) {
    case WEIR_TCP_CLOSED:
        receive_closed(s, e, p);
        break;
    case WEIR_TCP_LISTEN:
        receive_listen(s, e, p);
        break;
    case WEIR_TCP_SYN_SENT:
        receive_syn_sent(s, e, p);
        break;
    default:
        receive_synchronised(s, e, p);
    }
    answering = NO_GENERATION;
}
