/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for flow tables, which are read at random: in pages of 2 MiB wherever that can be had.
 * With hugepages it is the EAL's, near the socket. Without, EAL's memory is of 4 KiB pages which
 * the kernel never joins (a memfd), so that it is mapped anew and transparent huge pages are asked
 * for. All of it is touched, so that no packet waits for a page.
 */
#ifndef WEIR_DP_PAGES_H
#define WEIR_DP_PAGES_H

#include <stddef.h>

/* Zeroed memory, aligned to a page; NULL where there is none. May sleep: not for workers. */
void *weir_pages_take(const char *what, size_t size, int socket);

/* Give it back; size as it was taken. NULL is let pass. */
void weir_pages_give(void *memory, size_t size);

#endif
