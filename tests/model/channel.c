/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel, and what may happen next: every event that is possible in a state, and its doing. */
#include "model.h"

#include <string.h>

#include "core/segment.h"

typedef bool (*act_fn)(struct state *s, unsigned int e);

static const act_fn acts[] = {
    [EV_OPEN] = endpoint_open,       [EV_SEND] = endpoint_send,       [EV_CLOSE] = endpoint_close,
    [EV_ABORT] = endpoint_abort,     [EV_READ] = endpoint_read,       [EV_REPEAT] = endpoint_repeat,
    [EV_PROBE] = endpoint_probe,     [EV_GIVE_UP] = endpoint_give_up, [EV_EXPIRE] = endpoint_expire,
    [EV_ACK_NOW] = endpoint_ack_now,
};

#define ACTS (sizeof(acts) / sizeof(acts[0]))

/* Both ends open and agreed, so that the tap comes upon them mid-stream. */
static void begin_established(struct state *s)
{
    for (unsigned int e = 0; e < 2; e++) {
        endpoint_begin(s, e);
        s->end[e].state = WEIR_TCP_ESTABLISHED;
        s->end[e].flags |= END_SYNCED;
    }
    for (unsigned int e = 0; e < 2; e++) {
        struct endpoint *end = &s->end[e], *peer = &s->end[!e];

        end->una = end->nxt;
        end->irs = peer->iss;
        end->peer_generation = peer->generation;
        end->rcv_nxt = peer->nxt;
        end->wnd = end->wnd_max = model_scn.end[!e].buffer;
        end->wl1 = peer->iss;
        end->wl2 = end->nxt;
    }
    s->adopted = 1;
}

void channel_begin(struct state *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned int e = 0; e < 2; e++) {
        struct endpoint *end = &s->end[e];

        end->state = model_scn.end[e].listens ? WEIR_TCP_LISTEN : WEIR_TCP_CLOSED;
        end->opens = model_scn.end[e].opens;
        end->sends = model_scn.end[e].sends;
        end->closes = model_scn.end[e].closes;
        end->aborts = model_scn.end[e].aborts;
        end->giveups = model_scn.end[e].giveups;
        s->witness[e].generation = NO_GENERATION;
    }
    s->left = model_scn.troubles;
    if (model_scn.established)
        begin_established(s);
}

bool channel_empty(const struct state *s)
{
    return !(s->count[BEFORE][0] | s->count[BEFORE][1] | s->count[AFTER][0] | s->count[AFTER][1]);
}

static unsigned int queue_events(const struct state *s, unsigned int at, unsigned int dir,
                                 struct event *out)
{
    const struct packet *queue = s->queue[at][dir];
    unsigned int count = s->count[at][dir], n = 0, head = 0;
    const uint8_t side = (uint8_t)dir, where = (uint8_t)at;

    while (head < count && queue[head].delayed)
        head++;
    for (unsigned int i = 0; i < count; i++)
        if (queue[i].delayed || i == head)
            out[n++] = (struct event){EV_MOVE, side, where, (uint8_t)i};
    if (head == count)
        return n;
    if (s->left.lose[at])
        out[n++] = (struct event){EV_LOSE, side, where, (uint8_t)head};
    if (s->left.twice)
        out[n++] = (struct event){EV_TWICE, side, where, (uint8_t)head};
    if (s->left.delay)
        out[n++] = (struct event){EV_DELAY, side, where, (uint8_t)head};
    return n;
}

unsigned int channel_events(const struct state *s, struct event out[EVENTS_MAX])
{
    unsigned int n = 0;

    for (unsigned int at = 0; at < 2; at++)
        for (unsigned int dir = 0; dir < 2; dir++)
            n += queue_events(s, at, dir, out + n);
    for (unsigned int e = 0; e < 2; e++)
        for (unsigned int kind = 0; kind < ACTS; kind++)
            out[n++] = (struct event){(uint8_t)kind, (uint8_t)e, 0, 0};
    if (s->left.restart && s->tracked)
        out[n++] = (struct event){EV_RESTART, 0, 0, 0};
    return n;
}

static void take_out(struct state *s, unsigned int at, unsigned int dir, unsigned int index)
{
    struct packet *queue = s->queue[at][dir];
    unsigned int count = --s->count[at][dir];

    memmove(queue + index, queue + index + 1, (count - index) * sizeof(*queue));
}

static void put_in(struct state *s, unsigned int at, unsigned int dir, unsigned int index,
                   struct packet p)
{
    struct packet *queue = s->queue[at][dir];
    unsigned int count = s->count[at][dir];

    if (count == QUEUE_MAX) {
        endpoint_overflow = true;
        return;
    }
    memmove(queue + index + 1, queue + index, (count - index) * sizeof(*queue));
    queue[index] = p;
    s->count[at][dir]++;
}

/* What passes has its effects from now on; what was sent before it is overtaken. */
static void passed(struct state *s, unsigned int dir, unsigned int index, struct packet p)
{
    bool unseen = model_scn.one_way && dir == RIGHT;

    for (unsigned int i = 0; i < index; i++)
        s->queue[BEFORE][dir][i].overtaken = 1;
    for (unsigned int i = 0; !unseen && i < s->count[BEFORE][!dir]; i++) {
        struct packet *sent = &s->queue[BEFORE][!dir][i];

        sent->ahead |= (uint8_t)property_effects(s, !dir, &p, sent->generation);
    }
    s->end[!dir].passed |= p.effects;
    p.delayed = 0;
    p.ahead = p.sent_in = p.unclosed = p.overtaken = p.reply = 0; /* no longer of use */
    put_in(s, AFTER, dir, s->count[AFTER][dir], p);
}

static void move(struct state *s, struct event event, struct tapped *tapped)
{
    struct packet p = s->queue[event.at][event.side][event.index];
    bool unseen = model_scn.one_way && event.side == RIGHT;

    take_out(s, event.at, event.side, event.index);
    if (event.at == AFTER) {
        unsigned int was = s->end[!event.side].state;
        struct endpoint *end = &s->end[!event.side];

        endpoint_receive(s, !event.side, &p);
        if (p.inert && (p.flags & WEIR_TCP_RST) && end->state != was &&
            (end->state == WEIR_TCP_CLOSED || end->state == WEIR_TCP_LISTEN))
            end->flags |= END_UNTOLD;
    } else if (unseen) {
        p.effects = 0;
        passed(s, event.side, event.index, p);
    } else {
        *tapped = tap_pass(s, event.side, &p);
        if (tapped->outcome.action == WEIR_TCP_ACT_PASS)
            passed(s, event.side, event.index, tapped->packet);
    }
}

static void lose(struct state *s, struct event event)
{
    const struct packet *p = &s->queue[event.at][event.side][event.index];
    struct endpoint *sender = &s->end[event.side];

    s->left.lose[event.at]--;
    if (event.at == BEFORE && (p->flags & WEIR_TCP_RST) &&
        (sender->state == WEIR_TCP_CLOSED || sender->state == WEIR_TCP_LISTEN))
        sender->flags |= END_SILENT;
    take_out(s, event.at, event.side, event.index);
}

/* weir is started anew: it forgets. Whether all that matters can be learnt again is noted. */
static void restart(struct state *s)
{
    bool plain = channel_empty(s);

    for (unsigned int e = 0; e < 2; e++)
        plain = plain && s->end[e].state == WEIR_TCP_ESTABLISHED;
    s->left.restart--;
    s->tracked = 0;
    s->adopted = plain ? 1 : 2;
    s->restarted = 1;
    memset(&s->record, 0, sizeof(s->record));
    s->witness[LEFT] = s->witness[RIGHT] = (struct witness){.generation = NO_GENERATION};
}

bool channel_apply(struct state *s, struct event event, struct tapped *tapped)
{
    endpoint_overflow = false;
    tapped->happened = false;
    if (event.kind < ACTS)
        return acts[event.kind](s, event.side) && !endpoint_overflow;
    switch (event.kind) {
    case EV_MOVE:
        move(s, event, tapped);
        break;
    case EV_LOSE:
        lose(s, event);
        break;
    case EV_TWICE: { /* the copy may come at any time */
        struct packet copy = s->queue[event.at][event.side][event.index];

        s->left.twice--;
        copy.delayed = 1;
        put_in(s, event.at, event.side, event.index + 1U, copy);
        break;
    }
    case EV_DELAY:
        s->left.delay--;
        s->queue[event.at][event.side][event.index].delayed = 1;
        break;
    default:
        restart(s);
    }
    return !endpoint_overflow;
}
