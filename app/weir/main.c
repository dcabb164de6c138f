/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir: options, then EAL, then the run, then what came of it.
 *
 * Exit status: 0 done, 1 failed at run time, 2 wrong usage or configuration.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include "core/hash.h"
#include "weir/config.h"
#include "weir/options.h"
#include "weir/replay.h"
#include "weir/run.h"
#include "weir/settings.h"
#include "weir/summary.h"

enum { EXIT_USAGE = 2 };

static struct weir_settings settings;
static struct weir_options options;
static struct weir_replay replay;
static struct weir_summary summary;

static int exit_code(int error)
{
    if (error == 0)
        return EXIT_SUCCESS;
    return error == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}

static void print_version(void)
{
    printf("weir %s\n%s\nbuilt for %s; flow hash %s\n", WEIR_VERSION, rte_version(), WEIR_CPU,
           WEIR_HASH_NAME);
}

/* Text and progress must not get into records that go to standard output. */
static FILE *summary_stream(void)
{
    bool taken = strcmp(settings.flow_file, "-") == 0 || strcmp(settings.trace_file, "-") == 0;

    return taken ? stderr : stdout;
}

static int start_eal(int argc, char **argv)
{
    if (rte_eal_init(argc, argv) >= 0)
        return 0;
    warnx("EAL does not start: %s", rte_strerror(rte_errno));
    return rte_errno == EINVAL ? -EINVAL : -EIO;
}

static int track(int argc, char **argv)
{
    int error = start_eal(argc, argv);

    if (error < 0)
        return error;
    error = weir_run(&settings, &summary);
    if (summary.elapsed_us > 0) { /* it was started */
        if (!settings.quiet)
            weir_summary_print(&summary, settings.mode == WEIR_MODE_SHADOW, summary_stream());
        weir_summary_advise(&summary);
    }
    rte_eal_cleanup();
    return error;
}

static int run_replay(void)
{
    int error = weir_replay_prepare(&options, &settings, &replay);
    int finished;

    if (error < 0)
        return error;
    error = track(replay.argc, replay.argv);
    finished = weir_replay_finish(&replay, &summary);
    return error < 0 ? error : finished;
}

static int run_command(char **argv)
{
    switch (options.command) {
    case WEIR_COMMAND_HELP:
        weir_options_help(stdout);
        return 0;
    case WEIR_COMMAND_VERSION:
        print_version();
        return 0;
    case WEIR_COMMAND_CHECK:
        printf("%s: ok\n", settings.config_file);
        return 0;
    case WEIR_COMMAND_REPLAY:
        return run_replay();
    default:
        weir_config_finish(&settings, 0);
        return track(options.eal_argc, argv);
    }
}

int main(int argc, char **argv)
{
    int error = weir_options_parse(argc, argv, &settings, &options);

    if (error < 0)
        return exit_code(error);
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of write, not our end, */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may grow no further */
    error = run_command(argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        warn("standard output");
        error = error < 0 ? error : -EIO;
    }
    return exit_code(error);
}
