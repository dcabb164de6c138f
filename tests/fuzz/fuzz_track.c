/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes parse -> track -> verdict: one input is a stream of frames, tracked in bursts by a tracker
 * so small that it fills up. What must hold: every packet has a verdict that its reason allows, and
 * the counters add up.
 *
 * Input: one octet of ways, then for each frame an octet that says how much later it came (a power
 * of two of microseconds), an octet with its length, and so many octets. tests/fuzz/frames.py makes
 * such of captures.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "core/reason.h"
#include "core/tracker.h"

#define FLOWS      8U
#define BURST      4U
#define VIEWS      64U
#define START_US   UINT64_C(1700000000000000)
#define WAY_SHADOW 0x04U /* bits 0 and 1: enum weir_midstream */

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_tracker tracker;
static struct weir_rules rules;
static struct weir_flow_copy views[VIEWS];

struct input {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t time_us;
    uint64_t packets;
    bool shadow;
};

/* The next frame as an exact copy, so that the sanitizer sees a read beyond. */
static bool next_packet(struct input *input, struct weir_packet *packet)
{
    uint8_t *frame;
    uint32_t len;

    if (input->end - input->at < 2)
        return false;
    input->time_us += UINT64_C(1) << (input->at[0] & 31U);
    len = input->at[1];
    input->at += 2;
    if (len > (size_t)(input->end - input->at))
        len = (uint32_t)(input->end - input->at);
    frame = malloc(len > 0 ? len : 1);
    memcpy(frame, input->at, len);
    weir_parse(frame, len, WEIR_PARSE_CUT | WEIR_PARSE_ALL, packet);
    free(frame);
    input->at += len;
    return true;
}

static void check_fate(const struct weir_fate *fate, const struct weir_packet *packet, bool shadow)
{
    MUST(fate->reason < WEIR_REASON_COUNT && fate->verdict < WEIR_VERDICT_COUNT);
    if (packet->reason != WEIR_REASON_NONE)
        MUST(fate->reason == packet->reason && fate->family == 0);
    if (weir_reason_class(fate->reason) == WEIR_REASON_CLASS_REFUSE && !shadow)
        MUST(fate->verdict != WEIR_VERDICT_FORWARD);
    else
        MUST(fate->verdict == WEIR_VERDICT_FORWARD);
    MUST(fate->family == 0 || fate->family == 4 || fate->family == 6);
}

static unsigned int track_burst(struct input *input)
{
    struct weir_packet packet[BURST];
    struct weir_fate fate[BURST];
    uint64_t hash[BURST] = {0};
    uint64_t time_us[BURST];
    uint32_t likely[BURST];
    uint8_t order[BURST];
    struct weir_tracker_burst burst = {packet, hash, time_us, likely, order, fate, 0};

    while (burst.count < BURST && next_packet(input, &packet[burst.count])) {
        unsigned int i = burst.count++;

        time_us[i] = input->time_us;
        order[i] = WEIR_POLICY_ALLOW | (input->shadow ? WEIR_ORDER_SHADOW : 0);
        if (packet[i].family != 0)
            hash[i] = weir_packet_hash(&rules.secret, &packet[i]);
    }
    weir_tracker_match(&tracker, packet, hash, likely, burst.count);
    weir_tracker_track(&tracker, &burst);
    for (unsigned int i = 0; i < burst.count; i++)
        check_fate(&fate[i], &packet[i], input->shadow);
    return burst.count;
}

static uint64_t sum(const uint64_t *counter, unsigned int count)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < count; i++)
        total += counter[i];
    return total;
}

static void check_counters(uint64_t packets)
{
    const struct weir_counters *counters = &tracker.counters;
    uint64_t flows = sum(counters->pair, WEIR_PAIR_COUNT);

    MUST(counters->packets == packets);
    MUST(sum(counters->reason, WEIR_REASON_COUNT) == packets);
    MUST(sum(counters->verdict, WEIR_VERDICT_COUNT) == packets);
    MUST(flows == tracker.table[0].count + tracker.table[1].count);
    MUST(counters->created == sum(counters->ended, WEIR_END_COUNT) + flows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *memory;
    size_t memory_size = weir_tracker_size(FLOWS, FLOWS);
    struct weir_timeouts timeouts;
    struct input input = {.time_us = START_US};

    if (size == 0)
        return 0;
    if (memory == NULL)
        memory = aligned_alloc(64, (memory_size + 63) / 64 * 64);
    memset(memory, 0, memory_size);
    weir_timeouts_profile(&timeouts, WEIR_PROFILE_DEFAULT);
    memset(&rules, 0, sizeof(rules));
    weir_rules_init(&rules, &timeouts);
    rules.midstream = (enum weir_midstream)(data[0] % 3U);
    rules.records = true;
    MUST(weir_tracker_init(&tracker, memory, FLOWS, FLOWS, &rules, views, VIEWS) == 0);

    input.shadow = (data[0] & WAY_SHADOW) != 0;
    input.at = data + 1;
    input.end = data + size;
    for (unsigned int count; (count = track_burst(&input)) > 0;) {
        input.packets += count;
        check_counters(input.packets);
        weir_tracker_sweep(&tracker, input.time_us, BURST);
        tracker.outbox.count = 0;
    }
    while (weir_tracker_close(&tracker, input.time_us, WEIR_END_ACTIVE))
        tracker.outbox.count = 0;
    check_counters(input.packets);
    MUST(tracker.table[0].count + tracker.table[1].count == 0);
    return 0;
}
