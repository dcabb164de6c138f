/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/reload.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "weir/config.h"
#include "weir/config_keys.h"
#include "weir/control.h"
#include "weir/json.h"
#include "weir/policy_swap.h"

enum { OK = 200, CONFLICT = 409, FILE_WRONG = 422, UNAVAILABLE = 503 };

/* One reload under way: what the file says now, and what that comes to. */
struct reload {
    struct weir_settings file;   /* as read now */
    struct weir_settings wanted; /* what would be in force */
    json_t *changed;
    json_t *restart; /* keys that cannot change while workers run */
};

/* Returns the number of errors. */
static unsigned int file_read(const struct weir_control *control, struct weir_settings *settings,
                              FILE *errors)
{
    const char *path = control->settings->config_file;
    unsigned int count = 0;

    weir_config_defaults(settings);
    if (path[0] != '\0')
        count = weir_config_read(path, settings, errors);
    weir_config_finish(settings, 0);
    return count;
}

int weir_reload_init(struct weir_control *control)
{
    return file_read(control, &control->in_file, stderr) == 0 ? 0 : -EINVAL;
}

/* An answer of one error, with the lines that the readers of files wrote. */
static json_t *answer_wrong(const char *error, char *lines)
{
    json_t *details = json_array();
    json_t *answer = json_object();

    for (char *line = strsep(&lines, "\n"); line != NULL; line = strsep(&lines, "\n"))
        if (line[0] != '\0')
            json_array_append_new(details, json_string(line));
    json_object_set_new(answer, "error", json_string(error));
    json_object_set_new(answer, "details", details);
    return answer;
}

static bool can_change(const struct weir_config_key *key)
{
    return strcmp(key->group, "timeouts") == 0 || strcmp(key->group, "policy") == 0 ||
           (strcmp(key->group, "output") == 0 &&
            (strcmp(key->name, "flows") == 0 || strcmp(key->name, "starts") == 0));
}

static void *at(struct weir_settings *settings, const struct weir_config_key *key)
{
    return (char *)settings + key->offset;
}

static bool same(const struct weir_config_key *key, struct weir_settings *a,
                 struct weir_settings *b)
{
    if (key->type == WEIR_CONFIG_PATH)
        return strcmp(at(a, key), at(b, key)) == 0;
    return memcmp(at(a, key), at(b, key), key->type == WEIR_CONFIG_BOOL ? 1 : 4) == 0;
}

static void key_take(struct reload *reload, const struct weir_config_key *key)
{
    size_t size = key->type == WEIR_CONFIG_PATH ? key->max : key->type == WEIR_CONFIG_BOOL ? 1 : 4;
    json_t *row;

    if (same(key, &reload->wanted, &reload->file))
        return; /* an option said so already */
    row = json_object();
    json_object_set_new(row, "key", weir_json_key_name(key));
    json_object_set_new(row, "from", weir_json_key_value(key, &reload->wanted));
    json_object_set_new(row, "to", weir_json_key_value(key, &reload->file));
    json_array_append_new(reload->changed, row);
    memcpy(at(&reload->wanted, key), at(&reload->file, key), size);
}

static bool pair_same(const struct weir_port_pair *a, const struct weir_port_pair *b)
{
    return strcmp(a->a, b->a) == 0 && strcmp(a->b, b->b) == 0 && a->mode == b->mode &&
           a->mtu == b->mtu && memcmp(a->has_mac, b->has_mac, sizeof(a->has_mac)) == 0 &&
           memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

static bool ports_same(const struct weir_settings *a, const struct weir_settings *b)
{
    for (uint32_t i = 0; i < a->pair_count && a->pair_count == b->pair_count; i++)
        if (!pair_same(&a->pair[i], &b->pair[i]))
            return false;
    return a->pair_count == b->pair_count;
}

/* Compare what the file said with what it says. */
static void changes_find(struct weir_control *control, struct reload *reload)
{
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];

        if (same(key, &control->in_file, &reload->file))
            continue;
        if (can_change(key))
            key_take(reload, key);
        else
            json_array_append_new(reload->restart, weir_json_key_name(key));
    }
    if (!ports_same(&control->in_file, &reload->file))
        json_array_append_new(reload->restart, json_string("ports"));
}

/* Timeouts are read by workers all the time: each is replaced by itself. */
static void timeouts_set(struct weir_rules *rules, const struct weir_timeouts *timeouts)
{
    struct weir_rules made = *rules;

    weir_rules_init(&made, timeouts);
    /* Below it nothing is looked up at all, so it must be no more than any other at any time. */
    if (made.timeout_min_us < rules->timeout_min_us)
        __atomic_store_n(&rules->timeout_min_us, made.timeout_min_us, __ATOMIC_RELEASE);
    for (unsigned int pair = 0; pair < WEIR_PAIR_COUNT; pair++)
        for (unsigned int heard = 0; heard < 2; heard++)
            __atomic_store_n(&rules->timeout_us[pair][heard], made.timeout_us[pair][heard],
                             __ATOMIC_RELAXED);
    __atomic_store_n(&rules->timeout_min_us, made.timeout_min_us, __ATOMIC_RELEASE);
}

static void reject_rate_set(struct weir_fleet *fleet, uint32_t per_sec)
{
    for (unsigned int id = 0; id < fleet->count; id++)
        __atomic_store_n(&fleet->worker[id]->bucket.per_sec, per_sec, __ATOMIC_RELAXED);
}

/* The flow file that is wanted from now on, opened; *opened stays NULL where there is no change. */
static int output_prepare(const struct weir_control *control, const struct reload *reload,
                          struct weir_output **opened)
{
    const char *path = reload->wanted.flow_file;

    *opened = NULL;
    if (strcmp(path, control->in_force.flow_file) == 0 || path[0] == '\0')
        return 0;
    *opened = weir_control_output(control, path);
    return *opened == NULL ? -EIO : 0;
}

static void output_commit(struct weir_control *control, const struct reload *reload,
                          struct weir_output *opened)
{
    if (strcmp(reload->wanted.flow_file, control->in_force.flow_file) == 0)
        return;
    if (control->flows != NULL)
        control->flows_lost += weir_output_lost(control->flows);
    weir_output_close(control->flows);
    control->flows = opened;
}

static unsigned int carry_out(struct weir_control *control, struct reload *reload, FILE *errors)
{
    struct weir_output *opened;
    int err = output_prepare(control, reload, &opened);

    if (err < 0) {
        fprintf(errors, "%s: cannot be written\n", reload->wanted.flow_file);
        return FILE_WRONG;
    }
    err = weir_policy_load(&control->fleet, reload->wanted.policy_file, errors);
    if (err < 0) {
        weir_output_close(opened);
        return err == -EBUSY ? UNAVAILABLE : FILE_WRONG;
    }
    output_commit(control, reload, opened);
    timeouts_set(&control->fleet.rules, &reload->wanted.timeouts);
    reject_rate_set(&control->fleet, reload->wanted.reject_per_sec);
    control->in_force = reload->wanted;
    control->in_file = reload->file;
    return OK;
}

static unsigned int reload_checked(struct weir_control *control, struct reload *reload,
                                   json_t **answer, FILE *errors)
{
    changes_find(control, reload);
    if (json_array_size(reload->restart) > 0) {
        *answer = json_object();
        json_object_set_new(*answer, "error",
                            json_string("these keys cannot change while weir runs; "
                                        "nothing was changed"));
        json_object_set(*answer, "needs_restart", reload->restart);
        return CONFLICT;
    }
    return carry_out(control, reload, errors);
}

unsigned int weir_reload(struct weir_control *control, json_t **answer)
{
    struct reload *reload = calloc(1, sizeof(*reload));
    unsigned int status = FILE_WRONG;
    char *lines = NULL;
    size_t size = 0;
    FILE *errors = open_memstream(&lines, &size);

    *answer = NULL;
    if (reload == NULL || errors == NULL) {
        *answer = answer_wrong("no memory", NULL);
        free(reload);
        return UNAVAILABLE;
    }
    reload->wanted = control->in_force;
    reload->changed = json_array();
    reload->restart = json_array();
    if (file_read(control, &reload->file, errors) == 0)
        status = reload_checked(control, reload, answer, errors);
    fclose(errors);
    if (status == OK)
        *answer = json_pack("{s:O,s:s}", "changed", reload->changed, "policy",
                            reload->wanted.policy_file[0] != '\0' ? "loaded" : "none");
    else if (*answer == NULL)
        *answer = answer_wrong("not reloaded; nothing was changed", lines);
    control->counts.reloads += status == OK;
    control->counts.reloads_failed += status != OK;
    json_decref(reload->changed);
    json_decref(reload->restart);
    free(lines);
    free(reload);
    return status;
}

void weir_reload_tell(struct weir_control *control, FILE *out)
{
    json_t *answer;
    unsigned int status;
    char *text;

    if (control->flows != NULL) {
        int err = weir_output_reopen(control->flows, control->in_force.flow_file);

        if (err < 0)
            fprintf(out, "weir: %s: not opened anew: %s\n", control->in_force.flow_file,
                    strerror(-err));
    }
    status = weir_reload(control, &answer);
    text = json_dumps(answer, JSON_COMPACT);
    fprintf(out, "weir: reload: %s: %s\n", status == OK ? "done" : "refused",
            text == NULL ? "" : text);
    free(text);
    json_decref(answer);
}
