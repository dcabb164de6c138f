/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table's keyed hash. CRC32 and Toeplitz are linear: whoever can choose addresses and
 * ports can choose collisions, seed or no seed. Three AES rounds with secret round keys are not,
 * and cost less than a cache miss; where the CPU has no AES instruction, SipHash-1-3 (Aumasson and
 * Bernstein 2012) takes their place. The value never leaves the process, so the two need not agree.
 */
#ifndef WEIR_CORE_HASH_H
#define WEIR_CORE_HASH_H

#include <stdint.h>
#include <string.h>

#if defined(__AES__)
#include <immintrin.h>
#endif

#include "core/key.h"

/* Secret of one run; fill with arc4random_buf() before first use, then constant. */
struct weir_hash_secret {
    uint64_t word[10];
};

#if defined(__AES__)
static inline uint64_t weir_hash_aes_end(__m128i x, const __m128i *k)
{
    x = _mm_aesenc_si128(x, k[1]);
    x = _mm_aesenc_si128(x, k[2]);
    x = _mm_aesenc_si128(x, k[3]);
    return (uint64_t)_mm_cvtsi128_si64(x);
}

static inline uint64_t weir_hash_aes4(const struct weir_hash_secret *secret,
                                      const struct weir_key4 *key)
{
    const __m128i *k = (const __m128i *)(const void *)secret->word;
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)key);
    __m128i keys[4] = {_mm_loadu_si128(k), _mm_loadu_si128(k + 1), _mm_loadu_si128(k + 2),
                       _mm_loadu_si128(k + 3)};

    return weir_hash_aes_end(_mm_xor_si128(x, keys[0]), keys);
}

static inline uint64_t weir_hash_aes6(const struct weir_hash_secret *secret,
                                      const struct weir_key6 *key)
{
    const __m128i *k = (const __m128i *)(const void *)secret->word;
    const __m128i *p = (const __m128i *)(const void *)key;
    __m128i keys[5] = {_mm_loadu_si128(k), _mm_loadu_si128(k + 1), _mm_loadu_si128(k + 2),
                       _mm_loadu_si128(k + 3), _mm_loadu_si128(k + 4)};
    __m128i x = _mm_xor_si128(_mm_loadu_si128(p), keys[0]);

    /* CBC-like: each block passes two rounds before the next is mixed in. */
    x = _mm_aesenc_si128(_mm_aesenc_si128(x, keys[4]), _mm_loadu_si128(p + 1));
    x = _mm_aesenc_si128(_mm_aesenc_si128(x, keys[3]), _mm_loadl_epi64(p + 2));
    return weir_hash_aes_end(x, keys);
}
#endif

static inline uint64_t weir_hash_rotl(uint64_t x, unsigned int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void weir_hash_sipround(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = weir_hash_rotl(v[1], 13) ^ v[0];
    v[3] = weir_hash_rotl(v[3], 16) ^ v[2];
    v[0] = weir_hash_rotl(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = weir_hash_rotl(v[3], 21) ^ v[0];
    v[1] = weir_hash_rotl(v[1], 17) ^ v[2];
    v[2] = weir_hash_rotl(v[2], 32);
}

static inline uint64_t weir_hash_siphash(const struct weir_hash_secret *secret, const void *data,
                                         unsigned int words)
{
    uint64_t v[4] = {secret->word[0] ^ 0x736f6d6570736575U, secret->word[1] ^ 0x646f72616e646f6dU,
                     secret->word[0] ^ 0x6c7967656e657261U, secret->word[1] ^ 0x7465646279746573U};

    for (unsigned int i = 0; i < words; i++) {
        uint64_t m;

        memcpy(&m, (const uint8_t *)data + 8 * (size_t)i, 8);
        v[3] ^= m;
        weir_hash_sipround(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (unsigned int i = 0; i < 3; i++)
        weir_hash_sipround(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#if defined(__AES__) && !defined(WEIR_PLAIN_C)
#define WEIR_HASH_NAME "aes"
#else
#define WEIR_HASH_NAME "siphash-1-3"
#endif

static inline uint64_t weir_hash_key4(const struct weir_hash_secret *secret,
                                      const struct weir_key4 *key)
{
#if defined(__AES__) && !defined(WEIR_PLAIN_C)
    return weir_hash_aes4(secret, key);
#else
    return weir_hash_siphash(secret, key, sizeof(*key) / 8);
#endif
}

static inline uint64_t weir_hash_key6(const struct weir_hash_secret *secret,
                                      const struct weir_key6 *key)
{
#if defined(__AES__) && !defined(WEIR_PLAIN_C)
    return weir_hash_aes6(secret, key);
#else
    return weir_hash_siphash(secret, key, sizeof(*key) / 8);
#endif
}

#endif
