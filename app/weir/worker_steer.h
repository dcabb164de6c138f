/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose packet is it: each is handed to the worker that owns its flow. */
#ifndef WEIR_APP_WORKER_STEER_H
#define WEIR_APP_WORKER_STEER_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "weir/workers.h"

static inline bool weir_burst_has_pieces(const struct weir_burst *burst)
{
    unsigned int pieces = 0;

    for (unsigned int i = 0; i < burst->count; i++)
        pieces += burst->packet[i].kind == WEIR_KIND_FRAGMENT;
    return unlikely(pieces > 0);
}

/* Hold our pieces of datagrams, hand other workers' packets over; ours move up. */
void weir_steer_burst(struct weir_worker *worker);

/* Take what other workers have handed over, in order, at most max; there is an inbox. */
unsigned int weir_steer_inbox(struct weir_worker *worker, struct rte_mbuf **mbuf, unsigned int max);

/* Has everything been taken? */
bool weir_steer_inbox_empty(const struct weir_worker *worker);

#endif
