/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an endpoint does of its own accord: the user's calls (RFC 9293 3.10.1 to 3.10.5) and its
 * timers (3.8). Each returns whether it can happen now.
 */
#include "model.h"

#include "core/segment.h"

static bool sends_text(const struct endpoint *end)
{
    return end->state == WEIR_TCP_ESTABLISHED || end->state == WEIR_TCP_CLOSE_WAIT ||
           end->state == WEIR_TCP_FIN_WAIT_1 || end->state == WEIR_TCP_CLOSING;
}

static bool no_connection(const struct endpoint *end)
{
    return end->state == WEIR_TCP_CLOSED || end->state == WEIR_TCP_LISTEN;
}

/* The FIN goes out: 3.10.4. */
static void fin_goes(struct endpoint *end)
{
    end->flags &= (uint16_t)~END_FIN_DUE;
    end->flags |= END_FIN_SENT;
    end->nxt++;
    if (end->state == WEIR_TCP_CLOSE_WAIT)
        end->state = WEIR_TCP_LAST_ACK;
    else if (end->state != WEIR_TCP_CLOSING)
        end->state = WEIR_TCP_FIN_WAIT_1;
}

/* Send what is queued and the window takes; then the FIN, with the last text if there is some. */
void endpoint_output(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    while (sends_text(end) && end->queued) {
        uint32_t room = end->una + end->wnd - end->nxt;
        uint32_t len = end->queued < model_scn.mss ? end->queued : model_scn.mss;
        uint32_t seq = end->nxt;
        unsigned int flags = WEIR_TCP_ACK;

        if ((int32_t)room <= 0)
            return;
        len = len < room ? len : room;
        end->queued = (uint8_t)(end->queued - len);
        end->nxt += len;
        if (!end->queued && (end->flags & END_FIN_DUE)) {
            fin_goes(end);
            flags |= WEIR_TCP_FIN;
        }
        endpoint_emit(s, e, seq, end->rcv_nxt, flags, len);
    }
    if (sends_text(end) && !end->queued && (end->flags & END_FIN_DUE)) {
        fin_goes(end);
        endpoint_emit(s, e, end->nxt - 1, end->rcv_nxt, WEIR_TCP_FIN | WEIR_TCP_ACK, 0);
    }
}

/* A new transmission control block. */
void endpoint_begin(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    endpoint_closed(end);
    end->flags = 0;
    end->irs = end->rcv_nxt = 0;
    end->generation++;
    end->iss = model_iss(e, end->generation);
    end->una = end->iss;
    end->nxt = end->iss + 1;
    end->repeats = model_scn.end[e].repeats;
    end->probes = model_scn.end[e].probes;
    end->passed &= EFFECT_SYN;
    end->last = WEIR_TCP_CLOSED;
}

/* 3.10.1, active */
bool endpoint_open(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!end->opens || !no_connection(end))
        return false;
    endpoint_begin(s, e);
    end->opens--;
    end->state = WEIR_TCP_SYN_SENT;
    endpoint_emit(s, e, end->iss, 0, WEIR_TCP_SYN, 0);
    return true;
}

/* 3.10.2 */
bool endpoint_send(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!end->sends || (end->flags & (END_FIN_DUE | END_FIN_SENT)))
        return false;
    if (end->state != WEIR_TCP_SYN_SENT && end->state != WEIR_TCP_SYN_RECEIVED &&
        end->state != WEIR_TCP_ESTABLISHED && end->state != WEIR_TCP_CLOSE_WAIT)
        return false;
    end->sends--;
    end->queued = (uint8_t)(end->queued + model_scn.end[e].octets);
    endpoint_output(s, e);
    return true;
}

static void die_silently(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    endpoint_closed(end);
    end->flags |= END_SILENT;
    if (endpoint_variant(e, VARIANT_RELISTEN))
        end->state = WEIR_TCP_LISTEN;
}

/* 3.10.4 */
bool endpoint_close(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!end->closes || (end->flags & (END_FIN_DUE | END_FIN_SENT)))
        return false;
    switch (end->state) {
    case WEIR_TCP_SYN_SENT:
        end->closes--;
        die_silently(s, e);
        return true;
    case WEIR_TCP_SYN_RECEIVED:
        end->closes--;
        end->flags |= END_FIN_DUE;
        if (!end->queued) {
            fin_goes(end);
            endpoint_emit(s, e, end->nxt - 1, end->rcv_nxt, WEIR_TCP_FIN | WEIR_TCP_ACK, 0);
        }
        return true;
    case WEIR_TCP_ESTABLISHED: /* "in any case, enter FIN-WAIT-1" */
        end->closes--;
        end->flags |= END_FIN_DUE;
        end->state = WEIR_TCP_FIN_WAIT_1;
        endpoint_output(s, e);
        return true;
    case WEIR_TCP_CLOSE_WAIT:
        end->closes--;
        end->flags |= END_FIN_DUE;
        endpoint_output(s, e);
        return true;
    default:
        return false;
    }
}

/* 3.10.5 */
bool endpoint_abort(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];
    unsigned int flags = WEIR_TCP_RST;
    uint32_t nxt = end->nxt, rcv_nxt = end->rcv_nxt;

    if (!end->aborts || no_connection(end))
        return false;
    end->aborts--;
    switch (end->state) {
    case WEIR_TCP_SYN_SENT:
    case WEIR_TCP_CLOSING:
    case WEIR_TCP_LAST_ACK:
    case WEIR_TCP_TIME_WAIT:
        die_silently(s, e);
        return true;
    default:
        if (endpoint_variant(e, VARIANT_RST_ACK))
            flags |= WEIR_TCP_ACK;
        endpoint_closed(end);
        if (endpoint_variant(e, VARIANT_RELISTEN))
            end->state = WEIR_TCP_LISTEN;
        endpoint_emit(s, e, nxt, rcv_nxt, flags, 0);
        return true;
    }
}

/* 3.10.3: the user takes what has arrived; the window opens, and the peer is told. */
bool endpoint_read(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!end->unread || no_connection(end))
        return false;
    end->unread = 0;
    endpoint_emit_ack(s, e);
    return true;
}

bool endpoint_outstanding(const struct endpoint *end)
{
    return !no_connection(end) &&
           (end->una != end->nxt || end->queued || (end->flags & (END_FIN_DUE | END_ACK_DUE)));
}

/* 3.8.1: the earliest that is not acknowledged, as much as a segment takes, the FIN with it. */
bool endpoint_repeat(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];
    uint32_t text, len;
    unsigned int flags = WEIR_TCP_ACK;

    if (!end->repeats || no_connection(end) || end->una == end->nxt)
        return false;
    end->repeats--;
    if (end->una == end->iss) {
        flags = end->state == WEIR_TCP_SYN_SENT ? WEIR_TCP_SYN : WEIR_TCP_SYN | WEIR_TCP_ACK;
        endpoint_emit(s, e, end->iss, end->rcv_nxt, flags, 0);
        return true;
    }
    text = end->nxt - end->una - !!(end->flags & END_FIN_SENT);
    len = text < model_scn.mss ? text : model_scn.mss;
    if ((end->flags & END_FIN_SENT) && len == text)
        flags |= WEIR_TCP_FIN;
    endpoint_emit(s, e, end->una, end->rcv_nxt, flags, len);
    return true;
}

/* 3.8.6.1 one octet into a window of zero; 3.8.4 keep-alive, with and without an octet. */
bool endpoint_probe(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];
    bool fin;

    if (!end->probes || !sends_text(end) || end->una != end->nxt)
        return false;
    end->probes--;
    if (!end->queued) {
        if (end->flags & (END_FIN_SENT | END_FIN_DUE))
            return false;
        endpoint_emit(s, e, end->nxt - 1, end->rcv_nxt, WEIR_TCP_ACK, end->probes & 1);
        return true;
    }
    if (end->wnd)
        return false;
    end->queued--;
    end->nxt++;
    fin = !end->queued && (end->flags & END_FIN_DUE);
    endpoint_emit(s, e, end->nxt - 1, end->rcv_nxt, WEIR_TCP_ACK, 1);
    if (fin)
        endpoint_output(s, e);
    return true;
}

/* 3.8.3: nothing answers; the connection is deleted. */
bool endpoint_give_up(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!end->giveups || no_connection(end) || end->una == end->nxt || end->repeats)
        return false;
    end->giveups--;
    die_silently(s, e);
    return true;
}

/* TIME-WAIT lasts until nothing of the connection is in flight: 3.6.1. */
bool endpoint_expire(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (end->state != WEIR_TCP_TIME_WAIT || !channel_empty(s))
        return false;
    endpoint_closed(end);
    end->flags |= END_EXPIRED;
    if (endpoint_variant(e, VARIANT_RELISTEN))
        end->state = WEIR_TCP_LISTEN;
    return true;
}

bool endpoint_ack_now(struct state *s, unsigned int e)
{
    struct endpoint *end = &s->end[e];

    if (!(end->flags & END_ACK_DUE) || no_connection(end))
        return false;
    endpoint_emit_ack(s, e);
    return true;
}
