/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/memory.h"

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>

#define POOL          "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define HUGE_PAGE     ((size_t)2 << 20)
#define PAGE          4096U
#define ARGUMENTS_MAX 16
#define SPARE         16U /* hugepages for the EAL itself */

static struct {
    bool huge;
    long added; /* hugepages that were reserved for this run */
} state;

static long read_number(const char *path)
{
    FILE *file = fopen(path, "re");
    char text[32];
    char *end = text;
    long value = -1;

    if (file == NULL)
        return -1;
    if (fgets(text, sizeof(text), file) != NULL)
        value = strtol(text, &end, 10);
    fclose(file);
    return end > text ? value : -1;
}

static int write_number(const char *path, long value)
{
    FILE *file = fopen(path, "we");
    int err = 0;

    if (file == NULL)
        return -errno;
    if (fprintf(file, "%ld\n", value) < 0)
        err = -EIO;
    if (fclose(file) != 0)
        err = -errno;
    return err;
}

/* Give back what was added, whatever others have reserved or given back meanwhile. */
static void huge_return(void)
{
    long total = read_number(POOL "nr_hugepages");

    if (state.added > 0 && total > 0)
        write_number(POOL "nr_hugepages", total > state.added ? total - state.added : 0);
    state.added = 0;
}

/* Are so many hugepages free, or can they be made so? */
static bool huge_reserve(long pages)
{
    long total = read_number(POOL "nr_hugepages");
    long left = read_number(POOL "free_hugepages");

    if (total < 0)
        return false;
    if (left >= pages)
        return true;
    if (write_number(POOL "nr_hugepages", total + pages - left) < 0)
        return false;
    state.added = pages - left;
    left = read_number(POOL "free_hugepages");
    if (left >= pages) {
        warnx("reserved %ld hugepages of 2 MiB for the run", pages);
        return true;
    }
    huge_return();
    return false;
}

static int last_cpu(void)
{
    cpu_set_t set;
    int last = 0;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                last = i;
    return last;
}

/* The EAL takes its arguments apart and keeps them, so they are made to be written to. */
static int eal_start(const struct bench_options *options, size_t need)
{
    static char line[256];
    char *argv[ARGUMENTS_MAX];
    char *rest = line;
    int argc = 0;

    snprintf(line, sizeof(line),
             "weir-bench --lcores 0@%d --no-pci --no-telemetry --log-level lib.*:error",
             options->cpu < 0 ? last_cpu() : options->cpu);
    if (state.huge)
        strlcat(line, " --in-memory", sizeof(line));
    else
        snprintf(line + strlen(line), sizeof(line) - strlen(line), " --no-huge --no-shconf -m %zu",
                 (need >> 20) + 64);
    while (argc < ARGUMENTS_MAX && (argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    if (rte_eal_init(argc, argv) >= 0)
        return 0;
    warnx("the EAL does not start: %s", rte_strerror(rte_errno));
    return -EIO;
}

int bench_memory_start(const struct bench_options *options, size_t need)
{
    long pages = (long)(need / HUGE_PAGE + SPARE);

    state.huge = options->huge != BENCH_HUGE_NO && huge_reserve(pages);
    if (!state.huge && options->huge == BENCH_HUGE_YES) {
        warnx("%ld hugepages of 2 MiB are wanted and cannot be had; see " POOL "nr_hugepages",
              pages);
        return -ENOMEM;
    }
    if (!state.huge && options->huge == BENCH_HUGE_AUTO)
        warnx("%ld hugepages of 2 MiB cannot be had: measuring without, which costs time per "
              "packet",
              pages);
    return eal_start(options, need);
}

void bench_memory_stop(void)
{
    rte_eal_cleanup();
    huge_return();
}

bool bench_memory_huge(void)
{
    return state.huge;
}

uint64_t bench_memory_held(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    uint64_t total = 0;
    char line[256];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');

        if (colon != NULL &&
            (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "HugetlbPages:", 13) == 0))
            total += (uint64_t)strtoull(colon + 1, NULL, 10) << 10;
    }
    fclose(file);
    return total;
}

void *bench_memory_take(const char *what, size_t size)
{
    uint8_t *memory = rte_zmalloc(what, size, PAGE);

    if (memory == NULL) {
        warnx("no memory for %s (%zu MiB)", what, size >> 20);
        return NULL;
    }
    /* The zeroing above skips pages that are known to be zero. */
    for (size_t at = 0; at < size; at += PAGE)
        *(volatile uint8_t *)(memory + at) = 0;
    return memory;
}

void bench_memory_give(void *memory)
{
    rte_free(memory);
}
