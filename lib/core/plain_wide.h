/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain.h in vectors of 64 octets (AVX-512): a record is one, what a packet says of it another, and
 * a condition is a lane. Whatever this takes, plain.h would take too, and do to it exactly the same
 * (test_plain.c); what it leaves goes the full way, as there.
 *
 *   record -> R   arranged by direction: end, ack, edge ... of x, who sent it, and y; flags; key
 *   packet -> P   what stands against each of them, lengths and windows added
 *   D = P - R     or R - P; what must not be shows in certain bits of certain lanes
 *   N = R + max(D, 0)   what has moved on, put back where it came from in the record
 *
 * The record is read and written as a whole, so that the next packet of the same flow need not wait
 * until it is in the cache.
 */
#ifndef WEIR_CORE_PLAIN_WIDE_H
#define WEIR_CORE_PLAIN_WIDE_H

#include "core/plain.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) &&                      \
    defined(__AVX512VBMI__) && !defined(WEIR_PLAIN_C)
#define WEIR_PLAIN_WIDE 1

#include <immintrin.h>

/* Lanes of R, P, D and N. */
enum weir_wide_lane {
    WEIR_WIDE_END,     /* x's end: becomes seq + len */
    WEIR_WIDE_ACK,     /* x's ack, below which ack must not lie: becomes ack */
    WEIR_WIDE_I,       /* y's edge, beyond which seq + len must not lie */
    WEIR_WIDE_III,     /* y's end, beyond which ack must not lie, */
    WEIR_WIDE_IV,      /* nor further below it than y's largest window */
    WEIR_WIDE_EDGE,    /* x's edge: becomes ack + window where that is beyond it */
    WEIR_WIDE_TALLY,   /* x's tally and flags: one packet and its octets are added */
    WEIR_WIDE_FLAGS,   /* pair, nothing, y's flags, x's flags: an octet each */
    WEIR_WIDE_SEQ,     /* x's end, which seq must be */
    WEIR_WIDE_ECHO,    /* y's time stamp: becomes tsecr where that is newer */
    WEIR_WIDE_STAMP,   /* x's time stamp, than which tsval must not be older */
    WEIR_WIDE_KEY = 12 /* four lanes: the key, of IPv6 the first 16 octets */
};

#define WEIR_WIDE_ALL 0xffffffffU

/* The four octets of a word, and of one in a peer; the octet of an end's window, and the pair. */
#define WEIR_WIDE_WORD(at)       (at), (at) + 1, (at) + 2, (at) + 3
#define WEIR_WIDE_PEER(end, at)  (20 * (end) + 4 * (at))
#define WEIR_WIDE_FROM(end, at)  WEIR_WIDE_WORD(WEIR_WIDE_PEER(end, at))
#define WEIR_WIDE_WINDOW_OF(end) (46 + (end))
#define WEIR_WIDE_PAIR           45

static_assert(sizeof(struct weir_peer) == 20 && offsetof(struct weir_peer, ack) == 4 &&
                  offsetof(struct weir_peer, edge) == 8 && offsetof(struct weir_peer, ts) == 12 &&
                  WEIR_PLAIN_TALLY == 16 && offsetof(struct weir_flow, last_low) == 40 &&
                  offsetof(struct weir_flow, pair) == WEIR_WIDE_PAIR &&
                  offsetof(struct weir_flow, win) == WEIR_WIDE_WINDOW_OF(0),
              "where WEIR_WIDE_DIRECTION finds them");

/* What depends on the direction, and on whether the segment has time stamps. */
struct weir_wide_direction {
    uint8_t record[64];   /* where each octet of R comes from */
    uint8_t window[64];   /* where scale and largest window of x come from, by lane */
    uint32_t back[16];    /* from which lane each word of the record comes, if its bit is set in */
    uint32_t written[16]; /* the first of these */
};

#define WEIR_WIDE_DIRECTION(x, y, stamped)                                                         \
    {                                                                                              \
        {WEIR_WIDE_FROM(x, 0),     WEIR_WIDE_FROM(x, 1),     WEIR_WIDE_FROM(y, 2),                 \
         WEIR_WIDE_FROM(y, 0),     WEIR_WIDE_FROM(y, 0),     WEIR_WIDE_FROM(x, 2),                 \
         WEIR_WIDE_FROM(x, 4),     WEIR_WIDE_PAIR,           WEIR_WIDE_PAIR,                       \
         WEIR_WIDE_PEER(y, 4) + 3, WEIR_WIDE_PEER(x, 4) + 3, WEIR_WIDE_FROM(x, 0),                 \
         WEIR_WIDE_FROM(y, 3),     WEIR_WIDE_FROM(x, 3),     WEIR_WIDE_FROM(x, 0),                 \
         WEIR_WIDE_WORD(48),       WEIR_WIDE_WORD(52),       WEIR_WIDE_WORD(56),                   \
         WEIR_WIDE_WORD(60)},                                                                      \
            {[4 * WEIR_WIDE_IV] = WEIR_WIDE_WINDOW_OF(x),                                          \
             [4 * WEIR_WIDE_EDGE] = WEIR_WIDE_WINDOW_OF(x)},                                       \
            {[5 * (x)] = WEIR_WIDE_END,                                                            \
             [5 * (x) + 1] = WEIR_WIDE_ACK,                                                        \
             [5 * (x) + 2] = WEIR_WIDE_EDGE,                                                       \
             [5 * (x) + 4] = WEIR_WIDE_TALLY,                                                      \
             [5 * (y) + 3] = WEIR_WIDE_ECHO},                                                      \
        {                                                                                          \
            0x17U << 5 * (x) | ((stamped) ? 0x08U << 5 * (y) : 0)                                  \
        }                                                                                          \
    }

#define WEIR_WIDE_TALLIED(x) (0x10U << 5 * (x)) /* the bit of x's tally */

static const struct weir_wide_direction weir_wide_direction[2][2] __attribute__((aligned(64))) = {
    {WEIR_WIDE_DIRECTION(0, 1, false), WEIR_WIDE_DIRECTION(1, 0, false)},
    {WEIR_WIDE_DIRECTION(0, 1, true), WEIR_WIDE_DIRECTION(1, 0, true)},
};

/* What is demanded, by whether the segment has time stamps, and whether it has data. */
struct weir_wide_demand {
    uint32_t flags[16]; /* as they are to be, */
    uint32_t unset[16]; /* and bits of D, those flags taken off, that must not be set */
};

#define WEIR_WIDE_DEMAND(letter, ts)                                                               \
    {                                                                                              \
        {[WEIR_WIDE_FLAGS] = WEIR_PAIR_MID | (WEIR_PEER_SEEN | (ts)) << 16 |                       \
                             (WEIR_PEER_SEEN | (letter) | (ts)) << 24},                            \
        {                                                                                          \
            [WEIR_WIDE_ACK] = WEIR_PLAIN_BEHIND, [WEIR_WIDE_I] = WEIR_PLAIN_BEHIND,                \
            [WEIR_WIDE_III] = WEIR_PLAIN_BEHIND, [WEIR_WIDE_IV] = WEIR_PLAIN_BEHIND,               \
            [WEIR_WIDE_TALLY] = WEIR_SPILL_BYTES, /* as many octets in one packet */               \
                [WEIR_WIDE_FLAGS] =                                                                \
                    0xffU | (WEIR_PEER_SEEN | WEIR_PEER_FIN | WEIR_PEER_UNSURE | (ts)) << 16 |     \
                    (WEIR_PEER_SEEN | WEIR_PEER_FIN | WEIR_PEER_UNSURE | WEIR_PEER_CHALL |         \
                     (letter) | (ts))                                                              \
                        << 24,                                                                     \
            [WEIR_WIDE_SEQ] = WEIR_WIDE_ALL, [WEIR_WIDE_STAMP] = (ts) ? WEIR_PLAIN_BEHIND : 0,     \
            [WEIR_WIDE_KEY] = WEIR_WIDE_ALL, [WEIR_WIDE_KEY + 1] = WEIR_WIDE_ALL,                  \
            [WEIR_WIDE_KEY + 2] = WEIR_WIDE_ALL, [WEIR_WIDE_KEY + 3] = WEIR_WIDE_ALL               \
        }                                                                                          \
    }

static const struct weir_wide_demand weir_wide_demand[2][2] __attribute__((aligned(64))) = {
    {WEIR_WIDE_DEMAND(WEIR_PEER_ACK, 0U), WEIR_WIDE_DEMAND(WEIR_PEER_DATA, 0U)},
    {WEIR_WIDE_DEMAND(WEIR_PEER_ACK, WEIR_PEER_TS), WEIR_WIDE_DEMAND(WEIR_PEER_DATA, WEIR_PEER_TS)},
};

/* Where in a packet the 64 octets begin that end with its segment. */
#define WEIR_WIDE_SAID 32U

static_assert(offsetof(struct weir_packet, key4) == 0 &&
                  offsetof(struct weir_packet, ip_len) == WEIR_WIDE_SAID + 4 * 2 &&
                  offsetof(struct weir_packet, zero) == WEIR_WIDE_SAID + 4 * 7 &&
                  offsetof(struct weir_packet, seg) == WEIR_WIDE_SAID + 4 * 8 &&
                  sizeof(struct weir_packet) == WEIR_WIDE_SAID + 64,
              "the words that weir_wide names");

static const struct {
    uint32_t said[16];   /* where each lane of P comes from: words from SAID on, then of the key */
    uint8_t lengths[64]; /* what is added to each: octets from SAID on, then of units */
    uint32_t units[16];
    uint32_t nibble[16]; /* half of the octet of scale and largest window, */
    uint32_t down[16];   /* so many bits further down, */
    uint32_t most[16];   /* and no more than that: by how many bits a length is shifted */
    uint32_t turned[16]; /* R - P is ~P - ~R: where bits are turned over */
    uint32_t alone[16];  /* where D is P */
    uint32_t slack[16];  /* where the largest window and this one are compared */
    uint32_t full[16];   /* a tally that wants to be spilled */
    uint32_t clock[16];  /* where a record has it */
} weir_wide __attribute__((aligned(64))) = {
    .said = {[WEIR_WIDE_END] = 8,
             [WEIR_WIDE_ACK] = 9,
             [WEIR_WIDE_I] = 8,
             [WEIR_WIDE_III] = 9,
             [WEIR_WIDE_IV] = 9,
             [WEIR_WIDE_EDGE] = 9,
             [WEIR_WIDE_TALLY] = 2,
             [WEIR_WIDE_FLAGS] = 7,
             [WEIR_WIDE_SEQ] = 8,
             [WEIR_WIDE_ECHO] = 13,
             [WEIR_WIDE_STAMP] = 12,
             [WEIR_WIDE_KEY] = 16,
             [WEIR_WIDE_KEY + 1] = 17,
             [WEIR_WIDE_KEY + 2] = 18,
             [WEIR_WIDE_KEY + 3] = 19},
#define WEIR_WIDE_UNIT(at) WEIR_WIDE_WORD(64 + 4 * (at))
    .lengths = {WEIR_WIDE_WORD(40), WEIR_WIDE_UNIT(0), WEIR_WIDE_WORD(40), WEIR_WIDE_UNIT(0),
                WEIR_WIDE_UNIT(1), 44, 45, 64, 64, WEIR_WIDE_UNIT(2), WEIR_WIDE_UNIT(0),
                WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0),
                WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0), WEIR_WIDE_UNIT(0)},
#undef WEIR_WIDE_UNIT
    .units = {0, 1U << WEIR_SLACK_SHIFT, 1U << 17 /* a packet in the tally */},
    .nibble = {[WEIR_WIDE_IV] = 0xf0, [WEIR_WIDE_EDGE] = 0x0f},
    .down = {[WEIR_WIDE_IV] = 4},
    .most = {[WEIR_WIDE_IV] = 15, [WEIR_WIDE_EDGE] = WEIR_WSCALE_MAX},
    .turned = {[WEIR_WIDE_I] = WEIR_WIDE_ALL,
               [WEIR_WIDE_III] = WEIR_WIDE_ALL,
               [WEIR_WIDE_FLAGS] = WEIR_WIDE_ALL},
    .alone = {[WEIR_WIDE_TALLY] = WEIR_WIDE_ALL},
    .slack = {[WEIR_WIDE_IV] = WEIR_PLAIN_BEHIND},
    .full = {[WEIR_WIDE_TALLY] = WEIR_SPILL_BYTES | WEIR_SPILL_PACKETS << 17},
    .clock = {[10] = WEIR_WIDE_ALL, [11] = 0xff},
};

/* Truth tables of three operands: a is 0xf0, b 0xcc, c 0xaa. */
enum {
    WEIR_WIDE_BUT_TURNED = (0xf0 & 0x33) ^ 0xaa,      /* a but b, turned over where c is set */
    WEIR_WIDE_OR_AND = 0xf0 | (0xcc & 0xaa),          /* a, or b and c */
    WEIR_WIDE_CHOICE = (0xf0 & 0x55) | (0xcc & 0xaa), /* b where c is set, else a */
};

static inline __m512i weir_wide_load(const void *at)
{
    return _mm512_load_si512(at);
}

/* R, but 0 in lanes where D is P, and turned over where P is. */
static inline __m512i weir_wide_against(__m512i r)
{
    return _mm512_ternarylogic_epi32(r, weir_wide_load(weir_wide.alone),
                                     weir_wide_load(weir_wide.turned), WEIR_WIDE_BUT_TURNED);
}

/* By how many bits the length in each lane is to be shifted. */
static inline __m512i weir_wide_shifts(const struct weir_wide_direction *direction, __m512i record)
{
    __m512i window = _mm512_permutexvar_epi8(weir_wide_load(direction->window), record);

    window = _mm512_and_si512(window, weir_wide_load(weir_wide.nibble));
    window = _mm512_srlv_epi32(window, weir_wide_load(weir_wide.down));
    return _mm512_min_epu32(window, weir_wide_load(weir_wide.most));
}

/* Does a key of key_len octets differ from the packet's beyond its first 16? */
static inline __mmask16 weir_wide_differs(const struct weir_flow *flow,
                                          const struct weir_packet *packet, unsigned int key_len)
{
    const uint8_t *held = (const uint8_t *)flow + WEIR_FLOW4_SIZE;
    const uint8_t *sought = (const uint8_t *)&packet->key6 + sizeof(struct weir_key4);
    const __mmask8 words = 0x7;

    if (key_len == sizeof(struct weir_key4))
        return 0;
    return _mm256_mask_cmpneq_epu64_mask(words,
                                         _mm256_load_si256((const __m256i *)(const void *)held),
                                         _mm256_loadu_si256((const __m256i *)(const void *)sought));
}

static_assert(sizeof(struct weir_key6) - sizeof(struct weir_key4) == 3 * sizeof(uint64_t) &&
                  sizeof(struct weir_key4) + 32 <= sizeof(struct weir_packet),
              "what weir_wide_differs compares and loads");

/*
 * weir_plain_track if the record's key, of key_len octets, is the packet's. False, and nothing
 * changed, if it is not, or the packet not plain, or its time stamps the first of its sender, or
 * echo nothing.
 */
static inline bool weir_wide_track(struct weir_flow *flow, struct weir_flow_cold *cold,
                                   struct weir_annex *annex, unsigned int dir,
                                   const struct weir_packet *packet, uint64_t time_us,
                                   uint64_t patience_us, unsigned int key_len)
{
    const unsigned int above = 64 - WEIR_PLAIN_CLOCK_BITS;
    const struct weir_segment *seg = &packet->seg;
    const size_t stamped = seg->opts & WEIR_SEG_TS;
    const struct weir_wide_direction *direction = &weir_wide_direction[stamped][dir];
    const struct weir_wide_demand *demand = &weir_wide_demand[stamped][seg->len != 0];
    __mmask16 written = (__mmask16)direction->written[0];
    __m512i record = weir_wide_load(flow);
    __m512i said = _mm512_loadu_si512((const uint8_t *)packet + WEIR_WIDE_SAID);
    __m512i key = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(const void *)packet));
    __m512i length;
    __m512i r;
    __m512i p;
    __m512i d;
    __m512i n;
    __mmask16 odd;
    __mmask16 spills;

    if (WEIR_PLAIN_UNLESS((time_us - weir_plain_word(flow)) << above > patience_us << above) ||
        WEIR_PLAIN_UNLESS(weir_plain_odd_segment(seg)) ||
        WEIR_PLAIN_UNLESS((seg->opts & WEIR_SEG_TS) && seg->tsecr == 0))
        return false;

    r = _mm512_permutexvar_epi8(weir_wide_load(direction->record), record);
    p = _mm512_permutex2var_epi32(said, weir_wide_load(weir_wide.said), key);
    length = _mm512_permutex2var_epi8(said, weir_wide_load(weir_wide.lengths),
                                      weir_wide_load(weir_wide.units));
    length = _mm512_sllv_epi32(length, weir_wide_shifts(direction, record));
    p = _mm512_add_epi32(p, length);
    d = _mm512_sub_epi32(_mm512_xor_si512(p, weir_wide_load(weir_wide.turned)),
                         weir_wide_against(r));
    n = _mm512_add_epi32(r, _mm512_max_epi32(d, _mm512_setzero_si512()));

    /* The length in lane IV is the largest window, that in the next, EDGE, is not to be larger. */
    length = _mm512_sub_epi32(length, _mm512_shuffle_epi32(length, _MM_PERM_DDDB));
    d = _mm512_ternarylogic_epi32(d, length, weir_wide_load(weir_wide.slack), WEIR_WIDE_OR_AND);
    d = _mm512_xor_si512(d, weir_wide_load(demand->flags));
    odd = _mm512_test_epi32_mask(d, weir_wide_load(demand->unset)) |
          weir_wide_differs(flow, packet, key_len);
    spills = _mm512_test_epi32_mask(n, weir_wide_load(weir_wide.full));
    if (WEIR_PLAIN_UNLESS(!_kortestz_mask16_u8(odd, spills))) {
        if (odd != 0)
            return false;
        written &= (__mmask16)~WEIR_WIDE_TALLIED(dir);
    }

    record = _mm512_mask_permutexvar_epi32(record, written, weir_wide_load(direction->back), n);
    record = _mm512_ternarylogic_epi32(record, _mm512_set1_epi64((long long)time_us),
                                       weir_wide_load(weir_wide.clock), WEIR_WIDE_CHOICE);
    _mm512_store_si512(flow, record);
    if (WEIR_PLAIN_UNLESS(spills))
        weir_account_spill(flow, cold, annex, dir, flow->peer[dir].packets + 1U,
                           flow->peer[dir].bytes + packet->ip_len);
    return true;
}
#endif

#endif
