/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings: everything that options and the configuration file can say, checked and with defaults
 * filled in. Made once before the start (settings are constant while workers run).
 */
#ifndef WEIR_APP_SETTINGS_H
#define WEIR_APP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tcp_track.h"
#include "core/timeout.h"

#define WEIR_PATH_MAX   4096U
#define WEIR_PAIRS_CONF 16U  /* port pairs */
#define WEIR_SOCKET_MAX 108U /* as sun_path */
#define WEIR_NAME_MAX   64U  /* as RTE_ETH_NAME_MAX_LEN */

enum weir_checksum { WEIR_CHECKSUM_VERIFY, WEIR_CHECKSUM_IGNORE };
enum weir_mode { WEIR_MODE_ENFORCE, WEIR_MODE_SHADOW };
enum weir_http_mode { WEIR_HTTP_0600, WEIR_HTTP_0660, WEIR_HTTP_0666 };

/* Two ports between which frames pass as they came; b empty: observer, a receives only. */
struct weir_port_pair {
    char a[WEIR_NAME_MAX]; /* DPDK port name */
    char b[WEIR_NAME_MAX];
    enum weir_mode mode;
    uint32_t mtu;      /* of both ports; 0: as they have it */
    bool has_mac[2];   /* frames that leave by a, by b, */
    uint8_t mac[2][6]; /* go to this Ethernet address; else as they came */
};

struct weir_settings {
    /* what to do */
    char config_file[WEIR_PATH_MAX]; /* "" = none */
    char flow_file[WEIR_PATH_MAX];   /* "" = none, "-" = standard output */
    bool flow_starts;                /* a record of each flow as it begins, too */
    char trace_file[WEIR_PATH_MAX];
    char mirror_file[WEIR_PATH_MAX]; /* of refused packets; "" = none */
    uint32_t mirror_size;            /* octets, it and the one before; default 64 MiB */
    uint32_t mirror_per_sec;         /* packets of a worker; default 1000 */
    char ipfix[WEIR_NAME_MAX];       /* "udp:ADDRESS:PORT", "tcp:..."; "" = none */
    bool exit_at_end;                /* end when every port has said all it has (net_pcap files) */
    bool quiet;
    bool frames_cut;    /* replay only: the capture has a snap length, so frames may end early */
    uint32_t frame_max; /* replay only: octets of the capture's largest frame; 0: not known */
    /* packet path */
    uint32_t workers;                        /* 1 to 64 */
    uint32_t burst;                          /* packets a poll, 1 to 256; default 64 */
    uint32_t rx_descriptors, tx_descriptors; /* 64 to 32768; default 1024 */
    uint32_t mbufs;                          /* per port, 1024 to 2^24; default 32768 */
    uint32_t inbox;                          /* packets, a worker, 16 to 2^20; default 4096 */
    struct weir_port_pair pair[WEIR_PAIRS_CONF];
    uint32_t pair_count; /* 0: ports are paired in the order EAL has them: 0-1, 2-3, an odd last one
                            observes */
    /* tracking */
    uint32_t flows;      /* IPv4 records, all workers together, 64 to 2^28; default 1048576 */
    uint32_t flows6;     /* IPv6 records, likewise; default 262144 */
    enum weir_mode mode; /* default for pairs */
    enum weir_checksum checksum;
    enum weir_midstream midstream;
    bool vlan_in_key;                  /* default true */
    enum weir_timeout_profile profile; /* what timeouts that nobody set are taken from */
    struct weir_timeouts timeouts;
    /* policy */
    char policy_file[WEIR_PATH_MAX]; /* "" = everybody may start a flow */
    uint32_t reject_per_sec;         /* ICMP answers a worker sends, at most; default 100 */
    /* control */
    char http_socket[WEIR_SOCKET_MAX]; /* path; "" = none */
    enum weir_http_mode http_mode;
    char http_group[WEIR_NAME_MAX]; /* "" = that of the process */
    char http_tcp[WEIR_NAME_MAX];   /* loopback address:port; "" = none */
};

#define WEIR_FLOWS_DEFAULT  (1U << 20)
#define WEIR_FLOWS6_DEFAULT (1U << 18)

#endif
