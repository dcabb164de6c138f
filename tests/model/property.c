/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold (P1, P2, P3, P5), and the exceptions to it: docs/tcp-state-machine.md has the two
 * histories of each that no wire tells apart. P4 is in blind.c.
 */
#include "model.h"

#include "core/segment.h"

uint64_t property_exceptions[EXCEPTIONS];

const char *const property_exception_names[EXCEPTIONS] = {
    [EXC_NONE] = "none",
    [EXC_BARE_ACK] = "E1 bare ACK from SYN-RECEIVED",
    [EXC_FORMER] = "E3 SYN on a connection that the other end holds",
    [EXC_SILENT] = "E4 gone without a word",
    [EXC_SENDER_GONE] = "E5 lost after the tap, its sender gone",
    [EXC_EXPIRED] = "E6 TIME-WAIT has ended",
    [EXC_RST_1337] = "E7 RST toward TIME-WAIT refused (RFC 1337)",
    [EXC_ADOPTED] = "E8 picked up in the middle of opening or closing",
    [EXC_MIXED] = "E9 attempts at a connection interleave",
    [EXC_FIN_UNSEEN] = "E11 its FIN has not passed yet",
    [EXC_RESTARTED] = "E12 the tap forgot while a SYN was on its way",
    [EXC_CROSSED] = "E13 a lost FIN is repeated with the ACK of one that crossed it",
    [EXC_REFUSES] = "E14 a RST out of SYN-SENT refuses another attempt's answer",
    [EXC_OLD] = "E15 outside, since of a connection before",
    [EXC_GRACE] = "E16 a RST that leaves its sender's FIN out of account",
    [EXC_RST_INEXACT] = "E10 a RST that is not exact moves nothing",
};

static bool except(enum exception exception)
{
    property_exceptions[exception]++;
    return true;
}

/*
 * Might a RST be exact (RFC 5961 3.2)? Its number is the next that its receiver waits for, or would
 * be if all that has passed had arrived, or none of what the receiver has not acknowledged.
 */
static bool rst_fits(const struct state *s, unsigned int to, const struct packet *p)
{
    const struct endpoint *end = &s->end[to];
    const struct witness *sent = &s->witness[!to], *got = &s->witness[to];

    if ((sent->known & WITNESS_END) && p->seq == sent->end)
        return true;
    if ((got->known & WITNESS_ACK) && p->seq == got->ack)
        return true;
    if (!(got->known & WITNESS_MORE) && (got->known & WITNESS_END) && (p->flags & WEIR_TCP_ACK) &&
        p->ack == got->end)
        return true;
    if (end->state == WEIR_TCP_SYN_SENT)
        return (p->flags & WEIR_TCP_ACK) && p->ack == end->nxt;
    return p->seq == end->rcv_nxt;
}

/*
 * What a segment does to one connection of the endpoint it goes to, by the truth of that endpoint.
 * Of a connection before the present one only the first number is known.
 */
unsigned int property_effects(const struct state *s, unsigned int to, const struct packet *p,
                              unsigned int generation)
{
    const struct endpoint *end = &s->end[to];
    bool present = generation == end->generation;
    uint32_t iss = model_iss(to, generation);
    bool own = !present || !(end->flags & END_SYNCED) || p->seq - end->irs < model_reach();
    unsigned int effects = 0;

    if (p->flags & WEIR_TCP_RST)
        return !present || rst_fits(s, to, p) ? EFFECT_RST : 0;
    if (p->flags & WEIR_TCP_SYN)
        effects |= EFFECT_SYN;
    if (generation && (p->flags & WEIR_TCP_ACK) && own && p->ack - iss - 1 < model_reach()) {
        effects |= EFFECT_ACK_SYN;
        if (present ? (end->flags & END_FIN_SENT) && p->ack == end->nxt : p->ack != iss + 1)
            effects |= EFFECT_ACK_FIN;
    }
    if ((p->flags & WEIR_TCP_FIN) && own)
        effects |= EFFECT_FIN;
    return effects;
}

/* The state after one effect; the same state where it has none (RFC 9293 figure 5). */
static unsigned int effect(unsigned int state, unsigned int what)
{
    switch (what) {
    case EFFECT_SYN:
        return state == WEIR_TCP_LISTEN || state == WEIR_TCP_SYN_SENT ? WEIR_TCP_SYN_RECEIVED
                                                                      : state;
    case EFFECT_ACK_SYN:
        return state == WEIR_TCP_SYN_RECEIVED ? WEIR_TCP_ESTABLISHED : state;
    case EFFECT_ACK_FIN:
        return state == WEIR_TCP_FIN_WAIT_1 ? WEIR_TCP_FIN_WAIT_2
               : state == WEIR_TCP_CLOSING  ? WEIR_TCP_TIME_WAIT
               : state == WEIR_TCP_LAST_ACK ? WEIR_TCP_CLOSED
                                            : state;
    case EFFECT_FIN:
        return state == WEIR_TCP_ESTABLISHED  ? WEIR_TCP_CLOSE_WAIT
               : state == WEIR_TCP_FIN_WAIT_1 ? WEIR_TCP_CLOSING
               : state == WEIR_TCP_FIN_WAIT_2 ? WEIR_TCP_TIME_WAIT
                                              : state;
    default:
        return WEIR_TCP_CLOSED;
    }
}

/* All states that any part of the effects can lead to, in any order, as bits. LISTEN is CLOSED. */
static unsigned int reach(unsigned int state, unsigned int effects)
{
    unsigned int set = 1U << state, old;

    do {
        old = set;
        for (unsigned int from = 0; from < WEIR_TCP_STATES; from++)
            for (unsigned int bit = 1; bit <= EFFECT_RST; bit <<= 1)
                if ((set >> from & 1) && (effects & bit))
                    set |= 1U << effect(from, bit);
    } while (set != old);
    if (set >> WEIR_TCP_LISTEN & 1)
        set |= 1U << WEIR_TCP_CLOSED;
    if (set >> WEIR_TCP_CLOSED & 1)
        set |= 1U << WEIR_TCP_LISTEN;
    return set;
}

/* With only one direction to go by: nothing sent, SYN sent, open, FIN sent. */
static unsigned int own_act(unsigned int state)
{
    switch (state) {
    case WEIR_TCP_CLOSED:
    case WEIR_TCP_LISTEN:
        return 0;
    case WEIR_TCP_SYN_SENT:
    case WEIR_TCP_SYN_RECEIVED:
        return 1;
    case WEIR_TCP_ESTABLISHED:
    case WEIR_TCP_CLOSE_WAIT:
        return 2;
    default:
        return 3;
    }
}

/* Does it belong to another connection than the record, by its sender's or receiver's count? The
 * sender of a first SYN knows of none that its receiver may be in. */
static bool former(const struct state *s, const struct tapped *tapped)
{
    const struct packet *p = &tapped->packet;
    const struct witness *from = &s->witness[tapped->sender], *to = &s->witness[!tapped->sender];

    return (from->generation != NO_GENERATION && from->generation != p->generation) ||
           (p->peer_generation != 0 && to->generation != NO_GENERATION &&
            to->generation != p->peer_generation);
}

static bool excepted_step(const struct state *s, const struct tapped *tapped, unsigned int tracked)
{
    const struct packet *p = &tapped->packet;
    const struct witness *w = &s->witness[tapped->sender];

    bool unseen = !(w->known & WITNESS_FIN) || tapped->outcome.reason == WEIR_REASON_HALF_OPEN_ACK;

    if (p->sent_in == WEIR_TCP_SYN_RECEIVED && p->reply && tracked == WEIR_TCP_ESTABLISHED)
        return except(EXC_BARE_ACK);
    if (former(s, tapped))
        return except(EXC_FORMER);
    if (p->sent_in == WEIR_TCP_SYN_SENT && (p->flags & WEIR_TCP_RST))
        return except(EXC_REFUSES);
    if ((s->end[tapped->sender].flags & END_CROSSED) &&
        (reach(endpoint_crossed_state(p->sent_in), p->ahead) >> tracked & 1))
        return except(EXC_CROSSED);
    if (model_scn.one_way && unseen && own_act(tracked) == own_act(p->unclosed))
        return except(EXC_FIN_UNSEEN);
    if (p->unclosed != p->sent_in && unseen && (reach(p->unclosed, p->ahead) >> tracked & 1))
        return except(EXC_FIN_UNSEEN);
    if ((p->flags & WEIR_TCP_RST) && tap_moves_nothing(tapped->outcome))
        return except(EXC_RST_INEXACT);
    if (s->grace && tracked == WEIR_TCP_CLOSED)
        return except(EXC_GRACE);
    if (s->mixed)
        return except(EXC_MIXED);
    if (s->restarted == 2)
        return except(EXC_RESTARTED);
    if (s->adopted == 2)
        return except(EXC_ADOPTED);
    return false;
}

finding_t property_step(const struct state *s, const struct tapped *tapped)
{
    const struct packet *p = &tapped->packet;
    unsigned int tracked;

    if (!tapped->happened)
        return NULL;
    if (tapped->outcome.action == WEIR_TCP_ACT_REFUSE) {
        if (tapped->outcome.reason == WEIR_REASON_RST_TIME_WAIT && except(EXC_RST_1337))
            return NULL;
        if (s->restarted == 2 && except(EXC_RESTARTED))
            return NULL;
        if (former(s, tapped) && !tap_attempts_interleave(s) && except(EXC_OLD))
            return NULL;
        return "P3: a conforming endpoint's segment is refused";
    }
    if (p->overtaken)
        return NULL;
    tracked = tap_tracked_state(s, tapped->sender);
    if (reach(p->sent_in, p->ahead) >> tracked & 1)
        return NULL;
    if (model_scn.one_way && own_act(tracked) == own_act(p->sent_in))
        return NULL;
    if (excepted_step(s, tapped, tracked))
        return NULL;
    return "P1: the sender's tracked state is not the one it sent in, nor ahead by what passed";
}

static bool gone(const struct endpoint *end)
{
    return end->state == WEIR_TCP_CLOSED || end->state == WEIR_TCP_LISTEN;
}

/* Where it may have been when it fell silent, as far as was seen. */
static unsigned int reach_last(const struct state *s, unsigned int e)
{
    const struct endpoint *end = &s->end[e];
    unsigned int set = reach(end->last, end->passed);

    if (s->witness[e].known & WITNESS_FIN)
        return end->flags & END_CROSSED
                   ? set | reach(endpoint_crossed_state(end->last), end->passed)
                   : set;
    if (end->last == WEIR_TCP_FIN_WAIT_1)
        set |= reach(WEIR_TCP_SYN_RECEIVED, end->passed) | reach(WEIR_TCP_ESTABLISHED, end->passed);
    if (end->last == WEIR_TCP_CLOSING || end->last == WEIR_TCP_LAST_ACK)
        set |= reach(WEIR_TCP_CLOSE_WAIT, end->passed);
    return set;
}

static bool excepted_quiet(const struct state *s, unsigned int e, unsigned int tracked)
{
    const struct endpoint *end = &s->end[e], *peer = &s->end[!e];
    unsigned int state = endpoint_wire_state(end);
    uint8_t generation = s->witness[e].generation;

    if (generation != NO_GENERATION && generation != (end->generation & 0xf))
        return except(EXC_FORMER);
    if ((end->flags & END_SYNCED) && s->witness[!e].generation != NO_GENERATION &&
        s->witness[!e].generation != end->peer_generation)
        return except(EXC_FORMER);
    if ((end->flags & END_CROSSED) && (reach(endpoint_crossed_state(state), 0) >> tracked & 1))
        return except(EXC_CROSSED);
    if (tracked == WEIR_TCP_TIME_WAIT && (end->flags & END_EXPIRED))
        return except(EXC_EXPIRED);
    if (s->grace && tracked == WEIR_TCP_CLOSED)
        return except(EXC_GRACE);
    if ((end->flags & END_UNTOLD) && (reach_last(s, e) >> tracked & 1))
        return except(EXC_RST_INEXACT);
    if ((end->flags & END_SILENT) && (reach_last(s, e) >> tracked & 1))
        return except(EXC_SILENT);
    if (gone(end))
        state = WEIR_TCP_LISTEN; /* whether anybody listens shows in the answer only */
    if (gone(peer) && (reach(state, end->passed) >> tracked & 1))
        return except(EXC_SENDER_GONE);
    if (end->flags & END_EXPIRED)
        state = WEIR_TCP_TIME_WAIT;
    if (gone(peer) && (reach(tracked, end->passed) >> state & 1))
        return except(EXC_SENDER_GONE); /* its last word was lost, and nobody asks again */
    if (s->mixed)
        return except(EXC_MIXED);
    if (s->restarted == 2)
        return except(EXC_RESTARTED);
    if (s->adopted == 2)
        return except(EXC_ADOPTED);
    return false;
}

/* P2, where nothing is in flight and nothing will be sent again. */
finding_t property_quiet(const struct state *s)
{
    for (unsigned int e = 0; e < 2; e++) {
        unsigned int tracked = tap_tracked_state(s, e);

        if (reach(endpoint_wire_state(&s->end[e]), 0) >> tracked & 1)
            continue;
        if (!excepted_quiet(s, e, tracked))
            return e == LEFT ? "P2: all is quiet, and the left state is not the real one"
                             : "P2: all is quiet, and the right state is not the real one";
    }
    return NULL;
}

static finding_t total_step(const struct weir_tcp_pairs *pairs, unsigned int pair, unsigned int dir,
                            unsigned int event)
{
    struct weir_tcp_step step = pairs->step[pair][dir][event];

    if (step.next >= pairs->count)
        return "P5: a step leads to no pair";
    if (step.action > WEIR_TCP_ACT_OPEN)
        return "P5: a step has no action";
    if (event < WEIR_TCP_EVENTS && step.action != WEIR_TCP_ACT_PASS && step.next != pair)
        return "P5: a segment that does not pass moves the pair";
    if (event == WEIR_TCP_EV_REFUSE && step.action != WEIR_TCP_ACT_REFUSE)
        return "P5: the event that refuses does not";
    if ((event == WEIR_TCP_EV_INERT || event == WEIR_TCP_EV_STRAY) &&
        (step.action != WEIR_TCP_ACT_PASS || step.next != pair))
        return "P5: the event that moves nothing does";
    if (event >= WEIR_TCP_EVENTS && step.action != WEIR_TCP_ACT_REFUSE)
        return "P5: an event that there is not passes";
    return NULL;
}

static bool timeout_ends(unsigned int class)
{
    struct weir_timeouts timeouts;

    if (class > WEIR_TIMEOUT_TCP_CLOSED)
        return false;
    for (unsigned int profile = 0; profile < 2; profile++) {
        weir_timeouts_profile(&timeouts, (enum weir_timeout_profile)profile);
        if (timeouts.sec[class] < WEIR_TIMEOUT_MIN_SEC ||
            timeouts.sec[class] > WEIR_TIMEOUT_MAX_SEC)
            return false;
    }
    return true;
}

/* P5: a timeout removes the record, whatever the pair; so each pair needs a class of TCP's own. */
finding_t property_total(const struct weir_tcp_pairs *pairs)
{
    for (unsigned int pair = 0; pair < pairs->count; pair++) {
        for (unsigned int cell = 0; cell < 2 * 16; cell++) {
            finding_t finding = total_step(pairs, pair, cell / 16, cell % 16);

            if (finding)
                return finding;
        }
        if (!timeout_ends(pairs->timeout[pair]) || !timeout_ends(pairs->timeout_one_way[pair]))
            return "P5: a pair has no timeout that ends it";
    }
    return NULL;
}
