/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal as a screen of lines that are drawn anew; or plain lines on standard output, once.
 */
#ifndef WEIR_WEIRCTL_SCREEN_H
#define WEIR_WEIRCTL_SCREEN_H

#include <stdbool.h>

struct weirctl_screen {
    bool live;          /* false: lines as they are, no height */
    unsigned int lines; /* of the terminal */
    unsigned int columns;
    unsigned int used; /* lines of this frame so far */
    bool blocks;       /* the terminal can show U+2581 and its like */
};

/* Take the terminal: alternate screen, keys unbuffered and not echoed. Only one at a time. */
void weirctl_screen_begin(struct weirctl_screen *screen, bool live);

/* Give it back. Harmless where it is not taken. */
void weirctl_screen_end(void);

/* One frame: its beginning, lines that are cut at the right edge, its end. */
void weirctl_screen_frame(struct weirctl_screen *screen);
void weirctl_screen_line(struct weirctl_screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool weirctl_screen_show(struct weirctl_screen *screen);

/* Lines left in this frame. */
unsigned int weirctl_screen_left(const struct weirctl_screen *screen);

/* Wait for a key; 0 if none came within sec, or if a signal did. */
int weirctl_screen_key(double sec);

#endif
