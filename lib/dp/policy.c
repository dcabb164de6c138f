/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_acl.h>
#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_lcore.h>

/*
 * What rte_acl looks at: wire order throughout, the first field one octet, all others in groups of
 * four octets, as it demands (programmer's guide, packet classification and access control).
 */
struct input {
    uint8_t proto;
    uint8_t pad[3];
    rte_be16_t in_port;
    rte_be16_t vlan;
    rte_be16_t sport;
    rte_be16_t dport;
    uint8_t src[16];
    uint8_t dst[16];
};

enum { FIELDS4 = 7, FIELDS6 = 13, WORDS6 = 4 };

struct weir_policy_set {
    struct rte_acl_ctx *acl[2]; /* IPv4, IPv6; NULL where no rule is of that family */
    unsigned int count;
    unsigned int epoch;
    enum weir_policy otherwise;
    enum weir_policy action[]; /* by rule */
};

RTE_ACL_RULE_DEF(rule4, FIELDS4);
RTE_ACL_RULE_DEF(rule6, FIELDS6);

#define FIELD(number, kind, group, member, add, octets)                                            \
    {                                                                                              \
        .type = RTE_ACL_FIELD_TYPE_##kind, .size = (octets), .field_index = (number),              \
        .input_index = (group), .offset = offsetof(struct input, member) + (add)                   \
    }

static const struct rte_acl_field_def fields4[FIELDS4] = {
    FIELD(0, BITMASK, 0, proto, 0, 1), FIELD(1, RANGE, 1, in_port, 0, 2),
    FIELD(2, RANGE, 1, vlan, 0, 2),    FIELD(3, RANGE, 2, sport, 0, 2),
    FIELD(4, RANGE, 2, dport, 0, 2),   FIELD(5, MASK, 3, src, 0, 4),
    FIELD(6, MASK, 4, dst, 0, 4),
};

static const struct rte_acl_field_def fields6[FIELDS6] = {
    FIELD(0, BITMASK, 0, proto, 0, 1), FIELD(1, RANGE, 1, in_port, 0, 2),
    FIELD(2, RANGE, 1, vlan, 0, 2),    FIELD(3, RANGE, 2, sport, 0, 2),
    FIELD(4, RANGE, 2, dport, 0, 2),   FIELD(5, MASK, 3, src, 0, 4),
    FIELD(6, MASK, 4, src, 4, 4),      FIELD(7, MASK, 5, src, 8, 4),
    FIELD(8, MASK, 6, src, 12, 4),     FIELD(9, MASK, 7, dst, 0, 4),
    FIELD(10, MASK, 8, dst, 4, 4),     FIELD(11, MASK, 9, dst, 8, 4),
    FIELD(12, MASK, 10, dst, 12, 4),
};

static uint32_t word_at(const uint8_t *addr, unsigned int word)
{
    uint32_t value;

    memcpy(&value, addr + 4 * (size_t)word, sizeof(value));
    return rte_be_to_cpu_32(value);
}

/* Prefix length within one word of an address. */
static uint32_t word_len(unsigned int len, unsigned int word)
{
    unsigned int before = 32 * word;

    return len <= before ? 0 : RTE_MIN(len - before, 32U);
}

static void range_set(struct rte_acl_field *field, uint16_t low, uint16_t high)
{
    field->value.u16 = low;
    field->mask_range.u16 = high;
}

/* The fields that both families have: 0 to 4. */
static void common_set(struct rte_acl_field *field, const struct weir_policy_rule *rule)
{
    bool any_port = rule->in_port == WEIR_POLICY_ANY_PORT;
    bool any_vlan = rule->vlan == WEIR_POLICY_ANY_VLAN;

    field[0].value.u8 = rule->proto_any ? 0 : rule->proto;
    field[0].mask_range.u8 = rule->proto_any ? 0 : 0xff;
    range_set(&field[1], any_port ? 0 : rule->in_port, any_port ? UINT16_MAX : rule->in_port);
    range_set(&field[2], any_vlan ? 0 : rule->vlan, any_vlan ? UINT16_MAX : rule->vlan);
    range_set(&field[3], rule->sport[0], rule->sport[1]);
    range_set(&field[4], rule->dport[0], rule->dport[1]);
}

static void prefix_set(struct rte_acl_field *field, const uint8_t *addr, unsigned int len,
                       unsigned int words)
{
    for (unsigned int i = 0; i < words; i++) {
        field[i].value.u32 = word_at(addr, i);
        field[i].mask_range.u32 = word_len(len, i);
    }
}

static struct rte_acl_rule_data rule_data(unsigned int number, unsigned int count)
{
    return (struct rte_acl_rule_data){
        .category_mask = 1, .priority = (int32_t)(count - number), .userdata = number + 1};
}

static int add4(struct rte_acl_ctx *acl, const struct weir_policy_rule *rule, unsigned int number,
                unsigned int count)
{
    struct rule4 r = {.data = rule_data(number, count)};

    common_set(r.field, rule);
    prefix_set(&r.field[5], rule->src, rule->src_len, 1);
    prefix_set(&r.field[6], rule->dst, rule->dst_len, 1);
    return rte_acl_add_rules(acl, (const struct rte_acl_rule *)&r, 1);
}

static int add6(struct rte_acl_ctx *acl, const struct weir_policy_rule *rule, unsigned int number,
                unsigned int count)
{
    struct rule6 r = {.data = rule_data(number, count)};

    common_set(r.field, rule);
    prefix_set(&r.field[5], rule->src, rule->src_len, WORDS6);
    prefix_set(&r.field[5 + WORDS6], rule->dst, rule->dst_len, WORDS6);
    return rte_acl_add_rules(acl, (const struct rte_acl_rule *)&r, 1);
}

static int acl_build(struct rte_acl_ctx *acl, unsigned int family)
{
    struct rte_acl_config config = {.num_categories = 1};

    config.num_fields = family == 4 ? FIELDS4 : FIELDS6;
    memcpy(config.defs, family == 4 ? fields4 : fields6,
           config.num_fields * sizeof(config.defs[0]));
    return rte_acl_build(acl, &config);
}

/* One family's context; *made is left NULL where no rule is of the family. */
static int acl_make(struct rte_acl_ctx **made, const struct weir_policy_rule *rule,
                    unsigned int count, unsigned int family, unsigned int epoch)
{
    char name[RTE_ACL_NAMESIZE];
    struct rte_acl_param param = {.name = name, .socket_id = SOCKET_ID_ANY};
    unsigned int added = 0;
    int err = 0;

    snprintf(name, sizeof(name), "weir_policy_%u_%u", family, epoch);
    param.rule_size = (uint32_t)(family == 4 ? sizeof(struct rule4) : sizeof(struct rule6));
    param.max_rule_num = count + 1;
    *made = rte_acl_create(&param);
    if (*made == NULL)
        return -rte_errno;
    for (unsigned int i = 0; err == 0 && i < count; i++) {
        if (rule[i].family != 0 && rule[i].family != family)
            continue;
        err = family == 4 ? add4(*made, &rule[i], i, count) : add6(*made, &rule[i], i, count);
        added++;
    }
    if (err == 0 && added > 0)
        return acl_build(*made, family);
    rte_acl_free(*made);
    *made = NULL;
    return err;
}

struct weir_policy_set *weir_policy_build(const struct weir_policy_rule *rule, unsigned int count,
                                          enum weir_policy otherwise, unsigned int epoch)
{
    struct weir_policy_set *set = calloc(1, sizeof(*set) + count * sizeof(set->action[0]));
    int err;

    if (set == NULL)
        return NULL;
    set->count = count;
    set->epoch = epoch;
    set->otherwise = otherwise;
    for (unsigned int i = 0; i < count; i++)
        set->action[i] = rule[i].action;
    err = acl_make(&set->acl[0], rule, count, 4, epoch);
    if (err == 0)
        err = acl_make(&set->acl[1], rule, count, 6, epoch);
    if (err == 0)
        return set;
    weir_policy_free(set);
    errno = -err;
    return NULL;
}

void weir_policy_free(struct weir_policy_set *set)
{
    if (set == NULL)
        return;
    rte_acl_free(set->acl[0]);
    rte_acl_free(set->acl[1]);
    free(set);
}

/* The sender's end of the key stands at `swapped`. */
static void input_fill(struct input *input, const struct weir_packet *packet)
{
    unsigned int from = packet->swapped;
    const struct weir_key_tail *tail =
        packet->family == 6 ? &packet->key6.tail : &packet->key4.tail;

    input->proto = weir_key_proto(tail);
    input->in_port = rte_cpu_to_be_16(packet->port);
    input->vlan = rte_cpu_to_be_16((uint16_t)(tail->zone_proto >> 12 & 0xfffU));
    input->sport = tail->port[from];
    input->dport = tail->port[!from];
    if (packet->family == 6) {
        memcpy(input->src, packet->key6.addr[from], 16);
        memcpy(input->dst, packet->key6.addr[!from], 16);
    } else {
        memcpy(input->src, &packet->key4.addr[from], 4);
        memcpy(input->dst, &packet->key4.addr[!from], 4);
    }
}

unsigned int weir_policy_match(const struct weir_policy_set *set, const struct weir_packet *packet)
{
    struct input input = {0};
    const uint8_t *data = (const uint8_t *)&input;
    struct rte_acl_ctx *acl = set->acl[packet->family == 6];
    uint32_t result = 0;

    if (acl == NULL)
        return set->count;
    input_fill(&input, packet);
    rte_acl_classify(acl, &data, &result, 1, 1);
    return result == 0 ? set->count : result - 1;
}

static enum weir_policy action_of(const struct weir_policy_set *set, uint32_t result)
{
    return result == 0 ? set->otherwise : set->action[result - 1];
}

enum weir_policy weir_policy_judge(const struct weir_policy_set *set,
                                   const struct weir_packet *packet)
{
    unsigned int rule;

    if (set == NULL)
        return WEIR_POLICY_ALLOW;
    rule = weir_policy_match(set, packet);
    return action_of(set, rule == set->count ? 0 : rule + 1);
}

/* The packets of one family among those to be judged. */
static void judge_family(const struct weir_policy_set *set, const struct weir_packet *packet,
                         const uint8_t *which, unsigned int count, uint8_t *order,
                         unsigned int family)
{
    struct input input[WEIR_BURST_MAX];
    const uint8_t *data[WEIR_BURST_MAX];
    uint32_t result[WEIR_BURST_MAX];
    uint8_t place[WEIR_BURST_MAX];
    unsigned int n = 0;

    for (unsigned int i = 0; i < count; i++) {
        if (packet[which[i]].family != family)
            continue;
        input_fill(&input[n], &packet[which[i]]);
        data[n] = (const uint8_t *)&input[n];
        result[n] = 0;
        place[n++] = which[i];
    }
    if (n == 0)
        return;
    if (set->acl[family == 6] != NULL)
        rte_acl_classify(set->acl[family == 6], data, result, n, 1);
    for (unsigned int i = 0; i < n; i++)
        order[place[i]] = (uint8_t)((order[place[i]] & ~WEIR_ORDER_POLICY) |
                                    (unsigned int)action_of(set, result[i]));
}

void weir_policy_judge_burst(const struct weir_policy_set *set, const struct weir_packet *packet,
                             const uint8_t *which, unsigned int count, uint8_t *order)
{
    judge_family(set, packet, which, count, order, 4);
    judge_family(set, packet, which, count, order, 6);
}

int weir_policy_is_open(const struct weir_policy_set *set)
{
    if (set == NULL)
        return 1;
    for (unsigned int i = 0; i < set->count; i++)
        if (set->action[i] != WEIR_POLICY_ALLOW)
            return 0;
    return set->otherwise == WEIR_POLICY_ALLOW;
}
