/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLD_SEC 0.3

static bool coloured(void)
{
    static int known = -1;

    if (known < 0) {
        const char *no = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
        const char *term = getenv("TERM");

        known = isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
                (term == NULL || strcmp(term, "dumb") != 0);
    }
    return known > 0;
}

const char *weirctl_colour(enum weirctl_colour colour)
{
    static const char *const codes[WEIRCTL_COLOURS] = {
        [WEIRCTL_PLAIN] = "\033[0m", [WEIRCTL_BOLD] = "\033[1m",   [WEIRCTL_DIM] = "\033[2m",
        [WEIRCTL_RED] = "\033[31m",  [WEIRCTL_GREEN] = "\033[32m", [WEIRCTL_YELLOW] = "\033[33m",
        [WEIRCTL_CYAN] = "\033[36m",
    };

    return coloured() ? codes[colour] : "";
}

enum weirctl_colour weirctl_colour_states(const char *states)
{
    if (strcmp(states, "ESTABLISHED / ESTABLISHED") == 0)
        return WEIRCTL_GREEN;
    if (strstr(states, "SYN-") != NULL)
        return WEIRCTL_CYAN;
    if (strstr(states, "CLOSED") != NULL || strstr(states, "TIME-WAIT") != NULL)
        return WEIRCTL_DIM;
    return states[0] == '\0' ? WEIRCTL_PLAIN : WEIRCTL_YELLOW;
}

enum weirctl_colour weirctl_colour_refused(const char *number)
{
    return number[0] == '\0' || strcmp(number, "0") == 0 ? WEIRCTL_PLAIN : WEIRCTL_RED;
}

const char *weirctl_number_short(double number, char text[WEIRCTL_CELL_MAX])
{
    static const char units[] = " kMGTPE";
    unsigned int unit = 0;

    if (!isfinite(number) || number < 0)
        number = 0;
    while (number >= 999.5 && unit < 6) {
        number /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, WEIRCTL_CELL_MAX, number < 9.95 && number != floor(number) ? "%.1f" : "%.0f",
                 number);
    else
        snprintf(text, WEIRCTL_CELL_MAX, "%.*f%c",
                 number < 9.995   ? 2
                 : number < 99.95 ? 1
                                  : 0,
                 number, units[unit]);
    return text;
}

const char *weirctl_duration(double sec, char text[WEIRCTL_CELL_MAX])
{
    unsigned long long whole;

    if (!isfinite(sec) || sec < 0)
        sec = 0;
    whole = (unsigned long long)sec;
    if (sec < 9.95)
        snprintf(text, WEIRCTL_CELL_MAX, "%.1fs", sec);
    else if (whole < 60)
        snprintf(text, WEIRCTL_CELL_MAX, "%llus", whole);
    else if (whole < 3600)
        snprintf(text, WEIRCTL_CELL_MAX, "%llum%02llus", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(text, WEIRCTL_CELL_MAX, "%lluh%02llum", whole / 3600, whole / 60 % 60);
    else
        snprintf(text, WEIRCTL_CELL_MAX, "%llud%02lluh", whole / 86400, whole / 3600 % 24);
    return text;
}

const char *weirctl_clock(double sec, char text[WEIRCTL_CELL_MAX])
{
    long long us = llround(sec * 1e6);
    time_t whole = (time_t)(us / 1000000);
    struct tm parts;
    size_t len = 0;

    if (localtime_r(&whole, &parts) != NULL)
        len = strftime(text, WEIRCTL_CELL_MAX, "%T", &parts);
    snprintf(text + len, WEIRCTL_CELL_MAX - len, ".%06lld", us % 1000000);
    return text;
}

double weirctl_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void cell_print(const struct weirctl_column *column, const char *cell, unsigned int width,
                       enum weirctl_colour colour, bool last)
{
    int pad = last && !column->right ? 0 : (int)width;

    if (colour != WEIRCTL_PLAIN)
        printf("%s%*s%s", weirctl_colour(colour), column->right ? pad : -pad, cell,
               weirctl_colour(WEIRCTL_PLAIN));
    else
        printf("%*s", column->right ? pad : -pad, cell);
    fputs(last ? "\n" : "  ", stdout);
}

/* Empty cells at the end of a row take no room. */
static unsigned int cells_filled(const struct weirctl_table *table, char cells[][WEIRCTL_CELL_MAX])
{
    unsigned int count = table->count;

    while (count > 1 && cells[count - 1][0] == '\0')
        count--;
    return count;
}

static void row_print(struct weirctl_table *table, char cells[][WEIRCTL_CELL_MAX])
{
    unsigned int count = cells_filled(table, cells);

    for (unsigned int i = 0; i < count; i++) {
        const struct weirctl_column *column = &table->columns[i];

        cell_print(column, cells[i], table->width[i],
                   column->colour != NULL ? column->colour(cells[i]) : WEIRCTL_PLAIN,
                   i + 1 == count);
    }
}

static void header_print(const struct weirctl_table *table)
{
    for (unsigned int i = 0; i < table->count; i++)
        cell_print(&table->columns[i], table->columns[i].name, table->width[i], WEIRCTL_BOLD,
                   i + 1 == table->count);
}

static void held_print(struct weirctl_table *table)
{
    if (!table->begun)
        header_print(table);
    table->begun = true;
    for (unsigned int i = 0; i < table->rows; i++)
        row_print(table, table->held[i]);
    table->rows = 0;
    free(table->held);
    table->held = NULL;
}

void weirctl_table_begin(struct weirctl_table *table, const struct weirctl_column *columns,
                         unsigned int count, unsigned int hold)
{
    *table = (struct weirctl_table){.columns = columns, .count = count, .hold = hold};
    for (unsigned int i = 0; i < count; i++) {
        unsigned int name = (unsigned int)strlen(columns[i].name);

        table->width[i] = columns[i].width > name ? columns[i].width : name;
    }
    if (hold > 0)
        table->held = calloc(hold, sizeof(*table->held));
    clock_gettime(CLOCK_MONOTONIC, &table->since);
}

void weirctl_table_row(struct weirctl_table *table, char cells[][WEIRCTL_CELL_MAX])
{
    for (unsigned int i = 0; i < table->count; i++) {
        unsigned int width = (unsigned int)strlen(cells[i]);

        if (width > table->width[i])
            table->width[i] = width;
    }
    if (table->held != NULL) {
        memcpy(table->held[table->rows++], cells, table->count * sizeof(cells[0]));
        if (table->rows == table->hold)
            held_print(table);
        return;
    }
    if (!table->begun)
        held_print(table);
    row_print(table, cells);
}

void weirctl_table_pause(struct weirctl_table *table)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (table->rows > 0 && (double)(now.tv_sec - table->since.tv_sec) +
                                   (double)(now.tv_nsec - table->since.tv_nsec) / 1e9 >
                               HOLD_SEC)
        held_print(table);
}

void weirctl_table_end(struct weirctl_table *table)
{
    if (table->rows > 0)
        held_print(table);
    free(table->held);
    table->held = NULL;
}
