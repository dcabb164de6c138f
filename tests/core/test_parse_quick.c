/* SPDX-License-Identifier: BSD-3-Clause */
/* The short way of most frames, held against the long way on good frames and on damaged ones. */
#include "core/parse_ip.h"
#include "parse_rows.h"

#define TRIES 200000U

static uint64_t seed = 0x77656972;

static uint32_t draw(uint32_t limit)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((seed >> 33) * limit >> 31);
}

/* The same of both; returns whether it is tracked. Padding and what a key lacks is 0 before. */
static bool check_alike(const uint8_t *data, uint32_t len, unsigned int how, const char *what)
{
    struct weir_packet quick, whole;

    memset(&quick, 0, sizeof(quick));
    memset(&whole, 0, sizeof(whole));
    weir_parse(data, len, how, &quick);
    weir_parse_long(data, len, how, &whole);
    cr_assert_eq(quick.reason, whole.reason, "%s: %u, not %u", what, quick.reason, whole.reason);
    cr_assert_arr_eq(&quick, &whole, sizeof(quick), "%s: packets differ", what);
    return whole.reason == WEIR_REASON_NONE;
}

/* A frame in memory of exactly its length, so that a sanitizer sees what is read beyond. */
static uint8_t *frame_copy(const uint8_t *data, uint32_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    return copy;
}

Test(parse_quick, reads_good_frames_like_the_long_way)
{
    for (unsigned int i = 0; i < COUNT(goods); i++) {
        uint8_t data[FRAME_MAX];
        uint32_t len = frame_build(&goods[i].frame, data);

        cr_assert(check_alike(data, len, WEIR_PARSE_ALL, goods[i].what));
        cr_assert(check_alike(data, len, WEIR_PARSE_ALL | VERIFY, goods[i].what));
    }
}

Test(parse_quick, leaves_zero_what_is_to_be_zero)
{
    for (unsigned int i = 0; i < COUNT(goods); i++) {
        struct weir_packet quick, whole;
        uint8_t data[FRAME_MAX];
        uint32_t len = frame_build(&goods[i].frame, data);

        memset(&quick, 0xff, sizeof(quick));
        memset(&whole, 0xff, sizeof(whole));
        weir_parse(data, len, WEIR_PARSE_ALL, &quick);
        weir_parse_long(data, len, WEIR_PARSE_ALL, &whole);
        cr_assert_eq(quick.zero | whole.zero, 0, "%s", goods[i].what);
    }
}

Test(parse_quick, reads_damaged_and_cut_frames_like_the_long_way)
{
    unsigned int tracked = 0;

    for (unsigned int i = 0; i < TRIES; i++) {
        const struct good *good = &goods[draw(COUNT(goods))];
        unsigned int how = WEIR_PARSE_ALL | draw(4) | (draw(4) ? 0 : WEIR_PARSE_CUT);
        uint8_t data[FRAME_MAX];
        uint32_t len = frame_build(&good->frame, data);
        uint8_t *copy;

        for (unsigned int hits = draw(3); hits > 0; hits--)
            data[draw(len < 74 ? len : 74)] = (uint8_t)draw(256);
        len = draw(4) ? len : draw(len + 1);
        copy = frame_copy(data, len);
        tracked += check_alike(copy, len, how, good->what);
        free(copy);
    }
    cr_assert_gt(tracked, TRIES / 10, "too few to say anything: %u", tracked);
}

/* Which end is higher: the first octet in which they differ says it, and the ports where none does.
 */
Test(parse_quick, puts_ends_in_order_like_the_long_way)
{
    static const struct {
        enum { IP4, IP6 } family;
        uint32_t source, target, len;
    } families[] = {{IP4, 26, 30, 4}, {IP6, 22, 38, 16}};
    unsigned int tracked = 0, tried = 0;

    for (unsigned int i = 0; i < COUNT(goods); i++)
        for (unsigned int f = 0; f < COUNT(families); f++)
            for (uint32_t at = 0; at <= families[f].len; at++)
                for (int less = -1; less <= 1; less++) {
                    uint8_t data[FRAME_MAX];
                    uint32_t len = frame_build(&goods[i].frame, data);
                    uint8_t *source = data + families[f].source;
                    uint8_t *target = data + families[f].target;

                    if (data[12] != (families[f].family == IP4 ? 0x08 : 0x86))
                        continue;
                    memset(source, 0x7f, families[f].len);
                    memset(target, 0x7f, families[f].len);
                    if (at < families[f].len) { /* what comes behind says the opposite */
                        source[at] = (uint8_t)(0x7f + less);
                        memset((less < 0 ? source : target) + at + 1, 0xff,
                               families[f].len - at - 1);
                    }
                    tried++;
                    tracked += check_alike(data, len, WEIR_PARSE_ALL, goods[i].what);
                }
    cr_assert_gt(tracked, tried / 2, "too few to say anything: %u of %u", tracked, tried);
}
