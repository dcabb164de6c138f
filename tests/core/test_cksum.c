/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/cksum.h"

/* RFC 1071 as its section 4.1 says it: 16-bit words in wire order, one by one. */
static uint16_t plain_sum(const uint8_t *data, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
    while (sum >> 16)
        sum = (sum & 0xffffU) + (sum >> 16);
    return (uint16_t)sum;
}

static uint8_t *random_bytes(uint32_t len)
{
    uint8_t *data = malloc(len > 0 ? len : 1); /* exact: the sanitizer sees a read beyond */

    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)rand();
    return data;
}

Test(cksum, every_length_sums_as_the_rfc_does_it)
{
    srand(1);
    for (uint32_t len = 0; len < 600; len++) {
        uint8_t *data = random_bytes(len);
        uint16_t sum = weir_cksum_fold(weir_cksum_add(data, len, 0));

        cr_assert_eq(__builtin_bswap16(sum), plain_sum(data, len, 0), "length %u", len);
        free(data);
    }
}

Test(cksum, all_ones_carry_into_the_last_bit)
{
    static uint8_t ones[65536];

    memset(ones, 0xff, sizeof(ones));
    for (uint32_t len = 2; len <= sizeof(ones); len += 2)
        cr_assert_eq(weir_cksum_fold(weir_cksum_add(ones, len, 0)), 0xffff, "length %u", len);
}

Test(cksum, chunks_add_up_to_the_whole)
{
    uint8_t *data = random_bytes(1500);
    uint16_t whole = weir_cksum_fold(weir_cksum_add(data, 1500, 0));

    for (uint32_t cut = 0; cut <= 1500; cut += 2) {
        uint64_t sum = weir_cksum_add(data, cut, 0);

        cr_assert_eq(weir_cksum_fold(weir_cksum_add(data + cut, 1500 - cut, sum)), whole, "cut %u",
                     cut);
    }
    free(data);
}

/* The worked example of RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
Test(cksum, the_example_of_the_rfc)
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    cr_assert_eq(__builtin_bswap16(weir_cksum_fold(weir_cksum_add(example, 8, 0))), 0xddf2);
}

/* Headers and segments with their checksums put there by the plain sum; odd and even lengths. */
Test(cksum, a_right_header_is_told_from_one_with_a_wrong_bit)
{
    for (uint32_t len = 20; len <= 60; len += 4) {
        uint8_t *header = random_bytes(len);
        uint16_t sum;

        memset(header + 10, 0, 2);
        sum = (uint16_t)~plain_sum(header, len, 0);
        header[10] = (uint8_t)(sum >> 8);
        header[11] = (uint8_t)sum;
        cr_assert(weir_cksum_ip4_ok(header, len), "length %u", len);
        for (uint32_t bit = 0; bit < len * 8; bit++) {
            header[bit / 8] ^= (uint8_t)(1U << bit % 8);
            cr_assert_not(weir_cksum_ip4_ok(header, len), "length %u, bit %u", len, bit);
            header[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        free(header);
    }
}

Test(cksum, a_right_segment_is_told_from_one_with_a_wrong_bit)
{
    static const uint32_t addrs_lens[] = {8, 32};

    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t len = 20; len < 200; len += 7) {
            uint8_t *addrs = random_bytes(addrs_lens[i]);
            uint8_t *segment = random_bytes(len);
            uint16_t sum;

            memset(segment + 16, 0, 2);
            sum = plain_sum(addrs, addrs_lens[i], 6 + len);
            sum = (uint16_t)~plain_sum(segment, len, sum);
            segment[16] = (uint8_t)(sum >> 8);
            segment[17] = (uint8_t)sum;
            cr_assert(weir_cksum_l4_ok(addrs, addrs_lens[i], 6, segment, len));
            cr_assert_not(weir_cksum_l4_ok(addrs, addrs_lens[i], 17, segment, len));
            for (uint32_t bit = 0; bit < len * 8; bit++) {
                segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
                cr_assert_not(weir_cksum_l4_ok(addrs, addrs_lens[i], 6, segment, len), "bit %u",
                              bit);
                segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
            }
            free(segment);
            free(addrs);
        }
}
