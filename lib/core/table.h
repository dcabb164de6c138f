/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table of one worker and one address family: an index of buckets over an array of
 * records.
 *
 *   hash --> bucket (one line): 10 tags of 16 bits, 10 record numbers, count of displaced entries
 *                                   |
 *                                   +--> record (weir_flow, one line for IPv4) + cold part by
 * number
 *
 * Each key has two candidate buckets, the second computed from the first and the tag alone, so that
 * an entry can be displaced without reading its record (partial-key cuckoo hashing: Fan et al.,
 * "Cuckoo Filter", CoNEXT 2014; Zhou et al., "CuckooSwitch", CoNEXT 2013). A bucket counts the
 * entries that have it as their first choice and stand elsewhere: while that is 0, a miss costs
 * one line. The number of buckets need not be a power of two.
 *
 * Records never move: a record's number is good until weir_table_remove().
 *
 * Owner: one worker. No lock, no atomic; nobody else may call anything here on a live table.
 * Memory comes from the caller, as one block of weir_table_size() octets; nothing is allocated.
 *
 * Functions named _len take the length of the family's key, sizeof(struct weir_key4) or
 * sizeof(struct weir_key6), as a constant from which the compiler folds record size and comparison;
 * their namesakes look it up in the table.
 */
#ifndef WEIR_CORE_TABLE_H
#define WEIR_CORE_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/arrivals.h"
#include "core/flow.h"
#include "core/hash.h"
#include "core/table_match.h"

#define WEIR_TABLE_NONE         UINT32_MAX /* no such record */
#define WEIR_TABLE_CAPACITY_MAX (1U << 28)
#define WEIR_TABLE_FREE_CHAINS  16U /* power of two */
#define WEIR_TABLE_SWEEP_AHEAD  64U /* records fetched ahead of the hand */
#define WEIR_TABLE_ROOM_AHEAD   3U  /* buckets fetched ahead of making room */

/*
 * For functions that do nothing but fetch: GCC 12 takes one that it does not inline at once for a
 * function without effect, and drops the call.
 */
#define WEIR_TABLE_FETCH static inline __attribute__((always_inline))

struct weir_table {
    struct weir_bucket *buckets;
    uint8_t *records; /* stride octets each, 64-byte aligned */
    uint8_t *cold;    /* cold parts: of record n, n times cold_stride octets further */
    uint64_t *used;   /* bitmap: record in use */
    uint32_t bucket_count;
    uint32_t capacity;    /* records */
    uint32_t count;       /* records in use */
    uint32_t fresh;       /* records from here on were never used */
    uint32_t freed;       /* records given back, waiting in the chains */
    uint32_t hand;        /* next record for weir_table_next() */
    uint32_t stride;      /* WEIR_FLOW4_SIZE or WEIR_FLOW6_SIZE */
    uint16_t cold_stride; /* that of an array, or of IPv6 records, which have it in them */
    uint16_t key_len;     /* octets: 16 or 40 */
    /*
     * Records given back form one stack, dealt out in turn to several chains through their first
     * word (peer[WEIR_ORIG].end): the n-th from the bottom is in chain n mod 16. So the next
     * sixteen to be handed out are known and on their way into the cache.
     */
    uint32_t free_head[WEIR_TABLE_FREE_CHAINS];
    struct weir_arrivals arrivals;
};

/* Octets that a table of capacity records (1 to 2^28) needs for family 4 or 6; 0 if out of range.
 */
size_t weir_table_size(uint32_t capacity, unsigned int family);

/*
 * Make an empty table in memory (weir_table_size() octets, 64-byte aligned, zeroed by the caller).
 * Returns 0, or -EINVAL for a capacity or family out of range.
 */
int weir_table_init(struct weir_table *table, void *memory, uint32_t capacity, unsigned int family);

static inline struct weir_flow *weir_table_flow_len(const struct weir_table *table, uint32_t record,
                                                    unsigned int key_len)
{
    size_t stride = key_len == sizeof(struct weir_key4) ? WEIR_FLOW4_SIZE : WEIR_FLOW6_SIZE;

    return (struct weir_flow *)(void *)(table->records + record * stride);
}

static inline struct weir_flow *weir_table_flow(const struct weir_table *table, uint32_t record)
{
    return (struct weir_flow *)(void *)(table->records + (size_t)record * table->stride);
}

static inline struct weir_flow_cold *weir_table_cold(const struct weir_table *table,
                                                     uint32_t record)
{
    return (struct weir_flow_cold *)(void *)(table->cold + (size_t)record * table->cold_stride);
}

/* The hash of a record's own key, for weir_table_remove(). */
static inline uint64_t weir_table_hash(const struct weir_table *table,
                                       const struct weir_hash_secret *secret, uint32_t record)
{
    const struct weir_flow *flow = weir_table_flow(table, record);

    if (table->key_len == sizeof(struct weir_key4))
        return weir_hash_key4(secret, flow->key);
    return weir_hash_key6(secret, weir_flow_key6(flow));
}

/*
 * Where a hash leads: bits 32 to 63 choose the first bucket, scaled down by multiplication (Lemire,
 * "Fast Random Integer Generation in an Interval", 2019), bits 0 to 15 are the tag.
 */
static inline uint16_t weir_table_tag(uint64_t hash)
{
    uint16_t tag = (uint16_t)hash;

    return (uint16_t)(tag + (tag == 0));
}

static inline uint32_t weir_table_first(const struct weir_table *table, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * table->bucket_count >> 32);
}

/* The other bucket of an entry: (f(tag) - bucket) mod bucket_count, which is its own inverse. */
static inline uint32_t weir_table_other(const struct weir_table *table, uint32_t bucket,
                                        uint16_t tag)
{
    uint32_t spread = tag * 0x9e3779b1U; /* 2^32 / golden ratio: near tags far apart */
    uint32_t sum = (uint32_t)((uint64_t)spread * table->bucket_count >> 32);

    return sum - bucket + (sum < bucket ? table->bucket_count : 0);
}

/* Is what stage 2 has not found still not there? False where it may have come since. */
static inline bool weir_table_absent(const struct weir_table *table, uint64_t hash)
{
    return !weir_arrivals_include(&table->arrivals, weir_table_tag(hash));
}

/* Stage 1: fetch the bucket that hash leads to. */
WEIR_TABLE_FETCH void weir_table_prefetch_bucket(const struct weir_table *table, uint64_t hash)
{
    __builtin_prefetch(&table->buckets[weir_table_first(table, hash)]);
}

WEIR_TABLE_FETCH void weir_table_prefetch_record(const struct weir_table *table, uint32_t record,
                                                 unsigned int key_len)
{
    const char *line = (const char *)weir_table_flow_len(table, record, key_len);

    __builtin_prefetch(line, 0, 0);
    if (key_len != sizeof(struct weir_key4))
        __builtin_prefetch(line + 64, 0, 0);
}

/* Can a key that is not found in this first bucket of it stand in, or have to go to, its second? */
static inline unsigned int weir_table_needs_second(const struct weir_bucket *first)
{
    return (first->displaced != 0) | (weir_bucket_match(first, 0) == 0);
}

/* Both buckets are full: fetch those into which an insertion will try to move the first one's. */
WEIR_TABLE_FETCH void weir_table_prefetch_room(const struct weir_table *table, uint32_t first)
{
    const struct weir_bucket *bucket = &table->buckets[first];
    uint32_t leavers = weir_bucket_leavers(bucket);

    for (unsigned int i = 0; i < WEIR_TABLE_ROOM_AHEAD; i++, leavers &= leavers - 1) {
        uint16_t tag = bucket->tag[weir_bucket_leaver(leavers)];

        __builtin_prefetch(&table->buckets[weir_table_other(table, first, tag)]);
    }
}

/*
 * Stage 2: match tags in the first bucket, weir_table_first(hash); a likely record number, its
 * record's lines being fetched, or WEIR_TABLE_NONE. *needs_second is 1 where the second bucket
 * matters, which is then being fetched; no branch, since among new connections it is a coin toss.
 * No promise: stage 3 decides.
 */
static inline uint32_t weir_table_match_in(const struct weir_table *table, uint32_t first,
                                           uint64_t hash, unsigned int key_len,
                                           unsigned int *needs_second)
{
    uint16_t tag = weir_table_tag(hash);
    const struct weir_bucket *bucket = &table->buckets[first];
    uint32_t mask = weir_bucket_match(bucket, tag);
    uint32_t other;
    uint32_t record;

    if (mask != 0) {
        record = bucket->record[weir_match_slot(mask)];
        weir_table_prefetch_record(table, record, key_len);
        *needs_second = 0;
        return record;
    }
    *needs_second = weir_table_needs_second(bucket);
    other = weir_table_other(table, first, tag);
    __builtin_prefetch(&table->buckets[first + (other - first) * *needs_second]);
    return WEIR_TABLE_NONE;
}

static inline uint32_t weir_table_match(const struct weir_table *table, uint64_t hash)
{
    unsigned int needs_second;

    return weir_table_match_in(table, weir_table_first(table, hash), hash, table->key_len,
                               &needs_second);
}

/*
 * Stage 2, second half: where the first says that the second bucket matters, and after the whole
 * burst has been through the first, the same in the second bucket. And while both lines are here,
 * an entry whose first bucket has room again goes home: what a full table displaced does not stay
 * so for good.
 */
static inline uint32_t weir_table_match_second_len(struct weir_table *table, uint64_t hash,
                                                   unsigned int key_len)
{
    uint32_t first = weir_table_first(table, hash);
    uint16_t tag = weir_table_tag(hash);
    struct weir_bucket *home = &table->buckets[first];
    struct weir_bucket *bucket = &table->buckets[weir_table_other(table, first, tag)];
    uint32_t mask;
    uint32_t empty;
    uint32_t record;

    mask = weir_bucket_match(bucket, tag);
    empty = weir_bucket_match(home, 0);
    if (mask == 0) {
        if (empty == 0 && weir_bucket_match(bucket, 0) == 0)
            weir_table_prefetch_room(table, first);
        return WEIR_TABLE_NONE;
    }
    record = bucket->record[weir_match_slot(mask)];
    weir_table_prefetch_record(table, record, key_len);
    if (empty != 0 && bucket->guests >> weir_match_slot(mask) & 1U) {
        weir_bucket_move(bucket, weir_match_slot(mask), home, weir_match_slot(empty));
        weir_arrivals_note(&table->arrivals, tag);
    }
    return record;
}

static inline uint32_t weir_table_match_second(struct weir_table *table, uint64_t hash)
{
    return weir_table_match_second_len(table, hash, table->key_len);
}

/* Is the record's key this one? Keys are multiples of 8 octets without padding. */
static inline unsigned int weir_table_holds(const struct weir_table *table, uint32_t record,
                                            const void *key, unsigned int key_len)
{
    const uint8_t *mine = (const uint8_t *)weir_table_flow_len(table, record, key_len)->key;
    uint64_t differ = 0;

    for (unsigned int i = 0; i < key_len; i += 8) {
        uint64_t a;
        uint64_t b;

        memcpy(&a, mine + i, 8);
        memcpy(&b, (const uint8_t *)key + i, 8);
        differ |= a ^ b;
    }
    return differ == 0;
}

static inline uint32_t weir_table_find_in(const struct weir_table *table,
                                          const struct weir_bucket *bucket, uint16_t tag,
                                          const void *key, unsigned int key_len)
{
    for (uint32_t mask = weir_bucket_match(bucket, tag); mask != 0; mask &= mask - 1) {
        uint32_t record = bucket->record[weir_match_slot(mask)];

        if (weir_table_holds(table, record, key, key_len))
            return record;
    }
    return WEIR_TABLE_NONE;
}

/*
 * Stage 3: the record that holds key, or WEIR_TABLE_NONE. likely is stage 2's answer (or NONE),
 * still right or not: it is checked first, the rest of both buckets only when it is not the one.
 */
static inline uint32_t weir_table_find_len(const struct weir_table *table, uint64_t hash,
                                           const void *key, uint32_t likely, unsigned int key_len)
{
    uint32_t first;
    uint32_t record;
    uint16_t tag;

    if (likely != WEIR_TABLE_NONE && weir_table_holds(table, likely, key, key_len))
        return likely;
    first = weir_table_first(table, hash);
    tag = weir_table_tag(hash);
    record = weir_table_find_in(table, &table->buckets[first], tag, key, key_len);
    if (record != WEIR_TABLE_NONE || table->buckets[first].displaced == 0)
        return record;
    return weir_table_find_in(table, &table->buckets[weir_table_other(table, first, tag)], tag, key,
                              key_len);
}

static inline uint32_t weir_table_find(const struct weir_table *table, uint64_t hash,
                                       const void *key, uint32_t likely)
{
    if (table->key_len == sizeof(struct weir_key4))
        return weir_table_find_len(table, hash, key, likely, sizeof(struct weir_key4));
    return weir_table_find_len(table, hash, key, likely, sizeof(struct weir_key6));
}

/*
 * An empty slot for an entry whose first bucket is full: in its second, or in either after a chain
 * of displacements. Returns the bucket, its number of displaced and guests already right for the
 * new entry, and *slot; NULL, and nothing changed, when a search of bounded length finds none.
 */
struct weir_bucket *weir_table_make_room(struct weir_table *table, uint32_t first, uint16_t tag,
                                         unsigned int *slot);

/* A record that is not in use; the caller knows that there is one. */
static inline uint32_t weir_table_take_record(struct weir_table *table, unsigned int key_len)
{
    uint32_t *head;
    uint32_t record;

    if (table->freed == 0) {
        /* The next fresh ones stand side by side: the hardware fetches them. */
        return table->fresh++;
    }
    head = &table->free_head[--table->freed % WEIR_TABLE_FREE_CHAINS];
    record = *head;
    *head = weir_table_flow_len(table, record, key_len)->peer[WEIR_ORIG].end;
    weir_table_prefetch_record(table, *head, key_len);
    __builtin_prefetch(weir_table_cold(table, *head), 1);
    return record;
}

/*
 * Enter key, which must not be in the table, and return its record's number: record and cold part
 * zeroed, key copied. WEIR_TABLE_NONE when no record is free or, both buckets full, no chain of
 * displacements of bounded length makes room.
 */
static inline uint32_t weir_table_insert_len(struct weir_table *table, uint64_t hash,
                                             const void *key, unsigned int key_len)
{
    uint32_t first = weir_table_first(table, hash);
    uint16_t tag = weir_table_tag(hash);
    struct weir_bucket *bucket = &table->buckets[first];
    uint32_t empty = weir_bucket_match(bucket, 0);
    unsigned int slot;
    uint32_t record;
    struct weir_flow *flow;

    if (table->count == table->capacity)
        return WEIR_TABLE_NONE;
    if (empty != 0) {
        slot = weir_match_slot(empty);
    } else {
        bucket = weir_table_make_room(table, first, tag, &slot);
        if (bucket == NULL)
            return WEIR_TABLE_NONE;
    }
    record = weir_table_take_record(table, key_len);
    bucket->tag[slot] = tag;
    bucket->record[slot] = record;
    weir_arrivals_note(&table->arrivals, tag);
    table->used[record / 64] |= (uint64_t)1 << record % 64;
    table->count++;
    flow = weir_table_flow_len(table, record, key_len);
    memset(flow, 0, key_len == sizeof(struct weir_key4) ? WEIR_FLOW4_SIZE : WEIR_FLOW6_SIZE);
    memcpy(flow->key, key, key_len);
    memset(weir_table_cold(table, record), 0, sizeof(struct weir_flow_cold));
    return record;
}

static inline uint32_t weir_table_insert(struct weir_table *table, uint64_t hash, const void *key)
{
    if (table->key_len == sizeof(struct weir_key4))
        return weir_table_insert_len(table, hash, key, sizeof(struct weir_key4));
    return weir_table_insert_len(table, hash, key, sizeof(struct weir_key6));
}

/* The slot in which bucket refers to record under tag, as a mask; 0 when it does not. */
static inline uint32_t weir_table_slot_of(const struct weir_bucket *bucket, uint16_t tag,
                                          uint32_t record)
{
    uint32_t mask = weir_bucket_match(bucket, tag);

    while (mask != 0 && bucket->record[weir_match_slot(mask)] != record)
        mask &= mask - 1;
    return mask;
}

/* A record that is soon to be removed, its first bucket being here: fetch the second if it is to be
 * found there. */
WEIR_TABLE_FETCH void weir_table_prefetch_second(const struct weir_table *table, uint64_t hash,
                                                 uint32_t record)
{
    uint32_t first = weir_table_first(table, hash);
    uint16_t tag = weir_table_tag(hash);

    if (weir_table_slot_of(&table->buckets[first], tag, record) == 0)
        __builtin_prefetch(&table->buckets[weir_table_other(table, first, tag)]);
}

static inline void weir_table_remove_len(struct weir_table *table, uint64_t hash, uint32_t record,
                                         unsigned int key_len)
{
    unsigned int addr_len = (key_len - sizeof(struct weir_key_tail)) / 2;
    uint32_t first = weir_table_first(table, hash);
    uint16_t tag = weir_table_tag(hash);
    struct weir_bucket *bucket = &table->buckets[first];
    uint32_t mask = weir_table_slot_of(bucket, tag, record);
    struct weir_flow *flow = weir_table_flow_len(table, record, key_len);
    uint32_t *head = &table->free_head[table->freed++ % WEIR_TABLE_FREE_CHAINS];

    if (mask == 0) {
        bucket->displaced--;
        bucket = &table->buckets[weir_table_other(table, first, tag)];
        mask = weir_table_slot_of(bucket, tag, record);
        assert(mask != 0);
        bucket->guests &= (uint16_t) ~(1U << weir_match_slot(mask));
    }
    bucket->tag[weir_match_slot(mask)] = 0;
    table->used[record / 64] &= ~((uint64_t)1 << record % 64);
    table->count--;
    /*
     * A stage 2 before this may have named the record to a stage 3 after it, so the key must not
     * match any more: its lower end above its higher end is the key of no packet.
     */
    memset(flow->key, 0xff, addr_len);
    memset((uint8_t *)flow->key + addr_len, 0, addr_len);
    flow->peer[WEIR_ORIG].end = *head;
    *head = record;
}

/* Take out a record that is in use; hash is that of its key. */
static inline void weir_table_remove(struct weir_table *table, uint64_t hash, uint32_t record)
{
    if (table->key_len == sizeof(struct weir_key4))
        weir_table_remove_len(table, hash, record, sizeof(struct weir_key4));
    else
        weir_table_remove_len(table, hash, record, sizeof(struct weir_key6));
}

/*
 * Go round: the next record in use at or after the hand, at most limit records looked at; moves the
 * hand. WEIR_TABLE_NONE when none among them was in use. *looked gets the number looked at; the
 * hand wraps to 0 at the end of the array, and a call never looks beyond the end. The records that
 * come next are being fetched.
 */
static inline uint32_t weir_table_next(struct weir_table *table, uint32_t limit, uint32_t *looked)
{
    uint32_t start = table->hand;
    uint32_t left = table->capacity - start;
    uint32_t end = start + (limit < left ? limit : left);
    uint32_t at = start;
    uint32_t found = WEIR_TABLE_NONE;

    while (at < end) {
        uint64_t word = table->used[at / 64] >> at % 64;

        if (word != 0) {
            at += (uint32_t)__builtin_ctzll(word);
            break;
        }
        at = (at | 63) + 1;
    }
    if (at < end) {
        found = at++;
        __builtin_prefetch(weir_table_flow(table, found + WEIR_TABLE_SWEEP_AHEAD));
    } else {
        at = end;
    }
    *looked = at - start;
    table->hand = at == table->capacity ? 0 : at;
    return found;
}

/* The next record in use from *at on, before end; false when there is none. */
static inline bool weir_table_next_used(const struct weir_table *table, uint32_t *at, uint32_t end)
{
    while (*at < end) {
        uint64_t word = table->used[*at / 64] >> *at % 64;

        if (word != 0) {
            *at += (uint32_t)__builtin_ctzll(word);
            return *at < end;
        }
        *at = (*at | 63) + 1;
    }
    return false;
}

#endif
