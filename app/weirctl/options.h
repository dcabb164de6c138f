/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: commands and options are one table each, which make parser and help. */
#ifndef WEIR_WEIRCTL_OPTIONS_H
#define WEIR_WEIRCTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "weirctl/query.h"

/* Exit status; weirctl(8) says so too. */
enum weirctl_exit {
    WEIRCTL_DONE,
    WEIRCTL_FAILED,
    WEIRCTL_USAGE,
    WEIRCTL_NOTHING,     /* no flow matched */
    WEIRCTL_UNREACHABLE, /* nobody answers at the socket */
};

enum weirctl_format { WEIRCTL_TABLE, WEIRCTL_JSON, WEIRCTL_EXTENDED };

struct weirctl_options;

struct weirctl_command {
    const char *name;
    const char *alias;   /* another name, or NULL */
    char letter;         /* as conntrack has it, or 0 */
    const char *operand; /* what may follow, or NULL */
    bool extended;       /* knows -o extended */
    enum weirctl_exit (*run)(struct weirctl_options *options);
    const char *text;
};

struct weirctl_options {
    const struct weirctl_command *command;
    const char *operand; /* a flow's id, or NULL */
    const char *socket;
    enum weirctl_format format;
    bool with_id;   /* -o id */
    bool with_time; /* -o timestamp */
    bool once;
    double interval_sec;
    struct weirctl_query query;
};

/* All commands, and one without a name at the end. */
extern const struct weirctl_command weirctl_commands[];

/*
 * Fill in options, whose strings go on pointing into argv. Returns false with *status set where
 * there is nothing more to do: after --help and --version, and after a complaint about wrong usage.
 */
bool weirctl_options_parse(int argc, char **argv, struct weirctl_options *options,
                           enum weirctl_exit *status);

/* Complain on standard error about wrong usage. */
enum weirctl_exit weirctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
