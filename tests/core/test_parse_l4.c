/* SPDX-License-Identifier: BSD-3-Clause */
/* Transports other than TCP, as WEIR_PARSE_ALL reads them. */
#include <arpa/inet.h>

#include "parse_rows.h"

#define ALL (WEIR_PARSE_ALL | VERIFY)

/* clang-format off */
#define BODY(number, bytes) .proto = (number), .body = FRAME_BYTES(bytes)
#define KIND(name)          .kind = WEIR_KIND_##name
#define REASON(name)        .reason = WEIR_REASON_##name
#define PORTS(from, to)     .sport = (from), .dport = (to)

#define UDP(len)            "\x9c\x40\x00\x35\x00" len "\0\0" "12345678" /* 40000 to 53 */
#define ICMP(type)          type "\0\0\0\x12\x34\0\1" "12345678"

/* Packets that went from 10.0.0.2 to 10.0.0.1, or 2001:db8::2 to 2001:db8::1, and are quoted. */
#define ERROR(type)                 type "\1\0\0\0\0\5\xdc"
#define QUOTE4_IP(start, frag, proto) start "\0\5\xdc\0\0" frag "@" proto "\0\0" A4("\2") A4("\1")
#define A4(last)                    "\x0a\0\0" last
#define QUOTE4(proto)               QUOTE4_IP("\x45", "\x40\0", proto)
#define A6(last)                    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last
#define QUOTE6(next)                "\x60\0\0\0\5\xdc" next "\x40" A6("\2") A6("\1")
#define QUOTED_TCP                  "\0\x50\x9c\x40\x11\x22\x33\x44" /* 80 to 40000 */

static const struct row {
    const char *what;
    struct frame frame;
    uint8_t kind;
    uint8_t reason;
    uint16_t sport; /* of the key's end that sent the packet, or would have in a quote's stead */
    uint16_t dport;
    uint8_t proto; /* in the key; 0: the frame's */
    uint32_t seq;
} rows[] = {
    {"UDP", V4(BODY(17, UDP("\x10"))), KIND(UDP), PORTS(40000, 53)},
    {"UDP in a tag", V4(BODY(17, UDP("\x10")), TAGS({0x8100, 7})), KIND(UDP), PORTS(40000, 53)},
    {"UDP over IPv6", V6(BODY(17, UDP("\x10"))), KIND(UDP), PORTS(40000, 53)},
    {"UDP behind options", V6(BODY(17, UDP("\x10")), EXT(60, DST_OPTIONS("\x11"))), KIND(UDP),
     PORTS(40000, 53)},
    {"UDP header of 7 octets", V4(BODY(17, "\1\1\1\1\0\7\0")), REASON(UDP_HEADER)},
    {"UDP length 7", V4(BODY(17, UDP("\x07"))), REASON(UDP_HEADER)},
    {"UDP length 0", V6(BODY(17, UDP("\x00"))), REASON(UDP_HEADER)},
    {"UDP length beyond the packet", V4(BODY(17, UDP("\x11")), .padding = 9), REASON(UDP_HEADER)},
    {"a fragment of UDP", V4(BODY(17, UDP("\x10")), .fragment = 0x2000), KIND(FRAGMENT),
     REASON(FRAGMENT)},

    {"echo", V4(BODY(1, ICMP("\x08"))), KIND(ICMP), PORTS(0x1234, 0x1234)},
    {"echo reply", V4(BODY(1, ICMP("\0"))), KIND(ICMP), PORTS(0x1234, 0x1234)},
    {"time stamp", V4(BODY(1, ICMP("\x0d"))), KIND(ICMP), PORTS(0x1234, 0x1234)},
    {"ICMPv6 echo", V6(BODY(58, ICMP("\x80"))), KIND(ICMP), PORTS(0x1234, 0x1234)},
    {"ICMPv6 echo reply", V6(BODY(58, ICMP("\x81"))), KIND(ICMP), PORTS(0x1234, 0x1234)},
    {"ICMP of 7 octets", V4(BODY(1, "\x08\0\0\0\1\2\3")), REASON(ICMP_HEADER)},
    {"router advertisement, IPv4", V4(BODY(1, ICMP("\x09"))), REASON(NOT_TRACKED)},
    {"listener query", V6(BODY(58, ICMP("\x82")), EXT(0, HOP_BY_HOP("\x3a"))), REASON(NOT_TRACKED)},
    {"neighbour solicitation", V6(BODY(58, ICMP("\x87"))), REASON(NOT_TRACKED)},
    {"redirect, IPv6", V6(BODY(58, ICMP("\x89"))), REASON(NOT_TRACKED)},
    {"listener report", V6(BODY(58, ICMP("\x8f"))), REASON(NOT_TRACKED)},
    {"ICMPv6 over IPv4", V4(BODY(58, ICMP("\x80"))), KIND(OTHER)},
    {"ICMP over IPv6", V6(BODY(1, ICMP("\x08"))), KIND(OTHER)},

    {"unreachable", V4(BODY(1, ERROR("\3") QUOTE4("\6") QUOTED_TCP)), KIND(ICMP_ERROR),
     PORTS(40000, 80), .proto = 6, .seq = 0x11223344},
    {"time exceeded", V4(BODY(1, ERROR("\x0b") QUOTE4("\x11") QUOTED_TCP)), KIND(ICMP_ERROR),
     PORTS(40000, 80), .proto = 17},
    {"quoted header with options", V4(BODY(1, ERROR("\x0c") QUOTE4_IP("\x46", "\0\0", "\6")
     "\x94\4\0\0" QUOTED_TCP)), KIND(ICMP_ERROR), PORTS(40000, 80), .proto = 6, .seq = 0x11223344},
    {"quoted first fragment", V4(BODY(1, ERROR("\3") QUOTE4_IP("\x45", "\x20\0", "\6") QUOTED_TCP)),
     KIND(ICMP_ERROR), PORTS(40000, 80), .proto = 6, .seq = 0x11223344},
    {"quoted later fragment", V4(BODY(1, ERROR("\3") QUOTE4_IP("\x45", "\0\x10", "\6") QUOTED_TCP)),
     KIND(ICMP_ERROR), .proto = 6},
    {"quoted echo", V4(BODY(1, ERROR("\3") QUOTE4("\1") "\x08\0\0\0\x12\x34\0\1")),
     KIND(ICMP_ERROR), PORTS(0x1234, 0x1234), .proto = 1},
    {"quoted SCTP", V4(BODY(1, ERROR("\3") QUOTE4("\x84") QUOTED_TCP)), KIND(ICMP_ERROR),
     PORTS(40000, 80), .proto = 132},
    {"quoted ESP", V4(BODY(1, ERROR("\3") QUOTE4("\x32"))), KIND(ICMP_ERROR), .proto = 50},
    {"quoted GRE key", V4(BODY(1, ERROR("\3") QUOTE4("\x2f") "\x20\0\x08\0\1\2\3\4")),
     KIND(ICMP_ERROR), .proto = 47},
    {"quote of 7 octets of TCP", V4(BODY(1, ERROR("\3") QUOTE4("\6") "\0\x50\x9c\x40\x11\x22\x33")),
     REASON(ICMP_QUOTE)},
    {"quote of half an IP header", V4(BODY(1, ERROR("\3") "\x45\0\5\xdc\0\0")), REASON(ICMP_QUOTE)},
    {"quote of nothing", V4(BODY(1, ERROR("\3"))), REASON(ICMP_QUOTE)},
    {"quote of version 6", V4(BODY(1, ERROR("\3") QUOTE4_IP("\x65", "\0\0", "\6") QUOTED_TCP)),
     REASON(ICMP_QUOTE)},
    {"error about an error", V4(BODY(1, ERROR("\3") QUOTE4("\1") ERROR("\3"))), REASON(ICMP_QUOTE)},
    {"GRE key not quoted", V4(BODY(1, ERROR("\3") QUOTE4("\x2f") "\xa0\0\x08\0\0\0\0\0")),
     REASON(ICMP_QUOTE)},
    {"packet too big", V6(BODY(58, ERROR("\2") QUOTE6("\6") QUOTED_TCP)), KIND(ICMP_ERROR),
     PORTS(40000, 80), .proto = 6, .seq = 0x11223344},
    {"too big, quoted options",
     V6(BODY(58, ERROR("\2") QUOTE6("\x3c") DST_OPTIONS("\x11") QUOTED_TCP)),
     KIND(ICMP_ERROR), PORTS(40000, 80), .proto = 17},
    {"too big, quote cut in the options", V6(BODY(58, ERROR("\2") QUOTE6("\x3c") "\x11\1")),
     REASON(ICMP_QUOTE)},
    {"too big, quoted first fragment",
     V6(BODY(58, ERROR("\2") QUOTE6("\x2c") FRAGMENT("\x11", "\0\1") QUOTED_TCP)),
     KIND(ICMP_ERROR), PORTS(40000, 80), .proto = 17},
    {"too big, about neighbour discovery", V6(BODY(58, ERROR("\2") QUOTE6("\x3a") ICMP("\x87"))),
     REASON(NOT_TRACKED)},
    {"unknown ICMPv6 error", V6(BODY(58, ERROR("\x64") QUOTE6("\6") QUOTED_TCP)),
     REASON(NOT_TRACKED)},

    {"SCTP", V4(BODY(132, "\x0b\x59\x0b\x5a" "12345678")), KIND(SCTP), PORTS(2905, 2906)},
    {"SCTP cut", V6(BODY(132, "\x0b\x59\x0b\x5a" "1234567")), REASON(SCTP_HEADER)},
    {"GRE", V4(BODY(47, "\0\0\x08\0" "....")), KIND(OTHER)},
    {"GRE key", V4(BODY(47, "\x20\0\x08\0\1\2\3\4")), KIND(OTHER)},
    {"GRE checksum and key", V6(BODY(47, "\xa0\0\x08\0\xff\xff\0\0\1\2\3\4")), KIND(OTHER)},
    {"GRE key cut", V4(BODY(47, "\xa0\0\x08\0\xff\xff\0\0\1\2\3")), REASON(GRE_HEADER)},
    {"GRE cut", V4(BODY(47, "\x20\0\x08")), REASON(GRE_HEADER)},
    {"PPTP", V4(BODY(47, "\x30\1\x88\x0b\0\4\1\2\0\0\0\1")), KIND(OTHER)},
    {"ESP", V4(BODY(50, "\0\0\1\0\0\0\0\1" "........")), KIND(OTHER)},
    {"AH over IPv4", V4(BODY(51, "\4\4\0\0\0\0\1\0\0\0\0\1" "........")), KIND(OTHER)},
    {"IPv6 in IPv4", V4(BODY(41, "\x60" "...")), KIND(OTHER)},
    {"nothing behind the header", V4(.proto = 253), KIND(OTHER)},
    {"no next header", V6(.proto = 59), REASON(NOT_TRACKED)},
};
/* clang-format on */

static const struct weir_key_tail *tail_of(const struct weir_packet *packet)
{
    return packet->family == 6 ? &packet->key6.tail : &packet->key4.tail;
}

/* Every frame goes from the lower to the higher end; a quoted packet went the other way. */
static void check_key(const struct row *row, const struct weir_packet *packet)
{
    const struct weir_key_tail *tail = tail_of(packet);
    uint8_t ends[32];

    cr_assert_eq(packet->family, row->frame.family == 6 ? 6 : 4, "%s", row->what);
    cr_assert_eq(packet->swapped, 0, "%s", row->what);
    inet_pton(AF_INET6, "2001:db8::1", ends);
    inet_pton(AF_INET6, "2001:db8::2", ends + 16);
    if (packet->family == 6)
        cr_assert_arr_eq(packet->key6.addr, ends, 32, "%s", row->what);
    else
        cr_assert_arr_eq(packet->key4.addr, "\x0a\0\0\1\x0a\0\0\2", 8, "%s", row->what);
    cr_assert_eq(weir_key_proto(tail), row->proto != 0 ? row->proto : row->frame.proto, "%s",
                 row->what);
    if (weir_key_proto(tail) != 47) { /* GRE keys have a test of their own */
        cr_assert_eq(ntohs(tail->port[0]), row->sport, "%s", row->what);
        cr_assert_eq(ntohs(tail->port[1]), row->dport, "%s", row->what);
    }
}

static void check_row(const struct row *row, unsigned int how)
{
    static const struct weir_segment none;
    uint8_t data[FRAME_MAX];
    uint32_t len = frame_build(&row->frame, data);
    struct weir_packet packet = parse(data, len, how);
    struct weir_segment seg = packet.seg;

    cr_assert_eq(packet.reason, row->reason, "%s: %s", row->what, weir_reason_name(packet.reason));
    cr_assert_eq(packet.kind, row->kind, "%s: %u", row->what, packet.kind);
    if (row->kind == WEIR_KIND_ICMP_ERROR)
        cr_assert_eq(packet.quote.seq, row->seq, "%s", row->what);
    else if (row->kind != WEIR_KIND_SCTP && row->kind != WEIR_KIND_FRAGMENT)
        cr_assert_arr_eq(&seg, &none, sizeof(seg), "%s", row->what);
    if (packet.reason != WEIR_REASON_NONE)
        return;
    cr_assert_eq(packet.l3_off, l3_off_of(&row->frame), "%s", row->what);
    cr_assert_eq(packet.l4_off, l4_off_of(&row->frame), "%s", row->what);
    cr_assert_eq(packet.ip_len, len - packet.l3_off - row->frame.padding, "%s", row->what);
    check_key(row, &packet);
}

Test(parse_l4, each_transport_gives_its_key_or_reason)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_row(&rows[i], WEIR_PARSE_ALL);
        check_row(&rows[i], ALL);
        check_row(&rows[i], ALL | WEIR_PARSE_CUT);
    }
}

Test(parse_l4, without_the_flag_all_but_tcp_passes_untracked)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct weir_packet packet = parse(data, frame_build(&rows[i].frame, data), VERIFY);
        bool fragment = rows[i].frame.fragment != 0;

        cr_assert_eq(packet.reason, fragment ? WEIR_REASON_FRAGMENT : WEIR_REASON_NOT_TRACKED, "%s",
                     rows[i].what);
    }
}

/* Found when it is asked for, and when the frame is whole. */
Test(parse_l4, a_wrong_bit_is_a_wrong_checksum)
{
    static const struct {
        struct frame frame;
        uint8_t reason;
    } sums[] = {
        {V4(BODY(17, UDP("\x10"))), WEIR_REASON_UDP_CHECKSUM},
        {V6(BODY(17, UDP("\x10"))), WEIR_REASON_UDP_CHECKSUM},
        {V4(BODY(1, ICMP("\x08"))), WEIR_REASON_ICMP_CHECKSUM},
        {V6(BODY(58, ICMP("\x80"))), WEIR_REASON_ICMP_CHECKSUM},
        {V6(BODY(58, ERROR("\2") QUOTE6("\6") QUOTED_TCP "more")), WEIR_REASON_ICMP_CHECKSUM},
    };
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(sums); i++) {
        uint32_t len = frame_build(&sums[i].frame, data);

        data[len - 1] ^= 0x10;
        cr_assert_eq(parse(data, len, ALL).reason, sums[i].reason, "%zu", i);
        cr_assert_eq(parse(data, len, WEIR_PARSE_ALL).reason, WEIR_REASON_NONE, "%zu", i);
        cr_assert_eq(parse(data, len - 1, ALL).reason, WEIR_REASON_IP_LENGTH, "%zu", i);
        cr_assert_eq(parse(data, len - 1, ALL | WEIR_PARSE_CUT).reason, WEIR_REASON_NONE, "%zu", i);
    }
}

/* RFC 768; RFC 6936 for tunnels over IPv6. */
Test(parse_l4, udp_without_a_checksum_is_not_refused)
{
    static const struct frame frames[] = {V4(BODY(17, UDP("\x10"))), V6(BODY(17, UDP("\x10")))};
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(frames); i++) {
        uint32_t len = frame_build(&frames[i], data);

        memset(data + l4_off_of(&frames[i]) + 6, 0, 2);
        cr_assert_eq(parse(data, len, ALL).kind, WEIR_KIND_UDP, "%zu", i);
    }
}

/* The length leaves out the last two octets, so they are under no checksum. */
Test(parse_l4, udp_may_be_shorter_than_its_packet)
{
    struct frame frame = V4(BODY(17, UDP("\x0e")));
    uint8_t data[FRAME_MAX];
    uint32_t len = frame_build(&frame, data);

    data[40] = data[41] = 0;
    cr_assert_eq(parse(data, len, ALL).kind, WEIR_KIND_UDP);
}

static struct weir_packet parse_gre(const char *src, const char *dst, struct frame_bytes body)
{
    struct frame frame = {.proto = 47, .src = src, .dst = dst, .body = body};
    uint8_t data[FRAME_MAX];

    return parse(data, frame_build(&frame, data), WEIR_PARSE_ALL);
}

Test(parse_l4, gre_keys_tell_flows_apart_and_are_the_same_both_ways)
{
    struct frame_bytes with_key = FRAME_BYTES("\x20\0\x08\0\1\2\3\4");
    struct frame_bytes with_sum = FRAME_BYTES("\xa0\0\x08\0\xff\xff\0\0\1\2\3\4");
    struct frame_bytes other_key = FRAME_BYTES("\x20\0\x08\0\1\2\3\5");
    struct frame_bytes pptp = FRAME_BYTES("\x20\1\x88\x0b\0\4\1\2");
    struct weir_packet there = parse_gre("10.0.0.1", "10.0.0.2", with_key);
    struct weir_packet back = parse_gre("10.0.0.2", "10.0.0.1", with_sum);
    struct weir_packet other = parse_gre("10.0.0.1", "10.0.0.2", other_key);
    struct weir_packet call = parse_gre("10.0.0.1", "10.0.0.2", pptp);

    cr_assert_arr_eq(&there.key4, &back.key4, sizeof(there.key4));
    cr_assert_neq(there.swapped, back.swapped);
    cr_assert_arr_eq(there.key4.tail.port, "\1\2\3\4", 4);
    cr_assert_arr_eq(other.key4.tail.port, "\1\2\3\5", 4);
    cr_assert_arr_eq(call.key4.tail.port, "\0\0\0\0", 4);
}

/* What an error answers has the same key as the error, and goes the other way. */
Test(parse_l4, an_error_has_the_key_of_the_packet_it_answers)
{
    static const struct frame errors[] = {V4(BODY(1, ERROR("\3") QUOTE4("\6") QUOTED_TCP)),
                                          V6(BODY(58, ERROR("\2") QUOTE6("\6") QUOTED_TCP))};
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(errors); i++) {
        struct frame quoted = {
            .family = errors[i].family,
            .src = i == 0 ? "10.0.0.2" : "2001:db8::2",
            .dst = i == 0 ? "10.0.0.1" : "2001:db8::1",
            .sport = 80,
            .dport = 40000,
        };
        struct frame from_router = errors[i];
        struct weir_packet a = parse(data, frame_build(&quoted, data), ALL);
        struct weir_packet b;

        from_router.src = i == 0 ? "192.0.2.1" : "fe80::1";
        b = parse(data, frame_build(&from_router, data), ALL);
        cr_assert_arr_eq(&a, &b, i == 0 ? sizeof(a.key4) : sizeof(a.key6));
        cr_assert_neq(a.swapped, b.swapped);
    }
}

Test(parse_l4, every_prefix_is_refused_and_every_wrong_bit_gives_a_whole_answer)
{
    uint8_t data[FRAME_MAX];

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t len = frame_build(&rows[i].frame, data);

        for (uint32_t cut = 0; cut + rows[i].frame.padding < len; cut++) {
            cr_assert_eq(parse(data, cut, ALL).kind, WEIR_KIND_UNTRACKED, "%s", rows[i].what);
            parse(data, cut, ALL | WEIR_PARSE_CUT);
        }
        for (uint32_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            for (unsigned int how = WEIR_PARSE_ALL; how < WEIR_PARSE_ALL * 2; how++)
                parse(data, len, how);
            data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}
