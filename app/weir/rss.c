/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive side scaling; see rss.h. */
#include "weir/rss.h"

#include <string.h>

#include <rte_flow.h>

#define KEY_MAX        64U
#define KEY_USUAL      40U
#define QUEUES_MAX     64U
#define RULE_ITEMS_MAX 4U
#define RULES_NEEDED   2U

#define KINDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

/*
 * 16 bits repeated make the Toeplitz hash symmetric, since it then gives the same for octets that
 * change places by a multiple of 16 bits (Woo and Park, Scalable TCP Session Monitoring with
 * Symmetric Receive-side Scaling, 2012).
 */
static uint8_t symmetric_key[KEY_MAX] = {
#define SIX 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a
    SIX, SIX, SIX, SIX, SIX, SIX, SIX, SIX,
#undef SIX
};

/* Drivers that do not say take the length of Microsoft's definition. */
static uint8_t key_len(const struct rte_eth_dev_info *info)
{
    return info->hash_key_size == 0 ? KEY_USUAL : info->hash_key_size;
}

void weir_rss_request(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
    uint64_t kinds = info->flow_type_rss_offloads & KINDS;

    if (kinds == 0)
        return;
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf.rss_hf = kinds;
    if (key_len(info) > KEY_MAX)
        return;
    conf->rx_adv_conf.rss_conf.rss_key = symmetric_key;
    conf->rx_adv_conf.rss_conf.rss_key_len = key_len(info);
}

/* The kinds of packet that a rule is for each, by the headers that they begin with. */
static const struct {
    enum rte_flow_item_type item[RULE_ITEMS_MAX];
    uint64_t kinds;
} rules[] = {
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV4, RTE_FLOW_ITEM_TYPE_TCP},
     RTE_ETH_RSS_NONFRAG_IPV4_TCP},
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV6, RTE_FLOW_ITEM_TYPE_TCP},
     RTE_ETH_RSS_NONFRAG_IPV6_TCP},
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV4, RTE_FLOW_ITEM_TYPE_UDP},
     RTE_ETH_RSS_NONFRAG_IPV4_UDP},
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV6, RTE_FLOW_ITEM_TYPE_UDP},
     RTE_ETH_RSS_NONFRAG_IPV6_UDP},
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV4}, RTE_ETH_RSS_IPV4},
    {{RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV6}, RTE_ETH_RSS_IPV6},
};

/* One rule. It stays until the port is closed. */
static struct rte_flow *rule_make(uint16_t port, unsigned int rule, const uint16_t *queue,
                                  uint16_t queues)
{
    const struct rte_flow_attr attr = {.ingress = 1};
    const struct rte_flow_action_rss rss = {.func = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ,
                                            .types = rules[rule].kinds,
                                            .queue = queue,
                                            .queue_num = queues};
    const struct rte_flow_action actions[] = {{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss},
                                              {.type = RTE_FLOW_ACTION_TYPE_END}};
    struct rte_flow_item items[RULE_ITEMS_MAX + 1] = {{.type = RTE_FLOW_ITEM_TYPE_END}};
    struct rte_flow_error error;

    for (unsigned int i = 0; i < RULE_ITEMS_MAX; i++)
        items[i].type = rules[rule].item[i]; /* what is not named is the end */
    if (rte_flow_validate(port, &attr, items, actions, &error) != 0)
        return NULL;
    return rte_flow_create(port, &attr, items, actions, &error);
}

/* TCP over both IPs has to have it, else none shall. */
static bool function_set(uint16_t port, uint16_t queues)
{
    struct rte_flow_error error;
    uint16_t queue[QUEUES_MAX];

    for (uint16_t q = 0; q < QUEUES_MAX; q++)
        queue[q] = q;
    for (unsigned int rule = 0; rule < RTE_DIM(rules); rule++) {
        bool made = rule_make(port, rule, queue, RTE_MIN(queues, (uint16_t)QUEUES_MAX)) != NULL;

        if (!made && rule < RULES_NEEDED) {
            rte_flow_flush(port, &error);
            return false;
        }
    }
    return true;
}

static bool key_kept(uint16_t port, uint8_t len)
{
    uint8_t key[KEY_MAX] = {0};
    struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = KEY_MAX};

    return len <= KEY_MAX && rte_eth_dev_rss_hash_conf_get(port, &conf) == 0 &&
           memcmp(key, symmetric_key, len) == 0;
}

/* Some drivers take the key with their configuration, some only afterwards. */
static bool key_set(uint16_t port, const struct rte_eth_dev_info *info)
{
    struct rte_eth_rss_conf conf = {.rss_key = symmetric_key,
                                    .rss_key_len = key_len(info),
                                    .rss_hf = info->flow_type_rss_offloads & KINDS};

    if (key_kept(port, key_len(info)))
        return true;
    return key_len(info) <= KEY_MAX && rte_eth_dev_rss_hash_update(port, &conf) == 0 &&
           key_kept(port, key_len(info));
}

const char *weir_rss_choose(uint16_t port, const struct rte_eth_dev_info *info, uint16_t queues)
{
    if ((info->flow_type_rss_offloads & KINDS) == 0)
        return "its driver or sender";
    if (function_set(port, queues))
        return "the symmetric Toeplitz function";
    if (key_set(port, info))
        return "RSS with a symmetric key";
    return "the driver's own RSS";
}
