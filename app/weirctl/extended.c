/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/extended.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/text.h"

/* "" stands for any state; what comes first wins. */
static const struct {
    const char *one, *other; /* of the ends, either way round */
    const char *state;
    const char *timeout; /* its key */
} pairs[] = {
    {"TIME-WAIT", "", "TIME_WAIT", "tcp_time_wait"}, /* both FINs acknowledged */
    {"LAST-ACK", "", "LAST_ACK", "tcp_closing"},     /* both FINs sent */
    {"CLOSING", "", "LAST_ACK", "tcp_closing"},      /* the same, crossing */
    {"FIN-WAIT-1", "FIN-WAIT-1", "LAST_ACK", "tcp_closing"},
    {"FIN-WAIT-2", "", "CLOSE_WAIT", "tcp_half_closed"}, /* one FIN, acknowledged */
    {"FIN-WAIT-1", "", "FIN_WAIT", "tcp_half_closed"},   /* one FIN, not acknowledged */
    {"CLOSE-WAIT", "", "CLOSE_WAIT", "tcp_half_closed"},
    {"CLOSED", "LISTEN", "NONE", "tcp_syn_sent"}, /* its first packet is still to be judged */
    {"CLOSED", "CLOSED", "CLOSE", "tcp_closed"},
    {"SYN-SENT", "SYN-SENT", "SYN_SENT2", "tcp_syn_sent"}, /* simultaneous open */
    {"SYN-SENT", "", "SYN_SENT", "tcp_syn_sent"},
    {"SYN-RECEIVED", "", "SYN_RECV", "tcp_syn_received"},
    {"CLOSED", "", "CLOSE", "tcp_closed"},
    {"LISTEN", "", "NONE", "tcp_closed"},
    {"", "", "ESTABLISHED", "tcp_established"},
};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

static const struct {
    const char *proto;
    const char *shown;
    unsigned int number;
    const char *unreplied, *replied; /* keys of timeouts; TCP's are in pairs */
} protos[] = {
    {"tcp", "tcp", 6, "tcp_adopted", "tcp_established"},
    {"udp", "udp", 17, "udp_unreplied", "udp_stream"},
    {"icmp", "icmp", 1, "icmp", "icmp"},
    {"icmp6", "icmpv6", 58, "icmp", "icmp"},
    {"sctp", "sctp", 132, "sctp_opening", "sctp_established"},
    {"gre", "gre", 47, "other", "other"},
};

enum { PROTOS = sizeof(protos) / sizeof(protos[0]) };

static bool is(const char *state, const char *wanted)
{
    return wanted[0] == '\0' || strcmp(state, wanted) == 0;
}

static unsigned int pair_find(const struct weirctl_flow *flow)
{
    unsigned int i = 0;

    while (i + 1 < PAIRS &&
           !(is(flow->state[0], pairs[i].one) && is(flow->state[1], pairs[i].other)) &&
           !(is(flow->state[1], pairs[i].one) && is(flow->state[0], pairs[i].other)))
        i++;
    return i;
}

const char *weirctl_extended_state(const struct weirctl_flow *flow)
{
    return flow->state[WEIRCTL_ORIG][0] == '\0' ? "" : pairs[pair_find(flow)].state;
}

static unsigned int proto_find(const char *proto)
{
    unsigned int i = 0;

    while (i < PROTOS && strcmp(protos[i].proto, proto) != 0)
        i++;
    return i;
}

static bool replied(const struct weirctl_flow *flow)
{
    return flow->packets[WEIRCTL_ORIG] > 0 && flow->packets[WEIRCTL_RESP] > 0;
}

static const char *timeout_key(const struct weirctl_flow *flow, unsigned int proto)
{
    const char *key = pairs[pair_find(flow)].timeout;

    if (proto == PROTOS)
        return "other";
    if (flow->state[WEIRCTL_ORIG][0] == '\0' ||
        (strcmp(key, "tcp_established") == 0 && !replied(flow)))
        return replied(flow) ? protos[proto].replied : protos[proto].unreplied;
    return key;
}

static long long seconds_left(const struct weirctl_extended *extended,
                              const struct weirctl_flow *flow, unsigned int proto)
{
    double left = weirctl_json_number(extended->timeouts, timeout_key(flow, proto)) -
                  (weirctl_now() - flow->end_sec);

    return left > 0 ? llround(left) : 0;
}

static void ports_print(const struct weirctl_flow *flow, unsigned int from)
{
    if (strncmp(flow->proto, "icmp", 4) == 0)
        printf(" id=%" PRIu64, flow->port[from]);
    else if (flow->port[0] != 0 || flow->port[1] != 0)
        printf(" sport=%" PRIu64 " dport=%" PRIu64, flow->port[from], flow->port[!from]);
}

/* One direction, as its packets have the addresses. */
static void tuple_print(const struct weirctl_flow *flow, unsigned int from)
{
    printf("src=%s dst=%s", flow->addr[from], flow->addr[!from]);
    ports_print(flow, from);
    printf(" packets=%" PRIu64 " bytes=%" PRIu64 " ", flow->packets[from], flow->bytes[from]);
}

/* conntrack's word for what early drop spares: TCP past its handshake, others once both sides have
 * spoken again. */
static bool assured(const struct weirctl_flow *flow)
{
    if (!replied(flow))
        return false;
    if (flow->state[WEIRCTL_ORIG][0] == '\0')
        return flow->packets[0] + flow->packets[1] > 2;
    return strncmp(flow->state[0], "SYN-", 4) != 0 && strncmp(flow->state[1], "SYN-", 4) != 0;
}

static void weir_print(const struct weirctl_extended *extended, const struct weirctl_flow *flow)
{
    char vlan[WEIRCTL_END_MAX];

    weirctl_flow_vlan_text(flow, vlan);
    printf("mark=0 use=1");
    if (extended->with_id)
        printf(" id=%s", flow->id);
    if (vlan[0] != '\0')
        printf(" vlan=%s", vlan);
    if (flow->state[WEIRCTL_ORIG][0] != '\0')
        printf(" orig_state=%s resp_state=%s", flow->state[WEIRCTL_ORIG],
               flow->state[WEIRCTL_RESP]);
    if (flow->refused[0] + flow->refused[1] > 0)
        printf(" refused=%" PRIu64 " last_reason=%s", flow->refused[0] + flow->refused[1],
               flow->last_reason);
}

void weirctl_extended_print(const struct weirctl_extended *extended,
                            const struct weirctl_flow *flow, bool live)
{
    unsigned int proto = proto_find(flow->proto);
    const char *state = weirctl_extended_state(flow);
    bool six = strchr(flow->addr[WEIRCTL_ORIG], ':') != NULL;

    printf("%-8s %u ", six ? "ipv6" : "ipv4", six ? 10U : 2U);
    printf("%-8s %lu ", proto == PROTOS ? "unknown" : protos[proto].shown,
           proto == PROTOS ? strtoul(flow->proto, NULL, 10) : protos[proto].number);
    if (live)
        printf("%lld ", seconds_left(extended, flow, proto));
    if (state[0] != '\0')
        printf("%s ", state);
    tuple_print(flow, WEIRCTL_ORIG);
    if (!replied(flow))
        printf("[UNREPLIED] ");
    tuple_print(flow, WEIRCTL_RESP);
    if (assured(flow))
        printf("[ASSURED] ");
    weir_print(extended, flow);
}

void weirctl_extended_begin(struct weirctl_extended *extended, struct weirctl_client *client)
{
    struct weirctl_answer answer;

    extended->timeouts = NULL;
    if (weirctl_client_ask(client, "GET", "/config", &answer) != WEIRCTL_DONE)
        return;
    extended->timeouts = json_incref(json_object_get(answer.json, "timeouts"));
    weirctl_answer_free(&answer);
}

void weirctl_extended_end(struct weirctl_extended *extended)
{
    json_decref(extended->timeouts);
}
