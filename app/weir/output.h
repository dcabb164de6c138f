/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output: a file, pipe or standard output that takes whole lines, buffered. Used by one thread.
 *
 * No call waits for the reader of a pipe or terminal, except close, for a bounded time. What the
 * reader does not take stays in the buffer. Once that is full, a patient output has no room, and
 * whoever has more lines is to wait until it has; one that is not takes lines on, throws them away
 * and counts them.
 *
 * The first error sticks: lines after it are counted and thrown away, and closing reports it with
 * the number of lines that are missing. A regular file never ends in half a line: what a full disk
 * cut is taken off again.
 */
#ifndef WEIR_APP_OUTPUT_H
#define WEIR_APP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_OUTPUT_LINE_MAX 4096U

#define WEIR_OUTPUT_FOREVER UINT64_MAX

struct weir_output;

/*
 * Open path for writing, emptied; "-" is standard output. A reader that takes nothing for
 * patience_us is waited for no longer; WEIR_OUTPUT_FOREVER: always; then opening a named pipe waits
 * for its reader too, where otherwise one that has none is an error. Returns NULL after a message
 * on standard error. The path is copied.
 */
struct weir_output *weir_output_open(const char *path, uint64_t patience_us);

/* Change that; counted from now on. NULL is no error. */
void weir_output_patience(struct weir_output *output, uint64_t patience_us);

/*
 * How many lines of up to len octets may be taken now; at least 1 where losing them is better than
 * waiting. Hands on what is buffered if that makes room.
 */
unsigned int weir_output_room(struct weir_output *output, size_t len);

/* Room for a line of up to len octets (WEIR_OUTPUT_LINE_MAX); never NULL. Fill it, then call
 * commit. */
char *weir_output_reserve(struct weir_output *output, size_t len);

/* The line in the reserved room is len octets long, its newline included. */
void weir_output_commit(struct weir_output *output, size_t len);

/* Hand what is buffered to the system, as far as it takes it. Returns 0 or the negative errno that
 * sticks. */
int weir_output_flush(struct weir_output *output);

/* The same; is there nothing left that is worth waiting for? NULL has nothing. */
bool weir_output_settled(struct weir_output *output);

/*
 * Go on at the end of path, anew or created: for log rotation, once the file has been moved away.
 * What is buffered still goes to the old one, as far as it takes it at once. An error sticks no
 * longer. Returns 0, or a negative errno; lines then go on to where they went. Standard output
 * stays what it is.
 */
int weir_output_reopen(struct weir_output *output, const char *path);

/* The negative errno that sticks, or 0. */
int weir_output_error(const struct weir_output *output);

/* Lines taken so far, lost ones included, and those lost. */
uint64_t weir_output_lines(const struct weir_output *output);
uint64_t weir_output_lost(const struct weir_output *output);

/* Has the reader taken so little that lines are being lost? */
bool weir_output_stuck(const struct weir_output *output);

/*
 * Flush, close and free. Returns 0, or the negative errno that sticks; tells on standard error what
 * file is short of how many records. NULL is no error.
 */
int weir_output_close(struct weir_output *output);

#endif
