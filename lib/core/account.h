/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting of one flow: packets and octets per direction, refusals, and the history letters.
 * The tally in the hot line counts up to 63 packets and 64 KiB; what is above goes to the cold part
 * in whole units, and once that is full to an annex. Nothing is rounded away.
 */
#ifndef WEIR_CORE_ACCOUNT_H
#define WEIR_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/annex.h"
#include "core/flow.h"
#include "core/view.h"

#define WEIR_SPILL_PACKETS 64U
#define WEIR_SPILL_BYTES   65536U

/* History letters after Zeek's conn.log: upper case from the originator. */
enum weir_letter {
    WEIR_LETTER_NONE,
    WEIR_LETTER_SYN,
    WEIR_LETTER_SYN_ACK,
    WEIR_LETTER_ACK,
    WEIR_LETTER_DATA,
    WEIR_LETTER_FIN,
    WEIR_LETTER_RST,
    WEIR_LETTERS
};

/* Move what the tally of dir cannot hold; packets and bytes are what it should hold. */
void weir_account_spill(struct weir_flow *flow, struct weir_flow_cold *cold,
                        struct weir_annex *annex, unsigned int dir, uint32_t packets,
                        uint32_t bytes);

/*
 * Count one packet of so many IP octets. The tally is one word, octets lowest, then packets, then
 * flags (test_account.c sees to it): one addition counts both, and the uppermost bit of either
 * field says that it wants to be spilled.
 */
static inline void weir_account_packet(struct weir_flow *flow, struct weir_flow_cold *cold,
                                       struct weir_annex *annex, unsigned int dir, uint32_t bytes)
{
    const uint32_t packet = 1U << 17;
    const uint32_t full = WEIR_SPILL_BYTES | WEIR_SPILL_PACKETS << 17;
    struct weir_peer *peer = &flow->peer[dir];
    uint8_t *tally = (uint8_t *)peer + offsetof(struct weir_peer, ts) + sizeof(peer->ts);
    uint32_t word;

    memcpy(&word, tally, sizeof(word));
    if (__builtin_expect(((word + bytes + packet) & full) || bytes >= WEIR_SPILL_BYTES, 0)) {
        weir_account_spill(flow, cold, annex, dir, peer->packets + 1U, peer->bytes + bytes);
        return;
    }
    word += bytes + packet;
    memcpy(tally, &word, sizeof(word));
}

/* Count a packet that came in 1 + more pieces, of so many IP octets together. */
static inline void weir_account_pieces(struct weir_flow *flow, struct weir_flow_cold *cold,
                                       struct weir_annex *annex, unsigned int dir, uint32_t more,
                                       uint32_t bytes)
{
    if (__builtin_expect(more == 0, 1))
        weir_account_packet(flow, cold, annex, dir, bytes);
    else
        weir_account_spill(flow, cold, annex, dir, flow->peer[dir].packets + 1U + more,
                           flow->peer[dir].bytes + bytes);
}

/* Count one refused packet and keep its reason. Returns false if the count found no room. */
bool weir_account_refused(struct weir_flow *flow, struct weir_flow_cold *cold,
                          struct weir_annex *annex, unsigned int dir, uint8_t reason);

/* Add up all that the flow has counted; entry is its annex, NULL if it has none. */
void weir_account_total(const struct weir_flow *flow, const struct weir_flow_cold *cold,
                        const struct weir_annex_entry *entry, struct weir_totals *totals);

/* Give the flow's annex back, if it has one. */
void weir_account_release(struct weir_flow *flow, struct weir_flow_cold *cold,
                          struct weir_annex *annex);

/* Add a letter to the history, unless it is there. */
void weir_history_add(struct weir_flow_cold *cold, unsigned int dir, enum weir_letter letter);

/* Write the history as text; room for WEIR_HISTORY_MAX letters and the terminating zero. */
void weir_history_text(const struct weir_flow_cold *cold, char text[WEIR_HISTORY_MAX + 1]);

#endif
