/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table's rare operations: laying it out, and making room in full buckets.
 *
 * Room is made by a breadth-first search (Li et al., "Algorithmic Improvements for Fast Concurrent
 * Cuckoo Hashing", EuroSys 2014): the shortest chain of entries, each of which moves into its other
 * bucket, ending at an empty slot. The chain never visits a bucket twice, since the shorter chain
 * without the loop would have been found first.
 */
#include "core/table.h"

#include <errno.h>
#include <stdbool.h>

#define WEIR_LINE          64U
#define WEIR_BUCKETS_SPARE 2U   /* for tables of a few records, where chance weighs more */
#define WEIR_SEARCH_MAX    128U /* buckets looked at before an insertion is refused */
#define WEIR_SEARCH_AHEAD  4U   /* buckets of these being fetched */
#define WEIR_DISPLACED_MAX (UINT16_MAX - 8U)

/*
 * A full table has 87.5 % of its slots in use: 4 buckets for 35 records, 7.3 octets a record. At
 * 90 % a fifth of all insertions into a table that stays full would have to search for room, here a
 * seventh; at 85 % a ninth, for 0.2 octets more.
 */
#define WEIR_FILL_BUCKETS 4U
#define WEIR_FILL_RECORDS 35U

/* A bucket in the search, and from which slot of which earlier one it was reached. */
struct step {
    uint32_t bucket;
    uint8_t
        from; /* index of the earlier step; its own for the first and second bucket themselves */
    uint8_t slot;
};

struct search {
    struct step steps[WEIR_SEARCH_MAX];
    unsigned int length;
};

static_assert(WEIR_SEARCH_MAX <= UINT8_MAX, "step.from holds an index");

static size_t round_to_line(size_t octets)
{
    return (octets + WEIR_LINE - 1) & ~(size_t)(WEIR_LINE - 1);
}

static uint32_t buckets_for(uint32_t capacity)
{
    uint64_t scaled = (uint64_t)capacity * WEIR_FILL_BUCKETS + WEIR_FILL_RECORDS - 1;

    return (uint32_t)(scaled / WEIR_FILL_RECORDS) + WEIR_BUCKETS_SPARE;
}

static size_t stride_of(unsigned int family)
{
    return family == 4 ? WEIR_FLOW4_SIZE : WEIR_FLOW6_SIZE;
}

static bool in_range(uint32_t capacity, unsigned int family)
{
    return capacity >= 1 && capacity <= WEIR_TABLE_CAPACITY_MAX && (family == 4 || family == 6);
}

/* Octets of the array of cold parts: IPv6 records have theirs in them. */
static size_t cold_size(uint32_t capacity, unsigned int family)
{
    return family == 4 ? round_to_line(capacity * sizeof(struct weir_flow_cold)) : 0;
}

size_t weir_table_size(uint32_t capacity, unsigned int family)
{
    if (!in_range(capacity, family))
        return 0;
    return capacity * stride_of(family) + buckets_for(capacity) * sizeof(struct weir_bucket) +
           cold_size(capacity, family) + round_to_line((capacity + 63) / 64 * sizeof(uint64_t));
}

int weir_table_init(struct weir_table *table, void *memory, uint32_t capacity, unsigned int family)
{
    uint8_t *at = memory;

    if (!in_range(capacity, family))
        return -EINVAL;
    *table = (struct weir_table){
        .bucket_count = buckets_for(capacity),
        .capacity = capacity,
        .stride = (uint32_t)stride_of(family),
        .key_len = family == 4 ? sizeof(struct weir_key4) : sizeof(struct weir_key6),
    };
    table->records = at;
    at += (size_t)capacity * table->stride;
    table->buckets = (struct weir_bucket *)(void *)at;
    at += table->bucket_count * sizeof(struct weir_bucket);
    table->cold = family == 4 ? at : table->records + WEIR_FLOW6_COLD;
    table->cold_stride = family == 4 ? sizeof(struct weir_flow_cold) : WEIR_FLOW6_SIZE;
    at += cold_size(capacity, family);
    table->used = (uint64_t *)(void *)at;
    return 0;
}

/* Carry out the chain that ends in an empty slot of step at; returns the step it begins with. */
static unsigned int displace(struct weir_table *table, const struct search *search, unsigned int at,
                             unsigned int *empty)
{
    while (search->steps[at].from != at) {
        const struct step *step = &search->steps[at];

        weir_bucket_move(&table->buckets[search->steps[step->from].bucket], step->slot,
                         &table->buckets[step->bucket], *empty);
        *empty = step->slot;
        at = step->from;
    }
    return at;
}

static void begin(struct search *search, uint32_t bucket)
{
    search->steps[search->length] =
        (struct step){.bucket = bucket, .from = (uint8_t)search->length};
    search->length++;
}

/* Append the other buckets of all entries of a full bucket, in the order of weir_bucket_leavers().
 */
static void extend(const struct weir_table *table, struct search *search, unsigned int from)
{
    uint32_t number = search->steps[from].bucket;
    const struct weir_bucket *bucket = &table->buckets[number];
    uint32_t leavers = weir_bucket_leavers(bucket);

    for (; leavers != 0 && search->length < WEIR_SEARCH_MAX; leavers &= leavers - 1) {
        unsigned int slot = weir_bucket_leaver(leavers);
        uint32_t other = weir_table_other(table, number, bucket->tag[slot]);
        bool guest = bucket->guests >> slot & 1U;

        if (other == number || (!guest && bucket->displaced >= WEIR_DISPLACED_MAX))
            continue;
        search->steps[search->length++] =
            (struct step){.bucket = other, .from = (uint8_t)from, .slot = (uint8_t)slot};
    }
}

WEIR_TABLE_FETCH void fetch_step(const struct weir_table *table, const struct search *search,
                                 unsigned int at)
{
    if (at < search->length)
        __builtin_prefetch(&table->buckets[search->steps[at].bucket], 1);
}

/* Enter in the books that slot of the second bucket goes to an entry that belongs in the first. */
static struct weir_bucket *take_in_second(struct weir_table *table, uint32_t first, uint32_t second,
                                          unsigned int slot)
{
    table->buckets[first].displaced++;
    table->buckets[second].guests |= (uint16_t)(1U << slot);
    return &table->buckets[second];
}

struct weir_bucket *weir_table_make_room(struct weir_table *table, uint32_t first, uint16_t tag,
                                         unsigned int *slot)
{
    uint32_t second = weir_table_other(table, first, tag);
    uint32_t empty = weir_bucket_match(&table->buckets[second], 0);
    bool both = second != first && table->buckets[first].displaced < WEIR_DISPLACED_MAX;
    struct search search;

    if (empty != 0 && both) {
        *slot = weir_match_slot(empty);
        return take_in_second(table, first, second, *slot);
    }
    search.length = 0;
    begin(&search, first);
    extend(table, &search, 0);
    if (both)
        begin(&search, second);
    for (unsigned int at = 1; at < WEIR_SEARCH_AHEAD; at++)
        fetch_step(table, &search, at);
    for (unsigned int at = 1; at < search.length; at++) {
        fetch_step(table, &search, at + WEIR_SEARCH_AHEAD - 1);
        empty = weir_bucket_match(&table->buckets[search.steps[at].bucket], 0);
        if (empty == 0) {
            extend(table, &search, at);
            continue;
        }
        *slot = weir_match_slot(empty);
        at = displace(table, &search, at, slot);
        return at == 0 ? &table->buckets[first] : take_in_second(table, first, second, *slot);
    }
    return NULL;
}
