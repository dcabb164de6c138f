/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/world.h"

#include <err.h>
#include <inttypes.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "bench/memory.h"
#include "core/tcp_state.h"
#include "dp/pages.h"

#define SEED   0x77656972U
#define OUTBOX 2048U /* as a worker has it */

/* xoroshiro128+ (Blackman and Vigna, 2018). */
uint64_t bench_random(uint64_t s[2])
{
    uint64_t a = s[0];
    uint64_t b = s[1];
    uint64_t sum = a + b;

    b ^= a;
    s[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    s[1] = b << 37 | b >> 27;
    return sum;
}

double bench_random_unit(uint64_t state[2])
{
    return (double)(bench_random(state) >> 11) * 0x1p-53;
}

static const struct bench_load *const loads[BENCH_SCENARIOS] = {
    [BENCH_ESTABLISHED] = &bench_load_steady,     [BENCH_ZIPF] = &bench_load_steady,
    [BENCH_MIXED] = &bench_load_steady,           [BENCH_SETUP] = &bench_load_setup,
    [BENCH_SYNFLOOD] = &bench_load_birth,         [BENCH_SYNFLOOD_FULL] = &bench_load_birth,
    [BENCH_SYNFLOOD_REFUSED] = &bench_load_birth, [BENCH_EXPIRE] = &bench_load_birth,
    [BENCH_EXPIRE_POLL] = &bench_load_polls,      [BENCH_FLUSH_POLL] = &bench_load_polls,
};

/* Records that go with so many flows: where some come and go there must be room to do so. */
static uint32_t capacity_for(enum bench_scenario scenario, uint32_t flows)
{
    switch (scenario) {
    case BENCH_SETUP: /* those in TIME-WAIT */
        return flows + flows / 2 + BENCH_PASS;
    case BENCH_EXPIRE: /* those that are over and not yet swept */
        return flows + flows / 4 + 2 * BENCH_PASS;
    case BENCH_SYNFLOOD: /* those that come until they are cleared away, untimed */
    case BENCH_MIXED:
        return flows + flows / 8 + 4 * BENCH_PASS;
    case BENCH_EXPIRE_POLL:
    case BENCH_FLUSH_POLL:
        return flows + RTE_MIN(flows, BENCH_POLL_FLOWS);
    default:
        return flows;
    }
}

static size_t size_of_tracker(uint32_t capacity, unsigned int family)
{
    return family == 6 ? weir_tracker_size(1, capacity) : weir_tracker_size(capacity, 1);
}

size_t bench_world_size(enum bench_scenario scenario, uint32_t flows, unsigned int family)
{
    uint32_t capacity = capacity_for(scenario, flows);

    return sizeof(struct bench_world) + size_of_tracker(capacity, family) +
           (size_t)flows * (sizeof(struct bench_conn) + 9) + ((size_t)24 << 20);
}

static int tracker_make(struct bench_world *world)
{
    struct weir_timeouts timeouts;
    size_t size = size_of_tracker(world->capacity, world->family);

    /* What is to end soon does so as soon as can be set; the rest is as shipped. */
    weir_timeouts_profile(&timeouts, WEIR_PROFILE_DEFAULT);
    if (world->scenario == BENCH_SYNFLOOD || world->scenario == BENCH_MIXED ||
        world->scenario == BENCH_EXPIRE || world->scenario == BENCH_EXPIRE_POLL)
        timeouts.sec[WEIR_TIMEOUT_TCP_SYN_SENT] = WEIR_TIMEOUT_MIN_SEC;
    if (world->scenario == BENCH_SETUP) {
        timeouts.sec[WEIR_TIMEOUT_TCP_SYN_SENT] = BENCH_PATIENT_SEC;
        timeouts.sec[WEIR_TIMEOUT_TCP_SYN_RECEIVED] = BENCH_PATIENT_SEC;
        timeouts.sec[WEIR_TIMEOUT_TCP_CLOSING] = BENCH_PATIENT_SEC;
        timeouts.sec[WEIR_TIMEOUT_TCP_TIME_WAIT] = WEIR_TIMEOUT_MIN_SEC;
    }
    arc4random_buf(&world->rules.secret, sizeof(world->rules.secret));
    weir_rules_init(&world->rules, &timeouts);
    world->rules.midstream = WEIR_MIDSTREAM_STRICT;
    world->rules.records = true;
    world->memory = weir_pages_take("the tracker", size, SOCKET_ID_ANY);
    world->outbox = bench_memory_take("the outbox", OUTBOX * sizeof(*world->outbox));
    if (world->memory == NULL)
        warnx("no memory for the tracker (%zu MiB)", size >> 20);
    if (world->memory == NULL || world->outbox == NULL)
        return -1;
    return weir_tracker_init(
        &world->tracker, world->memory, world->family == 6 ? 1 : world->capacity,
        world->family == 6 ? world->capacity : 1, &world->rules, world->outbox, OUTBOX);
}

static int mbufs_make(struct bench_world *world)
{
    static unsigned int pools;
    char name[32];

    snprintf(name, sizeof(name), "frames_%u", pools++);
    world->pool = rte_pktmbuf_pool_create(name, BENCH_PASS * 2 - 1, 0, sizeof(struct weir_luggage),
                                          RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    if (world->pool == NULL || rte_pktmbuf_alloc_bulk(world->pool, world->mbuf, BENCH_PASS) != 0) {
        warnx("no memory for mbufs: %s", rte_strerror(rte_errno));
        return -1;
    }
    return 0;
}

static int books_make(struct bench_world *world)
{
    world->conn = bench_memory_take("the generator", world->flows * sizeof(*world->conn));
    if (world->conn == NULL)
        return -1;
    if (world->scenario != BENCH_SETUP)
        return 0;
    world->phase = bench_memory_take("the generator", world->flows);
    world->number = bench_memory_take("the generator", world->flows * sizeof(*world->number));
    return world->phase == NULL || world->number == NULL ? -1 : 0;
}

struct bench_world *bench_world_make(enum bench_scenario scenario, uint32_t flows,
                                     unsigned int family)
{
    struct bench_world *world = bench_memory_take("a world", sizeof(*world));

    if (world == NULL)
        return NULL;
    world->scenario = scenario;
    world->load = loads[scenario];
    world->flows = flows;
    world->capacity = capacity_for(scenario, flows);
    world->family = family;
    world->random[0] = SEED;
    world->random[1] = ~(uint64_t)SEED;
    world->reader.how = WEIR_PARSE_ALL;
    weir_clock_init(&world->reader.clock);
    if (tracker_make(world) == 0 && mbufs_make(world) == 0 && books_make(world) == 0 &&
        world->load->fill(world) == 0)
        return world;
    bench_world_free(world);
    return NULL;
}

void bench_world_free(struct bench_world *world)
{
    if (world == NULL)
        return;
    weir_pages_give(world->memory, size_of_tracker(world->capacity, world->family));
    bench_memory_give(world->outbox);
    bench_memory_give(world->conn);
    bench_memory_give(world->phase);
    bench_memory_give(world->number);
    rte_mempool_free(world->pool);
    bench_memory_give(world);
}

void bench_world_wait(struct bench_world *world, uint64_t usec)
{
    world->reader.clock.epoch_us += usec;
}

uint32_t bench_world_find(struct bench_world *world, uint64_t number)
{
    struct weir_key4 key4;
    struct weir_key6 key6;

    if (world->family == 4) {
        bench_key4(number, &key4);
        return weir_table_find_len(&world->tracker.table[0],
                                   weir_hash_key4(&world->rules.secret, &key4), &key4,
                                   WEIR_TABLE_NONE, sizeof(key4));
    }
    bench_key6(number, &key6);
    return weir_table_find_len(&world->tracker.table[1],
                               weir_hash_key6(&world->rules.secret, &key6), &key6, WEIR_TABLE_NONE,
                               sizeof(key6));
}

double bench_world_bytes_per_flow(const struct bench_world *world)
{
    return (double)size_of_tracker(world->capacity, world->family) / world->capacity;
}

/* Passes */

static void write_frame(struct bench_world *world, unsigned int i, const struct bench_segment *seg,
                        bool vouched)
{
    bench_frame_write(world->mbuf[i], world->family, seg, vouched);
    world->packets++;
    world->octets += bench_ip_len(world->family, seg->len);
}

void bench_world_prepare(struct bench_world *world, enum bench_checksum checksum)
{
    bench_world_wait(world, world->step_usec);
    if (world->load->between != NULL)
        world->load->between(world);
    for (unsigned int i = 0; i < BENCH_PASS; i++) {
        struct bench_segment seg = {0};

        world->load->next(world, i, &seg);
        write_frame(world, i, &seg, checksum == BENCH_CHECKSUM_HARDWARE);
    }
}

/*
 * What a worker does in one poll for a client that lists and ends flows: copies some, and ends
 * those that are named to it by record and id. Naming them is the control core's work, but timed
 * here.
 */
static void flush_slice(struct bench_world *world)
{
    struct weir_tracker *tracker = &world->tracker;
    struct weir_flow_copy copy[BENCH_FLUSH_SLICE];
    unsigned int count =
        weir_tracker_walk(tracker, &world->flush_at, copy, BENCH_FLUSH_SLICE, WEIR_BURST_MAX);

    for (unsigned int i = 0; i < count; i++) {
        struct weir_flow_view view;

        weir_flow_copy_view(&copy[i], &view);
        weir_tracker_end(tracker, copy[i].family, copy[i].record, view.id, WEIR_END_FLUSHED);
    }
}

/* What a worker does with one burst, but for receiving and sending. */
static void poll(struct bench_world *world, unsigned int at, unsigned int count)
{
    struct weir_burst *burst = &world->burst;
    unsigned int forwarded = 0;

    memcpy(burst->mbuf, world->mbuf + at, count * sizeof(burst->mbuf[0]));
    burst->count = count;
    weir_burst_read(burst, &world->reader, &world->tracker, world->forwarded, 1);
    weir_burst_match(burst, &world->tracker);
    weir_burst_track(burst, &world->tracker);
    for (unsigned int i = 0; i < count; i++) {
        world->sent[forwarded] = burst->mbuf[i];
        forwarded += burst->fate[i].verdict == WEIR_VERDICT_FORWARD;
    }
    world->forwarded += forwarded;
    if (world->sweep_per_64 > 0)
        weir_tracker_sweep(&world->tracker, world->tracker.clock_us,
                           (world->sweep_per_64 * count + 63) / 64);
    if (world->flush)
        flush_slice(world);
    world->tracker.outbox.count = 0; /* taken */
}

unsigned int bench_world_how(enum bench_checksum checksum)
{
    unsigned int sums = WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM;

    return WEIR_PARSE_ALL | (checksum == BENCH_CHECKSUM_IGNORE ? 0 : sums);
}

uint64_t bench_world_run(struct bench_world *world, unsigned int burst,
                         enum bench_checksum checksum)
{
    uint64_t begin, before, now;
    unsigned int polls = 0;

    world->reader.how = bench_world_how(checksum);
    begin = before = rte_rdtsc_precise();
    for (unsigned int at = 0; at < BENCH_PASS; at += burst) {
        poll(world, at, RTE_MIN(burst, BENCH_PASS - at));
        now = rte_rdtsc();
        world->poll[polls++] = now - before;
        before = now;
    }
    return rte_rdtsc_precise() - begin;
}

void bench_world_send(struct bench_world *world, const struct bench_segment *seg,
                      unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        write_frame(world, i, &seg[i], true);
    world->reader.how = bench_world_how(BENCH_CHECKSUM_HARDWARE);
    for (unsigned int at = 0; at < count; at += 64)
        poll(world, at, RTE_MIN(64U, count - at));
}

/* The books */

static uint64_t differs(const char *what, uint64_t is, uint64_t should)
{
    if (is == should)
        return 0;
    warnx("the tracker has %" PRIu64 " %s, %" PRIu64 " were sent", is, what, should);
    return 1;
}

uint64_t bench_world_check(struct bench_world *world)
{
    const struct weir_counters *counters = &world->tracker.counters;
    uint64_t wrong = differs("packets", counters->packets, world->packets);

    wrong += differs("octets", counters->bytes, world->octets);
    wrong += differs("dropped packets", counters->verdict[WEIR_VERDICT_DROP], world->refused);
    wrong += differs("forwarded packets", world->forwarded, world->packets - world->refused);
    wrong += differs("plain packets", counters->reason[WEIR_REASON_NONE],
                     world->packets - world->refused);
    return wrong + world->load->check(world);
}
