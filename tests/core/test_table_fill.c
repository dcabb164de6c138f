/* SPDX-License-Identifier: BSD-3-Clause */
#include "table_kit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(table_fill, every_record_can_be_used_at_any_capacity)
{
    for (uint32_t capacity = 1; capacity < 3000; capacity += 1 + capacity / 8) {
        struct weir_table table = kit_make(capacity, 4);

        for (uint32_t i = 0; i < capacity; i++) {
            union any_key key = kit_key(&table, i);

            cr_assert_neq(weir_table_insert(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
        }
        kit_drop(&table);
    }
}

Test(table_fill, full_record_array_is_85_percent_of_slots_or_more_and_none_is_refused)
{
    uint32_t capacity = 500000;
    struct weir_table table = kit_make(capacity, 4);

    cr_assert_geq((double)capacity / (table.bucket_count * 10.0), 0.85);
    for (uint32_t i = 0; i < capacity; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_neq(weir_table_insert(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
    }
    for (uint32_t i = capacity; i < capacity + 100; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_eq(weir_table_insert(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
        cr_assert_eq(kit_find(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
    }
    kit_drop(&table);
}

Test(table_fill, random_keys_fill_95_percent_of_slots_before_the_first_refusal)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = kit_make(220000, family);
        uint32_t n = 0;

        table.bucket_count = 20011; /* fewer slots than records: the index is what fills up */
        for (;; n++) {
            union any_key key = kit_key(&table, n);

            if (weir_table_insert(&table, kit_hash(&table, &key), &key) == WEIR_TABLE_NONE)
                break;
        }
        cr_assert_geq(n, 20011 * 95 / 10, "refused at %u of 200110 slots", n);
        for (uint32_t i = 0; i < n; i++) {
            union any_key key = kit_key(&table, i);
            uint32_t record = kit_find(&table, kit_hash(&table, &key), &key);

            cr_assert_eq(record, i, "lost on the way: records are handed out in order");
        }
        kit_drop(&table);
    }
}

Test(table_fill, displaced_entries_are_counted_back_to_zero)
{
    struct weir_table table = kit_make(100000, 4);

    for (uint32_t i = 0; i < 100000; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_neq(weir_table_insert(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
    }
    cr_assert_gt(kit_displaced(&table), 0);
    cr_assert_eq(kit_displaced(&table), kit_guests(&table));
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t number = (uint32_t)((uint64_t)i * 61 % 100000);
        union any_key key = kit_key(&table, number);
        uint64_t hash = kit_hash(&table, &key);

        weir_table_remove(&table, hash, kit_find(&table, hash, &key));
    }
    cr_assert_eq(table.count, 0);
    cr_assert_eq(kit_displaced(&table), 0);
    cr_assert_eq(kit_guests(&table), 0);
    kit_drop(&table);
}

/* Fill a first bucket, so that one more entry of it stands in its second. */
Test(table_fill, displaced_entry_goes_home_when_matched_after_room_appeared)
{
    struct weir_table table = kit_make(1000, 4);
    uint64_t hash[11];
    union any_key key;

    for (uint32_t i = 0; i < 11; i++) {
        key = kit_key(&table, i);
        hash[i] = kit_hash_to(&table, 7, (uint16_t)(100 + i));
        cr_assert_eq(weir_table_insert(&table, hash[i], &key), i);
    }
    cr_assert_eq(kit_displaced(&table), 1);
    cr_assert_eq(weir_table_match(&table, hash[10]), WEIR_TABLE_NONE);
    cr_assert_eq(weir_table_match_second(&table, hash[10]), 10);
    cr_assert_eq(kit_displaced(&table), 1, "no room yet");

    weir_table_remove(&table, hash[3], 3);
    cr_assert_eq(weir_table_match_second(&table, hash[10]), 10);
    cr_assert_eq(kit_displaced(&table), 0);
    cr_assert_eq(kit_guests(&table), 0);
    cr_assert_eq(weir_table_match(&table, hash[10]), 10, "in its first bucket now");
    for (uint32_t i = 0; i < 11; i++) {
        key = kit_key(&table, i);
        cr_assert_eq(kit_find(&table, hash[i], &key), i == 3 ? WEIR_TABLE_NONE : i);
    }
    kit_drop(&table);
}

Test(table_fill, equal_tags_in_one_bucket_are_told_apart)
{
    struct weir_table table = kit_make(1000, 4);
    uint64_t hash = kit_hash_to(&table, 7, 4711);
    uint32_t records[20];

    /* Both candidate buckets full of one tag. */
    for (uint32_t i = 0; i < 20; i++) {
        union any_key key = kit_key(&table, i);

        records[i] = weir_table_insert(&table, hash, &key);
        cr_assert_neq(records[i], WEIR_TABLE_NONE);
    }
    for (uint32_t i = 0; i < 20; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_eq(kit_find(&table, hash, &key), records[i]);
        weir_table_remove(&table, hash, records[i]);
        cr_assert_eq(kit_find(&table, hash, &key), WEIR_TABLE_NONE);
    }
    cr_assert_eq(kit_displaced(&table), 0);
    kit_drop(&table);
}

Test(table_fill, twenty_first_of_one_hash_is_refused_and_changes_nothing)
{
    struct weir_table table = kit_make(1000, 4);
    uint64_t hash = kit_hash_to(&table, 7, 4711);
    size_t size = weir_table_size(1000, 4);
    struct weir_table before;
    union any_key key;
    void *copy = malloc(size);

    for (uint32_t i = 0; i < 20; i++) {
        key = kit_key(&table, i);
        cr_assert_neq(weir_table_insert(&table, hash, &key), WEIR_TABLE_NONE);
    }
    before = table;
    memcpy(copy, table.records, size);
    key = kit_key(&table, 20);
    cr_assert_eq(weir_table_insert(&table, hash, &key), WEIR_TABLE_NONE);
    cr_assert_eq(memcmp(copy, table.records, size), 0);
    cr_assert_eq(memcmp(&before, &table, sizeof(table)), 0);
    free(copy);
    kit_drop(&table);
}

/* What somebody who knew the secret could do at worst: every key into one first bucket. */
Test(table_fill, keys_that_share_a_first_bucket_are_all_kept_until_refused)
{
    uint32_t capacity = 400000;
    struct weir_table table = kit_make(capacity, 4);
    uint32_t kept = 0;

    for (; kept < capacity; kept++) {
        union any_key key = kit_key(&table, kept);
        uint64_t hash = kit_hash_to(&table, 1234, (uint16_t)(1 + kept % UINT16_MAX));

        if (weir_table_insert(&table, hash, &key) == WEIR_TABLE_NONE)
            break;
    }
    cr_assert_geq(kept, 60000);
    cr_assert_lt(kept, capacity, "the count of displaced entries would run over");
    for (uint32_t i = 0; i < kept; i++) {
        union any_key key = kit_key(&table, i);
        uint64_t hash = kit_hash_to(&table, 1234, (uint16_t)(1 + i % UINT16_MAX));

        cr_assert_eq(kit_find(&table, hash, &key), i);
        weir_table_remove(&table, hash, i);
    }
    cr_assert_eq(kit_displaced(&table), 0);
    kit_drop(&table);
}

/*
 * As a burst is matched: all first buckets, then all second ones, from which entries go home.
 * Whoever asks twice within the burst finds an entry moved between the one look and the other.
 */
Test(table_fill, what_is_there_is_never_called_absent)
{
    const uint32_t capacity = 20000;
    struct weir_table table = kit_make(capacity, 4);
    uint32_t unfound = 0, moved;

    for (uint32_t i = 0; i < capacity; i++) {
        union any_key key = kit_key(&table, i);

        cr_assert_neq(weir_table_insert(&table, kit_hash(&table, &key), &key), WEIR_TABLE_NONE);
    }
    for (uint32_t i = 0; i < capacity; i += 2) { /* so that there is room at home */
        union any_key key = kit_key(&table, i);
        uint64_t hash = kit_hash(&table, &key);

        weir_table_remove(&table, hash, weir_table_find(&table, hash, &key, WEIR_TABLE_NONE));
    }
    moved = (uint32_t)kit_displaced(&table);
    for (uint32_t i = 1; i < capacity; i += 2) {
        union any_key key = kit_key(&table, i);
        uint64_t hash = kit_hash(&table, &key);
        uint32_t likely[2];

        weir_arrivals_clear(&table.arrivals);
        for (unsigned int n = 0; n < 2; n++)
            likely[n] = weir_table_match(&table, hash);
        for (unsigned int n = 0; n < 2; n++)
            if (likely[n] == WEIR_TABLE_NONE)
                likely[n] = weir_table_match_second(&table, hash);
        unfound += likely[1] == WEIR_TABLE_NONE;
        cr_assert(likely[1] != WEIR_TABLE_NONE || !weir_table_absent(&table, hash));
        cr_assert_neq(weir_table_find(&table, hash, &key, likely[1]), WEIR_TABLE_NONE);
    }
    cr_assert_gt(unfound, 0, "none was moved between the two looks");
    cr_assert_eq(moved - kit_displaced(&table), unfound);
    kit_drop(&table);
}

Test(table_fill, what_has_come_since_the_burst_was_matched_is_not_absent)
{
    struct weir_table table = kit_make(1000, 6);
    union any_key key = kit_key(&table, 1);
    uint64_t hash = kit_hash(&table, &key);

    weir_arrivals_clear(&table.arrivals);
    cr_assert_eq(weir_table_match(&table, hash), WEIR_TABLE_NONE);
    cr_assert_eq(weir_table_match_second(&table, hash), WEIR_TABLE_NONE);
    cr_assert(weir_table_absent(&table, hash));
    weir_table_insert(&table, hash, &key);
    cr_assert_not(weir_table_absent(&table, hash));
    weir_arrivals_clear(&table.arrivals);
    cr_assert(weir_table_absent(&table, hash), "of those that were not matched only");
    kit_drop(&table);
}
