/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One bucket of the flow table's index, and the comparison of a tag with all ten of it at once:
 * AVX2, SSE2, and the same in plain C, which is taken where neither exists or WEIR_PLAIN_C is set.
 *
 * A match is a mask of two bits a slot, of which only the lower is ever set: bit 2 i for slot i.
 * That is what the byte mask of a compare of 16-bit lanes comes to without a further instruction.
 */
#ifndef WEIR_CORE_TABLE_MATCH_H
#define WEIR_CORE_TABLE_MATCH_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define WEIR_BUCKET_SLOTS 10U

struct weir_bucket {
    uint16_t tag[WEIR_BUCKET_SLOTS]; /* 0 = empty slot */
    uint16_t displaced; /* entries whose first bucket this is, standing in their second */
    uint16_t guests;    /* bit i: this bucket is the second one of the entry in slot i */
    uint32_t record[WEIR_BUCKET_SLOTS];
};

static_assert(sizeof(struct weir_bucket) == 64, "one bucket, one line");
static_assert(offsetof(struct weir_bucket, tag) == 0, "the compare loads from the line's start");

#define WEIR_MATCH_ALL 0x55555U /* all ten slots */

static inline unsigned int weir_match_slot(uint32_t mask)
{
    return (unsigned int)__builtin_ctz(mask) >> 1;
}

static inline uint32_t weir_bucket_match_plain(const struct weir_bucket *bucket, uint16_t tag)
{
    uint32_t mask = 0;

    for (unsigned int i = 0; i < WEIR_BUCKET_SLOTS; i++)
        mask |= (uint32_t)(bucket->tag[i] == tag) << 2 * i;
    return mask;
}

#if defined(__SSE2__)
static inline uint32_t weir_bucket_match_sse2(const struct weir_bucket *bucket, uint16_t tag)
{
    const __m128i *line = (const __m128i *)(const void *)bucket;
    __m128i want = _mm_set1_epi16((short)tag);
    __m128i low = _mm_cmpeq_epi16(_mm_load_si128(line), want);
    __m128i high = _mm_cmpeq_epi16(_mm_load_si128(line + 1), want);

    return ((uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16) &
           WEIR_MATCH_ALL;
}
#endif

#if defined(__AVX2__)
static inline uint32_t weir_bucket_match_avx2(const struct weir_bucket *bucket, uint16_t tag)
{
    __m256i line = _mm256_load_si256((const __m256i *)(const void *)bucket);
    __m256i equal = _mm256_cmpeq_epi16(line, _mm256_set1_epi16((short)tag));

    return (uint32_t)_mm256_movemask_epi8(equal) & WEIR_MATCH_ALL;
}
#endif

#if defined(WEIR_PLAIN_C) || !defined(__SSE2__)
#define WEIR_MATCH_NAME                "plain"
#define weir_bucket_match(bucket, tag) weir_bucket_match_plain(bucket, tag)
#elif defined(__AVX2__)
#define WEIR_MATCH_NAME                "avx2"
#define weir_bucket_match(bucket, tag) weir_bucket_match_avx2(bucket, tag)
#else
#define WEIR_MATCH_NAME                "sse2"
#define weir_bucket_match(bucket, tag) weir_bucket_match_sse2(bucket, tag)
#endif

/* Move an entry into its other bucket, into an empty slot there; first and second stay told apart.
 */
static inline void weir_bucket_move(struct weir_bucket *from, unsigned int slot,
                                    struct weir_bucket *to, unsigned int empty)
{
    if (from->guests >> slot & 1U) {
        from->guests &= (uint16_t) ~(1U << slot);
        to->displaced--;
    } else {
        to->guests |= (uint16_t)(1U << empty);
        from->displaced++;
    }
    to->tag[empty] = from->tag[slot];
    to->record[empty] = from->record[slot];
    from->tag[slot] = 0;
}

/*
 * The order in which a full bucket's entries are asked to leave, as a mask: guests, who would go
 * home, before those who live here. The lowest bit set is weir_bucket_leaver()'s slot; the next is
 * uncovered by clearing it.
 */
static inline uint32_t weir_bucket_leavers(const struct weir_bucket *bucket)
{
    uint32_t all = (1U << WEIR_BUCKET_SLOTS) - 1;

    return bucket->guests | (~(uint32_t)bucket->guests & all) << WEIR_BUCKET_SLOTS;
}

static inline unsigned int weir_bucket_leaver(uint32_t leavers)
{
    unsigned int bit = (unsigned int)__builtin_ctz(leavers);

    return bit < WEIR_BUCKET_SLOTS ? bit : bit - WEIR_BUCKET_SLOTS;
}

#endif
