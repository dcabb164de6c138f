/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress: one line a second on a terminal, overwritten in place. */
#ifndef WEIR_APP_PROGRESS_H
#define WEIR_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct weir_progress {
    FILE *out; /* NULL: says nothing */
    uint64_t last_us;
    uint64_t last_packets;
    uint64_t last_bytes;
    bool told;
};

/* Totals since the start. */
struct weir_progress_counts {
    uint64_t packets;
    uint64_t bytes;
    uint64_t flows; /* in the tables now */
    uint64_t refused;
};

/* Begin at now_us, any monotonic clock. Says nothing if quiet or if out is not a terminal. */
void weir_progress_start(struct weir_progress *progress, FILE *out, bool quiet, uint64_t now_us);

/* Is a line due? Saves adding counters up for nothing. */
bool weir_progress_due(const struct weir_progress *progress, uint64_t now_us);

/* Print a line. */
void weir_progress_tell(struct weir_progress *progress, uint64_t now_us,
                        const struct weir_progress_counts *counts);

/* Take the line away again. */
void weir_progress_end(struct weir_progress *progress);

#endif
