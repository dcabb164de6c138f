/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYNs that have passed on a pair in use and moved no state: a challenge case (RFC 5961 4.2), or
 * one of the connection before, come late. Should the receiver have taken one after all, then the
 * record is of a connection that is over: a RST of it has counted for its receiver and not for the
 * record. Both ends go on from numbers that the record knows nothing of, but which can be told:
 * what answers the SYN acknowledges exactly its number plus one, and what follows it begins there.
 * Whoever guesses cannot.
 *
 * A place for each by its hash; a later one takes it. Under a flood of such SYNs notes are lost,
 * and what they are for is refused.
 *
 * Owner: the worker that owns the tracker.
 */
#ifndef WEIR_CORE_SYN_NOTES_H
#define WEIR_CORE_SYN_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_SYN_NOTES     256U
#define WEIR_SYN_NOTES_SEC 120U /* MSL, RFC 9293 3.4.2: then nothing of it is on its way */

struct weir_syn_note {
    uint32_t tag; /* of pair, sender and number */
    uint32_t time_sec;
    bool answered; /* the other end has acknowledged it */
    bool used;
};

struct weir_syn_notes {
    struct weir_syn_note note[WEIR_SYN_NOTES];
};

/* The place and tag of a SYN: hash is the keyed one of its pair, sender which end of the key. */
static inline struct weir_syn_note *weir_syn_note_place(struct weir_syn_notes *notes, uint64_t hash,
                                                        unsigned int sender, uint32_t number,
                                                        uint32_t *tag)
{
    uint64_t mixed = (hash + ((uint64_t)number << 1 | sender)) * UINT64_C(0x9e3779b97f4a7c15);

    *tag = (uint32_t)(mixed >> 24);
    return &notes->note[mixed >> 56];
}

/* The note of this SYN, or NULL if there is none of the last WEIR_SYN_NOTES_SEC seconds. */
static inline struct weir_syn_note *weir_syn_note_find(struct weir_syn_notes *notes, uint64_t hash,
                                                       unsigned int sender, uint32_t number,
                                                       uint32_t now_sec)
{
    uint32_t tag;
    struct weir_syn_note *note = weir_syn_note_place(notes, hash, sender, number, &tag);

    return note->used && note->tag == tag && now_sec - note->time_sec <= WEIR_SYN_NOTES_SEC ? note
                                                                                            : NULL;
}

/* Note a SYN; if it has been noted, it is as new, and answered if it was. */
static inline void weir_syn_note_make(struct weir_syn_notes *notes, uint64_t hash,
                                      unsigned int sender, uint32_t number, uint32_t now_sec)
{
    const struct weir_syn_note *known = weir_syn_note_find(notes, hash, sender, number, now_sec);
    bool answered = known != NULL && known->answered;
    uint32_t tag;
    struct weir_syn_note *note = weir_syn_note_place(notes, hash, sender, number, &tag);

    *note = (struct weir_syn_note){tag, now_sec, answered, true};
}

#endif
