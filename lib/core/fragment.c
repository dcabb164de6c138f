/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/fragment.h"

#include <string.h>

#define NONE WEIR_FRAGMENT_NONE

size_t weir_fragments_size(uint32_t datagrams, uint32_t pieces)
{
    return datagrams * (sizeof(struct weir_datagram) + sizeof(uint32_t)) +
           pieces * sizeof(struct weir_piece);
}

void weir_fragments_init(struct weir_fragments *f, void *memory, uint32_t datagrams,
                         uint32_t pieces, uint32_t room)
{
    uint8_t *at = memory;

    memset(f, 0, sizeof(*f));
    memset(memory, 0, weir_fragments_size(datagrams, pieces));
    f->datagram = memory;
    at += datagrams * sizeof(struct weir_datagram);
    f->piece = (struct weir_piece *)(void *)at;
    at += pieces * sizeof(struct weir_piece);
    f->bucket = (uint32_t *)(void *)at;
    f->datagrams = datagrams;
    f->pieces = pieces;
    f->room = room;
    f->oldest = f->newest = f->given_first = f->given_last = NONE;
    for (uint32_t i = 0; i < datagrams; i++) {
        f->datagram[i].next = i + 1 < datagrams ? i + 1 : NONE;
        f->bucket[i] = NONE;
    }
    for (uint32_t i = 0; i < pieces; i++)
        f->piece[i].next = i + 1 < pieces ? i + 1 : NONE;
}

static void key_of(const struct weir_packet *packet, struct weir_key6 *key)
{
    memset(key, 0, sizeof(*key));
    if (packet->family == 6)
        *key = packet->key6;
    else
        memcpy(key, &packet->key4, sizeof(packet->key4));
}

static uint32_t bucket_of(const struct weir_fragments *f, uint64_t hash, uint32_t id)
{
    return (uint32_t)((hash >> 32 ^ hash ^ id * 0x9e3779b1U) & (f->datagrams - 1));
}

static struct weir_datagram *find(struct weir_fragments *f, const struct weir_packet *packet,
                                  uint32_t bucket)
{
    struct weir_key6 key;

    key_of(packet, &key);
    for (uint32_t i = f->bucket[bucket]; i != NONE; i = f->datagram[i].next) {
        struct weir_datagram *d = &f->datagram[i];

        if (d->id == packet->fragment.id && d->family == packet->family &&
            d->swapped == packet->swapped && memcmp(&d->key, &key, sizeof(key)) == 0)
            return d;
    }
    return NULL;
}

static uint32_t number_of(const struct weir_fragments *f, const struct weir_datagram *d)
{
    return (uint32_t)(d - f->datagram);
}

static void pieces_free(struct weir_fragments *f, struct weir_datagram *d)
{
    while (d->first != NONE) {
        struct weir_piece *piece = &f->piece[d->first];
        uint32_t next = piece->next;

        f->room += piece->weight;
        piece->next = f->free_piece;
        f->free_piece = d->first;
        d->first = next;
    }
    d->last = NONE;
    d->count = 0;
}

/* Pieces given up keep their place until they are taken back, but no longer count as held. */
static void pieces_give_up(struct weir_fragments *f, struct weir_datagram *d,
                           enum weir_reason reason)
{
    if (d->first == NONE)
        return;
    for (uint32_t i = d->first; i != NONE; i = f->piece[i].next) {
        f->piece[i].reason = (uint8_t)reason;
        f->room += f->piece[i].weight;
    }
    if (f->given_last == NONE)
        f->given_first = d->first;
    else
        f->piece[f->given_last].next = d->first;
    f->given_last = d->last;
    d->first = d->last = NONE;
    d->count = 0;
}

static void forget(struct weir_fragments *f, struct weir_datagram *d)
{
    uint32_t number = number_of(f, d);
    uint32_t *link = &f->bucket[d->bucket];

    while (*link != number)
        link = &f->datagram[*link].next;
    *link = d->next;
    *(d->older == NONE ? &f->oldest : &f->datagram[d->older].newer) = d->newer;
    *(d->newer == NONE ? &f->newest : &f->datagram[d->newer].older) = d->older;
    d->next = f->free_datagram;
    f->free_datagram = number;
    f->count--;
}

static void give_up(struct weir_fragments *f, struct weir_datagram *d, enum weir_reason reason)
{
    pieces_give_up(f, d, reason);
    forget(f, d);
}

void weir_fragments_release(struct weir_fragments *f, struct weir_datagram *datagram)
{
    pieces_free(f, datagram);
    forget(f, datagram);
}

void weir_fragments_condemn(struct weir_fragments *f, struct weir_datagram *datagram,
                            enum weir_reason reason)
{
    pieces_give_up(f, datagram, reason);
    datagram->reason = (uint8_t)reason;
}

static struct weir_datagram *begin(struct weir_fragments *f, const struct weir_packet *packet,
                                   uint32_t bucket, uint64_t time_us)
{
    uint32_t number;
    struct weir_datagram *d;

    if (f->free_datagram == NONE)
        give_up(f, &f->datagram[f->oldest], WEIR_REASON_FRAG_LIMIT);
    number = f->free_datagram;
    d = &f->datagram[number];
    f->free_datagram = d->next;
    *d = (struct weir_datagram){
        .begun_us = time_us,
        .id = packet->fragment.id,
        .epoch = packet->epoch,
        .older = f->newest,
        .newer = NONE,
        .next = f->bucket[bucket],
        .first = NONE,
        .last = NONE,
        .bucket = bucket,
        .family = packet->family,
        .swapped = packet->swapped,
    };
    key_of(packet, &d->key);
    *(f->newest == NONE ? &f->oldest : &f->datagram[f->newest].newer) = number;
    f->newest = number;
    f->bucket[bucket] = number;
    f->count++;
    return d;
}

static bool too_old(const struct weir_datagram *d, uint64_t now_us, uint32_t epoch)
{
    return d->epoch != epoch || (now_us > d->begun_us && now_us - d->begun_us > WEIR_FRAGMENT_USEC);
}

/*
 * What the piece itself and the datagram so far say against it. All but the last are a multiple of
 * eight octets long (RFC 791 3.2, RFC 8200 4.5), and none reaches beyond the last one's end.
 */
static enum weir_reason check_lengths(const struct weir_datagram *d,
                                      const struct weir_fragment_facts *facts)
{
    uint32_t end = facts->offset + facts->len;

    if (facts->tiny)
        return WEIR_REASON_FRAG_TINY;
    if (facts->len == 0 || facts->len > WEIR_FRAGMENT_END_MAX || end > WEIR_FRAGMENT_END_MAX ||
        (facts->more && facts->len % 8 != 0))
        return WEIR_REASON_FRAG_LENGTH;
    if (d->end != 0 && (facts->more ? end > d->end : end != d->end))
        return WEIR_REASON_FRAG_LENGTH;
    if (!facts->more && end < d->high)
        return WEIR_REASON_FRAG_LENGTH;
    return WEIR_REASON_NONE;
}

/*
 * Does it overlap with another piece? An exact repetition, which networks make, does not count
 * (RFC 8200 4.5).
 */
static enum weir_reason check_overlap(const struct weir_fragments *f, const struct weir_datagram *d,
                                      const struct weir_fragment_facts *facts, const void *handle,
                                      bool *repeated)
{
    *repeated = false;
    for (uint32_t i = d->first; i != NONE; i = f->piece[i].next) {
        const struct weir_piece *piece = &f->piece[i];

        if (facts->offset >= (uint32_t)piece->offset + piece->len ||
            piece->offset >= facts->offset + facts->len)
            continue;
        if (piece->offset != facts->offset || piece->len != facts->len || f->same == NULL ||
            !f->same(piece->handle, handle))
            return WEIR_REASON_FRAG_OVERLAP;
        *repeated = true;
    }
    return WEIR_REASON_NONE;
}

static bool room_make(struct weir_fragments *f, const struct weir_datagram *d, uint16_t weight)
{
    while (f->room < weight || f->free_piece == NONE) {
        if (f->oldest == number_of(f, d) || f->free_piece == NONE)
            return false;
        give_up(f, &f->datagram[f->oldest], WEIR_REASON_FRAG_LIMIT);
    }
    return true;
}

static void append(struct weir_fragments *f, struct weir_datagram *d,
                   const struct weir_fragment_facts *facts, void *handle, uint16_t weight,
                   bool repeated)
{
    uint32_t number = f->free_piece;
    struct weir_piece *piece = &f->piece[number];

    f->free_piece = piece->next;
    f->room -= weight;
    *piece = (struct weir_piece){.handle = handle,
                                 .next = NONE,
                                 .offset = (uint16_t)facts->offset,
                                 .len = (uint16_t)facts->len,
                                 .weight = weight,
                                 .repeated = repeated};
    *(d->last == NONE ? &d->first : &f->piece[d->last].next) = number;
    d->last = number;
    d->count++;
    d->octets += repeated ? 0 : facts->len;
    d->high = facts->offset + facts->len > d->high ? facts->offset + facts->len : d->high;
    if (!facts->more)
        d->end = facts->offset + facts->len;
}

static enum weir_reason take_in(struct weir_fragments *f, struct weir_datagram *d,
                                const struct weir_packet *packet, void *handle, uint16_t weight)
{
    const struct weir_fragment_facts *facts = &packet->fragment;
    enum weir_reason reason = (enum weir_reason)d->reason;
    bool repeated;

    if (reason == WEIR_REASON_NONE)
        reason = check_lengths(d, facts);
    if (reason == WEIR_REASON_NONE)
        reason = check_overlap(f, d, facts, handle, &repeated);
    if (reason == WEIR_REASON_NONE && (d->count == WEIR_FRAGMENT_EACH || !room_make(f, d, weight)))
        reason = WEIR_REASON_FRAG_LIMIT;
    if (reason == WEIR_REASON_NONE)
        append(f, d, facts, handle, weight, repeated);
    return reason;
}

enum weir_fragment_step weir_fragments_add(struct weir_fragments *f,
                                           const struct weir_packet *packet, uint64_t hash,
                                           uint64_t time_us, void *handle, uint16_t weight,
                                           struct weir_datagram **whole, enum weir_reason *reason)
{
    uint32_t bucket = bucket_of(f, hash, packet->fragment.id);
    struct weir_datagram *d;

    while (f->oldest != NONE && too_old(&f->datagram[f->oldest], time_us, packet->epoch))
        give_up(f, &f->datagram[f->oldest], WEIR_REASON_FRAG_TIMEOUT);
    d = find(f, packet, bucket);
    if (d != NULL && too_old(d, time_us, packet->epoch)) {
        give_up(f, d, WEIR_REASON_FRAG_TIMEOUT);
        d = NULL;
    }
    if (d == NULL)
        d = begin(f, packet, bucket, time_us);
    *reason = take_in(f, d, packet, handle, weight);
    if (*reason != WEIR_REASON_NONE) {
        weir_fragments_condemn(f, d, *reason);
        return WEIR_FRAGMENT_REFUSED;
    }
    if (d->end == 0 || d->octets != d->end)
        return WEIR_FRAGMENT_HELD;
    *whole = d;
    return WEIR_FRAGMENT_WHOLE;
}

void weir_fragments_expire(struct weir_fragments *f, uint64_t now_us)
{
    while (f->oldest != NONE &&
           too_old(&f->datagram[f->oldest], now_us, f->datagram[f->oldest].epoch))
        give_up(f, &f->datagram[f->oldest], WEIR_REASON_FRAG_TIMEOUT);
}

void weir_fragments_flush(struct weir_fragments *f)
{
    while (f->oldest != NONE)
        give_up(f, &f->datagram[f->oldest], WEIR_REASON_FRAG_TIMEOUT);
}

void *weir_fragments_take(struct weir_fragments *f, enum weir_reason *reason)
{
    uint32_t number = f->given_first;
    struct weir_piece *piece;

    if (number == NONE)
        return NULL;
    piece = &f->piece[number];
    f->given_first = piece->next;
    if (f->given_first == NONE)
        f->given_last = NONE;
    piece->next = f->free_piece;
    f->free_piece = number;
    *reason = (enum weir_reason)piece->reason;
    return piece->handle;
}
