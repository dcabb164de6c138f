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

/*
 * Ways to parse, or'ed together.
 *
 * CUT: the frame may be cut by a snap length. The IP length is believed as long as the headers are
 * there, and no checksum is verified that needs the missing part.
 */
#define WEIR_PARSE_IP_CSUM 0x01U /* verify the IPv4 header checksum (RFC 791 3.1) */
#define WEIR_PARSE_L4_CSUM 0x02U /* verify the checksum of TCP, UDP, ICMP */
#define WEIR_PARSE_CUT     0x04U
#define WEIR_PARSE_NO_ZONE 0x08U /* leave VLAN ids out of the key */
#define WEIR_PARSE_ALL     0x10U /* all transports; without it, all but TCP are NOT_TRACKED */

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
