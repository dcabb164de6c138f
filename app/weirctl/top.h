/* SPDX-License-Identifier: BSD-3-Clause */
/* top's state, and how it is drawn. */
#ifndef WEIR_WEIRCTL_TOP_H
#define WEIR_WEIRCTL_TOP_H

#include "weirctl/rates.h"
#include "weirctl/screen.h"
#include "weirctl/talkers.h"

struct weirctl_top {
    struct weirctl_screen screen;
    struct weirctl_rates rates;
    struct weirctl_talkers talkers;
    enum weirctl_talkers_order order;
    bool hosts; /* talkers are hosts, else flows */
    bool paused;
    double interval_sec;
};

/* Draw one frame; false if nobody can see it any more. */
bool weirctl_top_draw(struct weirctl_top *top);

#endif
