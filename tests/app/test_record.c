/* SPDX-License-Identifier: BSD-3-Clause */
/* The two records, octet by octet: other programs read them. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/key.h"
#include "core/reason.h"
#include "core/tcp_state.h"
#include "weir/record.h"

static const char *flow_line(const struct weir_flow_view *flow)
{
    static char line[WEIR_RECORD_MAX + 1];

    line[weir_record_flow_format(line, flow)] = '\0';
    return line;
}

static const char *trace_line(const struct weir_trace_view *trace)
{
    static char line[WEIR_RECORD_MAX + 1];

    line[weir_record_trace_format(line, trace)] = '\0';
    return line;
}

static const struct weir_flow_view tcp_flow = {
    .id = 0x0123456789abcdef,
    .start_us = 1700000000123456,
    .end_us = 1700000001000007,
    .packets = {6, 5},
    .bytes = {400, 1234567890123},
    .addr = {{192, 0, 2, 1}, {198, 51, 100, 255}},
    .port = {49152, 80},
    .vlan = {WEIR_VLAN_NONE, WEIR_VLAN_NONE},
    .state = {WEIR_TCP_FIN_WAIT_2, WEIR_TCP_CLOSE_WAIT},
    .family = 4,
    .proto = 6,
    .end = WEIR_END_ACTIVE,
    .history = "ShADadF",
};

Test(record, a_tcp_flow_has_all_fields_in_the_order_of_the_contract)
{
    cr_expect_str_eq(
        flow_line(&tcp_flow),
        "{\"id\":\"0123456789abcdef\",\"start\":1700000000.123456,"
        "\"end\":1700000001.000007,\"proto\":\"tcp\",\"vlan\":[],"
        "\"src\":\"192.0.2.1\",\"sport\":49152,\"dst\":\"198.51.100.255\",\"dport\":80,"
        "\"orig_state\":\"FIN-WAIT-2\",\"resp_state\":\"CLOSE-WAIT\","
        "\"orig_packets\":6,\"orig_bytes\":400,\"resp_packets\":5,"
        "\"resp_bytes\":1234567890123,\"history\":\"ShADadF\","
        "\"end_reason\":\"active\",\"refused_orig\":0,\"refused_resp\":0,"
        "\"last_reason\":null}\n");
}

Test(record, a_flow_that_is_not_tcp_has_null_states)
{
    struct weir_flow_view flow = tcp_flow;

    flow.proto = 253;
    flow.state[WEIR_ORIG] = flow.state[WEIR_RESP] = WEIR_STATE_NONE;
    cr_expect(strstr(flow_line(&flow), "\"proto\":\"253\""));
    cr_expect(strstr(flow_line(&flow), "\"orig_state\":null,\"resp_state\":null"));
}

Test(record, every_named_protocol_is_shown_by_name)
{
    static const struct {
        uint8_t proto;
        const char *shown;
    } rows[] = {{1, "\"proto\":\"icmp\""}, {6, "\"proto\":\"tcp\""},    {17, "\"proto\":\"udp\""},
                {47, "\"proto\":\"gre\""}, {58, "\"proto\":\"icmp6\""}, {132, "\"proto\":\"sctp\""},
                {0, "\"proto\":\"0\""}};
    struct weir_flow_view flow = tcp_flow;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        flow.proto = rows[i].proto;
        cr_expect(strstr(flow_line(&flow), rows[i].shown), "%s", rows[i].shown);
    }
}

Test(record, addresses_of_ipv6_are_compressed_as_rfc_5952_asks)
{
    struct weir_flow_view flow = tcp_flow;

    flow.family = 6;
    memcpy(flow.addr[WEIR_ORIG], "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    memcpy(flow.addr[WEIR_RESP], "\xfe\x80\0\0\0\0\0\0\0\x1b\x21\xff\xfe\0\0\x02", 16);
    cr_expect(strstr(flow_line(&flow), "\"src\":\"2001:db8::1\",\"sport\":49152,"
                                       "\"dst\":\"fe80::1b:21ff:fe00:2\""));
}

Test(record, vlan_tags_stand_outermost_first)
{
    struct weir_flow_view flow = tcp_flow;

    flow.vlan[0] = 100;
    cr_expect(strstr(flow_line(&flow), "\"vlan\":[100],"));
    flow.vlan[1] = 0;
    cr_expect(strstr(flow_line(&flow), "\"vlan\":[100,0],"));
}

Test(record, a_refused_packet_shows_with_its_reason)
{
    struct weir_flow_view flow = tcp_flow;

    flow.refused[WEIR_RESP] = 3;
    flow.reason = WEIR_REASON_SEQ_ABOVE;
    flow.end = WEIR_END_RST;
    cr_expect(strstr(flow_line(&flow), "\"end_reason\":\"rst\",\"refused_orig\":0,"
                                       "\"refused_resp\":3,\"last_reason\":\"seq-above\"}\n"));
}

Test(record, times_keep_all_six_decimals)
{
    static const struct {
        uint64_t time_us;
        const char *shown;
    } rows[] = {{0, "\"start\":0.000000,"},
                {999999, "\"start\":0.999999,"},
                {1700000000000000, "\"start\":1700000000.000000,"},
                {UINT64_MAX, "\"start\":18446744073709.551615,"}};
    struct weir_flow_view flow = tcp_flow;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        flow.start_us = rows[i].time_us;
        cr_expect(strstr(flow_line(&flow), rows[i].shown), "%s", rows[i].shown);
    }
}

Test(record, the_longest_record_fits)
{
    struct weir_flow_view flow;
    struct weir_trace_view trace;
    char line[2 * WEIR_RECORD_MAX];

    memset(&flow, 0xff, sizeof(flow));
    flow.family = 6;
    flow.vlan[0] = flow.vlan[1] = 4094;
    flow.state[0] = flow.state[1] = WEIR_TCP_SYN_RECEIVED;
    flow.end = WEIR_END_SHUTDOWN;
    memset(flow.history, 'S', WEIR_HISTORY_MAX);
    flow.history[WEIR_HISTORY_MAX] = '\0';
    memset(&trace, 0xff, sizeof(trace));
    for (unsigned int reason = 0; reason < WEIR_REASON_COUNT; reason++) {
        flow.reason = trace.reason = (uint8_t)reason;
        cr_assert_lt(weir_record_flow_format(line, &flow), WEIR_RECORD_MAX);
        cr_assert_lt(weir_record_trace_format(line, &trace), WEIR_RECORD_MAX);
    }
}

Test(record, a_trace_has_all_fields_in_the_order_of_the_contract)
{
    struct weir_trace_view trace = {.n = 7,
                                    .time_us = 1700000000123456,
                                    .flow_id = 1,
                                    .port = 1,
                                    .verdict = WEIR_VERDICT_DROP,
                                    .class = WEIR_CLASS_INVALID,
                                    .reason = WEIR_REASON_RST_OUTSIDE,
                                    .dir = WEIR_RESP,
                                    .state = {WEIR_TCP_ESTABLISHED, WEIR_TCP_SYN_RECEIVED}};

    cr_expect_str_eq(trace_line(&trace),
                     "{\"n\":7,\"port\":1,\"time\":1700000000.123456,\"verdict\":\"drop\","
                     "\"class\":\"invalid\",\"reason\":\"rst-outside\",\"id\":\"0000000000000001\","
                     "\"dir\":\"resp\",\"orig_state\":\"ESTABLISHED\","
                     "\"resp_state\":\"SYN-RECEIVED\"}\n");
}

Test(record, a_trace_without_flow_has_nulls)
{
    struct weir_trace_view trace = {.class = WEIR_CLASS_UNTRACKED,
                                    .reason = WEIR_REASON_NOT_IP,
                                    .state = {WEIR_STATE_NONE, WEIR_STATE_NONE}};

    cr_expect_str_eq(trace_line(&trace),
                     "{\"n\":0,\"port\":0,\"time\":0.000000,\"verdict\":\"forward\","
                     "\"class\":\"untracked\",\"reason\":\"not-ip\",\"id\":null,\"dir\":null,"
                     "\"orig_state\":null,\"resp_state\":null}\n");
}
