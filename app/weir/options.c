/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options: one table of them makes parser and help. They are collected first and applied after the
 * configuration file has been read, so that they win over it.
 */
#include "weir/options.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "weir/config.h"

enum option_id {
    OPT_CONFIG,
    OPT_FLOWS,
    OPT_TRACE,
    OPT_CAPTURE,
    OPT_OUT,
    OPT_EXIT_AT_END,
    OPT_SHADOW,
    OPT_CHECKSUM,
    OPT_MIDSTREAM,
    OPT_PROFILE,
    OPT_WORKERS,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

enum { IN_RUN = 1 << WEIR_COMMAND_RUN, IN_REPLAY = 1 << WEIR_COMMAND_REPLAY };
enum { IN_CHECK = 1 << WEIR_COMMAND_CHECK, IN_ALL = IN_RUN | IN_REPLAY | IN_CHECK };

static const struct {
    const char *name;
    const char *value; /* what it takes, NULL: nothing */
    unsigned int commands;
    const char *text;
} rows[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", IN_ALL, "read this configuration; options win over it"},
    [OPT_FLOWS] = {"flows", "FILE|-", IN_RUN | IN_REPLAY,
                   "write a record of each flow, JSON Lines; -: standard output"},
    [OPT_TRACE] = {"trace", "FILE|-", IN_RUN | IN_REPLAY,
                   "write a record of each packet, likewise"},
    [OPT_CAPTURE] = {"capture", "FILE", IN_RUN | IN_REPLAY,
                     "write refused packets, each with its reason, pcapng"},
    [OPT_OUT] = {"out", "OUT.pcap", IN_REPLAY, "write what is forwarded into a capture"},
    [OPT_EXIT_AT_END] = {"exit-at-end", NULL, IN_RUN | IN_REPLAY,
                         "end with the files of net_pcap ports, as replay always does"},
    [OPT_SHADOW] = {"shadow", NULL, IN_RUN | IN_REPLAY, "refuse and count, but drop nothing"},
    [OPT_CHECKSUM] = {"checksum", "verify|ignore", IN_RUN | IN_REPLAY,
                      "refuse wrong checksums (verify: IP, TCP, UDP, ICMP), or do not"},
    [OPT_MIDSTREAM] = {"midstream", "loose|strict|one-way", IN_RUN | IN_REPLAY,
                       "TCP whose opening was not seen: adopt, refuse, see one side"},
    [OPT_PROFILE] = {"profile", "default|rfc", IN_RUN | IN_REPLAY,
                     "timeouts for practice, or those of the RFCs"},
    [OPT_WORKERS] = {"workers", "N", IN_RUN | IN_REPLAY, "packet workers, 1 to 64"},
    [OPT_QUIET] = {"quiet", NULL, IN_RUN | IN_REPLAY, "no progress, no summary"},
    [OPT_HELP] = {"help", NULL, IN_ALL, "print this"},
    [OPT_VERSION] = {"version", NULL, IN_ALL, "print version, DPDK's version and processor"},
};

/* Given options by number: their value, "" for one without; NULL where not given. */
struct given {
    const char *value[OPT_COUNT];
    const char *operand; /* what is no option */
};

static int hint(void)
{
    fprintf(stderr, "Try 'weir --help'.\n");
    return -EINVAL;
}

void weir_options_help(FILE *out)
{
    fputs("Usage: weir [EAL options] -- [options]\n"
          "       weir replay IN.pcap [options]\n"
          "       weir check --config FILE\n"
          "       weir --help | --version\n\n"
          "Tracks the connections that pass between DPDK ports, or those of a capture.\n\n"
          "Options:\n",
          out);
    for (unsigned int i = 0; i < OPT_COUNT; i++) {
        const char *only = rows[i].commands == IN_REPLAY ? " (replay)" : "";
        char left[64];

        snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        fprintf(out, "  %-32s  %s%s\n", left, rows[i].text, only);
    }
    fputs("\nExit status: 0 done, 1 failed at run time, 2 wrong usage or configuration.\n", out);
}

static int find_row(const char *argument)
{
    size_t len = strcspn(argument, "=");

    for (int i = 0; i < OPT_COUNT; i++) {
        if (strlen(rows[i].name) == len && strncmp(argument, rows[i].name, len) == 0)
            return i;
    }
    return -1;
}

static void make_long_options(struct option table[OPT_COUNT + 1])
{
    memset(table, 0, sizeof(struct option) * (OPT_COUNT + 1));
    for (int i = 0; i < OPT_COUNT; i++)
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].value ? required_argument : no_argument,
                                   .val = i};
}

static int refuse_argument(const char *argument, const char *why)
{
    warnx("%s: %s", argument, why);
    return hint();
}

/* getopt's complaint, with what it leaves out. */
static int refuse_option(int result, const char *argument)
{
    int row = strncmp(argument, "--", 2) == 0 ? find_row(argument + 2) : -1;

    if (result == ':' && optopt >= 0 && optopt < OPT_COUNT) {
        warnx("--%s: its value is missing: expected %s", rows[optopt].name, rows[optopt].value);
        return hint();
    }
    if (row >= 0)
        return refuse_argument(argument, "takes no value");
    return refuse_argument(argument, "unknown option");
}

static int collect(int argc, char **argv, enum weir_command command, struct given *given)
{
    struct option table[OPT_COUNT + 1];
    int result;

    make_long_options(table);
    opterr = 0;
    optind = 0; /* glibc: start anew, so that a second parse in one process works */
    while ((result = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (result == 'h')
            result = OPT_HELP;
        if (result < 0 || result >= OPT_COUNT)
            return refuse_option(result, argv[optind - 1]);
        if ((rows[result].commands & 1U << command) == 0) {
            warnx("--%s: not an option of this form of weir", rows[result].name);
            return hint();
        }
        given->value[result] = optarg == NULL ? "" : optarg;
        if (rows[result].value != NULL && given->value[result][0] == '\0') {
            warnx("--%s: its value is empty: expected %s", rows[result].name, rows[result].value);
            return hint();
        }
    }
    if (command == WEIR_COMMAND_REPLAY && optind < argc)
        given->operand = argv[optind++];
    return optind < argc ? refuse_argument(argv[optind], "surplus argument") : 0;
}

static int apply_path(const struct given *given, enum option_id id, char *path)
{
    const char *value = given->value[id];

    if (value == NULL || strlcpy(path, value, WEIR_PATH_MAX) < WEIR_PATH_MAX)
        return 0;
    warnx("--%s: expected a file name of under %u octets", rows[id].name, WEIR_PATH_MAX);
    return hint();
}

/* *number stays as it is where the option was not given. */
static int apply_word(const struct given *given, enum option_id id, const char *key,
                      unsigned int *number)
{
    const char *value = given->value[id];
    const char *expected;
    int word;

    if (value == NULL)
        return 0;
    word = weir_config_word(key, value, &expected);
    if (word < 0) {
        warnx("--%s %s: expected %s", rows[id].name, value, expected);
        return hint();
    }
    *number = (unsigned int)word;
    return 0;
}

static int apply_workers(const struct given *given, struct weir_settings *settings)
{
    const char *value = given->value[OPT_WORKERS];
    const char *error;
    long long number;

    if (value == NULL)
        return 0;
    number = strtonum(value, 1, 64, &error);
    if (error != NULL) {
        warnx("--workers %s: expected a number, 1 to 64", value);
        return hint();
    }
    settings->workers = (uint32_t)number;
    return 0;
}

static void apply_switches(const struct given *given, struct weir_settings *settings)
{
    settings->quiet = given->value[OPT_QUIET] != NULL;
    settings->exit_at_end = given->value[OPT_EXIT_AT_END] != NULL;
    if (given->value[OPT_SHADOW] != NULL) {
        settings->mode = WEIR_MODE_SHADOW;
        for (unsigned int i = 0; i < WEIR_PAIRS_CONF; i++)
            settings->pair[i].mode = WEIR_MODE_SHADOW;
    }
}

static int apply(const struct given *given, struct weir_settings *settings)
{
    int error = apply_path(given, OPT_FLOWS, settings->flow_file);

    error = error ? error : apply_path(given, OPT_TRACE, settings->trace_file);
    error = error ? error : apply_path(given, OPT_CAPTURE, settings->mirror_file);
    error =
        error ? error : apply_word(given, OPT_CHECKSUM, "tracking.checksum", &settings->checksum);
    error = error ? error
                  : apply_word(given, OPT_MIDSTREAM, "tracking.midstream", &settings->midstream);
    error = error ? error : apply_word(given, OPT_PROFILE, "timeouts.profile", &settings->profile);
    error = error ? error : apply_workers(given, settings);
    if (error)
        return error;
    apply_switches(given, settings);
    if (settings->flow_file[0] != '\0' && strcmp(settings->flow_file, settings->trace_file) == 0) {
        warnx("flow records and trace both go to %s: expected two files",
              strcmp(settings->flow_file, "-") == 0 ? "standard output" : settings->flow_file);
        return hint();
    }
    return 0;
}

static int read_config(const struct given *given, struct weir_settings *settings)
{
    unsigned int errors;
    int result = apply_path(given, OPT_CONFIG, settings->config_file);

    if (result < 0 || settings->config_file[0] == '\0')
        return result;
    errors = weir_config_read(settings->config_file, settings, stderr);
    if (errors == 0)
        return 0;
    warnx("%s: %u %s", settings->config_file, errors, errors == 1 ? "error" : "errors");
    return -EINVAL;
}

/* What stands before "--" is EAL's; an option of ours there would be refused in EAL's own words. */
static int check_eal_part(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int row = strncmp(argv[i], "--", 2) == 0 ? find_row(argv[i] + 2) : -1;

        if (row >= 0)
            return refuse_argument(argv[i],
                                   "expected after \"--\": weir [EAL options] -- [options]");
    }
    if (argc > 1 && argv[1][0] != '-')
        return refuse_argument(argv[1], "unknown command: expected replay or check");
    return 0;
}

static enum weir_command find_command(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";

    if (strcmp(first, "replay") == 0)
        return WEIR_COMMAND_REPLAY;
    if (strcmp(first, "check") == 0)
        return WEIR_COMMAND_CHECK;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return WEIR_COMMAND_HELP;
    if (strcmp(first, "--version") == 0)
        return WEIR_COMMAND_VERSION;
    return WEIR_COMMAND_RUN;
}

static int find_separator(int argc, char **argv)
{
    int at = 1;

    while (at < argc && strcmp(argv[at], "--") != 0)
        at++;
    return at;
}

/* What a command cannot do without. */
static int check_needs(const struct weir_options *options, const struct given *given)
{
    if (options->command == WEIR_COMMAND_REPLAY && given->operand == NULL)
        return refuse_argument("replay", "expected a capture: weir replay IN.pcap");
    if (options->command == WEIR_COMMAND_CHECK && given->value[OPT_CONFIG] == NULL)
        return refuse_argument("check", "expected --config FILE");
    return 0;
}

int weir_options_parse(int argc, char **argv, struct weir_settings *settings,
                       struct weir_options *options)
{
    struct given given = {.operand = NULL};
    int skip = 1;
    int error = 0;

    if (argc < 2) {
        warnx("expected EAL options, replay or check");
        return hint();
    }
    weir_config_defaults(settings);
    *options = (struct weir_options){.command = find_command(argc, argv)};
    if (options->command == WEIR_COMMAND_HELP || options->command == WEIR_COMMAND_VERSION)
        return argc > 2 ? refuse_argument(argv[2], "surplus argument") : 0;
    if (options->command == WEIR_COMMAND_RUN) {
        skip = find_separator(argc, argv);
        options->eal_argc = skip;
        error = check_eal_part(skip, argv);
    }
    if (error == 0 && skip < argc)
        error = collect(argc - skip, argv + skip, options->command, &given);
    if (error < 0)
        return error;
    if (given.value[OPT_HELP] != NULL || given.value[OPT_VERSION] != NULL) {
        options->command = given.value[OPT_HELP] != NULL ? WEIR_COMMAND_HELP : WEIR_COMMAND_VERSION;
        return 0;
    }
    options->in_file = given.operand;
    options->out_file = given.value[OPT_OUT];
    error = check_needs(options, &given);
    error = error ? error : read_config(&given, settings);
    return error ? error : apply(&given, settings);
}
