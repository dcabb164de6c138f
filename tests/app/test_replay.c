/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay form: files that are looked at first, and what EAL is started with. */
#include <bsd/string.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "weir/config.h"
#include "weir/replay.h"

TestSuite(replay, .init = scratch_make, .fini = scratch_remove);

static struct weir_settings settings;
static struct weir_options options;
static struct weir_replay replay;

/* A capture of one frame of caplen octets; returns its length. */
static size_t make_capture(const char *name, uint32_t caplen, uint32_t len)
{
    static uint32_t file[6 + 4 + 4096];
    const uint32_t start[] = {0xa1b2c3d4, 4U << 16 | 2, 0, 0, 65535, 1, 1, 0, caplen, len};

    memcpy(file, start, sizeof(start));
    scratch_file(name, file, sizeof(start) + caplen);
    return sizeof(start) + caplen;
}

static int prepare(const char *in, const char *out)
{
    weir_config_defaults(&settings);
    settings.quiet = true;
    options = (struct weir_options){.command = WEIR_COMMAND_REPLAY, .in_file = in, .out_file = out};
    return weir_replay_prepare(&options, &settings, &replay);
}

static const char *find_argument(const char *start)
{
    for (int i = 0; i < replay.argc; i++) {
        if (strncmp(replay.argv[i], start, strlen(start)) == 0)
            return replay.argv[i] + strlen(start);
    }
    return NULL;
}

/* What the device of this argument would open. */
static void expect_opens(const char *start, const char *path)
{
    const char *descriptor = find_argument(start);
    char target[512] = "";

    cr_assert_not_null(descriptor, "%s", start);
    cr_assert_gt(readlink(descriptor, target, sizeof(target) - 1), 0);
    cr_expect_str_eq(target, path);
}

Test(replay, any_file_name_reaches_the_device)
{
    const char *in = scratch_path("a,b=[1] \"c\".pcap");
    const char *out = scratch_path("o,rx_pcap=x");

    make_capture("a,b=[1] \"c\".pcap", 60, 60);
    cr_assert_eq(prepare(in, out), 0);
    expect_opens("--vdev=net_pcap0,rx_pcap=", in);
    expect_opens("--vdev=net_pcap1,tx_pcap=", out);
}

Test(replay, without_out_there_is_one_port)
{
    make_capture("in", 60, 60);
    cr_assert_eq(prepare(scratch_path("in"), NULL), 0);
    cr_expect_null(find_argument("--vdev=net_pcap1"));
    cr_expect_null(replay.argv[replay.argc]);
    cr_expect(settings.exit_at_end);
    cr_expect_not(settings.frames_cut);
}

Test(replay, each_worker_has_an_lcore_beside_the_main_one)
{
    const char *lcores;
    unsigned int commas = 0;

    make_capture("in", 60, 60);
    weir_config_defaults(&settings);
    settings.quiet = true;
    settings.workers = 64;
    options = (struct weir_options){.in_file = scratch_path("in")};
    cr_assert_eq(weir_replay_prepare(&options, &settings, &replay), 0);
    lcores = find_argument("--lcores=");
    cr_assert_not_null(lcores);
    cr_expect_eq(strncmp(lcores, "0@", 2), 0);
    for (const char *at = lcores; (at = strchr(at, ',')) != NULL; at++)
        commas++;
    cr_expect_eq(commas, 64);
    cr_expect(strstr(lcores, ",64@"));
}

Test(replay, a_capture_with_a_snap_length_is_noted)
{
    make_capture("in", 60, 1514);
    scratch_catch();
    cr_assert_eq(prepare(scratch_path("in"), NULL), 0);
    cr_expect(strstr(scratch_caught(), "1 of 1 frames were not captured whole"));
    cr_expect(settings.frames_cut);
}

Test(replay, large_frames_get_more_buffers)
{
    uint32_t usual;

    make_capture("in", 60, 60);
    cr_assert_eq(prepare(scratch_path("in"), NULL), 0);
    usual = settings.mbufs;
    make_capture("in", 16000, 16000); /* nine buffers each */
    weir_config_defaults(&settings);
    settings.burst = 256;
    cr_assert_eq(weir_replay_prepare(&options, &settings, &replay), 0);
    cr_expect_gt(settings.mbufs, usual);
    cr_expect_geq(settings.mbufs, 9 * 256 * 4);
}

Test(replay, frames_too_large_for_a_chain_get_buffers_of_their_size)
{
    make_capture("in", 16129, 16129);
    cr_assert_eq(prepare(scratch_path("in"), NULL), 0);
    cr_expect_eq(settings.frame_max, 16129);
    cr_expect_eq(settings.mbufs, settings.burst * 32 * settings.workers);
}

Test(replay, the_input_is_never_emptied)
{
    size_t len = make_capture("in", 60, 60);
    const char *in = scratch_path("in");
    const char *link = scratch_path("link");

    cr_assert_eq(symlink(in, link), 0);
    scratch_catch();
    cr_expect_eq(prepare(in, link), -EINVAL);
    weir_config_defaults(&settings);
    strlcpy(settings.flow_file, link, sizeof(settings.flow_file));
    options = (struct weir_options){.in_file = in};
    cr_expect_eq(weir_replay_prepare(&options, &settings, &replay), -EINVAL);
    cr_expect(strstr(scratch_caught(), "is the capture to read and --out: expected different"));
    cr_expect_eq(access(in, R_OK), 0);
    cr_expect_eq(weir_capture_check(in, false, &replay.capture), 0);
    cr_expect_eq(replay.capture.bytes + 40, len);
}

Test(replay, an_output_that_cannot_be_written_is_told_before_the_start)
{
    make_capture("in", 60, 60);
    scratch_catch();
    cr_expect_eq(prepare(scratch_path("in"), "/tmp"), -EISDIR);
    cr_expect(strstr(scratch_caught(), "/tmp: cannot be written: Is a directory"));
}

Test(replay, an_output_shorter_than_what_was_sent_is_told)
{
    struct weir_summary summary = {.sent = 1, .sent_bytes = 60};
    const char *out = scratch_path("out");

    make_capture("in", 60, 60);
    cr_assert_eq(prepare(scratch_path("in"), out), 0);
    make_capture("out", 60, 60);
    cr_expect_eq(weir_replay_finish(&replay, &summary), 0);

    cr_assert_eq(prepare(scratch_path("in"), out), 0);
    make_capture("out", 60, 60);
    cr_assert_eq(truncate(out, 99), 0);
    scratch_catch();
    cr_expect_eq(weir_replay_finish(&replay, &summary), -ENOSPC);
    cr_expect(strstr(scratch_caught(), "out: holds 99 of 100 octets: is the disk full?"));
}

Test(replay, a_capture_that_is_cut_fails_after_the_run)
{
    struct weir_summary summary = {.sent = 0};

    make_capture("in", 60, 60);
    cr_assert_eq(truncate(scratch_path("in"), 90), 0);
    cr_assert_eq(prepare(scratch_path("in"), NULL), 0);
    scratch_catch();
    cr_expect_eq(weir_replay_finish(&replay, &summary), -EIO);
    cr_expect(strstr(scratch_caught(), "in: cut short after packet 0 (truncated"));
}
