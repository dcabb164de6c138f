/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: one loop per lcore, each with its own tracker, its own receive queues and its own
 * counters.
 *
 *             receive            own packets                    by port
 *   port ---> worker ---> parse, hash ---> track ---> verdict ---> transmit
 *                            |                ^           |
 *                            | another's      | inbox     +--> no queue of ours: outgoing ring
 *                            +------------> ring ----+
 *
 *   worker --- flows, traces, events (single producer, single consumer rings) ---> control core
 *
 * Who writes what: everything in struct weir_worker is its worker's, but for the rings, which are
 * made for two sides, and `phase` in struct weir_fleet, which only the control core writes. Workers
 * publish `finished`, `done` and their counters with release stores; the control core reads
 * them with acquire loads, each by itself.
 */
#ifndef WEIR_APP_WORKERS_H
#define WEIR_APP_WORKERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "core/tracker.h"
#include "dp/answer.h"
#include "dp/burst.h"
#include "dp/frag.h"
#include "dp/policy.h"
#include "weir/ask.h"
#include "weir/mirror.h"
#include "weir/ports.h"
#include "weir/settings.h"

#define WEIR_WORKERS_MAX 64U
#define WEIR_QUEUES_MAX  64U /* receive queues of one worker */

enum weir_phase {
    WEIR_PHASE_RUN,
    WEIR_PHASE_DRAIN, /* receive no more, finish what is under way */
    WEIR_PHASE_CLOSE, /* report all flows and end */
};

struct weir_rx_queue {
    uint16_t port;
    uint16_t queue;
    uint64_t number; /* packets received so far */
    uint64_t no_buffer;
    bool at_end; /* a finite port that has said all it has */
};

/* Packets of a queue that are received, and whose time has not come: worker_rx.c. */
struct weir_rx_ahead {
    unsigned int at, count;
    struct rte_mbuf *mbuf[WEIR_BURST_MAX];
};

/* Power-of-two histograms: bucket i counts what is at most 2^i, the last one all the rest too. */
#define WEIR_FILL_BUCKETS 9U  /* packets of a burst, up to WEIR_BURST_MAX */
#define WEIR_POLL_BUCKETS 32U /* TSC cycles of a round of the loop */

/* Counters of one port, in one worker. */
struct weir_port_traffic {
    uint64_t rx_packets, rx_bytes; /* octets of frames, here and below */
    uint64_t tx_packets, tx_bytes;
    uint64_t tx_lost; /* its transmit queue or outgoing ring was full, or the frame too large */
};

/* Counters of the loop; written by the worker only. All of them 64-bit: see weir_stats_take. */
struct weir_traffic {
    struct weir_port_traffic port[RTE_MAX_ETHPORTS];
    uint64_t steer_lost;  /* another worker's inbox was full */
    uint64_t handed_out;  /* to other workers, and (these four by weir_count_handed) */
    uint64_t handed_in;   /* from them, done with */
    uint64_t passed_out;  /* to another worker for transmission, and */
    uint64_t passed_in;   /* for others, done with */
    uint64_t tcp_packets; /* that reached the TCP checks */
    uint64_t trace_lost;
    uint64_t mirror_lost; /* refused packets that went into no capture: rate, or full ring */
    uint64_t answers;     /* sent for rejected packets */
    uint64_t polls;       /* rounds of the loop, and of them */
    uint64_t polls_idle;  /* those that found nothing to do */
    uint64_t busy_cycles; /* TSC cycles in polls that found packets, and */
    uint64_t idle_cycles; /* in those that did not */
    uint64_t burst_fill[WEIR_FILL_BUCKETS];  /* bursts received from ports, by their packets */
    uint64_t poll_cycles[WEIR_POLL_BUCKETS]; /* polls by their length */
};

/*
 * Count what goes from hand to hand: whoever reads the new number (acquire) sees all that was done
 * before it was counted. The end of a run is told by these.
 */
static inline void weir_count_handed(uint64_t *counter, uint64_t frames) /* NOLINT: written */
{
    __atomic_store_n(counter, *counter + frames, __ATOMIC_RELEASE);
}

/* Frames collected for one port. */
struct weir_tx_buffer {
    struct rte_mbuf *mbuf[WEIR_BURST_MAX];
    unsigned int count;
};

/* Taken out of the inbox while waiting for room in another's, to be done first: worker_steer.c. */
struct weir_backlog {
    struct rte_mbuf *first, *last;
};

struct weir_fleet;

struct weir_worker {
    struct weir_fleet *fleet;
    unsigned int id;
    unsigned int lcore;
    unsigned int queue_count;
    struct weir_rx_queue queue[WEIR_QUEUES_MAX];
    struct weir_rx_ahead *ahead; /* by queue; NULL: packets are taken as they come */
    uint32_t rx_epoch;           /* how often the clock of finite ports was set back, and */
    uint64_t rx_clock_us;        /* latest time received since then */
    bool shadow;                 /* some port is in shadow mode */
    struct rte_ring *inbox;      /* mbufs from other workers; NULL with one worker */
    struct weir_backlog backlog;
    struct rte_ring *flows;  /* struct weir_flow_copy to the control core; NULL where not wanted */
    struct rte_ring *traces; /* struct weir_trace_view to the control core; NULL where not wanted */
    struct rte_ring *mirrors; /* struct weir_mirror_view likewise */
    struct rte_ring *events;  /* struct weir_event to the control core; NULL where not wanted */
    struct weir_asks asks;
    struct weir_event *event_room; /* memory of tracker.events */
    struct weir_reader reader;
    struct weir_frag frag; /* pieces of datagrams that are not whole yet */
    struct weir_tracker tracker;
    struct weir_burst burst;
    struct weir_tx_buffer tx[RTE_MAX_ETHPORTS];
    const struct weir_policy_set *policy; /* held for one poll */
    struct weir_answer_bucket bucket;
    struct weir_answer_bucket mirror_bucket;
    uint64_t poll_tsc;  /* when this poll began: the time of all that it does */
    uint64_t sweep_tsc; /* when it last swept */
    bool poll_idle;     /* this poll has found nothing to do */
    struct weir_traffic traffic;
    atomic_uint policy_epoch;      /* of the policy it holds, published once a poll, and so */
    atomic_uint clock_epoch;       /* of its tracker's clock, and */
    atomic_uint_fast64_t clock_us; /* that clock */
    atomic_bool received; /* its ports have said all they had; other workers ask that, and */
    atomic_bool finished; /* it holds no pieces of datagrams either */
    atomic_bool done;     /* has reported everything */
};

struct weir_fleet {
    const struct weir_settings *settings;
    struct weir_ports *ports;
    struct weir_rules rules;
    bool lossless; /* all ports are finite: wait rather than lose */
    unsigned int count;
    unsigned int receivers; /* workers 0 and up that have queues: pieces of datagrams are theirs */
    struct weir_worker *worker[WEIR_WORKERS_MAX];
    struct rte_ring *outgoing[RTE_MAX_ETHPORTS];     /* for workers without a transmit queue */
    struct weir_listing *listing[WEIR_LISTINGS_MAX]; /* the control core's; NULL: free */
    _Atomic(const struct weir_policy_set *) policy;  /* NULL: everybody may start a flow */
    atomic_uint policy_epoch; /* of that; written by the control core after it */
    const struct weir_policy_set *policy_retired; /* the one before, while workers may hold it */
    atomic_int phase;
    uint64_t close_us;       /* written before phase becomes CLOSE */
    uint32_t close_epoch;    /* likewise */
    enum weir_end close_end; /* likewise */
};

/*
 * Make so many workers as settings say, on lcores 1.., with their memory. Returns 0, or a negative
 * errno after a message (-EINVAL: fewer lcores than workers). Frees nothing: weir_fleet_free does.
 */
int weir_fleet_make(struct weir_fleet *fleet, const struct weir_settings *settings,
                    struct weir_ports *ports);

/* Free what weir_fleet_make made; no worker may be running. */
void weir_fleet_free(struct weir_fleet *fleet);

/* tracker.drain of a worker: sends what stands in its outbox. */
void weir_worker_drain(void *worker);

/* tracker.judge of a worker: asks the policy the worker holds. */
enum weir_policy weir_worker_judge(const void *worker, const struct weir_packet *packet);

/* The loop; given to rte_eal_remote_launch with a struct weir_worker. Returns 0. */
int weir_worker_run(void *arg);

#endif
