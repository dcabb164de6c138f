/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/account.h"

/* Before the octet that counts refusals is full, an annex takes over. */
#define REFUSED_MAX UINT8_MAX

static bool has_annex(const struct weir_flow *flow)
{
    return flow->peer[WEIR_ORIG].flags & WEIR_PEER_EXTRA;
}

/* Give the flow an annex and move there what its cold part has counted. */
static bool annex_open(struct weir_flow *flow, struct weir_flow_cold *cold,
                       struct weir_annex *annex, uint32_t reserve)
{
    uint32_t number = weir_annex_take(annex, reserve);
    struct weir_annex_entry *entry;

    if (number == WEIR_ANNEX_NONE)
        return false;
    entry = &annex->entry[number];
    for (unsigned int dir = 0; dir < 2; dir++) {
        entry->packets[dir] = (uint64_t)cold->spilled[dir] * WEIR_SPILL_PACKETS;
        entry->bytes[dir] = (uint64_t)cold->spilled[2 + dir] * WEIR_SPILL_BYTES;
        entry->refused[dir] = cold->refused[dir];
    }
    cold->annex = number;
    flow->peer[WEIR_ORIG].flags |= WEIR_PEER_EXTRA;
    return true;
}

void weir_account_spill(struct weir_flow *flow, struct weir_flow_cold *cold,
                        struct weir_annex *annex, unsigned int dir, uint32_t packets,
                        uint32_t bytes)
{
    struct weir_peer *peer = &flow->peer[dir];
    uint32_t packet_units = packets / WEIR_SPILL_PACKETS;
    uint32_t byte_units = bytes / WEIR_SPILL_BYTES;

    if (!has_annex(flow) && (cold->spilled[dir] + packet_units > UINT16_MAX ||
                             cold->spilled[2 + dir] + byte_units > UINT16_MAX))
        annex_open(flow, cold, annex, 0);
    if (has_annex(flow)) {
        struct weir_annex_entry *entry = &annex->entry[cold->annex];

        entry->packets[dir] += (uint64_t)packet_units * WEIR_SPILL_PACKETS;
        entry->bytes[dir] += (uint64_t)byte_units * WEIR_SPILL_BYTES;
    } else { /* with no annex to be had the count stands still at its largest */
        uint32_t p = cold->spilled[dir] + packet_units;
        uint32_t b = cold->spilled[2 + dir] + byte_units;

        cold->spilled[dir] = (uint16_t)(p > UINT16_MAX ? UINT16_MAX : p);
        cold->spilled[2 + dir] = (uint16_t)(b > UINT16_MAX ? UINT16_MAX : b);
    }
    peer->packets = packets & (WEIR_SPILL_PACKETS - 1);
    peer->bytes = bytes & (WEIR_SPILL_BYTES - 1);
}

bool weir_account_refused(struct weir_flow *flow, struct weir_flow_cold *cold,
                          struct weir_annex *annex, unsigned int dir, uint8_t reason)
{
    cold->reason = reason;
    if (!has_annex(flow) && cold->refused[dir] == REFUSED_MAX &&
        !annex_open(flow, cold, annex, annex->count / 8))
        return false;
    if (has_annex(flow))
        annex->entry[cold->annex].refused[dir]++;
    else
        cold->refused[dir]++;
    return true;
}

void weir_account_total(const struct weir_flow *flow, const struct weir_flow_cold *cold,
                        const struct weir_annex_entry *entry, struct weir_totals *totals)
{
    for (unsigned int dir = 0; dir < 2; dir++) {
        const struct weir_peer *peer = &flow->peer[dir];

        if (entry != NULL) {
            totals->packets[dir] = entry->packets[dir] + peer->packets;
            totals->bytes[dir] = entry->bytes[dir] + peer->bytes;
            totals->refused[dir] = entry->refused[dir];
            continue;
        }
        totals->packets[dir] = (uint64_t)cold->spilled[dir] * WEIR_SPILL_PACKETS + peer->packets;
        totals->bytes[dir] = (uint64_t)cold->spilled[2 + dir] * WEIR_SPILL_BYTES + peer->bytes;
        totals->refused[dir] = cold->refused[dir];
    }
}

void weir_account_release(struct weir_flow *flow, struct weir_flow_cold *cold,
                          struct weir_annex *annex)
{
    if (!has_annex(flow))
        return;
    weir_annex_give(annex, cold->annex);
    cold->annex = 0;
    flow->peer[WEIR_ORIG].flags &= (uint8_t)~WEIR_PEER_EXTRA;
}

/* The history is read and written as the word that it begins, in one piece each time. */
#define HISTORY_MASK (UINT64_MAX >> (64 - 4 * WEIR_HISTORY_MAX))

static_assert(offsetof(struct weir_flow_cold, history) + sizeof(uint64_t) <=
                  sizeof(struct weir_flow_cold),
              "the word is all in the cold part");

static uint64_t history_word(const struct weir_flow_cold *cold)
{
    uint64_t word;

    memcpy(&word, (const uint8_t *)cold + offsetof(struct weir_flow_cold, history), sizeof(word));
    return word;
}

/* The history as one number, the first letter lowest. */
static uint64_t history_load(const struct weir_flow_cold *cold)
{
    return history_word(cold) & HISTORY_MASK;
}

/*
 * Without a branch on what it holds: it has the letter where a nibble of the difference is 0 (A. C.
 * J. Mycroft's test, exact for whether there is one), and ends above its highest bit.
 */
void weir_history_add(struct weir_flow_cold *cold, unsigned int dir, enum weir_letter letter)
{
    const uint64_t ones = UINT64_C(0x1111111111111111) & HISTORY_MASK;
    uint64_t code = letter + dir * (WEIR_LETTERS - 1);
    uint64_t word = history_word(cold);
    uint64_t history = word & HISTORY_MASK;
    uint64_t differs = history ^ code * ones;
    bool there = ((differs - ones) & ~differs & ones << 3) != 0;
    unsigned int end = history == 0 ? 0 : (67U - (unsigned int)__builtin_clzll(history)) & ~3U;

    if (there || end == 4 * WEIR_HISTORY_MAX)
        return;
    word |= code << end;
    memcpy((uint8_t *)cold + offsetof(struct weir_flow_cold, history), &word, sizeof(word));
}

void weir_history_text(const struct weir_flow_cold *cold, char text[WEIR_HISTORY_MAX + 1])
{
    static const char letters[] = "?SHADFRshadfr";
    uint64_t history = history_load(cold);
    unsigned int i = 0;

    for (; history != 0; history >>= 4, i++)
        text[i] = letters[(history & 0xfU) < sizeof(letters) - 1 ? history & 0xfU : 0];
    text[i] = '\0';
}
