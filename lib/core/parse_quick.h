/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Most frames, a few instructions each: no tag, IPv4 without options or IPv6 without extension
 * headers, whole, TCP. Header fields are put in place and into host order by shuffles of 16 octets.
 * Whatever else it is, and whatever is wrong with it, the frame goes the long way in parse.c, which
 * has the checks one by one and is all there is without SSE or with WEIR_PLAIN_C;
 * test_parse_quick.c holds both against each other.
 *
 * Only parse.c and that test include this.
 */
#ifndef WEIR_CORE_PARSE_QUICK_H
#define WEIR_CORE_PARSE_QUICK_H

#include "core/parse_ip.h"

#if defined(__SSE4_1__) && !defined(WEIR_PLAIN_C)
#define WEIR_PARSE_NAME "sse4.1"

#include <immintrin.h>

#define WEIR_QUICK static inline __attribute__((always_inline))

#define WEIR_QUICK_ETHER   14U
#define WEIR_QUICK_TCP_MIN 20U
#define WEIR_QUICK_NO_ZONE (WEIR_VLAN_NONE << 12 | WEIR_VLAN_NONE)
#define WEIR_QUICK_TAIL    ((uint32_t)WEIR_IP_TCP << 24 | WEIR_QUICK_NO_ZONE)

/*
 * Sixteen octets from the type on: type, version and header length; fragment bits and protocol, or
 * next header.
 */
WEIR_QUICK bool weir_quick_is_tcp(const uint8_t *data, unsigned int family)
{
    const __m128i want4 =
        _mm_setr_epi8(0x08, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_IP_TCP, 0, 0, 0, 0);
    const __m128i mask4 = _mm_setr_epi8(-1, -1, -1, 0, 0, 0, 0, 0, 0x3f, -1, 0, -1, 0, 0, 0, 0);
    const __m128i want6 = _mm_setr_epi8((char)0x86, (char)0xdd, 0x60, 0, 0, 0, 0, 0, WEIR_IP_TCP, 0,
                                        0, 0, 0, 0, 0, 0);
    const __m128i mask6 = _mm_setr_epi8(-1, -1, (char)0xf0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0);
    __m128i there = _mm_loadu_si128((const __m128i *)(const void *)(data + 12));

    return family == 4 ? _mm_testz_si128(_mm_xor_si128(there, want4), mask4)
                       : _mm_testz_si128(_mm_xor_si128(there, want6), mask6);
}

/* The key as weir_key4_make makes it, from addresses and ports as they stand in the frame. */
WEIR_QUICK unsigned int weir_quick_key4(const uint8_t *addresses, struct weir_key4 *key)
{
    /* By whether the sender is the higher end: where each octet comes from; 0x80 gives 0. */
    static const uint8_t order[2][16] __attribute__((aligned(16))) = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x80, 0x80, 0x80, 0x80},
        {4, 5, 6, 7, 0, 1, 2, 3, 10, 11, 8, 9, 0x80, 0x80, 0x80, 0x80},
    };
    uint32_t src = weir_be32(addresses);
    uint32_t dst = weir_be32(addresses + 4);
    unsigned int swapped = src > dst;
    __m128i ends = _mm_loadu_si128((const __m128i *)(const void *)addresses);

    if (__builtin_expect(src == dst, 0))
        swapped = weir_be16(addresses + 8) > weir_be16(addresses + 10);
    ends = _mm_shuffle_epi8(ends, _mm_load_si128((const __m128i *)(const void *)order[swapped]));
    ends = _mm_or_si128(ends, _mm_set_epi32((int)WEIR_QUICK_TAIL, 0, 0, 0));
    _mm_storeu_si128((__m128i *)(void *)key, ends);
    return swapped;
}

/*
 * The same for IPv6. The first octet in which the addresses differ says which is higher: the lowest
 * bit of one mask, looked up in another.
 */
WEIR_QUICK unsigned int weir_quick_key6(const uint8_t *addresses, struct weir_key6 *key)
{
    const uint8_t *ports = addresses + sizeof(key->addr);
    __m128i src = _mm_loadu_si128((const __m128i *)(const void *)addresses);
    __m128i dst = _mm_loadu_si128((const __m128i *)(const void *)(addresses + 16));
    uint32_t differ = ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(src, dst)) & 0xffffU;
    uint32_t reaches = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(src, dst), src));
    unsigned int swapped = (reaches & differ & -differ) != 0;
    uint32_t ends = weir_load32(ports);
    uint64_t tail;
    __m128i exchange;

    if (__builtin_expect(differ == 0, 0))
        swapped = weir_be16(ports) > weir_be16(ports + 2);
    exchange = _mm_and_si128(_mm_xor_si128(src, dst), _mm_set1_epi32(-(int)swapped));
    _mm_storeu_si128((__m128i *)(void *)key->addr[0], _mm_xor_si128(src, exchange));
    _mm_storeu_si128((__m128i *)(void *)key->addr[1], _mm_xor_si128(dst, exchange));
    ends = ends << (swapped * 16) | ends >> (swapped * 16);
    tail = (uint64_t)WEIR_QUICK_TAIL << 32 | ends;
    memcpy(&key->tail, &tail, sizeof(tail));
    return swapped;
}

/*
 * What stands at the same place in every TCP header, and the length: the first half of struct
 * weir_segment. The second half, which is from options, is zeroed.
 */
WEIR_QUICK void weir_quick_segment(const uint8_t *tcp, uint32_t len, struct weir_segment *seg)
{
    const __m128i place = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, -1, -1, -1, -1, 11, 10, 9, -1);
    const __m128i known = _mm_set_epi32((int)(0x00ffffffU & ~0x00c00000U), -1, -1, -1);
    __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(tcp + 4));

    words = _mm_and_si128(_mm_shuffle_epi8(words, place), known);
    words = _mm_insert_epi32(words, (int)len, 2);
    _mm_storeu_si128((__m128i *)(void *)seg, words);
    _mm_storeu_si128((__m128i *)(void *)&seg->tsval, _mm_setzero_si128());
}

static_assert(offsetof(struct weir_segment, ack) == 4 && offsetof(struct weir_segment, len) == 8 &&
                  offsetof(struct weir_segment, win) == 12 &&
                  offsetof(struct weir_segment, flags) == 14 &&
                  offsetof(struct weir_segment, opts) == 15,
              "weir_quick_segment writes these as one");
static_assert(sizeof(struct weir_segment) == 32 && offsetof(struct weir_segment, tsval) == 16,
              "weir_quick_segment writes two halves");

/* What lies between key and segment, but for the epoch, as two words. */
WEIR_QUICK void weir_quick_head(uint32_t ip_len, uint32_t l4_off, unsigned int family,
                                unsigned int swapped, struct weir_packet *packet)
{
    uint64_t place = (uint64_t)l4_off << 48 | (uint64_t)WEIR_QUICK_ETHER << 32 | ip_len;
    uint64_t nature =
        (uint64_t)swapped << 24 | WEIR_REASON_NONE << 16 | WEIR_KIND_TCP << 8 | family;

    memcpy(&packet->ip_len, &place, sizeof(place));
    memcpy(&packet->family, &nature, sizeof(nature));
    packet->zero = 0;
}

static_assert(
    offsetof(struct weir_packet, l3_off) == offsetof(struct weir_packet, ip_len) + 4 &&
        offsetof(struct weir_packet, l4_off) == offsetof(struct weir_packet, ip_len) + 6 &&
        offsetof(struct weir_packet, kind) == offsetof(struct weir_packet, family) + 1 &&
        offsetof(struct weir_packet, reason) == offsetof(struct weir_packet, family) + 2 &&
        offsetof(struct weir_packet, swapped) == offsetof(struct weir_packet, family) + 3 &&
        offsetof(struct weir_packet, epoch) == offsetof(struct weir_packet, family) + 8,
    "weir_quick_head writes these as two words");

/*
 * Read a frame of len octets, at least 14 of Ethernet, if it is one of most; legal has a bit for
 * each combination of flags. False if it is not; the packet may have been written to. Checksums are
 * the caller's, so is the option list where *options is not 0: octets of it.
 */
WEIR_QUICK bool weir_quick_tcp(const uint8_t *data, uint32_t len, unsigned int family,
                               uint64_t legal, struct weir_packet *packet, uint32_t *options)
{
    const uint32_t l4_off = WEIR_QUICK_ETHER + (family == 4 ? 20U : WEIR_IP6_LEN);
    const uint8_t *header = data + WEIR_QUICK_ETHER;
    const uint8_t *tcp = data + l4_off;
    unsigned int swapped;
    uint32_t header_len;
    uint32_t ip_len;
    uint32_t l4_len;

    if (len < l4_off + WEIR_QUICK_TCP_MIN || !weir_quick_is_tcp(data, family))
        return false;
    ip_len = family == 4 ? weir_be16(header + 2) : WEIR_IP6_LEN + weir_be16(header + 4);
    l4_len = ip_len - (l4_off - WEIR_QUICK_ETHER);
    header_len = tcp[12] >> 2 & 0x3cU;
    /* None of the lengths exceeds 17 bits: what goes below 0 shows in the uppermost. */
    if (((len - l4_off - l4_len) | (l4_len - header_len) | (header_len - WEIR_QUICK_TCP_MIN)) >>
            31 ||
        !(legal >> (tcp[13] & 0x3fU) & 1))
        return false;
    swapped = family == 4 ? weir_quick_key4(header + 12, &packet->key4)
                          : weir_quick_key6(header + 8, &packet->key6);
    weir_quick_segment(tcp, l4_len - header_len, &packet->seg);
    weir_quick_head(ip_len, l4_off, family, swapped, packet);
    *options = header_len - WEIR_QUICK_TCP_MIN;
    return true;
}

#else
#define WEIR_PARSE_NAME "plain"
#endif

#endif
