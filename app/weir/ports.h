/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: found by name, paired, configured, started. Used by the control core only. */
#ifndef WEIR_APP_PORTS_H
#define WEIR_APP_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "weir/settings.h"

#define WEIR_PORT_NONE UINT16_MAX

struct weir_port {
    uint16_t peer; /* port that its packets leave by; WEIR_PORT_NONE: they leave by none */
    uint16_t rx_queues;
    uint16_t tx_queues;
    bool used;
    bool shadow;
    uint16_t mtu;               /* that it is to have; 0: whatever it has */
    uint16_t takes;             /* MTU of the frames that are expected of it */
    uint32_t frame_max;         /* octets of the largest frame that may leave by it */
    bool readdress;             /* frames that leave get these two Ethernet addresses */
    struct rte_ether_addr next; /* destination, and */
    struct rte_ether_addr own;  /* source, the port's */
    bool finite; /* plays a capture file: an empty receive means that all has been said */
    char name[WEIR_NAME_MAX];
};

struct weir_ports {
    struct weir_port port[RTE_MAX_ETHPORTS];
    struct rte_mempool *pool;
};

/*
 * Find and pair the ports that settings name, or all of them in order. Returns 0, or a negative
 * errno after a message: -EINVAL for a port that is not there or is named twice.
 */
int weir_ports_find(struct weir_ports *ports, const struct weir_settings *settings);

/*
 * Make the mbuf pool, configure queues for so many workers, start all ports. Returns 0, or a
 * negative errno after a message; what was started is stopped by weir_ports_stop.
 */
int weir_ports_start(struct weir_ports *ports, const struct weir_settings *settings);

/* Stop and close all that was started; frees the pool. */
void weir_ports_stop(struct weir_ports *ports);

#endif
