/* SPDX-License-Identifier: BSD-3-Clause */
#include "scratch.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static int kept_stderr = -1;

void scratch_make(void)
{
    strcpy(folder, "/tmp/weir-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void scratch_remove(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
    static char paths[8][512];
    static unsigned int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

const char *scratch_file(const char *name, const void *data, size_t len)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *scratch_read(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

    text[len] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

void scratch_catch(void)
{
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    cr_assert_geq(kept_stderr, 0);
    cr_assert_not_null(freopen(scratch_path("stderr"), "w", stderr));
}

const char *scratch_caught(void)
{
    fflush(stderr);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    return scratch_read(scratch_path("stderr"));
}
