/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy: who may start a flow. Rules in order, the first that matches decides; compiled into two
 * rte_acl contexts (IPv4, IPv6) and asked only for packets that belong to no known flow.
 *
 * A policy is built by the control core, then constant. Workers hold a pointer to it for the length
 * of one poll; how it is replaced is in app/weir/policy_swap.c.
 */
#ifndef WEIR_DP_POLICY_H
#define WEIR_DP_POLICY_H

#include <stdint.h>

#include "core/packet.h"
#include "core/tracker.h"

#define WEIR_POLICY_RULES_MAX 8192U
#define WEIR_POLICY_NAME_MAX  48U
#define WEIR_POLICY_ANY_PORT  0xffffU /* of in_port: whatever port it came in by */
#define WEIR_POLICY_ANY_VLAN  0xffffU

/* One rule; what is zero-length or full-range matches anything. */
struct weir_policy_rule {
    char name[WEIR_POLICY_NAME_MAX];
    enum weir_policy action; /* ALLOW, DROP, REJECT, NOTRACK */
    uint8_t family;          /* 4, 6, or 0 for both; with 0 both prefixes are of length 0 */
    uint8_t proto;           /* with proto_any not set */
    uint8_t proto_any;
    uint8_t src_len, dst_len;    /* prefix lengths */
    uint8_t src[16], dst[16];    /* wire order; IPv4 in the first four octets */
    uint16_t sport[2], dport[2]; /* host order, first and last */
    uint16_t in_port;            /* DPDK port id, or WEIR_POLICY_ANY_PORT */
    uint16_t vlan;               /* outermost VLAN id, WEIR_VLAN_NONE for untagged, or ANY */
    uint32_t line;               /* in the file, for messages */
};

struct weir_policy_set;

/*
 * Compile count rules (at most WEIR_POLICY_RULES_MAX) and the action for what none of them matches.
 * epoch is kept with it and must differ from that of any other policy alive. Returns NULL, with
 * errno set, if rte_acl cannot be had: ENOMEM, or EINVAL for a rule it does not take. EAL must be
 * up.
 */
struct weir_policy_set *weir_policy_build(const struct weir_policy_rule *rule, unsigned int count,
                                          enum weir_policy otherwise, unsigned int epoch);

/* NULL is no error. No worker may hold it any more. */
void weir_policy_free(struct weir_policy_set *set);

/* Judge one packet with a key (family 4 or 6). NULL as set: ALLOW. */
enum weir_policy weir_policy_judge(const struct weir_policy_set *set,
                                   const struct weir_packet *packet);

/* The rule that decided, as a number from 0 in the order given; count of rules: none matched. */
unsigned int weir_policy_match(const struct weir_policy_set *set, const struct weir_packet *packet);

/*
 * Judge count packets (at most WEIR_BURST_MAX): order[which[i]] gets the action in its low bits.
 */
void weir_policy_judge_burst(const struct weir_policy_set *set, const struct weir_packet *packet,
                             const uint8_t *which, unsigned int count, uint8_t *order);

/* Does it allow everything, so that nobody need ask? True for NULL. */
int weir_policy_is_open(const struct weir_policy_set *set);

#endif
