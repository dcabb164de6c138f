/* SPDX-License-Identifier: BSD-3-Clause */
#include "table_kit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

const struct weir_hash_secret kit_secret = {
    {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
     0x452821e638d01377, 0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
     0x9216d5d98979fb1b, 0xd1310ba698dfb5ac}};

static uint64_t random_state = 88172645463325252U;

/* xorshift64 (Marsaglia 2003): the same numbers in every run. */
uint64_t kit_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

struct weir_table kit_make(uint32_t capacity, unsigned int family)
{
    size_t size = weir_table_size(capacity, family);
    void *memory = aligned_alloc(64, size);
    struct weir_table table;

    cr_assert_not_null(memory);
    memset(memory, 0, size);
    cr_assert_eq(weir_table_init(&table, memory, capacity, family), 0);
    return table;
}

void kit_drop(struct weir_table *table)
{
    free(table->records);
}

union any_key kit_key(const struct weir_table *table, uint32_t number)
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

uint64_t kit_hash(const struct weir_table *table, const union any_key *key)
{
    return table->key_len == sizeof(key->four) ? weir_hash_key4(&kit_secret, &key->four)
                                               : weir_hash_key6(&kit_secret, &key->six);
}

/* A hash that leads to this first bucket under this tag. */
uint64_t kit_hash_to(const struct weir_table *table, uint32_t bucket, uint16_t tag)
{
    uint64_t high = (((uint64_t)bucket << 32) + table->bucket_count - 1) / table->bucket_count;
    uint64_t hash = high << 32 | tag;

    cr_assert_eq(weir_table_first(table, hash), bucket);
    cr_assert_eq(weir_table_tag(hash), tag);
    return hash;
}

uint32_t kit_find(const struct weir_table *table, uint64_t hash, const void *key)
{
    return weir_table_find(table, hash, key, weir_table_match(table, hash));
}

/* As a burst does it: second buckets too. */
uint32_t kit_find_both(struct weir_table *table, uint64_t hash, const void *key)
{
    uint32_t likely = weir_table_match(table, hash);

    if (likely == WEIR_TABLE_NONE)
        likely = weir_table_match_second(table, hash);
    return weir_table_find(table, hash, key, likely);
}

uint64_t kit_displaced(const struct weir_table *table)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < table->bucket_count; i++)
        sum += table->buckets[i].displaced;
    return sum;
}

uint64_t kit_guests(const struct weir_table *table)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < table->bucket_count; i++)
        sum += (unsigned int)__builtin_popcount(table->buckets[i].guests);
    return sum;
}
