/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 1071: the sum may be taken over words of any width, in any byte order, and folded at the end.
 * So 32-bit words are added into 64-bit lanes, in the order that the machine reads them; the
 * carries pile up in the upper halves. A sum over correct data folds to 0xffff whichever the byte
 * order.
 */
#include "core/cksum.h"

#include <string.h>

#define LANES 8U /* what the compiler turns into two to four vector registers */

static inline uint32_t load32(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Kept apart from the short case, whose few additions would otherwise pay for its set-up. */
static uint64_t __attribute__((noinline)) add_blocks(const uint8_t *data, uint32_t blocks)
{
    uint64_t lane[LANES] = {0};
    uint64_t sum = 0;

    for (; blocks > 0; blocks--, data += LANES * 4)
        for (unsigned int i = 0; i < LANES; i++)
            lane[i] += load32(data + i * 4);
    for (unsigned int i = 0; i < LANES; i++)
        sum += lane[i];
    return sum;
}

/* One by one: over so few words the set-up of vector code costs more than the additions. */
static inline uint64_t add_words(const uint8_t *data, unsigned int words, uint64_t sum)
{
    for (unsigned int i = 0; i < words; i++) {
        sum += load32(data + i * 4);
        __asm__("" : "+r"(sum));
    }
    return sum;
}

static inline uint64_t add_short(const uint8_t *data, uint32_t len, uint64_t sum)
{
    uint16_t half = 0;

    for (; len >= 16; len -= 16, data += 16)
        sum = add_words(data, 4, sum);
    sum = add_words(data, len / 4, sum);
    data += len & ~3U;
    len &= 3U;
    if (len >= 2) {
        memcpy(&half, data, sizeof(half));
        sum += half;
        data += 2;
        len -= 2;
    }
    if (len > 0) { /* an odd last octet is padded with a zero behind it */
        half = 0;
        memcpy(&half, data, 1);
        sum += half;
    }
    return sum;
}

uint64_t weir_cksum_add(const uint8_t *data, uint32_t len, uint64_t sum)
{
    if (len >= LANES * 8) {
        uint32_t blocks = len / (LANES * 4);

        sum += add_blocks(data, blocks);
        data += blocks * (LANES * 4);
        len -= blocks * (LANES * 4);
    }
    return add_short(data, len, sum);
}

/* The upper half of a number plus itself with its halves exchanged is their sum, end-around carry
 * in. */
uint16_t weir_cksum_fold(uint64_t sum)
{
    uint32_t sum32 = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

    return (uint16_t)((sum32 + (sum32 << 16 | sum32 >> 16)) >> 16);
}

bool weir_cksum_ip4_ok(const uint8_t *header, uint32_t header_len)
{
    uint64_t sum = add_words(header, 5, 0);

    return weir_cksum_fold(add_words(header + 20, header_len / 4 - 5, sum)) == 0xffffU;
}

bool weir_cksum_l4_ok(const uint8_t *addrs, uint32_t addrs_len, uint8_t proto, const uint8_t *l4,
                      uint32_t l4_len)
{
    uint64_t sum = add_words(addrs, addrs_len / 4, 0);

    /* Pseudo header: protocol and length as 32-bit words in wire order. */
    sum += __builtin_bswap32(proto);
    sum += __builtin_bswap32(l4_len);
    return weir_cksum_fold(weir_cksum_add(l4, l4_len, sum)) == 0xffffU;
}
