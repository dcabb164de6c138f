/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain.h with vectors of 64 octets (AVX-512): a record is one vector, what a segment says of it
 * another, and a condition is a lane. Whatever this takes, plain.h would take and do to it exactly
 * the same (test_plain.c); what it leaves goes the full way, as there.
 *
 *   record  --arranged by direction-->  R    end, ack, edge ... of x and y, flags, key
 *   segment --arranged, lengths added--> P    what stands against each
 *   D = P - R, or R - P where less is wanted: a lane of D has a bit that must not be set, or none
 *   N = R + max(D, 0): what has moved on, arranged back into the record
 *
 * One store writes the record, so that the next packet of the same flow can load it whole.
 */
#ifndef WEIR_CORE_PLAIN_WIDE_H
#define WEIR_CORE_PLAIN_WIDE_H

#include "core/plain.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512VBMI__) && !defined(WEIR_PLAIN_C)
#define WEIR_PLAIN_NAME "avx512"
#define WEIR_PLAIN_WIDE 1

#include <immintrin.h>

/* Lanes of R, P, D and N; x has sent the segment. Those not named are of no account. */
enum weir_wide_lane {
    WEIR_WIDE_END,     /* x's end: becomes seq + len */
    WEIR_WIDE_ACK,     /* x's ack, which ack must not lie below, and becomes */
    WEIR_WIDE_I,       /* y's edge, beyond which seq + len must not lie */
    WEIR_WIDE_III,     /* y's end, beyond which ack must not lie, */
    WEIR_WIDE_IV,      /* nor further below than the largest window */
    WEIR_WIDE_EDGE,    /* x's edge: becomes ack + window, if that lies beyond */
    WEIR_WIDE_TALLY,   /* x's tally and flags: packet and octets are added */
    WEIR_WIDE_FLAGS,   /* pair, nothing, y's flags, x's flags: an octet each */
    WEIR_WIDE_SEQ,     /* x's end, which seq must be */
    WEIR_WIDE_ECHO,    /* y's time stamp: becomes tsecr, if that is newer */
    WEIR_WIDE_STAMP,   /* x's time stamp: tsval must not be older */
    WEIR_WIDE_KEY = 12 /* four lanes: the key, or the first 16 octets of an IPv6 one */
};

/* The four octets from at on. */
#define WEIR_WIDE_WORD(at)      (at), (at) + 1, (at) + 2, (at) + 3
#define WEIR_WIDE_OF(end, word) WEIR_WIDE_WORD(20 * (end) + 4 * (word)) /* of a peer */
#define WEIR_WIDE_NOTHING       WEIR_WIDE_WORD(60)

/* By direction: where each octet of R comes from, and the one with scale and largest window. */
#define WEIR_WIDE_RECORD(x, y)                                                                  \
    {WEIR_WIDE_OF(x, 0),  WEIR_WIDE_OF(x, 1),  WEIR_WIDE_OF(y, 2),  WEIR_WIDE_OF(y, 0),         \
     WEIR_WIDE_OF(y, 0),  WEIR_WIDE_OF(x, 2),  WEIR_WIDE_OF(x, 4),  45, 45, 20 * (y) + 19,      \
     20 * (x) + 19,       WEIR_WIDE_OF(x, 0),  WEIR_WIDE_OF(y, 3),  WEIR_WIDE_OF(x, 3),         \
     WEIR_WIDE_NOTHING,   WEIR_WIDE_WORD(48),  WEIR_WIDE_WORD(52),  WEIR_WIDE_WORD(56),         \
     WEIR_WIDE_WORD(60)}
#define WEIR_WIDE_WINDOW(x)                                                         \
    {[4 * WEIR_WIDE_IV] = 46 + (x), [4 * WEIR_WIDE_EDGE] = 46 + (x)}

/* By direction: from which lane of N each word of the record comes, and, with time stamps and
 * without, which do. */
#define WEIR_WIDE_BACK(x, y)                                                            \
    {[5 * (x)] = WEIR_WIDE_END, [5 * (x) + 1] = WEIR_WIDE_ACK, [5 * (x) + 2] = WEIR_WIDE_EDGE, \
     [5 * (x) + 4] = WEIR_WIDE_TALLY, [5 * (y) + 3] = WEIR_WIDE_ECHO}
#define WEIR_WIDE_WORDS(x) (0x17U << 5 * (x))
#define WEIR_WIDE_ECHOED(y) (8U << 5 * (y))
#define WEIR_WIDE_TALLIED(x) (0x10U << 5 * (x))

struct weir_wide_direction {
    uint8_t record[64];
    uint8_t window[64];
    uint32_t back[16];
    uint32_t written[16]; /* the first: bits of the record's words that are written */
};

#define WEIR_WIDE_DIRECTION(x, y, written) \
    {WEIR_WIDE_RECORD(x, y), WEIR_WIDE_WINDOW(x), WEIR_WIDE_BACK(x, y), {written}}

/* By whether the segment has time stamps, and direction. */
static const struct weir_wide_direction weir_wide_direction[2][2] __attribute__((aligned(64))) = {
    {WEIR_WIDE_DIRECTION(0, 1, WEIR_WIDE_WORDS(0)), WEIR_WIDE_DIRECTION(1, 0, WEIR_WIDE_WORDS(1))},
    {WEIR_WIDE_DIRECTION(0, 1, WEIR_WIDE_WORDS(0) | WEIR_WIDE_ECHOED(1)),
     WEIR_WIDE_DIRECTION(1, 0, WEIR_WIDE_WORDS(1) | WEIR_WIDE_ECHOED(0))},
};

/* Where the lanes of P come from: words of a packet from WEIR_WIDE_PACKET on. */
#define WEIR_WIDE_PACKET 32U

static const uint32_t weir_wide_segment[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_END] = 8,    [WEIR_WIDE_ACK] = 9,    [WEIR_WIDE_I] = 8,
    [WEIR_WIDE_III] = 9,    [WEIR_WIDE_IV] = 9,     [WEIR_WIDE_EDGE] = 9,
    [WEIR_WIDE_TALLY] = 2,  [WEIR_WIDE_FLAGS] = 7,  [WEIR_WIDE_SEQ] = 8,
    [WEIR_WIDE_ECHO] = 13,  [WEIR_WIDE_STAMP] = 12,
    [WEIR_WIDE_KEY] = 16, 17, 18, 19,
};

static_assert(offsetof(struct weir_packet, ip_len) == WEIR_WIDE_PACKET + 4 * 2 &&
                  offsetof(struct weir_packet, zero) == WEIR_WIDE_PACKET + 4 * 7 &&
                  offsetof(struct weir_packet, seg) == WEIR_WIDE_PACKET + 4 * 8 &&
                  sizeof(struct weir_packet) == WEIR_WIDE_PACKET + 64,
              "the words of weir_wide_segment");

/* What is added to P: octets of the packet, or from 64 on of weir_wide_units; 64 is a 0. */
#define WEIR_WIDE_ZERO 64, 64, 64, 64

static const uint8_t weir_wide_lengths[64] __attribute__((aligned(64))) = {
    WEIR_WIDE_WORD(40), WEIR_WIDE_ZERO, WEIR_WIDE_WORD(40), WEIR_WIDE_ZERO,
    WEIR_WIDE_WORD(68), 44, 45, 64, 64, WEIR_WIDE_WORD(72), WEIR_WIDE_ZERO,
    WEIR_WIDE_ZERO,     WEIR_WIDE_ZERO, WEIR_WIDE_ZERO,     WEIR_WIDE_ZERO,
    WEIR_WIDE_ZERO,     WEIR_WIDE_ZERO, WEIR_WIDE_ZERO,     WEIR_WIDE_ZERO,
};

static const uint32_t weir_wide_units[16] __attribute__((aligned(64))) = {
    0, 1U << WEIR_SLACK_SHIFT, 1U << 17};

/* How far: the octet with scale and largest window, cut, moved and bounded. */
static const uint32_t weir_wide_nibble[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_IV] = 0xf0, [WEIR_WIDE_EDGE] = 0x0f};
static const uint32_t weir_wide_moved[16] __attribute__((aligned(64))) = {[WEIR_WIDE_IV] = 4};
static const uint32_t weir_wide_bound[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_IV] = 15, [WEIR_WIDE_EDGE] = WEIR_WSCALE_MAX};

/* What flags are to be, and which bits of D are not to be set. */
struct weir_wide_demand {
    uint32_t flags[16];
    uint32_t unset[16];
};

#define WEIR_WIDE_X(letter, ts) (WEIR_PEER_SEEN | (letter) | (ts))
#define WEIR_WIDE_Y(ts)         (WEIR_PEER_SEEN | (ts))
#define WEIR_WIDE_DEMAND(letter, ts)                                                         \
    {{[WEIR_WIDE_FLAGS] = WEIR_PAIR_MID | WEIR_WIDE_Y(ts) << 16 | WEIR_WIDE_X(letter, ts) << 24}, \
     {[WEIR_WIDE_ACK] = WEIR_PLAIN_BEHIND,                                                   \
      [WEIR_WIDE_I] = WEIR_PLAIN_BEHIND,                                                     \
      [WEIR_WIDE_III] = WEIR_PLAIN_BEHIND,                                                   \
      [WEIR_WIDE_IV] = WEIR_PLAIN_BEHIND,                                                    \
      [WEIR_WIDE_TALLY] = WEIR_SPILL_BYTES, /* a packet of that many octets */               \
      [WEIR_WIDE_FLAGS] =                                                                    \
          0xffU | (WEIR_WIDE_Y(ts) | WEIR_PEER_FIN | WEIR_PEER_UNSURE) << 16 |               \
          (WEIR_WIDE_X(letter, ts) | WEIR_PEER_FIN | WEIR_PEER_UNSURE | WEIR_PEER_CHALL) << 24, \
      [WEIR_WIDE_SEQ] = UINT32_MAX,                                                          \
      [WEIR_WIDE_STAMP] = (ts) ? WEIR_PLAIN_BEHIND : 0,                                      \
      [WEIR_WIDE_KEY] = UINT32_MAX,                                                          \
      UINT32_MAX,                                                                            \
      UINT32_MAX,                                                                            \
      UINT32_MAX}}

/* By whether the segment has time stamps, and whether it has data. */
static const struct weir_wide_demand weir_wide_demand[2][2] __attribute__((aligned(64))) = {
    {WEIR_WIDE_DEMAND(WEIR_PEER_ACK, 0U), WEIR_WIDE_DEMAND(WEIR_PEER_DATA, 0U)},
    {WEIR_WIDE_DEMAND(WEIR_PEER_ACK, WEIR_PEER_TS), WEIR_WIDE_DEMAND(WEIR_PEER_DATA, WEIR_PEER_TS)},
};

/* A tally that wants to be spilled. */
static const uint32_t weir_wide_full[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_TALLY] = WEIR_SPILL_BYTES | WEIR_SPILL_PACKETS << 17};

/* Bits of a record that hold the clock. */
static const uint32_t weir_wide_clock[16] __attribute__((aligned(64))) = {
    [10] = UINT32_MAX, [11] = 0xff};

/* D is P - R, but R - P, which is ~P - ~R, where bits are turned over; and P where R is left out. */
static const uint32_t weir_wide_turned[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_I] = UINT32_MAX, [WEIR_WIDE_III] = UINT32_MAX, [WEIR_WIDE_FLAGS] = UINT32_MAX};
static const uint32_t weir_wide_left_out[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_TALLY] = UINT32_MAX};

static const uint32_t weir_wide_slack[16] __attribute__((aligned(64))) = {
    [WEIR_WIDE_IV] = WEIR_PLAIN_BEHIND};

static_assert(offsetof(struct weir_flow, last_low) == 4 * 10, "the words of weir_wide_clock");

static inline __m512i weir_wide_load(const void *at)
{
    return _mm512_load_si512(at);
}

/* A key of key_len octets differs beyond its first 16. */
static inline __mmask8 weir_wide_differs(const struct weir_flow *flow,
                                         const struct weir_packet *packet, unsigned int key_len)
{
    const uint8_t *held = (const uint8_t *)flow + WEIR_FLOW4_SIZE;
    const uint8_t *sought = (const uint8_t *)&packet->key6 + sizeof(struct weir_key4);

    if (key_len == sizeof(struct weir_key4))
        return 0;
    return _mm256_mask_cmpneq_epu64_mask(
        0x7, _mm256_load_si256((const __m256i *)(const void *)held),
        _mm256_loadu_si256((const __m256i *)(const void *)sought));
}

/*
 * Track, time and count a packet as weir_plain_track does if the record's key, of key_len octets, is
 * the packet's. False, and nothing changed, if that is not so, or the packet not plain.
 */
static inline bool weir_wide_track(struct weir_flow *flow, struct weir_flow_cold *cold,
                                   struct weir_annex *annex, unsigned int dir,
                                   const struct weir_packet *packet, uint64_t time_us,
                                   uint64_t patience_us, unsigned int key_len)
{
    const unsigned int above = 64 - WEIR_PLAIN_CLOCK_BITS;
    const struct weir_segment *seg = &packet->seg;
    const size_t stamped = seg->opts & WEIR_SEG_TS;
    const struct weir_wide_direction *by_dir = &weir_wide_direction[stamped][dir];
    const struct weir_wide_demand *demand = &weir_wide_demand[stamped][seg->len != 0];
    __m512i record = weir_wide_load(flow);
    __m512i said = _mm512_loadu_si512((const uint8_t *)packet + WEIR_WIDE_PACKET);
    __m512i key = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(const void *)packet));
    __m512i r;
    __m512i p;
    __m512i d;
    __m512i n;
    __m512i shift;
    __m512i length;
    __mmask16 written;
    __mmask16 odd;
    __mmask16 spills;

    if (WEIR_PLAIN_UNLESS((time_us - weir_plain_word(flow)) << above > patience_us << above) ||
        WEIR_PLAIN_UNLESS(weir_plain_odd_segment(seg)) ||
        WEIR_PLAIN_UNLESS((seg->opts & WEIR_SEG_TS) && seg->tsecr == 0))
        return false;
    written = (__mmask16)by_dir->written[0];
    r = _mm512_permutexvar_epi8(weir_wide_load(by_dir->record), record);
    p = _mm512_permutex2var_epi32(said, weir_wide_load(weir_wide_segment), key);

    shift = _mm512_permutexvar_epi8(weir_wide_load(by_dir->window), record);
    shift = _mm512_and_si512(shift, weir_wide_load(weir_wide_nibble));
    shift = _mm512_srlv_epi32(shift, weir_wide_load(weir_wide_moved));
    shift = _mm512_min_epu32(shift, weir_wide_load(weir_wide_bound));
    length = _mm512_permutex2var_epi8(said, weir_wide_load(weir_wide_lengths),
                                      weir_wide_load(weir_wide_units));
    length = _mm512_sllv_epi32(length, shift);
    p = _mm512_add_epi32(p, length);

    d = _mm512_sub_epi32(_mm512_xor_si512(p, weir_wide_load(weir_wide_turned)),
                         _mm512_ternarylogic_epi32(r, weir_wide_load(weir_wide_left_out),
                                                   weir_wide_load(weir_wide_turned),
                                                   (0xf0 & ~0xcc) ^ 0xaa));
    n = _mm512_add_epi32(r, _mm512_max_epi32(d, _mm512_setzero_si512()));
    /* In lane IV the length is the largest window, in the next, EDGE, this one: not larger. */
    length = _mm512_sub_epi32(length, _mm512_shuffle_epi32(length, _MM_PERM_DDDB));
    d = _mm512_ternarylogic_epi32(d, length, weir_wide_load(weir_wide_slack), 0xf0 | (0xcc & 0xaa));
    d = _mm512_xor_si512(d, weir_wide_load(demand->flags));
    odd = _mm512_test_epi32_mask(d, weir_wide_load(demand->unset)) |
          weir_wide_differs(flow, packet, key_len);
    spills = _mm512_test_epi32_mask(n, weir_wide_load(weir_wide_full));
    if (WEIR_PLAIN_UNLESS(!_kortestz_mask16_u8(odd, spills))) {
        if (odd != 0)
            return false;
        written &= (__mmask16) ~(WEIR_WIDE_TALLIED(dir));
    }
    record = _mm512_mask_permutexvar_epi32(record, written, weir_wide_load(by_dir->back), n);
    record = _mm512_ternarylogic_epi32(record, _mm512_set1_epi64((long long)time_us),
                                       weir_wide_load(weir_wide_clock),
                                       (0xf0 & ~0xaa) | (0xcc & 0xaa));
    _mm512_store_si512(flow, record);
    if (WEIR_PLAIN_UNLESS(spills))
        weir_account_spill(flow, cold, annex, dir, flow->peer[dir].packets + 1U,
                           flow->peer[dir].bytes + packet->ip_len);
    return true;
}

#else
#define WEIR_PLAIN_NAME "plain"
#endif

#endif
