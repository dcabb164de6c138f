/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces as rows: what each is answered, and what is given up on the way. */
#include "core/fragment.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define DATAGRAMS   4U
#define PIECES      128U
#define SECOND      UINT64_C(1000000)
#define START       (1700000000 * SECOND)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { HELD = WEIR_FRAGMENT_HELD, WHOLE = WEIR_FRAGMENT_WHOLE, REFUSED = WEIR_FRAGMENT_REFUSED };

struct step {
    uint32_t offset, len;
    uint32_t more;
    unsigned int answer;
    unsigned int reason; /* of the refused piece, and of all that are given up with it */
    unsigned int given;  /* pieces given up */
    uint32_t id;
    uint64_t after_us;
    bool tiny;
    bool other_way;
};

static struct weir_fragments table;
static void *memory;
static uint64_t now_us;
static uintptr_t handles;

static void begin(uint32_t room)
{
    memory = malloc(weir_fragments_size(DATAGRAMS, PIECES));
    weir_fragments_init(&table, memory, DATAGRAMS, PIECES, room);
    now_us = START;
    handles = 0;
}

static void finish(void)
{
    free(memory);
}

TestSuite(fragment, .fini = finish);

static struct weir_packet packet_of(const struct step *step)
{
    struct weir_packet packet = {.family = 4, .kind = WEIR_KIND_FRAGMENT};

    packet.key4.addr[0] = 1;
    packet.key4.addr[1] = 2;
    packet.swapped = step->other_way;
    packet.fragment = (struct weir_fragment_facts){.id = step->id,
                                                   .offset = step->offset,
                                                   .len = step->len,
                                                   .more = (uint8_t)step->more,
                                                   .tiny = step->tiny};
    return packet;
}

static unsigned int given_up(unsigned int reason)
{
    enum weir_reason given;
    unsigned int count = 0;
    void *last = NULL;

    for (void *handle; (handle = weir_fragments_take(&table, &given)) != NULL; count++) {
        cr_assert_eq(given, reason, "given up as %s", weir_reason_name(given));
        cr_assert_gt((uintptr_t)handle, (uintptr_t)last, "in order of arrival");
        last = handle;
    }
    return count;
}

static void play(const struct step *step, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct weir_packet packet = packet_of(&step[i]);
        struct weir_datagram *whole = NULL;
        enum weir_reason reason;
        unsigned int answer;

        now_us += step[i].after_us;
        answer =
            weir_fragments_add(&table, &packet, 77, now_us, (void *)++handles, 1, &whole, &reason);
        cr_assert_eq(answer, step[i].answer, "step %zu: %u", i, answer);
        if (answer == REFUSED)
            cr_assert_eq(reason, step[i].reason, "step %zu: %s", i, weir_reason_name(reason));
        if (answer == WHOLE)
            weir_fragments_release(&table, whole);
        cr_assert_eq(given_up(step[i].reason), step[i].given, "step %zu", i);
    }
}

#define PLAY(steps) play(steps, COUNT(steps))

Test(fragment, pieces_make_a_datagram_in_any_order)
{
    static const struct step steps[] = {
        {0, 800, 1, HELD},   {800, 800, 1, HELD}, {1600, 13, 0, WHOLE}, /* in order */
        {1600, 13, 0, HELD}, {800, 800, 1, HELD}, {0, 800, 1, WHOLE},   /* backwards */
        {800, 8, 1, HELD},   {808, 8, 0, HELD},   {0, 800, 1, WHOLE},
    };

    begin(PIECES);
    PLAY(steps);
    cr_assert_eq(table.count, 0);
    cr_assert_eq(table.room, PIECES);
}

Test(fragment, datagrams_are_told_apart_by_identification_and_direction)
{
    static const struct step steps[] = {
        {0, 8, 1, HELD, .id = 1},
        {8, 8, 0, HELD, .id = 2},
        {8, 8, 0, HELD, .id = 1, .other_way = 1},
        {8, 8, 0, WHOLE, .id = 1},
        {0, 8, 1, WHOLE, .id = 2},
        {0, 8, 1, WHOLE, .id = 1, .other_way = 1},
    };

    begin(PIECES);
    PLAY(steps);
}

/* RFC 5722 4: all of it is discarded, what is still to come as well. */
Test(fragment, an_overlap_condemns_all_of_the_datagram)
{
    static const struct step steps[] = {
        {0, 800, 1, HELD},
        {1600, 13, 0, HELD},
        {792, 16, 1, REFUSED, WEIR_REASON_FRAG_OVERLAP, 2},
        {800, 800, 1, REFUSED, WEIR_REASON_FRAG_OVERLAP},
        {0, 800, 1, REFUSED, WEIR_REASON_FRAG_OVERLAP, .after_us = WEIR_FRAGMENT_USEC},
        {0, 800, 1, HELD, .after_us = 1},
    };

    begin(PIECES);
    PLAY(steps);
    cr_assert_eq(table.room, PIECES - 1);
}

static bool always_same(const void *handle, const void *other)
{
    return handle != other;
}

/* RFC 8200 4.5 */
Test(fragment, a_repeated_piece_is_no_overlap_and_leaves_with_the_others)
{
    static const struct step steps[] = {{0, 8, 1, HELD}, {0, 8, 1, HELD}, {8, 8, 0, WHOLE}};
    static const struct step differ[] = {{0, 8, 1, HELD},
                                         {0, 8, 1, REFUSED, WEIR_REASON_FRAG_OVERLAP, 1}};

    begin(PIECES);
    table.same = always_same;
    PLAY(steps);
    table.same = NULL;
    PLAY(differ);
}

Test(fragment, lengths_that_cannot_be_are_refused)
{
    static const struct step steps[] = {
        {0, 8, 1, REFUSED, WEIR_REASON_FRAG_TINY, .id = 1, .tiny = true},
        {8, 7, 1, REFUSED, WEIR_REASON_FRAG_LENGTH, .id = 2},
        {8, 0, 1, REFUSED, WEIR_REASON_FRAG_LENGTH, .id = 3, .after_us = 40 * SECOND},
        {65528, 8, 0, REFUSED, WEIR_REASON_FRAG_LENGTH, .id = 4},
        {65528, 7, 0, HELD, .id = 5},
        {16, 8, 0, HELD, .id = 6, .after_us = 40 * SECOND, .given = 1,
         .reason = WEIR_REASON_FRAG_TIMEOUT},
        {24, 8, 0, REFUSED, WEIR_REASON_FRAG_LENGTH, 1, .id = 6}, /* two ends */
        {16, 8, 1, HELD, .id = 7},
        {0, 8, 0, REFUSED, WEIR_REASON_FRAG_LENGTH, 1, .id = 7}, /* an end that lies behind */
    };

    begin(PIECES);
    PLAY(steps);
}

Test(fragment, what_is_not_whole_in_time_is_given_up)
{
    static const struct step steps[] = {
        {0, 8, 1, HELD, .id = 1},
        {0, 8, 1, HELD, .id = 2, .after_us = SECOND},
        {8, 8, 1, HELD, .id = 1, .after_us = WEIR_FRAGMENT_USEC - SECOND},
        {16, 8, 0, HELD, WEIR_REASON_FRAG_TIMEOUT, 2, .id = 1, .after_us = 1},
    };

    begin(PIECES);
    PLAY(steps);
    cr_assert_eq(table.count, 2);
    weir_fragments_expire(&table, now_us + WEIR_FRAGMENT_USEC + 1);
    cr_assert_eq(given_up(WEIR_REASON_FRAG_TIMEOUT), 2);
    cr_assert_eq(table.count, 0);
    cr_assert_eq(table.room, PIECES);
}

Test(fragment, the_oldest_gives_way_when_there_is_no_room)
{
    static const struct step datagrams[] = {
        {0, 8, 1, HELD, .id = 1},
        {0, 8, 1, HELD, .id = 2},
        {0, 8, 1, HELD, .id = 3},
        {0, 8, 1, HELD, .id = 4},
        {0, 8, 1, HELD, WEIR_REASON_FRAG_LIMIT, 1, .id = 5},
        {8, 8, 0, WHOLE, .id = 2},
    };
    static const struct step pieces[] = {
        {0, 8, 1, HELD, .id = 1},  {8, 8, 1, HELD, .id = 1},
        {0, 8, 1, HELD, .id = 2},  {8, 8, 1, HELD, WEIR_REASON_FRAG_LIMIT, 2, .id = 2},
        {16, 8, 1, HELD, .id = 2}, {24, 8, 1, REFUSED, WEIR_REASON_FRAG_LIMIT, 3, .id = 2},
    };

    begin(PIECES);
    PLAY(datagrams);
    free(memory);
    begin(3);
    PLAY(pieces);
    cr_assert_eq(table.room, 3);
}

Test(fragment, one_datagram_has_so_many_pieces_and_no_more)
{
    begin(PIECES);
    for (uint32_t i = 0; i < WEIR_FRAGMENT_EACH; i++)
        play(&(struct step){i * 8, 8, 1, HELD}, 1);
    play(&(struct step){8 * WEIR_FRAGMENT_EACH, 8, 0, REFUSED, WEIR_REASON_FRAG_LIMIT,
                        WEIR_FRAGMENT_EACH},
         1);
    weir_fragments_flush(&table);
    cr_assert_eq(given_up(WEIR_REASON_FRAG_TIMEOUT), 0, "nothing is left");
}

/* Whatever comes, each handle is with the caller again in the end. */
Test(fragment, no_piece_is_lost_in_a_storm)
{
    unsigned int back = 0;
    const unsigned int storm = 200000;

    begin(40);
    srand(5);
    for (unsigned int i = 0; i < storm; i++) {
        struct step step = {.offset = (uint32_t)(rand() % 6) * 8,
                            .len = 8,
                            .more = rand() % 4 != 0,
                            .id = (uint32_t)rand() % 7};
        struct weir_packet packet = packet_of(&step);
        struct weir_datagram *whole = NULL;
        enum weir_reason reason;
        unsigned int answer;

        now_us += (uint64_t)(rand() % 4) * SECOND;
        answer =
            weir_fragments_add(&table, &packet, 77, now_us, (void *)++handles, 1, &whole, &reason);
        if (answer == WHOLE) {
            back += whole->count;
            weir_fragments_release(&table, whole);
        }
        back += answer == REFUSED;
        while (weir_fragments_take(&table, &reason) != NULL)
            back++;
        cr_assert_leq(table.count, DATAGRAMS);
        cr_assert_eq(i + 1 - back, 40 - table.room);
    }
    weir_fragments_flush(&table);
    for (enum weir_reason reason; weir_fragments_take(&table, &reason) != NULL;)
        back++;
    cr_assert_eq(back, storm);
    cr_assert_eq(table.room, 40);
}
