/* SPDX-License-Identifier: BSD-3-Clause */
/* What is found out about a capture before it is replayed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "scratch.h"
#include "weir/capture.h"

#define MICRO    0xa1b2c3d4U
#define NANO     0xa1b23c4dU
#define ETHERNET 1U
#define COOKED   113U

TestSuite(capture, .init = scratch_make, .fini = scratch_remove);

/* A file being put together; all in this machine's byte order, which both formats allow. */
static uint8_t file[4096];
static size_t file_len;

static void put(const void *data, size_t len)
{
    cr_assert_leq(file_len + len, sizeof(file));
    memcpy(file + file_len, data, len);
    file_len += len;
}

static void put_words(const uint32_t *words, size_t count)
{
    put(words, count * sizeof(*words));
}

static void put_pcap_header(uint32_t magic, uint32_t link_type)
{
    file_len = 0;
    put_words((const uint32_t[]){magic, 4U << 16 | 2, 0, 0, 65535, link_type}, 6);
}

static void put_pcap_packet(uint32_t sec, uint32_t fraction, uint32_t caplen, uint32_t len)
{
    static const uint8_t zeros[2048];

    put_words((const uint32_t[]){sec, fraction, caplen, len}, 4);
    put(zeros, caplen);
}

static void put_ng_interface(uint32_t link_type)
{
    put_words((const uint32_t[]){1, 20, link_type, 65535, 20}, 5);
}

static void put_ng_packet(uint32_t interface)
{
    static const uint32_t zeros[16];

    put_words((const uint32_t[]){6, 96, interface, 0x60a24, 0x181d1e40, 64, 64}, 7);
    put_words(zeros, 16);
    put_words((const uint32_t[]){96}, 1);
}

static void put_ng_section(void)
{
    file_len = 0;
    put_words((const uint32_t[]){0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28}, 7);
}

static int check(struct weir_capture *capture)
{
    return weir_capture_check(scratch_file("in", file, file_len), false, capture);
}

static void expect_refused(const char *path, int error, const char *message)
{
    struct weir_capture capture;
    const char *told;
    int result;

    scratch_catch();
    result = weir_capture_check(path, false, &capture);
    told = scratch_caught();
    cr_expect_eq(result, -error, "%s: %d", path, result);
    cr_expect(strstr(told, path) && strstr(told, message), "%s", told);
}

Test(capture, counts_packets_octets_and_time)
{
    struct weir_capture capture;

    put_pcap_header(MICRO, ETHERNET);
    put_pcap_packet(1000, 999999, 60, 60);
    put_pcap_packet(999, 5, 1514, 1514);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.packets, 2);
    cr_expect_eq(capture.bytes, 1574);
    cr_expect_eq(capture.largest_frame, 1514);
    cr_expect_eq(capture.first_us, 999000005);
    cr_expect_eq(capture.last_us, 1000999999);
    cr_expect_eq(capture.cut_frames, 0);
    cr_expect_not(capture.cut_short);
}

Test(capture, nanoseconds_are_truncated_as_net_pcap_does)
{
    struct weir_capture capture;

    put_pcap_header(NANO, ETHERNET);
    put_pcap_packet(1, 999999999, 60, 60);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.first_us, 1999999);
}

Test(capture, frames_cut_by_a_snap_length_are_counted)
{
    struct weir_capture capture;

    put_pcap_header(MICRO, ETHERNET);
    put_pcap_packet(1, 0, 60, 60);
    put_pcap_packet(1, 1, 96, 1514);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.cut_frames, 1);
}

Test(capture, a_file_without_packets_is_a_capture)
{
    struct weir_capture capture;

    put_pcap_header(MICRO, ETHERNET);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.packets, 0);
    cr_expect_not(capture.cut_short);
}

/* Whatever octet a file is cut at: all packets before it count, and the cut is known. */
Test(capture, a_cut_file_counts_up_to_the_cut)
{
    struct weir_capture capture;

    put_pcap_header(MICRO, ETHERNET);
    put_pcap_packet(1, 0, 60, 60);
    put_pcap_packet(2, 0, 60, 60);
    for (size_t len = 24 + 76 + 1; len < 24 + 2 * 76; len++) {
        file_len = len;
        cr_assert_eq(check(&capture), 0);
        cr_assert_eq(capture.packets, 1);
        cr_assert(capture.cut_short, "cut at %zu", len);
        cr_assert(strstr(capture.problem, "truncated"), "%s", capture.problem);
    }
}

Test(capture, a_packet_of_impossible_length_ends_the_readable_part)
{
    struct weir_capture capture;

    put_pcap_header(MICRO, ETHERNET);
    put_pcap_packet(1, 0, 60, 60);
    put_words((const uint32_t[]){2, 0, UINT32_MAX, UINT32_MAX, 0}, 5);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.packets, 1);
    cr_expect(capture.cut_short);
}

Test(capture, pcapng_is_read)
{
    struct weir_capture capture;

    put_ng_section();
    put_ng_interface(ETHERNET);
    put_ng_packet(0);
    put_ng_packet(0);
    cr_assert_eq(check(&capture), 0);
    cr_expect_eq(capture.packets, 2);
    cr_expect_eq(capture.first_us, 0x60a24181d1e40);
}

Test(capture, pcapng_of_two_link_types_is_refused_with_its_place)
{
    put_ng_section();
    put_ng_interface(ETHERNET);
    put_ng_packet(0);
    put_ng_interface(COOKED);
    put_ng_packet(1);
    expect_refused(scratch_file("in", file, file_len), EPROTONOSUPPORT,
                   "after packet 1: an interface has a type 113 different from");
}

Test(capture, another_link_type_is_refused_by_name)
{
    put_pcap_header(MICRO, COOKED);
    put_pcap_packet(1, 0, 60, 60);
    expect_refused(scratch_file("in", file, file_len), EPROTONOSUPPORT,
                   "has link type LINUX_SLL (Linux cooked v1), expected Ethernet");
}

Test(capture, a_link_type_without_a_name_is_refused_by_number)
{
    put_pcap_header(MICRO, 299 + 1000);
    expect_refused(scratch_file("in", file, file_len), EPROTONOSUPPORT, "has link type 1299");
}

Test(capture, what_is_no_capture_is_refused)
{
    expect_refused(scratch_path("none"), ENOENT, "No such file or directory");
    expect_refused("/tmp", EISDIR, "is a directory");
    expect_refused("/dev/null", EBADMSG, "is not a regular file");
    expect_refused(scratch_file("empty", "", 0), EBADMSG, "is empty");
    expect_refused(scratch_file("text", "no capture at all, but a text", 29), EBADMSG,
                   "is not a pcap or pcapng file: unknown file format");
    expect_refused(scratch_file("short", "\xd4\xc3\xb2\xa1\2\0", 6), EBADMSG,
                   "is not a pcap or pcapng file: truncated");
}

Test(capture, a_packed_file_is_refused_with_the_remedy)
{
    expect_refused(scratch_file("in.gz", "\x1f\x8b\x08\0\0\0\0\0\0", 9), EBADMSG,
                   "is packed with gzip: unpack it first (gunzip)");
    expect_refused(scratch_file("in.zst", "\x28\xb5\x2f\xfd\0\0\0\0\0", 9), EBADMSG, "(unzstd)");
}
