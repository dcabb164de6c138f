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
    /* In host order, source above destination; and with the halves exchanged. */
    uint64_t there = __builtin_bswap64(addrs);
    uint64_t back = there << 32 | there >> 32;
    uint32_t ports_there = __builtin_bswap32(ports);
    uint32_t ports_back = ports_there << 16 | ports_there >> 16;
    unsigned int swapped = (there > back) | ((there == back) & (ports_there > ports_back));

    /* Which end is higher is a coin toss: shifts of 0 or half the width, never a branch. */
    addrs = addrs << (swapped * 32) | addrs >> (swapped * 32);
    ports = ports << (swapped * 16) | ports >> (swapped * 16);
    memcpy(key->addr, &addrs, sizeof(addrs));
    memcpy(key->tail.port, &ports, sizeof(ports));
    key->tail.zone_proto = zone_proto;
    return swapped;
}

/* 16 wire-order bytes as a number. */
static inline unsigned __int128 weir_key_number(const uint64_t half[2])
{
    return (unsigned __int128)__builtin_bswap64(half[0]) << 64 | __builtin_bswap64(half[1]);
}

/* The same for IPv6; src and dst point at 16 wire-order bytes each. */
static inline unsigned int weir_key6_make(struct weir_key6 *key, const uint8_t *src,
                                          const uint8_t *dst, uint16_t sport, uint16_t dport,
                                          uint32_t zone_proto)
{
    uint32_t ports = sport | (uint32_t)dport << 16;
    uint64_t low[2];
    uint64_t high[2];
    unsigned __int128 there;
    unsigned __int128 back;
    unsigned int swapped;

    memcpy(low, src, sizeof(low));
    memcpy(high, dst, sizeof(high));
    there = weir_key_number(low);
    back = weir_key_number(high);
    swapped =
        (there > back) | ((there == back) & (__builtin_bswap16(sport) > __builtin_bswap16(dport)));
    for (unsigned int i = 0; i < 2; i++) {
        uint64_t differ = (low[i] ^ high[i]) & -(uint64_t)swapped;

        low[i] ^= differ;
        high[i] ^= differ;
    }
    ports = ports << (swapped * 16) | ports >> (swapped * 16);
    memcpy(key->addr[0], low, sizeof(low));
    memcpy(key->addr[1], high, sizeof(high));
    memcpy(key->tail.port, &ports, sizeof(ports));
    key->tail.zone_proto = zone_proto;
    return swapped;
}

#endif
