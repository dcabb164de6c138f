/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of one question and one answer, statistics apart: delete, flush, count, reload,
 * health. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "weirctl/client.h"
#include "weirctl/commands.h"
#include "weirctl/flow.h"
#include "weirctl/text.h"

static enum weirctl_exit ask(const struct weirctl_options *options, const char *method,
                             const char *path, struct weirctl_answer *answer)
{
    char target[WEIRCTL_TARGET_MAX];
    enum weirctl_exit status;
    struct weirctl_client *client = weirctl_client_open(options->socket, &status);

    *answer = (struct weirctl_answer){.status = 0};
    if (client == NULL)
        return status;
    weirctl_query_target(&options->query, path, target);
    status = weirctl_client_ask(client, method, target, answer);
    weirctl_client_close(client);
    if (status == WEIRCTL_DONE && options->format == WEIRCTL_JSON)
        puts(answer->text);
    return status;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static enum weirctl_exit removed(const struct weirctl_options *options, const char *path)
{
    struct weirctl_answer answer;
    enum weirctl_exit status = ask(options, "DELETE", path, &answer);
    uint64_t matched, deleted;

    if (status != WEIRCTL_DONE)
        return status;
    matched = weirctl_json_count(answer.json, "matched");
    deleted = weirctl_json_count(answer.json, "deleted");
    weirctl_answer_free(&answer);
    if (options->format != WEIRCTL_JSON) {
        printf("%" PRIu64 " flow%s deleted", deleted, plural(deleted));
        if (matched > deleted)
            printf("; %" PRIu64 " more ended by themselves meanwhile", matched - deleted);
        putchar('\n');
    }
    return matched == 0 ? WEIRCTL_NOTHING : WEIRCTL_DONE;
}

enum weirctl_exit weirctl_delete(struct weirctl_options *options)
{
    bool filtered = weirctl_query_filters(&options->query);
    char path[64];

    if (options->operand == NULL && !filtered)
        return weirctl_usage("delete: expected a flow's id, or options that choose flows; "
                             "'weirctl flush' deletes all");
    if (options->operand != NULL && filtered)
        return weirctl_usage("delete: expected either a flow's id, or options that choose flows");
    snprintf(path, sizeof(path), "/flows/%.40s", options->operand != NULL ? options->operand : "");
    return removed(options, options->operand != NULL ? path : "/flows");
}

enum weirctl_exit weirctl_flush(struct weirctl_options *options)
{
    enum weirctl_exit status = removed(options, "/flows?all=1");

    /* An empty table is what was asked for. */
    return status == WEIRCTL_NOTHING ? WEIRCTL_DONE : status;
}

enum weirctl_exit weirctl_count(struct weirctl_options *options)
{
    struct weirctl_answer answer;
    enum weirctl_exit status = ask(options, "GET", "/count", &answer);

    if (status != WEIRCTL_DONE)
        return status;
    if (options->format != WEIRCTL_JSON)
        printf("%" PRIu64 "\n", weirctl_json_count(answer.json, "count"));
    weirctl_answer_free(&answer);
    return WEIRCTL_DONE;
}

static void value_print(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);

    fputs(text == NULL ? "?" : text, stdout);
    free(text);
}

static void reload_tell(const json_t *answer)
{
    const json_t *changed = json_object_get(answer, "changed");

    for (size_t i = 0; i < json_array_size(changed); i++) {
        const json_t *change = json_array_get(changed, i);

        printf("%s: ", weirctl_json_text(change, "key"));
        value_print(json_object_get(change, "from"));
        printf(" -> ");
        value_print(json_object_get(change, "to"));
        putchar('\n');
    }
    printf("%zu key%s changed, policy %s\n", json_array_size(changed),
           plural(json_array_size(changed)), weirctl_json_text(answer, "policy"));
}

enum weirctl_exit weirctl_reload(struct weirctl_options *options)
{
    struct weirctl_answer answer;
    enum weirctl_exit status = ask(options, "POST", "/reload", &answer);

    if (status != WEIRCTL_DONE)
        return status;
    if (options->format != WEIRCTL_JSON)
        reload_tell(answer.json);
    weirctl_answer_free(&answer);
    return WEIRCTL_DONE;
}

static void health_tell(const struct weirctl_answer *answer)
{
    const json_t *problems = json_object_get(answer->json, "problems");
    bool well = answer->status == 200;
    char uptime[WEIRCTL_CELL_MAX];

    printf("%s%s%s: weir %s, pid %" PRIu64 ", up %s, %" PRIu64 " workers, %" PRIu64 " flows\n",
           weirctl_colour(well ? WEIRCTL_GREEN : WEIRCTL_RED),
           weirctl_json_text(answer->json, "status"), weirctl_colour(WEIRCTL_PLAIN),
           weirctl_json_text(answer->json, "version"), weirctl_json_count(answer->json, "pid"),
           weirctl_duration(weirctl_json_number(answer->json, "uptime_sec"), uptime),
           weirctl_json_count(answer->json, "workers"), weirctl_json_count(answer->json, "flows"));
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const char *problem = json_string_value(json_array_get(problems, i));

        printf("  %s\n", problem != NULL ? problem : "?");
    }
}

enum weirctl_exit weirctl_health(struct weirctl_options *options)
{
    struct weirctl_answer answer;
    enum weirctl_exit status = ask(options, "GET", "/health", &answer);

    if (status != WEIRCTL_DONE)
        return status;
    if (options->format != WEIRCTL_JSON)
        health_tell(&answer);
    status = answer.status == 200 ? WEIRCTL_DONE : WEIRCTL_FAILED;
    weirctl_answer_free(&answer);
    return status;
}
