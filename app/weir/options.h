/* SPDX-License-Identifier: BSD-3-Clause */
/* Options: what the command line asks for; see weir(8). */
#ifndef WEIR_APP_OPTIONS_H
#define WEIR_APP_OPTIONS_H

#include <stdio.h>

#include "weir/settings.h"

enum weir_command {
    WEIR_COMMAND_RUN,    /* weir [EAL options] -- [options] */
    WEIR_COMMAND_REPLAY, /* weir replay IN [options] */
    WEIR_COMMAND_CHECK,  /* weir check --config FILE */
    WEIR_COMMAND_HELP,
    WEIR_COMMAND_VERSION,
};

struct weir_options {
    enum weir_command command;
    const char *in_file;  /* replay: the capture; points into argv, as out_file does */
    const char *out_file; /* replay: what is forwarded, or NULL */
    int eal_argc;         /* run: argv up to "--", program name included */
};

/*
 * Read the command line and the configuration file that it names. On return settings hold all but
 * what weir_config_finish() fills in. Returns 0, or -EINVAL after messages on standard error.
 */
int weir_options_parse(int argc, char **argv, struct weir_settings *settings,
                       struct weir_options *options);

/* What --help prints. */
void weir_options_help(FILE *out);

#endif
