/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/policy_swap.h"

#include <errno.h>
#include <string.h>

#include "weir/policy_file.h"

static bool all_hold(const struct weir_fleet *fleet, unsigned int epoch)
{
    for (unsigned int id = 0; id < fleet->count; id++)
        if (atomic_load_explicit(&fleet->worker[id]->policy_epoch, memory_order_acquire) != epoch)
            return false;
    return true;
}

static void publish(struct weir_fleet *fleet, const struct weir_policy_set *set)
{
    unsigned int epoch = atomic_load_explicit(&fleet->policy_epoch, memory_order_relaxed) + 1;

    fleet->policy_retired = atomic_load_explicit(&fleet->policy, memory_order_relaxed);
    /* The policy before its epoch: who sees the epoch sees the policy (policy_hold in worker.c). */
    atomic_store_explicit(&fleet->policy, set, memory_order_release);
    atomic_store_explicit(&fleet->policy_epoch, epoch, memory_order_release);
}

static void retired_free(struct weir_fleet *fleet)
{
    weir_policy_free((struct weir_policy_set *)(uintptr_t)fleet->policy_retired);
    fleet->policy_retired = NULL;
}

void weir_policy_reap(struct weir_fleet *fleet)
{
    if (fleet->policy_retired != NULL &&
        all_hold(fleet, atomic_load_explicit(&fleet->policy_epoch, memory_order_relaxed)))
        retired_free(fleet);
}

int weir_policy_load(struct weir_fleet *fleet, const char *path, FILE *errors)
{
    unsigned int epoch = atomic_load_explicit(&fleet->policy_epoch, memory_order_relaxed) + 1;
    struct weir_policy_file file;
    struct weir_policy_set *set;

    weir_policy_reap(fleet);
    if (fleet->policy_retired != NULL) {
        fprintf(errors, "%s: the workers still hold an older policy; try again\n", path);
        return -EBUSY;
    }
    if (path[0] == '\0') {
        publish(fleet, NULL);
        return 0;
    }
    if (weir_policy_file_read(path, true, &file, errors) > 0)
        return -EINVAL;
    set = weir_policy_build(file.rule, file.count, file.otherwise, epoch);
    weir_policy_file_free(&file);
    if (set == NULL) {
        fprintf(errors, "%s: the rules cannot be compiled: %s\n", path, strerror(errno));
        return -errno;
    }
    if (weir_policy_is_open(set)) { /* nobody need ask */
        weir_policy_free(set);
        set = NULL;
    }
    publish(fleet, set);
    return 0;
}

void weir_policy_drop(struct weir_fleet *fleet)
{
    retired_free(fleet);
    publish(fleet, NULL);
    retired_free(fleet);
}
