/* SPDX-License-Identifier: BSD-3-Clause */
/* list and get: flows, many in a line each, or one in full. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "weirctl/client.h"
#include "weirctl/commands.h"
#include "weirctl/extended.h"
#include "weirctl/flow_line.h"
#include "weirctl/output.h"
#include "weirctl/signals.h"
#include "weirctl/text.h"

#define HOLD_ROWS 500U

static const struct weirctl_column columns[] = {
    {.name = "ID", .width = 16},
    {.name = "PROTO"},
    {.name = "SOURCE"},
    {.name = "DESTINATION"},
    {.name = "STATES", .colour = weirctl_colour_states},
    {.name = "AGE", .right = true},
    {.name = "IDLE", .right = true},
    {.name = "PACKETS", .right = true},
    {.name = "BYTES", .right = true},
    {.name = "REFUSED", .right = true, .colour = weirctl_colour_refused},
    {.name = "VLAN"},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct listing {
    const struct weirctl_options *options;
    struct weirctl_table table;
    struct weirctl_extended extended;
    uint64_t flows;
};

static void row_fill(const struct weirctl_flow *flow, char cells[COLUMNS][WEIRCTL_CELL_MAX])
{
    double now = weirctl_now();

    snprintf(cells[0], WEIRCTL_CELL_MAX, "%s", flow->id);
    snprintf(cells[1], WEIRCTL_CELL_MAX, "%s", flow->proto);
    weirctl_flow_end_text(flow, WEIRCTL_ORIG, cells[2]);
    weirctl_flow_end_text(flow, WEIRCTL_RESP, cells[3]);
    weirctl_states_text(flow->state[WEIRCTL_ORIG], flow->state[WEIRCTL_RESP], cells[4]);
    weirctl_duration(now - flow->start_sec, cells[5]);
    weirctl_duration(now - flow->end_sec, cells[6]);
    snprintf(cells[7], WEIRCTL_CELL_MAX, "%" PRIu64, flow->packets[0] + flow->packets[1]);
    snprintf(cells[8], WEIRCTL_CELL_MAX, "%" PRIu64, flow->bytes[0] + flow->bytes[1]);
    snprintf(cells[9], WEIRCTL_CELL_MAX, "%" PRIu64, flow->refused[0] + flow->refused[1]);
    weirctl_flow_vlan_text(flow, cells[10]);
}

static void flow_print(struct listing *listing, const struct weirctl_flow *flow)
{
    char cells[COLUMNS][WEIRCTL_CELL_MAX];

    if (listing->options->format == WEIRCTL_EXTENDED) {
        weirctl_extended_print(&listing->extended, flow, true);
        putchar('\n');
        return;
    }
    row_fill(flow, cells);
    weirctl_table_row(&listing->table, cells);
}

static bool list_line(void *context, const char *line, size_t len)
{
    struct listing *listing = context;
    struct weirctl_flow_line read;

    listing->flows++;
    if (listing->options->format == WEIRCTL_JSON) {
        fwrite(line, 1, len, stdout);
        putchar('\n');
        return true;
    }
    if (weirctl_flow_line_read(&read, line, len))
        flow_print(listing, &read.flow);
    else
        warnx("no flow record: %.80s", line);
    weirctl_flow_line_free(&read);
    return true;
}

static bool list_pause(void *context)
{
    struct listing *listing = context;

    weirctl_table_pause(&listing->table);
    return weirctl_output_flush();
}

static enum weirctl_exit list_run(struct listing *listing, struct weirctl_client *client)
{
    struct weirctl_sink sink = {list_line, list_pause, listing};
    char target[WEIRCTL_TARGET_MAX];
    enum weirctl_exit status;

    weirctl_query_target(&listing->options->query, "/flows", target);
    weirctl_table_begin(&listing->table, columns, COLUMNS, HOLD_ROWS);
    status = weirctl_client_stream(client, target, &sink, 0);
    weirctl_table_end(&listing->table);
    if (status == WEIRCTL_DONE && weirctl_interrupted) {
        warnx("interrupted: there may be more flows than these");
        return WEIRCTL_FAILED;
    }
    if (status == WEIRCTL_DONE && listing->flows == 0 &&
        weirctl_query_filters(&listing->options->query))
        return WEIRCTL_NOTHING;
    return status;
}

static void extended_open(struct listing *listing, struct weirctl_client *client)
{
    listing->extended.with_id = listing->options->with_id;
    if (listing->options->format == WEIRCTL_EXTENDED)
        weirctl_extended_begin(&listing->extended, client);
}

enum weirctl_exit weirctl_list(struct weirctl_options *options)
{
    struct listing listing = {.options = options};
    enum weirctl_exit status;
    struct weirctl_client *client = weirctl_client_open(options->socket, &status);

    if (client == NULL)
        return status;
    extended_open(&listing, client);
    status = list_run(&listing, client);
    weirctl_extended_end(&listing.extended);
    weirctl_client_close(client);
    return status;
}

/* Of both directions: "12 packets, 3456 bytes, 0 refused". */
static void direction_print(const char *name, const struct weirctl_flow *flow, unsigned int from)
{
    printf("%-12s %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " refused\n", name,
           flow->packets[from], flow->bytes[from], flow->refused[from]);
}

static void times_print(const struct weirctl_flow *flow)
{
    char clock[2][WEIRCTL_CELL_MAX], ago[2][WEIRCTL_CELL_MAX];
    double now = weirctl_now();

    printf("began        %s, %s ago\n", weirctl_clock(flow->start_sec, clock[0]),
           weirctl_duration(now - flow->start_sec, ago[0]));
    printf("last packet  %s, %s ago\n", weirctl_clock(flow->end_sec, clock[1]),
           weirctl_duration(now - flow->end_sec, ago[1]));
}

static void flow_tell(const struct weirctl_flow *flow)
{
    char text[WEIRCTL_END_MAX];

    printf("flow         %s%s%s\n", weirctl_colour(WEIRCTL_BOLD), flow->id,
           weirctl_colour(WEIRCTL_PLAIN));
    weirctl_flow_vlan_text(flow, text);
    printf("protocol     %s%s%s\n", flow->proto, text[0] != '\0' ? ", VLAN " : "", text);
    weirctl_flow_end_text(flow, WEIRCTL_ORIG, text);
    printf("originator   %s  %s\n", text, flow->state[WEIRCTL_ORIG]);
    weirctl_flow_end_text(flow, WEIRCTL_RESP, text);
    printf("responder    %s  %s\n", text, flow->state[WEIRCTL_RESP]);
    times_print(flow);
    direction_print("sent", flow, WEIRCTL_ORIG);
    direction_print("answered", flow, WEIRCTL_RESP);
    printf("history      %s\n", flow->history);
    if (flow->last_reason[0] != '\0')
        printf("last reason  %s%s%s\n", weirctl_colour(WEIRCTL_RED), flow->last_reason,
               weirctl_colour(WEIRCTL_PLAIN));
}

static bool get_line(void *context, const char *line, size_t len)
{
    struct listing *listing = context;
    struct weirctl_flow_line read;

    if (listing->options->format != WEIRCTL_TABLE)
        return list_line(context, line, len);
    if (listing->flows++ > 0)
        putchar('\n');
    if (weirctl_flow_line_read(&read, line, len))
        flow_tell(&read.flow);
    weirctl_flow_line_free(&read);
    return true;
}

static enum weirctl_exit get_by_id(struct listing *listing, struct weirctl_client *client)
{
    struct weirctl_answer answer;
    struct weirctl_query none = {.family = 0};
    char target[WEIRCTL_TARGET_MAX];
    char path[64];
    enum weirctl_exit status;

    snprintf(path, sizeof(path), "/flows/%.40s", listing->options->operand);
    weirctl_query_target(&none, path, target);
    status = weirctl_client_ask(client, "GET", target, &answer);
    if (status != WEIRCTL_DONE)
        return status;
    get_line(listing, answer.text, strlen(answer.text));
    weirctl_answer_free(&answer);
    return WEIRCTL_DONE;
}

/* As conntrack does, take the ends either way round. */
static enum weirctl_exit get_by_filter(struct listing *listing, struct weirctl_client *client)
{
    struct weirctl_query query = listing->options->query;
    struct weirctl_sink sink = {get_line, NULL, listing};
    char target[WEIRCTL_TARGET_MAX];
    enum weirctl_exit status = WEIRCTL_DONE;

    for (int turn = 0; turn < 2 && listing->flows == 0 && status == WEIRCTL_DONE; turn++) {
        weirctl_query_target(&query, "/flows", target);
        status = weirctl_client_stream(client, target, &sink, 0);
        weirctl_query_turn(&query);
    }
    if (status != WEIRCTL_DONE || listing->flows > 0)
        return status;
    warnx("no such flow");
    return WEIRCTL_NOTHING;
}

enum weirctl_exit weirctl_get(struct weirctl_options *options)
{
    struct listing listing = {.options = options};
    bool filtered = weirctl_query_filters(&options->query);
    struct weirctl_client *client;
    enum weirctl_exit status;

    if ((options->operand != NULL) == filtered)
        return weirctl_usage("get: expected either a flow's id, or options that choose it");
    client = weirctl_client_open(options->socket, &status);
    if (client == NULL)
        return status;
    extended_open(&listing, client);
    status = filtered ? get_by_filter(&listing, client) : get_by_id(&listing, client);
    weirctl_extended_end(&listing.extended);
    weirctl_client_close(client);
    return status;
}
