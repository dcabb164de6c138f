/* SPDX-License-Identifier: BSD-3-Clause */
/* Replay: a capture through net_pcap without a word about EAL; see replay.h. */
#include "weir/replay.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/table.h"
#include "weir/config.h"

enum {
    MBUF_DATA = 1920,   /* octets of a frame in one mbuf of the usual size, on the safe side */
    MBUF_MEMORY = 2560, /* octets one takes, headers and its share of the pool included */
    MBUF_CHAIN = 16128, /* octets of a frame that net_pcap writes whole from several mbufs */
    MBUF_MOST = 65407,  /* octets of a frame that one mbuf can hold */
    MBUF_HEAD = 1024,   /* what a mbuf takes beside the octets of a frame, at the most */
    BURSTS_KEPT = 32,   /* bursts that can be under way: port, worker, steering ring, output */
    PCAP_FILE_HEADER = 24,
    PCAP_PACKET_HEADER = 16,
};

static const uint64_t mebi = 1U << 20;

struct named {
    const char *what, *path;
};

/* An output that is the input would be emptied before it is read. */
static int check_same_file(const struct named *a, const struct named *b)
{
    struct stat one, two;

    if (a->path == NULL || b->path == NULL || stat(a->path, &one) < 0 || stat(b->path, &two) < 0)
        return 0;
    if (!S_ISREG(one.st_mode) || one.st_dev != two.st_dev || one.st_ino != two.st_ino)
        return 0;
    warnx("%s: is %s and %s: expected different files", a->path, a->what, b->what);
    return -EINVAL;
}

static int check_files(const struct weir_options *options, const struct weir_settings *settings)
{
    const struct named files[] = {
        {"the capture to read", options->in_file},
        {"--out", options->out_file},
        {"the file for flow records", settings->flow_file},
        {"the file for the trace", settings->trace_file},
        {"the capture of refused packets", settings->mirror_file},
    };
    unsigned int count = sizeof(files) / sizeof(files[0]);

    for (unsigned int i = 0; i < count; i++) {
        for (unsigned int j = i + 1; j < count; j++) {
            int error = check_same_file(&files[i], &files[j]);

            if (error < 0)
                return error;
        }
    }
    return 0;
}

/*
 * Device arguments know no quoting: a comma, "=" or bracket in a file name would be read as their
 * own. So the files are opened here and named by descriptor.
 */
static int open_files(struct weir_replay *replay)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC;

    replay->in_fd = open(replay->in_file, O_RDONLY);
    if (replay->in_fd < 0) {
        int error = errno;

        warnx("%s: %s", replay->in_file, strerror(error));
        return -error;
    }
    if (replay->out_file == NULL)
        return 0;
    replay->out_fd = open(replay->out_file, flags, 0666);
    if (replay->out_fd < 0) {
        int error = errno;

        warnx("%s: cannot be written: %s", replay->out_file, strerror(error));
        return -error;
    }
    return 0;
}

static void adapt_settings(const struct weir_capture *capture, struct weir_settings *settings)
{
    bool whole = capture->largest_frame > MBUF_CHAIN; /* then each frame has a large mbuf */
    uint64_t segments = whole ? 1 : capture->largest_frame / MBUF_DATA + 1;
    uint64_t mbufs = segments * settings->burst * BURSTS_KEPT * settings->workers;

    settings->frame_max = capture->largest_frame;
    settings->frames_cut = capture->cut_frames > 0;
    settings->exit_at_end = true;
    settings->pair_count = 0; /* the file's ports are not here */
    if (mbufs > 1U << 24)
        mbufs = 1U << 24;
    if (settings->mbufs < mbufs || whole)
        settings->mbufs = (uint32_t)mbufs;
    /* Flows fall on workers by hash: in the worst case all on one. */
    weir_config_finish(settings, (capture->packets + 1) * settings->workers);
}

/* Memory is taken by EAL as address space and used page by page, so ask for plenty. */
static uint64_t memory_mib(const struct weir_settings *settings, unsigned int ports)
{
    uint64_t share4 = settings->flows / settings->workers + 1;
    uint64_t share6 = settings->flows6 / settings->workers + 1;
    uint64_t tables = weir_table_size((uint32_t)share4, 4) + weir_table_size((uint32_t)share6, 6);
    uint64_t flows = settings->flows + (uint64_t)settings->flows6;
    uint64_t mbuf =
        settings->frame_max > MBUF_CHAIN ? settings->frame_max + MBUF_HEAD : MBUF_MEMORY;
    uint64_t buffers = (uint64_t)ports * settings->mbufs * mbuf;

    /* Beside the tables: annexes, rings, pieces of datagrams, and the heap's own losses. */
    return (tables * settings->workers + flows * 64 + buffers) / mebi * 5 / 4 +
           32ULL * settings->workers + 256;
}

__attribute__((format(printf, 2, 3))) static void add(struct weir_replay *replay,
                                                      const char *format, ...)
{
    char *text = replay->text[replay->argc];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, WEIR_REPLAY_ARG_SIZE, format, arguments);
    va_end(arguments);
    replay->argv[replay->argc++] = text;
    replay->argv[replay->argc] = NULL;
}

/* Main on the first processor that we may use, workers on the others in turn: they may share. */
static void add_lcores(struct weir_replay *replay, unsigned int workers)
{
    int cpus[CPU_SETSIZE] = {0};
    unsigned int count = 0;
    char text[WEIR_REPLAY_ARG_SIZE];
    cpu_set_t set;
    size_t at;

    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set))
            cpus[count++] = cpu;
    }
    count = count == 0 ? 1 : count;
    at = (size_t)snprintf(text, sizeof(text), "0@%d", cpus[0]);
    for (unsigned int i = 1; i <= workers && at < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, ",%u@%d", i, cpus[i % count]);
    add(replay, "--lcores=%s", text);
}

static void make_arguments(struct weir_replay *replay, const struct weir_settings *settings)
{
    unsigned int ports = replay->out_fd < 0 ? 1 : 2;

    add(replay, "weir");
    add(replay, "--no-huge");
    add(replay, "--no-shconf");
    add(replay, "--no-telemetry");
    add(replay, "--no-pci");
    add(replay, "--file-prefix=weir-replay");
    add(replay, "--log-level=*:error");
    add(replay, "-m");
    add(replay, "%" PRIu64, memory_mib(settings, ports));
    add_lcores(replay, settings->workers);
    add(replay, "--vdev=net_pcap0,rx_pcap=/proc/self/fd/%d", replay->in_fd);
    if (replay->out_fd >= 0)
        add(replay, "--vdev=net_pcap1,tx_pcap=/proc/self/fd/%d", replay->out_fd);
}

static void close_files(struct weir_replay *replay)
{
    if (replay->in_fd >= 0)
        close(replay->in_fd);
    if (replay->out_fd >= 0)
        close(replay->out_fd);
    replay->in_fd = replay->out_fd = -1;
}

static void notices(const struct weir_replay *replay)
{
    const struct weir_capture *capture = &replay->capture;

    if (capture->cut_frames > 0)
        warnx("%s: %" PRIu64 " of %" PRIu64 " frames were not captured whole; payload that is "
              "missing is not checked",
              replay->in_file, capture->cut_frames, capture->packets);
    if (capture->packets == 0 && !capture->cut_short)
        warnx("%s: holds no packets", replay->in_file);
}

int weir_replay_prepare(const struct weir_options *options, struct weir_settings *settings,
                        struct weir_replay *replay)
{
    int error = check_files(options, settings);

    memset(replay, 0, sizeof(*replay));
    replay->in_fd = replay->out_fd = -1;
    replay->in_file = options->in_file;
    replay->out_file = options->out_file;
    if (error < 0)
        return error;
    error = weir_capture_check(options->in_file, !settings->quiet, &replay->capture);
    if (error < 0)
        return error;
    notices(replay);
    error = open_files(replay);
    if (error < 0) {
        close_files(replay);
        return error;
    }
    adapt_settings(&replay->capture, settings);
    make_arguments(replay, settings);
    return 0;
}

/* net_pcap does not look at what writing gave; the length of the file tells. */
static int check_out(const struct weir_replay *replay, const struct weir_summary *summary)
{
    uint64_t wanted = PCAP_FILE_HEADER + summary->sent * PCAP_PACKET_HEADER + summary->sent_bytes;
    struct stat status;

    if (replay->out_fd >= 0 && summary->lost_tx > 0) {
        warnx("%s: %" PRIu64 " frames are missing: over %d octets, which is the most that one "
              "packet buffer holds",
              replay->out_file, summary->lost_tx, MBUF_MOST);
        return -EMSGSIZE;
    }
    if (replay->out_fd < 0 || fstat(replay->out_fd, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    if ((uint64_t)status.st_size >= wanted)
        return 0;
    warnx("%s: holds %jd of %" PRIu64 " octets: is the disk full?", replay->out_file,
          (intmax_t)status.st_size, wanted);
    return -ENOSPC;
}

int weir_replay_finish(struct weir_replay *replay, const struct weir_summary *summary)
{
    int error = check_out(replay, summary);

    close_files(replay);
    if (error == 0 && replay->capture.cut_short) {
        warnx("%s: cut short after packet %" PRIu64 " (%s); what is there has been replayed",
              replay->in_file, replay->capture.packets, replay->capture.problem);
        error = -EIO;
    }
    return error;
}
