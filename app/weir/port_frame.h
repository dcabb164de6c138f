/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How large a frame a port can carry, what buffers that needs, and the MTU of the interface behind
 * it. Most drivers say so themselves; this knows those that carry more or less than they say.
 */
#ifndef WEIR_APP_PORT_FRAME_H
#define WEIR_APP_PORT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

/* What a frame may have beyond the MTU: Ethernet header, two VLAN tags, frame check sequence. */
#define WEIR_FRAME_EXTRA (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN)

/* The private area of each packet buffer. */
uint16_t weir_frame_private(void);

/* The largest MTU that ethdev lets the driver be told, and the largest that it carries. */
uint32_t weir_frame_mtu_told(const struct rte_eth_dev_info *info);
uint32_t weir_frame_mtu_most(const struct rte_eth_dev_info *info);

/*
 * What is wrong with the arguments of a virtual device that its driver takes as they are, as what
 * was expected; NULL: nothing.
 */
const char *weir_frame_arguments(const struct rte_eth_dev_info *info);

/* Why it is not more, for a message, beginning with "; "; "" where only the driver knows. */
const char *weir_frame_mtu_why(const struct rte_eth_dev_info *info);

/* Does the port take and send frames that lie in several buffers, if it is told so? */
bool weir_frame_chains(const struct rte_eth_dev_info *info);

/* Octets, headroom included, that a buffer must have for frames of this MTU; 0: no matter. */
uint32_t weir_frame_room(const struct rte_eth_dev_info *info, uint32_t mtu);

/*
 * Octets of the largest frame that a port sends, from buffers of room octets, headroom included;
 * several: it may be given frames in more than one of them. What is larger some drivers cut, some
 * lose unsaid, and some never send anything again.
 */
uint32_t weir_frame_sends(const struct rte_eth_dev_info *info, uint16_t mtu, uint32_t room,
                          bool several);

/* Octets that a buffer may have at most. */
uint32_t weir_frame_room_most(const struct rte_eth_dev_info *info);

/* MTU of the network interface behind a port; 0 where there is none, or it cannot be had. */
uint32_t weir_frame_mtu_has(const struct rte_eth_dev_info *info);

/* Set that of the network interface. Returns 0, or a negative errno: -ENOTSUP where the port has no
 * interface. */
int weir_frame_interface_mtu_set(const struct rte_eth_dev_info *info, uint16_t mtu);

#endif
