/* SPDX-License-Identifier: BSD-3-Clause */
/* top: ask, draw, wait for a key, again. */
#include <time.h>
#include <unistd.h>

#include "weirctl/client.h"
#include "weirctl/commands.h"
#include "weirctl/signals.h"
#include "weirctl/top.h"

static double monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum weirctl_exit ask(struct weirctl_top *top, struct weirctl_client *client)
{
    struct weirctl_answer answer;
    enum weirctl_exit status = weirctl_client_ask(client, "GET", "/stats", &answer);

    if (status != WEIRCTL_DONE)
        return status;
    weirctl_rates_add(&top->rates, json_incref(answer.json));
    weirctl_answer_free(&answer);
    return weirctl_talkers_update(&top->talkers, client, top->order, top->hosts, top->interval_sec);
}

/* False if the key ends top. */
static bool key_do(struct weirctl_top *top, int key)
{
    switch (key) {
    case 'q':
    case 'Q':
    case 3: /* Ctrl-C where the terminal does not make a signal of it */
        return false;
    case ' ':
        top->paused = !top->paused;
        return true;
    case 'b':
        top->order = WEIRCTL_BY_BITS;
        return true;
    case 'p':
        top->order = WEIRCTL_BY_PACKETS;
        return true;
    case 'r':
        top->order = WEIRCTL_BY_REFUSED;
        return true;
    case 'h':
        top->hosts = !top->hosts;
        return true;
    default:
        return true;
    }
}

/* Until it is time for the next frame; false if top is to end. */
static bool wait(struct weirctl_top *top, double until)
{
    while (!weirctl_interrupted) {
        double left = until - monotonic();
        int key = left > 0 || top->paused ? weirctl_screen_key(left > 0 ? left : 1) : 0;

        if (key != 0 && !key_do(top, key))
            return false;
        if (weirctl_interrupted)
            return false;
        if (key != 0 || weirctl_resized) {
            weirctl_resized = 0;
            weirctl_top_draw(top);
        } else if (left <= 0 && !top->paused) {
            return true;
        }
    }
    return false;
}

static enum weirctl_exit run(struct weirctl_top *top, struct weirctl_client *client)
{
    double next = monotonic();

    while (!weirctl_interrupted) {
        enum weirctl_exit status = ask(top, client);

        if (weirctl_interrupted)
            break;
        if (status != WEIRCTL_DONE)
            return status;
        if (!weirctl_top_draw(top))
            break;
        next = next + top->interval_sec > monotonic() ? next + top->interval_sec
                                                      : monotonic() + top->interval_sec;
        if (!wait(top, next))
            break;
    }
    return WEIRCTL_DONE;
}

/* Two looks, for rates need two; then one frame. */
static enum weirctl_exit run_once(struct weirctl_top *top, struct weirctl_client *client)
{
    enum weirctl_exit status = ask(top, client);
    struct timespec pause = {.tv_sec = (time_t)top->interval_sec};

    pause.tv_nsec = (long)((top->interval_sec - (double)pause.tv_sec) * 1e9);
    if (status == WEIRCTL_DONE && !weirctl_interrupted)
        nanosleep(&pause, NULL);
    if (status == WEIRCTL_DONE && !weirctl_interrupted)
        status = ask(top, client);
    if (status == WEIRCTL_DONE && !weirctl_interrupted)
        weirctl_top_draw(top);
    return status;
}

enum weirctl_exit weirctl_top(struct weirctl_options *options)
{
    struct weirctl_top top = {.interval_sec = options->interval_sec};
    struct weirctl_client *client;
    enum weirctl_exit status;

    if (options->format != WEIRCTL_TABLE)
        return weirctl_usage("top: expected no --output; 'weirctl stats -o json' is for programs");
    if (!options->once && !isatty(STDOUT_FILENO))
        return weirctl_usage("top: standard output is no terminal: expected --once");
    client = weirctl_client_open(options->socket, &status);
    if (client == NULL)
        return status;
    weirctl_client_before_complaint(client, weirctl_screen_end);
    weirctl_screen_begin(&top.screen, !options->once);
    status = options->once ? run_once(&top, client) : run(&top, client);
    weirctl_screen_end();
    weirctl_rates_free(&top.rates);
    weirctl_talkers_free(&top.talkers);
    weirctl_client_close(client);
    return status;
}
