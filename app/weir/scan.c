/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dp/policy.h"

#define BATCH   64U   /* records taken from a listing at once */
#define AT_ONCE 4096U /* records looked at in one call */

struct weir_scan {
    const struct weir_fleet *fleet;
    struct weir_listing *listing;
    struct weir_filter filter;
    uint64_t now_us;
    unsigned int at, count; /* of the batch */
    bool over;              /* no batch after this one */
    unsigned int worker[BATCH];
    struct weir_flow_copy copy[BATCH];
};

struct weir_scan *weir_scan_begin(struct weir_fleet *fleet, const struct weir_filter *filter,
                                  uint64_t id, uint64_t now_us)
{
    struct weir_scan *scan = malloc(sizeof(*scan));

    if (scan == NULL)
        return NULL;
    scan->listing = weir_listing_open(fleet, id);
    if (scan->listing == NULL) {
        free(scan);
        return NULL;
    }
    scan->fleet = fleet;
    scan->filter = *filter;
    scan->now_us = now_us;
    scan->at = scan->count = 0;
    scan->over = false;
    return scan;
}

static void batch_take(struct weir_scan *scan)
{
    if (scan->over)
        return;
    scan->at = 0;
    scan->count = weir_listing_next(scan->listing, scan->copy, scan->worker, BATCH, &scan->over);
}

bool weir_scan_ready(struct weir_scan *scan)
{
    if (scan->at == scan->count)
        batch_take(scan);
    return scan->at < scan->count || scan->over;
}

/* The port that the originator's packets come in by; a small letter: the first one was not its. */
static uint16_t port_of(const struct weir_fleet *fleet, const struct weir_found *found)
{
    uint16_t port = found->copy->cold.port;
    uint16_t peer = fleet->ports->port[port % RTE_MAX_ETHPORTS].peer;

    return islower((unsigned char)found->view.history[0]) && peer != WEIR_PORT_NONE ? peer : port;
}

/* What the policy in force says of the flow's originator, as if it began the flow now. */
static enum weir_policy judge(const struct weir_fleet *fleet, const struct weir_found *found)
{
    const struct weir_flow *flow = &found->copy->flow;
    struct weir_packet packet = {.family = found->copy->family};

    packet.port = (uint8_t)port_of(fleet, found);
    packet.swapped = (uint8_t)weir_flow_dir(flow, WEIR_ORIG);
    if (packet.family == 6)
        packet.key6 = *weir_flow_key6(flow);
    else
        packet.key4 = *flow->key;
    /* Policies are the control core's to replace, so this one stays. */
    return weir_policy_judge(atomic_load_explicit(&fleet->policy, memory_order_relaxed), &packet);
}

static bool policy_matches(const struct weir_scan *scan, const struct weir_found *found)
{
    return scan->filter.policy == 0 ||
           (scan->filter.policy >> (unsigned int)judge(scan->fleet, found) & 1U) != 0;
}

enum weir_scan_result weir_scan_next(struct weir_scan *scan, struct weir_found *found)
{
    for (unsigned int looks = 0; looks < AT_ONCE; looks++) {
        unsigned int i;

        if (!weir_scan_ready(scan))
            return WEIR_SCAN_WAIT;
        if (scan->at == scan->count)
            return WEIR_SCAN_OVER;
        i = scan->at++;
        weir_flow_copy_view(&scan->copy[i], &found->view);
        if (!weir_filter_matches(&scan->filter, &found->view, scan->now_us))
            continue;
        found->copy = &scan->copy[i];
        found->worker = scan->worker[i];
        if (policy_matches(scan, found))
            return WEIR_SCAN_FOUND;
    }
    return WEIR_SCAN_WAIT;
}

void weir_scan_end(struct weir_scan *scan)
{
    if (scan == NULL)
        return;
    weir_listing_close(scan->listing);
    free(scan);
}

struct weir_job *weir_job_begin(struct weir_fleet *fleet, enum weir_job_kind kind,
                                const struct weir_filter *filter, uint64_t id, uint64_t now_us)
{
    struct weir_job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    job->kind = kind;
    job->fleet = fleet;
    job->id = id;
    job->scan = weir_scan_begin(fleet, filter, id, now_us);
    if (job->scan == NULL) {
        free(job);
        return NULL;
    }
    return job;
}

void weir_job_cancel(struct weir_job *job)
{
    weir_scan_end(job->scan);
    job->scan = NULL;
    job->held = false;
}

/* Ask for the end of the flow found; false while the worker's ring is full. */
static bool found_end(struct weir_job *job)
{
    job->held =
        !weir_flow_ask_end(job->fleet, job->found.worker, job->found.copy, job->found.view.id,
                           WEIR_END_FLUSHED, &job->ended, &job->handled);
    job->asked += !job->held;
    return !job->held;
}

static void found_count(struct weir_job *job)
{
    if (job->id != 0 && job->found.view.id != job->id)
        return;
    job->matched++;
    if (job->kind == WEIR_JOB_DELETE && !found_end(job))
        return;
    if (job->id != 0)
        weir_job_cancel(job);
}

bool weir_job_step(struct weir_job *job)
{
    if (job->held && found_end(job) && job->id != 0)
        weir_job_cancel(job);
    for (unsigned int looks = 0; job->scan != NULL && !job->held && looks < AT_ONCE; looks++) {
        enum weir_scan_result result = weir_scan_next(job->scan, &job->found);

        if (result == WEIR_SCAN_FOUND)
            found_count(job);
        else if (result == WEIR_SCAN_OVER)
            weir_job_cancel(job);
        else
            break;
    }
    return job->scan == NULL && !job->held &&
           atomic_load_explicit(&job->handled, memory_order_acquire) == job->asked;
}

void weir_job_free(struct weir_job *job)
{
    free(job);
}
