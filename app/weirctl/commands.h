/* SPDX-License-Identifier: BSD-3-Clause */
/* What each command does. All are called once, print their outcome, and return the exit status. */
#ifndef WEIR_WEIRCTL_COMMANDS_H
#define WEIR_WEIRCTL_COMMANDS_H

#include "weirctl/options.h"

enum weirctl_exit weirctl_list(struct weirctl_options *options);
enum weirctl_exit weirctl_get(struct weirctl_options *options);
enum weirctl_exit weirctl_delete(struct weirctl_options *options);
enum weirctl_exit weirctl_flush(struct weirctl_options *options);
enum weirctl_exit weirctl_count(struct weirctl_options *options);
enum weirctl_exit weirctl_stats(struct weirctl_options *options);
enum weirctl_exit weirctl_events(struct weirctl_options *options);
enum weirctl_exit weirctl_trace(struct weirctl_options *options);
enum weirctl_exit weirctl_top(struct weirctl_options *options);
enum weirctl_exit weirctl_reload(struct weirctl_options *options);
enum weirctl_exit weirctl_health(struct weirctl_options *options);

#endif
