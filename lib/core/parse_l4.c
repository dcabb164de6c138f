/* SPDX-License-Identifier: BSD-3-Clause */
/* Transports other than TCP: what of each makes the key, and what of its header is checked. */
#include "core/parse_ip.h"
#include "core/sctp.h"

#define GRE_CHECKSUM 0x8000U /* RFC 2784 2.1 */
#define GRE_ROUTING  0x4000U /* RFC 1701: brings the checksum field too */
#define GRE_KEY      0x2000U /* RFC 2890 2 */
#define GRE_VERSION  0x0007U
#define ICMP_LEN     8U
#define QUOTE_MIN    8U /* octets of transport header that every ICMP error quotes (RFC 792) */

/* What an ICMP message is by its type; all others concern the link, not a flow. */
enum icmp_class { ICMP_NOT_TRACKED, ICMP_QUERY, ICMP_ERROR };

static const uint8_t icmp_classes[256] = {
    [0] = ICMP_QUERY,  [8] = ICMP_QUERY,  /* echo (RFC 792) */
    [13] = ICMP_QUERY, [14] = ICMP_QUERY, /* time stamp (RFC 792) */
    [15] = ICMP_QUERY, [16] = ICMP_QUERY, /* information (RFC 792) */
    [17] = ICMP_QUERY, [18] = ICMP_QUERY, /* address mask (RFC 950) */
    [42] = ICMP_QUERY, [43] = ICMP_QUERY, /* extended echo (RFC 8335) */
    [3] = ICMP_ERROR,                     /* destination unreachable (RFC 792) */
    [4] = ICMP_ERROR,                     /* source quench (RFC 792) */
    [5] = ICMP_ERROR,                     /* redirect (RFC 792) */
    [11] = ICMP_ERROR,                    /* time exceeded (RFC 792) */
    [12] = ICMP_ERROR,                    /* parameter problem (RFC 792) */
};

static const uint8_t icmp6_classes[256] = {
    [128] = ICMP_QUERY, [129] = ICMP_QUERY, /* echo (RFC 4443 4) */
    [160] = ICMP_QUERY, [161] = ICMP_QUERY, /* extended echo (RFC 8335) */
    [1] = ICMP_ERROR,                       /* destination unreachable (RFC 4443 3.1) */
    [2] = ICMP_ERROR,                       /* packet too big (RFC 4443 3.2) */
    [3] = ICMP_ERROR,                       /* time exceeded (RFC 4443 3.3) */
    [4] = ICMP_ERROR,                       /* parameter problem (RFC 4443 3.4) */
};

/* By protocol; where there is no header to read, the flow is the address pair. */
static const struct transport {
    uint8_t kind;       /* enum weir_packet_kind; 0: OTHER, by address pair */
    uint8_t header_len; /* octets that must be there */
    uint8_t cut;        /* the reason when they are not */
} transports[256] = {
    [WEIR_IP_TCP] = {WEIR_KIND_TCP, 20, WEIR_REASON_TCP_HEADER},
    [WEIR_IP_UDP] = {WEIR_KIND_UDP, 8, WEIR_REASON_UDP_HEADER},
    [WEIR_IP_ICMP] = {WEIR_KIND_ICMP, ICMP_LEN, WEIR_REASON_ICMP_HEADER},
    [WEIR_IP_ICMP6] = {WEIR_KIND_ICMP, ICMP_LEN, WEIR_REASON_ICMP_HEADER},
    [WEIR_IP_SCTP] = {WEIR_KIND_SCTP, WEIR_SCTP_HEADER_LEN, WEIR_REASON_SCTP_HEADER},
    [WEIR_IP_GRE] = {WEIR_KIND_OTHER, 4, WEIR_REASON_GRE_HEADER},
};

/* ICMP belongs to IPv4, ICMPv6 to IPv6; crossed over they are protocols like any other. */
static inline bool is_icmp(const struct weir_parse_ip *ip)
{
    return ip->proto == (ip->family == 4 ? WEIR_IP_ICMP : WEIR_IP_ICMP6);
}

static inline uint8_t icmp_class(const struct weir_parse_ip *ip)
{
    uint8_t type = ip->data[ip->l4_off];

    return ip->family == 4 ? icmp_classes[type] : icmp6_classes[type];
}

static enum weir_reason track(const struct weir_parse_ip *ip, enum weir_packet_kind kind,
                              uint16_t sport, uint16_t dport, struct weir_packet *packet)
{
    weir_parse_tracked(ip, kind, sport, dport, packet);
    memset(&packet->seg, 0, sizeof(packet->seg));
    return WEIR_REASON_NONE;
}

/*
 * GRE flows of one address pair are told apart by their key where there is one; it stands in place
 * of both ports. Version 1 (RFC 2637) has a call id there that is another one for each direction.
 */
static enum weir_reason track_gre(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    const uint8_t *gre = ip->data + ip->l4_off;
    uint32_t flags = weir_be16(gre);
    uint32_t key_off = flags & (GRE_CHECKSUM | GRE_ROUTING) ? 8 : 4;
    struct weir_key_tail *tail = ip->family == 4 ? &packet->key4.tail : &packet->key6.tail;

    track(ip, WEIR_KIND_OTHER, 0, 0, packet);
    if (!(flags & GRE_KEY) || (flags & GRE_VERSION) != 0)
        return WEIR_REASON_NONE;
    if (ip->limit - ip->l4_off < key_off + 4)
        return WEIR_REASON_GRE_HEADER;
    memcpy(tail->port, gre + key_off, sizeof(tail->port));
    return WEIR_REASON_NONE;
}

/*
 * The key by what the transport header says. The header is there, or in a quote QUOTE_MIN octets of
 * it. An ICMP query and its reply carry the same identifier (RFC 792): it is the port of both ends.
 */
static enum weir_reason track_flow(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    const uint8_t *l4 = ip->data + ip->l4_off;
    enum weir_packet_kind kind = transports[ip->proto].kind;

    if (kind == WEIR_KIND_TCP || kind == WEIR_KIND_UDP || kind == WEIR_KIND_SCTP)
        return track(ip, kind, weir_load16(l4), weir_load16(l4 + 2), packet);
    if (is_icmp(ip))
        return track(ip, WEIR_KIND_ICMP, weir_load16(l4 + 4), weir_load16(l4 + 4), packet);
    if (ip->proto == WEIR_IP_GRE)
        return track_gre(ip, packet);
    return track(ip, WEIR_KIND_OTHER, 0, 0, packet);
}

/* Find out which flow a quoted packet belongs to; one that quotes no flow's packet is ICMP_QUOTE.
 */
static enum weir_reason read_quote(struct weir_parse_ip *quote, struct weir_packet *packet)
{
    enum weir_reason reason = weir_parse_ip_read(quote);
    uint32_t needed = transports[quote->proto].header_len;

    /* A piece beyond the first has no transport header: it stands for no flow that is known. */
    if (reason == WEIR_REASON_FRAGMENT)
        return track(quote, WEIR_KIND_OTHER, 0, 0, packet);
    if (reason != WEIR_REASON_NONE)
        return WEIR_REASON_ICMP_QUOTE;
    if (quote->limit - quote->l4_off < (needed < QUOTE_MIN ? needed : QUOTE_MIN))
        return WEIR_REASON_ICMP_QUOTE;
    /* Nothing answers an error with an error (RFC 1122 3.2.2, RFC 4443 2.4). */
    if (is_icmp(quote) && icmp_class(quote) != ICMP_QUERY)
        return icmp_class(quote) == ICMP_ERROR ? WEIR_REASON_ICMP_QUOTE : WEIR_REASON_NOT_TRACKED;
    return track_flow(quote, packet) == WEIR_REASON_NONE ? WEIR_REASON_NONE
                                                         : WEIR_REASON_ICMP_QUOTE;
}

/* Does the error say that a packet was too big for some link (RFC 1191 4, RFC 4443 3.2)? */
static bool is_pmtu(const struct weir_parse_ip *ip)
{
    const uint8_t *icmp = ip->data + ip->l4_off;

    return ip->family == 4 ? icmp[0] == 3 && icmp[1] == 4 : icmp[0] == 2;
}

/* An error goes against the direction of the packet that it quotes, from wherever on its way. */
static enum weir_reason read_icmp_error(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    struct weir_parse_ip quote = {
        .data = ip->data,
        .len = ip->limit,
        .how = ip->how & ~(WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM),
        .zone = ip->zone,
        .l3_off = ip->l4_off + ICMP_LEN,
        .family = ip->family,
        .quote = true,
    };
    enum weir_reason reason = read_quote(&quote, packet);

    if (reason != WEIR_REASON_NONE)
        return reason;
    if (quote.proto == WEIR_IP_TCP && quote.fragment_at == 0)
        packet->quote.seq = weir_be32(quote.data + quote.l4_off + 4);
    packet->quote.pmtu = is_pmtu(ip);
    packet->kind = WEIR_KIND_ICMP_ERROR;
    packet->swapped ^= 1;
    packet->ip_len = ip->ip_len;
    packet->l3_off = (uint16_t)ip->l3_off;
    packet->l4_off = (uint16_t)ip->l4_off;
    return WEIR_REASON_NONE;
}

/* ICMP has no pseudo header (RFC 792), ICMPv6 has (RFC 4443 2.3). */
static bool icmp_sum_ok(const struct weir_parse_ip *ip)
{
    uint32_t len = ip->end - ip->l4_off;

    if (ip->family == 6)
        return weir_parse_l4_sum_ok(ip, len);
    if (!(ip->how & WEIR_PARSE_L4_CSUM) || ip->end > ip->limit)
        return true;
    return weir_cksum_fold(weir_cksum_add(ip->data + ip->l4_off, len, 0)) == 0xffffU;
}

static enum weir_reason read_icmp(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    if (!icmp_sum_ok(ip))
        return WEIR_REASON_ICMP_CHECKSUM;
    switch (icmp_class(ip)) {
    case ICMP_QUERY:
        return track_flow(ip, packet);
    case ICMP_ERROR:
        return read_icmp_error(ip, packet);
    default:
        return WEIR_REASON_NOT_TRACKED;
    }
}

/*
 * The length may leave out octets at the end of the packet, and is 0 in a jumbogram (RFC 2675 4). A
 * checksum of 0 is none: IPv4 leaves that to the sender (RFC 768), IPv6 to tunnels, whose ports a
 * box on the way cannot know (RFC 6936 5).
 */
static enum weir_reason read_udp(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    const uint8_t *udp = ip->data + ip->l4_off;
    uint32_t l4_len = ip->end - ip->l4_off;
    uint32_t len = weir_be16(udp + 4);

    if (len == 0 && l4_len > UINT16_MAX)
        len = l4_len;
    if (len < 8 || len > l4_len)
        return WEIR_REASON_UDP_HEADER;
    if (weir_load16(udp + 6) != 0 && !weir_parse_l4_sum_ok(ip, len))
        return WEIR_REASON_UDP_CHECKSUM;
    return track_flow(ip, packet);
}

uint32_t weir_parse_l4_header_min(uint8_t proto)
{
    return transports[proto].header_len;
}

enum weir_reason weir_parse_l4(const struct weir_parse_ip *ip, struct weir_packet *packet)
{
    if (ip->proto == WEIR_IP_NONE)
        return WEIR_REASON_NOT_TRACKED;
    if (ip->limit - ip->l4_off < transports[ip->proto].header_len)
        return (enum weir_reason)transports[ip->proto].cut;
    if (ip->proto == WEIR_IP_UDP)
        return read_udp(ip, packet);
    if (is_icmp(ip))
        return read_icmp(ip, packet);
    if (ip->proto == WEIR_IP_SCTP) {
        track_flow(ip, packet);
        weir_sctp_read(ip->data + ip->l4_off, ip->limit - ip->l4_off, &packet->sctp);
        return WEIR_REASON_NONE;
    }
    return track_flow(ip, packet);
}
