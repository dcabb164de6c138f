/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Top talkers: which flows, or hosts, have sent most between two listings. Of a great table only a
 * sample is listed. The table's order is that of a keyed hash, so the sample is a fair one, and it
 * is the same one each time, so that differences can be taken.
 */
#ifndef WEIR_WEIRCTL_TALKERS_H
#define WEIR_WEIRCTL_TALKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weirctl/client.h"

#define WEIRCTL_TALKERS_LISTED 10000U /* flows looked at, at most */
#define WEIRCTL_TALKERS_MAX    64U    /* shown, at most */

enum weirctl_talkers_order { WEIRCTL_BY_BITS, WEIRCTL_BY_PACKETS, WEIRCTL_BY_REFUSED };

struct weirctl_talker {
    char ends[160]; /* "192.0.2.1:1234 > 192.0.2.2:80", or a host */
    char states[64];
    char proto[16];
    double rate[3]; /* a second, by enum weirctl_talkers_order */
};

struct weirctl_talkers {
    struct weirctl_talker top[WEIRCTL_TALKERS_MAX]; /* greatest first */
    unsigned int count;
    bool sampled; /* there are more flows than were looked at */
    struct weirctl_talkers_past *past;
};

/* List anew what has moved within interval_sec; the first time all rates are 0. */
enum weirctl_exit weirctl_talkers_update(struct weirctl_talkers *talkers,
                                         struct weirctl_client *client,
                                         enum weirctl_talkers_order order, bool hosts,
                                         double interval_sec);
void weirctl_talkers_free(struct weirctl_talkers *talkers);

#endif
