/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Views: a flow record and a packet's fate unpacked into plain fields, copied out of a worker so
 * that the control core can write, send or list them. Nothing in a view points anywhere.
 */
#ifndef WEIR_CORE_VIEW_H
#define WEIR_CORE_VIEW_H

#include <stdint.h>

#include "core/flow.h"

#define WEIR_STATE_NONE 0xffU /* not TCP */

/* Why a flow ended; WEIR_END_ACTIVE in a listing or for one still open at the end. */
enum weir_end {
    WEIR_END_ACTIVE,
    WEIR_END_FIN,
    WEIR_END_RST,
    WEIR_END_TIMEOUT,
    WEIR_END_EVICTED,
    WEIR_END_FLUSHED,
    WEIR_END_SHUTDOWN,
    WEIR_END_COUNT
};

/* What a flow has counted in all; by enum weir_dir. */
struct weir_totals {
    uint64_t packets[2];
    uint64_t bytes[2]; /* IP octets */
    uint64_t refused[2];
};

struct weir_flow_view {
    uint64_t id;       /* unique in this run, never 0; the same whatever the number of workers */
    uint64_t start_us; /* microseconds since the epoch */
    uint64_t end_us;
    union { /* pairs are by enum weir_dir, here and below */
        struct weir_totals totals;
        struct {
            uint64_t packets[2];
            uint64_t bytes[2];
            uint64_t refused[2];
        };
    };
    uint8_t addr[2][16]; /* wire order; IPv4 in the first four octets */
    uint16_t port[2];    /* host order */
    uint16_t vlan[2];    /* outermost first; WEIR_VLAN_NONE where there is none */
    uint8_t state[2];    /* enum weir_tcp_state, or WEIR_STATE_NONE */
    uint8_t family;      /* 4 or 6 */
    uint8_t proto;
    uint8_t end;    /* enum weir_end */
    uint8_t reason; /* enum weir_reason of the last refused packet; NONE */
    char history[WEIR_HISTORY_MAX + 1];
};

/* What conntrack users know as the packet's ctstate. */
enum weir_class {
    WEIR_CLASS_NEW,
    WEIR_CLASS_ESTABLISHED,
    WEIR_CLASS_RELATED,
    WEIR_CLASS_INVALID,
    WEIR_CLASS_UNTRACKED,
    WEIR_CLASS_COUNT
};

struct weir_trace_view {
    uint64_t n; /* packet number from 0 in order of arrival on its port */
    uint64_t time_us;
    uint64_t flow_id; /* 0 where there is no flow */
    uint16_t port;
    uint8_t verdict;    /* enum weir_verdict */
    uint8_t class;      /* enum weir_class */
    uint8_t reason;     /* enum weir_reason */
    uint8_t dir;        /* enum weir_dir; meaningful with a flow */
    uint8_t state[2];   /* as in the flow view, after the packet; WEIR_STATE_NONE without a flow */
    uint16_t wanted_by; /* number of the filter that picked it; 0: every packet is wanted */
};

/* "active", "fin", ...; "new", "established", ...; "?" beyond the list. */
const char *weir_end_name(unsigned int end);
const char *weir_class_name(unsigned int class);

#endif
