/* SPDX-License-Identifier: BSD-3-Clause */
#include "table_kit.h"

#include <criterion/criterion.h>

Test(table_next, freed_records_come_back_before_fresh_ones_and_each_once)
{
    struct weir_table table = kit_make(1000, 4);
    uint8_t seen[1000] = {0};

    for (uint32_t i = 0; i < 500; i++) {
        union any_key key = kit_key(&table, i);

        weir_table_insert(&table, kit_hash(&table, &key), &key);
    }
    for (uint32_t i = 0; i < 500; i += 3) {
        union any_key key = kit_key(&table, i);

        weir_table_remove(&table, kit_hash(&table, &key), i);
    }
    for (uint32_t i = 1000; i < 1000 + 167 + 500; i++) {
        union any_key key = kit_key(&table, i);
        uint32_t record = weir_table_insert(&table, kit_hash(&table, &key), &key);

        cr_assert_lt(record, 1000);
        cr_assert_eq(record < 500, i < 1167);
        cr_assert_eq(seen[record]++, 0, "record %u handed out twice", record);
    }
    kit_drop(&table);
}

Test(table_next, next_on_an_empty_table_goes_round_within_its_limit)
{
    struct weir_table table = kit_make(1000, 4);
    uint32_t looked;

    for (unsigned int round = 0; round < 3; round++) {
        for (unsigned int i = 0; i < 3; i++) {
            cr_assert_eq(weir_table_next(&table, 300, &looked), WEIR_TABLE_NONE);
            cr_assert_eq(looked, 300);
        }
        cr_assert_eq(weir_table_next(&table, UINT32_MAX, &looked), WEIR_TABLE_NONE);
        cr_assert_eq(looked, 100, "to the end, not beyond");
        cr_assert_eq(table.hand, 0);
    }
    cr_assert_eq(weir_table_next(&table, 0, &looked), WEIR_TABLE_NONE);
    cr_assert_eq(looked, 0);
    kit_drop(&table);
}

Test(table_next, next_reports_what_it_looked_at)
{
    struct weir_table table = kit_make(1000, 4);
    uint32_t looked;

    for (uint32_t i = 0; i < 1000; i++) {
        union any_key key = kit_key(&table, i);

        weir_table_insert(&table, kit_hash(&table, &key), &key);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        union any_key key = kit_key(&table, i);

        if (i != 130 && i != 999)
            weir_table_remove(&table, kit_hash(&table, &key), i);
    }
    cr_assert_eq(weir_table_next(&table, 130, &looked), WEIR_TABLE_NONE, "130 is one too far");
    cr_assert_eq(looked, 130);
    cr_assert_eq(weir_table_next(&table, 1, &looked), 130);
    cr_assert_eq(looked, 1);
    cr_assert_eq(weir_table_next(&table, 5000, &looked), 999);
    cr_assert_eq(looked, 869);
    cr_assert_eq(table.hand, 0);
    kit_drop(&table);
}

/* Rounds over a table in which half of the keys come and go, and half stay. */
Test(table_next, next_visits_each_record_that_stays_once_a_round)
{
    enum { CAPACITY = 5008, STAYING = CAPACITY / 2 }; /* by eights: the last ones stay */
    struct weir_table table = kit_make(CAPACITY, 4);
    uint32_t visits[CAPACITY] = {0};
    uint32_t holder[CAPACITY];
    uint32_t stayer[STAYING];
    unsigned int rounds = 0;

    memset(holder, 0xff, sizeof(holder));
    for (uint32_t i = 0; i < CAPACITY; i++) {
        union any_key key = kit_key(&table, i);

        if (i & 8U)
            stayer[i / 16 * 8 + i % 8] = weir_table_insert(&table, kit_hash(&table, &key), &key);
        else
            holder[i] = weir_table_insert(&table, kit_hash(&table, &key), &key);
    }
    while (rounds < 20) {
        uint32_t number = (uint32_t)(kit_random() % CAPACITY) & ~8U;
        union any_key key = kit_key(&table, number);
        uint64_t hash = kit_hash(&table, &key);
        uint32_t looked;
        uint32_t record = weir_table_next(&table, 1 + (uint32_t)(kit_random() % 100), &looked);

        if (record != WEIR_TABLE_NONE) {
            cr_assert(table.used[record / 64] >> record % 64 & 1U, "not in use");
            visits[record]++;
        }
        rounds += table.hand == 0;
        if (table.hand == 0)
            for (uint32_t i = 0; i < STAYING; i++)
                cr_assert_eq(visits[stayer[i]], rounds);
        if (holder[number] == WEIR_TABLE_NONE) {
            holder[number] = weir_table_insert(&table, hash, &key);
        } else {
            weir_table_remove(&table, hash, holder[number]);
            holder[number] = WEIR_TABLE_NONE;
        }
    }
    kit_drop(&table);
}
