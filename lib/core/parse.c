/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IPv4, IPv6 and TCP; the other transports are in parse_l4.c. */
#include "core/parse.h"

#include "core/parse_ip.h"

#define ETHERNET_LEN 14U
#define TAG_LEN      4U
#define TAGS_MAX     2U
#define NO_ZONE      (WEIR_VLAN_NONE << 12 | WEIR_VLAN_NONE)

#define IP4_LEN_MIN   20U
#define IP6_LEN       40U
#define EXTENSIONS    8U /* a chain of more has no honest use */
#define JUMBO_LEN_MAX 0x7fffffffU

#define TCP_LEN_MIN 20U

enum ether_type {
    ETHER_IP4 = 0x0800,
    ETHER_TAG = 0x8100,         /* IEEE 802.1Q */
    ETHER_SERVICE_TAG = 0x88a8, /* IEEE 802.1ad */
    ETHER_OLD_TAG = 0x9100,     /* QinQ before 802.1ad */
    ETHER_IP6 = 0x86dd,
};

enum tcp_option { TCP_WINDOW_SCALE = 3, TCP_SACK = 5, TCP_TIME_STAMPS = 8 };
enum ip4_option { IP4_LOOSE_ROUTE = 131, IP4_STRICT_ROUTE = 137 };
enum ip6_option { IP6_HOME_ADDRESS = 0xc9, IP6_JUMBO = 0xc2 };

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
static enum weir_reason read_tags(struct weir_parse_ip *ip, uint16_t *type)
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
static inline enum weir_reason set_end(struct weir_parse_ip *ip, uint32_t ip_len)
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

static inline enum weir_reason read_ip4(struct weir_parse_ip *ip)
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
    if (weir_be16(header + 6) & (ip->quote ? 0x1fffU : 0x3fffU))
        return WEIR_REASON_FRAGMENT;
    return WEIR_REASON_NONE;
}

/* The data of an IPv6 option with that length in an extension header (RFC 8200 4.2), or NULL. */
static const uint8_t *ip6_option(const uint8_t *extension, uint32_t extension_len, uint8_t type,
                                 uint8_t len)
{
    for (uint32_t at = 2; extension_len - at >= 2;) {
        if (extension[at] == 0) { /* Pad1 */
            at++;
            continue;
        }
        if (extension_len - at - 2 < extension[at + 1])
            return NULL;
        if (extension[at] == type && extension[at + 1] == len)
            return extension + at + 2;
        at += 2U + extension[at + 1];
    }
    return NULL;
}

/* How long an IPv6 extension header is: fixed plus its second octet times unit; 0 if it is none. */
static const struct {
    uint8_t fixed;
    uint8_t unit;
} extensions[256] = {
    [WEIR_IP_HOP_BY_HOP] = {8, 8},  /* RFC 8200 4.3 */
    [WEIR_IP_ROUTING] = {8, 8},     /* RFC 8200 4.4 */
    [WEIR_IP_FRAGMENT] = {8, 0},    /* RFC 8200 4.5 */
    [WEIR_IP_AH] = {8, 4},          /* RFC 4302 2.2 */
    [WEIR_IP_DST_OPTIONS] = {8, 8}, /* RFC 8200 4.6 */
    [WEIR_IP_MOBILITY] = {8, 8},    /* RFC 6275 6.1.1 */
};

/*
 * What one extension header says beyond its length. An atomic fragment, offset 0 and no more to
 * come, is a whole packet (RFC 6946). A route or home address that is still to be put in place is
 * what the pseudo header counts instead of the IP header's (RFC 8200 8.1, RFC 6275 11.3.1).
 */
static enum weir_reason note_extension(struct weir_parse_ip *ip, const uint8_t *extension,
                                       uint32_t extension_len)
{
    if (ip->proto == WEIR_IP_FRAGMENT &&
        (weir_be16(extension + 2) & (ip->quote ? 0xfff8U : 0xfff9U)) != 0)
        return WEIR_REASON_FRAGMENT;
    if (ip->proto == WEIR_IP_ROUTING && extension[3] != 0)
        ip->rerouted = true;
    if (ip->proto == WEIR_IP_DST_OPTIONS &&
        ip6_option(extension, extension_len, IP6_HOME_ADDRESS, 16) != NULL)
        ip->rerouted = true;
    return WEIR_REASON_NONE;
}

static enum weir_reason read_extensions(struct weir_parse_ip *ip)
{
    for (unsigned int count = 0; extensions[ip->proto].fixed != 0; count++) {
        const uint8_t *extension = ip->data + ip->l4_off;
        uint32_t left = ip->limit - ip->l4_off;
        uint32_t extension_len;
        enum weir_reason reason;

        /* Hop-by-hop options stand first or nowhere (RFC 8200 4.1). */
        if (count == EXTENSIONS || (ip->proto == WEIR_IP_HOP_BY_HOP && count > 0) || left < 8)
            return WEIR_REASON_IP6_EXTENSION;
        extension_len =
            extensions[ip->proto].fixed + (uint32_t)extension[1] * extensions[ip->proto].unit;
        if (extension_len > left)
            return WEIR_REASON_IP6_EXTENSION;
        reason = note_extension(ip, extension, extension_len);
        ip->l4_off += extension_len;
        ip->proto = extension[0];
        if (reason != WEIR_REASON_NONE)
            return reason;
    }
    return WEIR_REASON_NONE;
}

/* The length of a jumbogram, which has 0 in its header (RFC 2675 2), or 0 when it does not check
 * out. */
static uint32_t ip6_jumbo_len(const uint8_t *header, uint32_t left)
{
    const uint8_t *hop_by_hop = header + IP6_LEN;
    const uint8_t *jumbo;
    uint32_t len;

    if (left < IP6_LEN + 8 || left - IP6_LEN < 8U + hop_by_hop[1] * 8U)
        return 0;
    jumbo = ip6_option(hop_by_hop, 8U + hop_by_hop[1] * 8U, IP6_JUMBO, 4);
    if (jumbo == NULL)
        return 0;
    len = weir_be32(jumbo);
    return len > UINT16_MAX && len < JUMBO_LEN_MAX ? IP6_LEN + len : 0;
}

static enum weir_reason read_ip6(struct weir_parse_ip *ip)
{
    const uint8_t *header = ip->data + ip->l3_off;
    uint32_t left = ip->len - ip->l3_off;
    uint32_t ip_len;
    enum weir_reason reason;

    if (left < IP6_LEN || header[0] >> 4 != 6)
        return WEIR_REASON_IP_HEADER;
    ip_len = IP6_LEN + weir_be16(header + 4);
    ip->proto = header[6];
    if (ip_len == IP6_LEN && ip->proto == WEIR_IP_HOP_BY_HOP && !ip->quote) {
        ip_len = ip6_jumbo_len(header, left);
        if (ip_len == 0)
            return WEIR_REASON_IP_LENGTH;
    }
    reason = set_end(ip, ip_len);
    if (reason != WEIR_REASON_NONE)
        return reason;
    ip->l4_off = ip->l3_off + IP6_LEN;
    return read_extensions(ip);
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

static inline void read_segment(const uint8_t *tcp, uint32_t header_len, uint32_t l4_len,
                                struct weir_segment *seg)
{
    *seg = (struct weir_segment){
        .seq = weir_be32(tcp + 4),
        .ack = weir_be32(tcp + 8),
        .len = l4_len - header_len,
        .win = weir_be16(tcp + 14),
        .flags = tcp[13] & FLAGS_MASK,
    };
    if (header_len == TCP_LEN_MIN)
        return;
    /* Nearly every segment: two times padding, then time stamps (RFC 7323 appendix A). */
    if (header_len == TCP_LEN_MIN + 12 && weir_be32(tcp + TCP_LEN_MIN) == 0x0101080aU)
        read_time_stamps(tcp + TCP_LEN_MIN + 2, seg);
    else
        read_tcp_options(tcp + TCP_LEN_MIN, tcp + header_len, seg);
}

static inline enum weir_reason read_tcp(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    const uint8_t *tcp = ip->data + ip->l4_off;
    uint32_t l4_len = ip->end - ip->l4_off;
    uint32_t left = ip->limit - ip->l4_off;
    uint32_t header_len;
    uint32_t ports;

    if (left < TCP_LEN_MIN)
        return WEIR_REASON_TCP_HEADER;
    header_len = (tcp[12] >> 4) * 4U;
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

static enum weir_reason read_frame(struct weir_parse_ip *ip, struct weir_packet *packet)
{
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
    reason = weir_parse_ip_read(ip);
    if (reason != WEIR_REASON_NONE)
        return reason;
    if (ip->proto == WEIR_IP_TCP)
        return read_tcp(ip, packet);
    return ip->how & WEIR_PARSE_ALL ? weir_parse_l4(ip, packet) : WEIR_REASON_NOT_TRACKED;
}

static void leave_untracked(const struct weir_parse_ip *ip, enum weir_reason reason,
                            struct weir_packet *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->kind = WEIR_KIND_UNTRACKED;
    packet->reason = (uint8_t)reason;
    packet->ip_len = ip->ip_len;
    packet->l3_off = ip->family == 0 ? 0 : (uint16_t)ip->l3_off;
    packet->l4_off = (uint16_t)ip->l4_off;
}

static void __attribute__((noinline))
parse_any(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet)
{
    struct weir_parse_ip ip = {.data = data, .len = len, .how = how, .zone = NO_ZONE};
    enum weir_reason reason = read_frame(&ip, packet);

    if (reason != WEIR_REASON_NONE)
        leave_untracked(&ip, reason, packet);
}

/*
 * Most frames: no tag, IPv4 without options, whole, TCP. Two comparisons tell; what they cannot
 * tell goes the long way, which has the checks one by one.
 */
static inline bool is_plain_tcp4(const uint8_t *data, uint32_t len)
{
    const uint8_t *header = data + ETHERNET_LEN;

    if (len < ETHERNET_LEN + IP4_LEN_MIN + TCP_LEN_MIN)
        return false;
    /* Type, version and header length; fragment bits and protocol. */
    if (((weir_be32(data + 12) ^ (ETHER_IP4 << 16 | 0x4500U)) & 0xffffff00U) |
        ((weir_be32(header + 6) ^ WEIR_IP_TCP) & 0x3fff00ffU))
        return false;
    return weir_be16(header + 2) - IP4_LEN_MIN - TCP_LEN_MIN <=
           len - ETHERNET_LEN - IP4_LEN_MIN - TCP_LEN_MIN;
}

/* The checks that are left, on constants; how is one too where nothing is to be verified. */
static inline void parse_plain(const uint8_t *data, uint32_t len, unsigned int how,
                               struct weir_packet *packet)
{
    uint32_t ip_len = weir_be16(data + ETHERNET_LEN + 2);
    struct weir_parse_ip ip = {
        .data = data,
        .len = len,
        .how = how,
        .zone = NO_ZONE,
        .l3_off = ETHERNET_LEN,
        .l4_off = ETHERNET_LEN + IP4_LEN_MIN,
        .ip_len = ip_len,
        .end = ETHERNET_LEN + ip_len,
        .limit = ETHERNET_LEN + ip_len,
        .family = 4,
        .proto = WEIR_IP_TCP,
    };
    enum weir_reason reason = WEIR_REASON_IP_CHECKSUM;

    if (!(how & WEIR_PARSE_IP_CSUM) || weir_cksum_ip4_ok(data + ETHERNET_LEN, IP4_LEN_MIN))
        reason = read_tcp(&ip, packet);
    if (__builtin_expect(reason != WEIR_REASON_NONE, 0))
        leave_untracked(&ip, reason, packet);
}

static void __attribute__((noinline))
parse_plain_verify(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet)
{
    parse_plain(data, len, how, packet);
}

void weir_parse(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet)
{
    if (!is_plain_tcp4(data, len))
        parse_any(data, len, how, packet);
    else if (how & (WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM))
        parse_plain_verify(data, len, how, packet);
    else
        parse_plain(data, len, 0, packet);
}
