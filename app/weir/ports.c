/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "weir/port_frame.h"
#include "weir/rss.h"

#define POOL_CACHE 256U

static bool is_net_pcap(const struct rte_eth_dev_info *info)
{
    return info->driver_name != NULL && strcmp(info->driver_name, "net_pcap") == 0;
}

/* A net_pcap port without a live interface plays files, or nothing at all. */
static bool plays_file(const struct rte_eth_dev_info *info)
{
    const struct rte_devargs *devargs = info->device == NULL ? NULL : rte_dev_devargs(info->device);
    const char *args = devargs == NULL || devargs->args == NULL ? "" : devargs->args;

    return is_net_pcap(info) && strstr(args, "iface") == NULL &&
           strstr(args, "infinite_rx=1") == NULL;
}

static int port_use(struct weir_ports *ports, uint16_t id)
{
    struct weir_port *port = &ports->port[id];
    struct rte_eth_dev_info info;
    int err = rte_eth_dev_info_get(id, &info);

    if (err < 0) {
        fprintf(stderr, "weir: port %u: %s\n", id, rte_strerror(-err));
        return err;
    }
    rte_eth_dev_get_name_by_port(id, port->name);
    if (port->used) {
        fprintf(stderr, "weir: port %s is in more than one pair\n", port->name);
        return -EINVAL;
    }
    port->used = true;
    port->peer = WEIR_PORT_NONE;
    port->finite = plays_file(&info);
    return 0;
}

static int port_by_name(const char *name, uint16_t *id)
{
    if (rte_eth_dev_get_port_by_name(name, id) == 0)
        return 0;
    fprintf(stderr, "weir: no port named %s; there are:", name);
    RTE_ETH_FOREACH_DEV(*id)
    {
        char known[RTE_ETH_NAME_MAX_LEN];

        if (rte_eth_dev_get_name_by_port(*id, known) == 0)
            fprintf(stderr, " %s", known);
    }
    fprintf(stderr, "\n");
    return -EINVAL;
}

static int pair_up(struct weir_ports *ports, uint16_t a, uint16_t b, bool shadow)
{
    int err = port_use(ports, a);

    if (err != 0)
        return err;
    ports->port[a].shadow = shadow;
    if (b == WEIR_PORT_NONE)
        return 0;
    err = port_use(ports, b);
    if (err != 0)
        return err;
    ports->port[b].shadow = shadow;
    ports->port[a].peer = b;
    ports->port[b].peer = a;
    return 0;
}

/* Whom the frames of a port go to, where that is configured. */
static void readdress(struct weir_port *port, bool wanted, const uint8_t mac[6])
{
    port->readdress = wanted;
    memcpy(port->next.addr_bytes, mac, sizeof(port->next.addr_bytes));
}

static int find_named(struct weir_ports *ports, const struct weir_settings *settings)
{
    for (uint32_t i = 0; i < settings->pair_count; i++) {
        const struct weir_port_pair *pair = &settings->pair[i];
        uint16_t a;
        uint16_t b = WEIR_PORT_NONE;
        int err = port_by_name(pair->a, &a);

        if (err == 0 && pair->b[0] != '\0')
            err = port_by_name(pair->b, &b);
        if (err == 0)
            err = pair_up(ports, a, b, pair->mode == WEIR_MODE_SHADOW);
        if (err != 0)
            return err;
        ports->port[a].mtu = (uint16_t)pair->mtu;
        readdress(&ports->port[a], pair->has_mac[0], pair->mac[0]);
        if (b == WEIR_PORT_NONE)
            continue;
        ports->port[b].mtu = (uint16_t)pair->mtu;
        readdress(&ports->port[b], pair->has_mac[1], pair->mac[1]);
    }
    return 0;
}

static int find_all(struct weir_ports *ports, bool shadow)
{
    uint16_t first = WEIR_PORT_NONE;
    uint16_t id;

    RTE_ETH_FOREACH_DEV(id)
    {
        if (first == WEIR_PORT_NONE) {
            first = id;
            continue;
        }
        int err = pair_up(ports, first, id, shadow);

        if (err != 0)
            return err;
        first = WEIR_PORT_NONE;
    }
    return first == WEIR_PORT_NONE ? 0 : pair_up(ports, first, WEIR_PORT_NONE, shadow);
}

/*
 * EAL goes on without a virtual device that does not start. We do not: with one port of a pair
 * missing, the other would receive and pass nothing on.
 */
static int check_devices(void)
{
    const struct rte_devargs *devargs;
    uint16_t id;

    RTE_EAL_DEVARGS_FOREACH("vdev", devargs)
    {
        if (strncmp(devargs->name, "net_", 4) != 0 ||
            rte_eth_dev_get_port_by_name(devargs->name, &id) == 0)
            continue;
        fprintf(stderr, "weir: port %s (%s) cannot be made; its driver says why above\n",
                devargs->name, devargs->args == NULL ? "" : devargs->args);
        return -EINVAL;
    }
    return 0;
}

int weir_ports_find(struct weir_ports *ports, const struct weir_settings *settings)
{
    memset(ports, 0, sizeof(*ports));
    if (check_devices() != 0)
        return -EINVAL;
    if (rte_eth_dev_count_avail() == 0) {
        fprintf(
            stderr,
            "weir: no port: name a NIC with -a, or a virtual device with --vdev, before the --\n");
        return -EINVAL;
    }
    if (settings->pair_count > 0)
        return find_named(ports, settings);
    return find_all(ports, settings->mode == WEIR_MODE_SHADOW);
}

/*
 * net_pcap cuts frames that lie in more than one mbuf when it writes them, at
 * RTE_ETHER_MAX_JUMBO_FRAME_LEN octets: larger ones must fit into one.
 */
static uint16_t room_for(uint32_t frame_max)
{
    if (frame_max <= RTE_ETHER_MAX_JUMBO_FRAME_LEN)
        return RTE_MBUF_DEFAULT_BUF_SIZE;
    return (uint16_t)RTE_MIN(frame_max + RTE_PKTMBUF_HEADROOM, (uint32_t)UINT16_MAX);
}

/* Frames of its MTU do not fit into one buffer of the common size. */
static bool is_jumbo(const struct weir_port *port)
{
    return port->takes + WEIR_FRAME_EXTRA > RTE_MBUF_DEFAULT_DATAROOM;
}

/* A buffer of the pool, which all ports share, must not be too large for one of them. */
static int room_check(const struct weir_ports *ports, uint32_t room)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct rte_eth_dev_info info;

        if (!ports->port[id].used || rte_eth_dev_info_get(id, &info) != 0 ||
            room <= weir_frame_room_most(&info))
            continue;
        fprintf(stderr,
                "weir: port %s takes no packet buffers of %u octets, as other ports need them: "
                "expected at most %u%s\n",
                ports->port[id].name, room, weir_frame_room_most(&info), weir_frame_mtu_why(&info));
        return -EINVAL;
    }
    return 0;
}

/* What one buffer must hold: large frames too, where a port does not take them in several. */
static int room_of_all(const struct weir_ports *ports, const struct weir_settings *settings,
                       uint16_t *room)
{
    uint32_t most = room_for(settings->frame_max);

    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct rte_eth_dev_info info;

        if (ports->port[id].used && rte_eth_dev_info_get(id, &info) == 0)
            most = RTE_MAX(most, weir_frame_room(&info, ports->port[id].takes));
    }
    *room = (uint16_t)RTE_MIN(most, (uint32_t)UINT16_MAX);
    return room_check(ports, most);
}

/* The buffers lie at the NUMA node of the first port that has one. */
static int socket_of_all(const struct weir_ports *ports)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++)
        if (ports->port[id].used && rte_eth_dev_socket_id(id) >= 0)
            return rte_eth_dev_socket_id(id);
    return (int)rte_socket_id();
}

static int pool_make(struct weir_ports *ports, const struct weir_settings *settings)
{
    unsigned int used = 0;
    uint16_t room;
    size_t count;

    if (room_of_all(ports, settings, &room) != 0)
        return -EINVAL;
    for (unsigned int id = 0; id < RTE_MAX_ETHPORTS; id++)
        used += ports->port[id].used;
    count = (size_t)settings->mbufs * used;
    ports->pool =
        rte_pktmbuf_pool_create("weir_mbufs", (unsigned int)RTE_MIN(count, 1U << 26), POOL_CACHE,
                                weir_frame_private(), room, socket_of_all(ports));
    if (ports->pool != NULL)
        return 0;
    fprintf(
        stderr,
        "weir: no memory for %zu packet buffers: %s; give EAL more (-m), or lower workers.mbufs\n",
        count, rte_strerror(rte_errno));
    return -ENOMEM;
}

static int queues_make(struct weir_ports *ports, uint16_t id, const struct weir_settings *settings)
{
    struct weir_port *port = &ports->port[id];
    uint16_t rx_desc = (uint16_t)settings->rx_descriptors;
    uint16_t tx_desc = (uint16_t)settings->tx_descriptors;
    int socket = rte_eth_dev_socket_id(id);
    int err = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_desc, &tx_desc);

    for (uint16_t q = 0; err == 0 && q < port->rx_queues; q++)
        err = rte_eth_rx_queue_setup(id, q, rx_desc, (unsigned int)socket, NULL, ports->pool);
    for (uint16_t q = 0; err == 0 && q < port->tx_queues; q++)
        err = rte_eth_tx_queue_setup(id, q, tx_desc, (unsigned int)socket, NULL);
    return err;
}

/* net_pcap: one queue a file. Others: one for each worker, as far as the port has them. */
static void queues_count(struct weir_port *port, const struct rte_eth_dev_info *info,
                         uint32_t workers)
{
    uint16_t rx_most = RTE_MAX((uint16_t)1, info->max_rx_queues);

    port->rx_queues = (uint16_t)(is_net_pcap(info) ? rx_most : RTE_MIN(workers, rx_most));
    port->tx_queues = (uint16_t)RTE_MIN(workers, is_net_pcap(info) ? 1U : info->max_tx_queues);
}

/* Configure with RSS where there is something to spread; a driver may offer it and yet refuse. */
static int port_configure(uint16_t id, const struct weir_port *port,
                          const struct rte_eth_dev_info *info)
{
    struct rte_eth_conf conf = {0};
    int err = -ENOTSUP;

    conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
    conf.rxmode.mtu = RTE_MIN((uint32_t)port->mtu, weir_frame_mtu_told(info));
    if (is_jumbo(port) && weir_frame_chains(info)) {
        conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
        conf.txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    }
    if (port->rx_queues > 1 && !is_net_pcap(info)) {
        struct rte_eth_conf with_rss = conf;

        weir_rss_request(info, &with_rss);
        err = rte_eth_dev_configure(id, port->rx_queues, port->tx_queues, &with_rss);
    }
    return err == 0 ? 0 : rte_eth_dev_configure(id, port->rx_queues, port->tx_queues, &conf);
}

/*
 * Some drivers cannot be told an MTU, or only a smaller one than they carry: the network interface
 * behind them can. Without one they take frames as they come, and the operator is told.
 */
static int mtu_set(uint16_t id, const struct weir_port *port, const struct rte_eth_dev_info *info)
{
    int err = -ENOTSUP;

    if (port->mtu == 0)
        return 0;
    if (port->mtu <= weir_frame_mtu_told(info))
        err = rte_eth_dev_set_mtu(id, port->mtu);
    if (err == -ENOTSUP)
        err = weir_frame_interface_mtu_set(info, port->mtu);
    if (err != -ENOTSUP)
        return err;
    fprintf(stderr,
            "weir: port %s: its driver cannot set an MTU of %u; it takes frames as they come\n",
            port->name, port->mtu);
    return 0;
}

/* What may leave by it; after its start, as its MTU stands then. */
static void sends_learn(struct weir_ports *ports, uint16_t id, const struct rte_eth_dev_info *info)
{
    struct weir_port *port = &ports->port[id];
    bool several = is_jumbo(port) && weir_frame_chains(info);
    uint16_t mtu = 0;

    rte_eth_dev_get_mtu(id, &mtu);
    port->frame_max = weir_frame_sends(info, mtu, rte_pktmbuf_data_room_size(ports->pool), several);
}

/* How packets get to their workers, where there are several. */
static void port_tell(uint16_t id, const struct weir_port *port,
                      const struct rte_eth_dev_info *info, uint32_t workers)
{
    if (port->rx_queues == 1)
        fprintf(stderr, "weir: port %s: 1 receive queue; its worker hands flows to %u workers\n",
                port->name, workers);
    else
        fprintf(stderr,
                "weir: port %s: %u receive queues, spread by %s; flows of another of the %u "
                "workers are handed over\n",
                port->name, port->rx_queues, weir_rss_choose(id, info, port->rx_queues), workers);
}

static int frames_check(const struct weir_port *port, const struct rte_eth_dev_info *info)
{
    const char *arguments = weir_frame_arguments(info);
    uint32_t most = weir_frame_mtu_most(info);

    if (arguments != NULL) {
        fprintf(stderr, "weir: port %s: arguments of its --vdev: expected %s\n", port->name,
                arguments);
        return -EINVAL;
    }
    if (port->mtu <= most && (port->mtu == 0 || port->mtu >= info->min_mtu))
        return 0;
    fprintf(stderr, "weir: port %s: its driver takes no MTU of %u: expected %u to %u%s\n",
            port->name, port->mtu, info->min_mtu, most, weir_frame_mtu_why(info));
    return -EINVAL;
}

/* What frames to expect: by the configuration, else by the interface, as far as that can be. */
static void mtu_learn(struct weir_port *port, const struct rte_eth_dev_info *info)
{
    uint32_t has = port->mtu == 0 ? weir_frame_mtu_has(info) : port->mtu;
    uint32_t most = weir_frame_mtu_most(info);

    if (has > most && most < UINT16_MAX)
        fprintf(stderr,
                "weir: port %s: its interface has an MTU of %u, but larger frames than those of an "
                "MTU of %u do not pass%s\n",
                port->name, has, most, weir_frame_mtu_why(info));
    most = RTE_MIN(most, (uint32_t)UINT16_MAX);
    port->takes = (uint16_t)RTE_MIN(has, most);
}

/* The MTU of what can leave by a port: what it has, else what its driver can carry. */
static uint32_t mtu_out(const struct weir_ports *ports, uint16_t id)
{
    struct rte_eth_dev_info info;

    if (id == WEIR_PORT_NONE)
        return UINT32_MAX;
    if (ports->port[id].takes != 0 || rte_eth_dev_info_get(id, &info) != 0)
        return ports->port[id].takes;
    return weir_frame_mtu_most(&info);
}

/* What one side sends with its MTU does not leave by the other. */
static void pairs_compare(const struct weir_ports *ports)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        const struct weir_port *port = &ports->port[id];
        uint32_t out = port->used ? mtu_out(ports, port->peer) : UINT32_MAX;

        if (port->takes > out)
            fprintf(stderr,
                    "weir: port %s has an MTU of %u, but its peer %s one of %u: larger frames are "
                    "lost on the way to it\n",
                    port->name, port->takes, ports->port[port->peer].name, out);
    }
}

static int ports_learn(struct weir_ports *ports)
{
    int err = 0;

    for (uint16_t id = 0; err == 0 && id < RTE_MAX_ETHPORTS; id++) {
        struct weir_port *port = &ports->port[id];
        struct rte_eth_dev_info info;

        if (!port->used)
            continue;
        err = rte_eth_dev_info_get(id, &info);
        if (err == 0)
            err = frames_check(port, &info);
        if (err == 0)
            mtu_learn(port, &info);
    }
    if (err == 0)
        pairs_compare(ports);
    return err;
}

static int port_start(struct weir_ports *ports, uint16_t id, const struct weir_settings *settings)
{
    struct weir_port *port = &ports->port[id];
    struct rte_eth_dev_info info;
    int err = rte_eth_dev_info_get(id, &info);

    if (err == 0) {
        queues_count(port, &info, settings->workers);
        err = port_configure(id, port, &info);
    }
    if (err == 0)
        err = mtu_set(id, port, &info);
    if (err == 0)
        err = queues_make(ports, id, settings);
    if (err == 0)
        err = rte_eth_dev_start(id);
    if (err != 0) {
        fprintf(stderr, "weir: port %s does not start: %s\n", port->name, rte_strerror(-err));
        return err;
    }
    sends_learn(ports, id, &info);
    rte_eth_macaddr_get(id, &port->own);
    rte_eth_promiscuous_enable(id); /* what cannot be set is on already, or is no matter */
    if (settings->workers > 1 && !is_net_pcap(&info))
        port_tell(id, port, &info, settings->workers);
    return 0;
}

int weir_ports_start(struct weir_ports *ports, const struct weir_settings *settings)
{
    int err = ports_learn(ports);

    if (err == 0)
        err = pool_make(ports, settings);
    for (uint16_t id = 0; err == 0 && id < RTE_MAX_ETHPORTS; id++)
        if (ports->port[id].used)
            err = port_start(ports, id, settings);
    return err;
}

void weir_ports_stop(struct weir_ports *ports)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        if (!ports->port[id].used)
            continue;
        rte_eth_dev_stop(id);
        rte_eth_dev_close(id);
    }
    rte_mempool_free(ports->pool);
    ports->pool = NULL;
}
