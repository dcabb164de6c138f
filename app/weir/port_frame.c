/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/port_frame.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_kvargs.h>
#include <rte_mbuf.h>

#include "dp/burst.h"

/* The kernel keeps so much free before each frame that XDP is to see (linux/bpf.h). */
#define XDP_HEADROOM 256U

/* net_af_packet: octets of a ring's slot that come before a frame which is received. */
#define PACKET_AHEAD (TPACKET_ALIGN(TPACKET2_HDRLEN + 16U) - RTE_ETHER_HDR_LEN)

/* And of one that is sent. */
#define PACKET_BEFORE (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))

#define PACKET_SLOT  2048U /* framesz= where it is left out */
#define MEMIF_BUFFER 2048U /* bsize= likewise */

uint16_t weir_frame_private(void)
{
    return (uint16_t)RTE_ALIGN(sizeof(struct weir_luggage), 8);
}

static bool is(const struct rte_eth_dev_info *info, const char *driver)
{
    return info->driver_name != NULL && strcmp(info->driver_name, driver) == 0;
}

/* A number among the arguments of a virtual device. */
static uint32_t argument(const struct rte_eth_dev_info *info, const char *key, uint32_t otherwise)
{
    const struct rte_devargs *devargs = info->device == NULL ? NULL : rte_dev_devargs(info->device);
    struct rte_kvargs *args =
        devargs == NULL || devargs->args == NULL ? NULL : rte_kvargs_parse(devargs->args, NULL);
    const char *value = args == NULL ? NULL : rte_kvargs_get(args, key);
    uint32_t number = value == NULL ? otherwise : (uint32_t)strtoul(value, NULL, 10);

    rte_kvargs_free(args);
    return number;
}

static uint32_t packet_slot(const struct rte_eth_dev_info *info)
{
    return argument(info, "framesz", PACKET_SLOT);
}

/*
 * net_memif: DPDK 22.11 never takes the mark off a buffer that once was not the last of its frame.
 * When its ring comes round, frames run together: each must lie in one buffer.
 */
static uint32_t memif_buffer(const struct rte_eth_dev_info *info)
{
    return argument(info, "bsize", MEMIF_BUFFER);
}

/* net_af_xdp: a buffer with all that belongs to it must lie within one page. */
static uint32_t xdp_room_most(void)
{
    uint32_t page = (uint32_t)getpagesize();
    uint32_t room = page;
    uint32_t own = (uint32_t)sizeof(struct rte_mbuf) + weir_frame_private();

    while (rte_mempool_calc_obj_size(own + room, 0, NULL) > page)
        room -= RTE_CACHE_LINE_SIZE;
    return room;
}

uint32_t weir_frame_room_most(const struct rte_eth_dev_info *info)
{
    return is(info, "net_af_xdp") ? xdp_room_most() : UINT16_MAX;
}

uint32_t weir_frame_mtu_told(const struct rte_eth_dev_info *info)
{
    uint32_t most = info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN;

    return info->max_mtu == UINT16_MAX ? most : RTE_MIN(most, info->max_mtu);
}

uint32_t weir_frame_mtu_most(const struct rte_eth_dev_info *info)
{
    if (is(info, "net_memif"))
        return memif_buffer(info) - WEIR_FRAME_EXTRA;
    if (is(info, "net_af_packet"))
        return packet_slot(info) - PACKET_AHEAD - WEIR_FRAME_EXTRA;
    if (is(info, "net_af_xdp"))
        return RTE_MIN(weir_frame_mtu_told(info),
                       xdp_room_most() - RTE_PKTMBUF_HEADROOM - XDP_HEADROOM - WEIR_FRAME_EXTRA);
    return weir_frame_mtu_told(info);
}

/* net_af_packet and the kernel disagree about where slots are if blocks have room left over. */
const char *weir_frame_arguments(const struct rte_eth_dev_info *info)
{
    if (is(info, "net_af_packet") &&
        argument(info, "blocksz", (uint32_t)getpagesize()) % packet_slot(info) != 0)
        return "blocksz= a multiple of framesz=";
    return NULL;
}

const char *weir_frame_mtu_why(const struct rte_eth_dev_info *info)
{
    if (is(info, "net_af_packet"))
        return "; its --vdev says how large a frame may be: framesz= and blocksz=";
    if (is(info, "net_memif"))
        return "; its --vdev says how large a frame may be: bsize=, the same at both ends";
    if (is(info, "net_af_xdp"))
        return "; a frame and its buffer must fit a page";
    return "";
}

/* Whatever their offloads are. */
static bool chains_always(const struct rte_eth_dev_info *info)
{
    static const char *const drivers[] = {"net_memif", "net_pcap",   "net_null",       "net_ring",
                                          "net_vhost", "net_virtio", "net_virtio_user"};

    for (unsigned int i = 0; i < RTE_DIM(drivers); i++)
        if (is(info, drivers[i]))
            return true;
    return false;
}

bool weir_frame_chains(const struct rte_eth_dev_info *info)
{
    return chains_always(info) || ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0 &&
                                   (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0);
}

uint32_t weir_frame_room(const struct rte_eth_dev_info *info, uint32_t mtu)
{
    uint32_t room = mtu + WEIR_FRAME_EXTRA + RTE_PKTMBUF_HEADROOM;

    if (is(info, "net_af_packet")) /* the driver asks for room for a whole slot */
        return packet_slot(info) + RTE_PKTMBUF_HEADROOM;
    if (is(info, "net_af_xdp"))
        return room + XDP_HEADROOM;
    return weir_frame_chains(info) ? 0 : room;
}

uint32_t weir_frame_sends(const struct rte_eth_dev_info *info, uint16_t mtu, uint32_t room,
                          bool several)
{
    uint32_t one = room - RTE_PKTMBUF_HEADROOM;

    if (is(info, "net_af_packet")) /* the kernel drops unsaid what is beyond the MTU and one tag */
        return RTE_MIN(packet_slot(info) - (uint32_t)PACKET_BEFORE,
                       weir_frame_mtu_has(info) + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN);
    if (is(info, "net_memif"))
        return memif_buffer(info);
    if (is(info, "net_tap"))
        return mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + RTE_VLAN_HLEN;
    if (is(info, "net_pcap")) /* it copies what lies in several buffers */
        return RTE_MAX(one, (uint32_t)RTE_ETHER_MAX_JUMBO_FRAME_LEN);
    return several || chains_always(info) ? UINT32_MAX : one;
}

/* Ask or tell the kernel. */
static int interface_ioctl(const struct rte_eth_dev_info *info, unsigned long what,
                           struct ifreq *ifr)
{
    int sock;
    int err;

    if (info->if_index == 0 || if_indextoname(info->if_index, ifr->ifr_name) == NULL)
        return -ENOTSUP;
    sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return -errno;
    err = ioctl(sock, what, ifr) < 0 ? -errno : 0;
    close(sock);
    return err;
}

uint32_t weir_frame_mtu_has(const struct rte_eth_dev_info *info)
{
    struct ifreq ifr = {0};

    return interface_ioctl(info, SIOCGIFMTU, &ifr) < 0 ? 0 : (uint32_t)ifr.ifr_mtu;
}

int weir_frame_interface_mtu_set(const struct rte_eth_dev_info *info, uint16_t mtu)
{
    struct ifreq ifr = {.ifr_mtu = mtu};

    return interface_ioctl(info, SIOCSIFMTU, &ifr);
}
