/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has come into a table since a burst was matched: entries are noted by their tag, those alike
 * in the low 10 bits as one. What the burst's match has not found, and whose tag has not arrived
 * since, is not there: most new connections of a flood need not be looked for again.
 *
 * Owner: the worker that owns the table.
 */
#ifndef WEIR_CORE_ARRIVALS_H
#define WEIR_CORE_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WEIR_ARRIVALS_WORDS                                                                        \
    16U /* of a burst of 64 new connections one in 32 is looked for once more */

struct weir_arrivals {
    uint64_t tags[WEIR_ARRIVALS_WORDS];
};

/* An entry with this tag has come into a bucket, be it a new one or moved there. */
static inline void weir_arrivals_note(struct weir_arrivals *arrivals, uint16_t tag)
{
    arrivals->tags[tag / 64 % WEIR_ARRIVALS_WORDS] |= (uint64_t)1 << tag % 64;
}

/* Can an entry with this tag have come? */
static inline bool weir_arrivals_include(const struct weir_arrivals *arrivals, uint16_t tag)
{
    return arrivals->tags[tag / 64 % WEIR_ARRIVALS_WORDS] >> tag % 64 & 1;
}

/* Before a burst is matched. */
static inline void weir_arrivals_clear(struct weir_arrivals *arrivals)
{
    memset(arrivals, 0, sizeof(*arrivals));
}

#endif
