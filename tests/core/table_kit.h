/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for tests: in memory of their own, keys by number, hashes that lead where one wants. */
#ifndef WEIR_TESTS_TABLE_KIT_H
#define WEIR_TESTS_TABLE_KIT_H

#include "core/table.h"

/* The longest key stands for both: the family decides how much of it counts. */
union any_key {
    struct weir_key4 four;
    struct weir_key6 six;
};

extern const struct weir_hash_secret kit_secret;

/* The same numbers in every run. */
uint64_t kit_random(void);
struct weir_table kit_make(uint32_t capacity, unsigned int family);
void kit_drop(struct weir_table *table);
union any_key kit_key(const struct weir_table *table, uint32_t number);
uint64_t kit_hash(const struct weir_table *table, const union any_key *key);
/* A hash that leads to this first bucket under this tag. */
uint64_t kit_hash_to(const struct weir_table *table, uint32_t bucket, uint16_t tag);
/* By way of the first bucket only; by way of both, as a burst does it. */
uint32_t kit_find(const struct weir_table *table, uint64_t hash, const void *key);
uint32_t kit_find_both(struct weir_table *table, uint64_t hash, const void *key);
/* Sums over all buckets. */
uint64_t kit_displaced(const struct weir_table *table);
uint64_t kit_guests(const struct weir_table *table);

#endif
