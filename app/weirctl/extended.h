/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows in the line format of conntrack(8) -o extended, for programs that parse it. A line has one
 * state where weir knows two: the one conntrack would show comes where conntrack shows it, and the
 * two follow at the end as orig_state= and resp_state=.
 */
#ifndef WEIR_WEIRCTL_EXTENDED_H
#define WEIR_WEIRCTL_EXTENDED_H

#include "weirctl/client.h"
#include "weirctl/flow.h"

/* What is not in a record. Timeouts in seconds, by their key in weir's configuration. */
struct weirctl_extended {
    json_t *timeouts; /* NULL: not known, all flows are shown with 0 seconds left */
    bool with_id;
};

/* Ask weir for its timeouts. */
void weirctl_extended_begin(struct weirctl_extended *extended, struct weirctl_client *client);
void weirctl_extended_end(struct weirctl_extended *extended);

/* Print one flow, without the newline; seconds left only where live. */
void weirctl_extended_print(const struct weirctl_extended *extended,
                            const struct weirctl_flow *flow, bool live);

/* The one state that stands for a pair of RFC 9293 states: "SYN_SENT", "CLOSE_WAIT", ... */
const char *weirctl_extended_state(const struct weirctl_flow *flow);

#endif
