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
    struct weir_output *output = weir_output_open(path);

    put_lines(output, 20000);
    cr_expect_eq(weir_output_lines(output), 20000);
    cr_expect_eq(weir_output_close(output), 0);
    cr_expect_eq(size_of(path), (off_t)(20000 * (sizeof(line) - 1)));
}

Test(output, empties_a_file_that_is_there)
{
    const char *path = scratch_file("flows", "old\n", 4);

    cr_expect_eq(weir_output_close(weir_output_open(path)), 0);
    cr_expect_eq(size_of(path), 0);
}

Test(output, flush_makes_lines_visible_before_the_end)
{
    const char *path = scratch_path("flows");
    struct weir_output *output = weir_output_open(path);

    put_lines(output, 1);
    cr_expect_eq(size_of(path), 0);
    cr_expect_eq(weir_output_flush(output), 0);
    cr_expect_str_eq(scratch_read(path), line);
    cr_expect_eq(weir_output_close(output), 0);
}

Test(output, a_directory_is_refused_by_name)
{
    scratch_catch();
    cr_expect_null(weir_output_open("/tmp"));
    cr_expect(strstr(scratch_caught(), "/tmp: cannot be written: Is a directory\n"));
}

Test(output, a_folder_that_is_not_there_is_refused_by_name)
{
    scratch_catch();
    cr_expect_null(weir_output_open(scratch_path("none/flows")));
    cr_expect(strstr(scratch_caught(), "none/flows: cannot be written: No such file"));
}

Test(output, a_full_disk_is_told_with_the_records_it_cost)
{
    struct weir_output *output = weir_output_open("/dev/full");

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
    struct weir_output *output = weir_output_open(path);
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

Test(output, a_reader_that_went_away_is_an_error_not_the_end)
{
    int ends[2];
    struct weir_output *output;

    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    output = weir_output_open("-");
    close(ends[0]);
    put_lines(output, 3);
    scratch_catch();
    cr_expect_eq(weir_output_close(output), -EPIPE);
    cr_expect(strstr(scratch_caught(), "standard output: Broken pipe; 3 records not written\n"));
}

Test(output, closing_nothing_is_no_error)
{
    cr_expect_eq(weir_output_close(NULL), 0);
}
