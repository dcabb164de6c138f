/* SPDX-License-Identifier: BSD-3-Clause */
/* stats: all counters, for people; zeros are left out where there are many. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "weirctl/client.h"
#include "weirctl/commands.h"
#include "weirctl/flow.h"
#include "weirctl/text.h"

#define ROWS_MAX 64U

static void title(const char *text)
{
    printf("\n%s%s%s\n", weirctl_colour(WEIRCTL_BOLD), text, weirctl_colour(WEIRCTL_PLAIN));
}

static void value(const char *name, uint64_t number, const char *colour)
{
    printf("  %-24s %s%20" PRIu64 "%s\n", name, colour, number,
           colour[0] != '\0' ? weirctl_colour(WEIRCTL_PLAIN) : "");
}

/* Some members of an object, zeros too. */
static void members(const json_t *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        value(names[i], weirctl_json_count(object, names[i]), "");
}

/* Those of an object's members that are numbers and not zero. */
static void not_zero(const json_t *object, const char *skip, enum weirctl_colour colour)
{
    struct weirctl_member member = {.at = NULL};

    while (weirctl_json_next(object, &member))
        if (json_integer_value(member.value) != 0 && strcmp(member.name, skip) != 0)
            value(member.name, (uint64_t)json_integer_value(member.value),
                  colour == WEIRCTL_PLAIN ? "" : weirctl_colour(colour));
}

static void states(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        char text[WEIRCTL_END_MAX];

        weirctl_states_text(weirctl_json_text(row, "orig"), weirctl_json_text(row, "resp"), text);
        printf("  %s%-28s%s %16" PRIu64 "\n", weirctl_colour(weirctl_colour_states(text)), text,
               weirctl_colour(WEIRCTL_PLAIN), weirctl_json_count(row, "flows"));
    }
}

static void tables(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        double used = weirctl_json_number(row, "flows");
        double size = weirctl_json_number(row, "capacity");

        printf("  IPv%-21" PRIu64 " %20.0f of %.0f, %.1f %%\n", weirctl_json_count(row, "family"),
               used, size, size > 0 ? 100 * used / size : 0.0);
    }
}

static enum weirctl_colour colour_lost(const char *cell)
{
    return strcmp(cell, "0") == 0 ? WEIRCTL_PLAIN : WEIRCTL_YELLOW;
}

/* One column of a table whose rows are objects: which member it shows, and how. */
struct member {
    const char *name;
    enum { TEXT, COUNT, SHARE, REAL } kind;
};

static void member_text(const json_t *row, const struct member *member, char cell[WEIRCTL_CELL_MAX])
{
    const json_t *found = json_object_get(row, member->name);
    double number = json_number_value(found);

    if (member->kind == TEXT && json_is_string(found))
        snprintf(cell, WEIRCTL_CELL_MAX, "%s", json_string_value(found));
    else if (member->kind == SHARE)
        snprintf(cell, WEIRCTL_CELL_MAX, "%.1f %%", 100 * (1 - number));
    else if (member->kind == REAL)
        snprintf(cell, WEIRCTL_CELL_MAX, "%.1f", number);
    else if (json_is_integer(found))
        snprintf(cell, WEIRCTL_CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(found));
    else
        snprintf(cell, WEIRCTL_CELL_MAX, "-");
}

static void rows_print(const json_t *list, const struct weirctl_column *columns,
                       const struct member *shown, unsigned int count)
{
    struct weirctl_table table;

    weirctl_table_begin(&table, columns, count, ROWS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        char cells[WEIRCTL_COLUMNS_MAX][WEIRCTL_CELL_MAX];

        for (unsigned int column = 0; column < count; column++)
            member_text(row, &shown[column], cells[column]);
        weirctl_table_row(&table, cells);
    }
    weirctl_table_end(&table);
}

static void workers(const json_t *list)
{
    static const struct weirctl_column columns[] = {
        {.name = "WORKER", .right = true},
        {.name = "LCORE", .right = true},
        {.name = "LOAD", .right = true},
        {.name = "CYCLES/PACKET", .right = true},
        {.name = "PACKETS", .right = true},
        {.name = "FLOWS", .right = true},
        {.name = "CREATED", .right = true},
        {.name = "HANDED OUT", .right = true},
        {.name = "STEER LOST", .right = true, .colour = colour_lost},
        {.name = "TX LOST", .right = true, .colour = colour_lost},
    };
    static const struct member shown[] = {
        {"id", COUNT},         {"lcore", COUNT},
        {"idle_share", SHARE}, {"cycles_per_packet", REAL},
        {"packets", COUNT},    {"flows", COUNT},
        {"created", COUNT},    {"handed_out", COUNT},
        {"steer_lost", COUNT}, {"tx_lost", COUNT},
    };

    rows_print(list, columns, shown, sizeof(shown) / sizeof(shown[0]));
}

static void ports(const json_t *list)
{
    static const struct weirctl_column columns[] = {
        {.name = "PORT", .right = true},
        {.name = "NAME"},
        {.name = "PEER", .right = true},
        {.name = "MODE"},
        {.name = "RX PACKETS", .right = true},
        {.name = "RX BYTES", .right = true},
        {.name = "TX PACKETS", .right = true},
        {.name = "TX BYTES", .right = true},
        {.name = "TX LOST", .right = true, .colour = colour_lost},
        {.name = "RX MISSED", .right = true, .colour = colour_lost},
        {.name = "RX ERRORS", .right = true, .colour = colour_lost},
        {.name = "NO BUFFER", .right = true, .colour = colour_lost},
        {.name = "TX ERRORS", .right = true, .colour = colour_lost},
    };
    static const struct member shown[] = {
        {"port", COUNT},       {"name", TEXT},       {"peer", COUNT},       {"mode", TEXT},
        {"rx_packets", COUNT}, {"rx_bytes", COUNT},  {"tx_packets", COUNT}, {"tx_bytes", COUNT},
        {"tx_lost", COUNT},    {"rx_missed", COUNT}, {"rx_errors", COUNT},  {"rx_no_buffer", COUNT},
        {"tx_errors", COUNT},
    };

    rows_print(list, columns, shown, sizeof(shown) / sizeof(shown[0]));
}

static void head(const json_t *stats, const json_t *total)
{
    char text[WEIRCTL_CELL_MAX];

    printf("weir %s, up %s, %zu workers, %" PRIu64 " flows\n", weirctl_json_text(stats, "version"),
           weirctl_duration(weirctl_json_number(stats, "uptime_sec"), text),
           json_array_size(json_object_get(stats, "workers")), weirctl_json_count(total, "flows"));
}

static void flows_print(const json_t *total)
{
    title("Flows");
    value("now", weirctl_json_count(total, "flows"), "");
    value("created", weirctl_json_count(total, "created"), "");
    tables(json_object_get(total, "tables"));
    title("Flows by protocol");
    not_zero(json_object_get(total, "protocols"), "", WEIRCTL_PLAIN);
    title("TCP flows by states (originator / responder)");
    states(json_object_get(total, "states"));
    title("Flows ended, by reason");
    not_zero(json_object_get(total, "ended"), "", WEIRCTL_PLAIN);
}

/* How much a histogram has counted; with part, also the upper bound that so much of it is within.
 */
static uint64_t histogram_sum(const json_t *list, double part, uint64_t *bound)
{
    uint64_t count = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        sum += weirctl_json_count(json_array_get(list, i), "count");
    for (size_t i = 0; i < json_array_size(list) && (double)count < part * (double)sum; i++) {
        count += weirctl_json_count(json_array_get(list, i), "count");
        *bound = weirctl_json_count(json_array_get(list, i), "le");
    }
    return sum;
}

static void loop_print(const json_t *stats, const json_t *total)
{
    static const char *const polls[] = {"polls", "polls_idle", "swept"};
    const json_t *mempool = json_object_get(stats, "mempool");
    uint64_t cycles = 0;
    uint64_t bursts = histogram_sum(json_object_get(total, "burst_fill"), 0, &cycles);
    uint64_t rx = weirctl_json_count(total, "rx_packets");
    double hz = weirctl_json_number(stats, "hz");

    members(total, polls, sizeof(polls) / sizeof(polls[0]));
    histogram_sum(json_object_get(total, "poll_cycles"), 0.99, &cycles);
    printf("  %-24s %20.1f us\n", "99 % of polls within", hz > 0 ? 1e6 * (double)cycles / hz : 0.0);
    printf("  %-24s %20.1f\n", "packets a burst", bursts > 0 ? (double)rx / (double)bursts : 0.0);
    printf("  %-24s %20" PRIu64 " of %" PRIu64 "\n", "packet buffers",
           weirctl_json_count(mempool, "used"), weirctl_json_count(mempool, "size"));
}

static void stats_tell(const json_t *stats)
{
    static const char *const traffic[] = {"rx_packets", "rx_bytes", "tx_packets",
                                          "tx_bytes",   "packets",  "bytes"};
    static const char *const losses[] = {"tx_lost",      "steer_lost",   "trace_lost",
                                         "capture_lost", "records_lost", "events_lost",
                                         "annex_full"};
    const json_t *total = json_object_get(stats, "total");

    head(stats, total);
    title("Traffic");
    members(total, traffic, sizeof(traffic) / sizeof(traffic[0]));
    title("Verdicts");
    not_zero(json_object_get(total, "verdicts"), "", WEIRCTL_PLAIN);
    title("Packets by reason, plain forwards apart");
    not_zero(json_object_get(total, "reasons"), "none", WEIRCTL_PLAIN);
    flows_print(total);
    title("Lost");
    members(total, losses, sizeof(losses) / sizeof(losses[0]));
    title("Workers");
    workers(json_object_get(stats, "workers"));
    title("Loop, all workers");
    loop_print(stats, total);
    title("Ports");
    ports(json_object_get(stats, "ports"));
    title("Control core");
    not_zero(json_object_get(stats, "control"), "", WEIRCTL_PLAIN);
}

/* A line a worker, as conntrack -S has one a processor. */
static void extended_print(const json_t *workers_list)
{
    for (size_t i = 0; i < json_array_size(workers_list); i++) {
        const json_t *worker = json_array_get(workers_list, i);
        struct weirctl_member member = {.at = NULL};

        printf("worker=%" PRIu64, weirctl_json_count(worker, "id"));
        while (weirctl_json_next(worker, &member))
            if (json_is_integer(member.value) && strcmp(member.name, "id") != 0)
                printf(" %s=%" JSON_INTEGER_FORMAT, member.name, json_integer_value(member.value));
        putchar('\n');
    }
}

enum weirctl_exit weirctl_stats(struct weirctl_options *options)
{
    struct weirctl_answer answer;
    enum weirctl_exit status;
    struct weirctl_client *client = weirctl_client_open(options->socket, &status);

    if (client == NULL)
        return status;
    status = weirctl_client_ask(client, "GET", "/stats", &answer);
    weirctl_client_close(client);
    if (status != WEIRCTL_DONE)
        return status;
    if (options->format == WEIRCTL_JSON)
        puts(answer.text);
    else if (options->format == WEIRCTL_EXTENDED)
        extended_print(json_object_get(answer.json, "workers"));
    else
        stats_tell(answer.json);
    weirctl_answer_free(&answer);
    return WEIRCTL_DONE;
}
