/* SPDX-License-Identifier: BSD-3-Clause */
/* Text for people: colours, numbers and times that read well, aligned tables. */
#ifndef WEIR_WEIRCTL_TEXT_H
#define WEIR_WEIRCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define WEIRCTL_COLUMNS_MAX 13U
#define WEIRCTL_CELL_MAX    64U /* octets of a cell, its end included */

enum weirctl_colour {
    WEIRCTL_PLAIN,
    WEIRCTL_BOLD,
    WEIRCTL_DIM,
    WEIRCTL_RED,
    WEIRCTL_GREEN,
    WEIRCTL_YELLOW,
    WEIRCTL_CYAN,
    WEIRCTL_COLOURS
};

/* ANSI sequence that begins a colour; WEIRCTL_PLAIN ends it. "" where standard output is no
 * terminal or NO_COLOR says no. */
const char *weirctl_colour(enum weirctl_colour colour);

/* Colours by meaning. */
enum weirctl_colour weirctl_colour_states(const char *states);  /* of "ESTABLISHED / ..." */
enum weirctl_colour weirctl_colour_refused(const char *number); /* red unless "0" or "" */

/* "999", "12.3k", "4.56M": at most six characters. */
const char *weirctl_number_short(double number, char text[WEIRCTL_CELL_MAX]);

/* "0.3s", "59s", "12m05s", "3h07m", "9d04h". */
const char *weirctl_duration(double sec, char text[WEIRCTL_CELL_MAX]);

/* Local time of day with microseconds. */
const char *weirctl_clock(double sec, char text[WEIRCTL_CELL_MAX]);

/* Seconds since the epoch, now. */
double weirctl_now(void);

struct weirctl_column {
    const char *name;
    unsigned int width; /* at least */
    bool right;         /* aligned to the right */
    enum weirctl_colour (*colour)(const char *cell);
};

/*
 * A table on standard output. Its first rows are held back, to learn how wide the columns must be:
 * as many as hold says, and no longer than a moment if weirctl_table_pause is called now and then.
 */
struct weirctl_table {
    const struct weirctl_column *columns;
    unsigned int count; /* of columns */
    unsigned int hold;  /* rows; 0: none */
    unsigned int width[WEIRCTL_COLUMNS_MAX];
    unsigned int rows; /* held */
    bool begun;        /* its header is printed */
    struct timespec since;
    char (*held)[WEIRCTL_COLUMNS_MAX][WEIRCTL_CELL_MAX];
};

void weirctl_table_begin(struct weirctl_table *table, const struct weirctl_column *columns,
                         unsigned int count, unsigned int hold);
void weirctl_table_row(struct weirctl_table *table, char cells[][WEIRCTL_CELL_MAX]);
void weirctl_table_pause(struct weirctl_table *table);
void weirctl_table_end(struct weirctl_table *table);

#endif
