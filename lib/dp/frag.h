/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual reassembly: pieces of a datagram are held as they came, until it is whole. Then it is put
 * together in a scratch buffer, read as one packet, and its pieces share what becomes of it and
 * leave unchanged, in order of arrival.
 *
 * A train is such a set of pieces, as one packet of a burst: the mbuf that came last stands for it,
 * and the luggage of each leads to the next, the last one's to the first. packet.pieces counts all
 * but one. It is handed to another worker like any packet, by the mbuf that stands for it.
 *
 * Owner: one worker, but for the trains it hands over.
 */
#ifndef WEIR_DP_FRAG_H
#define WEIR_DP_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "core/fragment.h"
#include "dp/burst.h"

struct weir_frag {
    struct weir_fragments table;
    uint8_t *scratch; /* for one datagram */
    uint64_t now_us;  /* of the newest piece, and */
    uint32_t epoch;   /* its epoch: those of the pieces given up may be over */
    struct rte_mbuf *refused_first, *refused_last;
};

/*
 * Memory near socket for one worker; room is how many mbufs it may hold at a time. Returns 0 or
 * -ENOMEM. weir_frag_drop frees it; what was held has to be taken back before that.
 */
int weir_frag_make(struct weir_frag *frag, uint32_t room, int socket);
void weir_frag_drop(struct weir_frag *frag);

/* Does anything wait: pieces held, or refused ones to be taken? */
static inline bool weir_frag_busy(const struct weir_frag *frag)
{
    return frag->table.count > 0 || frag->refused_first != NULL;
}

/*
 * Take in packet i of the burst, which is of kind FRAGMENT. False: it is held, and its place is
 * free. True: it stands for a train, or was refused, and goes on like any packet.
 */
bool weir_frag_add(struct weir_frag *frag, const struct weir_reader *reader,
                   const struct weir_rules *rules, struct weir_burst *burst, unsigned int i);

/* Fill an empty burst with refused pieces, as many as fit; returns how many. */
unsigned int weir_frag_refused(struct weir_frag *frag, struct weir_burst *burst);

/* Give up what is too old; everything. */
void weir_frag_expire(struct weir_frag *frag, uint64_t now_us);
void weir_frag_flush(struct weir_frag *frag);

static inline struct rte_mbuf *weir_train_next(const struct rte_mbuf *mbuf)
{
    const struct weir_luggage *luggage = rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)mbuf);

    return luggage->next;
}

/* The piece that has the transport header. */
struct rte_mbuf *weir_train_opening(struct rte_mbuf *last);

void weir_train_free(struct rte_mbuf *last);

#endif
