/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir-bench is asked to do. */
#ifndef WEIR_BENCH_OPTIONS_H
#define WEIR_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum bench_scenario {
    BENCH_ESTABLISHED,
    BENCH_ZIPF,
    BENCH_MIXED,
    BENCH_SETUP,
    BENCH_SYNFLOOD,
    BENCH_SYNFLOOD_FULL,
    BENCH_SYNFLOOD_REFUSED,
    BENCH_EXPIRE,
    BENCH_EXPIRE_POLL,
    BENCH_FLUSH_POLL,
    BENCH_SCENARIOS
};

/* Checksums: trust the port's flags, sum in software, or do not look at all. */
enum bench_checksum { BENCH_CHECKSUM_HARDWARE, BENCH_CHECKSUM_VERIFY, BENCH_CHECKSUM_IGNORE };

enum bench_command { BENCH_ONE, BENCH_ALL, BENCH_MEMORY, BENCH_HELP };

enum bench_huge { BENCH_HUGE_AUTO, BENCH_HUGE_YES, BENCH_HUGE_NO };

struct bench_options {
    enum bench_command command;
    enum bench_scenario scenario;
    uint32_t flows;
    unsigned int family; /* 4 or 6 */
    unsigned int burst;
    enum bench_checksum checksum;
    enum bench_huge huge;
    double seconds; /* of measuring, per measurement */
    int cpu;        /* to be pinned to; -1: the last one allowed */
    bool json;
    bool baseline; /* measure rte_hash and the random lines too */
    bool quick;    /* all: small and short, to see that it works */
};

/* Read the command line. Returns 0, or -EINVAL after a message. */
int bench_options_read(int argc, char **argv, struct bench_options *options);

void bench_options_help(FILE *out);

const char *bench_scenario_name(enum bench_scenario scenario);
const char *bench_checksum_name(enum bench_checksum checksum);

#endif
