/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

/* The longest key stands for both: the family decides how much of it counts. */
union any_key {
    struct weir_key4 four;
    struct weir_key6 six;
};

static const struct weir_hash_secret secret = {
    {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
     0x452821e638d01377, 0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
     0x9216d5d98979fb1b, 0xd1310ba698dfb5ac}};

static uint64_t random_state = 88172645463325252U;

/* xorshift64 (Marsaglia 2003): the same numbers in every run. */
static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct weir_table make_table(uint32_t capacity, unsigned int family)
{
    size_t size = weir_table_size(capacity, family);
    void *memory = aligned_alloc(64, size);
    struct weir_table table;

    cr_assert_not_null(memory);
    memset(memory, 0, size);
    cr_assert_eq(weir_table_init(&table, memory, capacity, family), 0);
    return table;
}

static void drop_table(struct weir_table *table)
{
    free(table->records);
}

static union any_key make_key(const struct weir_table *table, uint32_t number)
{
    union any_key key;

    memset(&key, 0, sizeof(key));
    if (table->key_len == sizeof(key.four)) {
        key.four.addr[1] = number + 1;
        key.four.tail.zone_proto = weir_key_zone_proto(6, WEIR_VLAN_NONE, WEIR_VLAN_NONE);
    } else {
        memcpy(key.six.addr[1] + 12, &number, sizeof(number));
        key.six.tail.zone_proto = weir_key_zone_proto(6, WEIR_VLAN_NONE, WEIR_VLAN_NONE);
    }
    return key;
}

static uint64_t hash_of(const struct weir_table *table, const union any_key *key)
{
    return table->key_len == sizeof(key->four) ? weir_hash_key4(&secret, &key->four)
                                               : weir_hash_key6(&secret, &key->six);
}

/* A hash that leads to this first bucket under this tag. */
static uint64_t hash_to(const struct weir_table *table, uint32_t bucket, uint16_t tag)
{
    uint64_t high = (((uint64_t)bucket << 32) + table->bucket_count - 1) / table->bucket_count;
    uint64_t hash = high << 32 | tag;

    cr_assert_eq(weir_table_first(table, hash), bucket);
    cr_assert_eq(weir_table_tag(hash), tag);
    return hash;
}

static uint32_t look_up(const struct weir_table *table, uint64_t hash, const void *key)
{
    return weir_table_find(table, hash, key, weir_table_match(table, hash));
}

/* As a burst does it: second buckets too. */
static uint32_t look_up_both(struct weir_table *table, uint64_t hash, const void *key)
{
    uint32_t likely = weir_table_match(table, hash);

    if (likely == WEIR_TABLE_NONE)
        likely = weir_table_match_second(table, hash);
    return weir_table_find(table, hash, key, likely);
}

static uint64_t all_displaced(const struct weir_table *table)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < table->bucket_count; i++)
        sum += table->buckets[i].displaced;
    return sum;
}

static uint64_t all_guests(const struct weir_table *table)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < table->bucket_count; i++)
        sum += (unsigned int)__builtin_popcount(table->buckets[i].guests);
    return sum;
}

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

    for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
        uint32_t n = capacities[i];
        struct weir_table table = make_table(n, 4);
        uint8_t *end = table.records + weir_table_size(n, 4);

        cr_assert_eq((uintptr_t)table.records % 64, 0);
        cr_assert_eq((uintptr_t)table.buckets % 64, 0);
        cr_assert_geq((void *)table.buckets, (void *)(table.records + (size_t)n * 64));
        cr_assert_geq((void *)table.cold, (void *)(table.buckets + table.bucket_count));
        cr_assert_geq((void *)table.used, (void *)(table.cold + n));
        cr_assert_leq((void *)(table.used + (n + 63) / 64), (void *)end);
        drop_table(&table);
    }
}

Test(table, match_variants_agree)
{
    struct weir_bucket bucket __attribute__((aligned(64)));

    for (unsigned int round = 0; round < 200000; round++) {
        uint16_t tag = (uint16_t)(random_next() >> 20 & 3);
        uint32_t plain;

        /* Few values, so that tags, counters and record numbers are often equal to the tag. */
        for (size_t i = 0; i < sizeof(bucket) / 2; i++)
            ((uint16_t *)(void *)&bucket)[i] = (uint16_t)(random_next() >> 20 & 3);
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
        uint16_t tag = weir_table_tag(random_next());

        table.bucket_count = 1 + (uint32_t)(random_next() % (1U << (1 + random_next() % 25)));
        bucket = weir_table_first(&table, random_next());
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
    uint32_t number = (uint32_t)(random_next() % keys);
    union any_key key = make_key(table, number);
    uint64_t hash = hash_of(table, &key);
    uint32_t found =
        random_next() % 2 ? look_up(table, hash, &key) : look_up_both(table, hash, &key);

    cr_assert_eq(found, holder[number], "key %u: %u, expected %u", number, found, holder[number]);
    if (found == WEIR_TABLE_NONE) {
        found = weir_table_insert(table, hash, &key);
        if (found == WEIR_TABLE_NONE) {
            cr_assert_eq(table->count, table->capacity, "refused at %u records", table->count);
            return;
        }
        cr_assert_eq(weir_table_flow(table, found)->peer[0].end, 0, "record not zeroed");
        cr_assert_eq(table->cold[found].reason, 0, "cold part not zeroed");
        weir_table_flow(table, found)->peer[1].end = number;
        table->cold[found].reason = 1;
        holder[number] = found;
    } else {
        cr_assert_eq(weir_table_flow(table, found)->peer[1].end, number, "another key's record");
        cr_assert_eq(weir_table_hash(table, &secret, found), hash);
        if (random_next() % 8 < 4)
            return;
        weir_table_remove(table, hash, found);
        holder[number] = WEIR_TABLE_NONE;
    }
}

static void run_model(uint32_t capacity, unsigned int family, uint32_t keys, uint32_t steps)
{
    struct weir_table table = make_table(capacity, family);
    uint32_t *holder = malloc(keys * sizeof(*holder));
    uint32_t live = 0;

    memset(holder, 0xff, keys * sizeof(*holder));
    for (uint32_t i = 0; i < steps; i++)
        model_step(&table, holder, keys);
    for (uint32_t i = 0; i < keys; i++) {
        union any_key key = make_key(&table, i);

        cr_assert_eq(look_up(&table, hash_of(&table, &key), &key), holder[i]);
        live += holder[i] != WEIR_TABLE_NONE;
    }
    cr_assert_eq(table.count, live);
    cr_assert_eq(all_displaced(&table), all_guests(&table));
    free(holder);
    drop_table(&table);
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

Test(table, every_record_can_be_used_at_any_capacity)
{
    for (uint32_t capacity = 1; capacity < 3000; capacity += 1 + capacity / 8) {
        struct weir_table table = make_table(capacity, 4);

        for (uint32_t i = 0; i < capacity; i++) {
            union any_key key = make_key(&table, i);

            cr_assert_neq(weir_table_insert(&table, hash_of(&table, &key), &key), WEIR_TABLE_NONE);
        }
        drop_table(&table);
    }
}

Test(table, full_record_array_is_85_percent_of_slots_or_more_and_none_is_refused)
{
    uint32_t capacity = 500000;
    struct weir_table table = make_table(capacity, 4);

    cr_assert_geq((double)capacity / (table.bucket_count * 10.0), 0.85);
    for (uint32_t i = 0; i < capacity; i++) {
        union any_key key = make_key(&table, i);

        cr_assert_neq(weir_table_insert(&table, hash_of(&table, &key), &key), WEIR_TABLE_NONE);
    }
    for (uint32_t i = capacity; i < capacity + 100; i++) {
        union any_key key = make_key(&table, i);

        cr_assert_eq(weir_table_insert(&table, hash_of(&table, &key), &key), WEIR_TABLE_NONE);
        cr_assert_eq(look_up(&table, hash_of(&table, &key), &key), WEIR_TABLE_NONE);
    }
    drop_table(&table);
}

Test(table, random_keys_fill_95_percent_of_slots_before_the_first_refusal)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = make_table(220000, family);
        uint32_t n = 0;

        table.bucket_count = 20011; /* fewer slots than records: the index is what fills up */
        for (;; n++) {
            union any_key key = make_key(&table, n);

            if (weir_table_insert(&table, hash_of(&table, &key), &key) == WEIR_TABLE_NONE)
                break;
        }
        cr_assert_geq(n, 20011 * 95 / 10, "refused at %u of 200110 slots", n);
        for (uint32_t i = 0; i < n; i++) {
            union any_key key = make_key(&table, i);
            uint32_t record = look_up(&table, hash_of(&table, &key), &key);

            cr_assert_eq(record, i, "lost on the way: records are handed out in order");
        }
        drop_table(&table);
    }
}

Test(table, displaced_entries_are_counted_back_to_zero)
{
    struct weir_table table = make_table(100000, 4);

    for (uint32_t i = 0; i < 100000; i++) {
        union any_key key = make_key(&table, i);

        cr_assert_neq(weir_table_insert(&table, hash_of(&table, &key), &key), WEIR_TABLE_NONE);
    }
    cr_assert_gt(all_displaced(&table), 0);
    cr_assert_eq(all_displaced(&table), all_guests(&table));
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t number = (uint32_t)((uint64_t)i * 61 % 100000);
        union any_key key = make_key(&table, number);
        uint64_t hash = hash_of(&table, &key);

        weir_table_remove(&table, hash, look_up(&table, hash, &key));
    }
    cr_assert_eq(table.count, 0);
    cr_assert_eq(all_displaced(&table), 0);
    cr_assert_eq(all_guests(&table), 0);
    drop_table(&table);
}

/* Fill a first bucket, so that one more entry of it stands in its second. */
Test(table, displaced_entry_goes_home_when_matched_after_room_appeared)
{
    struct weir_table table = make_table(1000, 4);
    uint64_t hash[11];
    union any_key key;

    for (uint32_t i = 0; i < 11; i++) {
        key = make_key(&table, i);
        hash[i] = hash_to(&table, 7, (uint16_t)(100 + i));
        cr_assert_eq(weir_table_insert(&table, hash[i], &key), i);
    }
    cr_assert_eq(all_displaced(&table), 1);
    cr_assert_eq(weir_table_match(&table, hash[10]), WEIR_TABLE_NONE);
    cr_assert_eq(weir_table_match_second(&table, hash[10]), 10);
    cr_assert_eq(all_displaced(&table), 1, "no room yet");

    weir_table_remove(&table, hash[3], 3);
    cr_assert_eq(weir_table_match_second(&table, hash[10]), 10);
    cr_assert_eq(all_displaced(&table), 0);
    cr_assert_eq(all_guests(&table), 0);
    cr_assert_eq(weir_table_match(&table, hash[10]), 10, "in its first bucket now");
    for (uint32_t i = 0; i < 11; i++) {
        key = make_key(&table, i);
        cr_assert_eq(look_up(&table, hash[i], &key), i == 3 ? WEIR_TABLE_NONE : i);
    }
    drop_table(&table);
}

Test(table, equal_tags_in_one_bucket_are_told_apart)
{
    struct weir_table table = make_table(1000, 4);
    uint64_t hash = hash_to(&table, 7, 4711);
    uint32_t records[20];

    /* Both candidate buckets full of one tag. */
    for (uint32_t i = 0; i < 20; i++) {
        union any_key key = make_key(&table, i);

        records[i] = weir_table_insert(&table, hash, &key);
        cr_assert_neq(records[i], WEIR_TABLE_NONE);
    }
    for (uint32_t i = 0; i < 20; i++) {
        union any_key key = make_key(&table, i);

        cr_assert_eq(look_up(&table, hash, &key), records[i]);
        weir_table_remove(&table, hash, records[i]);
        cr_assert_eq(look_up(&table, hash, &key), WEIR_TABLE_NONE);
    }
    cr_assert_eq(all_displaced(&table), 0);
    drop_table(&table);
}

Test(table, twenty_first_of_one_hash_is_refused_and_changes_nothing)
{
    struct weir_table table = make_table(1000, 4);
    uint64_t hash = hash_to(&table, 7, 4711);
    size_t size = weir_table_size(1000, 4);
    struct weir_table before;
    union any_key key;
    void *copy = malloc(size);

    for (uint32_t i = 0; i < 20; i++) {
        key = make_key(&table, i);
        cr_assert_neq(weir_table_insert(&table, hash, &key), WEIR_TABLE_NONE);
    }
    before = table;
    memcpy(copy, table.records, size);
    key = make_key(&table, 20);
    cr_assert_eq(weir_table_insert(&table, hash, &key), WEIR_TABLE_NONE);
    cr_assert_eq(memcmp(copy, table.records, size), 0);
    cr_assert_eq(memcmp(&before, &table, sizeof(table)), 0);
    free(copy);
    drop_table(&table);
}

/* What somebody who knew the secret could do at worst: every key into one first bucket. */
Test(table, keys_that_share_a_first_bucket_are_all_kept_until_refused)
{
    uint32_t capacity = 400000;
    struct weir_table table = make_table(capacity, 4);
    uint32_t kept = 0;

    for (; kept < capacity; kept++) {
        union any_key key = make_key(&table, kept);
        uint64_t hash = hash_to(&table, 1234, (uint16_t)(1 + kept % UINT16_MAX));

        if (weir_table_insert(&table, hash, &key) == WEIR_TABLE_NONE)
            break;
    }
    cr_assert_geq(kept, 60000);
    cr_assert_lt(kept, capacity, "the count of displaced entries would run over");
    for (uint32_t i = 0; i < kept; i++) {
        union any_key key = make_key(&table, i);
        uint64_t hash = hash_to(&table, 1234, (uint16_t)(1 + i % UINT16_MAX));

        cr_assert_eq(look_up(&table, hash, &key), i);
        weir_table_remove(&table, hash, i);
    }
    cr_assert_eq(all_displaced(&table), 0);
    drop_table(&table);
}

/* Nor is the octet pattern of a removed key ever that of a key, not even of one all zero. */
Test(table, removed_key_of_zeros_is_not_found_through_a_likely_record)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = make_table(100, family);
        union any_key key;
        uint64_t hash;
        uint32_t record;

        memset(&key, 0, sizeof(key));
        hash = hash_of(&table, &key);
        record = weir_table_insert(&table, hash, &key);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), record);
        weir_table_remove(&table, hash, record);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), WEIR_TABLE_NONE);
        memset(&key, 0xff, sizeof(key));
        hash = hash_of(&table, &key);
        record = weir_table_insert(&table, hash, &key);
        weir_table_remove(&table, hash, record);
        cr_assert_eq(weir_table_find(&table, hash, &key, record), WEIR_TABLE_NONE);
        drop_table(&table);
    }
}

/* A record may go, and another key come into it, between stage 2 and stage 3. */
Test(table, likely_record_is_not_believed)
{
    for (unsigned int family = 4; family <= 6; family += 2) {
        struct weir_table table = make_table(100, family);
        union any_key one = make_key(&table, 1);
        union any_key two = make_key(&table, 2);
        uint64_t hash_one = hash_of(&table, &one);
        uint64_t hash_two = hash_of(&table, &two);
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
        drop_table(&table);
    }
}

Test(table, freed_records_come_back_before_fresh_ones_and_each_once)
{
    struct weir_table table = make_table(1000, 4);
    uint8_t seen[1000] = {0};

    for (uint32_t i = 0; i < 500; i++) {
        union any_key key = make_key(&table, i);

        weir_table_insert(&table, hash_of(&table, &key), &key);
    }
    for (uint32_t i = 0; i < 500; i += 3) {
        union any_key key = make_key(&table, i);

        weir_table_remove(&table, hash_of(&table, &key), i);
    }
    for (uint32_t i = 1000; i < 1000 + 167 + 500; i++) {
        union any_key key = make_key(&table, i);
        uint32_t record = weir_table_insert(&table, hash_of(&table, &key), &key);

        cr_assert_lt(record, 1000);
        cr_assert_eq(record < 500, i < 1167);
        cr_assert_eq(seen[record]++, 0, "record %u handed out twice", record);
    }
    drop_table(&table);
}

Test(table, next_on_an_empty_table_goes_round_within_its_limit)
{
    struct weir_table table = make_table(1000, 4);
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
    drop_table(&table);
}

Test(table, next_reports_what_it_looked_at)
{
    struct weir_table table = make_table(1000, 4);
    uint32_t looked;

    for (uint32_t i = 0; i < 1000; i++) {
        union any_key key = make_key(&table, i);

        weir_table_insert(&table, hash_of(&table, &key), &key);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        union any_key key = make_key(&table, i);

        if (i != 130 && i != 999)
            weir_table_remove(&table, hash_of(&table, &key), i);
    }
    cr_assert_eq(weir_table_next(&table, 130, &looked), WEIR_TABLE_NONE, "130 is one too far");
    cr_assert_eq(looked, 130);
    cr_assert_eq(weir_table_next(&table, 1, &looked), 130);
    cr_assert_eq(looked, 1);
    cr_assert_eq(weir_table_next(&table, 5000, &looked), 999);
    cr_assert_eq(looked, 869);
    cr_assert_eq(table.hand, 0);
    drop_table(&table);
}

/* Rounds over a table in which half of the keys come and go, and half stay. */
Test(table, next_visits_each_record_that_stays_once_a_round)
{
    enum { CAPACITY = 5008, STAYING = CAPACITY / 2 }; /* by eights: the last ones stay */
    struct weir_table table = make_table(CAPACITY, 4);
    uint32_t visits[CAPACITY] = {0};
    uint32_t holder[CAPACITY];
    uint32_t stayer[STAYING];
    unsigned int rounds = 0;

    memset(holder, 0xff, sizeof(holder));
    for (uint32_t i = 0; i < CAPACITY; i++) {
        union any_key key = make_key(&table, i);

        if (i & 8U)
            stayer[i / 16 * 8 + i % 8] = weir_table_insert(&table, hash_of(&table, &key), &key);
        else
            holder[i] = weir_table_insert(&table, hash_of(&table, &key), &key);
    }
    while (rounds < 20) {
        uint32_t number = (uint32_t)(random_next() % CAPACITY) & ~8U;
        union any_key key = make_key(&table, number);
        uint64_t hash = hash_of(&table, &key);
        uint32_t looked;
        uint32_t record = weir_table_next(&table, 1 + (uint32_t)(random_next() % 100), &looked);

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
    drop_table(&table);
}
