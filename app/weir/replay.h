/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replay: "weir replay IN", which hides EAL and net_pcap. Checks the files, then makes the
 * arguments that EAL is started with.
 */
#ifndef WEIR_APP_REPLAY_H
#define WEIR_APP_REPLAY_H

#include "weir/capture.h"
#include "weir/options.h"
#include "weir/settings.h"
#include "weir/summary.h"

#define WEIR_REPLAY_ARGS     16U
#define WEIR_REPLAY_ARG_SIZE 1024U

struct weir_replay {
    const char *in_file, *out_file; /* out_file NULL: nothing is written */
    int in_fd, out_fd;              /* -1 where there is none */
    struct weir_capture capture;
    int argc;
    char *argv[WEIR_REPLAY_ARGS + 1];
    char text[WEIR_REPLAY_ARGS][WEIR_REPLAY_ARG_SIZE];
};

/*
 * Check the files of options, open them, adapt settings to the capture (table sizes, buffers, cut
 * frames) and make argv. Returns 0, or -errno after a message; -EINVAL for wrong usage.
 */
int weir_replay_prepare(const struct weir_options *options, struct weir_settings *settings,
                        struct weir_replay *replay);

/*
 * After the run and after the ports are closed: was the input whole, and is all that was sent in
 * the output? Returns 0, or -errno after a message. Closes the files.
 */
int weir_replay_finish(struct weir_replay *replay, const struct weir_summary *summary);

#endif
