/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys: the canonical identity of a connection, the same bytes for both directions.
 *
 * Of the two (address, port) ends the numerically lower one (wire bytes, address first) stands
 * first. Which end sent a packet is kept beside the key, as one bit ("swapped": the sender is the
 * higher end). All fields hold wire-order bytes; a key is compared and hashed as bytes, so it has
 * no padding.
 */
#ifndef WEIR_CORE_KEY_H
#define WEIR_CORE_KEY_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define WEIR_VLAN_NONE 0xfffU /* no tag at this depth; 4095 is reserved by IEEE 802.1Q */

/* What is the same for IPv4 and IPv6: ports (or ICMP identifier twice, or zero), zone, protocol. */
struct weir_key_tail {
    uint16_t port[2];    /* wire order; lower end, higher end */
    uint32_t zone_proto; /* host order: protocol << 24 | outer VLAN id << 12 | inner VLAN id */
};

struct weir_key4 {
    uint32_t addr[2]; /* wire order; lower end, higher end */
    struct weir_key_tail tail;
};

struct weir_key6 {
    uint8_t addr[2][16]; /* wire order; lower end, higher end */
    struct weir_key_tail tail;
};

static_assert(sizeof(struct weir_key4) == 16, "hashed and compared as bytes: no padding");
static_assert(sizeof(struct weir_key6) == 40, "hashed and compared as bytes: no padding");

static inline uint32_t weir_key_zone_proto(uint8_t proto, unsigned int outer, unsigned int inner)
{
    return (uint32_t)proto << 24 | (outer & 0xfffU) << 12 | (inner & 0xfffU);
}

static inline uint8_t weir_key_proto(const struct weir_key_tail *tail)
{
    return (uint8_t)(tail->zone_proto >> 24);
}

/*
 * Fill an IPv4 key from wire-order addresses and ports as they stand in the packet.
 * Returns 1 when the sender is the higher end, 0 otherwise (also when both ends are equal).
 */
static inline unsigned int weir_key4_make(struct weir_key4 *key, uint32_t src, uint32_t dst,
                                          uint16_t sport, uint16_t dport, uint32_t zone_proto)
{
    uint64_t addrs = (uint64_t)dst << 32 | src;
    uint32_t ports = (uint32_t)dport << 16 | sport;
    uint32_t host_ports = __builtin_bswap32(ports); /* sport above dport */
    uint64_t a = (uint64_t)__builtin_bswap32(src) << 16 | host_ports >> 16;
    uint64_t b = (uint64_t)__builtin_bswap32(dst) << 16 | (host_ports & 0xffffU);
    unsigned int swapped = a > b;

    /* Which end is higher is a coin toss: rotated by half the width or not at all, never a branch.
     */
    addrs = addrs << (swapped * 32) | addrs >> (-(swapped * 32) & 63U);
    ports = ports << (swapped * 16) | ports >> (-(swapped * 16) & 31U);
    memcpy(key->addr, &addrs, sizeof(addrs));
    memcpy(key->tail.port, &ports, sizeof(ports));
    key->tail.zone_proto = zone_proto;
    return swapped;
}

/* The same for IPv6; src and dst point at 16 wire-order bytes each. */
static inline unsigned int weir_key6_make(struct weir_key6 *key, const uint8_t *src,
                                          const uint8_t *dst, uint16_t sport, uint16_t dport,
                                          uint32_t zone_proto)
{
    int order = memcmp(src, dst, 16);
    unsigned int swapped =
        order > 0 || (order == 0 && __builtin_bswap16(sport) > __builtin_bswap16(dport));

    memcpy(key->addr[swapped], src, 16);
    memcpy(key->addr[!swapped], dst, 16);
    key->tail.port[swapped] = sport;
    key->tail.port[!swapped] = dport;
    key->tail.zone_proto = zone_proto;
    return swapped;
}

#endif
