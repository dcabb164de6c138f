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
 * Returns 0; -EINVAL if the file is not right, -ENOMEM, -EBUSY if workers have not let go of the
 * policy before the last: the old one then stays in force.
 */
int weir_policy_load(struct weir_fleet *fleet, const char *path, FILE *errors);

/* Free the policy before the last once no worker holds it any more; to be called now and then. */
void weir_policy_reap(struct weir_fleet *fleet);

/* Free all policies; no worker may be running. */
void weir_policy_drop(struct weir_fleet *fleet);

#endif
