/* SPDX-License-Identifier: BSD-3-Clause */
/* The query of a request: filter flags of the command line as parameters of weir's HTTP interface.
 */
#ifndef WEIR_WEIRCTL_QUERY_H
#define WEIR_WEIRCTL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

enum weirctl_param {
    WEIRCTL_SRC,
    WEIRCTL_DST,
    WEIRCTL_ADDR,
    WEIRCTL_SPORT,
    WEIRCTL_DPORT,
    WEIRCTL_PORT,
    WEIRCTL_PROTO,
    WEIRCTL_VLAN,
    WEIRCTL_STATE,
    WEIRCTL_ORIG_STATE,
    WEIRCTL_RESP_STATE,
    WEIRCTL_MIN_AGE,
    WEIRCTL_MAX_AGE,
    WEIRCTL_MIN_IDLE,
    WEIRCTL_MAX_IDLE,
    WEIRCTL_REFUSED,
    WEIRCTL_POLICY,
    WEIRCTL_LIMIT,
    WEIRCTL_KINDS,
    WEIRCTL_PARAMS
};

#define WEIRCTL_VALUE_MAX  192U  /* octets of one value, its end included: all eleven states fit */
#define WEIRCTL_TARGET_MAX 8192U /* octets of a path with its query: no value can exceed it */

struct weirctl_query {
    char value[WEIRCTL_PARAMS][WEIRCTL_VALUE_MAX]; /* "": not given */
    int family;                                    /* 4, 6; 0: both */
};

/*
 * Set one parameter from what the user wrote: states and protocols by conntrack's names too, ages
 * with a unit. Returns NULL, or what is wrong with it. What is left to check, weir checks.
 */
const char *weirctl_query_set(struct weirctl_query *query, enum weirctl_param param,
                              const char *text);

/* "ipv4", "ipv6" or "inet", "inet6". */
bool weirctl_query_set_family(struct weirctl_query *query, const char *text);

/* Is there a condition, limit and kinds apart? */
bool weirctl_query_filters(const struct weirctl_query *query);

/* The same flow, had the other end begun it. */
void weirctl_query_turn(struct weirctl_query *query);

/* Path and query as the request line has them. */
void weirctl_query_target(const struct weirctl_query *query, const char *path,
                          char target[WEIRCTL_TARGET_MAX]);

#endif
