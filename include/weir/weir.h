/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libweir: connection tracking of Ethernet frames, without DPDK, without threads, without I/O.
 *
 * Give it frames with the time at which they passed; it says of each whether it belongs, and why
 * not, and of each connection in which RFC 9293 state both its ends are.
 *
 *     weir_setup_default(&setup);            getrandom(setup.secret, sizeof(setup.secret), 0);
 *     memory = aligned_alloc(64, weir_size(&setup));
 *     weir = weir_make(&setup, memory);
 *     for each burst of frames:
 *         done = weir_track(weir, frame, count, verdict);      again from frame + done, if fewer
 *         while (weir_ended(weir, &flow, 1) == 1) ...
 *     weir_close(weir, ...) and weir_ended until nothing is left
 *
 * Memory is the caller's, one block; nothing is allocated, and nothing need be freed but the block.
 * About 96 octets for an IPv4 flow, 160 for an IPv6 flow, and 600 KiB.
 *
 * A struct weir is used by one thread at a time. Several are independent of each other, as long as
 * both directions of a connection go to the same one; the first weir_make of a process must not
 * run at the same time as another.
 *
 * Names (verdict.reason and so on) are text that never goes away. Times are microseconds since the
 * epoch. Pairs of values are of originator and responder, in this order.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

#define WEIR_SECRET_SIZE  80
#define WEIR_MEMORY_ALIGN 64
#define WEIR_FLOWS_MIN    1U
#define WEIR_FLOWS_MAX    (1U << 28)

struct weir;

/* How to track; constant once made. */
struct weir_setup {
    uint32_t flows4;       /* IPv4 flows at a time, WEIR_FLOWS_MIN to _MAX; default 65536 */
    uint32_t flows6;       /* IPv6 flows, likewise; default 16384 */
    bool strict;           /* refuse TCP whose opening was not seen; default: adopt it */
    bool ignore_checksums; /* as for captures taken on the sending host; default: verify */
    bool cut;          /* frames may be cut by a snap length; default: that is a mistake in them */
    bool ignore_vlans; /* same addresses in different VLANs are one flow; default: are several */
    bool rfc_timeouts; /* of RFC 5382, 7857, 4787, 5508; default: shorter ones for practice */
    uint8_t secret[WEIR_SECRET_SIZE]; /* of the hash: random, lest others choose collisions */
};

/* One Ethernet frame. */
struct weir_frame {
    const uint8_t *data; /* without FCS; only read, and only during the call */
    uint32_t len;        /* octets at data */
    uint64_t time_us;    /* when it passed */
};

/* What is said of one frame. */
struct weir_answer {
    bool refused;         /* no endpoint can have sent it as things stand: an inline box drops it */
    uint8_t resp;         /* 1: sent by the responder, 0: by the originator; with a flow */
    const char *reason;   /* "seq-above", ..., as in docs/reasons.md; NULL for a plain packet */
    const char *text;     /* the reason explained, with its RFC section; NULL likewise */
    const char *class_of; /* "new", "established", "related", "invalid", "untracked" */
    uint64_t flow;        /* id of its flow; 0: it has none */
    const char *state[2]; /* "ESTABLISHED", ..., after it; NULL without a flow and where not TCP */
};

/* One connection. */
struct weir_connection {
    uint64_t id;               /* unique in a run, never 0; depends on key and start alone */
    uint64_t start_us, end_us; /* first and last packet */
    uint64_t packets[2];
    uint64_t bytes[2];      /* IP octets, headers included */
    uint64_t refused[2];    /* packets that were refused; not among the above */
    uint8_t address[2][16]; /* network order; IPv4 in the first four octets */
    uint16_t port[2];       /* host order */
    int vlan[2];            /* outermost first; -1: no tag */
    uint8_t family;         /* 4 or 6 */
    uint8_t proto;          /* IP protocol number */
    const char *state[2];   /* RFC 9293 names; NULL where not TCP */
    const char *end;        /* "fin", "rst", "timeout", "evicted"; "active": it has not ended */
    const char *reason;     /* why the last refused packet was; NULL: none was */
    char history[16];       /* Zeek's letters, upper case from the originator */
};

/* Fill in defaults, and a secret of zeros. */
WEIR_API void weir_setup_default(struct weir_setup *setup);

/* Octets of memory that weir_make wants; 0 if a number of flows is out of bounds. */
WEIR_API size_t weir_size(const struct weir_setup *setup);

/*
 * Make an empty tracker in memory: weir_size(setup) octets, aligned to WEIR_MEMORY_ALIGN, whatever
 * they hold. setup is copied. Returns NULL if a number of flows is out of bounds or memory is NULL
 * or not aligned.
 */
WEIR_API struct weir *weir_make(const struct weir_setup *setup, void *memory);

/*
 * Track count frames in order. Returns how many were: fewer than count where the call would take
 * too long or more flows have ended than can be held; weir_ended, then go on with the next. answer
 * has room for count and may be NULL. In bursts of 32 and more memory is read ahead, so that frames
 * of many flows cost less than one by one.
 */
WEIR_API unsigned int weir_track(struct weir *weir, const struct weir_frame *frame,
                                 unsigned int count, struct weir_answer *answer);

/*
 * Give back the memory of flows whose time is over at now_us: looks at no more than looks records
 * of each family, going on where it left off. To be called now and then; what it has not got to yet
 * is ended as soon as a packet meets it, so that nothing is ever taken for longer-lived than it is.
 */
WEIR_API void weir_sweep(struct weir *weir, uint64_t now_us, unsigned int looks);

/* Take up to room ended flows. Returns how many; fewer than room: no more for now. */
WEIR_API unsigned int weir_ended(struct weir *weir, struct weir_connection *connection,
                                 unsigned int room);

/*
 * List flows: up to room from *cursor on, which begins at 0 and is moved. Returns how many, 0: that
 * was all. Frames may be tracked between two calls; a flow that lives through the listing is in it
 * exactly once.
 */
WEIR_API unsigned int weir_list(const struct weir *weir, uint64_t *cursor,
                                struct weir_connection *connection, unsigned int room);

/*
 * End all flows as of now_us, as "timeout" if their time is over, else as "active". Returns whether
 * flows are left: weir_ended, then call again.
 */
WEIR_API bool weir_close(struct weir *weir, uint64_t now_us);

/* Flows there are now. */
WEIR_API uint64_t weir_count(const struct weir *weir);

#ifdef __cplusplus
}
#endif

#endif
