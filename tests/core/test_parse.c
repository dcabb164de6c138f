/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir_parse makes of a frame; test_parse_limits.c has cut and damaged ones. */
#include <arpa/inet.h>

#include "parse_rows.h"

/* clang-format off */
/* Frames that are not tracked, each with its reason, some after a change to one octet. */
static const struct bad {
    const char *what;
    uint8_t reason;
    struct frame frame;
    uint16_t poke_off; /* octets from the start of the frame; 0: no change */
    uint8_t poke;
    unsigned int how;
} bads[] = {
    {"ARP", WEIR_REASON_NOT_IP, V4(.type = 0x0806)},
    {"LLDP in a tag", WEIR_REASON_NOT_IP, V4(.type = 0x88cc, TAGS({0x8100, 1}))},
    {"802.3 length", WEIR_REASON_NOT_IP, V4(.type = 60)},
    {"three tags", WEIR_REASON_VLAN_DEPTH, V4(TAGS({0x88a8, 1}, {0x8100, 2}, {0x8100, 3}))},
    {"IPv4 of version 6", WEIR_REASON_IP_HEADER, V4(), 14, 0x65},
    {"IPv6 of version 4", WEIR_REASON_IP_HEADER, V6(), 14, 0x45},
    {"header length 16", WEIR_REASON_IP_HEADER, V4(), 14, 0x44},
    {"total length inside the header", WEIR_REASON_IP_HEADER, V4(), 17, 19},
    {"header longer than the frame", WEIR_REASON_IP_HEADER, V4(), 14, 0x4f},
    {"total length 0", WEIR_REASON_IP_LENGTH, V4(), 17, 0},
    {"total length beyond the frame", WEIR_REASON_IP_LENGTH, V4(), 17, 41},
    {"IPv4 checksum", WEIR_REASON_IP_CHECKSUM, V4(), 22, 63, VERIFY},
    {"IPv4 checksum, options", WEIR_REASON_IP_CHECKSUM, V4(IP_OPT("\1\1\1\0")), 34, 0, VERIFY},
    {"first fragment", WEIR_REASON_FRAGMENT, V4(.fragment = 0x2000), .how = VERIFY},
    {"middle fragment", WEIR_REASON_FRAGMENT, V4(.fragment = 0x2010), .how = VERIFY},
    {"last fragment", WEIR_REASON_FRAGMENT, V4(.fragment = 0x0010), .how = VERIFY},
    {"another protocol", WEIR_REASON_NOT_TRACKED, V4(.proto = 253, .body = FRAME_BYTES("1234"))},
    {"UDP", WEIR_REASON_NOT_TRACKED, V4(.proto = 17, .body = FRAME_BYTES("12345678"))},
    {"no next header", WEIR_REASON_NOT_TRACKED, V6(.proto = 59)},
    {"IPv6 length beyond the frame", WEIR_REASON_IP_LENGTH, V6(), 19, 21},
    {"IPv6 length 0", WEIR_REASON_TCP_HEADER, V6(), 19, 0},
    {"hop-by-hop twice", WEIR_REASON_IP6_EXTENSION, V6(EXT(0, HOP_BY_HOP("\0") HOP_BY_HOP(TCP)))},
    {"hop-by-hop later", WEIR_REASON_IP6_EXTENSION, V6(EXT(60, DST_OPTIONS("\0") HOP_BY_HOP(TCP)))},
    {"extension beyond", WEIR_REASON_IP6_EXTENSION, V6(EXT(60, DST_OPTIONS(TCP))), 55, 4},
    {"eight extensions and one", WEIR_REASON_IP6_EXTENSION,
     V6(EXT(60, DST_OPTIONS("\x3c") DST_OPTIONS("\x3c") DST_OPTIONS("\x3c") DST_OPTIONS("\x3c")
                DST_OPTIONS("\x3c") DST_OPTIONS("\x3c") DST_OPTIONS("\x3c") DST_OPTIONS("\x3c")
                DST_OPTIONS(TCP)))},
    {"IPv6 first fragment", WEIR_REASON_FRAGMENT, V6(EXT(44, FRAGMENT(TCP, "\0\1")))},
    {"IPv6 last fragment", WEIR_REASON_FRAGMENT, V6(EXT(44, FRAGMENT(TCP, "\1\0")))},
    {"length 0 and no jumbo option (RFC 2675 3)", WEIR_REASON_IP_LENGTH,
     V6(EXT(0, HOP_BY_HOP(TCP))), 19, 0},
    {"jumbo option under 65536 (RFC 2675 3)", WEIR_REASON_IP_LENGTH,
     V6(EXT(0, TCP "\0\xc2\4\0\0\xff\xff")), 19, 0},
    {"jumbo option beyond the frame", WEIR_REASON_IP_LENGTH,
     V6(EXT(0, TCP "\0\xc2\4\0\1\0\0")), 19, 0},
    {"jumbo option of 4 GB, frame cut", WEIR_REASON_IP_LENGTH,
     V6(EXT(0, TCP "\0\xc2\4\xff\xff\xff\xff")), 19, 0, WEIR_PARSE_CUT},
    {"data offset 4", WEIR_REASON_TCP_HEADER, V4(), 46, 0x40},
    {"data offset beyond the packet", WEIR_REASON_TCP_HEADER, V4(), 46, 0x60},
    {"data offset into the padding", WEIR_REASON_TCP_HEADER, V4(.padding = 20), 46, 0x60},
    {"TCP header of 19 octets", WEIR_REASON_TCP_HEADER, V4(.padding = 20), 17, 39},
    {"TCP checksum", WEIR_REASON_TCP_CHECKSUM, V4(.payload = 1001), 1000, 0, VERIFY},
    {"TCP checksum, IPv6 address", WEIR_REASON_TCP_CHECKSUM, V6(.payload = 11), 22, 0, VERIFY},
    {"sum before flags", WEIR_REASON_TCP_CHECKSUM, V4(.flags = 3, .payload = 1), 54, 0, VERIFY},
    {"SYN with FIN", WEIR_REASON_TCP_FLAGS, V4(.flags = 3), .how = VERIFY},
};
/* clang-format on */

static void check_key(const struct good *good, const struct weir_packet *packet)
{
    bool is6 = good->frame.family == 6;
    const struct weir_key_tail *tail = is6 ? &packet->key6.tail : &packet->key4.tail;
    const void *end = is6 ? (const void *)packet->key6.addr[packet->swapped]
                          : (const void *)&packet->key4.addr[packet->swapped];
    uint8_t address[16];

    inet_pton(is6 ? AF_INET6 : AF_INET, is6 ? "2001:db8::1" : "10.0.0.1", address);
    cr_assert_eq(packet->family, is6 ? 6 : 4, "%s", good->what);
    cr_assert_arr_eq(end, address, is6 ? 16 : 4, "%s", good->what);
    cr_assert_eq(ntohs(tail->port[packet->swapped]), 40000, "%s", good->what);
    cr_assert_eq(tail->zone_proto, 6U << 24 | (good->zone != 0 ? good->zone : 0xffffffU), "%s",
                 good->what);
}

static void check_segment(const struct good *good, const struct weir_segment *seg)
{
    const struct frame *frame = &good->frame;

    cr_assert_eq(seg->seq, frame->seq, "%s", good->what);
    cr_assert_eq(seg->ack, frame->ack, "%s", good->what);
    cr_assert_eq(seg->win, frame->win, "%s", good->what);
    cr_assert_eq(seg->flags, frame->flags != 0 ? frame->flags : 0x10, "%s", good->what);
    cr_assert_eq(seg->len, frame->payload, "%s: %u", good->what, seg->len);
    cr_assert_eq(seg->opts, good->opts, "%s: %u", good->what, seg->opts);
    cr_assert_eq(seg->wscale, good->wscale, "%s", good->what);
    cr_assert_eq(seg->tsval, good->tsval, "%s", good->what);
    cr_assert_eq(seg->tsecr, good->tsecr, "%s", good->what);
    cr_assert_eq(seg->sack_high, good->sack_high, "%s: %x", good->what, seg->sack_high);
}

static void check_good(const struct good *good, const uint8_t *data, uint32_t len, unsigned int how)
{
    struct weir_packet packet = parse(data, len, how);
    uint32_t l3_off = l3_off_of(&good->frame);

    cr_assert_eq(packet.reason, WEIR_REASON_NONE, "%s: %s", good->what,
                 weir_reason_name(packet.reason));
    cr_assert_eq(packet.kind, WEIR_KIND_TCP, "%s", good->what);
    cr_assert_eq(packet.l3_off, l3_off, "%s: %u", good->what, packet.l3_off);
    cr_assert_eq(packet.l4_off, l4_off_of(&good->frame), "%s: %u", good->what, packet.l4_off);
    cr_assert_eq(packet.ip_len, len - l3_off - good->frame.padding, "%s: %u", good->what,
                 packet.ip_len);
    check_key(good, &packet);
    check_segment(good, &packet.seg);
}

Test(parse, good_frames_give_key_and_segment)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(goods); i++) {
        uint32_t len = frame_build(&goods[i].frame, data);

        check_good(&goods[i], data, len, 0);
        check_good(&goods[i], data, len, VERIFY);
        check_good(&goods[i], data, len, VERIFY | WEIR_PARSE_CUT);
    }
}

Test(parse, bad_frames_give_their_reason)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(bads); i++) {
        const struct bad *bad = &bads[i];
        uint32_t len = frame_build(&bad->frame, data);
        struct weir_packet packet;

        if (bad->poke_off != 0)
            data[bad->poke_off] = bad->poke;
        packet = parse(data, len, bad->how);
        cr_assert_eq(packet.reason, bad->reason, "%s: %s", bad->what,
                     weir_reason_name(packet.reason));
    }
}

/* The pseudo header has the final destination and the home address, not what the header says now.
 */
Test(parse, a_route_under_way_is_no_wrong_checksum)
{
    static const struct frame routed[] = {V6(EXT(43, ROUTING(TCP, "\1"))),
                                          V6(EXT(60, HOME_ADDRESS(TCP))),
                                          V4(IP_OPT("\x83\7\4\x0a\0\0\3\0"))};
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(routed); i++) {
        uint32_t len = frame_build(&routed[i], data);

        data[l4_off_of(&routed[i]) + 16] ^= 1;
        cr_assert_eq(parse(data, len, VERIFY).reason, WEIR_REASON_NONE, "%zu", i);
    }
}

/* RFC 2675 2, as Linux captures its own large sends. */
Test(parse, a_jumbogram_that_fits_its_frame_is_tracked)
{
    static uint8_t data[80000];
    struct frame frame = V6(EXT(0, TCP "\0\xc2\4\0\1\0\0"));
    uint32_t len = 14 + 40 + 65536;
    struct weir_packet packet;

    frame_build(&frame, data);
    data[19] = 0;
    packet = parse(data, len + 6, 0);
    cr_assert_eq(packet.kind, WEIR_KIND_TCP);
    cr_assert_eq(packet.ip_len, 65576);
    cr_assert_eq(packet.seg.len, 65536 - 8 - 20);
    cr_assert_eq(parse(data, len - 1, 0).reason, WEIR_REASON_IP_LENGTH);
    cr_assert_eq(parse(data, 100, WEIR_PARSE_CUT).seg.len, 65536 - 8 - 20);
    cr_assert_eq(parse(data, len, VERIFY).reason, WEIR_REASON_TCP_CHECKSUM);
}

/* RFC 9293 3.10.7: what an endpoint may send, one by one, PSH and URG apart. */
static bool flags_legal(unsigned int flags)
{
    bool data_flags = (flags & (WEIR_TCP_PSH | WEIR_TCP_URG)) != 0;

    switch (flags & (WEIR_TCP_SYN | WEIR_TCP_ACK | WEIR_TCP_RST | WEIR_TCP_FIN)) {
    case WEIR_TCP_SYN:
    case WEIR_TCP_SYN | WEIR_TCP_ACK:
    case WEIR_TCP_ACK:
    case WEIR_TCP_FIN | WEIR_TCP_ACK:
    case WEIR_TCP_RST | WEIR_TCP_ACK:
        return true;
    case WEIR_TCP_RST:
        return !data_flags;
    default:
        return false;
    }
}

Test(parse, flags_that_no_endpoint_sends_are_refused_and_ecn_never_matters)
{
    struct frame frame = V4();
    uint8_t data[FRAME_MAX];
    uint32_t len = frame_build(&frame, data);

    for (unsigned int bits = 0; bits < 0x1000; bits++) {
        bool legal = flags_legal(bits & 0x3fU);
        struct weir_packet packet;

        data[46] = (uint8_t)(0x50U | bits >> 8); /* reserved bits beside the data offset */
        data[47] = (uint8_t)bits;
        packet = parse(data, len, 0);
        cr_assert_eq(packet.reason, legal ? WEIR_REASON_NONE : WEIR_REASON_TCP_FLAGS, "flags %x",
                     bits);
        cr_assert_eq(packet.seg.flags, legal ? bits & 0x3fU : 0);
    }
}

Test(parse, both_directions_give_the_same_key)
{
    static const struct frame there[] = {V4(.src = "192.0.2.9", .dst = "192.0.2.10"),
                                         V6(.src = "2001:db8::1:0", .dst = "2001:db8::ffff"),
                                         V4(.src = "10.0.0.1", .dst = "10.0.0.1")};
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(there); i++) {
        struct frame back = there[i];
        struct weir_packet a = parse(data, frame_build(&there[i], data), VERIFY);
        struct weir_packet b;

        back.src = there[i].dst;
        back.dst = there[i].src;
        back.sport = 80;
        back.dport = 40000;
        b = parse(data, frame_build(&back, data), VERIFY);
        cr_assert_neq(a.swapped, b.swapped);
        cr_assert_arr_eq(&a, &b, a.family == 4 ? sizeof(a.key4) : sizeof(a.key6));
    }
}

Test(parse, zone_is_left_out_when_asked)
{
    struct frame frame = V4(TAGS({0x88a8, 7}, {0x8100, 9}));
    uint8_t data[FRAME_MAX];
    struct weir_packet packet = parse(data, frame_build(&frame, data), WEIR_PARSE_NO_ZONE);

    cr_assert_eq(packet.key4.tail.zone_proto, 0x06ffffffU);
}
