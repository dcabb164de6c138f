/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/frag.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#define HEADERS_MAX 256U /* frame and IP header of a first piece, extension headers included */
#define SCRATCH_LEN (HEADERS_MAX + WEIR_FRAGMENT_END_MAX)

#define IP6_LEN         40U
#define IP6_FRAGMENT    8U     /* its header's length */
#define IP4_FLAGS       0xc000 /* all but more-fragments */
#define IP4_TOTAL_LEN   2U     /* offsets in headers (RFC 791 3.1, RFC 8200 3, 4.5) */
#define IP4_FRAGMENT    6U
#define IP6_PAYLOAD_LEN 4U
#define IP6_OFFSET      2U

static struct weir_luggage *luggage_of(const struct rte_mbuf *mbuf)
{
    return rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)mbuf);
}

/* Copy octets out of a frame that may lie in several segments. */
static void copy_out(const struct rte_mbuf *mbuf, uint32_t offset, uint32_t len, uint8_t *to)
{
    const void *from = len == 0 ? to : rte_pktmbuf_read(mbuf, offset, len, to);

    if (from != NULL && from != to)
        memcpy(to, from, len);
}

/* Octets of a piece's payload that were captured. */
static uint32_t payload_there(const struct rte_mbuf *mbuf)
{
    const struct weir_packet *packet = &luggage_of(mbuf)->packet;

    return RTE_MIN(mbuf->pkt_len - packet->l4_off, packet->fragment.len);
}

static bool same_payload(const void *handle, const void *other)
{
    uint32_t len = payload_there(handle);
    uint32_t at = luggage_of(handle)->packet.l4_off;
    uint32_t other_at = luggage_of(other)->packet.l4_off;
    uint8_t a[256], b[256];

    if (len != payload_there(other) ||
        luggage_of(handle)->packet.fragment.more != luggage_of(other)->packet.fragment.more)
        return false;
    for (uint32_t done = 0; done < len;) {
        uint32_t part = RTE_MIN(len - done, (uint32_t)sizeof(a));

        copy_out(handle, at + done, part, a);
        copy_out(other, other_at + done, part, b);
        if (memcmp(a, b, part) != 0)
            return false;
        done += part;
    }
    return true;
}

int weir_frag_make(struct weir_frag *frag, uint32_t room, int socket)
{
    size_t table = weir_fragments_size(WEIR_FRAGMENT_DATAGRAMS, WEIR_FRAGMENT_PIECES);
    uint8_t *memory = rte_zmalloc_socket("weir_fragments", table + SCRATCH_LEN, 64, socket);

    memset(frag, 0, sizeof(*frag));
    if (memory == NULL)
        return -ENOMEM;
    weir_fragments_init(&frag->table, memory, WEIR_FRAGMENT_DATAGRAMS, WEIR_FRAGMENT_PIECES,
                        RTE_MIN(room, WEIR_FRAGMENT_PIECES));
    frag->table.same = same_payload;
    frag->scratch = memory + table;
    return 0;
}

static void refuse(struct weir_frag *frag, struct rte_mbuf *mbuf, enum weir_reason reason)
{
    struct weir_luggage *luggage = luggage_of(mbuf);

    luggage->packet.reason = (uint8_t)reason;
    luggage->next = NULL;
    if (frag->refused_first == NULL)
        frag->refused_first = mbuf;
    else
        luggage_of(frag->refused_last)->next = mbuf;
    frag->refused_last = mbuf;
}

/* Take back what the table has given up. */
static void refuse_given_up(struct weir_frag *frag)
{
    enum weir_reason reason;
    struct rte_mbuf *mbuf;

    while ((mbuf = weir_fragments_take(&frag->table, &reason)) != NULL)
        refuse(frag, mbuf, reason);
}

/* What stands in the burst for a refused piece: no key, so that nobody looks for its flow. */
static void refused_fill(struct weir_packet *packet, const struct weir_packet *piece,
                         enum weir_reason reason)
{
    struct weir_packet refused = {
        .ip_len = piece->ip_len,
        .l3_off = piece->l3_off,
        .l4_off = piece->l4_off,
        .kind = WEIR_KIND_FRAGMENT,
        .reason = (uint8_t)reason,
        .port = piece->port,
        .epoch = piece->epoch,
    };

    *packet = refused;
}

unsigned int weir_frag_refused(struct weir_frag *frag, struct weir_burst *burst)
{
    unsigned int i = 0;

    for (; i < WEIR_BURST_MAX && frag->refused_first != NULL; i++) {
        struct rte_mbuf *mbuf = frag->refused_first;
        struct weir_luggage *luggage = luggage_of(mbuf);

        frag->refused_first = luggage->next;
        burst->mbuf[i] = mbuf;
        refused_fill(&burst->packet[i], &luggage->packet, (enum weir_reason)luggage->packet.reason);
        burst->packet[i].epoch = frag->epoch;
        burst->hash[i] = 0;
        burst->time_us[i] = frag->now_us;
        burst->number[i] = luggage->number;
    }
    burst->count = i;
    return i;
}

/* Link the pieces of a whole datagram into a train; the octets and the opening piece come out. */
static struct rte_mbuf *couple(const struct weir_frag *frag, const struct weir_datagram *datagram,
                               uint32_t *ip_octets)
{
    const struct weir_piece *piece = frag->table.piece;
    struct rte_mbuf *first = piece[datagram->first].handle;
    struct rte_mbuf *opening = first;

    *ip_octets = 0;
    for (uint32_t i = datagram->first; i != WEIR_FRAGMENT_NONE; i = piece[i].next) {
        struct rte_mbuf *mbuf = piece[i].handle;
        struct weir_luggage *luggage = luggage_of(mbuf);

        luggage->next = piece[i].next == WEIR_FRAGMENT_NONE ? first : piece[piece[i].next].handle;
        luggage->opening = piece[i].offset == 0 && !piece[i].repeated;
        *ip_octets += luggage->packet.ip_len;
        if (luggage->opening)
            opening = mbuf;
    }
    return opening;
}

/* Put the payloads behind the headers; false where one was not captured whole. */
static bool payloads_copy(struct weir_frag *frag, const struct weir_datagram *datagram,
                          uint32_t headers)
{
    const struct weir_piece *piece = frag->table.piece;
    bool complete = true;

    for (uint32_t i = datagram->first; i != WEIR_FRAGMENT_NONE; i = piece[i].next) {
        const struct rte_mbuf *mbuf = piece[i].handle;
        uint32_t there = payload_there(mbuf);

        if (!piece[i].repeated)
            copy_out(mbuf, luggage_of(mbuf)->packet.l4_off, there,
                     frag->scratch + headers + piece[i].offset);
        complete = complete && there == piece[i].len;
    }
    return complete;
}

static void put16(uint8_t *at, uint32_t value)
{
    rte_be16_t wire = rte_cpu_to_be_16((uint16_t)value);

    memcpy(at, &wire, sizeof(wire));
}

/* The IP header as it would be had nobody cut the datagram; false if that is none. */
static bool header_mend(uint8_t *frame, const struct weir_packet *opening, uint32_t end)
{
    uint8_t *ip = frame + opening->l3_off;
    uint32_t header_len = opening->l4_off - opening->l3_off;
    uint32_t len = header_len + end;

    if (opening->family == 4) {
        put16(ip + IP4_TOTAL_LEN, len);
        put16(ip + IP4_FRAGMENT, ((uint32_t)ip[IP4_FRAGMENT] << 8) & IP4_FLAGS);
        return len <= UINT16_MAX;
    }
    put16(ip + IP6_PAYLOAD_LEN, len - IP6_LEN);
    put16(frame + opening->l4_off - IP6_FRAGMENT + IP6_OFFSET, 0); /* an atomic one, RFC 6946 */
    return len - IP6_LEN <= UINT16_MAX;
}

/* Read the whole datagram as one packet. NONE, or why it cannot be one. */
static enum weir_reason read_whole(struct weir_frag *frag, const struct weir_reader *reader,
                                   const struct weir_datagram *datagram,
                                   const struct rte_mbuf *opening, struct weir_packet *packet)
{
    const struct weir_packet *facts = &luggage_of(opening)->packet;
    unsigned int how = reader->how & ~WEIR_PARSE_IP_CSUM; /* each piece's was */
    uint32_t len = facts->l4_off + datagram->end;

    if (facts->l4_off > HEADERS_MAX)
        return WEIR_REASON_IP6_EXTENSION;
    copy_out(opening, 0, facts->l4_off, frag->scratch);
    if (!payloads_copy(frag, datagram, facts->l4_off)) {
        how |= WEIR_PARSE_CUT;
        len = facts->l4_off + payload_there(opening);
    }
    if (!header_mend(frag->scratch, facts, datagram->end))
        return WEIR_REASON_FRAG_LENGTH;
    weir_parse(frag->scratch, len, how, packet);
    /* Pieces of pieces: nobody sends a second fragment header (RFC 8200 4.1). */
    return packet->kind == WEIR_KIND_FRAGMENT ? WEIR_REASON_IP6_EXTENSION : WEIR_REASON_NONE;
}

/* The train at place i of the burst, or false and the datagram is condemned. */
static bool train_make(struct weir_frag *frag, const struct weir_reader *reader,
                       const struct weir_rules *rules, struct weir_datagram *datagram,
                       struct weir_burst *burst, unsigned int i)
{
    struct weir_packet packet;
    uint32_t ip_octets;
    const struct rte_mbuf *opening = couple(frag, datagram, &ip_octets);
    enum weir_reason reason = read_whole(frag, reader, datagram, opening, &packet);

    if (reason != WEIR_REASON_NONE) {
        weir_fragments_condemn(&frag->table, datagram, reason);
        return false;
    }
    packet.pieces = (uint8_t)(datagram->count - 1);
    packet.ip_len = ip_octets;
    packet.port = luggage_of(opening)->packet.port;
    packet.epoch = burst->packet[i].epoch;
    if (packet.kind == WEIR_KIND_TCP)
        packet.seg.opts |= WEIR_SEG_CUT;
    burst->packet[i] = packet;
    burst->hash[i] = packet.family == 0 ? 0 : weir_packet_hash(&rules->secret, &packet);
    weir_fragments_release(&frag->table, datagram);
    return true;
}

bool weir_frag_add(struct weir_frag *frag, const struct weir_reader *reader,
                   const struct weir_rules *rules, struct weir_burst *burst, unsigned int i)
{
    struct weir_packet *packet = &burst->packet[i];
    struct weir_datagram *whole;
    enum weir_reason reason;
    enum weir_fragment_step step;
    bool made = false;

    weir_burst_pack(burst, i);
    frag->now_us = burst->time_us[i];
    frag->epoch = packet->epoch;
    step = weir_fragments_add(&frag->table, packet, burst->hash[i], burst->time_us[i],
                              burst->mbuf[i], burst->mbuf[i]->nb_segs, &whole, &reason);
    if (step == WEIR_FRAGMENT_WHOLE)
        made = train_make(frag, reader, rules, whole, burst, i);
    refuse_given_up(frag);
    if (step != WEIR_FRAGMENT_REFUSED)
        return made;
    refused_fill(packet, &luggage_of(burst->mbuf[i])->packet, reason);
    return true;
}

void weir_frag_expire(struct weir_frag *frag, uint64_t now_us)
{
    frag->now_us = RTE_MAX(frag->now_us, now_us);
    weir_fragments_expire(&frag->table, now_us);
    refuse_given_up(frag);
}

void weir_frag_flush(struct weir_frag *frag)
{
    weir_fragments_flush(&frag->table);
    refuse_given_up(frag);
}

struct rte_mbuf *weir_train_opening(struct rte_mbuf *last)
{
    struct rte_mbuf *mbuf = last;

    while (!luggage_of(mbuf)->opening && weir_train_next(mbuf) != last)
        mbuf = weir_train_next(mbuf);
    return mbuf;
}

void weir_train_free(struct rte_mbuf *last)
{
    struct rte_mbuf *mbuf = weir_train_next(last);

    while (mbuf != last) {
        struct rte_mbuf *next = weir_train_next(mbuf);

        rte_pktmbuf_free(mbuf);
        mbuf = next;
    }
    rte_pktmbuf_free(last);
}

void weir_frag_drop(struct weir_frag *frag)
{
    rte_free(frag->table.datagram);
    frag->table.datagram = NULL;
}
