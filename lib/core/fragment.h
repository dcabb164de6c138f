/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments: which pieces belong together, and when a datagram is whole. The pieces themselves are
 * the caller's, known here as handles; none is changed or copied.
 *
 * A datagram is known by its addresses, zone, identification, and in IPv4 its protocol (RFC
 * 791 3.2, RFC 8200 4.5). Two pieces that overlap, but for an exact repetition, condemn it with all
 * that is still to come (RFC 5722 4); so does whatever else cannot be one. A condemned datagram
 * holds no pieces, but is remembered until its time is over. Where there is no room, the oldest
 * gives way.
 *
 *   add ---> held ---> whole: the caller walks its pieces, then releases it
 *     |        +-----> given up: its pieces wait to be taken back, with a reason
 *     +--------------> refused: the piece was not taken
 *
 * Owner: one worker.
 */
#ifndef WEIR_CORE_FRAGMENT_H
#define WEIR_CORE_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packet.h"
#include "core/reason.h"

#define WEIR_FRAGMENT_USEC      30000000U /* from the first piece; RFC 8200 4.5 has 60 s at most */
#define WEIR_FRAGMENT_DATAGRAMS 1024U
#define WEIR_FRAGMENT_PIECES    4096U
#define WEIR_FRAGMENT_EACH      64U /* pieces of one datagram */
#define WEIR_FRAGMENT_END_MAX   65535U

#define WEIR_FRAGMENT_NONE UINT32_MAX

struct weir_piece {
    void *handle;
    uint32_t next; /* in order of arrival */
    uint16_t offset;
    uint16_t len;
    uint16_t weight; /* how much it counts of the room for pieces */
    uint8_t reason;  /* once given up */
    bool repeated;   /* it brings nothing new */
};

struct weir_datagram {
    uint64_t begun_us;
    struct weir_key6 key; /* of either family; ports 0 */
    uint32_t id;
    uint32_t epoch;
    uint32_t older, newer; /* by age */
    uint32_t next;         /* in its bucket, or free */
    uint32_t first, last;  /* pieces */
    uint32_t bucket;
    uint32_t end;    /* octets of payload in all; 0 until the last piece is there */
    uint32_t high;   /* the furthest that any piece reaches */
    uint32_t octets; /* that are there */
    uint16_t count;  /* pieces */
    uint8_t family;
    uint8_t swapped;
    uint8_t reason; /* why it is condemned; NONE */
};

struct weir_fragments {
    struct weir_datagram *datagram;
    struct weir_piece *piece;
    uint32_t *bucket; /* as many as datagrams, a power of two */
    uint32_t datagrams, pieces;
    uint32_t free_datagram, free_piece;
    uint32_t oldest, newest;
    uint32_t given_first, given_last; /* pieces given up */
    uint32_t room;                    /* weight that may still be taken */
    uint32_t count;                   /* datagrams, condemned ones included */
    /* Do two pieces of the same place and length hold the same? NULL: no. */
    bool (*same)(const void *handle, const void *other);
};

enum weir_fragment_step { WEIR_FRAGMENT_HELD, WEIR_FRAGMENT_WHOLE, WEIR_FRAGMENT_REFUSED };

/* Octets of memory for so many datagrams (a power of two) and pieces. */
size_t weir_fragments_size(uint32_t datagrams, uint32_t pieces);

/* Make an empty table in 8-byte aligned memory; room is the weight it may hold, at most pieces. */
void weir_fragments_init(struct weir_fragments *f, void *memory, uint32_t datagrams,
                         uint32_t pieces, uint32_t room);

/*
 * Add a piece that came at time_us: packet is of kind FRAGMENT, hash the hash of its key. HELD: the
 * handle is kept. WHOLE: it is, and *whole is to be walked and released at once. REFUSED: it is
 * not, for *reason. Whatever the answer, pieces of other datagrams may have been given up.
 */
enum weir_fragment_step weir_fragments_add(struct weir_fragments *f,
                                           const struct weir_packet *packet, uint64_t hash,
                                           uint64_t time_us, void *handle, uint16_t weight,
                                           struct weir_datagram **whole, enum weir_reason *reason);

/* Done with a whole datagram. */
void weir_fragments_release(struct weir_fragments *f, struct weir_datagram *datagram);

/* Give up all pieces of a whole datagram, for a reason; instead of release. */
void weir_fragments_condemn(struct weir_fragments *f, struct weir_datagram *datagram,
                            enum weir_reason reason);

/* Give up what is too old at now_us; then everything. */
void weir_fragments_expire(struct weir_fragments *f, uint64_t now_us);
void weir_fragments_flush(struct weir_fragments *f);

/* Take back a piece that was given up, in order of arrival; NULL when there is none. */
void *weir_fragments_take(struct weir_fragments *f, enum weir_reason *reason);

#endif
