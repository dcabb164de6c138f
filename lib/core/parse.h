/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parsing: from a frame to a key and a segment. Every length is checked before the read that relies
 * on it, nothing is written to the frame, and whatever the frame holds, the answer is a filled
 * struct weir_packet: trackable, or with the reason why not.
 */
#ifndef WEIR_CORE_PARSE_H
#define WEIR_CORE_PARSE_H

#include <stdint.h>

#include "core/packet.h"

/* Ways to parse, or'ed together. */
#define WEIR_PARSE_IP_CSUM 0x1U /* verify the IPv4 header checksum (RFC 791 3.1) */
#define WEIR_PARSE_L4_CSUM 0x2U /* verify the TCP checksum (RFC 9293 3.1) */
#define WEIR_PARSE_CUT                                                                             \
    0x4U /* the frame may be cut by a snap length: believe the IP length as long as the            \
            headers are there, and verify no checksum that needs the missing part */
#define WEIR_PARSE_NO_ZONE 0x8U /* leave VLAN ids out of the key */

/*
 * Parse one Ethernet frame.
 *
 * data   the frame's octets, contiguous; only read
 * len    octets at data (without FCS)
 * how    WEIR_PARSE_* or'ed
 * packet filled in whole; reason is NONE exactly when kind is not UNTRACKED
 *
 * May be called from any thread; keeps nothing.
 */
void weir_parse(const uint8_t *data, uint32_t len, unsigned int how, struct weir_packet *packet);

#endif
