/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/signals.h"

#include <stddef.h>

volatile sig_atomic_t weirctl_interrupted;
volatile sig_atomic_t weirctl_resized;

static void note(int number)
{
    if (number == SIGWINCH)
        weirctl_resized = 1;
    else
        weirctl_interrupted = 1;
}

void weirctl_signals_catch(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note};

    sigemptyset(&action.sa_mask);
    /* A frame half written is to be finished; poll ends all the same. */
    action.sa_flags = SA_RESTART;
    sigaction(SIGWINCH, &action, NULL);
    action.sa_flags = 0; /* whoever does not read must not keep it from ending */
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        sigaction(caught[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* a reader that goes shows as EPIPE */
    sigaction(SIGPIPE, &action, NULL);
}
