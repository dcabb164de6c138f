/* SPDX-License-Identifier: BSD-3-Clause */
/* Output: whole lines into a file, with one error that sticks; see output.h. */
#include "weir/output.h"

#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weir/settings.h"

enum {
    BUFFER_SIZE = 256 * 1024,
};

struct weir_output {
    int fd;
    int error;        /* errno that sticks, 0 while all is well */
    bool regular;     /* can be cut back to its last whole line */
    size_t used;      /* octets in the buffer: whole lines only */
    off_t whole;      /* length of the file up to its last whole line */
    uint64_t taken;   /* lines committed */
    uint64_t written; /* of them, handed to the system */
    uint64_t buffered;
    char path[WEIR_PATH_MAX];
    char buffer[BUFFER_SIZE];
};

static const char *shown(const struct weir_output *output)
{
    return strcmp(output->path, "-") == 0 ? "standard output" : output->path;
}

static int open_path(struct weir_output *output)
{
    struct stat status;

    if (strcmp(output->path, "-") == 0) {
        output->fd = dup(STDOUT_FILENO);
        return output->fd < 0 ? -errno : 0;
    }
    output->fd = open(output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->fd < 0)
        return -errno;
    output->regular = fstat(output->fd, &status) == 0 && S_ISREG(status.st_mode);
    return 0;
}

struct weir_output *weir_output_open(const char *path)
{
    struct weir_output *output = malloc(sizeof(*output));
    int error;

    if (output == NULL) {
        warnx("%s: no memory for its buffer", path);
        return NULL;
    }
    memset(output, 0, offsetof(struct weir_output, buffer));
    strlcpy(output->path, path, sizeof(output->path));
    error = open_path(output);
    if (error < 0) {
        warnx("%s: cannot be written: %s", shown(output), strerror(-error));
        free(output);
        return NULL;
    }
    return output;
}

/* Half a line would be taken for a record by nobody, or worse, by somebody. */
static void cut_back(struct weir_output *output, size_t done)
{
    const char *end = memrchr(output->buffer, '\n', done);
    size_t keep = end == NULL ? 0 : (size_t)(end - output->buffer) + 1;

    for (size_t i = 0; i < keep; i++)
        output->written += output->buffer[i] == '\n';
    output->whole += (off_t)keep;
    if (output->regular && ftruncate(output->fd, output->whole) < 0)
        warn("%s: its last line is cut", shown(output));
    else if (!output->regular && keep != done)
        warnx("%s: its last line is cut", shown(output));
}

int weir_output_flush(struct weir_output *output)
{
    size_t done = 0;

    while (output->error == 0 && done < output->used) {
        ssize_t n = write(output->fd, output->buffer + done, output->used - done);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            output->error = errno;
            cut_back(output, done);
        }
    }
    if (output->error == 0) {
        output->whole += (off_t)output->used;
        output->written += output->buffered;
    }
    output->used = 0;
    output->buffered = 0;
    return -output->error;
}

int weir_output_reopen(struct weir_output *output, const char *path)
{
    struct stat status;
    int error;
    int fd;

    if (strcmp(path, "-") == 0 && strcmp(output->path, "-") == 0)
        return 0;
    fd = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO)
                                : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    error = weir_output_flush(output);
    if (error < 0 || fstat(fd, &status) < 0) {
        error = error < 0 ? error : -errno;
        close(fd);
        return error;
    }
    close(output->fd);
    output->fd = fd;
    output->regular = S_ISREG(status.st_mode) && strcmp(path, "-") != 0;
    output->whole = status.st_size;
    strlcpy(output->path, path, sizeof(output->path));
    return 0;
}

char *weir_output_reserve(struct weir_output *output, size_t len)
{
    if (len > sizeof(output->buffer) - output->used)
        weir_output_flush(output);
    return output->buffer + output->used;
}

void weir_output_commit(struct weir_output *output, size_t len)
{
    output->taken++;
    if (output->error != 0)
        return;
    output->used += len;
    output->buffered++;
}

int weir_output_error(const struct weir_output *output)
{
    return -output->error;
}

uint64_t weir_output_lines(const struct weir_output *output)
{
    return output->taken;
}

int weir_output_close(struct weir_output *output)
{
    int error;

    if (output == NULL)
        return 0;
    weir_output_flush(output);
    if (close(output->fd) < 0 && output->error == 0)
        output->error = errno; /* a network file system may say only now that it is full */
    error = output->error;
    if (error != 0)
        warnx("%s: %s; %" PRIu64 " records not written", shown(output), strerror(error),
              output->taken - output->written);
    free(output);
    return -error;
}
