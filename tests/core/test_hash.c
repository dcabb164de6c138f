/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/hash.h"
#include "core/table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define WORDS_MAX 5U /* of 8 octets: the longer key */

typedef uint64_t hash_fn(const struct weir_hash_secret *secret, const uint64_t *key);

static uint64_t chosen4(const struct weir_hash_secret *secret, const uint64_t *key)
{
    return weir_hash_key4(secret, (const struct weir_key4 *)(const void *)key);
}

static uint64_t chosen6(const struct weir_hash_secret *secret, const uint64_t *key)
{
    return weir_hash_key6(secret, (const struct weir_key6 *)(const void *)key);
}

static uint64_t sip4(const struct weir_hash_secret *secret, const uint64_t *key)
{
    return weir_hash_siphash(secret, key, 2);
}

static uint64_t sip6(const struct weir_hash_secret *secret, const uint64_t *key)
{
    return weir_hash_siphash(secret, key, 5);
}

/* What this build chose, and the plain one: the same where there is no AES instruction. */
static const struct variant {
    const char *name;
    hash_fn *hash;
    unsigned int words;
} variants[] = {
    {WEIR_HASH_NAME " IPv4", chosen4, 2},
    {WEIR_HASH_NAME " IPv6", chosen6, 5},
    {"siphash-1-3 IPv4", sip4, 2},
    {"siphash-1-3 IPv6", sip6, 5},
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

static uint64_t random_state = 88172645463325252U;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void random_fill(uint64_t *words, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        words[i] = random_next() * 0x9e3779b97f4a7c15U;
}

/* How often each of 64 output bits changes when one input bit does, over SAMPLES random keys. */
static void check_input_bit(const struct variant *variant, unsigned int bit)
{
    enum { SAMPLES = 2000 };
    unsigned int flips[64] = {0};
    struct weir_hash_secret secret;
    uint64_t key[WORDS_MAX];

    random_fill(secret.word, 10);
    for (unsigned int i = 0; i < SAMPLES; i++) {
        uint64_t change;

        random_fill(key, WORDS_MAX);
        change = variant->hash(&secret, key);
        key[bit / 64] ^= (uint64_t)1 << bit % 64;
        change ^= variant->hash(&secret, key);
        for (unsigned int out = 0; out < 64; out++)
            flips[out] += change >> out & 1;
    }
    /* One half, give or take 7 standard deviations of sqrt(SAMPLES) / 2. */
    for (unsigned int out = 0; out < 64; out++)
        cr_assert(flips[out] > 1000 - 157 && flips[out] < 1000 + 157,
                  "%s: input bit %u changes output bit %u in %u of %d", variant->name, bit, out,
                  flips[out], SAMPLES);
}

Test(hash, each_key_bit_changes_half_of_the_output)
{
    for (size_t i = 0; i < VARIANTS; i++)
        for (unsigned int bit = 0; bit < variants[i].words * 64; bit++)
            check_input_bit(&variants[i], bit);
}

/*
 * CRC32 and Toeplitz would fail here: for them the four always cancel out, whatever the seed, which
 * is how collisions are made without knowing it.
 */
Test(hash, is_not_linear)
{
    for (size_t i = 0; i < VARIANTS; i++) {
        unsigned int cancelled = 0;

        for (unsigned int round = 0; round < 10000; round++) {
            struct weir_hash_secret secret;
            uint64_t key[4][WORDS_MAX];
            uint64_t sum = 0;

            random_fill(secret.word, 10);
            random_fill(key[0], 3 * WORDS_MAX);
            for (unsigned int w = 0; w < WORDS_MAX; w++)
                key[3][w] = key[0][w] ^ key[1][w] ^ key[2][w];
            for (unsigned int k = 0; k < 4; k++)
                sum ^= variants[i].hash(&secret, key[k]);
            cancelled += (sum & 0xffff) == 0;
        }
        cr_assert_lt(cancelled, 10, "%s: %u", variants[i].name, cancelled);
    }
}

Test(hash, another_secret_gives_an_unrelated_value)
{
    for (size_t i = 0; i < VARIANTS; i++) {
        unsigned int differ = 0;

        for (unsigned int round = 0; round < 2000; round++) {
            struct weir_hash_secret one;
            struct weir_hash_secret two;
            uint64_t key[WORDS_MAX];

            random_fill(one.word, 10);
            two = one;
            two.word[random_next() % 2] ^= (uint64_t)1 << random_next() % 64;
            random_fill(key, WORDS_MAX);
            differ += (unsigned int)__builtin_popcountll(variants[i].hash(&one, key) ^
                                                         variants[i].hash(&two, key));
        }
        cr_assert(differ > 31 * 2000 && differ < 33 * 2000, "%s: %u", variants[i].name, differ);
    }
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

enum { COUNT = 1 << 20 };

/* Pairs of hashes that agree in first bucket and tag; hashes is overwritten. */
static unsigned int count_collisions(const struct weir_table *table, uint64_t *hashes)
{
    unsigned int pairs = 0;

    for (unsigned int i = 0; i < COUNT; i++)
        hashes[i] = (uint64_t)weir_table_first(table, hashes[i]) << 16 | weir_table_tag(hashes[i]);
    qsort(hashes, COUNT, sizeof(*hashes), compare_words);
    for (unsigned int i = 1; i < COUNT; i++)
        pairs += hashes[i] == hashes[i - 1];
    return pairs;
}

/* Sum over buckets of the square of the number of keys in each. */
static double count_squares(const struct weir_table *table, const uint64_t *hashes)
{
    uint32_t *load = calloc(table->bucket_count, sizeof(*load));
    double squares = 0;

    for (unsigned int i = 0; i < COUNT; i++)
        load[weir_table_first(table, hashes[i])]++;
    for (uint32_t i = 0; i < table->bucket_count; i++)
        squares += (double)load[i] * load[i];
    free(load);
    return squares;
}

/* Mean 9 keys a bucket: for random hashes mean + mean squared to a percent, and 2^39 / n / 2^16
 * pairs. */
static void check_spread(const char *what, uint64_t *hashes)
{
    struct weir_table table = {.bucket_count = COUNT / 9};
    double mean = (double)COUNT / table.bucket_count;
    double squares = count_squares(&table, hashes) / table.bucket_count;
    unsigned int pairs = count_collisions(&table, hashes);

    cr_assert(squares > 0.98 * (mean + mean * mean) && squares < 1.02 * (mean + mean * mean),
              "%s: second moment %f, mean %f", what, squares, mean);
    cr_assert(pairs > 36 && pairs < 124, "%s: %u pairs, 72 or so expected", what, pairs);
}

Test(hash, sequential_addresses_and_ports_spread_like_random_ones)
{
    uint64_t *hashes = malloc(COUNT * sizeof(*hashes));
    uint64_t *plain = malloc(COUNT * sizeof(*plain));
    struct weir_hash_secret secret;

    random_fill(secret.word, 10);
    for (unsigned int bits = 0; bits <= 16; bits += 4) {
        for (unsigned int i = 0; i < COUNT; i++) {
            struct weir_key4 key;
            uint16_t port = (uint16_t)(1024 + (i & ((1U << bits) - 1)));
            uint32_t host = 0x0a000000U + (i >> bits);

            weir_key4_make(&key, __builtin_bswap32(host), __builtin_bswap32(0xc0a80101U),
                           __builtin_bswap16(port), __builtin_bswap16(443),
                           weir_key_zone_proto(6, WEIR_VLAN_NONE, WEIR_VLAN_NONE));
            hashes[i] = weir_hash_key4(&secret, &key);
            plain[i] = weir_hash_siphash(&secret, &key, 2);
        }
        check_spread(WEIR_HASH_NAME " IPv4", hashes);
        check_spread("siphash IPv4", plain);
    }
    free(plain);
    free(hashes);
}

Test(hash, sequential_ipv6_interfaces_and_prefixes_spread_like_random_ones)
{
    uint64_t *hashes = malloc(COUNT * sizeof(*hashes));
    struct weir_hash_secret secret;
    const uint8_t server[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

    random_fill(secret.word, 10);
    for (unsigned int place = 0; place <= 12; place += 4) {
        for (unsigned int i = 0; i < COUNT; i++) {
            struct weir_key6 key;
            uint8_t host[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = 2};
            uint32_t number = __builtin_bswap32(i);

            memcpy(host + place, &number, sizeof(number));
            weir_key6_make(&key, host, server, __builtin_bswap16(1024), __builtin_bswap16(443),
                           weir_key_zone_proto(6, WEIR_VLAN_NONE, WEIR_VLAN_NONE));
            hashes[i] = weir_hash_key6(&secret, &key);
        }
        check_spread(WEIR_HASH_NAME " IPv6", hashes);
    }
    free(hashes);
}

Test(hash, both_directions_have_one_key_and_hash)
{
    struct weir_hash_secret secret;

    random_fill(secret.word, 10);
    for (unsigned int i = 0; i < 100000; i++) {
        uint64_t r[5];
        struct weir_key4 there;
        struct weir_key4 back;
        unsigned int swapped;

        random_fill(r, 5);
        /* Often equal addresses, so that ports decide. */
        if (i % 3 == 0)
            r[1] = r[0];
        swapped = weir_key4_make(&there, (uint32_t)r[0], (uint32_t)r[1], (uint16_t)r[2],
                                 (uint16_t)r[3], (uint32_t)r[4]);
        cr_assert_neq(weir_key4_make(&back, (uint32_t)r[1], (uint32_t)r[0], (uint16_t)r[3],
                                     (uint16_t)r[2], (uint32_t)r[4]),
                      swapped);
        cr_assert_eq(memcmp(&there, &back, sizeof(there)), 0);
        cr_assert_eq(weir_hash_key4(&secret, &there), weir_hash_key4(&secret, &back));
        back.tail.zone_proto ^= 1U << i % 32;
        cr_assert_neq(weir_hash_key4(&secret, &there), weir_hash_key4(&secret, &back));
    }
}

Test(hash, both_directions_have_one_key_and_hash_in_ipv6)
{
    struct weir_hash_secret secret;

    random_fill(secret.word, 10);
    for (unsigned int i = 0; i < 100000; i++) {
        uint8_t ends[2][16];
        uint64_t r[5];
        struct weir_key6 there;
        struct weir_key6 back;
        unsigned int swapped;

        random_fill(r, 5);
        memcpy(ends[0], r, 16);
        memcpy(ends[1], i % 3 == 0 ? r : r + 2, 16);
        swapped = weir_key6_make(&there, ends[0], ends[1], (uint16_t)r[4], (uint16_t)(r[4] >> 16),
                                 (uint32_t)(r[4] >> 32));
        cr_assert_neq(weir_key6_make(&back, ends[1], ends[0], (uint16_t)(r[4] >> 16),
                                     (uint16_t)r[4], (uint32_t)(r[4] >> 32)),
                      swapped);
        cr_assert_eq(memcmp(&there, &back, sizeof(there)), 0);
        cr_assert_eq(weir_hash_key6(&secret, &there), weir_hash_key6(&secret, &back));
        back.tail.zone_proto ^= 1U << i % 32;
        cr_assert_neq(weir_hash_key6(&secret, &there), weir_hash_key6(&secret, &back));
    }
}

/* What the table relies on when it spoils the key of a record given back. */
Test(hash, lower_end_stands_first)
{
    struct weir_key4 key;

    cr_assert_eq(
        weir_key4_make(&key, __builtin_bswap32(0x0a000002), __builtin_bswap32(0x0a000001), 1, 2, 0),
        1);
    cr_assert_eq(key.addr[0], __builtin_bswap32(0x0a000001));
    cr_assert_eq(key.tail.port[0], 2);
    cr_assert_eq(weir_key4_make(&key, 5, 5, __builtin_bswap16(80), __builtin_bswap16(80), 0), 0,
                 "equal ends are not swapped");
}
