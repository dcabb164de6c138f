/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/output.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failure; /* errno of the first write that failed */

static bool reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

bool weirctl_output_flush(void)
{
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && failure == 0)
        failure = errno != 0 ? errno : EPIPE;
    if (failure == 0 && reader_gone())
        failure = EPIPE;
    return failure == 0;
}

enum weirctl_exit weirctl_output_end(enum weirctl_exit status)
{
    weirctl_output_flush();
    if (failure == 0 || failure == EPIPE || failure == EINTR) /* nobody wants the rest */
        return status;
    warnx("standard output: %s", strerror(failure));
    return WEIRCTL_FAILED;
}
