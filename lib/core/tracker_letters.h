/* SPDX-License-Identifier: BSD-3-Clause */
/* What a TCP segment adds to its flow's history, and when that is entered; for tracker*.c only. */
#ifndef WEIR_CORE_TRACKER_LETTERS_H
#define WEIR_CORE_TRACKER_LETTERS_H

#include "core/account.h"
#include "core/tracker_in.h"

/* The letters that a segment stands for, a bit each by enum weir_letter: most stand for one. */
static inline uint8_t weir_letters_of(const struct weir_segment *seg)
{
    const unsigned int flags = seg->flags;
    unsigned int syn = (flags & WEIR_TCP_SYN) != 0;
    unsigned int other = syn << ((flags & WEIR_TCP_ACK) ? WEIR_LETTER_SYN_ACK : WEIR_LETTER_SYN) |
                         (unsigned int)(seg->len > 0) << WEIR_LETTER_DATA |
                         (unsigned int)((flags & WEIR_TCP_FIN) != 0) << WEIR_LETTER_FIN |
                         (unsigned int)((flags & WEIR_TCP_RST) != 0) << WEIR_LETTER_RST;

    return (uint8_t)(other | (unsigned int)(other == 0) << WEIR_LETTER_ACK);
}

static inline void weir_letters_add(struct weir_flow_cold *cold, unsigned int dir,
                                    unsigned int letters)
{
    for (; letters != 0; letters &= letters - 1)
        weir_history_add(cold, dir, (enum weir_letter)__builtin_ctz(letters));
}

/*
 * If wanted, the cold part is fetched, and the segment's letters are entered when it is there.
 * Without a branch: whether a segment adds any is a coin toss.
 */
static inline void weir_letters_note(struct weir_tracker *tracker, const struct weir_place *at,
                                     unsigned int dir, const struct weir_segment *seg, bool wanted)
{
    struct weir_letters *letters = &tracker->letters[tracker->letter_count];

    __builtin_prefetch(wanted ? (const void *)at->cold->history : (const void *)letters, 1);
    *letters = (struct weir_letters){
        .record = at->record,
        .six = at->table == &tracker->table[1],
        .dir = (uint8_t)dir,
        .letters = weir_letters_of(seg),
    };
    tracker->letter_count += wanted;
}

#endif
