/* SPDX-License-Identifier: BSD-3-Clause */
/* Associations through the tracker: each row a packet, and the state and fate that follow. */
#include "core/sctp.h"

#include <criterion/criterion.h>

#include "tracking.h"

#define PORTS      "\x0b\x59\x0b\x5a" /* 2905 to 2906, of either end: both listen on both here */
#define TAG(value) value "\0\0\0\0"
#define A          "\0\0\0\xaa"
#define B          "\0\0\0\xbb"
#define NONE       "\0\0\0\0"

#define INIT_OF(type, tag) type "\0\0\x14" tag "\0\0\xff\xff\0\1\0\1\0\0\0\1"
#define INIT(tag)          INIT_OF("\1", tag)
#define INIT_ACK(tag)      INIT_OF("\2", tag)
#define CHUNK(type, flags) type flags "\0\4"
#define DATA                                                                                       \
    "\0\3\0\x14"                                                                                   \
    "\0\0\0\1\0\0\0\0\0\0\0\0abcd"

enum {
    OPENING = WEIR_TIMEOUT_SCTP_OPENING,
    UP = WEIR_TIMEOUT_SCTP_ESTABLISHED,
    CLOSING = WEIR_TIMEOUT_SCTP_CLOSING
};

struct step {
    unsigned int from; /* enum weir_dir: 10.0.0.1 is the originator */
    struct frame_bytes body;
    unsigned int class; /* timeout class after it */
    unsigned int reason;
};

/* clang-format off */
#define STEP(from, tag, chunks, ...) {WEIR_##from, FRAME_BYTES(PORTS TAG(tag) chunks), __VA_ARGS__}
#define HANDSHAKE                                                                                  \
    STEP(ORIG, NONE, INIT(A), OPENING), STEP(RESP, A, INIT_ACK(B), OPENING),                       \
    STEP(ORIG, B, CHUNK("\x0a", "\0") DATA, OPENING), STEP(RESP, A, CHUNK("\x0b", "\0"), UP)
/* clang-format on */

static void play(struct tracking *t, const struct step *step, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct frame frame = {
            .proto = 132,
            .src = step[i].from == WEIR_ORIG ? "10.0.0.1" : "10.0.0.2",
            .dst = step[i].from == WEIR_ORIG ? "10.0.0.2" : "10.0.0.1",
            .body = step[i].body,
        };
        uint8_t swapped_ports[] = PORTS;
        char body[256];
        struct weir_fate fate;

        memcpy(body, frame.body.at, frame.body.len);
        if (step[i].from == WEIR_RESP) {
            memcpy(body, swapped_ports + 2, 2);
            memcpy(body + 2, swapped_ports, 2);
        }
        frame.body.at = body;
        fate = tracking_frame(t, &frame);
        cr_assert_eq(fate.reason, step[i].reason, "step %zu: %s", i, weir_reason_name(fate.reason));
        cr_assert_eq(fate.verdict, step[i].reason ? WEIR_VERDICT_DROP : WEIR_VERDICT_FORWARD,
                     "step %zu", i);
        cr_assert_eq(fate.pair, WEIR_PAIR_OTHER + step[i].class, "step %zu: pair %u", i, fate.pair);
        cr_assert_eq(t->tracker.counters.pair[fate.pair], 1, "step %zu", i);
    }
}

static enum weir_end end_after(const struct step *step, size_t count)
{
    struct tracking t;
    const struct weir_flow_view *view;
    enum weir_end end;

    tracking_begin(&t);
    play(&t, step, count);
    view = tracking_only(&t);
    cr_assert_not_null(view);
    end = (enum weir_end)view->end;
    tracking_end(&t);
    return end;
}

#define END_AFTER(steps) end_after(steps, sizeof(steps) / sizeof((steps)[0]))

/* RFC 9260 5.1, 9.2 */
Test(sctp, an_association_opens_carries_and_shuts_down)
{
    static const struct step steps[] = {
        HANDSHAKE,
        STEP(RESP, A, DATA, UP),
        STEP(ORIG, B, CHUNK("\7", "\0"), CLOSING),
        STEP(RESP, A, DATA, CLOSING),
        STEP(RESP, A, CHUNK("\x08", "\0"), CLOSING),
        STEP(ORIG, B, CHUNK("\x0e", "\0"), CLOSING),
    };

    cr_assert_eq(END_AFTER(steps), WEIR_END_FIN);
}

/* An ERROR chunk may stand before it (RFC 9260 3.3.7). */
Test(sctp, an_abort_ends_it)
{
    static const struct step steps[] = {
        HANDSHAKE, STEP(RESP, A, CHUNK("\x09", "\0") CHUNK("\x06", "\0"), CLOSING)};

    cr_assert_eq(END_AFTER(steps), WEIR_END_RST);
}

/* RFC 9260 8.4: who knows of no association reflects the tag. */
Test(sctp, a_reflected_tag_ends_it_too)
{
    static const struct step steps[] = {HANDSHAKE, STEP(RESP, B, CHUNK("\x06", "\1"), CLOSING)};

    cr_assert_eq(END_AFTER(steps), WEIR_END_RST);
}

Test(sctp, a_wrong_tag_changes_nothing)
{
    static const struct step steps[] = {
        HANDSHAKE,
        STEP(RESP, B, CHUNK("\x06", "\0"), UP, WEIR_REASON_SCTP_TAG),
        STEP(RESP, "\0\0\0\xcc", CHUNK("\x06", "\0"), UP, WEIR_REASON_SCTP_TAG),
        STEP(RESP, A, CHUNK("\x06", "\1"), UP, WEIR_REASON_SCTP_TAG),
        STEP(ORIG, A, DATA, UP, WEIR_REASON_SCTP_TAG),
        STEP(ORIG, NONE, DATA, UP, WEIR_REASON_SCTP_TAG),
        STEP(ORIG, B, INIT("\0\0\0\xcc"), UP, WEIR_REASON_SCTP_TAG),
        STEP(ORIG, B, DATA, UP),
    };

    cr_assert_eq(END_AFTER(steps), WEIR_END_ACTIVE);
}

/* Anybody can send an INIT: the tag it names passes, the one before goes on to. */
Test(sctp, a_forged_restart_locks_nobody_out_and_ends_nothing)
{
    static const struct step steps[] = {
        HANDSHAKE,
        STEP(ORIG, NONE, INIT("\0\0\0\xcc"), UP),
        STEP(RESP, "\0\0\0\xcc", CHUNK("\x06", "\0"), UP),
        STEP(RESP, A, DATA, UP),
        STEP(ORIG, B, DATA, UP),
    };

    cr_assert_eq(END_AFTER(steps), WEIR_END_ACTIVE);
}

Test(sctp, picked_up_midway_it_is_up_and_learns_the_tags)
{
    static const struct step steps[] = {
        STEP(ORIG, B, DATA, UP),
        STEP(RESP, A, DATA, UP),
        STEP(RESP, B, DATA, UP, WEIR_REASON_SCTP_TAG),
    };

    cr_assert_eq(END_AFTER(steps), WEIR_END_ACTIVE);
}

Test(sctp, an_init_after_the_end_is_another_association)
{
    static const struct step first[] = {HANDSHAKE, STEP(RESP, A, CHUNK("\x06", "\0"), CLOSING),
                                        HANDSHAKE};
    struct tracking t;

    tracking_begin(&t);
    play(&t, first, sizeof(first) / sizeof(first[0]));
    cr_assert_eq(t.tracker.counters.ended[WEIR_END_RST], 1);
    cr_assert_eq(t.tracker.counters.created, 2);
    tracking_end(&t);
}

/* Whatever the chunks say of their length, nothing beyond the packet is read. */
Test(sctp, chunks_are_read_within_the_packet)
{
    static const struct frame_bytes bodies[] = {
        FRAME_BYTES(PORTS TAG(A)),
        FRAME_BYTES(PORTS TAG(A) "\6"),
        FRAME_BYTES(PORTS TAG(A) "\6\0\0\0"
                                 "\6\0\0\4"),
        FRAME_BYTES(PORTS TAG(A) "\0\0\xff\xff"
                                 "\6\0\0\4"),
        FRAME_BYTES(PORTS TAG(A) "\0\0\0\3"
                                 "\6\0\0\4"),
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        uint8_t *copy = malloc(bodies[i].len);
        struct weir_sctp_facts facts;

        memcpy(copy, bodies[i].at, bodies[i].len);
        weir_sctp_read(copy, bodies[i].len, &facts);
        cr_assert_eq(facts.chunk, 0, "%zu", i);
        free(copy);
    }
}
