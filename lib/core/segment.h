/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP segment as the tracker sees it: what parse.c took out of the packet, in host order. */
#ifndef WEIR_CORE_SEGMENT_H
#define WEIR_CORE_SEGMENT_H

#include <stdint.h>

/* Flags as they stand in the header (RFC 9293 3.1). */
#define WEIR_TCP_FIN 0x01U
#define WEIR_TCP_SYN 0x02U
#define WEIR_TCP_RST 0x04U
#define WEIR_TCP_PSH 0x08U
#define WEIR_TCP_ACK 0x10U
#define WEIR_TCP_URG 0x20U

/* Which options the segment carried, well-formed. */
#define WEIR_SEG_TS   0x01U /* time stamps (RFC 7323 3) */
#define WEIR_SEG_SACK 0x02U /* at least one SACK block (RFC 2018 3); sack_high is set */
#define WEIR_SEG_CUT  0x08U /* it came in pieces: struct weir_packet has how many */
#define WEIR_SEG_WS   0x04U /* window scale (RFC 7323 2); only counts on a SYN */

struct weir_segment {
    uint32_t seq;
    uint32_t ack;       /* meaningful with WEIR_TCP_ACK only */
    uint32_t len;       /* payload octets; SYN and FIN not counted */
    uint16_t win;       /* as in the header, unscaled */
    uint8_t flags;      /* WEIR_TCP_*; the ECN bits are left out */
    uint8_t opts;       /* WEIR_SEG_* */
    uint32_t tsval;     /* with WEIR_SEG_TS */
    uint32_t tsecr;     /* with WEIR_SEG_TS */
    uint32_t sack_high; /* highest right edge of a SACK block, with WEIR_SEG_SACK */
    uint8_t wscale;     /* shift offered, 0 to 14 (larger ones read as 14, RFC 7323 2.3) */
};

#endif
