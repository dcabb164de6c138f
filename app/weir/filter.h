/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters: which flows a client means, by the parameters that docs/http-api.md lists. */
#ifndef WEIR_APP_FILTER_H
#define WEIR_APP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/view.h"

/* Where a filter stands, which decides the parameters it can have. */
enum weir_filter_use {
    WEIR_FILTER_LIST = 1,
    WEIR_FILTER_COUNT = 2,
    WEIR_FILTER_DELETE = 4,
    WEIR_FILTER_EVENTS = 8,
    WEIR_FILTER_TRACE = 16,
};

struct weir_prefix {
    uint8_t family; /* 0: any address */
    uint8_t len;    /* bits */
    uint8_t addr[16];
};

#define WEIR_PORT_ANY UINT32_MAX

struct weir_filter {
    enum weir_filter_use use;
    uint32_t seen;             /* parameters so far, a bit each */
    unsigned int given;        /* number of conditions; 0: everything matches */
    struct weir_prefix end[2]; /* originator's, responder's address */
    struct weir_prefix either; /* either of them */
    uint32_t port[2];          /* WEIR_PORT_ANY: any */
    uint32_t port_either;      /* likewise */
    int proto;                 /* -1: any */
    int vlan;                  /* -1: any; WEIR_VLAN_NONE: untagged */
    uint16_t state[2];         /* bit per enum weir_tcp_state; 0: any */
    uint16_t state_either;     /* likewise */
    uint64_t min_age_us, max_age_us;
    uint64_t min_idle_us, max_idle_us;
    uint64_t refused;
    unsigned int policy; /* bit per enum weir_policy that may judge its originator; 0: any */
    /* not conditions */
    uint32_t limit;     /* 0: none */
    bool all;           /* all=1 */
    unsigned int kinds; /* bit per enum weir_event_kind; 0: not given */
};

void weir_filter_init(struct weir_filter *filter, enum weir_filter_use use);

/*
 * Add one parameter; value may be NULL. Returns true, or false with what was wrong and what was
 * expected in error.
 */
bool weir_filter_add(struct weir_filter *filter, const char *name, const char *value, char *error,
                     size_t error_size);

/* Does the flow match, its policy apart (that is scan.c's)? Ages are counted from now_us. */
bool weir_filter_matches(const struct weir_filter *filter, const struct weir_flow_view *flow,
                         uint64_t now_us);

#endif
