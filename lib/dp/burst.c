/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/burst.h"

#include <string.h>

/* Offloads: what the hardware has found good need not be summed again. */
static inline unsigned int how_for(const struct rte_mbuf *mbuf, unsigned int how)
{
    uint64_t l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    uint64_t ip = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

    if (likely((l4 | ip) == (RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD)))
        return how & ~(WEIR_PARSE_L4_CSUM | WEIR_PARSE_IP_CSUM);
    if (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        how &= ~WEIR_PARSE_L4_CSUM;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
        how &= ~WEIR_PARSE_IP_CSUM;
    return how;
}

/* The frame in one piece: where it lies, or copied to the scratch room if it is in segments. */
static const uint8_t *frame_of(const struct weir_reader *reader, const struct rte_mbuf *mbuf,
                               uint32_t *len)
{
    if (likely(mbuf->nb_segs == 1)) {
        *len = mbuf->data_len;
        return rte_pktmbuf_mtod(mbuf, const uint8_t *);
    }
    *len = RTE_MIN(mbuf->pkt_len, reader->scratch_len);
    return rte_pktmbuf_read(mbuf, 0, *len, reader->scratch);
}

static inline __attribute__((always_inline)) void fetch_frame(const struct weir_burst *burst,
                                                              unsigned int i)
{
    rte_prefetch0(burst->mbuf[i + WEIR_BURST_AHEAD]);
    rte_prefetch0(rte_pktmbuf_mtod(burst->mbuf[i], const void *));
}

/* Hash, and fetch the buckets. */
static inline void hash(struct weir_burst *burst, unsigned int from, unsigned int to,
                        const struct weir_tracker *tracker)
{
    const struct weir_hash_secret secret = tracker->rules->secret; /* stays in registers */

    for (unsigned int i = from; i < to; i++) {
        const struct weir_packet *packet = &burst->packet[i];

        burst->hash[i] = packet->family == 0 ? 0 : weir_packet_hash(&secret, packet);
        weir_table_prefetch_bucket(&tracker->table[packet->family == 6], burst->hash[i]);
    }
}

/*
 * Ports, times and numbers. After all frames were parsed and hashed, although each could be noted
 * with its frame: meanwhile the buckets of the last part arrive.
 */
static inline void note(struct weir_burst *burst, const struct weir_reader *reader,
                        uint64_t first_number, uint64_t stride)
{
    uint64_t now_us = weir_clock_now(&reader->clock);

    for (unsigned int i = 0; i < burst->count; i++) {
        const struct rte_mbuf *mbuf = burst->mbuf[i];

        burst->packet[i].port = (uint8_t)mbuf->port;
        burst->time_us[i] = weir_clock_packet(&reader->clock, mbuf, now_us);
        burst->number[i] = first_number + i * stride;
    }
}

void weir_burst_read(struct weir_burst *burst, const struct weir_reader *reader,
                     const struct weir_tracker *tracker, uint64_t first_number, uint64_t stride)
{
    unsigned int part = RTE_MIN(WEIR_BURST_PART, burst->count / 3 + 1);

    if (burst->count == 0)
        return;
    /* What is fetched beyond the last frame is the last once more. */
    for (unsigned int i = 0; i < 2 * WEIR_BURST_AHEAD; i++)
        burst->mbuf[burst->count + i] = burst->mbuf[burst->count - 1];
    for (unsigned int i = 0; i < WEIR_BURST_AHEAD; i++)
        fetch_frame(burst, i);
    for (unsigned int from = 0; from < burst->count; from += part) {
        unsigned int to = RTE_MIN(from + part, burst->count);

        for (unsigned int i = from; i < to; i++) {
            const struct rte_mbuf *mbuf = burst->mbuf[i];
            uint32_t len;
            const uint8_t *frame = frame_of(reader, mbuf, &len);

            fetch_frame(burst, i + WEIR_BURST_AHEAD);
            weir_parse(frame, len, how_for(mbuf, reader->how), &burst->packet[i]);
        }
        if (tracker != NULL)
            hash(burst, from, to, tracker);
    }
    note(burst, reader, first_number, stride);
}

void weir_burst_match(struct weir_burst *burst, struct weir_tracker *tracker)
{
    weir_tracker_match(tracker, burst->packet, burst->hash, burst->likely, burst->count);
}

void weir_burst_track(struct weir_burst *burst, struct weir_tracker *tracker)
{
    const struct weir_tracker_burst arrays = {
        .packet = burst->packet,
        .hash = burst->hash,
        .time_us = burst->time_us,
        .likely = burst->likely,
        .order = burst->order,
        .fate = burst->fate,
        .count = burst->count,
    };

    weir_tracker_track(tracker, &arrays);
}

void weir_burst_pack(const struct weir_burst *burst, unsigned int i)
{
    struct weir_luggage *luggage = rte_mbuf_to_priv(burst->mbuf[i]);

    luggage->packet = burst->packet[i];
    luggage->hash = burst->hash[i];
    luggage->time_us = burst->time_us[i];
    luggage->number = burst->number[i];
}

void weir_burst_unpack(struct weir_burst *burst, unsigned int i)
{
    const struct weir_luggage *luggage = rte_mbuf_to_priv(burst->mbuf[i]);

    burst->packet[i] = luggage->packet;
    burst->hash[i] = luggage->hash;
    burst->time_us[i] = luggage->time_us;
    burst->number[i] = luggage->number;
}

void weir_burst_move(struct weir_burst *burst, unsigned int to, unsigned int from)
{
    if (to == from)
        return;
    burst->mbuf[to] = burst->mbuf[from];
    burst->packet[to] = burst->packet[from];
    burst->hash[to] = burst->hash[from];
    burst->time_us[to] = burst->time_us[from];
    burst->number[to] = burst->number[from];
}
