/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/scan.h"

#include <stdlib.h>

#define BATCH   64U   /* records taken from a listing at once */
#define AT_ONCE 4096U /* records looked at in one call */

struct weir_scan {
    struct weir_listing *listing;
    struct weir_filter filter;
    uint64_t now_us;
    unsigned int at, count; /* of the batch */
    bool over;              /* no batch after this one */
    unsigned int worker[BATCH];
    struct weir_flow_copy copy[BATCH];
};

struct weir_scan *weir_scan_begin(struct weir_fleet *fleet, const struct weir_filter *filter,
                                  uint64_t now_us)
{
    struct weir_scan *scan = malloc(sizeof(*scan));

    if (scan == NULL)
        return NULL;
    scan->listing = weir_listing_open(fleet);
    if (scan->listing == NULL) {
        free(scan);
        return NULL;
    }
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

enum weir_scan_result weir_scan_next(struct weir_scan *scan, struct weir_found *found)
{
    for (unsigned int looks = 0; looks < AT_ONCE; looks++) {
        unsigned int i;

        if (!weir_scan_ready(scan))
            return WEIR_SCAN_WAIT;
        if (scan->at == scan->count)
            return WEIR_SCAN_OVER;
        i = scan->at++;
        weir_flow_copy_view(&scan->copy[i], scan->now_us, WEIR_END_ACTIVE, &found->view);
        if (!weir_filter_matches(&scan->filter, &found->view, scan->now_us))
            continue;
        found->copy = &scan->copy[i];
        found->worker = scan->worker[i];
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
    job->scan = weir_scan_begin(fleet, filter, now_us);
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
