/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: what a pcap or pcapng file holds, found out before anything starts, because net_pcap
 * skips in silence what it cannot read and mistakes any link type for Ethernet.
 */
#ifndef WEIR_APP_CAPTURE_H
#define WEIR_APP_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

struct weir_capture {
    uint64_t packets;
    uint64_t bytes;      /* captured octets */
    uint64_t cut_frames; /* frames of which the file holds less than was on the wire */
    uint64_t first_us;   /* earliest and latest time stamp, microseconds since the epoch */
    uint64_t last_us;
    uint32_t largest_frame; /* captured octets */
    bool cut_short;         /* the file ends, or turns unreadable, after the packets counted */
    char problem[256];      /* with cut_short: what libpcap said */
};

/*
 * Read all of path once. With progress, a line on standard error tells how far it is, if that is a
 * terminal. Returns 0, also for a file that is cut short; -errno after a message on standard error
 * if nothing of it can be replayed: not there, not a regular file, not a capture, not Ethernet.
 */
int weir_capture_check(const char *path, bool progress, struct weir_capture *capture);

#endif
