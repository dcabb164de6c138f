/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scans: going through all flows for those that match a filter, as far as the workers have sent
 * them; and jobs, which do that to count, find or delete. Used by the control core only; each call
 * takes a bounded time and waits for nobody.
 */
#ifndef WEIR_APP_SCAN_H
#define WEIR_APP_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "weir/filter.h"
#include "weir/workers.h"

struct weir_scan;

struct weir_found {
    struct weir_flow_view view;
    const struct weir_flow_copy *copy; /* good until the next call */
    unsigned int worker;
};

enum weir_scan_result { WEIR_SCAN_FOUND, WEIR_SCAN_WAIT, WEIR_SCAN_OVER };

/*
 * Among all flows, or with id only the one that has it. NULL: too many listings are under way. Ages
 * are counted from now_us.
 */
struct weir_scan *weir_scan_begin(struct weir_fleet *fleet, const struct weir_filter *filter,
                                  uint64_t id, uint64_t now_us);
enum weir_scan_result weir_scan_next(struct weir_scan *scan, struct weir_found *found);

/* At its end or before; NULL is no error. */
void weir_scan_end(struct weir_scan *scan);

/* Is there something that next would look at, or has the end come? */
bool weir_scan_ready(struct weir_scan *scan);

enum weir_job_kind { WEIR_JOB_COUNT, WEIR_JOB_FIND, WEIR_JOB_DELETE };

struct weir_job {
    enum weir_job_kind kind;
    struct weir_fleet *fleet;
    struct weir_scan *scan; /* NULL: no more to look at */
    uint64_t id;            /* of the only flow that is meant; 0: the filter says which */
    uint64_t matched;
    struct weir_found found; /* the last */
    bool held;               /* found has yet to be asked for */
    uint64_t asked;
    atomic_uint_fast64_t ended; /* written by the workers */
    atomic_uint_fast64_t handled;
};

/* NULL as with a scan. */
struct weir_job *weir_job_begin(struct weir_fleet *fleet, enum weir_job_kind kind,
                                const struct weir_filter *filter, uint64_t id, uint64_t now_us);

/* Go on; returns whether it is done, so that matched and ended are final. */
bool weir_job_step(struct weir_job *job);

/* Look no further; steps go on until it is done. */
void weir_job_cancel(struct weir_job *job);

/* Only once done: workers may write to it before. NULL is no error. */
void weir_job_free(struct weir_job *job);

#endif
