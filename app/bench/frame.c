/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/frame.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define WINDOW 65535U

/* Addresses and ports of a connection: every number has its own. */
struct ends {
    uint32_t addr[2]; /* host order, by enum weir_dir */
    uint16_t port[2];
};

static struct ends ends_of(uint64_t number)
{
    return (struct ends){
        .addr = {0x0a000000U | (number & 0xffffffU), 0xc6120000U | (number >> 38 & 0xffffU)},
        .port = {(uint16_t)(1024 + (number >> 24 & 0x3fffU)), 443},
    };
}

static void addr6(uint32_t addr, uint8_t out[16])
{
    static const uint8_t prefix[12] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0};
    rte_be32_t tail = rte_cpu_to_be_32(addr);

    memcpy(out, prefix, sizeof(prefix));
    memcpy(out + sizeof(prefix), &tail, sizeof(tail));
}

void bench_key4(uint64_t number, struct weir_key4 *key)
{
    struct ends ends = ends_of(number);

    weir_key4_make(key, rte_cpu_to_be_32(ends.addr[0]), rte_cpu_to_be_32(ends.addr[1]),
                   rte_cpu_to_be_16(ends.port[0]), rte_cpu_to_be_16(ends.port[1]),
                   weir_key_zone_proto(IPPROTO_TCP, WEIR_VLAN_NONE, WEIR_VLAN_NONE));
}

void bench_key6(uint64_t number, struct weir_key6 *key)
{
    struct ends ends = ends_of(number);
    uint8_t addr[2][16];

    addr6(ends.addr[0], addr[0]);
    addr6(ends.addr[1], addr[1]);
    weir_key6_make(key, addr[0], addr[1], rte_cpu_to_be_16(ends.port[0]),
                   rte_cpu_to_be_16(ends.port[1]),
                   weir_key_zone_proto(IPPROTO_TCP, WEIR_VLAN_NONE, WEIR_VLAN_NONE));
}

static void write_tcp(struct rte_tcp_hdr *tcp, const struct bench_segment *seg,
                      const struct ends *ends)
{
    *tcp = (struct rte_tcp_hdr){
        .src_port = rte_cpu_to_be_16(ends->port[seg->dir]),
        .dst_port = rte_cpu_to_be_16(ends->port[!seg->dir]),
        .sent_seq = rte_cpu_to_be_32(seg->seq),
        .recv_ack = rte_cpu_to_be_32(seg->ack),
        .data_off = sizeof(*tcp) / 4 << 4,
        .tcp_flags = seg->flags,
        .rx_win = rte_cpu_to_be_16(WINDOW),
    };
}

static void write_ip4(uint8_t *at, const struct bench_segment *seg, const struct ends *ends)
{
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)at;
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = RTE_IPV4_VHL_DEF,
        .total_length = rte_cpu_to_be_16((uint16_t)bench_ip_len(4, seg->len)),
        .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = 64,
        .next_proto_id = IPPROTO_TCP,
        .src_addr = rte_cpu_to_be_32(ends->addr[seg->dir]),
        .dst_addr = rte_cpu_to_be_32(ends->addr[!seg->dir]),
    };
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    write_tcp(tcp, seg, ends);
    tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

static void write_ip6(uint8_t *at, const struct bench_segment *seg, const struct ends *ends)
{
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(void *)at;
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = rte_cpu_to_be_32(6U << 28),
        .payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*tcp) + seg->len)),
        .proto = IPPROTO_TCP,
        .hop_limits = 64,
    };
    addr6(ends->addr[seg->dir], ip->src_addr);
    addr6(ends->addr[!seg->dir], ip->dst_addr);
    write_tcp(tcp, seg, ends);
    tcp->cksum = rte_ipv6_udptcp_cksum(ip, tcp);
}

void bench_frame_write(struct rte_mbuf *mbuf, unsigned int family, const struct bench_segment *seg,
                       int vouched)
{
    struct ends ends = ends_of(seg->number);
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
    uint16_t len = (uint16_t)(sizeof(*ether) + bench_ip_len(family, seg->len));

    memset(ether, 0, sizeof(*ether));
    ether->ether_type = rte_cpu_to_be_16(family == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    if (family == 6)
        write_ip6((uint8_t *)(ether + 1), seg, &ends);
    else
        write_ip4((uint8_t *)(ether + 1), seg, &ends);
    mbuf->data_len = RTE_MAX(len, (uint16_t)(RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN));
    mbuf->pkt_len = mbuf->data_len;
    mbuf->nb_segs = 1;
    mbuf->port = 0;
    mbuf->ol_flags = vouched ? RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
}
