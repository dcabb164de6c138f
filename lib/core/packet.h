/* SPDX-License-Identifier: BSD-3-Clause */
/* A parsed packet: what every later stage needs, so that the frame itself is read only once. */
#ifndef WEIR_CORE_PACKET_H
#define WEIR_CORE_PACKET_H

#include <stdint.h>

#include "core/key.h"
#include "core/segment.h"

/* How the packet is tracked. */
enum weir_packet_kind {
    WEIR_KIND_UNTRACKED, /* passed or refused by its reason alone; no key */
    WEIR_KIND_TCP,
    WEIR_KIND_UDP,
    WEIR_KIND_ICMP,       /* query and its reply, by identifier; key ports hold the identifier */
    WEIR_KIND_ICMP_ERROR, /* key is that of the quoted packet; swapped is the opposite */
    WEIR_KIND_SCTP,
    WEIR_KIND_OTHER,    /* by address pair, or GRE key */
    WEIR_KIND_FRAGMENT, /* reason FRAGMENT; key is its address pair, for whoever puts it together */
};

/* What an SCTP packet says about its association (RFC 9260 3). */
struct weir_sctp_facts {
    uint32_t tag;        /* verification tag; wire order, as the next */
    uint32_t init_tag;   /* with INIT and INIT ACK: the tag that its sender wants to see */
    uint8_t chunk;       /* the last chunk type that opens or closes: sctp.h; 0 where none does */
    uint8_t tag_of_peer; /* ABORT, SHUTDOWN COMPLETE: the tag is reflected (T bit, 3.3.7) */
};

/* What an ICMP error says beside the quoted packet's key. */
struct weir_quote_facts {
    uint32_t seq; /* of the quoted TCP segment */
    uint8_t pmtu; /* "too big": type 3 code 4 (RFC 1191), ICMPv6 type 2 (RFC 4443 3.2) */
};

/* A piece of a datagram (RFC 791 3.2, RFC 8200 4.5). Octets count from where what all repeat ends.
 */
struct weir_fragment_facts {
    uint32_t id;     /* wire order */
    uint32_t offset; /* of its payload in the datagram's */
    uint32_t len;    /* octets of payload */
    uint8_t more;    /* not the last */
    uint8_t tiny;    /* the first, without the whole transport header (RFC 1858 3, RFC 7112 5) */
};

struct weir_packet {
    union {
        struct weir_key4 key4; /* family 4 */
        struct weir_key6 key6; /* family 6 */
    };
    uint32_t ip_len; /* octets of the IP packet, header included, link-layer padding not */
    uint16_t l3_off; /* octets from the start of the frame to the IP header */
    uint16_t l4_off; /* octets from the start of the frame to the transport header */
    uint8_t family;  /* 4, 6, or 0 where there is no key */
    uint8_t kind;    /* enum weir_packet_kind */
    uint8_t reason;  /* enum weir_reason; NONE when the packet goes on to be tracked */
    uint8_t swapped; /* the sender is the higher end of the key */
    uint8_t port;    /* it came in by; the parser leaves 0, the caller knows */
    uint8_t pieces;  /* fragments that it came in, beyond the first; 0 from the parser */
    uint32_t epoch;  /* how often its port's clock was set back before it; as port */
    uint32_t zero;   /* 0 from the parser: plain_wide.h takes it for one */
    union {
        /* Kind TCP; all 0 where nothing else applies. Aligned, so that no half of it lies in two
         * lines. */
        _Alignas(16) struct weir_segment seg;
        struct weir_sctp_facts sctp;
        struct weir_quote_facts quote; /* kind ICMP_ERROR */
        struct weir_fragment_facts fragment;
    };
};

#endif
