/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy file: who may start a flow. libconfig syntax; every error names file, line, rule, key
 * and what was expected, and a file with an error is not used at all. weir.policy(5) describes it.
 */
#ifndef WEIR_APP_POLICY_FILE_H
#define WEIR_APP_POLICY_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dp/policy.h"

struct weir_policy_file {
    struct weir_policy_rule *rule; /* malloc'ed; weir_policy_file_free */
    unsigned int count;
    enum weir_policy otherwise; /* for what no rule matches */
};

/*
 * Read and check a policy file. Ports that rules name ("in") are looked up if ports is set, which
 * needs EAL. Errors go to errors, a line each. Returns the number of errors; with one or more,
 * nothing is kept.
 */
unsigned int weir_policy_file_read(const char *path, bool ports, struct weir_policy_file *file,
                                   FILE *errors);

void weir_policy_file_free(struct weir_policy_file *file);

#endif
