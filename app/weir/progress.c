/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress: rates since the last line; see progress.h. */
#include "weir/progress.h"

#include <inttypes.h>
#include <unistd.h>

#define SECOND_US 1000000U

void weir_progress_start(struct weir_progress *progress, FILE *out, bool quiet, uint64_t now_us)
{
    *progress = (struct weir_progress){.last_us = now_us};
    if (!quiet && isatty(fileno(out)))
        progress->out = out;
}

bool weir_progress_due(const struct weir_progress *progress, uint64_t now_us)
{
    return progress->out != NULL && now_us - progress->last_us >= SECOND_US;
}

void weir_progress_tell(struct weir_progress *progress, uint64_t now_us,
                        const struct weir_progress_counts *counts)
{
    double seconds = (double)(now_us - progress->last_us) / SECOND_US;

    if (progress->out == NULL || seconds <= 0)
        return;
    fprintf(progress->out,
            "\r%.3f Mpps  %.3f Gb/s  %" PRIu64 " packets  %" PRIu64 " flows  %" PRIu64
            " refused\033[K",
            (double)(counts->packets - progress->last_packets) / seconds / 1e6,
            (double)(counts->bytes - progress->last_bytes) * 8 / seconds / 1e9, counts->packets,
            counts->flows, counts->refused);
    fflush(progress->out);
    progress->last_us = now_us;
    progress->last_packets = counts->packets;
    progress->last_bytes = counts->bytes;
    progress->told = true;
}

void weir_progress_end(struct weir_progress *progress)
{
    if (progress->told)
        fputs("\r\033[K", progress->out);
    progress->out = NULL;
}
