/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output: a file, pipe or standard output that takes whole lines, buffered.
 *
 * The first error sticks: lines after it are counted and thrown away, and closing reports it with
 * the number of lines that are missing. A regular file never ends in half a line: what a full disk
 * cut is taken off again. Used by one thread.
 */
#ifndef WEIR_APP_OUTPUT_H
#define WEIR_APP_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

struct weir_output;

/*
 * Open path for writing, emptied; "-" is standard output. Returns NULL after a message on standard
 * error. The path is copied.
 */
struct weir_output *weir_output_open(const char *path);

/* Room for a line of up to len octets (at most 4096); never NULL. Fill it, then call commit. */
char *weir_output_reserve(struct weir_output *output, size_t len);

/* The line in the reserved room is len octets long, its newline included. */
void weir_output_commit(struct weir_output *output, size_t len);

/* Hand what is buffered to the system. Returns 0 or the negative errno that sticks. */
int weir_output_flush(struct weir_output *output);

/*
 * Go on at the end of path, anew or created: for log rotation, once the file has been moved away.
 * What is buffered still goes to the old one. Returns 0, or a negative errno; lines then go on to
 * where they went. Standard output stays what it is.
 */
int weir_output_reopen(struct weir_output *output, const char *path);

/* The negative errno that sticks, or 0. */
int weir_output_error(const struct weir_output *output);

/* Lines taken so far, lost ones included. */
uint64_t weir_output_lines(const struct weir_output *output);

/*
 * Flush, close and free. Returns 0, or the negative errno that sticks after a message on standard
 * error that names the file and the number of records that are missing. NULL is no error.
 */
int weir_output_close(struct weir_output *output);

#endif
