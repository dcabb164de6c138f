/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Refused packets, mirrored into a pcapng file with the reason as comment. Workers copy the first
 * octets of a refused packet into a ring, as often as the rate lets them, and never wait for it but
 * in a replay; the control core writes.
 *
 * The file is bounded: at half the size it becomes FILE.1, the one before it is dropped, and a new
 * one begins, so the newest packets are there. It is a regular file.
 *
 * Owner: the control core, but for struct weir_mirror_view, which goes through a ring by value.
 */
#ifndef WEIR_APP_MIRROR_H
#define WEIR_APP_MIRROR_H

#include <stdint.h>

#include "weir/settings.h"

#define WEIR_MIRROR_SNAP 1988U /* octets of a packet that are kept */

struct weir_mirror_view {
    uint64_t time_us;
    uint64_t number; /* on its port, from 0 */
    uint32_t len;    /* octets of the frame, and */
    uint16_t captured;
    uint8_t port;
    uint8_t reason;
    uint8_t octets[WEIR_MIRROR_SNAP];
};

_Static_assert(sizeof(struct weir_mirror_view) % 4 == 0, "elements of a ring");

struct weir_mirror;

/* Begin to write path, which may take size octets. Returns NULL after a message. */
struct weir_mirror *weir_mirror_open(const char *path, uint64_t size);

/* An interface of the file, by the number of its port; before the first packet. */
void weir_mirror_port(struct weir_mirror *mirror, unsigned int port, const char *name);

/* Write a packet; an error is counted, and told once. */
void weir_mirror_write(struct weir_mirror *mirror, const struct weir_mirror_view *view);

/* Hand what is buffered to the system. NULL is no error, here and below. */
void weir_mirror_flush(struct weir_mirror *mirror);

/* Packets written, and those that could not be. */
uint64_t weir_mirror_written(const struct weir_mirror *mirror);
uint64_t weir_mirror_unwritten(const struct weir_mirror *mirror);

/* Returns 0, or a negative errno where packets are missing. */
int weir_mirror_close(struct weir_mirror *mirror);

#endif
