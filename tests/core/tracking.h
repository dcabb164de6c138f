/* SPDX-License-Identifier: BSD-3-Clause */
/* One tracker, fed with one frame or parsed packet at a time. */
#ifndef WEIR_TESTS_TRACKING_H
#define WEIR_TESTS_TRACKING_H

#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "core/tracker.h"
#include "frame.h"

#define TRACKING_FLOWS 64U
#define TRACKING_VIEWS 64U
#define TRACKING_START UINT64_C(1700000000000000)

/* In a row, what is not said is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct tracking {
    struct weir_tracker tracker;
    struct weir_rules rules;
    struct weir_flow_copy ended[TRACKING_VIEWS];
    struct weir_flow_view view[TRACKING_VIEWS]; /* of those, from tracking_views() */
    void *memory;
    uint64_t time_us;
    uint8_t order; /* WEIR_ORDER_* of each packet */
};

static inline void tracking_begin(struct tracking *t)
{
    size_t size = weir_tracker_size(TRACKING_FLOWS, TRACKING_FLOWS);
    struct weir_timeouts timeouts;

    memset(t, 0, sizeof(*t));
    weir_tcp_pairs_compose(&weir_tcp_pairs, &weir_tcp_endpoints);
    weir_timeouts_profile(&timeouts, WEIR_PROFILE_DEFAULT);
    weir_rules_init(&t->rules, &timeouts);
    t->rules.records = true;
    t->memory = aligned_alloc(64, (size + 63) / 64 * 64);
    memset(t->memory, 0, size);
    weir_tracker_init(&t->tracker, t->memory, TRACKING_FLOWS, TRACKING_FLOWS, &t->rules, t->ended,
                      TRACKING_VIEWS);
    t->time_us = TRACKING_START;
    t->tracker.want_ids = true;
}

static inline void tracking_end(struct tracking *t)
{
    free(t->memory);
}

static inline struct weir_fate tracking_packet(struct tracking *t, const struct weir_packet *packet)
{
    uint64_t hash = packet->family == 0 ? 0 : weir_packet_hash(&t->rules.secret, packet);
    struct weir_fate fate;
    uint32_t likely;
    struct weir_tracker_burst burst = {packet, &hash, &t->time_us, &likely, &t->order, &fate, 1};

    t->time_us += 1000;
    weir_tracker_match(&t->tracker, packet, &hash, &likely, 1);
    weir_tracker_track(&t->tracker, &burst);
    return fate;
}

static inline struct weir_fate tracking_frame(struct tracking *t, const struct frame *frame)
{
    uint8_t data[FRAME_MAX];
    struct weir_packet packet = {0};

    weir_parse(data, frame_build(frame, data), WEIR_PARSE_ALL, &packet);
    return tracking_packet(t, &packet);
}

static inline void tracking_views(struct tracking *t)
{
    for (unsigned int i = 0; i < t->tracker.outbox.count; i++)
        weir_flow_copy_view(&t->ended[i], &t->view[i]);
}

/* The only flow there has been, ended now or before. */
static inline const struct weir_flow_view *tracking_only(struct tracking *t)
{
    while (weir_tracker_close(&t->tracker, t->time_us, WEIR_END_ACTIVE))
        ;
    tracking_views(t);
    return t->tracker.outbox.count == 1 ? &t->view[0] : NULL;
}

#endif
