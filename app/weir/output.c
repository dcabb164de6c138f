/* SPDX-License-Identifier: BSD-3-Clause */
/* Output: whole lines into a file or pipe, with one error that sticks; see output.h. */
#include "weir/output.h"

#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "weir/settings.h"

enum {
    BUFFER_SIZE = 256 * 1024,
    RETRY_USEC = 1000000,     /* after a disk was full */
    STUCK_USEC = 2000000,     /* without the reader taking anything */
    CLOSE_PATIENCE = 3000000, /* microseconds, at most */
    CLOSE_LOOK_MSEC = 20,
};

struct weir_output {
    int fd;
    int error;    /* errno that sticks, 0 while all is well */
    int cause;    /* the last errno that lines were lost for; 0: nobody read them */
    bool regular; /* can be cut back to its last whole line */
    bool disk;    /* takes all that it is given, however long that takes */
    bool full;    /* the line in the reserved room is one too many */
    uint64_t patience_us;
    uint64_t moved_us;  /* when something was last taken, or nothing was left */
    uint64_t failed_us; /* when error was set */
    size_t begin, end;  /* of what is in the buffer; lines are put in whole */
    off_t whole;        /* length of the file up to its last whole line */
    uint64_t taken;     /* lines committed, and of them */
    uint64_t lost;      /* those that went nowhere */
    char path[WEIR_PATH_MAX];
    char buffer[BUFFER_SIZE + WEIR_OUTPUT_LINE_MAX]; /* the rest is for lines that are lost */
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static const char *shown(const struct weir_output *output)
{
    return strcmp(output->path, "-") == 0 ? "standard output" : output->path;
}

/* Opening a named pipe waits for its reader, unless it must not. */
static int open_path(const char *path, int flags, bool wait)
{
    int fd =
        strcmp(path, "-") == 0
            ? dup(STDOUT_FILENO)
            : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags | (wait ? 0 : O_NONBLOCK), 0666);

    return fd < 0 ? -errno : fd;
}

static int attach(struct weir_output *output, int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    output->fd = fd;
    output->disk = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
    output->regular = S_ISREG(status.st_mode) && strcmp(path, "-") != 0;
    output->whole = status.st_size;
    output->error = 0;
    output->moved_us = now_us();
    strlcpy(output->path, path, sizeof(output->path));
    return 0;
}

struct weir_output *weir_output_open(const char *path, uint64_t patience_us)
{
    struct weir_output *output = malloc(sizeof(*output));
    int fd;

    if (output == NULL) {
        warnx("%s: no memory for its buffer", path);
        return NULL;
    }
    memset(output, 0, offsetof(struct weir_output, buffer));
    strlcpy(output->path, path, sizeof(output->path));
    output->patience_us = patience_us;
    fd = open_path(path, O_TRUNC, patience_us == WEIR_OUTPUT_FOREVER);
    if (fd < 0 || attach(output, fd, path) < 0) {
        warnx("%s: cannot be written: %s", shown(output),
              fd == -ENXIO ? "nobody reads this pipe" : strerror(fd < 0 ? -fd : errno));
        if (fd >= 0)
            close(fd);
        free(output);
        return NULL;
    }
    return output;
}

void weir_output_patience(struct weir_output *output, uint64_t patience_us)
{
    if (output == NULL)
        return;
    output->patience_us = patience_us;
    output->moved_us = now_us();
}

static uint64_t lines_in(const char *text, size_t len)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void throw_away(struct weir_output *output, int cause)
{
    output->lost += lines_in(output->buffer + output->begin, output->end - output->begin);
    output->cause = cause;
    output->begin = output->end = 0;
}

/* Half a line would be taken for a record by nobody, or worse, by somebody. */
static void cut_back(struct weir_output *output)
{
    const char *end = memrchr(output->buffer, '\n', output->begin);
    size_t keep = end == NULL ? 0 : (size_t)(end - output->buffer) + 1;

    output->whole += (off_t)keep;
    if (output->regular && (ftruncate(output->fd, output->whole) < 0 ||
                            lseek(output->fd, output->whole, SEEK_SET) < 0))
        warn("%s: its last line is cut", shown(output));
    output->begin = keep;
}

static void fail(struct weir_output *output, int error)
{
    output->error = error;
    output->failed_us = now_us();
    if (output->regular)
        cut_back(output);
    throw_away(output, error);
}

/* Whoever cannot wait tries a full disk again and again: there may be room one day. */
static bool failed_for_good(struct weir_output *output)
{
    if (output->error == 0)
        return false;
    if (!output->regular || output->patience_us == WEIR_OUTPUT_FOREVER ||
        now_us() - output->failed_us < RETRY_USEC)
        return true;
    output->error = 0;
    return false;
}

/*
 * Write once. A pipe that is ready takes PIPE_BUF octets without waiting, which holds for standard
 * output too, whose other users would not like to find it changed to O_NONBLOCK. Returns 0 if
 * nothing can be written now, or a negative errno.
 */
static ssize_t write_some(const struct weir_output *output, const char *text, size_t len)
{
    struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
    ssize_t n;

    if (!output->disk) {
        if (poll(&ready, 1, 0) <= 0)
            return 0;
        len = len < PIPE_BUF ? len : PIPE_BUF;
    }
    do
        n = write(output->fd, text, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    return n;
}

static void room_make(struct weir_output *output)
{
    if (output->begin == output->end) {
        if (output->regular)
            output->whole += (off_t)output->end;
        output->begin = output->end = 0;
    } else if (output->begin >= BUFFER_SIZE / 2) {
        output->end -= output->begin;
        memmove(output->buffer, output->buffer + output->begin, output->end);
        output->begin = 0;
    }
}

int weir_output_flush(struct weir_output *output)
{
    bool moved = false;

    if (failed_for_good(output))
        return -output->error;
    while (output->begin < output->end) {
        ssize_t n = write_some(output, output->buffer + output->begin, output->end - output->begin);

        if (n < 0)
            fail(output, (int)-n);
        if (n <= 0)
            break;
        output->begin += (size_t)n;
        moved = true;
    }
    if (moved || output->begin == output->end)
        output->moved_us = now_us();
    room_make(output);
    return -output->error;
}

static bool patience_over(const struct weir_output *output)
{
    return output->error != 0 || (output->patience_us != WEIR_OUTPUT_FOREVER &&
                                  now_us() - output->moved_us >= output->patience_us);
}

unsigned int weir_output_room(struct weir_output *output, size_t len)
{
    if (BUFFER_SIZE - output->end < len)
        weir_output_flush(output);
    if (BUFFER_SIZE - output->end < len)
        return patience_over(output) ? UINT_MAX : 0;
    return (unsigned int)((BUFFER_SIZE - output->end) / len);
}

char *weir_output_reserve(struct weir_output *output, size_t len)
{
    if (BUFFER_SIZE - output->end < len)
        weir_output_flush(output);
    output->full = BUFFER_SIZE - output->end < len;
    return output->buffer + (output->full ? BUFFER_SIZE : output->end);
}

void weir_output_commit(struct weir_output *output, size_t len)
{
    output->taken++;
    if (output->error != 0 || output->full) {
        output->cause = output->error;
        output->lost++;
        return;
    }
    output->end += len;
}

bool weir_output_settled(struct weir_output *output)
{
    if (output == NULL)
        return true;
    weir_output_flush(output);
    return output->begin == output->end || patience_over(output);
}

int weir_output_reopen(struct weir_output *output, const char *path)
{
    int old = output->fd;
    int error;
    int fd;

    if (strcmp(path, "-") == 0 && strcmp(output->path, "-") == 0)
        return 0;
    fd = open_path(path, O_APPEND, false);
    if (fd < 0)
        return fd;
    weir_output_flush(output);
    if (output->begin < output->end)
        throw_away(output, 0);
    error = attach(output, fd, path);
    close(error < 0 ? fd : old);
    return error;
}

int weir_output_error(const struct weir_output *output)
{
    return -output->error;
}

uint64_t weir_output_lines(const struct weir_output *output)
{
    return output->taken;
}

uint64_t weir_output_lost(const struct weir_output *output)
{
    return output->lost;
}

bool weir_output_stuck(const struct weir_output *output)
{
    return output->begin < output->end && now_us() - output->moved_us > STUCK_USEC;
}

static void loss_tell(const struct weir_output *output)
{
    warnx("%s: %s; %" PRIu64 " records not written", shown(output),
          output->cause != 0 ? strerror(output->cause) : "its reader took nothing", output->lost);
}

int weir_output_close(struct weir_output *output)
{
    int error;

    if (output == NULL)
        return 0;
    if (output->patience_us > CLOSE_PATIENCE)
        output->patience_us = CLOSE_PATIENCE;
    while (!weir_output_settled(output))
        poll(&(struct pollfd){.fd = output->fd, .events = POLLOUT}, 1, CLOSE_LOOK_MSEC);
    throw_away(output, output->begin < output->end ? 0 : output->cause);
    if (close(output->fd) < 0 && output->error == 0)
        output->error = output->cause = errno; /* a network file system may say only now */
    error = output->error;
    if (error != 0 || output->lost > 0)
        loss_tell(output);
    free(output);
    return -error;
}
