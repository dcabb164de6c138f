/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/tcp_state.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/*
 * Both endpoint tables a second time, written from RFC 9293 section 3.3.2 figure 5 and 3.10 and not
 * from the code: one letter a state, in the order of the RFC's list, '.' where the segment is
 * refused.
 *
 *   C CLOSED  L LISTEN  S SYN-SENT  R SYN-RECEIVED  E ESTABLISHED  1 FIN-WAIT-1  2 FIN-WAIT-2
 *   W CLOSE-WAIT  X CLOSING  A LAST-ACK  T TIME-WAIT
 */
static const char letters[] = "CLSRE12WXAT";

struct listing {
    const char *sent;
    const char *received;
};

/* clang-format off */
static const struct listing cells[WEIR_TCP_EVENTS] = {
    /*                         CLSRE12WXAT    CLSRE12WXAT */
    [WEIR_TCP_EV_REFUSE]   = {"...........", "..........."},
    [WEIR_TCP_EV_INERT]    = {"...........", "..........."},
    [WEIR_TCP_EV_STRAY]    = {"...........", "..........."},
    [WEIR_TCP_EV_SYN]      = {"SSSRE..W..S", "RRRRE1....R"}, /* 3.10.1, 3.10.7.2, 3.10.7.3, 3.6.1 */
    [WEIR_TCP_EV_SYN_ACK]  = {".RRRE1.W...", "..EEE1....."}, /* 3.10.7.2, 3.10.7.3 */
    [WEIR_TCP_EV_ACK]      = {"C.ERE12E1A2", "C.SEE12WXAT"}, /* 3.10.7.4 fifth */
    [WEIR_TCP_EV_ACK_FIN]  = {"C.WWWXTWXAT", "C....22.TCT"}, /* 3.10.7.4 fifth and eighth */
    [WEIR_TCP_EV_FIN]      = {"C.1111211.2", "C.SWWXTWXAT"}, /* 3.10.4, 3.10.7.4 eighth */
    [WEIR_TCP_EV_FIN_FIN]  = {"C.AAAXTAXAT", "C....TT.TCT"}, /* 3.10.4, 3.10.7.4 */
    [WEIR_TCP_EV_FIN_LATE] = {"C......X...", "C....XT...."}, /* 3.6 figure 13, reordered */
    [WEIR_TCP_EV_RST]      = {"CCCCCCCCCCC", "CCCCCCCCCC."}, /* 3.10.5, 3.10.7; RFC 1337 3 */
};
/* clang-format on */

/* Passes and moves nothing, wherever it comes. */
static int moves_nothing(unsigned int event)
{
    return event == WEIR_TCP_EV_INERT || event == WEIR_TCP_EV_STRAY;
}

static char letter_of(uint8_t cell)
{
    return cell == WEIR_TCP_CELL_REFUSE ? '.' : letters[cell - 1];
}

Test(tcp_state, every_cell_of_both_tables_is_as_the_rfc_has_it)
{
    for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++)
        for (unsigned int state = 0; state < WEIR_TCP_STATES; state++) {
            cr_expect_eq(letter_of(weir_tcp_endpoints.sent[event][state]), cells[event].sent[state],
                         "sent %s in %s", weir_tcp_event_name(event), weir_tcp_state_name(state));
            cr_expect_eq(letter_of(weir_tcp_endpoints.received[event][state]),
                         cells[event].received[state], "received %s in %s",
                         weir_tcp_event_name(event), weir_tcp_state_name(state));
        }
}

static void compose(void)
{
    cr_assert_gt(weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints), 0);
}

TestSuite(tcp_state, .init = compose);

Test(tcp_state, seeds_have_their_numbers)
{
    static const uint8_t states[WEIR_PAIR_SEEDS][2] = {
        [WEIR_PAIR_NEW] = {WEIR_TCP_CLOSED, WEIR_TCP_LISTEN},
        [WEIR_PAIR_HALF] = {WEIR_TCP_SYN_SENT, WEIR_TCP_SYN_RECEIVED},
        [WEIR_PAIR_MID] = {WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED},
        [WEIR_PAIR_DEAD] = {WEIR_TCP_CLOSED, WEIR_TCP_CLOSED},
    };

    cr_assert_arr_eq(weir_tcp_pairs.state, states, sizeof(states));
}

/* P5: a step leads to a pair that exists, and what does not pass leaves the pair. */
Test(tcp_state, every_step_of_every_pair_is_defined)
{
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++)
        for (unsigned int dir = 0; dir < 2; dir++)
            for (unsigned int event = 0; event < 16; event++) {
                struct weir_tcp_step step = weir_tcp_step(&weir_tcp_pairs, pair, dir, event);

                cr_assert_leq(step.action, WEIR_TCP_ACT_OPEN);
                if (step.action != WEIR_TCP_ACT_REFUSE)
                    cr_assert_lt(step.next, weir_tcp_pairs.count);
                if (event == WEIR_TCP_EV_REFUSE || event >= WEIR_TCP_EVENTS)
                    cr_assert_eq(step.action, WEIR_TCP_ACT_REFUSE);
                if (moves_nothing(event))
                    cr_assert_eq(step.action, WEIR_TCP_ACT_PASS);
                if (event < WEIR_TCP_EVENTS &&
                    (step.action != WEIR_TCP_ACT_PASS || moves_nothing(event)))
                    cr_assert_eq(step.next, pair, "%u %u %s", pair, dir,
                                 weir_tcp_event_name(event));
            }
}

/* The pair table is the endpoint tables, side by side; checked cell by cell in the listing's terms.
 */
Test(tcp_state, a_step_moves_both_ends_as_the_endpoint_tables_say)
{
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++)
        for (unsigned int dir = 0; dir < 2; dir++)
            for (unsigned int event = WEIR_TCP_EV_SYN; event < WEIR_TCP_EVENTS; event++) {
                struct weir_tcp_step step = weir_tcp_step(&weir_tcp_pairs, pair, dir, event);
                char sent = cells[event].sent[weir_tcp_pairs.state[pair][dir]];
                char received = cells[event].received[weir_tcp_pairs.state[pair][!dir]];

                if (sent == '.' || received == '.') {
                    cr_assert_eq(step.action, WEIR_TCP_ACT_REFUSE);
                } else if (step.action == WEIR_TCP_ACT_PASS) {
                    cr_assert_eq(letters[weir_tcp_pairs.state[step.next][dir]], sent);
                    cr_assert_eq(letters[weir_tcp_pairs.state[step.next][!dir]], received);
                } else {
                    cr_assert_eq(step.action, WEIR_TCP_ACT_OPEN);
                    cr_assert_eq(event, WEIR_TCP_EV_SYN);
                }
            }
}

/* RFC 9293 3.6.1: a SYN begins a new connection where neither end holds one, and nowhere else. */
Test(tcp_state, only_a_syn_opens_and_only_where_nobody_holds_the_connection)
{
    for (unsigned int pair = 0; pair < weir_tcp_pairs.count; pair++)
        for (unsigned int dir = 0; dir < 2; dir++)
            for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++) {
                char from = letters[weir_tcp_pairs.state[pair][dir]];
                char to = letters[weir_tcp_pairs.state[pair][!dir]];
                unsigned int opens = event == WEIR_TCP_EV_SYN && pair != WEIR_PAIR_NEW &&
                                     strchr("CLT", from) && strchr("CLT", to);

                cr_assert_eq(weir_tcp_step(&weir_tcp_pairs, pair, dir, event).action ==
                                 WEIR_TCP_ACT_OPEN,
                             opens, "%c %c", from, to);
            }
}

Test(tcp_state, no_pair_is_numbered_twice)
{
    for (unsigned int a = 0; a < weir_tcp_pairs.count; a++)
        for (unsigned int b = 0; b < a; b++)
            cr_assert_arr_neq(weir_tcp_pairs.state[a], weir_tcp_pairs.state[b], 2);
}

/* With every cell open in every direction the reachable pairs are more than there is room for. */
Test(tcp_state, too_many_pairs_are_an_error_and_not_an_overrun)
{
    static struct {
        struct weir_tcp_pairs pairs;
        uint8_t guard[64];
    } space;
    struct weir_tcp_endpoints tables;

    for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++)
        for (unsigned int state = 0; state < WEIR_TCP_STATES; state++) {
            tables.sent[event][state] = (uint8_t)(1 + (state + event) % WEIR_TCP_STATES);
            tables.received[event][state] = (uint8_t)(1 + (state + 2 * event) % WEIR_TCP_STATES);
        }
    memset(space.guard, 0xa5, sizeof(space.guard));
    cr_assert_eq(weir_tcp_pairs_compose(&space.pairs, &tables), -E2BIG);
    for (unsigned int i = 0; i < sizeof(space.guard); i++)
        cr_assert_eq(space.guard[i], 0xa5);
}

/* An empty table refuses everything but what is inert: the unlisted cell is the safe one. */
Test(tcp_state, empty_tables_refuse_everything)
{
    static const struct weir_tcp_endpoints nothing;
    static struct weir_tcp_pairs pairs;

    cr_assert_eq(weir_tcp_pairs_compose(&pairs, &nothing), WEIR_PAIR_SEEDS);
    for (unsigned int pair = 0; pair < WEIR_PAIR_SEEDS; pair++)
        for (unsigned int event = 0; event < WEIR_TCP_EVENTS; event++)
            cr_assert_eq(weir_tcp_step(&pairs, pair, 0, event).action,
                         moves_nothing(event) ? WEIR_TCP_ACT_PASS : WEIR_TCP_ACT_REFUSE);
}

Test(tcp_state, states_have_the_names_of_rfc_9293)
{
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                        "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                        "CLOSING",     "LAST-ACK",   "TIME-WAIT"};

    for (unsigned int i = 0; i < WEIR_TCP_STATES; i++)
        cr_assert_str_eq(weir_tcp_state_name(i), names[i]);
    cr_assert_str_eq(weir_tcp_state_name(WEIR_TCP_STATES), "?");
}

Test(tcp_state, events_have_names_of_their_own)
{
    for (unsigned int i = 0; i < WEIR_TCP_EVENTS; i++) {
        cr_assert_gt(strlen(weir_tcp_event_name(i)), 2);
        for (unsigned int j = 0; j < i; j++)
            cr_assert_str_neq(weir_tcp_event_name(i), weir_tcp_event_name(j));
    }
    cr_assert_str_eq(weir_tcp_event_name(WEIR_TCP_EVENTS), "?");
}
