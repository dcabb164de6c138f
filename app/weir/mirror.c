/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/mirror.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

#include "core/reason.h"
#include "weir/pcapng.h"

#define PORTS_MAX 256U /* struct weir_mirror_view has an octet for them */
#define NO_PORT   UINT32_MAX

struct weir_mirror {
    FILE *file;
    char path[WEIR_PATH_MAX];
    uint64_t size; /* at most in this file, and */
    uint64_t used; /* so far */
    uint64_t written, unwritten;
    int error;                  /* errno of the first failure */
    bool begun;                 /* the file has its header */
    uint32_t ports;             /* interfaces, and */
    uint32_t number[PORTS_MAX]; /* that of each port */
    char name[PORTS_MAX][WEIR_NAME_MAX];
    uint8_t block[WEIR_PCAPNG_BLOCK_MAX + WEIR_MIRROR_SNAP];
};

static FILE *file_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    struct stat status;
    FILE *file;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ftruncate(fd, 0) == 0) {
        file = fdopen(fd, "w");
        if (file != NULL)
            return file;
    } else {
        errno = EINVAL; /* a pipe would have the control core wait for its reader */
    }
    close(fd);
    return NULL;
}

struct weir_mirror *weir_mirror_open(const char *path, uint64_t size)
{
    struct weir_mirror *mirror = calloc(1, sizeof(*mirror));

    if (mirror == NULL) {
        warnx("%s: no memory", path);
        return NULL;
    }
    strlcpy(mirror->path, path, sizeof(mirror->path));
    mirror->size = size / 2;
    for (unsigned int i = 0; i < PORTS_MAX; i++)
        mirror->number[i] = NO_PORT;
    mirror->file = file_open(path);
    if (mirror->file != NULL)
        return mirror;
    warnx("%s: cannot be written: %s", path,
          errno == EINVAL ? "expected a regular file" : strerror(errno));
    free(mirror);
    return NULL;
}

void weir_mirror_port(struct weir_mirror *mirror, unsigned int port, const char *name)
{
    if (mirror == NULL || port >= PORTS_MAX)
        return;
    strlcpy(mirror->name[mirror->ports], name, WEIR_NAME_MAX);
    mirror->number[port] = mirror->ports++;
}

static void fail(struct weir_mirror *mirror, int error)
{
    if (mirror->error == 0)
        warnx("%s: %s; refused packets go unwritten", mirror->path, strerror(error));
    mirror->error = error;
}

static void put(struct weir_mirror *mirror, size_t len)
{
    if (fwrite(mirror->block, 1, len, mirror->file) != len)
        fail(mirror, errno);
    mirror->used += len;
}

static void begin(struct weir_mirror *mirror)
{
    mirror->begun = true;
    put(mirror, weir_pcapng_section(mirror->block, "weir " WEIR_VERSION));
    for (uint32_t i = 0; i < mirror->ports; i++)
        put(mirror, weir_pcapng_interface(mirror->block, mirror->name[i], WEIR_MIRROR_SNAP));
}

/* The file has its share: it becomes the old one. */
static void turn(struct weir_mirror *mirror)
{
    char old[WEIR_PATH_MAX + 2];

    snprintf(old, sizeof(old), "%s.1", mirror->path);
    if (fclose(mirror->file) != 0)
        fail(mirror, errno);
    mirror->file = NULL;
    if (rename(mirror->path, old) < 0 || (mirror->file = file_open(mirror->path)) == NULL)
        fail(mirror, errno);
    mirror->used = 0;
    mirror->begun = false;
}

void weir_mirror_write(struct weir_mirror *mirror, const struct weir_mirror_view *view)
{
    const struct weir_pcapng_packet packet = {
        .interface = mirror->number[view->port] == NO_PORT ? 0 : mirror->number[view->port],
        .len = view->len,
        .captured = view->captured,
        .time_us = view->time_us,
        .id = view->number,
        .octets = view->octets,
        .comment = weir_reason_name(view->reason),
    };

    if (mirror->used + WEIR_PCAPNG_BLOCK_MAX + view->captured > mirror->size && mirror->error == 0)
        turn(mirror);
    if (mirror->error == 0 && !mirror->begun)
        begin(mirror);
    if (mirror->error == 0)
        put(mirror, weir_pcapng_packet(mirror->block, &packet));
    *(mirror->error == 0 ? &mirror->written : &mirror->unwritten) += 1;
}

void weir_mirror_flush(struct weir_mirror *mirror)
{
    if (mirror == NULL || mirror->file == NULL || mirror->error != 0)
        return;
    if (!mirror->begun)
        begin(mirror);
    if (fflush(mirror->file) != 0)
        fail(mirror, errno);
}

uint64_t weir_mirror_written(const struct weir_mirror *mirror)
{
    return mirror == NULL ? 0 : mirror->written;
}

uint64_t weir_mirror_unwritten(const struct weir_mirror *mirror)
{
    return mirror == NULL ? 0 : mirror->unwritten;
}

int weir_mirror_close(struct weir_mirror *mirror)
{
    int error;

    if (mirror == NULL)
        return 0;
    weir_mirror_flush(mirror);
    if (mirror->file != NULL && fclose(mirror->file) != 0 && mirror->error == 0)
        fail(mirror, errno);
    error = mirror->error;
    free(mirror);
    return -error;
}
