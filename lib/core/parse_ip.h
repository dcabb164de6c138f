/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parse*.c files share; nobody else includes this. */
#ifndef WEIR_CORE_PARSE_IP_H
#define WEIR_CORE_PARSE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/cksum.h"
#include "core/packet.h"
#include "core/parse.h"
#include "core/reason.h"

#define WEIR_IP6_LEN 40U

/* Protocol numbers (IANA), IPv6 extension headers included. */
enum weir_ip_proto {
    WEIR_IP_HOP_BY_HOP = 0,
    WEIR_IP_ICMP = 1,
    WEIR_IP_TCP = 6,
    WEIR_IP_UDP = 17,
    WEIR_IP_ROUTING = 43,
    WEIR_IP_FRAGMENT = 44,
    WEIR_IP_GRE = 47,
    WEIR_IP_AH = 51,
    WEIR_IP_ICMP6 = 58,
    WEIR_IP_NONE = 59,
    WEIR_IP_DST_OPTIONS = 60,
    WEIR_IP_SCTP = 132,
    WEIR_IP_MOBILITY = 135,
};

/* Where parsing stands: the frame, and the IP packet as far as it has been read. */
struct weir_parse_ip {
    const uint8_t *data; /* the frame */
    uint32_t len;        /* octets at data */
    unsigned int how;    /* WEIR_PARSE_* */
    uint32_t zone;       /* outer VLAN id << 12 | inner VLAN id */
    uint32_t l3_off;     /* octets from data to the IP header */
    uint32_t l4_off;     /* octets from data to the transport header */
    uint32_t ip_len;     /* as the IP header says; 0 until that has been checked */
    uint32_t end;   /* octets from data to the end of the IP packet; > len where the frame is cut */
    uint32_t limit; /* the lower of end and len: nothing beyond is read */
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* of the transport header */
    bool quote; /* inside an ICMP error: cut anywhere, its lengths and sums not to be believed */
    uint32_t fragment_id; /* with reason FRAGMENT: wire order, and */
    uint16_t fragment_at; /* offset and flags: IPv4 as in the header, IPv6 shifted to be the same */
    bool rerouted;        /* the pseudo header has other addresses than the IP header */
};

static inline uint16_t weir_load16(const uint8_t *at) /* wire order, as a key takes it */
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t weir_load32(const uint8_t *at) /* wire order */
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint16_t weir_be16(const uint8_t *at) /* host order */
{
    return __builtin_bswap16(weir_load16(at));
}

static inline uint32_t weir_be32(const uint8_t *at) /* host order */
{
    return __builtin_bswap32(weir_load32(at));
}

/* Fill in all but the segment for a packet that is tracked; ports in wire order. */
static inline void weir_parse_tracked(const struct weir_parse_ip *ip, enum weir_packet_kind kind,
                                      uint16_t sport, uint16_t dport, struct weir_packet *packet)
{
    const uint8_t *l3 = ip->data + ip->l3_off;
    uint32_t zone_proto = (uint32_t)ip->proto << 24 | ip->zone;

    if (ip->family == 4)
        packet->swapped = (uint8_t)weir_key4_make(&packet->key4, weir_load32(l3 + 12),
                                                  weir_load32(l3 + 16), sport, dport, zone_proto);
    else
        packet->swapped =
            (uint8_t)weir_key6_make(&packet->key6, l3 + 8, l3 + 24, sport, dport, zone_proto);
    packet->ip_len = ip->ip_len;
    packet->l3_off = (uint16_t)ip->l3_off;
    packet->l4_off = (uint16_t)ip->l4_off;
    packet->family = ip->family;
    packet->kind = (uint8_t)kind;
    packet->reason = WEIR_REASON_NONE;
    packet->port = 0;
    packet->pieces = 0;
    packet->zero = 0;
}

/* Is the checksum over l4_len octets of transport right, or not to be verified here? */
static inline bool weir_parse_l4_sum_ok(const struct weir_parse_ip *ip, uint32_t l4_len)
{
    const uint8_t *l3 = ip->data + ip->l3_off;

    if (!(ip->how & WEIR_PARSE_L4_CSUM) || ip->l4_off + l4_len > ip->limit || ip->rerouted)
        return true;
    return weir_cksum_l4_ok(ip->family == 4 ? l3 + 12 : l3 + 8, ip->family == 4 ? 8 : 32, ip->proto,
                            ip->data + ip->l4_off, l4_len);
}

/* weir_parse without its short cut for most frames: parse_quick.h. */
void weir_parse_long(const uint8_t *data, uint32_t len, unsigned int how,
                     struct weir_packet *packet);

/*
 * Read the IP header at l3_off, IPv6 extension headers included, up to the transport header.
 * Needs data, len, how, l3_off, family and quote; sets the rest.
 */
enum weir_reason weir_parse_ip_read(struct weir_parse_ip *ip);

/*
 * Walk the IPv6 extension headers from l4_off on, where proto says that there is one, to the
 * transport header; moves l4_off and proto.
 */
enum weir_reason weir_parse_ip6_extensions(struct weir_parse_ip *ip);

/*
 * The length of a jumbogram, IPv6 header included, from its hop-by-hop options (RFC 2675 2); header
 * has left octets of the frame. 0 when the option is not there or does not check out.
 */
uint32_t weir_parse_ip6_jumbo_len(const uint8_t *header, uint32_t left);

/* The fewest octets of transport header that a packet of this protocol has. */
uint32_t weir_parse_l4_header_min(uint8_t proto);

/* Read any transport but TCP; the packet is filled in whole when the answer is NONE. */
enum weir_reason weir_parse_l4(const struct weir_parse_ip *ip, struct weir_packet *packet);

#endif
