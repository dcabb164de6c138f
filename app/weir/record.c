/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records as JSON Lines. Ten million of them may be asked for at once, so they are put together by
 * hand: jansson takes 18 times as long for the same line, and its numbers are doubles, which show
 * 1700000001.000007 as 1700000001.0000069.
 */
#include "weir/record.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "core/key.h"
#include "core/reason.h"
#include "core/tcp_state.h"
#include "core/tracker.h"
#include "weir/output.h"

const char *weir_proto_name(unsigned int proto)
{
    switch (proto) {
    case 1:
        return "icmp";
    case 6:
        return "tcp";
    case 17:
        return "udp";
    case 47:
        return "gre";
    case 58:
        return "icmp6";
    case 132:
        return "sctp";
    default:
        return NULL;
    }
}

int weir_proto_number(const char *name)
{
    for (unsigned int proto = 0; proto <= UINT8_MAX; proto++) {
        const char *known = weir_proto_name(proto);

        if (known != NULL && strcasecmp(known, name) == 0)
            return (int)proto;
    }
    return -1;
}

static char *put_text(char *at, const char *text)
{
    return mempcpy(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(at, digits + first, sizeof(digits) - first);
    return at + sizeof(digits) - first;
}

/* Microseconds as seconds with six decimals: never through a double, which loses the last of them.
 */
static char *put_time(char *at, uint64_t time_us)
{
    uint32_t rest = (uint32_t)(time_us % 1000000U);

    at = put_number(at, time_us / 1000000U);
    *at++ = '.';
    for (uint32_t unit = 100000; unit > 0; unit /= 10)
        *at++ = (char)('0' + rest / unit % 10);
    return at;
}

static char *put_string(char *at, const char *text)
{
    *at++ = '"';
    at = put_text(at, text);
    *at++ = '"';
    return at;
}

static char *put_string_or_null(char *at, const char *text)
{
    return text == NULL ? put_text(at, "null") : put_string(at, text);
}

static char *put_id(char *at, uint64_t id)
{
    *at++ = '"';
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[id >> shift & 15U];
    *at++ = '"';
    return at;
}

static char *put_proto(char *at, unsigned int proto)
{
    const char *name = weir_proto_name(proto);

    if (name != NULL)
        return put_string(at, name);
    *at++ = '"';
    at = put_number(at, proto);
    *at++ = '"';
    return at;
}

static char *put_vlan(char *at, const uint16_t vlan[2])
{
    *at++ = '[';
    for (unsigned int i = 0; i < 2 && vlan[i] != WEIR_VLAN_NONE; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_number(at, vlan[i]);
    }
    *at++ = ']';
    return at;
}

static char *put_address(char *at, unsigned int family, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN] = "?";

    inet_ntop(family == 6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
    return put_string(at, text);
}

static const char *state_name(unsigned int state)
{
    return state == WEIR_STATE_NONE ? NULL : weir_tcp_state_name(state);
}

static const char *reason_name(unsigned int reason)
{
    return reason == WEIR_REASON_NONE ? NULL : weir_reason_name(reason);
}

static char *put_ends(char *at, const struct weir_flow_view *flow)
{
    at = put_text(at, ",\"src\":");
    at = put_address(at, flow->family, flow->addr[WEIR_ORIG]);
    at = put_text(at, ",\"sport\":");
    at = put_number(at, flow->port[WEIR_ORIG]);
    at = put_text(at, ",\"dst\":");
    at = put_address(at, flow->family, flow->addr[WEIR_RESP]);
    at = put_text(at, ",\"dport\":");
    return put_number(at, flow->port[WEIR_RESP]);
}

static char *put_states(char *at, const uint8_t state[2])
{
    at = put_text(at, ",\"orig_state\":");
    at = put_string_or_null(at, state_name(state[WEIR_ORIG]));
    at = put_text(at, ",\"resp_state\":");
    return put_string_or_null(at, state_name(state[WEIR_RESP]));
}

static char *put_counts(char *at, const struct weir_flow_view *flow)
{
    at = put_text(at, ",\"orig_packets\":");
    at = put_number(at, flow->packets[WEIR_ORIG]);
    at = put_text(at, ",\"orig_bytes\":");
    at = put_number(at, flow->bytes[WEIR_ORIG]);
    at = put_text(at, ",\"resp_packets\":");
    at = put_number(at, flow->packets[WEIR_RESP]);
    at = put_text(at, ",\"resp_bytes\":");
    return put_number(at, flow->bytes[WEIR_RESP]);
}

static char *put_refused(char *at, const struct weir_flow_view *flow)
{
    at = put_text(at, ",\"refused_orig\":");
    at = put_number(at, flow->refused[WEIR_ORIG]);
    at = put_text(at, ",\"refused_resp\":");
    at = put_number(at, flow->refused[WEIR_RESP]);
    at = put_text(at, ",\"last_reason\":");
    return put_string_or_null(at, reason_name(flow->reason));
}

size_t weir_record_flow_format(char *line, const struct weir_flow_view *flow)
{
    char *at = put_text(line, "{\"id\":");

    at = put_id(at, flow->id);
    at = put_text(at, ",\"start\":");
    at = put_time(at, flow->start_us);
    at = put_text(at, ",\"end\":");
    at = put_time(at, flow->end_us);
    at = put_text(at, ",\"proto\":");
    at = put_proto(at, flow->proto);
    at = put_text(at, ",\"vlan\":");
    at = put_vlan(at, flow->vlan);
    at = put_ends(at, flow);
    at = put_states(at, flow->state);
    at = put_counts(at, flow);
    at = put_text(at, ",\"history\":");
    at = put_string(at, flow->history);
    at = put_text(at, ",\"end_reason\":");
    at = put_string(at, weir_end_name(flow->end));
    at = put_refused(at, flow);
    at = put_text(at, "}\n");
    return (size_t)(at - line);
}

size_t weir_record_trace_format(char *line, const struct weir_trace_view *trace)
{
    char *at = put_text(line, "{\"n\":");

    at = put_number(at, trace->n);
    at = put_text(at, ",\"port\":");
    at = put_number(at, trace->port);
    at = put_text(at, ",\"time\":");
    at = put_time(at, trace->time_us);
    at = put_text(at, ",\"verdict\":");
    at = put_string(at, weir_verdict_name(trace->verdict));
    at = put_text(at, ",\"class\":");
    at = put_string(at, weir_class_name(trace->class));
    at = put_text(at, ",\"reason\":");
    at = put_string_or_null(at, reason_name(trace->reason));
    at = put_text(at, ",\"id\":");
    at = trace->flow_id == 0 ? put_text(at, "null") : put_id(at, trace->flow_id);
    at = put_text(at, ",\"dir\":");
    at = put_string_or_null(at, trace->flow_id == 0       ? NULL
                                : trace->dir == WEIR_ORIG ? "orig"
                                                          : "resp");
    at = put_states(at, trace->state);
    at = put_text(at, "}\n");
    return (size_t)(at - line);
}

const char *weir_event_kind_name(unsigned int kind)
{
    static const char *const names[WEIR_EVENT_KINDS] = {
        [WEIR_EVENT_NEW] = "new",
        [WEIR_EVENT_STATE] = "state",
        [WEIR_EVENT_END] = "end",
        [WEIR_EVENT_REFUSED] = "refused",
    };

    return kind < WEIR_EVENT_KINDS ? names[kind] : "?";
}

static char *put_before(char *at, const uint8_t state[2])
{
    at = put_text(at, ",\"before\":[");
    at = put_string_or_null(at, state_name(state[WEIR_ORIG]));
    *at++ = ',';
    at = put_string_or_null(at, state_name(state[WEIR_RESP]));
    *at++ = ']';
    return at;
}

size_t weir_record_event_format(char *line, const struct weir_event *event)
{
    char *at = put_text(line, "{\"event\":");

    at = put_string(at, weir_event_kind_name(event->kind));
    at = put_text(at, ",\"time\":");
    at = put_time(at, event->time_us);
    if (event->kind == WEIR_EVENT_STATE)
        at = put_before(at, event->state_before);
    if (event->kind == WEIR_EVENT_REFUSED) {
        at = put_text(at, ",\"reason\":");
        at = put_string_or_null(at, reason_name(event->reason));
    }
    at = put_text(at, ",\"flow\":");
    at += weir_record_flow_format(at, &event->flow) - 1; /* without its newline */
    at = put_text(at, "}\n");
    return (size_t)(at - line);
}

void weir_record_flow(struct weir_output *output, const struct weir_flow_view *flow)
{
    char *line = weir_output_reserve(output, WEIR_RECORD_MAX);

    weir_output_commit(output, weir_record_flow_format(line, flow));
}

void weir_record_trace(struct weir_output *output, const struct weir_trace_view *trace)
{
    char *line = weir_output_reserve(output, WEIR_RECORD_MAX);

    weir_output_commit(output, weir_record_trace_format(line, trace));
}
