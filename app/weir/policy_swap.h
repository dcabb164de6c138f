/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replacing the policy while workers run, without losing a packet: the new one is published, and
 * the old one is freed once every worker has said in its poll that it holds the new one (quiescent
 * state reclamation, as in McKenney's RCU). Used by the control core only.
 */
#ifndef WEIR_APP_POLICY_SWAP_H
#define WEIR_APP_POLICY_SWAP_H

#include <stdio.h>

#include "weir/workers.h"

/*
 * Read the policy file and put it in force; "" puts the open policy in force. Errors go to errors.
 * Returns 0; -EINVAL if the file is not right, -ENOMEM; the old policy then stays in force.
 * wait: workers are running, so wait until none holds the old one.
 */
int weir_policy_load(struct weir_fleet *fleet, const char *path, bool wait, FILE *errors);

/* Free the policy in force; no worker may be running. */
void weir_policy_drop(struct weir_fleet *fleet);

#endif
