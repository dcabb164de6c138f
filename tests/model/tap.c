/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/core, driven as the data path drives it: no flow, birth; OPEN, reopen and track again. */
#include "model.h"

#include <string.h>

#include "core/segment.h"

bool tap_steps[WEIR_TCP_STATES][WEIR_TCP_STATES][2][WEIR_TCP_EVENTS];

struct weir_segment tap_segment(const struct packet *p)
{
    return (struct weir_segment){
        .seq = p->seq, .ack = p->ack, .len = p->len, .win = p->win, .flags = p->flags};
}

bool tap_moves_nothing(struct weir_outcome outcome)
{
    return outcome.event == WEIR_TCP_EV_INERT || outcome.event == WEIR_TCP_EV_STRAY;
}

/* There are others, until each end has sent more than SYNs in the one that is tracked. */
bool tap_attempts_interleave(const struct state *s)
{
    bool open = s->attempts == 3, plain = false;

    for (unsigned int e = 0; e < 2; e++) {
        bool more = s->witness[e].known & WITNESS_MORE, marked = s->attempts >> e & 1;

        open = open || (marked && !more);
        plain = plain || (!marked && !more);
    }
    return open && !plain;
}

unsigned int tap_tracked_state(const struct state *s, unsigned int e)
{
    unsigned int dir = weir_flow_dir(&s->record.flow, e);

    return weir_tcp_pairs.state[s->record.flow.pair][dir];
}

static struct weir_outcome track(struct state *s, unsigned int sender,
                                 const struct weir_segment *seg)
{
    struct weir_flow *flow = &s->record.flow;
    unsigned int dir = weir_flow_dir(flow, sender);
    unsigned int pair = flow->pair;
    struct weir_outcome outcome = weir_tcp_track(flow, dir, seg, model_scn.midstream);

    if (outcome.event < WEIR_TCP_EVENTS)
        tap_steps[weir_tcp_pairs.state[pair][WEIR_ORIG]][weir_tcp_pairs.state[pair][WEIR_RESP]][dir]
                 [outcome.event] = true;
    return outcome;
}

struct weir_outcome tap_track(struct state *s, unsigned int sender, const struct weir_segment *seg,
                              unsigned int generation)
{
    struct weir_flow *flow = &s->record.flow;
    struct weir_outcome outcome;

    if (!s->tracked) {
        struct weir_birth birth = weir_tcp_birth(seg, model_scn.midstream);

        if (birth.reason != WEIR_REASON_NONE)
            return (struct weir_outcome){WEIR_TCP_ACT_REFUSE, birth.reason, WEIR_TCP_EV_REFUSE};
        memset(&s->record, 0, sizeof(s->record));
        if (sender ^ birth.dir)
            flow->peer[WEIR_RESP].flags |= WEIR_PEER_EXTRA;
        weir_tcp_begin(flow, birth, seg);
        s->tracked = 1;
        s->grace = 0;
        s->attempts = 0;
        s->mixed = 2;
        s->adopted = birth.seed == WEIR_PAIR_NEW                 ? 0
                     : s->adopted && birth.seed == WEIR_PAIR_MID ? s->adopted
                                                                 : 2;
        if (s->restarted && (birth.seed == WEIR_PAIR_NEW || birth.seed == WEIR_PAIR_HALF))
            s->restarted = 2;
        s->witness[LEFT] = s->witness[RIGHT] = (struct witness){.generation = NO_GENERATION};
    }
    outcome = track(s, sender, seg);
    if (outcome.action == WEIR_TCP_ACT_OPEN) {
        s->grace = 0;
        s->attempts = 3;
        s->mixed = 2U + (generation == s->witness[sender].generation);
        weir_tcp_reopen(flow, weir_flow_dir(flow, sender), seg);
        s->adopted = (seg->flags & WEIR_TCP_ACK) ? 1 : 0; /* the SYN's window is not known */
        s->restarted = 0;
        s->witness[LEFT] = s->witness[RIGHT] = (struct witness){.generation = NO_GENERATION};
        outcome = track(s, sender, seg);
    }
    return outcome;
}

/* Note what is now known to have passed: only from segments that belong to the connection. */
static void witness(struct witness *w, const struct packet *p, struct weir_outcome outcome)
{
    uint32_t end = p->seq + p->len + !!(p->flags & WEIR_TCP_SYN) + !!(p->flags & WEIR_TCP_FIN);
    uint32_t edge = p->ack + p->win;

    if (tap_moves_nothing(outcome) || outcome.event == WEIR_TCP_EV_REFUSE)
        return;
    if (w->generation == NO_GENERATION || outcome.event == WEIR_TCP_EV_SYN ||
        outcome.event == WEIR_TCP_EV_SYN_ACK)
        w->generation = p->generation;
    if (p->flags & WEIR_TCP_RST)
        return;
    if (!w->known && !(p->flags & WEIR_TCP_SYN))
        w->known |= WITNESS_LATE;
    if (!(w->known & WITNESS_END) || (int32_t)(end - w->end) > 0)
        w->end = end;
    if (!(p->flags & WEIR_TCP_SYN))
        w->known |= WITNESS_MORE;
    w->known |= WITNESS_END | ((p->flags & WEIR_TCP_FIN) ? WITNESS_FIN : 0);
    if (!(p->flags & WEIR_TCP_ACK))
        return;
    if (!(w->known & WITNESS_ACK) || (int32_t)(p->ack - w->ack) > 0)
        w->ack = p->ack;
    if (!(w->known & WITNESS_ACK) || (int32_t)(edge - w->edge) > 0)
        w->edge = edge;
    w->known |= WITNESS_ACK;
}

static bool other(uint8_t known, unsigned int generation)
{
    return known != NO_GENERATION && known != generation;
}

/*
 * Attempts at a connection interleave, and the wire does not tell which of them an endpoint is in:
 * - a record is opened by a SYN, or the answer to a SYN, that is not its sender's present one, or
 *   was in the record before, or whose sender has gone on since, or while SYN or RST of the record
 *   before are on their way;
 * - a SYN or SYN-ACK passes as no evidence, since the record is of another attempt;
 * - a SYN-ACK turns the record to another attempt.
 */
static void note_attempt(struct state *s, unsigned int sender, const struct packet *p,
                         struct weir_outcome outcome, const uint8_t generations[2])
{
    bool opened = s->mixed & 2;
    bool answer = p->flags & WEIR_TCP_ACK;
    const struct endpoint *opener = &s->end[answer ? !sender : sender];
    const struct endpoint *peer = &s->end[!sender];

    s->mixed &= 1;
    if (opened) {
        s->mixed |= opener->generation != (answer ? p->peer_generation : p->generation) ||
                    opener->state != WEIR_TCP_SYN_SENT ||
                    (!answer && peer->state == WEIR_TCP_SYN_RECEIVED &&
                     peer->peer_generation != p->generation);
        for (unsigned int dir = 0; dir < 2; dir++)
            for (unsigned int i = 0; i < s->count[AFTER][dir]; i++)
                if (s->queue[AFTER][dir][i].flags & (WEIR_TCP_SYN | WEIR_TCP_RST))
                    s->mixed = 1;
        return;
    }
    if ((tap_moves_nothing(outcome) && outcome.reason != WEIR_REASON_OLD_DUPLICATE) ||
        other(generations[sender], p->generation) ||
        ((s->end[sender].flags & END_SYNCED) &&
         other(generations[!sender], s->end[sender].peer_generation)) ||
        ((p->flags & WEIR_TCP_ACK) && other(generations[!sender], p->peer_generation)))
        s->mixed = 1;
}

/* Of another attempt: from the end that speaks, or on a connection that the other end may hold. */
static void note_signs(struct state *s, const struct tapped *tapped, const uint8_t generations[2])
{
    const struct packet *p = &tapped->packet;
    unsigned int sender = tapped->sender, event = tapped->outcome.event;
    bool more[2] = {s->witness[0].known & WITNESS_MORE, s->witness[1].known & WITNESS_MORE};

    if (event >= WEIR_TCP_EV_ACK && event <= WEIR_TCP_EV_FIN_LATE)
        s->attempts &= (uint8_t) ~(1U << sender);
    if (p->inert && (p->flags & (WEIR_TCP_SYN | WEIR_TCP_RST)) &&
        tapped->outcome.reason != WEIR_REASON_OLD_DUPLICATE)
        s->attempts |= more[!sender]                               ? 1U << !sender
                       : more[sender] || (p->flags & WEIR_TCP_RST) ? 1U << sender
                                                                   : 3;
    if (p->inert && tapped->outcome.reason == WEIR_REASON_HALF_OPEN_ACK)
        s->attempts = 3;
    /* A SYN-ACK that opens nothing: it answers a SYN that nobody answers who holds the connection.
     */
    if ((p->flags & WEIR_TCP_SYN) && (p->flags & WEIR_TCP_ACK) &&
        (tapped->outcome.reason == WEIR_REASON_SYN_CHALLENGE ||
         tapped->outcome.reason == WEIR_REASON_AFTER_CLOSE))
        s->attempts = 3;
    if (event == WEIR_TCP_EV_SYN_ACK && other(generations[sender], p->generation))
        s->attempts = 3;
    if (tapped->outcome.reason == WEIR_REASON_OTHER_ATTEMPT)
        s->mixed |= 1;
    if (event == WEIR_TCP_EV_SYN && tapped->was_tracked &&
        tapped->was[sender] == WEIR_TCP_SYN_RECEIVED)
        s->attempts = 3;
}

struct tapped tap_pass(struct state *s, unsigned int sender, const struct packet *p)
{
    struct weir_segment seg = tap_segment(p);
    struct tapped tapped = {.happened = true, .packet = *p, .sender = sender};

    const uint8_t generations[2] = {s->witness[LEFT].generation, s->witness[RIGHT].generation};
    bool first_fin = !(s->witness[sender].known & WITNESS_FIN);

    tapped.was_tracked = s->tracked;
    for (unsigned int e = 0; s->tracked && e < 2; e++)
        tapped.was[e] = (uint8_t)tap_tracked_state(s, e);
    tapped.packet.effects =
        (uint8_t)property_effects(s, !sender, p, s->end[!sender].generation & 0xfU);
    tapped.outcome = tap_track(s, sender, &seg, p->generation);
    if (tapped.outcome.action == WEIR_TCP_ACT_PASS)
        witness(&s->witness[sender], p, tapped.outcome);
    if (first_fin && p->sent_in == WEIR_TCP_CLOSING && (s->witness[sender].known & WITNESS_FIN))
        s->end[sender].flags |= END_CROSSED;
    tapped.packet.inert = tap_moves_nothing(tapped.outcome);
    note_signs(s, &tapped, generations);
    if (p->flags & WEIR_TCP_SYN)
        note_attempt(s, sender, p, tapped.outcome, generations);
    else if (tapped.outcome.event == WEIR_TCP_EV_RST && other(generations[sender], p->generation))
        s->mixed |= 1;
    s->mixed &= 1;
    if ((s->witness[sender].known & WITNESS_FIN) && tapped.outcome.event == WEIR_TCP_EV_RST &&
        p->seq + 1 == s->witness[sender].end)
        s->grace = 1;
    if ((p->flags & WEIR_TCP_RST) && tapped.packet.inert &&
        (s->end[sender].state == WEIR_TCP_CLOSED || s->end[sender].state == WEIR_TCP_LISTEN))
        s->end[sender].flags |= END_SILENT; /* as if it had been lost */
    return tapped;
}
