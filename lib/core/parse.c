/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IPv4, IPv6, TCP; parse_ip6.c has extension headers, parse_l4.c other transports. */
#include "core/parse.h"

#include "core/parse_ip.h"
#include "core/parse_quick.h"

#define ETHERNET_LEN 14U
#define TAG_LEN      4U
#define TAGS_MAX     2U
#define NO_ZONE      (WEIR_VLAN_NONE << 12 | WEIR_VLAN_NONE)

#define IP4_LEN_MIN 20U

#define TCP_LEN_MIN 20U

#define WIRE32(constant) __builtin_bswap32(constant) /* to compare with what weir_load32 gives */

/*
 * The steps on the way of a TCP packet are inlined, and struct weir_parse_ip goes to the others as
 * a copy: so it lives in registers.
 */
#define INLINE inline __attribute__((always_inline))

enum ether_type {
    ETHER_IP4 = 0x0800,
    ETHER_TAG = 0x8100,         /* IEEE 802.1Q */
    ETHER_SERVICE_TAG = 0x88a8, /* IEEE 802.1ad */
    ETHER_OLD_TAG = 0x9100,     /* QinQ before 802.1ad */
    ETHER_IP6 = 0x86dd,
};

enum tcp_option { TCP_WINDOW_SCALE = 3, TCP_SACK = 5, TCP_TIME_STAMPS = 8 };
enum ip4_option { IP4_LOOSE_ROUTE = 131, IP4_STRICT_ROUTE = 137 };

/*
 * The flags that an endpoint may send together, one bit a combination (RFC 9293 3.10.7): one of
 * SYN, ACK, RST; FIN only in a synchronised state, so with ACK and never with SYN or RST. PSH and
 * URG say something about data, which a SYN may carry (RFC 9293 3.9.1, RFC 7413), a RST without ACK
 * not.
 */
#define FLAGS(flags) (UINT64_C(1) << (flags))
#define FLAGS_WITH_DATA(flags)                                                                     \
    (FLAGS(flags) | FLAGS((flags) | WEIR_TCP_PSH) | FLAGS((flags) | WEIR_TCP_URG) |                \
     FLAGS((flags) | WEIR_TCP_PSH | WEIR_TCP_URG))
#define FLAGS_LEGAL                                                                                \
    (FLAGS(WEIR_TCP_RST) | FLAGS_WITH_DATA(WEIR_TCP_SYN) |                                         \
     FLAGS_WITH_DATA(WEIR_TCP_SYN | WEIR_TCP_ACK) | FLAGS_WITH_DATA(WEIR_TCP_RST | WEIR_TCP_ACK) | \
     FLAGS_WITH_DATA(WEIR_TCP_ACK) | FLAGS_WITH_DATA(WEIR_TCP_FIN | WEIR_TCP_ACK))

/* The six flags of RFC 9293; ECE and CWR stand above them. */
#define FLAGS_MASK 0x3fU

static inline bool is_tag(uint16_t type)
{
    return type == ETHER_TAG || type == ETHER_SERVICE_TAG || type == ETHER_OLD_TAG;
}

/*
 * Walk the VLAN tags; *type is the type behind them. An id of 0 is a priority without a VLAN
 * (IEEE 802.1Q 9.6), so it does not make another zone.
 */
static INLINE enum weir_reason read_tags(struct weir_parse_ip *ip, uint16_t *type)
{
    unsigned int id[TAGS_MAX] = {WEIR_VLAN_NONE, WEIR_VLAN_NONE};
    unsigned int ids = 0;

    for (unsigned int tags = 0; is_tag(*type); tags++) {
        unsigned int vlan;

        if (tags == TAGS_MAX)
            return WEIR_REASON_VLAN_DEPTH;
        if (ip->len - ip->l3_off < TAG_LEN)
            return WEIR_REASON_FRAME_SHORT;
        vlan = weir_be16(ip->data + ip->l3_off) & 0xfffU;
        if (vlan != 0)
            id[ids++] = vlan;
        *type = weir_be16(ip->data + ip->l3_off + 2);
        ip->l3_off += TAG_LEN;
    }
    if (!(ip->how & WEIR_PARSE_NO_ZONE))
        ip->zone = id[0] << 12 | id[1];
    return WEIR_REASON_NONE;
}

/* Set end and limit by a length that the IP header gave; link-layer padding stays outside. */
static INLINE enum weir_reason set_end(struct weir_parse_ip *ip, uint32_t ip_len)
{
    if (ip->quote) {
        ip->end = ip->limit = ip->len;
        return WEIR_REASON_NONE;
    }
    if (ip_len > ip->len - ip->l3_off && !(ip->how & WEIR_PARSE_CUT))
        return WEIR_REASON_IP_LENGTH;
    ip->ip_len = ip_len;
    ip->end = ip->l3_off + ip_len;
    ip->limit = ip->end < ip->len ? ip->end : ip->len;
    return WEIR_REASON_NONE;
}

/*
 * The next of a list of options as TCP and IPv4 have them (RFC 9293 3.1, RFC 791 3.1): kind 0 ends
 * it, 1 is one octet of padding, the others have their length behind the kind. NULL at the end and
 * where the list goes wrong.
 */
static inline const uint8_t *next_option(const uint8_t **list, const uint8_t *end)
{
    const uint8_t *option = *list;

    while (option < end && *option == 1)
        option++;
    if (end - option < 2 || option[0] == 0 || option[1] < 2 || option[1] > end - option)
        return NULL;
    *list = option + option[1];
    return option;
}

/* Does a source route still lead elsewhere than the header's destination (RFC 791 3.1)? */
static bool ip4_source_routed(const uint8_t *list, const uint8_t *end)
{
    const uint8_t *option;

    while ((option = next_option(&list, end)) != NULL)
        if ((option[0] == IP4_LOOSE_ROUTE || option[0] == IP4_STRICT_ROUTE) && option[1] >= 3 &&
            option[2] <= option[1])
            return true;
    return false;
}

static INLINE enum weir_reason read_ip4(struct weir_parse_ip *ip)
{
    const uint8_t *header = ip->data + ip->l3_off;
    uint32_t left = ip->len - ip->l3_off;
    uint32_t header_len;
    uint32_t ip_len;
    enum weir_reason reason;

    if (left < IP4_LEN_MIN || header[0] >> 4 != 4)
        return WEIR_REASON_IP_HEADER;
    header_len = (header[0] & 0xfU) * 4;
    ip_len = weir_be16(header + 2);
    if (header_len < IP4_LEN_MIN || header_len > left)
        return WEIR_REASON_IP_HEADER;
    if (ip_len < header_len && !ip->quote)
        return ip_len == 0 ? WEIR_REASON_IP_LENGTH : WEIR_REASON_IP_HEADER;
    reason = set_end(ip, ip_len);
    if (reason != WEIR_REASON_NONE)
        return reason;
    if ((ip->how & WEIR_PARSE_IP_CSUM) && !weir_cksum_ip4_ok(header, header_len))
        return WEIR_REASON_IP_CHECKSUM;
    ip->l4_off = ip->l3_off + header_len;
    ip->proto = header[9];
    if (header_len > IP4_LEN_MIN)
        ip->rerouted = ip4_source_routed(header + IP4_LEN_MIN, header + header_len);
    /* Offset and more-fragments; a quote needs the transport header only, which is in the first. */
    if (weir_be16(header + 6) & (ip->quote ? 0x1fffU : 0x3fffU)) {
        ip->fragment_id = weir_load16(header + 4);
        ip->fragment_at = weir_be16(header + 6);
        return WEIR_REASON_FRAGMENT;
    }
    return WEIR_REASON_NONE;
}

static INLINE bool is_extension(uint8_t proto)
{
    const uint64_t below_64 = UINT64_C(1) << WEIR_IP_HOP_BY_HOP | UINT64_C(1) << WEIR_IP_ROUTING |
                              UINT64_C(1) << WEIR_IP_FRAGMENT | UINT64_C(1) << WEIR_IP_AH |
                              UINT64_C(1) << WEIR_IP_DST_OPTIONS;

    return proto < 64 ? below_64 >> proto & 1 : proto == WEIR_IP_MOBILITY;
}

static INLINE enum weir_reason read_ip6(struct weir_parse_ip *ip)
{
    const uint8_t *header = ip->data + ip->l3_off;
    uint32_t left = ip->len - ip->l3_off;
    struct weir_parse_ip copy;
    uint32_t ip_len;
    enum weir_reason reason;

    if (left < WEIR_IP6_LEN || header[0] >> 4 != 6)
        return WEIR_REASON_IP_HEADER;
    ip_len = WEIR_IP6_LEN + weir_be16(header + 4);
    ip->proto = header[6];
    if (ip_len == WEIR_IP6_LEN && ip->proto == WEIR_IP_HOP_BY_HOP && !ip->quote) {
        ip_len = weir_parse_ip6_jumbo_len(header, left);
        if (ip_len == 0)
            return WEIR_REASON_IP_LENGTH;
    }
    reason = set_end(ip, ip_len);
    if (reason != WEIR_REASON_NONE)
        return reason;
    ip->l4_off = ip->l3_off + WEIR_IP6_LEN;
    if (!is_extension(ip->proto))
        return WEIR_REASON_NONE;
    copy = *ip;
    reason = weir_parse_ip6_extensions(&copy);
    *ip = copy;
    return reason;
}

enum weir_reason weir_parse_ip_read(struct weir_parse_ip *ip)
{
    return ip->family == 4 ? read_ip4(ip) : read_ip6(ip);
}

static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* The highest right edge; blocks that cannot be (RFC 2018 3) are passed over. */
static void read_sack(const uint8_t *option, struct weir_segment *seg)
{
    if ((option[1] - 2) % 8 != 0)
        return;
    for (unsigned int at = 2; at < option[1]; at += 8) {
        uint32_t left = weir_be32(option + at);
        uint32_t right = weir_be32(option + at + 4);

        if (!seq_before(left, right))
            continue;
        if (!(seg->opts & WEIR_SEG_SACK) || seq_before(seg->sack_high, right))
            seg->sack_high = right;
        seg->opts |= WEIR_SEG_SACK;
    }
}

static void read_time_stamps(const uint8_t *option, struct weir_segment *seg)
{
    seg->tsval = weir_be32(option + 2);
    seg->tsecr = weir_be32(option + 6);
    seg->opts |= WEIR_SEG_TS;
}

static void read_window_scale(const uint8_t *option, struct weir_segment *seg)
{
    if (!(seg->flags & WEIR_TCP_SYN))
        return;
    seg->wscale = option[2] < 14 ? option[2] : 14; /* RFC 7323 2.3 */
    seg->opts |= WEIR_SEG_WS;
}

static void __attribute__((noinline))
read_tcp_options(const uint8_t *list, const uint8_t *end, struct weir_segment *seg)
{
    const uint8_t *option;

    while ((option = next_option(&list, end)) != NULL) {
        if (option[0] == TCP_TIME_STAMPS && option[1] == 10)
            read_time_stamps(option, seg);
        else if (option[0] == TCP_SACK)
            read_sack(option, seg);
        else if (option[0] == TCP_WINDOW_SCALE && option[1] == 3)
            read_window_scale(option, seg);
    }
}

static INLINE void read_options(const uint8_t *list, uint32_t len, struct weir_segment *seg)
{
    if (len == 0)
        return;
    /* Nearly every segment: two times padding, then time stamps (RFC 7323 appendix A). */
    if (len == 12 && weir_load32(list) == WIRE32(0x0101080aU))
        read_time_stamps(list + 2, seg);
    else
        read_tcp_options(list, list + len, seg);
}

static INLINE void read_segment(const uint8_t *tcp, uint32_t header_len, uint32_t l4_len,
                                struct weir_segment *seg)
{
    *seg = (struct weir_segment){
        .seq = weir_be32(tcp + 4),
        .ack = weir_be32(tcp + 8),
        .len = l4_len - header_len,
        .win = weir_be16(tcp + 14),
        .flags = tcp[13] & FLAGS_MASK,
    };
    read_options(tcp + TCP_LEN_MIN, header_len - TCP_LEN_MIN, seg);
}

static INLINE enum weir_reason read_tcp(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    const uint8_t *tcp = ip->data + ip->l4_off;
    uint32_t l4_len = ip->end - ip->l4_off;
    uint32_t left = ip->limit - ip->l4_off;
    uint32_t header_len;
    uint32_t ports;

    if (left < TCP_LEN_MIN)
        return WEIR_REASON_TCP_HEADER;
    header_len = tcp[12] >> 2 & 0x3cU; /* data offset, in words */
    if (header_len < TCP_LEN_MIN || header_len > left)
        return WEIR_REASON_TCP_HEADER;
    if (!weir_parse_l4_sum_ok(ip, l4_len))
        return WEIR_REASON_TCP_CHECKSUM;
    if (!(FLAGS_LEGAL >> (tcp[13] & FLAGS_MASK) & 1))
        return WEIR_REASON_TCP_FLAGS;
    ports = weir_load32(tcp);
    weir_parse_tracked(ip, WEIR_KIND_TCP, (uint16_t)ports, (uint16_t)(ports >> 16), packet);
    read_segment(tcp, header_len, l4_len, &packet->seg);
    return WEIR_REASON_NONE;
}

static INLINE enum weir_reason read_frame(struct weir_parse_ip *ip, struct weir_packet *packet)
{
    struct weir_parse_ip copy;
    enum weir_reason reason;
    uint16_t type;

    if (ip->len < ETHERNET_LEN)
        return WEIR_REASON_FRAME_SHORT;
    type = weir_be16(ip->data + 12);
    ip->l3_off = ETHERNET_LEN;
    reason = read_tags(ip, &type);
    if (reason != WEIR_REASON_NONE)
        return reason;
    if (type != ETHER_IP4 && type != ETHER_IP6)
        return WEIR_REASON_NOT_IP;
    ip->family = type == ETHER_IP4 ? 4 : 6;
    reason = ip->family == 4 ? read_ip4(ip) : read_ip6(ip);
    if (reason != WEIR_REASON_NONE)
        return reason;
    if (ip->proto == WEIR_IP_TCP)
        return read_tcp(ip, packet);
    if (!(ip->how & WEIR_PARSE_ALL))
        return WEIR_REASON_NOT_TRACKED;
    copy = *ip;
    return weir_parse_l4(&copy, packet);
}

static INLINE void leave_untracked(const struct weir_parse_ip *ip, enum weir_reason reason,
                                   struct weir_packet *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->kind = WEIR_KIND_UNTRACKED;
    packet->reason = (uint8_t)reason;
    packet->ip_len = ip->ip_len;
    packet->l3_off = ip->family == 0 ? 0 : (uint16_t)ip->l3_off;
    packet->l4_off = (uint16_t)ip->l4_off;
}

/*
 * Must the first piece of a datagram be told from its transport header, and is not all of that in
 * it? IPv6 demands the whole chain of headers (RFC 7112 5).
 */
static bool is_tiny(struct weir_parse_ip ip)
{
    const uint8_t *tcp;
    uint32_t len;

    if (ip.family == 6 && weir_parse_ip6_extensions(&ip) != WEIR_REASON_NONE)
        return true;
    len = ip.end - ip.l4_off;
    if (len < weir_parse_l4_header_min(ip.proto))
        return true;
    tcp = ip.data + ip.l4_off;
    return ip.proto == WEIR_IP_TCP && ip.limit - ip.l4_off >= TCP_LEN_MIN &&
           (tcp[12] >> 2 & 0x3cU) > len;
}

/* A piece of a datagram: its facts, and its address pair as the key. IPv6 pieces need not agree on
 * the protocol that follows (RFC 8200 4.5). */
static void __attribute__((noinline))
leave_fragment(struct weir_parse_ip ip, struct weir_packet *packet)
{
    uint32_t offset = (ip.fragment_at & 0x1fffU) * 8;
    bool tiny = offset == 0 && is_tiny(ip);

    if (ip.family == 6)
        ip.proto = 0;
    memset(packet, 0, sizeof(*packet));
    weir_parse_tracked(&ip, WEIR_KIND_FRAGMENT, 0, 0, packet);
    packet->reason = WEIR_REASON_FRAGMENT;
    packet->fragment = (struct weir_fragment_facts){
        .id = ip.fragment_id,
        .offset = offset,
        .len = ip.end - ip.l4_off,
        .more = (ip.fragment_at & 0x2000U) != 0,
        .tiny = tiny,
    };
}

void __attribute__((noinline))
weir_parse_long(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet)
{
    struct weir_parse_ip ip = {.data = data, .len = len, .how = how, .zone = NO_ZONE};
    enum weir_reason reason = read_frame(&ip, packet);

    if (reason == WEIR_REASON_FRAGMENT)
        leave_fragment(ip, packet);
    else if (reason != WEIR_REASON_NONE)
        leave_untracked(&ip, reason, packet);
}

#if defined(__SSE4_1__) && !defined(WEIR_PLAIN_C)
/* Are the sums right that are to be verified? */
static void __attribute__((noinline))
quick_verify(const uint8_t *data, unsigned int how, struct weir_packet *packet)
{
    struct weir_parse_ip ip = {
        .data = data,
        .how = how,
        .l3_off = packet->l3_off,
        .ip_len = packet->ip_len,
        .limit = packet->l3_off + packet->ip_len,
        .family = packet->family,
        .proto = WEIR_IP_TCP,
    };

    if (ip.family == 4 && (how & WEIR_PARSE_IP_CSUM) &&
        !weir_cksum_ip4_ok(data + ip.l3_off, IP4_LEN_MIN)) {
        leave_untracked(&ip, WEIR_REASON_IP_CHECKSUM, packet);
        return;
    }
    ip.l4_off = packet->l4_off;
    if (!weir_parse_l4_sum_ok(&ip, ip.limit - ip.l4_off))
        leave_untracked(&ip, WEIR_REASON_TCP_CHECKSUM, packet);
}

static INLINE bool parse_quick(const uint8_t *data, uint32_t len, unsigned int how,
                               unsigned int family, struct weir_packet *packet)
{
    uint32_t options;

    if (!weir_quick_tcp(data, len, family, FLAGS_LEGAL, packet, &options))
        return false;
    read_options(data + packet->l4_off + TCP_LEN_MIN, options, &packet->seg);
    if (how & (WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM))
        quick_verify(data, how, packet);
    return true;
}
#else
static INLINE bool parse_quick(const uint8_t *data, uint32_t len, unsigned int how,
                               unsigned int family, struct weir_packet *packet)
{
    (void)data, (void)len, (void)how, (void)family, (void)packet;
    return false;
}
#endif

void weir_parse(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet)
{
    if (!parse_quick(data, len, how, 4, packet) && !parse_quick(data, len, how, 6, packet))
        weir_parse_long(data, len, how, packet);
}
