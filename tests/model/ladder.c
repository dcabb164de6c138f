/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A way through the model as a packet ladder, time downwards:
 *
 *     real state  event of the left endpoint | segment at the tap | of the right    real state
 *                                              tracked states, event, reason
 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "core/segment.h"

static const char *const kinds[EV_KINDS] = {
    [EV_OPEN] = "OPEN",
    [EV_SEND] = "SEND",
    [EV_CLOSE] = "CLOSE",
    [EV_ABORT] = "ABORT",
    [EV_READ] = "RECEIVE",
    [EV_REPEAT] = "repeats",
    [EV_PROBE] = "probes",
    [EV_GIVE_UP] = "gives up",
    [EV_EXPIRE] = "TIME-WAIT ends",
    [EV_ACK_NOW] = "acks now",
    [EV_MOVE] = "",
    [EV_LOSE] = "lost",
    [EV_TWICE] = "doubled",
    [EV_DELAY] = "delayed",
    [EV_RESTART] = "tap restarted",
};

/* A number as the distance from its end's first initial number. */
static long relative(uint32_t number, unsigned int e)
{
    return (int32_t)(number - model_scn.iss[e]);
}

static void segment_text(char *out, size_t size, const struct packet *p, unsigned int sender)
{
    char ack[32] = "", len[16] = "";

    if (p->flags & WEIR_TCP_ACK)
        snprintf(ack, sizeof(ack), " ack=%ld", relative(p->ack, !sender));
    if (p->len)
        snprintf(len, sizeof(len), " len=%u", p->len);
    snprintf(out, size, "%s%s%s%s seq=%ld%s%s win=%u", p->flags & WEIR_TCP_SYN ? "SYN " : "",
             p->flags & WEIR_TCP_FIN ? "FIN " : "", p->flags & WEIR_TCP_RST ? "RST " : "",
             p->flags & WEIR_TCP_ACK ? "ACK" : "", relative(p->seq, sender), ack, len, p->win);
}

static void print_states(const struct state *s)
{
    for (unsigned int e = 0; e < 2; e++) {
        printf("  %s %s", e == LEFT ? "left" : "right", weir_tcp_state_name(s->end[e].state));
        if (s->tracked)
            printf(" (tracked %s)", weir_tcp_state_name(tap_tracked_state(s, e)));
    }
    putchar('\n');
}

static void print_move(struct event event, const struct packet *p, const struct tapped *tapped)
{
    char text[128];
    const char *arrow = event.side == LEFT ? "-->" : "<--";

    segment_text(text, sizeof(text), p, event.side);
    if (event.kind != EV_MOVE) {
        printf("%-7s%s %s [%s] %s the tap\n", "", arrow, text, kinds[event.kind],
               event.at == BEFORE ? "before" : "after");
        return;
    }
    if (event.at == AFTER) {
        printf("%-7s%s %s arrives\n", "", arrow, text);
        return;
    }
    printf("%-7s%s|tap|%s %s", "", arrow, arrow, text);
    if (tapped->happened)
        printf("  {%s: %s, %s}", tapped->outcome.action == WEIR_TCP_ACT_REFUSE ? "REFUSED" : "pass",
               weir_tcp_event_name(tapped->outcome.event),
               weir_reason_name(tapped->outcome.reason));
    printf("%s sent in %s\n", p->overtaken ? " overtaken," : "", weir_tcp_state_name(p->sent_in));
}

static void print_blind(const struct state *s)
{
    struct packet p = {0};
    struct weir_segment seg;
    struct weir_outcome outcome;
    struct state copy;
    unsigned int sender;
    char text[128];

    if (!property_blind(s, &seg, &sender))
        return;
    p = (struct packet){.seq = seg.seq,
                        .ack = seg.ack,
                        .win = seg.win,
                        .flags = seg.flags,
                        .len = (uint8_t)seg.len};
    segment_text(text, sizeof(text), &p, sender);
    copy = *s;
    outcome = tap_track(&copy, sender, &seg, NO_GENERATION);
    printf("       blind, as if from the %s: %s {%s: %s, %s}\n", sender == LEFT ? "left" : "right",
           text, outcome.action == WEIR_TCP_ACT_REFUSE ? "REFUSED" : "pass",
           weir_tcp_event_name(outcome.event), weir_reason_name(outcome.reason));
}

void ladder_print(const struct event *path, unsigned int len, finding_t finding)
{
    struct state s;
    struct tapped tapped;

    channel_begin(&s);
    printf("counterexample in '%s', %u events:\n", model_scn.name, len);
    print_states(&s);
    for (unsigned int i = 0; i < len; i++) {
        struct event event = path[i];
        struct packet p = {0};

        if (event.kind >= EV_MOVE && event.kind != EV_RESTART)
            p = s.queue[event.at][event.side][event.index];
        channel_apply(&s, event, &tapped);
        printf("%3u ", i + 1);
        if (event.kind >= EV_MOVE && event.kind != EV_RESTART)
            print_move(event, &p, &tapped);
        else
            printf("%s %s\n",
                   event.kind == EV_RESTART ? ""
                   : event.side == LEFT     ? "left"
                                            : "right",
                   kinds[event.kind]);
        print_states(&s);
    }
    print_blind(&s);
    printf("%s\n", finding);
}
