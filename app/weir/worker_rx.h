/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a worker receives: a burst of one queue after another, or, where all ports play captures, the
 * packets of all its queues in the order of their time, as if the captures had been merged.
 */
#ifndef WEIR_APP_WORKER_RX_H
#define WEIR_APP_WORKER_RX_H

#include "weir/workers.h"

/* Into burst.mbuf, of one queue; returns the number of packets. */
unsigned int weir_rx_burst(struct weir_worker *worker, struct weir_rx_queue *queue);

/* The same of the queue whose packets come next, which is put into *queue; needs worker.ahead. */
unsigned int weir_rx_merged(struct weir_worker *worker, struct weir_rx_queue **queue);

#endif
