/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * P4: segments of somebody who does not see the connection. Every kind, with numbers outside the
 * windows by one and by far, below and above; none may change a window, a state or a timer. The
 * windows are those of the witness, not those of the record.
 */
#include "model.h"

#include <string.h>

#include "core/segment.h"

uint64_t blind_tried;

/* What must hold for one blind segment. */
enum demand {
    REFUSED,   /* refused, nothing changes */
    UNTOUCHED, /* may pass, but nothing changes but what is expected in answer, and no timer */
    UNCHANGED, /* the same, except for the timer: its number is inside the window */
};

/* What a segment that passes leaves behind: a challenge ACK is expected, a SYN remembered. */
static bool same_record(const struct state *a, const struct state *b, bool exactly, bool syn)
{
    const uint8_t expected = WEIR_PEER_CHALL | (syn ? WEIR_PEER_TS : 0);
    struct weir_flow x = a->record.flow, y = b->record.flow;

    for (unsigned int i = 0; !exactly && i < 2; i++) {
        x.peer[i].flags &= (uint8_t)~expected;
        y.peer[i].flags &= (uint8_t)~expected;
        if (syn)
            x.peer[i].ts = y.peer[i].ts;
    }
    return memcmp(&x, &y, sizeof(x)) == 0;
}

static finding_t try(const struct state *s, unsigned int sender, const struct weir_segment *seg,
                     enum demand demand)
{
    struct state after;
    struct weir_outcome outcome;

    if (demand == REFUSED && tap_attempts_interleave(s))
        demand = UNTOUCHED;
    blind_tried++;
    memcpy(&after, s, offsetof(struct state, queue));
    outcome = tap_track(&after, sender, seg, NO_GENERATION);
    if (demand == REFUSED && outcome.action != WEIR_TCP_ACT_REFUSE)
        return "P4: a segment outside the windows passes";
    if (outcome.action == WEIR_TCP_ACT_OPEN)
        return "P4: a blind segment begins a new connection";
    if (!same_record(s, &after, demand == REFUSED,
                     weir_tcp_syn_remembered(&after.record.flow,
                                             weir_flow_dir(&after.record.flow, sender), seg)))
        return "P4: a blind segment changes the record";
    if (demand != UNCHANGED && outcome.action != WEIR_TCP_ACT_REFUSE &&
        weir_outcome_touches(outcome))
        return "P4: a blind segment restarts the timer";
    return NULL;
}

#define SYN_BELOW 65536U
#define FAR       (0x60000000U)

/* As far below the newest as is merely old; all to be said of a connection taken up mid-stream. */
static uint32_t slack(const struct state *s)
{
    bool late = (s->witness[LEFT].known | s->witness[RIGHT].known) & WITNESS_LATE;

    return s->adopted || late ? 1U << 30 : 1U << 16;
}

/* The highest number that may be sent to y, of which the scale of its window may not be known. */
static uint32_t edge_of(const struct state *s, unsigned int e)
{
    bool unknown =
        s->adopted || ((s->witness[LEFT].known | s->witness[RIGHT].known) & WITNESS_LATE);

    return s->witness[e].edge + (unknown ? (uint32_t)model_scn.end[e].buffer << 14 : 0);
}

/* Text, ACK, FIN outside one of van Rooij's four inequalities. */
static finding_t try_windows(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *x = &s->witness[sender], *y = &s->witness[!sender];
    uint32_t edge = edge_of(s, !sender);
    /* After a RST the windows stand still, and whoever has not received it goes on. */
    bool dead = tap_tracked_state(s, LEFT) == WEIR_TCP_CLOSED &&
                tap_tracked_state(s, RIGHT) == WEIR_TCP_CLOSED;
    static const uint8_t flags[] = {WEIR_TCP_ACK, WEIR_TCP_ACK | WEIR_TCP_PSH,
                                    WEIR_TCP_ACK | WEIR_TCP_FIN};
    const struct {
        uint32_t end, ack; /* of the segment */
        enum demand demand;
    } numbers[] = {
        {edge + 3, y->end, REFUSED},
        {edge + 100000, y->end, REFUSED},
        {edge + FAR, y->end, REFUSED},
        {x->end - slack(s) - 1, y->end, UNTOUCHED},
        {x->end - 2 * slack(s) - 1, y->end, REFUSED},
        {x->end - FAR, y->end, REFUSED},
        {x->end, y->end + 1, REFUSED},
        {x->end, y->end + 100000, REFUSED},
        {x->end, y->end + FAR, REFUSED},
        {x->end, y->end - 2 * slack(s) - 1, REFUSED},
        {x->end, y->end - FAR, REFUSED},
        {x->end + (1U << 31), y->end, REFUSED},
        {x->end, y->end + (1U << 31), REFUSED},
    };

    for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (unsigned int f = 0; f < sizeof(flags); f++)
            for (unsigned int len = 0; len < 2; len++) {
                finding_t finding;

                uint32_t seq = numbers[i].end - len - (flags[f] & WEIR_TCP_FIN);

                *seg = (struct weir_segment){
                    .seq = seq, .ack = numbers[i].ack, .flags = flags[f], .len = len, .win = 1000};
                finding = try(s, sender, seg, dead ? UNTOUCHED : numbers[i].demand);
                if (finding)
                    return finding;
            }
    return NULL;
}

/* RST: every number but those that the receiver may be waiting for. */
static finding_t try_rst(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *x = &s->witness[sender], *y = &s->witness[!sender];
    uint32_t edge = edge_of(s, !sender);
    const struct {
        uint32_t seq;
        enum demand demand;
    } tries[] = {
        {x->end + 1, UNCHANGED}, {x->end - 2, UNCHANGED},  {y->ack - 2, UNCHANGED},
        {y->ack + 1, UNCHANGED}, {edge, UNCHANGED},        {edge + 2, UNCHANGED},
        {edge + 3, REFUSED},     {edge + 100000, REFUSED}, {x->end - slack(s) - 1, REFUSED},
        {x->end + FAR, REFUSED}, {x->end - FAR, REFUSED},  {x->end + (1U << 31), REFUSED},
    };

    for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        for (unsigned int ack = 0; ack < 2; ack++) {
            uint32_t seq = tries[i].seq;
            bool near =
                seq == x->end || seq == y->ack || ((x->known & WITNESS_FIN) && seq + 1 == x->end);
            finding_t finding;

            /* Whoever knows the number of a SYN that may be unanswered is not blind. */
            near = near || (ack && (seq == 0 || !(y->known & WITNESS_MORE)));
            if (near)
                continue;
            *seg = (struct weir_segment){
                .seq = seq, .ack = y->end, .flags = WEIR_TCP_RST | (ack ? WEIR_TCP_ACK : 0)};
            finding = try(s, sender, seg, tries[i].demand);
            if (finding)
                return finding;
        }
    return NULL;
}

/* SYN and SYN-ACK on a live connection, numbers in and out of the window. */
static finding_t try_syn(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *x = &s->witness[sender], *y = &s->witness[!sender];
    uint32_t edge = edge_of(s, !sender);
    const uint32_t seqs[] = {x->end,        x->end + 1,  edge,
                             edge + 100000, x->end - 2,  x->end - slack(s) - 10,
                             x->end + FAR,  x->end - FAR};

    for (unsigned int i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++)
        for (unsigned int ack = 0; ack < 2; ack++) {
            finding_t finding;

            *seg = (struct weir_segment){.seq = seqs[i],
                                         .ack = ack ? y->end : 0,
                                         .win = 1000,
                                         .flags = WEIR_TCP_SYN | (ack ? WEIR_TCP_ACK : 0)};
            if (ack && !(y->known & WITNESS_MORE) && !(x->known & WITNESS_MORE))
                continue; /* whoever knows the number of a SYN that may be unanswered is not blind
                           */
            /* Just below the end it might be the SYN sent before, with text (RFC 7413). */
            finding = try(s, sender, seg, x->end - 1 - seqs[i] < SYN_BELOW ? UNCHANGED : UNTOUCHED);
            if (finding)
                return finding;
        }
    return NULL;
}

/* Toward an endpoint whose SYN has not been answered: the ACK decides. */
static finding_t try_opening(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *y = &s->witness[!sender];
    static const struct {
        uint32_t off;
        uint8_t flags;
        enum demand demand;
    } tries[] = {
        {0, WEIR_TCP_RST, UNTOUCHED},
        {1, WEIR_TCP_RST | WEIR_TCP_ACK, REFUSED},
        {100000, WEIR_TCP_RST | WEIR_TCP_ACK, REFUSED},
        {0U - 1, WEIR_TCP_RST | WEIR_TCP_ACK, REFUSED},
        {1, WEIR_TCP_SYN | WEIR_TCP_ACK, UNTOUCHED},
        {0U - 1, WEIR_TCP_SYN | WEIR_TCP_ACK, UNTOUCHED},
        {100000, WEIR_TCP_SYN | WEIR_TCP_ACK, UNTOUCHED},
        {0, WEIR_TCP_ACK, UNTOUCHED},
        {1, WEIR_TCP_ACK, UNTOUCHED},
        {100000, WEIR_TCP_ACK | WEIR_TCP_FIN, UNTOUCHED},
    };

    for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        finding_t finding;

        *seg = (struct weir_segment){
            .seq = 0x12345678, .ack = y->end + tries[i].off, .win = 1000, .flags = tries[i].flags};
        finding = try(s, sender, seg, tries[i].demand);
        if (finding)
            return finding;
    }
    return NULL;
}

/* Toward TIME-WAIT, the other end being done: an old SYN, or the answer to one never sent. */
static finding_t try_over(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *x = &s->witness[sender], *y = &s->witness[!sender];
    const uint32_t seqs[] = {x->end - 1, x->end - 2, x->end - slack(s) - 10, x->end - FAR};

    for (unsigned int i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++)
        for (unsigned int ack = 0; ack < 2; ack++) {
            finding_t finding;

            *seg = (struct weir_segment){.seq = seqs[i],
                                         .ack = ack ? y->end + 100000 : 0,
                                         .win = 1000,
                                         .flags = WEIR_TCP_SYN | (ack ? WEIR_TCP_ACK : 0)};
            finding = try(s, sender, seg, UNTOUCHED);
            if (finding)
                return finding;
        }
    return NULL;
}

static bool over(unsigned int state)
{
    return state == WEIR_TCP_CLOSED || state == WEIR_TCP_TIME_WAIT;
}

static finding_t blind_from(const struct state *s, unsigned int sender, struct weir_segment *seg)
{
    const struct witness *x = &s->witness[sender], *y = &s->witness[!sender];
    unsigned int state[2] = {tap_tracked_state(s, sender), tap_tracked_state(s, !sender)};
    bool pair_over = over(state[0]) && over(state[1]);
    finding_t finding = NULL;

    if (state[1] == WEIR_TCP_SYN_SENT && !(x->known & WITNESS_END) && (y->known & WITNESS_END))
        return try_opening(s, sender, seg);
    if (!(x->known & y->known & WITNESS_ACK))
        return NULL;
    if (s->record.flow.peer[0].flags & WEIR_PEER_UNSURE ||
        s->record.flow.peer[1].flags & WEIR_PEER_UNSURE)
        return NULL;
    finding = try_windows(s, sender, seg);
    if (!finding && state[1] != WEIR_TCP_TIME_WAIT && state[1] != WEIR_TCP_CLOSED)
        finding = try_rst(s, sender, seg);
    if (!finding && !pair_over)
        finding = try_syn(s, sender, seg);
    if (!finding && pair_over && state[1] == WEIR_TCP_TIME_WAIT)
        finding = try_over(s, sender, seg);
    return finding;
}

finding_t property_blind(const struct state *s, struct weir_segment *culprit, unsigned int *sender)
{
    finding_t finding = NULL;

    for (*sender = 0; s->tracked && *sender < 2; (*sender)++) {
        finding = blind_from(s, *sender, culprit);
        if (finding)
            return finding;
    }
    return NULL;
}
