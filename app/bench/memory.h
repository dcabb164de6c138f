/* SPDX-License-Identifier: BSD-3-Clause */
/* The EAL, hugepages for it, and what the process holds. */
#ifndef WEIR_BENCH_MEMORY_H
#define WEIR_BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/options.h"

/*
 * Start the EAL on one CPU, with room for need octets: in hugepages where there are any or root may
 * reserve them, else, with a notice, without. Returns 0 or a negative errno after a message.
 */
int bench_memory_start(const struct bench_options *options, size_t need);

/* End the EAL and give back the hugepages that were reserved for it. */
void bench_memory_stop(void);

bool bench_memory_huge(void); /* in hugepages? */

/* Octets that the process holds now, hugepages included. */
uint64_t bench_memory_held(void);

/* Zeroed, aligned to a page, every page of it touched; NULL when there is none. */
void *bench_memory_take(const char *what, size_t size);
void bench_memory_give(void *memory);

#endif
