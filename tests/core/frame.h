/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests: say what matters, the rest is filled in so that the frame is right. */
#ifndef WEIR_TESTS_FRAME_H
#define WEIR_TESTS_FRAME_H

#include <stdint.h>

#define FRAME_MAX  4096U
#define FRAME_TAGS 4U

struct frame_bytes {
    const void *at;
    uint32_t len;
};

/* From a string literal, its closing zero left out. */
#define FRAME_BYTES(literal)                                                                       \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

struct frame {
    struct {
        uint16_t type; /* 0x8100 and its kin; 0 ends the list */
        uint16_t id;   /* priority bits may stand above the id */
    } tags[FRAME_TAGS];
    uint16_t type;              /* EtherType; 0: by family */
    uint8_t family;             /* 4 or 6; 0 is 4 */
    uint8_t proto;              /* 0: TCP; the last header's in IPv6 */
    const char *src;            /* address as text; NULL: 10.0.0.1 or 2001:db8::1 */
    const char *dst;            /* NULL: 10.0.0.2 or 2001:db8::2 */
    uint16_t fragment;          /* flags and offset as in the IPv4 header */
    uint8_t next;               /* IPv6: type of the first extension header, if there are any */
    struct frame_bytes options; /* IPv4 options, or IPv6 extension headers: multiples of 4 or 8 */
    uint16_t sport;             /* 0: 40000 */
    uint16_t dport;             /* 0: 80 */
    uint32_t seq;               /* 0 stays 0, and so on */
    uint32_t ack;
    uint16_t win;
    uint8_t flags;                  /* 0: ACK */
    struct frame_bytes tcp_options; /* a multiple of 4 */
    uint32_t payload;               /* octets behind the TCP header */
    struct frame_bytes body;        /* what stands behind the IP header where proto is not TCP */
    uint32_t padding;               /* octets of link-layer padding */
};

/* Write the frame to out, FRAME_MAX octets long; returns the frame's length. */
uint32_t frame_build(const struct frame *frame, uint8_t *out);

/* Put the checksums right again after a change; l3_off as struct weir_packet has it. */
void frame_sum(uint8_t *out, uint32_t len, uint32_t l3_off);

#endif
