/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow record, read out of weir's JSON. */
#ifndef WEIR_WEIRCTL_FLOW_H
#define WEIR_WEIRCTL_FLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { WEIRCTL_ORIG, WEIRCTL_RESP };

#define WEIRCTL_END_MAX   64U /* octets of an address and its port as text */
#define WEIRCTL_VLANS_MAX 4U  /* tags of a flow */

/* Texts belong to what this was read from; "" where it has none. */
struct weirctl_flow {
    const char *id;
    const char *proto;
    const char *addr[2];
    const char *state[2]; /* "" where not TCP */
    const char *history;
    const char *end_reason;
    const char *last_reason;
    double start_sec, end_sec; /* since the epoch */
    uint64_t port[2];
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t refused[2];
    unsigned int vlans;
    uint16_t vlan[WEIRCTL_VLANS_MAX]; /* outermost first */
};

/* A flow of which nothing is known; and whether as much is known as every record has. */
void weirctl_flow_clear(struct weirctl_flow *flow);
bool weirctl_flow_complete(const struct weirctl_flow *flow);

/* False if object is no flow record. */
bool weirctl_flow_read(const json_t *object, struct weirctl_flow *flow);

/* Members of any object: "" and 0 where there is none of this type. */
const char *weirctl_json_text(const json_t *object, const char *name);
uint64_t weirctl_json_count(const json_t *object, const char *name);
double weirctl_json_number(const json_t *object, const char *name);

/* Goes through an object's members; begins where at is NULL, is false after the last. */
struct weirctl_member {
    void *at;
    const char *name;
    const json_t *value;
};
bool weirctl_json_next(const json_t *object, struct weirctl_member *member);

/* "192.0.2.1:80", "[2001:db8::1]:80"; without a port where the protocol has none. */
void weirctl_flow_end_text(const struct weirctl_flow *flow, unsigned int end,
                           char text[WEIRCTL_END_MAX]);

/* "SYN-SENT / SYN-RECEIVED", or "" where not TCP. */
void weirctl_states_text(const char *orig, const char *resp, char text[WEIRCTL_END_MAX]);

/* "100,200", outermost first; "" if untagged. */
void weirctl_flow_vlan_text(const struct weirctl_flow *flow, char text[WEIRCTL_END_MAX]);

#endif
