/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole lines or none, and an error that is told once with what it cost. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "weir/output.h"

static const char line[] = "{\"n\":1234567890,\"port\":0,\"time\":1700000000.123456}\n";

TestSuite(output, .init = scratch_make, .fini = scratch_remove);

static void put_lines(struct weir_output *output, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        memcpy(weir_output_reserve(output, sizeof(line)), line, sizeof(line) - 1);
        weir_output_commit(output, sizeof(line) - 1);
    }
}

static off_t size_of(const char *path)
{
    struct stat status;

    cr_assert_eq(stat(path, &status), 0);
    return status.st_size;
}

Test(output, takes_more_than_its_buffer_and_counts_lines)
{
    const char *path = scratch_path("flows");
    struct weir_output *output = weir_output_open(path, WEIR_OUTPUT_FOREVER);

    put_lines(output, 20000);
    cr_expect_eq(weir_output_lines(output), 20000);
    cr_expect_eq(weir_output_close(output), 0);
    cr_expect_eq(size_of(path), (off_t)(20000 * (sizeof(line) - 1)));
}

Test(output, empties_a_file_that_is_there)
{
    const char *path = scratch_file("flows", "old\n", 4);

    cr_expect_eq(weir_output_close(weir_output_open(path, WEIR_OUTPUT_FOREVER)), 0);
    cr_expect_eq(size_of(path), 0);
}

Test(output, flush_makes_lines_visible_before_the_end)
{
    const char *path = scratch_path("flows");
    struct weir_output *output = weir_output_open(path, WEIR_OUTPUT_FOREVER);

    put_lines(output, 1);
    cr_expect_eq(size_of(path), 0);
    cr_expect_eq(weir_output_flush(output), 0);
    cr_expect_str_eq(scratch_read(path), line);
    cr_expect_eq(weir_output_close(output), 0);
}

Test(output, a_directory_is_refused_by_name)
{
    scratch_catch();
    cr_expect_null(weir_output_open("/tmp", WEIR_OUTPUT_FOREVER));
    cr_expect(strstr(scratch_caught(), "/tmp: cannot be written: Is a directory\n"));
}

Test(output, a_folder_that_is_not_there_is_refused_by_name)
{
    scratch_catch();
    cr_expect_null(weir_output_open(scratch_path("none/flows"), WEIR_OUTPUT_FOREVER));
    cr_expect(strstr(scratch_caught(), "none/flows: cannot be written: No such file"));
}

Test(output, a_full_disk_is_told_with_the_records_it_cost)
{
    struct weir_output *output = weir_output_open("/dev/full", WEIR_OUTPUT_FOREVER);

    put_lines(output, 20000);
    scratch_catch();
    cr_expect_eq(weir_output_close(output), -ENOSPC);
    cr_expect(strstr(scratch_caught(),
                     "/dev/full: No space left on device; 20000 records not written\n"));
}

Test(output, a_file_that_may_grow_no_further_ends_with_a_whole_line)
{
    struct rlimit limit = {.rlim_cur = 300001, .rlim_max = RLIM_INFINITY};
    const char *path = scratch_path("flows");
    struct weir_output *output = weir_output_open(path, WEIR_OUTPUT_FOREVER);
    off_t kept = (off_t)(300001 / (sizeof(line) - 1) * (sizeof(line) - 1));
    char told[128];

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put_lines(output, 20000);
    limit.rlim_cur = RLIM_INFINITY; /* for what is caught of standard error */
    cr_expect_eq(weir_output_flush(output), -EFBIG);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    scratch_catch();
    cr_expect_eq(weir_output_close(output), -EFBIG);
    snprintf(told, sizeof(told), "File too large; %u records not written\n",
             20000 - (unsigned int)(kept / (off_t)(sizeof(line) - 1)));
    cr_expect(strstr(scratch_caught(), told));
    cr_expect_eq(size_of(path), kept);
}

/* Standard output becomes a pipe, whose other end this returns. */
static int pipe_as_stdout(void)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    return ends[0];
}

Test(output, a_reader_that_went_away_is_an_error_not_the_end)
{
    int reader = pipe_as_stdout();
    struct weir_output *output;

    signal(SIGPIPE, SIG_IGN);
    output = weir_output_open("-", WEIR_OUTPUT_FOREVER);
    close(reader);
    put_lines(output, 3);
    scratch_catch();
    cr_expect_eq(weir_output_close(output), -EPIPE);
    cr_expect(strstr(scratch_caught(), "standard output: Broken pipe; 3 records not written\n"));
}

/* Lines until the output has no room, or as many as count. */
static unsigned int put_while_room(struct weir_output *output, unsigned int count)
{
    unsigned int put = 0;

    while (put < count && weir_output_room(output, sizeof(line)) > 0) {
        put_lines(output, 1);
        put++;
    }
    return put;
}

static unsigned int read_lines(int fd)
{
    char text[4096];
    unsigned int lines = 0;
    ssize_t n;

    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while ((n = read(fd, text, sizeof(text))) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += text[i] == '\n';
    return lines;
}

Test(output, a_reader_that_stops_makes_a_patient_output_full, .timeout = 60)
{
    int reader = pipe_as_stdout();
    struct weir_output *output = weir_output_open("-", WEIR_OUTPUT_FOREVER);
    unsigned int put = put_while_room(output, 1000000);
    unsigned int read = 0;

    cr_expect_lt(put, 20000);
    cr_expect_not(weir_output_settled(output));
    read += read_lines(reader);
    cr_expect_gt(read, 0);
    for (int i = 0; i < 20 && !weir_output_settled(output); i++)
        read += read_lines(reader);
    read += read_lines(reader);
    put += put_while_room(output, 1000);
    cr_expect_eq(weir_output_flush(output), 0);
    cr_expect_eq(weir_output_close(output), 0);
    cr_expect_eq(read + read_lines(reader), put);
}

Test(output, one_that_does_not_wait_loses_whole_lines_and_counts_them, .timeout = 60)
{
    int reader = pipe_as_stdout();
    struct weir_output *output = weir_output_open("-", 0);
    unsigned int read = 0;
    char told[128];

    cr_expect_eq(put_while_room(output, 20000), 20000);
    cr_expect_gt(weir_output_lost(output), 10000);
    for (int i = 0; i < 20; i++, weir_output_flush(output))
        read += read_lines(reader);
    cr_expect_eq(read + weir_output_lost(output), 20000);
    snprintf(told, sizeof(told),
             "standard output: its reader took nothing; %u records not written\n", 20000 - read);
    scratch_catch();
    cr_expect_eq(weir_output_close(output), 0);
    cr_expect(strstr(scratch_caught(), told));
}

Test(output, patience_ends_when_it_is_taken_away, .timeout = 60)
{
    int reader = pipe_as_stdout();
    struct weir_output *output = weir_output_open("-", WEIR_OUTPUT_FOREVER);

    put_while_room(output, 1000000);
    cr_expect_not(weir_output_settled(output));
    weir_output_patience(output, 1000);
    usleep(2000);
    cr_expect(weir_output_settled(output));
    scratch_catch();
    cr_expect_eq(weir_output_close(output), 0);
    cr_expect(strstr(scratch_caught(), "its reader took nothing"));
    close(reader);
}

Test(output, a_pipe_without_a_reader_is_not_waited_for_in_traffic)
{
    const char *path = scratch_path("pipe");

    cr_assert_eq(mkfifo(path, 0600), 0);
    scratch_catch();
    cr_expect_null(weir_output_open(path, 0));
    cr_expect(strstr(scratch_caught(), "nobody reads this pipe"));
}

Test(output, a_disk_that_has_room_again_is_written_again, .timeout = 60)
{
    struct rlimit limit = {.rlim_cur = 2 * (sizeof(line) - 1) + 5, .rlim_max = RLIM_INFINITY};
    const char *path = scratch_path("flows");
    struct weir_output *output = weir_output_open(path, 0);

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put_lines(output, 3);
    cr_expect_eq(weir_output_flush(output), -EFBIG);
    put_lines(output, 1);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (weir_output_flush(output) < 0)
        usleep(10000);
    put_lines(output, 1);
    cr_expect_eq(weir_output_flush(output), 0);
    cr_expect_eq(weir_output_lost(output), 2);
    cr_expect_eq(size_of(path), (off_t)(3 * (sizeof(line) - 1)));
    weir_output_close(output);
}

Test(output, closing_nothing_is_no_error)
{
    cr_expect_eq(weir_output_close(NULL), 0);
}
