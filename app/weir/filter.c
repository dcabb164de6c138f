/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/key.h"
#include "core/tcp_state.h"
#include "core/tracker.h"
#include "weir/record.h"

#define AGE_MAX_SEC 1e9

/* One parameter: how its value is read, into which field, and what it must be. */
struct row {
    const char *name;
    bool (*read)(const char *value, void *field);
    size_t offset;
    const char *expected;
    unsigned int uses; /* of enum weir_filter_use */
    bool condition;
};

/* A decimal number and nothing else. */
static bool number(const char *text, unsigned long long max, unsigned long long *value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value <= max;
}

static bool read_prefix(const char *value, void *field)
{
    struct weir_prefix *prefix = field;
    unsigned long long len;
    char text[INET6_ADDRSTRLEN];
    size_t size = strcspn(value, "/");
    unsigned int bits;

    if (size >= sizeof(text))
        return false;
    memcpy(text, value, size);
    text[size] = '\0';
    if (inet_pton(AF_INET, text, prefix->addr) == 1)
        prefix->family = 4;
    else if (inet_pton(AF_INET6, text, prefix->addr) == 1)
        prefix->family = 6;
    else
        return false;
    bits = prefix->family == 4 ? 32 : 128;
    len = bits;
    if (value[size] == '/' && !number(value + size + 1, bits, &len))
        return false;
    prefix->len = (uint8_t)len;
    return true;
}

static bool read_port(const char *value, void *field)
{
    unsigned long long port;

    if (!number(value, UINT16_MAX, &port))
        return false;
    *(uint32_t *)field = (uint32_t)port;
    return true;
}

static bool read_proto(const char *value, void *field)
{
    unsigned long long proto;
    int known = weir_proto_number(value);

    if (known < 0 && !number(value, UINT8_MAX, &proto))
        return false;
    *(int *)field = known < 0 ? (int)proto : known;
    return true;
}

static bool read_vlan(const char *value, void *field)
{
    unsigned long long vlan = WEIR_VLAN_NONE;

    if (strcmp(value, "none") != 0 && !number(value, WEIR_VLAN_NONE - 1, &vlan))
        return false;
    *(int *)field = (int)vlan;
    return true;
}

static int find_state(const char *name, size_t len)
{
    for (unsigned int state = 0; state < WEIR_TCP_STATES; state++) {
        const char *known = weir_tcp_state_name(state);

        if (strlen(known) == len && strncasecmp(known, name, len) == 0)
            return (int)state;
    }
    return -1;
}

static int find_kind(const char *name, size_t len)
{
    for (unsigned int kind = 0; kind < WEIR_EVENT_KINDS; kind++) {
        const char *known = weir_event_kind_name(kind);

        if (strlen(known) == len && strncmp(known, name, len) == 0)
            return (int)kind;
    }
    return -1;
}

static int find_policy(const char *name, size_t len)
{
    static const char *const known[] = {
        [WEIR_POLICY_ALLOW] = "allow",
        [WEIR_POLICY_DROP] = "drop",
        [WEIR_POLICY_REJECT] = "reject",
        [WEIR_POLICY_NOTRACK] = "notrack",
    };

    for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i]) == len && strncmp(known[i], name, len) == 0)
            return (int)i;
    return -1;
}

/* Names by comma into a bit each. */
static bool read_names(const char *value, int (*find)(const char *, size_t), unsigned int *bits)
{
    while (true) {
        size_t len = strcspn(value, ",");
        int bit = find(value, len);

        if (bit < 0)
            return false;
        *bits |= 1U << bit;
        if (value[len] == '\0')
            return true;
        value += len + 1;
    }
}

static bool read_states(const char *value, void *field)
{
    unsigned int bits = 0;

    if (!read_names(value, find_state, &bits))
        return false;
    *(uint16_t *)field = (uint16_t)bits;
    return true;
}

static bool read_policies(const char *value, void *field)
{
    return read_names(value, find_policy, field);
}

static bool read_kinds(const char *value, void *field)
{
    return read_names(value, find_kind, field);
}

static bool read_seconds(const char *value, void *field)
{
    char *end;
    double sec;

    if (value[0] < '0' || value[0] > '9')
        return false;
    sec = strtod(value, &end);
    if (*end != '\0' || !(sec <= AGE_MAX_SEC))
        return false;
    *(uint64_t *)field = (uint64_t)(sec * 1e6 + 0.5);
    return true;
}

static bool read_count(const char *value, void *field)
{
    unsigned long long count;

    if (!number(value, UINT64_MAX, &count))
        return false;
    *(uint64_t *)field = count;
    return true;
}

static bool read_limit(const char *value, void *field)
{
    unsigned long long limit;

    if (!number(value, UINT32_MAX, &limit) || limit == 0)
        return false;
    *(uint32_t *)field = (uint32_t)limit;
    return true;
}

static bool read_one(const char *value, void *field)
{
    *(bool *)field = strcmp(value, "1") == 0;
    return *(bool *)field;
}

#define ADDRESS "an address or a prefix, such as 192.0.2.0/24 or 2001:db8::/32"
#define PORT    "a port, 0 to 65535"
#define STATES  "names of TCP states by comma, such as SYN-SENT,ESTABLISHED"
#define SECONDS "seconds, such as 60 or 0.5"
#define AT(f)   offsetof(struct weir_filter, f)

enum {
    FLOWS = WEIR_FILTER_LIST | WEIR_FILTER_COUNT | WEIR_FILTER_DELETE | WEIR_FILTER_EVENTS,
    ALL = FLOWS | WEIR_FILTER_TRACE,
    STREAMS = WEIR_FILTER_LIST | WEIR_FILTER_EVENTS | WEIR_FILTER_TRACE,
};

static const struct row rows[] = {
    {"src", read_prefix, AT(end[WEIR_ORIG]), ADDRESS, ALL, true},
    {"dst", read_prefix, AT(end[WEIR_RESP]), ADDRESS, ALL, true},
    {"addr", read_prefix, AT(either), ADDRESS, ALL, true},
    {"sport", read_port, AT(port[WEIR_ORIG]), PORT, ALL, true},
    {"dport", read_port, AT(port[WEIR_RESP]), PORT, ALL, true},
    {"port", read_port, AT(port_either), PORT, ALL, true},
    {"proto", read_proto, AT(proto), "tcp, udp, icmp, icmp6, sctp, gre or a number, 0 to 255", ALL,
     true},
    {"vlan", read_vlan, AT(vlan), "a VLAN id, 0 to 4094, or none", FLOWS, true},
    {"orig_state", read_states, AT(state[WEIR_ORIG]), STATES, FLOWS, true},
    {"resp_state", read_states, AT(state[WEIR_RESP]), STATES, FLOWS, true},
    {"state", read_states, AT(state_either), STATES, FLOWS, true},
    {"min_age", read_seconds, AT(min_age_us), SECONDS, FLOWS, true},
    {"max_age", read_seconds, AT(max_age_us), SECONDS, FLOWS, true},
    {"min_idle", read_seconds, AT(min_idle_us), SECONDS, FLOWS, true},
    {"max_idle", read_seconds, AT(max_idle_us), SECONDS, FLOWS, true},
    {"refused", read_count, AT(refused), "a number of packets", FLOWS, true},
    {"policy", read_policies, AT(policy), "allow, drop, reject, notrack, by comma",
     WEIR_FILTER_LIST | WEIR_FILTER_COUNT | WEIR_FILTER_DELETE, true},
    {"limit", read_limit, AT(limit), "a number, 1 to 4294967295", STREAMS, false},
    {"all", read_one, AT(all), "1", WEIR_FILTER_DELETE, false},
    {"kinds", read_kinds, AT(kinds), "new, state, end, refused, by comma", WEIR_FILTER_EVENTS,
     false},
};

static_assert(sizeof(rows) / sizeof(rows[0]) <= 32, "a bit each in seen");

void weir_filter_init(struct weir_filter *filter, enum weir_filter_use use)
{
    *filter = (struct weir_filter){
        .use = use,
        .port = {WEIR_PORT_ANY, WEIR_PORT_ANY},
        .port_either = WEIR_PORT_ANY,
        .proto = -1,
        .vlan = -1,
        .max_age_us = UINT64_MAX,
        .max_idle_us = UINT64_MAX,
    };
}

static const struct row *row_find(const char *name, enum weir_filter_use use)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return (rows[i].uses & use) != 0 ? &rows[i] : NULL;
    return NULL;
}

bool weir_filter_add(struct weir_filter *filter, const char *name, const char *value, char *error,
                     size_t error_size)
{
    const struct row *row = row_find(name, filter->use);
    uint32_t bit;

    if (row == NULL) {
        snprintf(error, error_size, "%.64s: unknown parameter here", name);
        return false;
    }
    bit = 1U << (row - rows);
    if (filter->seen & bit) {
        snprintf(error, error_size, "%s: given twice", name);
        return false;
    }
    if (value == NULL || !row->read(value, (char *)filter + row->offset)) {
        snprintf(error, error_size, "%s=%.64s: expected %s", name, value == NULL ? "" : value,
                 row->expected);
        return false;
    }
    filter->seen |= bit;
    filter->given += row->condition;
    return true;
}

static bool prefix_matches(const struct weir_prefix *prefix, const struct weir_flow_view *flow,
                           unsigned int end)
{
    const uint8_t *addr = flow->addr[end];
    unsigned int bytes = prefix->len / 8;
    unsigned int bits = prefix->len % 8;

    if (prefix->family != flow->family || memcmp(addr, prefix->addr, bytes) != 0)
        return false;
    return bits == 0 || ((addr[bytes] ^ prefix->addr[bytes]) & 0xff00U >> bits & 0xffU) == 0;
}

static bool addresses_match(const struct weir_filter *filter, const struct weir_flow_view *flow)
{
    for (unsigned int end = 0; end < 2; end++)
        if (filter->end[end].family != 0 && !prefix_matches(&filter->end[end], flow, end))
            return false;
    return filter->either.family == 0 || prefix_matches(&filter->either, flow, WEIR_ORIG) ||
           prefix_matches(&filter->either, flow, WEIR_RESP);
}

static bool ports_match(const struct weir_filter *filter, const struct weir_flow_view *flow)
{
    for (unsigned int end = 0; end < 2; end++)
        if (filter->port[end] != WEIR_PORT_ANY && filter->port[end] != flow->port[end])
            return false;
    return filter->port_either == WEIR_PORT_ANY || filter->port_either == flow->port[WEIR_ORIG] ||
           filter->port_either == flow->port[WEIR_RESP];
}

static bool vlan_matches(int vlan, const struct weir_flow_view *flow)
{
    if (vlan < 0)
        return true;
    if (vlan == (int)WEIR_VLAN_NONE)
        return flow->vlan[0] == WEIR_VLAN_NONE;
    return flow->vlan[0] == vlan || flow->vlan[1] == vlan;
}

static bool state_in(uint16_t states, unsigned int state)
{
    return state < WEIR_TCP_STATES && (states >> state & 1U) != 0;
}

static bool states_match(const struct weir_filter *filter, const struct weir_flow_view *flow)
{
    for (unsigned int end = 0; end < 2; end++)
        if (filter->state[end] != 0 && !state_in(filter->state[end], flow->state[end]))
            return false;
    return filter->state_either == 0 || state_in(filter->state_either, flow->state[WEIR_ORIG]) ||
           state_in(filter->state_either, flow->state[WEIR_RESP]);
}

static bool within(uint64_t time_us, uint64_t now_us, uint64_t min_us, uint64_t max_us)
{
    uint64_t age = time_us < now_us ? now_us - time_us : 0;

    return age >= min_us && age <= max_us;
}

bool weir_filter_matches(const struct weir_filter *filter, const struct weir_flow_view *flow,
                         uint64_t now_us)
{
    if (filter->given == 0)
        return true;
    return (filter->proto < 0 || filter->proto == flow->proto) && ports_match(filter, flow) &&
           addresses_match(filter, flow) && vlan_matches(filter->vlan, flow) &&
           states_match(filter, flow) &&
           within(flow->start_us, now_us, filter->min_age_us, filter->max_age_us) &&
           within(flow->end_us, now_us, filter->min_idle_us, filter->max_idle_us) &&
           flow->refused[WEIR_ORIG] + flow->refused[WEIR_RESP] >= filter->refused;
}
