/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that end too early, that are damaged, that are noise: never a read beyond, never believed.
 */
#include "parse_rows.h"

/* A whole packet is needed, except that a cut frame needs its headers only. */
Test(parse_limits, every_prefix_of_a_good_frame_is_tracked_only_when_enough_is_there)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(goods); i++) {
        const struct frame *frame = &goods[i].frame;
        uint32_t whole = frame_build(frame, data) - frame->padding;
        uint32_t headers = l4_off_of(frame) + 20 + frame->tcp_options.len;

        for (uint32_t len = 0; len < whole; len++) {
            struct weir_packet packet = parse(data, len, VERIFY);
            struct weir_packet cut = parse(data, len, VERIFY | WEIR_PARSE_CUT);

            cr_assert_eq(packet.kind, WEIR_KIND_UNTRACKED, "%s: %u", goods[i].what, len);
            cr_assert_eq(weir_reason_class(packet.reason), WEIR_REASON_CLASS_REFUSE, "%s: %u: %s",
                         goods[i].what, len, weir_reason_name(packet.reason));
            cr_assert_eq(cut.kind == WEIR_KIND_TCP, len >= headers, "%s: %u: %s", goods[i].what,
                         len, weir_reason_name(cut.reason));
            if (len >= headers)
                cr_assert_eq(cut.seg.len, frame->payload, "%s: %u", goods[i].what, len);
        }
    }
}

/* Each bit of an IPv4 packet is under one of the two checksums. */
Test(parse_limits, one_wrong_bit_in_an_ipv4_packet_is_refused)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(goods); i++) {
        const struct frame *frame = &goods[i].frame;
        uint32_t len = frame_build(frame, data);

        for (uint32_t bit = l3_off_of(frame) * 8; bit < (len - frame->padding) * 8; bit++) {
            struct weir_packet packet;

            if (frame->family == 6)
                break;
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            packet = parse(data, len, VERIFY);
            cr_assert_eq(weir_reason_class(packet.reason), WEIR_REASON_CLASS_REFUSE, "%s: %u: %s",
                         goods[i].what, bit, weir_reason_name(packet.reason));
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

/* parse() itself asserts what holds for every answer, and the sanitizer build that none reads
 * beyond. */
Test(parse_limits, one_wrong_bit_anywhere_gives_a_whole_answer)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(goods); i++) {
        uint32_t len = frame_build(&goods[i].frame, data);

        for (uint32_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            for (unsigned int how = 0; how < 0x10; how++)
                parse(data, len, how);
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

Test(parse_limits, any_octets_as_tcp_options_are_never_refused)
{
    struct frame frame = V4(OPT("0123456789012345678901234567890123456789"));
    uint8_t data[FRAME_MAX];
    uint32_t len = frame_build(&frame, data);

    srand(3);
    for (unsigned int round = 0; round < 100000; round++) {
        for (uint32_t at = len - 40; at < len;
             at++) /* mostly kinds and lengths that mean something */
            data[at] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 12);
        cr_assert_eq(parse(data, len, 0).kind, WEIR_KIND_TCP);
    }
}

Test(parse_limits, noise_behind_a_right_start_gives_a_whole_answer)
{
    uint8_t data[FRAME_MAX];

    srand(4);
    for (unsigned int round = 0; round < 100000; round++) {
        const struct frame *frame = &goods[(size_t)rand() % COUNT(goods)].frame;
        uint32_t len = frame_build(frame, data);
        uint32_t from = 12 + (uint32_t)rand() % (len - 12);

        for (uint32_t at = from; at < len; at++)
            data[at] = (uint8_t)rand();
        parse(data, from + (uint32_t)rand() % (len - from + 1), (unsigned int)rand());
    }
}
