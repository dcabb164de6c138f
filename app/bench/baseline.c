/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/baseline.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_hash_crc.h>
#include <rte_prefetch.h>

#include "bench/memory.h"

#define RECORD 64U

size_t bench_baseline_size(uint32_t flows, unsigned int family)
{
    size_t entry = family == 6 ? 48 : 32;
    size_t power = (size_t)1 << (32 - __builtin_clz(flows | 1));

    return (size_t)flows * (RECORD + entry) + power * 14 + ((size_t)8 << 20);
}

static int fill(struct bench_baseline *baseline)
{
    for (uint32_t i = 0; i < baseline->flows; i++) {
        struct weir_key4 key4;
        struct weir_key6 key6;
        int at;

        bench_key4(i, &key4);
        bench_key6(i, &key6);
        at = rte_hash_add_key(baseline->hash, baseline->family == 6 ? (void *)&key6 : &key4);
        if (at < 0) {
            warnx("rte_hash takes only %" PRIu32 " of %" PRIu32 " keys", i, baseline->flows);
            return at;
        }
    }
    return 0;
}

struct bench_baseline *bench_baseline_make(uint32_t flows, unsigned int family)
{
    static unsigned int made;
    char name[RTE_HASH_NAMESIZE];
    /* An eighth to spare: a table of cuckoos is not filled to the brim. */
    struct rte_hash_parameters parameters = {
        .name = name,
        .entries = flows + flows / 8 + 64,
        .key_len = family == 6 ? sizeof(struct weir_key6) : sizeof(struct weir_key4),
        .hash_func = rte_hash_crc,
    };
    struct bench_baseline *baseline = bench_memory_take("the baseline", sizeof(*baseline));

    if (baseline == NULL)
        return NULL;
    snprintf(name, sizeof(name), "baseline_%u", made++);
    *baseline = (struct bench_baseline){.flows = flows, .family = family, .random = {1, 2}};
    baseline->hash = rte_hash_create(&parameters);
    baseline->records =
        bench_memory_take("the baseline's records", (size_t)parameters.entries * RECORD);
    if (baseline->hash == NULL)
        warnx("no memory for rte_hash: %s", rte_strerror(rte_errno));
    if (baseline->hash != NULL && baseline->records != NULL && fill(baseline) == 0)
        return baseline;
    bench_baseline_free(baseline);
    return NULL;
}

void bench_baseline_free(struct bench_baseline *baseline)
{
    if (baseline == NULL)
        return;
    rte_hash_free(baseline->hash);
    bench_memory_give(baseline->records);
    bench_memory_give(baseline);
}

void bench_baseline_prepare(struct bench_baseline *baseline)
{
    for (unsigned int i = 0; i < BENCH_PASS; i++) {
        bench_key4(bench_random_below(baseline->random, baseline->flows), &baseline->key4[i]);
        bench_key6(bench_random_below(baseline->random, baseline->flows), &baseline->key6[i]);
        baseline->line[i] = bench_random_below(baseline->random, baseline->flows);
    }
}

static void hash_burst(struct bench_baseline *baseline, unsigned int at, unsigned int count)
{
    const void *keys[RTE_HASH_LOOKUP_BULK_MAX];
    int32_t position[RTE_HASH_LOOKUP_BULK_MAX];

    for (unsigned int i = 0; i < count; i++)
        keys[i] = baseline->family == 6 ? (void *)&baseline->key6[at + i]
                                        : (void *)&baseline->key4[at + i];
    rte_hash_lookup_bulk(baseline->hash, keys, count, position);
    for (unsigned int i = 0; i < count; i++)
        rte_prefetch0(baseline->records + (size_t)(uint32_t)position[i] * RECORD);
    for (unsigned int i = 0; i < count; i++) {
        if (position[i] < 0)
            continue;
        ++*(uint64_t *)(void *)(baseline->records + (size_t)(uint32_t)position[i] * RECORD);
        baseline->found++;
    }
}

uint64_t bench_baseline_hash(struct bench_baseline *baseline, unsigned int burst)
{
    uint64_t begin = rte_rdtsc_precise();

    burst = RTE_MIN(burst, (unsigned int)RTE_HASH_LOOKUP_BULK_MAX);
    for (unsigned int at = 0; at < BENCH_PASS; at += burst)
        hash_burst(baseline, at, RTE_MIN(burst, BENCH_PASS - at));
    baseline->looked_up += BENCH_PASS;
    return rte_rdtsc_precise() - begin;
}

uint64_t bench_baseline_lines(struct bench_baseline *baseline, unsigned int burst)
{
    uint64_t begin = rte_rdtsc_precise();

    for (unsigned int at = 0; at < BENCH_PASS; at += burst) {
        unsigned int end = RTE_MIN(at + burst, BENCH_PASS);

        for (unsigned int i = at; i < end; i++)
            rte_prefetch0(baseline->records + (size_t)baseline->line[i] * RECORD);
        for (unsigned int i = at; i < end; i++)
            (void)*(volatile uint64_t *)(void *)(baseline->records +
                                                 (size_t)baseline->line[i] * RECORD);
    }
    return rte_rdtsc_precise() - begin;
}

uint64_t bench_baseline_parse(struct bench_world *world, unsigned int burst,
                              enum bench_checksum checksum)
{
    uint64_t begin;

    world->reader.how = bench_world_how(checksum);
    begin = rte_rdtsc_precise();
    for (unsigned int at = 0; at < BENCH_PASS; at += burst) {
        world->burst.count = RTE_MIN(burst, BENCH_PASS - at);
        memcpy(world->burst.mbuf, world->mbuf + at,
               world->burst.count * sizeof(world->burst.mbuf[0]));
        weir_burst_read(&world->burst, &world->reader, NULL, at, 1);
    }
    return rte_rdtsc_precise() - begin;
}

uint64_t bench_baseline_check(const struct bench_baseline *baseline)
{
    if (baseline->found == baseline->looked_up)
        return 0;
    warnx("rte_hash found %" PRIu64 " of %" PRIu64 " keys", baseline->found, baseline->looked_up);
    return 1;
}
