/* SPDX-License-Identifier: BSD-3-Clause */
#include "table_kit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

Test(table, size_counts_records_cold_parts_index_and_bitmap)
{
    uint32_t capacity = 1000000;

    cr_assert_leq(weir_table_size(capacity, 4), (size_t)capacity * 96);
    cr_assert_leq(weir_table_size(capacity, 6), (size_t)capacity * 160);
    cr_assert_geq(weir_table_size(capacity, 4), (size_t)capacity * (64 + 24 + 6));
    cr_assert_gt(weir_table_size(1U << 28, 6), (size_t)1 << 35, "sizes beyond 32 bits");
}

Test(table, size_and_init_refuse_what_is_out_of_range)
{
    struct weir_table table;
    char memory[64];

    cr_assert_eq(weir_table_size(0, 4), 0);
    cr_assert_eq(weir_table_size((1U << 28) + 1, 4), 0);
    cr_assert_eq(weir_table_size(10, 5), 0);
    cr_assert_eq(weir_table_init(&table, memory, 0, 4), -EINVAL);
    cr_assert_eq(weir_table_init(&table, memory, (1U << 28) + 1, 6), -EINVAL);
    cr_assert_eq(weir_table_init(&table, memory, 10, 0), -EINVAL);
}

Test(table, parts_lie_in_the_block_aligned_and_apart)
{
    static const uint32_t capacities[] = {1, 2, 63, 64, 65, 1000, 12345};

    for (size_t i = 0; i < 2 * sizeof(capacities) / sizeof(capacities[0]); i++) {
        uint32_t n = capacities[i / 2];
        unsigned int family = i % 2 ? 6 : 4;
        struct weir_table table = kit_make(n, family);
        uint8_t *end = table.records + weir_table_size(n, family);
        uint8_t *index_end = (uint8_t *)(table.buckets + table.bucket_count);

        cr_assert_eq((uintptr_t)table.records % 64, 0);
        cr_assert_eq((uintptr_t)table.buckets % 64, 0);
        cr_assert_geq((void *)table.buckets, (void *)(table.records + (size_t)n * table.stride));
        if (family == 4) {
            cr_assert_geq((void *)table.cold, (void *)index_end);
            cr_assert_geq((void *)table.used, (void *)weir_table_cold(&table, n));
        } else {
            cr_assert_geq((void *)weir_table_cold(&table, 0),
                          (void *)(weir_flow_key6(weir_table_flow(&table, 0)) + 1));
            cr_assert_leq((void *)(weir_table_cold(&table, n - 1) + 1),
                          (void *)(table.records + (size_t)n * table.stride));
            cr_assert_geq((void *)table.used, (void *)index_end);
        }
        cr_assert_leq((void *)(table.used + (n + 63) / 64), (void *)end);
        kit_drop(&table);
    }
}

Test(table, match_variants_agree)
{
    struct weir_bucket bucket __attribute__((aligned(64)));

    for (unsigned int round = 0; round < 200000; round++) {
        uint16_t tag = (uint16_t)(kit_random() >> 20 & 3);
        uint32_t plain;

        /* Few values, so that tags, counters and record numbers are often equal to the tag. */
        for (size_t i = 0; i < sizeof(bucket) / 2; i++)
            ((uint16_t *)(void *)&bucket)[i] = (uint16_t)(kit_random() >> 20 & 3);
        plain = weir_bucket_match_plain(&bucket, tag);
        cr_assert_eq(plain & ~WEIR_MATCH_ALL, 0);
        for (unsigned int i = 0; i < WEIR_BUCKET_SLOTS; i++)
            cr_assert_eq(plain >> 2 * i & 1U, bucket.tag[i] == tag);
#if defined(__SSE2__)
        cr_assert_eq(weir_bucket_match_sse2(&bucket, tag), plain);
#endif
#if defined(__AVX2__)
        cr_assert_eq(weir_bucket_match_avx2(&bucket, tag), plain);
#endif
    }
}

Test(table, other_bucket_of_the_other_bucket_is_the_bucket)
{
    struct weir_table table = {0};

    for (unsigned int round = 0; round < 1000000; round++) {
        uint32_t bucket;
        uint32_t other;
        uint16_t tag = weir_table_tag(kit_random());

        table.bucket_count = 1 + (uint32_t)(kit_random() % (1U << (1 + kit_random() % 25)));
        bucket = weir_table_first(&table, kit_random());
        cr_assert_lt(bucket, table.bucket_count);
        other = weir_table_other(&table, bucket, tag);
        cr_assert_lt(other, table.bucket_count);
        cr_assert_eq(weir_table_other(&table, other, tag), bucket);
    }
}

Test(table, tag_is_never_the_mark_of_an_empty_slot)
{
    for (uint32_t i = 0; i <= UINT16_MAX; i++)
        cr_assert_neq(weir_table_tag(0xabcdef0100000000U | i), 0);
}

/* One random step against the model: holder[k] is the record of key number k, or none. */
static void model_step(struct weir_table *table, uint32_t *holder, uint32_t keys)
{
    uint32_t number = (uint32_t)(kit_random() % keys);
    union any_key key = kit_key(table, number);
    uint64_t hash = kit_hash(table, &key);
    uint32_t found =
        kit_random() % 2 ? kit_find(table, hash, &key) : kit_find_both(table, hash, &key);

    cr_assert_eq(found, holder[number], "key %u: %u, expected %u", number, found, holder[number]);
    if (found == WEIR_TABLE_NONE) {
        found = weir_table_insert(table, hash, &key);
        if (found == WEIR_TABLE_NONE) {
            cr_assert_eq(table->count, table->capacity, "refused at %u records", table->count);
            return;
        }
        cr_assert_eq(weir_table_flow(table, found)->peer[0].end, 0, "record not zeroed");
        cr_assert_eq(weir_table_cold(table, found)->reason, 0, "cold part not zeroed");
        weir_table_flow(table, found)->peer[1].end = number;
        weir_table_cold(table, found)->reason = 1;
        holder[number] = found;
    } else {
        cr_assert_eq(weir_table_flow(table, found)->peer[1].end, number, "another key's record");
        cr_assert_eq(weir_table_hash(table, &kit_secret, found), hash);
        if (kit_random() % 8 < 4)
            return;
        weir_table_remove(table, hash, found);
        holder[number] = WEIR_TABLE_NONE;
    }
}

static void run_model(uint32_t capacity, unsigned int family, uint32_t keys, uint32_t steps)
{
    struct weir_table table = kit_make(capacity, family);
    uint32_t *holder = malloc(keys * sizeof(*holder));
    uint32_t live = 0;

    memset(holder, 0xff, keys * sizeof(*holder));
    for (uint32_t i = 0; i < steps; i++)
        model_step(&table, holder, keys);
    for (uint32_t i = 0; i < keys; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_eq(kit_find(&table, kit_hash(&table, &key), &key), holder[i]);
        live += holder[i] != WEIR_TABLE_NONE;
    }
    cr_assert_eq(table.count, live);
    cr_assert_eq(kit_displaced(&table), kit_guests(&table));
    free(holder);
    kit_drop(&table);
}

Test(table, agrees_with_a_model_when_half_full)
{
    run_model(20000, 4, 20000, 3000000);
}

Test(table, agrees_with_a_model_when_mostly_full)
{
    run_model(10000, 4, 14000, 3000000);
}

Test(table, agrees_with_a_model_for_ipv6)
{
    run_model(10000, 6, 14000, 2000000);
}

Test(table, agrees_with_a_model_when_tiny)
{
    for (uint32_t capacity = 1; capacity <= 40; capacity++)
        run_model(capacity, 4, capacity * 2, 50000);
}

/* Nor is the octet pattern of a removed key ever that of a key, not even of one all zero. */
Test(table, removed_key_of_zeros_is_not_found_through_a_likely_record)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = kit_make(100, family);
        union any_key key;
        uint64_t hash;
        uint32_t record;

        memset(&key, 0, sizeof(key));
        hash = kit_hash(&table, &key);
        record = weir_table_insert(&table, hash, &key);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), record);
        weir_table_remove(&table, hash, record);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), WEIR_TABLE_NONE);
        memset(&key, 0xff, sizeof(key));
        hash = kit_hash(&table, &key);
        record = weir_table_insert(&table, hash, &key);
        weir_table_remove(&table, hash, record);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), WEIR_TABLE_NONE);
        kit_drop(&table);
    }
}

/* A record may go, and another key come into it, between stage 2 and stage 3. */
Test(table, likely_record_is_not_believed)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = kit_make(100, family);
        union any_key one = kit_key(&table, 1);
        union any_key two = kit_key(&table, 2);
        uint64_t hash_one = kit_hash(&table, &one);
        uint64_t hash_two = kit_hash(&table, &two);
        uint32_t record = weir_table_insert(&table, hash_one, &one);
        uint32_t likely = weir_table_match(&table, hash_one);

        cr_assert_eq(likely, record);
        weir_table_remove(&table, hash_one, record);
        cr_assert_eq(weir_table_find(&table, hash_one, &one, likely), WEIR_TABLE_NONE);
        cr_assert_eq(weir_table_insert(&table, hash_two, &two), record,
                     "the last freed comes first");
        cr_assert_eq(weir_table_find(&table, hash_one, &one, likely), WEIR_TABLE_NONE);
        cr_assert_eq(weir_table_find(&table, hash_two, &two, WEIR_TABLE_NONE), record,
                     "entered after stage 2");
        kit_drop(&table);
    }
}
