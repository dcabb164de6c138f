/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that weir_parse tracks as TCP, for the tests of its rules and of its limits. */
#ifndef WEIR_TESTS_PARSE_ROWS_H
#define WEIR_TESTS_PARSE_ROWS_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "core/reason.h"
#include "frame.h"

#define VERIFY      (WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* In a row, what is not said is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* clang-format off */
#define V4(...)            {.seq = 1, __VA_ARGS__}
#define V6(...)            {.family = 6, __VA_ARGS__}
#define TAGS(...)          .tags = {__VA_ARGS__}
#define OPT(bytes)         .tcp_options = FRAME_BYTES(bytes)
#define IP_OPT(bytes)      .options = FRAME_BYTES(bytes)
#define EXT(first, bytes)  .next = (first), .options = FRAME_BYTES(bytes)
#define ZONE(outer, inner) .zone = (outer) << 12 | (inner)

#define TS                 "\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08"
#define HAS_TS             .opts = WEIR_SEG_TS, TS_VALUES
#define TS_VALUES          .tsval = 0x01020304, .tsecr = 0x05060708
#define HAS_SACK(high)     .opts = WEIR_SEG_SACK, .sack_high = (high)
#define HAS_SCALE(shift)   .opts = WEIR_SEG_WS, .wscale = (shift)

/* IPv6 extension headers by the type of what follows. */
#define TCP                    "\x06"
#define HOP_BY_HOP(next)       next "\x00\x05\x02\x00\x00\x01\x00" /* router alert, PadN */
#define DST_OPTIONS(next)      next "\x01\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0"
#define HOME_ADDRESS(next)     next "\x02\1\2\0\0\xc9\x10" "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x99"
#define ROUTING(next, left)    next "\2\4" left "\0\0\0\0" "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x99"
#define FRAGMENT(next, offset) next "\0" offset "\0\0\0\x07"
#define AUTH(next)             next "\x04\0\0\0\0\0\x01\0\0\0\x02" "123456789abc"
#define MOBILITY(next)         next "\x00\x00\x00\x00\x00\x00\x00"

/* What must come out besides what each frame itself says. */
static const struct good {
    const char *what;
    struct frame frame;
    uint32_t zone; /* outer << 12 | inner; 0: no tag */
    uint8_t opts;
    uint8_t wscale;
    uint32_t tsval;
    uint32_t tsecr;
    uint32_t sack_high;
} goods[] = {
    {"plain", {.seq = 0x11223344, .ack = 0x55667788, .win = 0x1234}},
    {"padded to 60", V4(.padding = 6)},
    {"data", V4(.flags = 0x18, .payload = 1460)},
    {"don't fragment", V4(.fragment = 0x4000)},
    {"source equals destination", V4(.dst = "10.0.0.1", .dport = 40000)},
    {"time stamps", V4(OPT("\1\1" TS), .payload = 9), HAS_TS},
    {"time stamps elsewhere", V4(OPT(TS "\1\1")), HAS_TS},
    {"time stamps of a wrong length are passed over",
     V4(.flags = 2, OPT("\x08\x06\1\2\3\4\3\3\5\0\0\0")), HAS_SCALE(5)},
    {"SYN as Linux sends it", V4(.flags = 2, OPT("\2\4\5\xb4\4\2" TS "\1\3\3\7")),
     .opts = WEIR_SEG_TS | WEIR_SEG_WS, .wscale = 7, TS_VALUES},
    {"scale over 14 reads as 14 (RFC 7323 2.3)", V4(.flags = 18, OPT("\3\3\xff\0")), HAS_SCALE(14)},
    {"scale without SYN does not count (RFC 7323 2.2)", V4(OPT("\3\3\7\0"))},
    {"SACK, highest block second",
     V4(OPT("\1\1\5\x12\0\0\0\1\0\0\0\2\0\0\1\0\0\0\2\0")), HAS_SACK(0x200)},
    {"SACK across the wrap of sequence numbers",
     V4(OPT("\1\1\5\x12\0\0\0\1\0\0\0\2\xff\xff\xff\0\xff\xff\xff\xf0")), HAS_SACK(2)},
    {"SACK block from right to left is passed over",
     V4(OPT("\1\1\5\x12\0\0\0\1\0\0\0\2\0\0\2\0\0\0\1\0")), HAS_SACK(2)},
    {"SACK with half a block is passed over", V4(OPT("\5\6\0\0\0\1" TS)), HAS_TS},
    {"SACK without blocks", V4(OPT("\5\2\1\1"))},
    {"SACK and time stamps", V4(OPT("\1\1" TS "\1\1\5\x0a\0\0\0\1\0\0\0\2")), .sack_high = 2,
     .opts = WEIR_SEG_TS | WEIR_SEG_SACK, TS_VALUES},
    {"end of list hides what follows", V4(OPT("\0\1" TS))},
    {"length 0 ends the list", V4(OPT("\x1e\0" TS))},
    {"length 1 ends the list", V4(OPT("\x1e\1" TS))},
    {"length beyond the header ends the list", V4(OPT("\1\1\1\x1e\6\1\1\1"))},
    {"kind in the last octet", V4(OPT("\1\1\1\x08"))},
    {"one tag", V4(TAGS({0x8100, 100}), .payload = 3), ZONE(100, 0xfff)},
    {"priority bits are not the id", V4(TAGS({0x8100, 0xf064})), ZONE(100, 0xfff)},
    {"priority tag makes no zone (IEEE 802.1Q 9.6)", V4(TAGS({0x8100, 0xe000}))},
    {"priority tag around a tag", V4(TAGS({0x8100, 0xe000}, {0x8100, 5})), ZONE(5, 0xfff)},
    {"802.1ad and 802.1Q", V4(TAGS({0x88a8, 7}, {0x8100, 9})), ZONE(7, 9)},
    {"QinQ of old", V4(TAGS({0x9100, 4094}, {0x8100, 1})), ZONE(4094, 1)},
    {"IPv4 options", V4(IP_OPT("\x94\4\0\0"))},
    {"40 octets of IPv4 options",
     V4(IP_OPT("\7\x27\4....................................\0"), TAGS({0x8100, 5})),
     ZONE(5, 0xfff)},
    {"source route, arrived", V4(IP_OPT("\x83\7\x08\x0a\0\0\3\0"))},
    {"IPv6", V6(.payload = 7)},
    {"IPv6 in two tags", V6(TAGS({0x88a8, 2}, {0x8100, 3}), OPT("\1\1" TS)), ZONE(2, 3), HAS_TS},
    {"hop-by-hop options", V6(EXT(0, HOP_BY_HOP(TCP)))},
    {"destination options", V6(EXT(60, DST_OPTIONS(TCP)))},
    {"home address", V6(EXT(60, HOME_ADDRESS(TCP)))},
    {"routing header, arrived", V6(EXT(43, ROUTING(TCP, "\0")))},
    {"authentication header", V6(EXT(51, AUTH(TCP)))},
    {"mobility header", V6(EXT(135, MOBILITY(TCP)))},
    {"atomic fragment (RFC 6946)", V6(EXT(44, FRAGMENT(TCP, "\0\0")))},
    {"atomic fragment, reserved bits set", V6(EXT(44, FRAGMENT(TCP, "\0\6")))},
    {"a whole chain", V6(EXT(0, HOP_BY_HOP("\x3c") DST_OPTIONS("\x2b") ROUTING("\x2c", "\0")
                             FRAGMENT("\x33", "\0\0") AUTH("\x3c") DST_OPTIONS(TCP)))},
};
/* clang-format on */

/* Parse an exact copy on the heap, so that the sanitizer sees any read beyond. */
static inline struct weir_packet parse(const uint8_t *data, uint32_t len, unsigned int how)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    struct weir_packet packet;

    memset(&packet, 0xa5, sizeof(packet));
    memcpy(copy, data, len);
    weir_parse(copy, len, how, &packet);
    cr_assert_arr_eq(copy, data, len, "the frame was written to");
    free(copy);
    cr_assert_eq(packet.reason == WEIR_REASON_FRAGMENT, packet.kind == WEIR_KIND_FRAGMENT);
    cr_assert_eq(packet.reason == WEIR_REASON_NONE || packet.reason == WEIR_REASON_FRAGMENT,
                 packet.kind != WEIR_KIND_UNTRACKED);
    cr_assert_eq(packet.family == 0, packet.kind == WEIR_KIND_UNTRACKED);
    cr_assert_lt(packet.reason, WEIR_REASON_COUNT);
    cr_assert_leq(packet.l4_off, len);
    cr_assert_leq(packet.swapped, 1);
    cr_assert_eq(packet.port, 0);
    cr_assert_eq(packet.pieces, 0);
    return packet;
}

/* Where the IP and the transport header of a built frame are. */
static inline uint32_t l3_off_of(const struct frame *frame)
{
    uint32_t off = 14;

    for (unsigned int i = 0; i < FRAME_TAGS && frame->tags[i].type != 0; i++)
        off += 4;
    return off;
}

static inline uint32_t l4_off_of(const struct frame *frame)
{
    return l3_off_of(frame) + (frame->family == 6 ? 40 : 20) + frame->options.len;
}

#endif
