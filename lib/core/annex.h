/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Annexes: room for the few flows that outgrow their record's small counters: elephants, and those
 * that had many packets refused. A bounded pool per worker; the last eighth of it is kept for
 * elephants, so that a spray of bad packets cannot take it all.
 *
 * Owner: the worker that owns the flow table.
 */
#ifndef WEIR_CORE_ANNEX_H
#define WEIR_CORE_ANNEX_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_ANNEX_NONE UINT32_MAX

struct weir_annex_entry {
    uint64_t packets[2]; /* by enum weir_dir; what has been spilled so far */
    uint64_t bytes[2];
    uint64_t refused[2];
};

struct weir_annex {
    struct weir_annex_entry *entry;
    uint32_t count; /* entries in the pool */
    uint32_t free;  /* entries not in use */
    uint32_t fresh; /* entries from here on were never used */
    uint32_t head;  /* chain of entries given back, through packets[0] */
};

/* Entries that go with so many flow records. */
static inline uint32_t weir_annex_entries(uint64_t flows)
{
    uint64_t entries = flows / 128;

    return entries < 64 ? 64 : (uint32_t)entries;
}

static inline void weir_annex_init(struct weir_annex *annex, void *memory, uint32_t entries)
{
    annex->entry = memory;
    annex->count = entries;
    annex->free = entries;
    annex->fresh = 0;
    annex->head = WEIR_ANNEX_NONE;
}

/* A zeroed entry, or WEIR_ANNEX_NONE when no more than reserve are left. */
static inline uint32_t weir_annex_take(struct weir_annex *annex, uint32_t reserve)
{
    uint32_t number = annex->head;

    if (annex->free <= reserve)
        return WEIR_ANNEX_NONE;
    annex->free--;
    if (number == WEIR_ANNEX_NONE)
        number = annex->fresh++;
    else
        annex->head = (uint32_t)annex->entry[number].packets[0];
    annex->entry[number] = (struct weir_annex_entry){{0, 0}, {0, 0}, {0, 0}};
    return number;
}

static inline void weir_annex_give(struct weir_annex *annex, uint32_t number)
{
    annex->entry[number].packets[0] = annex->head;
    annex->head = number;
    annex->free++;
}

#endif
