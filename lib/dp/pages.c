/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#define PAGE 4096U
#define HUGE ((size_t)2 << 20)

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

/* Whole huge pages: mapped with one more, what stands over at both ends given back. */
static void *map(size_t size)
{
    size_t room = size + HUGE;
    uint8_t *low = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *memory;

    if (low == MAP_FAILED)
        return NULL;
    memory = (uint8_t *)round_up((uintptr_t)low, HUGE); /* NOLINT: an address, rounded */
    if (memory > low)
        munmap(low, (size_t)(memory - low));
    munmap(memory + size, (size_t)(low + room - (memory + size)));
    madvise(memory, size, MADV_HUGEPAGE); /* refused: small pages, which are slower but work */
    return memory;
}

void *weir_pages_take(const char *what, size_t size, int socket)
{
    uint8_t *memory = rte_eal_has_hugepages() ? rte_zmalloc_socket(what, size, PAGE, socket)
                                              : map(round_up(size, HUGE));

    for (size_t at = 0; memory != NULL && at < size; at += PAGE)
        *(volatile uint8_t *)(memory + at) = 0;
    return memory;
}

void weir_pages_give(void *memory, size_t size)
{
    if (rte_eal_has_hugepages())
        rte_free(memory);
    else if (memory != NULL)
        munmap(memory, round_up(size, HUGE));
}
