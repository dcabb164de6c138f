/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/screen.h"

#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "weirctl/output.h"
#include "weirctl/text.h"

#define LINE_MAX_BYTES 2048U
#define COLUMNS_ONCE   110U
#define LINES_ONCE     60U

#define ALTERNATE_ON  "\033[?1049h\033[?25l"
#define ALTERNATE_OFF "\033[?25h\033[?1049l"

static struct termios kept;
static bool taken;

static void terminal_take(void)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &kept) == 0) {
        raw = kept;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped top would leave its screen behind */
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs(ALTERNATE_ON, stdout);
    fflush(stdout);
    taken = true;
}

void weirctl_screen_begin(struct weirctl_screen *screen, bool live)
{
    *screen = (struct weirctl_screen){.live = live};
    screen->blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (live)
        terminal_take();
}

void weirctl_screen_end(void)
{
    if (!taken)
        return;
    taken = false;
    fputs(ALTERNATE_OFF, stdout);
    fflush(stdout);
    if (isatty(STDIN_FILENO))
        tcsetattr(STDIN_FILENO, TCSANOW, &kept);
}

void weirctl_screen_frame(struct weirctl_screen *screen)
{
    struct winsize size;

    screen->used = 0;
    screen->lines = LINES_ONCE;
    screen->columns = COLUMNS_ONCE;
    if (!screen->live)
        return;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        screen->lines = size.ws_row;
        screen->columns = size.ws_col;
    }
    fputs("\033[H", stdout);
}

/* Octets of text that fill at most so many columns: escape sequences and continuation octets take
 * none. */
static size_t cut(const char *text, unsigned int columns)
{
    size_t at = 0;

    while (text[at] != '\0') {
        if (text[at] == '\033') {
            at += strcspn(text + at, "m");
            at += text[at] == 'm';
            continue;
        }
        if (((unsigned char)text[at] & 0xc0U) != 0x80U && columns-- == 0)
            break;
        at++;
    }
    return at;
}

void weirctl_screen_line(struct weirctl_screen *screen, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list list;
    size_t len;

    if (weirctl_screen_left(screen) == 0)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    len = cut(text, screen->columns);
    while (!screen->live && len > 0 && text[len - 1] == ' ')
        len--;
    if (screen->live && screen->used > 0)
        fputs("\r\n", stdout);
    fwrite(text, 1, len, stdout);
    if (screen->live)
        printf("%s\033[K", weirctl_colour(WEIRCTL_PLAIN));
    else
        putchar('\n');
    screen->used++;
}

bool weirctl_screen_show(struct weirctl_screen *screen)
{
    if (screen->live)
        fputs("\033[J", stdout);
    return weirctl_output_flush();
}

unsigned int weirctl_screen_left(const struct weirctl_screen *screen)
{
    return screen->used < screen->lines ? screen->lines - screen->used : 0;
}

int weirctl_screen_key(double sec)
{
    struct pollfd in = {.fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN};
    char key;

    if (poll(&in, 1, sec > 0 ? (int)(sec * 1000) + 1 : 0) <= 0)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char)key : 0;
}
