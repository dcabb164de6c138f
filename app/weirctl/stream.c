/* SPDX-License-Identifier: BSD-3-Clause */
/* events and trace: what weir tells as it happens, until it is interrupted or has told enough. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "weirctl/client.h"
#include "weirctl/commands.h"
#include "weirctl/extended.h"
#include "weirctl/flow.h"
#include "weirctl/output.h"
#include "weirctl/text.h"

static enum weirctl_colour colour_event(const char *event)
{
    if (strcmp(event, "refused") == 0)
        return WEIRCTL_RED;
    return strcmp(event, "new") == 0 ? WEIRCTL_CYAN : WEIRCTL_PLAIN;
}

static enum weirctl_colour colour_verdict(const char *verdict)
{
    return strcmp(verdict, "forward") == 0 ? WEIRCTL_GREEN : WEIRCTL_RED;
}

/* Nothing is held back here: the widths are what most lines need. */
static const struct weirctl_column event_columns[] = {
    {.name = "TIME", .width = 15},
    {.name = "EVENT", .width = 7, .colour = colour_event},
    {.name = "ID", .width = 16},
    {.name = "PROTO"},
    {.name = "SOURCE", .width = 21},
    {.name = "DESTINATION", .width = 21},
    {.name = "STATES", .width = 27, .colour = weirctl_colour_states},
    {.name = "WHAT"},
};

static const struct weirctl_column trace_columns[] = {
    {.name = "TIME", .width = 15},
    {.name = "PORT", .right = true},
    {.name = "PACKET", .width = 9, .right = true},
    {.name = "VERDICT", .width = 9, .colour = colour_verdict},
    {.name = "CLASS", .width = 11},
    {.name = "DIR"},
    {.name = "FLOW", .width = 16},
    {.name = "STATES", .width = 27, .colour = weirctl_colour_states},
    {.name = "REASON"},
};

enum {
    EVENT_COLUMNS = sizeof(event_columns) / sizeof(event_columns[0]),
    TRACE_COLUMNS = sizeof(trace_columns) / sizeof(trace_columns[0]),
};

struct stream {
    const struct weirctl_options *options;
    void (*tell)(struct stream *stream, const json_t *object);
    struct weirctl_table table;
    struct weirctl_extended extended;
};

/* What an event brought beside the flow as it is now. */
static void what_fill(const char *event, const json_t *object, const struct weirctl_flow *flow,
                      char cell[WEIRCTL_CELL_MAX])
{
    const json_t *before = json_object_get(object, "before");
    const char *was[2] = {json_string_value(json_array_get(before, 0)),
                          json_string_value(json_array_get(before, 1))};
    char after[WEIRCTL_CELL_MAX];

    cell[0] = '\0';
    if (was[0] != NULL && was[1] != NULL)
        snprintf(cell, WEIRCTL_CELL_MAX, "was %s / %s", was[0], was[1]);
    else if (strcmp(event, "refused") == 0)
        snprintf(cell, WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "reason"));
    else if (strcmp(event, "end") == 0)
        snprintf(cell, WEIRCTL_CELL_MAX, "%s after %s, %" PRIu64 " bytes", flow->end_reason,
                 weirctl_duration(flow->end_sec - flow->start_sec, after),
                 flow->bytes[0] + flow->bytes[1]);
}

static void event_row(struct stream *stream, const json_t *object, const struct weirctl_flow *flow)
{
    const char *event = weirctl_json_text(object, "event");
    char cells[EVENT_COLUMNS][WEIRCTL_CELL_MAX];

    weirctl_clock(weirctl_json_number(object, "time"), cells[0]);
    snprintf(cells[1], WEIRCTL_CELL_MAX, "%s", event);
    snprintf(cells[2], WEIRCTL_CELL_MAX, "%s", flow->id);
    snprintf(cells[3], WEIRCTL_CELL_MAX, "%s", flow->proto);
    weirctl_flow_end_text(flow, WEIRCTL_ORIG, cells[4]);
    weirctl_flow_end_text(flow, WEIRCTL_RESP, cells[5]);
    weirctl_states_text(flow->state[WEIRCTL_ORIG], flow->state[WEIRCTL_RESP], cells[6]);
    what_fill(event, object, flow, cells[7]);
    weirctl_table_row(&stream->table, cells);
}

/* "[NEW]" and the like stand in a field of nine, as conntrack -E has it. */
static void event_extended(struct stream *stream, const json_t *object,
                           const struct weirctl_flow *flow)
{
    static const struct {
        const char *event;
        const char *tag;
    } tags[] = {{"new", "[NEW]"}, {"state", "[UPDATE]"}, {"end", "[DESTROY]"}};
    const char *event = weirctl_json_text(object, "event");
    const char *tag = "[REFUSED]";

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (strcmp(tags[i].event, event) == 0)
            tag = tags[i].tag;
    if (stream->options->with_time)
        printf("[%-.6f] ", weirctl_json_number(object, "time"));
    printf("%9s ", tag);
    weirctl_extended_print(&stream->extended, flow, strcmp(event, "end") != 0);
    if (strcmp(event, "refused") == 0)
        printf(" reason=%s", weirctl_json_text(object, "reason"));
    if (strcmp(event, "end") == 0)
        printf(" end_reason=%s", flow->end_reason);
    putchar('\n');
}

static void event_tell(struct stream *stream, const json_t *object)
{
    struct weirctl_flow flow;

    if (!weirctl_flow_read(json_object_get(object, "flow"), &flow))
        warnx("an event that is none");
    else if (stream->options->format == WEIRCTL_EXTENDED)
        event_extended(stream, object, &flow);
    else
        event_row(stream, object, &flow);
}

static void trace_tell(struct stream *stream, const json_t *object)
{
    char cells[TRACE_COLUMNS][WEIRCTL_CELL_MAX];

    weirctl_clock(weirctl_json_number(object, "time"), cells[0]);
    snprintf(cells[1], WEIRCTL_CELL_MAX, "%" PRIu64, weirctl_json_count(object, "port"));
    snprintf(cells[2], WEIRCTL_CELL_MAX, "%" PRIu64, weirctl_json_count(object, "n"));
    snprintf(cells[3], WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "verdict"));
    snprintf(cells[4], WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "class"));
    snprintf(cells[5], WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "dir"));
    snprintf(cells[6], WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "id"));
    weirctl_states_text(weirctl_json_text(object, "orig_state"),
                        weirctl_json_text(object, "resp_state"), cells[7]);
    snprintf(cells[8], WEIRCTL_CELL_MAX, "%s", weirctl_json_text(object, "reason"));
    weirctl_table_row(&stream->table, cells);
}

static void lost_tell(const json_t *object, const char *what)
{
    uint64_t lost = weirctl_json_count(object, "lost");

    fflush(stdout);
    if (json_is_true(json_object_get(object, "unfiltered")))
        warnx("%" PRIu64 " %s were lost before anybody asked whether they match", lost, what);
    else
        warnx("%" PRIu64 " %s were lost: they are not read fast enough", lost, what);
}

static bool stream_line(void *context, const char *line, size_t len)
{
    struct stream *stream = context;
    json_t *object;

    if (stream->options->format == WEIRCTL_JSON) {
        fwrite(line, 1, len, stdout);
        putchar('\n');
        return true;
    }
    object = json_loadb(line, len, 0, NULL);
    if (json_object_get(object, "lost") != NULL)
        lost_tell(object, stream->tell == trace_tell ? "packets" : "events");
    else
        stream->tell(stream, object);
    json_decref(object);
    return true;
}

static bool stream_pause(void *context)
{
    (void)context;
    return weirctl_output_flush();
}

static enum weirctl_exit stream_run(struct stream *stream, const char *path)
{
    struct weirctl_sink sink = {stream_line, stream_pause, stream};
    char target[WEIRCTL_TARGET_MAX];
    enum weirctl_exit status;
    struct weirctl_client *client = weirctl_client_open(stream->options->socket, &status);

    if (client == NULL)
        return status;
    stream->extended.with_id = stream->options->with_id;
    if (stream->options->format == WEIRCTL_EXTENDED)
        weirctl_extended_begin(&stream->extended, client);
    weirctl_query_target(&stream->options->query, path, target);
    status = weirctl_client_stream(client, target, &sink, 0);
    weirctl_table_end(&stream->table);
    weirctl_extended_end(&stream->extended);
    weirctl_client_close(client);
    return status;
}

enum weirctl_exit weirctl_events(struct weirctl_options *options)
{
    struct stream stream = {.options = options, .tell = event_tell};

    weirctl_table_begin(&stream.table, event_columns, EVENT_COLUMNS, 0);
    return stream_run(&stream, "/events");
}

enum weirctl_exit weirctl_trace(struct weirctl_options *options)
{
    struct stream stream = {.options = options, .tell = trace_tell};

    weirctl_table_begin(&stream.table, trace_columns, TRACE_COLUMNS, 0);
    return stream_run(&stream, "/trace");
}
