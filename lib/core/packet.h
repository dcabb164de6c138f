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
    WEIR_KIND_OTHER, /* by address pair, or GRE key */
};

struct weir_packet {
    union {
        struct weir_key4 key4; /* family 4 */
        struct weir_key6 key6; /* family 6 */
    };
    uint32_t ip_len;         /* octets of the IP packet, header included, link-layer padding not */
    uint16_t l3_off;         /* octets from the start of the frame to the IP header */
    uint16_t l4_off;         /* octets from the start of the frame to the transport header */
    uint8_t family;          /* 4, 6, or 0 where there is no key */
    uint8_t kind;            /* enum weir_packet_kind */
    uint8_t reason;          /* enum weir_reason; NONE when the packet goes on to be tracked */
    uint8_t swapped;         /* the sender is the higher end of the key */
    uint8_t port;            /* it came in by; the parser leaves 0, the caller knows */
    uint32_t epoch;          /* how often its port's clock was set back before it; likewise */
    struct weir_segment seg; /* kind TCP; all 0 else, but for seq of a quoted TCP segment */
};

#endif
