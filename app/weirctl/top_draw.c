/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/flow.h"
#include "weirctl/text.h"
#include "weirctl/top.h"

#define ROWS_MAX     128U /* of states, of reasons */
#define LABEL_WIDTH  22U  /* what stands left of a sparkline */
#define CORES_SHOWN  8U
#define TALKERS_ONCE 20U

/* One line of the two lists beside each other. */
struct row {
    char name[WEIRCTL_END_MAX];
    double number; /* by which it is sorted, then by total */
    double total;
};

struct rows {
    struct row row[ROWS_MAX];
    unsigned int count;
};

static int compare(const void *one, const void *other)
{
    const struct row *a = one, *b = other;

    if (a->number != b->number)
        return a->number > b->number ? -1 : 1;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void row_add(struct rows *rows, const char *name, double number, double total)
{
    struct row *row = &rows->row[rows->count];

    if (rows->count == ROWS_MAX || (number <= 0 && total <= 0))
        return;
    snprintf(row->name, sizeof(row->name), "%s", name);
    row->number = number;
    row->total = total;
    rows->count++;
}

static void states_collect(const struct weirctl_top *top, struct rows *rows)
{
    const json_t *total = json_object_get(top->rates.now, "total");
    const json_t *pairs = json_object_get(total, "states");
    struct weirctl_member member = {.at = NULL};

    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        char text[WEIRCTL_END_MAX];

        weirctl_states_text(weirctl_json_text(pair, "orig"), weirctl_json_text(pair, "resp"), text);
        row_add(rows, text, weirctl_json_number(pair, "flows"), 0);
    }
    while (weirctl_json_next(json_object_get(total, "protocols"), &member))
        if (strcmp(member.name, "tcp") != 0)
            row_add(rows, member.name, json_number_value(member.value), 0);
    qsort(rows->row, rows->count, sizeof(rows->row[0]), compare);
}

static void reasons_collect(const struct weirctl_top *top, struct rows *rows)
{
    const json_t *now = json_object_get(json_object_get(top->rates.now, "total"), "reasons");
    const json_t *before = json_object_get(json_object_get(top->rates.before, "total"), "reasons");
    struct weirctl_member member = {.at = NULL};

    while (weirctl_json_next(now, &member))
        if (strcmp(member.name, "none") != 0)
            row_add(rows, member.name, weirctl_rates_of(&top->rates, now, before, member.name),
                    json_number_value(member.value));
    qsort(rows->row, rows->count, sizeof(rows->row[0]), compare);
}

static void head_draw(struct weirctl_top *top)
{
    const json_t *total = json_object_get(top->rates.now, "total");
    const json_t *tables = json_object_get(total, "tables");
    char text[4][WEIRCTL_CELL_MAX];
    double capacity = 0;

    for (size_t i = 0; i < json_array_size(tables); i++)
        capacity += weirctl_json_number(json_array_get(tables, i), "capacity");
    weirctl_clock(weirctl_now(), text[3]);
    text[3][strcspn(text[3], ".")] = '\0';
    weirctl_screen_line(
        &top->screen, "%sweir %s%s  up %s  %zu workers  %s of %s flows  %s%s%s",
        weirctl_colour(WEIRCTL_BOLD), weirctl_json_text(top->rates.now, "version"),
        weirctl_colour(WEIRCTL_PLAIN),
        weirctl_duration(weirctl_json_number(top->rates.now, "uptime_sec"), text[0]),
        json_array_size(json_object_get(top->rates.now, "workers")),
        weirctl_number_short(weirctl_json_number(total, "flows"), text[1]),
        weirctl_number_short(capacity, text[2]), text[3], top->paused ? "  paused" : "",
        top->screen.live ? "   q quit  space pause  h hosts/flows  b bits  p packets  r refused"
                         : "");
}

static unsigned int spark_columns(const struct weirctl_top *top)
{
    return top->screen.columns > LABEL_WIDTH + 4 ? top->screen.columns - LABEL_WIDTH - 4 : 0;
}

static void rates_draw(struct weirctl_top *top)
{
    static const struct {
        enum weirctl_rate rate;
        const char *name;
        enum weirctl_colour colour;
    } shown[] = {
        {WEIRCTL_RATE_PACKETS, "packets/s", WEIRCTL_GREEN},
        {WEIRCTL_RATE_BITS, "bits/s", WEIRCTL_GREEN},
        {WEIRCTL_RATE_SENT, "sent/s", WEIRCTL_GREEN},
        {WEIRCTL_RATE_FLOWS, "flows", WEIRCTL_CYAN},
        {WEIRCTL_RATE_NEW, "new flows/s", WEIRCTL_CYAN},
        {WEIRCTL_RATE_ENDED, "ended flows/s", WEIRCTL_CYAN},
        {WEIRCTL_RATE_REFUSED, "refused/s", WEIRCTL_RED},
    };

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const struct weirctl_past *past = &top->rates.past[shown[i].rate];
        char number[WEIRCTL_CELL_MAX], spark[WEIRCTL_SPARK_MAX];

        weirctl_screen_line(
            &top->screen, "%-14s %7s  %s%s", shown[i].name,
            weirctl_number_short(weirctl_past_last(past), number), weirctl_colour(shown[i].colour),
            weirctl_past_spark(past, spark_columns(top), 0, top->screen.blocks, spark));
    }
}

static void cores_draw(struct weirctl_top *top)
{
    const json_t *workers = json_object_get(top->rates.now, "workers");
    size_t count = json_array_size(workers);

    for (size_t i = 0; i < count && i < CORES_SHOWN; i++) {
        const struct weirctl_past *past = &top->rates.load[i];
        double load = weirctl_past_last(past);
        char spark[WEIRCTL_SPARK_MAX];

        weirctl_screen_line(
            &top->screen, "load lcore %-3u %6.1f %%  %s%s",
            (unsigned int)weirctl_json_count(json_array_get(workers, i), "lcore"), 100 * load,
            weirctl_colour(load > 0.9 ? WEIRCTL_RED : WEIRCTL_YELLOW),
            weirctl_past_spark(past, spark_columns(top), 1, top->screen.blocks, spark));
    }
    if (count > CORES_SHOWN)
        weirctl_screen_line(&top->screen, "     and %zu more: 'weirctl stats'",
                            count - CORES_SHOWN);
}

/* States and reasons beside each other. */
static void lists_draw(struct weirctl_top *top, unsigned int lines)
{
    struct rows states = {.count = 0};
    struct rows reasons = {.count = 0};
    unsigned int count;

    states_collect(top, &states);
    reasons_collect(top, &reasons);
    count = states.count > reasons.count ? states.count : reasons.count;
    weirctl_screen_line(&top->screen, "%s%-28s %7s    %-28s %7s %7s", weirctl_colour(WEIRCTL_BOLD),
                        "ORIGINATOR / RESPONDER", "FLOWS", "REASON", "/S", "TOTAL");
    for (unsigned int i = 0; i < count && i < lines; i++) {
        const struct row *state = i < states.count ? &states.row[i] : NULL;
        const struct row *reason = i < reasons.count ? &reasons.row[i] : NULL;
        char text[3][WEIRCTL_CELL_MAX] = {"", "", ""};

        if (state != NULL)
            weirctl_number_short(state->number, text[0]);
        if (reason != NULL) {
            weirctl_number_short(reason->number, text[1]);
            weirctl_number_short(reason->total, text[2]);
        }
        weirctl_screen_line(
            &top->screen, "%s%-28s%s %7s    %-28s %s%7s%s %7s",
            weirctl_colour(weirctl_colour_states(state != NULL ? state->name : "")),
            state != NULL ? state->name : "", weirctl_colour(WEIRCTL_PLAIN), text[0],
            reason != NULL ? reason->name : "",
            weirctl_colour(reason != NULL && reason->number > 0 ? WEIRCTL_RED : WEIRCTL_PLAIN),
            text[1], weirctl_colour(WEIRCTL_PLAIN), text[2]);
    }
}

static void talkers_draw(struct weirctl_top *top)
{
    const struct weirctl_talkers *talkers = &top->talkers;
    char title[WEIRCTL_CELL_MAX];
    unsigned int count;

    snprintf(title, sizeof(title), "TOP %s%s", top->hosts ? "HOSTS, BY WHAT THEY SEND" : "FLOWS",
             talkers->sampled ? ", OF A SAMPLE" : "");
    weirctl_screen_line(
        &top->screen, "%s%-48s %-6s %8s %9s %9s  %s", weirctl_colour(WEIRCTL_BOLD), title,
        top->hosts ? "" : "PROTO", top->order == WEIRCTL_BY_BITS ? "BITS/S *" : "BITS/S",
        top->order == WEIRCTL_BY_PACKETS ? "PACKETS/S*" : "PACKETS/S",
        top->order == WEIRCTL_BY_REFUSED ? "REFUSED/S*" : "REFUSED/S", top->hosts ? "" : "STATES");
    count = !top->screen.live && talkers->count > TALKERS_ONCE ? TALKERS_ONCE : talkers->count;
    for (unsigned int i = 0; i < count && weirctl_screen_left(&top->screen) > 0; i++) {
        const struct weirctl_talker *talker = &talkers->top[i];
        char text[3][WEIRCTL_CELL_MAX];

        weirctl_screen_line(&top->screen, "%-48s %-6s %8s %9s %9s  %s", talker->ends, talker->proto,
                            weirctl_number_short(talker->rate[WEIRCTL_BY_BITS], text[0]),
                            weirctl_number_short(talker->rate[WEIRCTL_BY_PACKETS], text[1]),
                            weirctl_number_short(talker->rate[WEIRCTL_BY_REFUSED], text[2]),
                            talker->states);
    }
}

bool weirctl_top_draw(struct weirctl_top *top)
{
    unsigned int left;

    weirctl_screen_frame(&top->screen);
    head_draw(top);
    weirctl_screen_line(&top->screen, " ");
    rates_draw(top);
    cores_draw(top);
    weirctl_screen_line(&top->screen, " ");
    left = weirctl_screen_left(&top->screen);
    lists_draw(top, left > 8 ? (left - 4) / 2 : 2);
    weirctl_screen_line(&top->screen, " ");
    talkers_draw(top);
    return weirctl_screen_show(&top->screen);
}
