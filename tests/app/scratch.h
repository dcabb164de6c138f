/* SPDX-License-Identifier: BSD-3-Clause */
/* Scratch files, and what a function prints on standard error; for tests of app/weir. */
#ifndef WEIR_TEST_SCRATCH_H
#define WEIR_TEST_SCRATCH_H

#include <stddef.h>

/* A new folder for this process; all in it goes at scratch_remove(). */
void scratch_make(void);
void scratch_remove(void);

/* Path of name in the folder; good until the eighth call from here. */
const char *scratch_path(const char *name);

/* Make a file that holds these octets; returns its path. */
const char *scratch_file(const char *name, const void *data, size_t len);

/* The text of a file, ended by NUL, good until the next call; "" if it is not there. */
const char *scratch_read(const char *path);

/* Catch standard error from here on, and give back what came. */
void scratch_catch(void);
const char *scratch_caught(void);

#endif
