/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures: one pass over a pcap or pcapng file before it is replayed; see capture.h. */
#include "weir/capture.h"

#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRESS_PACKETS = 1 << 20 };

static const uint8_t gzip_magic[] = {0x1f, 0x8b};
static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
static const uint8_t xz_magic[] = {0xfd, '7', 'z', 'X', 'Z'};

static const struct {
    const uint8_t *magic;
    size_t len;
    const char *name, *program;
} packers[] = {
    {gzip_magic, sizeof(gzip_magic), "gzip", "gunzip"},
    {zstd_magic, sizeof(zstd_magic), "zstd", "unzstd"},
    {xz_magic, sizeof(xz_magic), "xz", "unxz"},
};

static int refuse(const char *path, int error, const char *why)
{
    warnx("%s: %s", path, why);
    return -error;
}

/* libpcap's "unknown file format" is no help to somebody who forgot to unpack the file. */
static int check_packed(const char *path, const uint8_t *start, size_t len)
{
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        if (len >= packers[i].len && memcmp(start, packers[i].magic, packers[i].len) == 0) {
            warnx("%s: is packed with %s: unpack it first (%s)", path, packers[i].name,
                  packers[i].program);
            return -EBADMSG;
        }
    }
    return 0;
}

static int open_file(const char *path, int *fd)
{
    struct stat status;
    uint8_t start[8];
    ssize_t len;

    if (stat(path, &status) < 0)
        return refuse(path, errno, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return refuse(path, EISDIR, "is a directory, expected a pcap or pcapng file");
    if (!S_ISREG(status.st_mode)) /* it is read twice: now, and by net_pcap */
        return refuse(path, EBADMSG, "is not a regular file, expected a pcap or pcapng file");
    if (status.st_size == 0)
        return refuse(path, EBADMSG, "is empty, expected a pcap or pcapng file");
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return refuse(path, errno, strerror(errno));
    len = pread(*fd, start, sizeof(start), 0);
    return len < 0 ? refuse(path, errno, strerror(errno)) : check_packed(path, start, (size_t)len);
}

static int open_capture(const char *path, pcap_t **pcap)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    FILE *file;
    int fd = -1;
    int result = open_file(path, &fd);

    if (result < 0) {
        if (fd >= 0)
            close(fd);
        return result;
    }
    file = fdopen(fd, "rb");
    if (file == NULL) {
        close(fd);
        return refuse(path, ENOMEM, strerror(ENOMEM));
    }
    *pcap = pcap_fopen_offline(file, error);
    if (*pcap == NULL) {
        fclose(file);
        warnx("%s: is not a pcap or pcapng file: %s", path, error);
        return -EBADMSG;
    }
    return 0;
}

static int check_link_type(const char *path, pcap_t *pcap)
{
    int type = pcap_datalink(pcap);
    const char *name = pcap_datalink_val_to_name(type);
    const char *text = pcap_datalink_val_to_description(type);

    if (type == DLT_EN10MB)
        return 0;
    if (name == NULL || text == NULL)
        warnx("%s: has link type %d, expected Ethernet", path, type);
    else
        warnx("%s: has link type %s (%s), expected Ethernet", path, name, text);
    return -EPROTONOSUPPORT;
}

static void count_packet(struct weir_capture *capture, const struct pcap_pkthdr *header)
{
    uint64_t time_us = (uint64_t)header->ts.tv_sec * 1000000U + (uint64_t)header->ts.tv_usec;

    if (capture->packets == 0 || time_us < capture->first_us)
        capture->first_us = time_us;
    if (time_us > capture->last_us)
        capture->last_us = time_us;
    if (header->caplen > capture->largest_frame)
        capture->largest_frame = header->caplen;
    capture->cut_frames += header->caplen < header->len;
    capture->bytes += header->caplen;
    capture->packets++;
}

static void tell_progress(pcap_t *pcap, const struct weir_capture *capture, off_t size)
{
    off_t at = ftello(pcap_file(pcap));

    fprintf(stderr, "\rreading: %" PRIu64 " packets, %3.0f %%", capture->packets,
            size > 0 ? 100.0 * (double)at / (double)size : 0.0);
}

static int read_all(pcap_t *pcap, bool progress, struct weir_capture *capture)
{
    const unsigned char *data;
    struct pcap_pkthdr *header;
    struct stat status = {.st_size = 0};
    bool told = false;
    int result;

    progress = progress && isatty(STDERR_FILENO) && fstat(fileno(pcap_file(pcap)), &status) == 0;
    while ((result = pcap_next_ex(pcap, &header, &data)) == 1) {
        count_packet(capture, header);
        if (progress && capture->packets % PROGRESS_PACKETS == 0) {
            tell_progress(pcap, capture, status.st_size);
            told = true;
        }
    }
    if (told)
        fprintf(stderr, "\r\033[K");
    return result;
}

int weir_capture_check(const char *path, bool progress, struct weir_capture *capture)
{
    pcap_t *pcap;
    int result;

    memset(capture, 0, sizeof(*capture));
    result = open_capture(path, &pcap);
    if (result < 0)
        return result;
    result = check_link_type(path, pcap);
    if (result == 0 && read_all(pcap, progress, capture) == PCAP_ERROR) {
        capture->cut_short = true;
        strlcpy(capture->problem, pcap_geterr(pcap), sizeof(capture->problem));
        /* A second interface of another link type: what follows is whole, but cannot be replayed.
         */
        if (strstr(capture->problem, "different from the") != NULL) {
            warnx("%s: after packet %" PRIu64 ": %s; split it by interface first", path,
                  capture->packets, capture->problem);
            result = -EPROTONOSUPPORT;
        }
    }
    pcap_close(pcap);
    return result;
}
