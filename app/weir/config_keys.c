/* SPDX-License-Identifier: BSD-3-Clause */
/* Every configuration key; "ports" alone, which is a list of groups, stands in config.c. */
#include "weir/config_keys.h"

#include "weir/settings.h"

#define AT(field) offsetof(struct weir_settings, field)

#define NUMBER(group, name, field, low, high, standard, unit, text)                                \
    {                                                                                              \
        group, name, WEIR_CONFIG_NUMBER, AT(field), low, high, standard, unit, {NULL}, NULL, text  \
    }

#define TIMEOUT_KEY(symbol, name, seconds, text)                                                   \
    NUMBER("timeouts", name, timeouts.sec[WEIR_TIMEOUT_##symbol], WEIR_TIMEOUT_MIN_SEC,            \
           WEIR_TIMEOUT_MAX_SEC, seconds, "seconds", text)

const struct weir_config_key weir_config_keys[] = {
    NUMBER("workers", "count", workers, 1, 64, 1, "workers", "packet workers, one lcore each"),
    NUMBER("workers", "burst", burst, 1, 256, 64, "packets",
           "most packets taken from a port at once"),
    NUMBER("workers", "rx_descriptors", rx_descriptors, 64, 32768, 1024, "descriptors",
           "length of each receive queue"),
    NUMBER("workers", "tx_descriptors", tx_descriptors, 64, 32768, 1024, "descriptors",
           "length of each transmit queue"),
    NUMBER("workers", "mbufs", mbufs, 1024, 1U << 24, 32768, "packet buffers",
           "packet buffers for each port"),

    NUMBER("tracking", "flows", flows, 64, 1U << 28, WEIR_FLOWS_DEFAULT, "flows",
           "IPv4 flows that can be tracked at a time, all workers together; about 96 octets each"),
    NUMBER("tracking", "flows6", flows6, 64, 1U << 28, WEIR_FLOWS6_DEFAULT, "flows",
           "the same for IPv6; about 160 octets each"),
    {"tracking",
     "mode",
     WEIR_CONFIG_WORD,
     AT(mode),
     0,
     0,
     WEIR_MODE_ENFORCE,
     NULL,
     {"enforce", "shadow"},
     "\"enforce\" or \"shadow\"",
     "\"enforce\" drops what is refused; \"shadow\" computes and counts all the same, and drops "
     "nothing"},
    {"tracking",
     "checksum",
     WEIR_CONFIG_WORD,
     AT(checksum),
     0,
     0,
     WEIR_CHECKSUM_VERIFY,
     NULL,
     {"verify", "ignore"},
     "\"verify\" or \"ignore\"",
     "\"verify\" refuses packets whose IP or TCP checksum is wrong; \"ignore\" does not look, as "
     "for "
     "captures taken on the sending host"},
    {"tracking",
     "midstream",
     WEIR_CONFIG_WORD,
     AT(midstream),
     0,
     0,
     WEIR_MIDSTREAM_LOOSE,
     NULL,
     {"loose", "strict", "one-way"},
     "\"loose\", \"strict\" or \"one-way\"",
     "a TCP connection whose opening was not seen: \"loose\" adopts it, \"strict\" refuses it, "
     "\"one-way\" is for networks where only one direction of a connection comes past"},
    {"tracking",
     "vlan_in_key",
     WEIR_CONFIG_BOOL,
     AT(vlan_in_key),
     0,
     0,
     1,
     NULL,
     {NULL},
     NULL,
     "the same addresses and ports in different VLANs are different connections"},

    {"timeouts",
     "profile",
     WEIR_CONFIG_WORD,
     AT(profile),
     0,
     0,
     WEIR_PROFILE_DEFAULT,
     NULL,
     {"default", "rfc"},
     "\"default\" or \"rfc\"",
     "what the keys of this group are that are not set: \"default\" is for practice, \"rfc\" for "
     "RFC "
     "5382, 7857, 4787 and 5508"},
#define WEIR_TIMEOUT(symbol, name, seconds, rfc, text) TIMEOUT_KEY(symbol, name, seconds, text),
#include "core/timeout.def"
#undef WEIR_TIMEOUT

    {"policy",
     "file",
     WEIR_CONFIG_PATH,
     AT(policy_file),
     0,
     WEIR_PATH_MAX,
     0,
     NULL,
     {NULL},
     NULL,
     "file of rules that say who may start a flow, weir.policy(5); \"\": everybody may"},
    NUMBER("policy", "reject_rate", reject_per_sec, 0, 1000000, 100, "answers a second",
           "most ICMP answers to rejected packets, for each worker"),

    {"output",
     "flows",
     WEIR_CONFIG_PATH,
     AT(flow_file),
     0,
     WEIR_PATH_MAX,
     0,
     NULL,
     {NULL},
     NULL,
     "file for a record of each flow that has ended, JSON Lines; \"-\" is standard output, \"\" "
     "none"},
    {"output",
     "trace",
     WEIR_CONFIG_PATH,
     AT(trace_file),
     0,
     WEIR_PATH_MAX,
     0,
     NULL,
     {NULL},
     NULL,
     "file for a record of each packet, JSON Lines; \"-\" is standard output, \"\" none"},
};

const unsigned int weir_config_key_count = sizeof(weir_config_keys) / sizeof(weir_config_keys[0]);
