/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/answer.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define ANSWER_TTL       64
#define QUOTE4_MAX       548U  /* so that the answer is at most 576 octets (RFC 1812 4.3.2.3) */
#define QUOTE6_MAX       1232U /* at most the minimum MTU (RFC 4443 2.4 c) */
#define ICMP_PROHIBITED  13    /* destination unreachable, communication prohibited (RFC 1812) */
#define ICMP6_PROHIBITED 1     /* the same in ICMPv6 (RFC 4443 3.1) */
#define ICMP_UNREACH     3
#define ICMP6_UNREACH    1
#define ICMP_LEN         8U
#define SECOND_USEC      1000000U

int weir_answer_take(struct weir_answer_bucket *bucket, uint64_t now_us)
{
    uint64_t due = now_us > bucket->filled_us ? now_us - bucket->filled_us : 0;
    uint32_t per_sec = __atomic_load_n(&bucket->per_sec, __ATOMIC_RELAXED);
    uint64_t add = RTE_MIN(due, SECOND_USEC) * per_sec / SECOND_USEC;

    if (add > 0 || bucket->filled_us > now_us + SECOND_USEC) /* the clock was set back */
        bucket->filled_us = now_us;
    bucket->tokens = (uint32_t)RTE_MIN(bucket->tokens + add, per_sec);
    if (bucket->tokens == 0)
        return 0;
    bucket->tokens--;
    return 1;
}

/* Room for len octets more; the longest answer, 1,302 octets, fits any buffer of the pool. */
static void *room(struct rte_mbuf *answer, uint32_t len)
{
    void *at = rte_pktmbuf_mtod_offset(answer, void *, answer->data_len);

    answer->data_len = (uint16_t)(answer->data_len + len);
    answer->pkt_len += len;
    return at;
}

/* The link layer of the answer: as it came, the other way round. */
static uint8_t *link_header(struct rte_mbuf *answer, const struct rte_mbuf *mbuf, uint16_t len)
{
    struct rte_ether_hdr *ether = room(answer, len);
    const struct rte_ether_hdr *from = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);

    memcpy(ether, from, len);
    rte_ether_addr_copy(&from->src_addr, &ether->dst_addr);
    rte_ether_addr_copy(&from->dst_addr, &ether->src_addr);
    return (uint8_t *)ether;
}

static struct rte_ipv4_hdr *ip4_header(struct rte_mbuf *answer, const struct rte_ipv4_hdr *from,
                                       uint8_t proto, uint16_t payload)
{
    struct rte_ipv4_hdr *ip = room(answer, sizeof(*ip));

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = RTE_IPV4_VHL_DEF,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + payload)),
        .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = ANSWER_TTL,
        .next_proto_id = proto,
        .src_addr = from->dst_addr,
        .dst_addr = from->src_addr,
    };
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    return ip;
}

static struct rte_ipv6_hdr *ip6_header(struct rte_mbuf *answer, const struct rte_ipv6_hdr *from,
                                       uint8_t proto, uint16_t payload)
{
    struct rte_ipv6_hdr *ip = room(answer, sizeof(*ip));

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = rte_cpu_to_be_32(6U << 28),
        .payload_len = rte_cpu_to_be_16(payload),
        .proto = proto,
        .hop_limits = ANSWER_TTL,
    };
    memcpy(ip->src_addr, from->dst_addr, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, from->src_addr, sizeof(ip->dst_addr));
    return ip;
}

/*
 * RFC 9293 3.10.7.1: with an ACK, <SEQ=SEG.ACK><CTL=RST>; without,
 * <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
 */
static void rst_fill(struct rte_tcp_hdr *tcp, const struct weir_packet *packet,
                     const struct rte_tcp_hdr *from)
{
    const struct weir_segment *seg = &packet->seg;
    uint32_t len =
        seg->len + ((seg->flags & WEIR_TCP_SYN) ? 1 : 0) + ((seg->flags & WEIR_TCP_FIN) ? 1 : 0);
    bool acked = seg->flags & WEIR_TCP_ACK;

    *tcp = (struct rte_tcp_hdr){
        .src_port = from->dst_port,
        .dst_port = from->src_port,
        .sent_seq = rte_cpu_to_be_32(acked ? seg->ack : 0),
        .recv_ack = rte_cpu_to_be_32(acked ? 0 : seg->seq + len),
        .data_off = sizeof(*tcp) / 4 << 4,
        .tcp_flags = acked ? RTE_TCP_RST_FLAG : RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG,
    };
}

static void rst_append(struct rte_mbuf *answer, const struct rte_mbuf *mbuf,
                       const struct weir_packet *packet)
{
    const struct rte_tcp_hdr *from =
        rte_pktmbuf_mtod_offset(mbuf, const struct rte_tcp_hdr *, packet->l4_off);
    struct rte_tcp_hdr *tcp;

    if (packet->family == 4) {
        struct rte_ipv4_hdr *ip = ip4_header(
            answer, rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, packet->l3_off),
            IPPROTO_TCP, sizeof(*tcp));

        tcp = room(answer, sizeof(*tcp));
        rst_fill(tcp, packet, from);
        tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
    } else {
        struct rte_ipv6_hdr *ip = ip6_header(
            answer, rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv6_hdr *, packet->l3_off),
            IPPROTO_TCP, sizeof(*tcp));

        tcp = room(answer, sizeof(*tcp));
        rst_fill(tcp, packet, from);
        tcp->cksum = rte_ipv6_udptcp_cksum(ip, tcp);
    }
}

/* Type, code, unused word, and as much of the packet as may be quoted. */
static uint8_t *icmp_append(struct rte_mbuf *answer, uint8_t type, uint8_t code,
                            const uint8_t *quote, uint16_t quote_len)
{
    uint8_t *icmp = room(answer, ICMP_LEN + quote_len);

    memset(icmp, 0, ICMP_LEN);
    icmp[0] = type;
    icmp[1] = code;
    memcpy(icmp + ICMP_LEN, quote, quote_len);
    return icmp;
}

static void unreachable_append(struct rte_mbuf *answer, const struct rte_mbuf *mbuf,
                               const struct weir_packet *packet)
{
    const uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, packet->l3_off);
    uint32_t have = RTE_MIN((uint32_t)mbuf->data_len - packet->l3_off, packet->ip_len);
    uint16_t quote = (uint16_t)RTE_MIN(have, packet->family == 4 ? QUOTE4_MAX : QUOTE6_MAX);
    uint16_t len = (uint16_t)(ICMP_LEN + quote);
    uint16_t sum;

    if (packet->family == 4) {
        uint8_t *icmp;

        ip4_header(answer, (const struct rte_ipv4_hdr *)(const void *)l3, IPPROTO_ICMP, len);
        icmp = icmp_append(answer, ICMP_UNREACH, ICMP_PROHIBITED, l3, quote);
        sum = (uint16_t)~rte_raw_cksum(icmp, len);
        memcpy(icmp + 2, &sum, sizeof(sum));
    } else {
        const struct rte_ipv6_hdr *ip =
            ip6_header(answer, (const struct rte_ipv6_hdr *)(const void *)l3, IPPROTO_ICMPV6, len);
        uint8_t *icmp = icmp_append(answer, ICMP6_UNREACH, ICMP6_PROHIBITED, l3, quote);

        sum = rte_ipv6_udptcp_cksum(ip, icmp);
        memcpy(icmp + 2, &sum, sizeof(sum));
    }
}

/* 224/4 and above: a group, or everybody. */
static bool is_many4(const uint8_t *addr)
{
    return addr[0] >= 0xe0;
}

/* RFC 1122 3.2.2, RFC 4443 2.4 e: nobody is told about what was sent to many. */
static bool sent_to_many(const struct rte_mbuf *mbuf, const struct weir_packet *packet)
{
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
    const uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, packet->l3_off);

    if (rte_is_multicast_ether_addr(&ether->dst_addr))
        return true;
    if (packet->family == 6)
        return ((const struct rte_ipv6_hdr *)(const void *)l3)->dst_addr[0] == 0xff;
    return is_many4(l3 + offsetof(struct rte_ipv4_hdr, dst_addr));
}

/* The same RFCs: nor about what did not come from one host: unspecified, loopback, a group. */
static bool sent_by_nobody(const struct rte_mbuf *mbuf, const struct weir_packet *packet)
{
    static const uint8_t zeros[15];
    const uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, packet->l3_off);
    const uint8_t *src;

    if (packet->family == 6) {
        src = ((const struct rte_ipv6_hdr *)(const void *)l3)->src_addr;
        return src[0] == 0xff || (memcmp(src, zeros, sizeof(zeros)) == 0 && src[15] <= 1);
    }
    src = l3 + offsetof(struct rte_ipv4_hdr, src_addr);
    return src[0] == 0 || src[0] == 127 || is_many4(src);
}

struct rte_mbuf *weir_answer_make(const struct rte_mbuf *mbuf, const struct weir_packet *packet,
                                  struct rte_mempool *pool, struct weir_answer_bucket *bucket,
                                  uint64_t now_us)
{
    bool tcp = packet->kind == WEIR_KIND_TCP;
    struct rte_mbuf *answer;

    if (packet->family == 0 || packet->kind == WEIR_KIND_ICMP_ERROR || sent_to_many(mbuf, packet) ||
        sent_by_nobody(mbuf, packet) || (tcp && (packet->seg.flags & WEIR_TCP_RST)))
        return NULL;
    if (mbuf->nb_segs > 1 && mbuf->data_len < packet->l4_off + sizeof(struct rte_tcp_hdr))
        return NULL; /* headers in pieces: too odd to answer */
    if (!tcp && !weir_answer_take(bucket, now_us))
        return NULL;
    answer = rte_pktmbuf_alloc(pool);
    if (answer == NULL)
        return NULL;
    answer->port = mbuf->port;
    link_header(answer, mbuf, packet->l3_off);
    if (tcp)
        rst_append(answer, mbuf, packet);
    else
        unreachable_append(answer, mbuf, packet);
    return answer;
}
