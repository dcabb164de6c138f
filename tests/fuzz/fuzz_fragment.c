/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes the table of fragments: one input is a stream of pieces, of a few datagrams in a table
 * that is smaller still. What must hold: every piece comes back exactly once, a datagram is whole
 * only if its pieces cover it without overlap, and nothing is kept at the end.
 *
 * Input: RECORD octets a piece: ways and time, offset, length, what it is.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/fragment.h"

#define DATAGRAMS  4U
#define PIECES     24U
#define INPUTS_MAX 512U
#define RECORD     6U
#define START_US   UINT64_C(1700000000000000)

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct handle {
    struct weir_packet packet;
    uint16_t weight;
    bool held;
};

static struct handle handles[INPUTS_MAX];
static struct weir_fragments table;
static uint32_t held;

static bool same_payload(const void *a, const void *b)
{
    const struct handle *x = a;
    const struct handle *y = b;

    MUST(x->packet.fragment.offset == y->packet.fragment.offset &&
         x->packet.fragment.len == y->packet.fragment.len);
    return x->packet.fragment.more == y->packet.fragment.more;
}

static void come_back(struct handle *handle)
{
    MUST(handle->held);
    handle->held = false;
    held--;
}

static void take_given_up(void)
{
    enum weir_reason reason;
    struct handle *handle;

    while ((handle = weir_fragments_take(&table, &reason)) != NULL) {
        MUST(reason > WEIR_REASON_NONE && reason < WEIR_REASON_COUNT);
        come_back(handle);
    }
}

/* One octet of the datagram in one piece, and each piece in its place. */
static void check_whole(const struct weir_datagram *datagram)
{
    static uint8_t covered[WEIR_FRAGMENT_END_MAX + 1];
    uint32_t octets = 0;
    uint32_t count = 0;

    MUST(datagram->end > 0 && datagram->end <= WEIR_FRAGMENT_END_MAX);
    memset(covered, 0, datagram->end);
    for (uint32_t i = datagram->first; i != WEIR_FRAGMENT_NONE; i = table.piece[i].next) {
        const struct weir_piece *piece = &table.piece[i];
        const struct handle *handle = piece->handle;

        MUST(handle->held && handle->packet.fragment.id == datagram->id);
        MUST(piece->offset == handle->packet.fragment.offset);
        MUST(piece->len == handle->packet.fragment.len);
        MUST((uint32_t)piece->offset + piece->len <= datagram->end);
        for (uint32_t at = piece->offset; at < (uint32_t)piece->offset + piece->len; at++) {
            MUST(covered[at] == piece->repeated);
            covered[at] = 1;
        }
        octets += piece->repeated ? 0 : piece->len;
        count++;
    }
    MUST(octets == datagram->end && count == datagram->count);
}

static void finish_whole(struct weir_datagram *datagram, bool condemn)
{
    check_whole(datagram);
    if (condemn) {
        weir_fragments_condemn(&table, datagram, WEIR_REASON_IP6_EXTENSION);
        return;
    }
    for (uint32_t i = datagram->first; i != WEIR_FRAGMENT_NONE; i = table.piece[i].next)
        come_back(table.piece[i].handle);
    weir_fragments_release(&table, datagram);
}

static void fill(struct handle *handle, const uint8_t *in)
{
    struct weir_packet *packet = &handle->packet;

    memset(handle, 0, sizeof(*handle));
    packet->kind = WEIR_KIND_FRAGMENT;
    packet->family = in[0] & 8U ? 6 : 4;
    packet->swapped = in[0] >> 2 & 1U;
    packet->epoch = in[4] >> 7;
    packet->fragment = (struct weir_fragment_facts){
        .id = (in[0] & 3U) | (in[5] & 4U),
        .offset = (uint32_t)in[1] * 8U << (in[5] & 1U ? 5U : 0U),
        .len = (uint32_t)in[2] * (in[5] & 2U ? 8U : 1U),
        .more = in[3] & 1U,
        .tiny = in[3] >> 1 & 1U,
    };
    if (packet->family == 6)
        packet->key6.addr[1][15] = 1;
    else
        packet->key4.addr[1] = 1;
    handle->weight = (uint16_t)(1U + (in[4] & 3U));
}

static void add(struct handle *handle, const uint8_t *in, uint64_t now_us)
{
    struct weir_datagram *whole = NULL;
    enum weir_reason reason = WEIR_REASON_NONE;
    enum weir_fragment_step step;

    handle->held = true; /* it may be given up at once */
    held++;
    step = weir_fragments_add(&table, &handle->packet, (uint64_t)handle->packet.family << 32,
                              now_us, handle, handle->weight, &whole, &reason);
    if (step == WEIR_FRAGMENT_REFUSED) {
        MUST(reason != WEIR_REASON_NONE);
        come_back(handle);
    } else if (step == WEIR_FRAGMENT_WHOLE) {
        finish_whole(whole, in[3] & 4U);
    }
    take_given_up();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *memory;
    uint64_t now_us = START_US;
    size_t count = size / RECORD;

    if (memory == NULL)
        memory = malloc(weir_fragments_size(DATAGRAMS, PIECES));
    weir_fragments_init(&table, memory, DATAGRAMS, PIECES, PIECES);
    table.same = same_payload;
    held = 0;
    for (size_t i = 0; i < count && i < INPUTS_MAX; i++) {
        const uint8_t *in = data + i * RECORD;

        now_us += UINT64_C(1) << (in[0] >> 4) * 2;
        fill(&handles[i], in);
        add(&handles[i], in, now_us);
        if (in[3] & 8U)
            weir_fragments_expire(&table, now_us);
        take_given_up();
        MUST(table.count <= DATAGRAMS && held <= PIECES && table.room <= PIECES);
    }
    weir_fragments_flush(&table);
    take_given_up();
    MUST(held == 0 && table.count == 0 && table.room == PIECES);
    return 0;
}
