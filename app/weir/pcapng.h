/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The blocks of a pcapng capture, as far as packets with a comment need them
 * (draft-ietf-opsawg-pcapng): a section header, interfaces, enhanced packets. In this machine's
 * byte order, times in microseconds. No I/O.
 */
#ifndef WEIR_APP_PCAPNG_H
#define WEIR_APP_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_PCAPNG_TEXT_MAX 128U /* octets of a name or comment */

/* Room for any block, but for the octets of a packet. */
#define WEIR_PCAPNG_BLOCK_MAX 256U

struct weir_pcapng_packet {
    uint32_t interface; /* number of its block in the file, from 0 */
    uint32_t len;       /* octets on the wire, and */
    uint32_t captured;  /* those of them that are there */
    uint64_t time_us;
    uint64_t id; /* its number, for the reader to find it again */
    const uint8_t *octets;
    const char *comment;
};

/* Each writes one block and returns its length, which is a multiple of 4. */
size_t weir_pcapng_section(uint8_t *to, const char *program);
size_t weir_pcapng_interface(uint8_t *to, const char *name, uint32_t snap_len);
size_t weir_pcapng_packet(uint8_t *to, const struct weir_pcapng_packet *packet);

#endif
