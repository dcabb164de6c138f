/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/tracker.h"

#define FLOWS_MIN 64U
#define FLOWS_MAX 50000000U

static const struct {
    const char *name;
    const char *text;
} scenarios[BENCH_SCENARIOS] = {
    [BENCH_ESTABLISHED] = {"established", "data both ways on flows drawn uniformly at random"},
    [BENCH_ZIPF] = {"zipf", "the same, flows drawn by Zipf's law (exponent 1)"},
    [BENCH_MIXED] = {"mixed", "IMIX sizes; 95 % established, 5 % SYNs of new connections"},
    [BENCH_SETUP] = {"setup", "whole connections of ten segments, that many alive at once"},
    [BENCH_SYNFLOOD] = {"synflood", "SYNs of new connections beside that many established"},
    [BENCH_SYNFLOOD_FULL] = {"synflood-full", "SYNs into a table full of half-open flows"},
    [BENCH_SYNFLOOD_REFUSED] = {"synflood-refused", "SYNs into a table full of established flows"},
    [BENCH_EXPIRE] = {"expire", "creation and expiry in balance, that many resident"},
    [BENCH_EXPIRE_POLL] = {"expire-poll", "longest poll while a million flows expire in a second"},
    [BENCH_FLUSH_POLL] = {"flush-poll", "longest poll while a million flows are listed and ended"},
};

static const char *const checksums[] = {
    [BENCH_CHECKSUM_HARDWARE] = "hardware",
    [BENCH_CHECKSUM_VERIFY] = "verify",
    [BENCH_CHECKSUM_IGNORE] = "ignore",
};

enum option_id {
    OPT_FLOWS = 1,
    OPT_IPV6,
    OPT_BURST,
    OPT_SECONDS,
    OPT_HUGE,
    OPT_NO_HUGE,
    OPT_CHECKSUM,
    OPT_CPU,
    OPT_JSON,
    OPT_NO_BASELINE,
    OPT_QUICK,
    OPT_MEMORY,
    OPT_HELP,
    OPT_COUNT
};

static const struct {
    const char *name;
    const char *value; /* what it takes, NULL: nothing */
    const char *text;
} rows[OPT_COUNT] = {
    [OPT_FLOWS] = {"flows", "N", "flows, 64 to 50000000, k and M understood (default 1M)"},
    [OPT_IPV6] = {"ipv6", NULL, "IPv6 instead of IPv4"},
    [OPT_BURST] = {"burst", "N", "packets in a burst, 1 to 256 (default 64)"},
    [OPT_SECONDS] = {"seconds", "S", "how long to measure (default 3)"},
    [OPT_HUGE] = {"huge", NULL, "insist on hugepages"},
    [OPT_NO_HUGE] = {"no-huge", NULL, "do without hugepages"},
    [OPT_CHECKSUM] = {"checksum", "hardware|verify|ignore",
                      "trust the port's flags (default), sum in software, do not look"},
    [OPT_CPU] = {"cpu", "N", "run on this CPU (default: the last one allowed)"},
    [OPT_JSON] = {"json", NULL, "one JSON object a measurement instead of a table"},
    [OPT_NO_BASELINE] = {"no-baseline", NULL, "leave rte_hash and random lines out"},
    [OPT_QUICK] = {"quick", NULL, "with all: small and short, to see that it works"},
    [OPT_MEMORY] = {"memory", NULL, "what --flows flows cost in memory, by what the process holds"},
    [OPT_HELP] = {"help", NULL, "print this"},
};

const char *bench_scenario_name(enum bench_scenario scenario)
{
    return scenarios[scenario].name;
}

const char *bench_checksum_name(enum bench_checksum checksum)
{
    return checksums[checksum];
}

void bench_options_help(FILE *out)
{
    fputs("Usage: weir-bench SCENARIO [options]\n"
          "       weir-bench all [--quick] [options]\n"
          "       weir-bench --memory [--flows N] [--ipv6]\n\n"
          "Measures the tracker's packet path on one pinned core, with frames made in memory.\n\n"
          "Scenarios:\n",
          out);
    for (unsigned int i = 0; i < BENCH_SCENARIOS; i++)
        fprintf(out, "  %-32s  %s\n", scenarios[i].name, scenarios[i].text);
    fprintf(out, "  %-32s  %s\n\nOptions:\n", "all", "all of them, and the targets as ratios");
    for (unsigned int i = 1; i < OPT_COUNT; i++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        fprintf(out, "  %-32s  %s\n", left, rows[i].text);
    }
    fputs("\nExit status: 0 done, 1 failed or the tracker lost count, 2 wrong usage.\n", out);
}

/* A number with k, M or nothing behind it. */
static int read_count(const char *text, double low, double high, double *value)
{
    char *end;

    errno = 0;
    *value = strtod(text, &end);
    if (end == text || errno != 0)
        return -EINVAL;
    if (*end == 'k')
        *value *= 1e3;
    else if (*end == 'M')
        *value *= 1e6;
    end += *end == 'k' || *end == 'M';
    return *end == '\0' && *value >= low && *value <= high ? 0 : -EINVAL;
}

static int number(const char *name, const char *text, double low, double high, double *value)
{
    if (read_count(text, low, high, value) == 0)
        return 0;
    warnx("--%s %s: expected a number from %.0f to %.0f", name, text, low, high);
    return -EINVAL;
}

static int read_checksum(const char *text, enum bench_checksum *checksum)
{
    for (unsigned int i = 0; i < sizeof(checksums) / sizeof(checksums[0]); i++)
        if (strcmp(text, checksums[i]) == 0) {
            *checksum = (enum bench_checksum)i;
            return 0;
        }
    warnx("--checksum %s: expected hardware, verify or ignore", text);
    return -EINVAL;
}

static int read_option(int id, const char *value, struct bench_options *options)
{
    double got = 0;
    int err = 0;

    switch (id) {
    case OPT_FLOWS:
        err = number("flows", value, FLOWS_MIN, FLOWS_MAX, &got);
        options->flows = (uint32_t)got;
        return err;
    case OPT_BURST:
        err = number("burst", value, 1, WEIR_BURST_MAX, &got);
        options->burst = (unsigned int)got;
        return err;
    case OPT_SECONDS:
        return number("seconds", value, 0, 3600, &options->seconds);
    case OPT_CPU:
        err = number("cpu", value, 0, 1023, &got);
        options->cpu = (int)got;
        return err;
    case OPT_CHECKSUM:
        return read_checksum(value, &options->checksum);
    case OPT_IPV6:
        options->family = 6;
        return 0;
    case OPT_HUGE:
        options->huge = BENCH_HUGE_YES;
        return 0;
    case OPT_NO_HUGE:
        options->huge = BENCH_HUGE_NO;
        return 0;
    case OPT_JSON:
        options->json = true;
        return 0;
    case OPT_NO_BASELINE:
        options->baseline = false;
        return 0;
    case OPT_QUICK:
        options->quick = true;
        return 0;
    case OPT_MEMORY:
        options->command = BENCH_MEMORY;
        return 0;
    case OPT_HELP:
        options->command = BENCH_HELP;
        return 0;
    default:
        return -EINVAL;
    }
}

static int read_scenario(const char *name, struct bench_options *options)
{
    if (strcmp(name, "all") == 0) {
        options->command = BENCH_ALL;
        return 0;
    }
    for (unsigned int i = 0; i < BENCH_SCENARIOS; i++)
        if (strcmp(name, scenarios[i].name) == 0) {
            options->scenario = (enum bench_scenario)i;
            return 0;
        }
    warnx("%s: no such scenario", name);
    return -EINVAL;
}

int bench_options_read(int argc, char **argv, struct bench_options *options)
{
    struct option table[OPT_COUNT] = {0};
    int id;

    *options = (struct bench_options){
        .flows = 1000000, .family = 4, .burst = 64, .seconds = 3, .cpu = -1, .baseline = true};
    for (int i = 1; i < OPT_COUNT; i++)
        table[i - 1] = (struct option){.name = rows[i].name,
                                       .has_arg = rows[i].value ? required_argument : no_argument,
                                       .val = i};
    while ((id = getopt_long(argc, argv, "", table, NULL)) != -1)
        if (read_option(id, optarg, options) < 0)
            return -EINVAL;
    if (options->command == BENCH_HELP)
        return 0;
    if (options->command == BENCH_MEMORY)
        return optind == argc ? 0 : -EINVAL;
    if (optind + 1 != argc) {
        warnx(optind == argc ? "no scenario given" : "one scenario at a time");
        return -EINVAL;
    }
    return read_scenario(argv[optind], options);
}
