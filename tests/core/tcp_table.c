/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_table.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tcp_window.h"

#define HALF 0x80000000U

/* One run of a table: the record, and where the numbers of both ends begin. */
struct run {
    bool open;
    uint32_t isn[2];     /* by enum tcp_side */
    uint32_t clock[2];   /* what time stamps are relative to */
    unsigned int mirror; /* R is the lower end of the key */
    enum weir_midstream midstream;
    union {
        struct weir_flow flow;
        uint8_t octets[WEIR_FLOW6_SIZE];
    } record;
};

/* Passes, and is no evidence. */
static bool moves_nothing(struct weir_outcome outcome)
{
    return outcome.event == WEIR_TCP_EV_INERT || outcome.event == WEIR_TCP_EV_STRAY;
}

/* A segment that anybody could have sent must not keep a connection alive (its clock stands). */
static bool untied(struct weir_outcome outcome)
{
    return outcome.reason == WEIR_REASON_SYN_CHALLENGE ||
           outcome.reason == WEIR_REASON_SYN_TIME_WAIT ||
           outcome.reason == WEIR_REASON_SYN_ACK_OTHER ||
           outcome.reason == WEIR_REASON_OTHER_ATTEMPT ||
           outcome.reason == WEIR_REASON_HALF_OPEN_ACK;
}

static const char *describe(const struct run *run, const struct tcp_row *row)
{
    static char text[256];

    snprintf(text, sizeof(text), "line %d: %c %s seq %u ack %u len %u (isn %#x %#x): %s", row->line,
             row->from == L ? 'L' : 'R', row->flags, row->seq, row->ack, row->len, run->isn[L],
             run->isn[R], row->why);
    return text;
}

static uint8_t flags_of(const char *letters)
{
    static const struct {
        char letter;
        uint8_t flag;
    } list[] = {{'S', WEIR_TCP_SYN}, {'A', WEIR_TCP_ACK}, {'F', WEIR_TCP_FIN},
                {'R', WEIR_TCP_RST}, {'P', WEIR_TCP_PSH}, {'U', WEIR_TCP_URG}};
    uint8_t flags = 0;

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (strchr(letters, list[i].letter))
            flags |= list[i].flag;
    return flags;
}

static struct weir_segment segment_of(const struct run *run, const struct tcp_row *row)
{
    struct weir_segment seg = {.seq = run->isn[row->from] + row->seq,
                               .len = row->len,
                               .win = row->win,
                               .flags = flags_of(row->flags),
                               .opts = row->opt.present & (uint8_t)~TCP_TSECR_ZERO,
                               .wscale = row->opt.wscale,
                               .tsval = run->clock[row->from] + row->opt.tsval,
                               .sack_high = run->isn[!row->from] + row->opt.sack};

    seg.ack = seg.flags & WEIR_TCP_ACK ? run->isn[!row->from] + row->ack : 0;
    if (!(row->opt.present & TCP_TSECR_ZERO))
        seg.tsecr = run->clock[!row->from] + row->opt.tsecr;
    return seg;
}

static unsigned int state_of(const struct run *run, enum tcp_side side)
{
    const struct weir_flow *flow = &run->record.flow;

    return run->open ? weir_tcp_pairs.state[flow->pair][weir_flow_dir(flow, side ^ run->mirror)]
                     : NOFLOW;
}

/* A segment without a flow: what the worker does with it. False where it may not open one. */
static bool birth(struct run *run, const struct tcp_row *row, const struct weir_segment *seg)
{
    struct weir_birth birth = weir_tcp_birth(seg, run->midstream);

    if (birth.reason != WEIR_REASON_NONE) {
        cr_assert_eq(row->action, WEIR_TCP_ACT_REFUSE, "%s", describe(run, row));
        cr_assert_eq(row->reason, birth.reason, "%s", describe(run, row));
        return false;
    }
    memset(&run->record, 0, sizeof(run->record));
    if (row->from ^ birth.dir ^ run->mirror) /* the originator is the higher end of the key */
        run->record.flow.peer[WEIR_RESP].flags = WEIR_PEER_EXTRA;
    weir_tcp_begin(&run->record.flow, birth, seg);
    run->open = true;
    return true;
}

static void check_unmoved(const struct run *before, const struct run *after,
                          struct weir_outcome outcome, const char *what)
{
    struct run bare[2] = {*before, *after};

    if (outcome.action == WEIR_TCP_ACT_PASS) /* the expected challenge ACK is noted, nothing else */
        for (unsigned int i = 0; i < 2; i++)
            for (unsigned int end = 0; end < 2; end++) {
                bare[i].record.flow.peer[end].flags &= (uint8_t)~WEIR_PEER_CHALL;
                if (weir_outcome_may_open(outcome)) { /* and a SYN that may be answered */
                    bare[i].record.flow.peer[end].flags &= (uint8_t)~WEIR_PEER_TS;
                    bare[i].record.flow.peer[end].ts = 0;
                }
            }
    cr_assert_arr_eq(bare[0].record.octets, bare[1].record.octets, WEIR_FLOW6_SIZE,
                     "%s moved the record (reason %s)", what, weir_reason_name(outcome.reason));
}

/* Segments that nobody can have sent who sees the connection: they must move nothing. */
static void check_blind(const struct run *run, const struct tcp_row *row)
{
    static const uint8_t kinds[] = {WEIR_TCP_ACK, WEIR_TCP_RST, WEIR_TCP_RST | WEIR_TCP_ACK,
                                    WEIR_TCP_FIN | WEIR_TCP_ACK};
    static const uint32_t far[] = {HALF - 1, HALF, HALF + 1, HALF / 4 * 3, HALF / 4 * 5};

    for (unsigned int dir = 0; dir < 2; dir++)
        for (size_t k = 0; k < sizeof(kinds); k++)
            for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
                for (unsigned int right = 0; right < 2; right++) {
                    struct run after = *run;
                    struct weir_flow *flow = &after.record.flow;
                    struct weir_segment seg = {.flags = kinds[k], .len = 10, .win = 65535};
                    struct weir_outcome outcome;

                    /* Not both numbers right, and a RST has no use for a right acknowledgement. */
                    seg.seq = flow->peer[dir].end + (right ? 0 : far[i]);
                    seg.ack = flow->peer[!dir].end + (right ? far[i] : 0);
                    if (right && (kinds[k] & WEIR_TCP_RST))
                        continue;
                    outcome = weir_tcp_track(flow, dir, &seg, run->midstream);
                    cr_assert_neq(outcome.action, WEIR_TCP_ACT_OPEN, "%s", describe(run, row));
                    cr_assert(outcome.action == WEIR_TCP_ACT_REFUSE || moves_nothing(outcome),
                              "blind flags %#x taken after %s", kinds[k], describe(run, row));
                    check_unmoved(run, &after, outcome, "a blind segment");
                }
}

static bool windows_known(const struct run *run)
{
    const struct weir_peer *peer = run->record.flow.peer;

    return run->open && (peer[0].flags & peer[1].flags & WEIR_PEER_SEEN) &&
           (peer[0].flags & peer[1].flags & WEIR_PEER_PROVEN) &&
           !((peer[0].flags | peer[1].flags) & WEIR_PEER_UNSURE);
}

static struct weir_outcome track(struct run *run, const struct tcp_row *row,
                                 const struct weir_segment *seg)
{
    struct weir_flow *flow = &run->record.flow;
    struct run before = *run;
    unsigned int dir = weir_flow_dir(flow, row->from ^ run->mirror);
    struct weir_outcome outcome = weir_tcp_track(flow, dir, seg, run->midstream);

    if (outcome.action != WEIR_TCP_ACT_PASS || moves_nothing(outcome))
        check_unmoved(&before, run, outcome, describe(run, row));
    if (outcome.action == WEIR_TCP_ACT_OPEN) {
        struct weir_outcome first;

        weir_tcp_reopen(flow, dir, seg);
        first =
            weir_tcp_track(flow, weir_flow_dir(flow, row->from ^ run->mirror), seg, run->midstream);
        cr_assert_eq(first.action, WEIR_TCP_ACT_PASS, "%s", describe(run, row));
        cr_assert_eq(weir_flow_dir(flow, row->from ^ run->mirror),
                     (seg->flags & WEIR_TCP_ACK) ? WEIR_RESP : WEIR_ORIG, "%s", describe(run, row));
    }
    return outcome;
}

static void run_row(struct run *run, const struct tcp_row *row)
{
    struct weir_segment seg = segment_of(run, row);

    if (run->open || birth(run, row, &seg)) {
        struct weir_outcome outcome = track(run, row, &seg);
        bool refused = outcome.action == WEIR_TCP_ACT_REFUSE;

        cr_assert_eq(outcome.action, row->action, "action %u, reason %s: %s", outcome.action,
                     weir_reason_name(outcome.reason), describe(run, row));
        cr_assert_eq(outcome.reason, row->reason, "reason %s: %s", weir_reason_name(outcome.reason),
                     describe(run, row));
        cr_assert_eq(weir_reason_class(outcome.reason) == WEIR_REASON_CLASS_REFUSE, refused, "%s",
                     describe(run, row));
        cr_assert_eq(weir_outcome_touches(outcome),
                     !refused && !untied(outcome) && outcome.event != WEIR_TCP_EV_STRAY, "%s",
                     describe(run, row));
    }
    cr_assert_eq(state_of(run, L), row->left, "left %s: %s", weir_tcp_state_name(state_of(run, L)),
                 describe(run, row));
    cr_assert_eq(state_of(run, R), row->right, "right %s: %s",
                 weir_tcp_state_name(state_of(run, R)), describe(run, row));
    if (windows_known(run))
        check_blind(run, row);
}

static void run_from(const struct tcp_row *rows, size_t count, enum weir_midstream midstream,
                     uint32_t left, uint32_t right)
{
    for (unsigned int mirror = 0; mirror < 2; mirror++) {
        struct run run = {.isn = {left, right},
                          .clock = {left ^ 0x10000001U, right ^ 0x20000001U},
                          .mirror = mirror,
                          .midstream = midstream};

        for (size_t i = 0; i < count; i++)
            run_row(&run, &rows[i]);
    }
}

/* Every number of the row's sequence space, and of its acknowledgements, at 0 and at the half. */
static void run_wrapping_at(const struct tcp_row *rows, size_t count, enum weir_midstream midstream,
                            uint32_t number)
{
    for (uint32_t around = 0; around < 3; around++) {
        uint32_t isn = 1 - around - number;

        run_from(rows, count, midstream, isn, isn);
        run_from(rows, count, midstream, isn, isn + HALF);
        run_from(rows, count, midstream, isn + HALF, isn);
    }
}

/* Time stamps wrap where the run's clocks begin: one before each value that occurs. */
static void run_clock_wrapping_at(const struct tcp_row *rows, size_t count,
                                  enum weir_midstream midstream, uint32_t value)
{
    struct run run = {.isn = {7, 9}, .clock = {1 - value, 1 - value}, .midstream = midstream};

    for (size_t i = 0; i < count; i++)
        if (run.clock[L] + rows[i].opt.tsecr == 0) /* would read as "no echo" */
            return;
    for (size_t i = 0; i < count; i++)
        run_row(&run, &rows[i]);
}

/*
 * The pair table; with WEIR_MUTANT="table,event,state,value" in the environment that of endpoint
 * tables with this one cell changed (tests/model/mutants.py). Returns whether it is.
 */
static bool compose(void)
{
    struct weir_tcp_endpoints tables = weir_tcp_endpoints;
    const char *mutant = getenv("WEIR_MUTANT");
    unsigned long number[4]; /* table, event, state, value */

    for (unsigned int i = 0; mutant && i < 4; i++) {
        char *end;

        number[i] = strtoul(mutant, &end, 10);
        cr_assert(end != mutant && *end == (i < 3 ? ',' : 0));
        mutant = end + (i < 3);
    }
    if (mutant) {
        cr_assert(number[1] < WEIR_TCP_EVENTS && number[2] < WEIR_TCP_STATES);
        (number[0] ? tables.received : tables.sent)[number[1]][number[2]] = (uint8_t)number[3];
    }
    cr_assert_gt(weir_tcp_pairs_compose(&weir_tcp_pairs, &tables), 0);
    return mutant != NULL;
}

void tcp_table_run(const struct tcp_row *rows, size_t count, enum weir_midstream midstream)
{
    bool mutated = compose();

    run_from(rows, count, midstream, 1000000, 2000000);
    for (size_t i = 0; i < count && !mutated; i++) {
        run_wrapping_at(rows, count, midstream, rows[i].seq);
        run_wrapping_at(rows, count, midstream, rows[i].seq + rows[i].len);
        run_wrapping_at(rows, count, midstream, rows[i].ack);
        run_wrapping_at(rows, count, midstream, rows[i].ack + rows[i].win);
        if (rows[i].opt.present & WEIR_SEG_TS)
            run_clock_wrapping_at(rows, count, midstream, rows[i].opt.tsval);
    }
}
