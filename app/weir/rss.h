/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive side scaling: both directions of a connection onto the same queue, where a port can do
 * that.
 *
 * It only spreads the work of receiving. Whose a flow is, workers find out by their own hash, since
 * the hash of a NIC is none that withstands an attacker, and neither fragments nor the ICMP errors
 * about a connection arrive where the connection does.
 */
#ifndef WEIR_APP_RSS_H
#define WEIR_APP_RSS_H

#include <stdint.h>

#include <rte_ethdev.h>

/* Ask for RSS with a symmetric key, as far as the port has it. To be called before it is
 * configured. */
void weir_rss_request(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/*
 * Once the port has started: choose the symmetric Toeplitz function if the driver takes it, else
 * see whether it has kept the key. Returns what spreads flows over the queues, for people to read.
 */
const char *weir_rss_choose(uint16_t port, const struct rte_eth_dev_info *info, uint16_t queues);

#endif
