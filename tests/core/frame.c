/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/cksum.h"

static uint8_t *put(uint8_t *at, const void *data, uint32_t len)
{
    if (len > 0)
        memcpy(at, data, len);
    return at + len;
}

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    value = htons(value);
    return put(at, &value, 2);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = htonl(value);
    return put(at, &value, 4);
}

static uint8_t proto_of(const struct frame *frame)
{
    return frame->proto != 0 ? frame->proto : IPPROTO_TCP;
}

static uint8_t *put_link(const struct frame *frame, uint8_t *at)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

    at = put(at, macs, sizeof(macs));
    for (uint32_t i = 0; i < FRAME_TAGS && frame->tags[i].type != 0; i++)
        at = put16(put16(at, frame->tags[i].type), frame->tags[i].id);
    if (frame->type != 0)
        return put16(at, frame->type);
    return put16(at, frame->family == 6 ? 0x86dd : 0x0800);
}

static uint8_t *put_address(uint8_t *at, uint8_t family, const char *text, const char *otherwise)
{
    inet_pton(family == 6 ? AF_INET6 : AF_INET, text != NULL ? text : otherwise, at);
    return at + (family == 6 ? 16 : 4);
}

static uint8_t *put_ip4(const struct frame *frame, uint8_t *at, uint32_t l4_len)
{
    uint32_t header_len = 20 + frame->options.len;

    at = put16(at, (uint16_t)(0x4000U | header_len / 4 << 8));
    at = put16(at, (uint16_t)(header_len + l4_len));
    at = put16(put16(at, 0x1234), frame->fragment);
    at = put16(at, (uint16_t)(64U << 8 | proto_of(frame)));
    at = put16(at, 0);
    at = put_address(at, 4, frame->src, "10.0.0.1");
    at = put_address(at, 4, frame->dst, "10.0.0.2");
    return put(at, frame->options.at, frame->options.len);
}

static uint8_t *put_ip6(const struct frame *frame, uint8_t *at, uint32_t l4_len)
{
    uint8_t next = frame->options.len > 0 ? frame->next : proto_of(frame);

    at = put32(at, 0x60000000U);
    at = put16(at, (uint16_t)(frame->options.len + l4_len));
    at = put16(at, (uint16_t)(next << 8 | 64U));
    at = put_address(at, 6, frame->src, "2001:db8::1");
    at = put_address(at, 6, frame->dst, "2001:db8::2");
    return put(at, frame->options.at, frame->options.len);
}

static uint8_t *put_tcp(const struct frame *frame, uint8_t *at)
{
    uint32_t words = (20 + frame->tcp_options.len) / 4;

    at = put16(at, frame->sport != 0 ? frame->sport : 40000);
    at = put16(at, frame->dport != 0 ? frame->dport : 80);
    at = put32(put32(at, frame->seq), frame->ack);
    at = put16(at, (uint16_t)(words << 12 | (frame->flags != 0 ? frame->flags : 0x10U)));
    at = put32(put16(at, frame->win), 0);
    at = put(at, frame->tcp_options.at, frame->tcp_options.len);
    for (uint32_t i = 0; i < frame->payload; i++)
        *at++ = (uint8_t)(i * 7 + 1);
    return at;
}

static void sum_at(uint8_t *field, uint64_t pseudo, const uint8_t *from, uint32_t len)
{
    uint16_t sum = 0;

    memcpy(field, &sum, 2);
    sum = (uint16_t)~weir_cksum_fold(weir_cksum_add(from, len, pseudo));
    memcpy(field, &sum, 2);
}

static void sum_l4(uint8_t *l3, uint8_t proto, uint8_t *l4, uint32_t len)
{
    uint64_t pseudo =
        (l3[0] >> 4 == 4 ? weir_cksum_add(l3 + 12, 8, 0) : weir_cksum_add(l3 + 8, 32, 0)) +
        htonl(proto) + htonl(len);

    if (proto == IPPROTO_TCP && len >= 20)
        sum_at(l4 + 16, pseudo, l4, len);
    if (proto == IPPROTO_UDP && len >= 8)
        sum_at(l4 + 6, pseudo, l4, len);
    if (proto == IPPROTO_ICMP && len >= 8)
        sum_at(l4 + 2, 0, l4, len);
    if (proto == IPPROTO_ICMPV6 && len >= 8)
        sum_at(l4 + 2, pseudo, l4, len);
}

void frame_sum(uint8_t *out, uint32_t len, uint32_t l3_off)
{
    uint8_t *l3 = out + l3_off;
    uint32_t header_len = (l3[0] & 0xfU) * 4;

    if (l3[0] >> 4 == 4 && l3_off + header_len <= len) {
        sum_at(l3 + 10, 0, l3, header_len);
        sum_l4(l3, l3[9], l3 + header_len, (uint32_t)(l3[2] << 8 | l3[3]) - header_len);
    }
}

uint32_t frame_build(const struct frame *frame, uint8_t *out)
{
    uint8_t *l3 = put_link(frame, out);
    uint32_t l4_len = frame->body.len;
    uint8_t *l4;
    uint8_t *end;

    if (proto_of(frame) == IPPROTO_TCP && frame->body.len == 0)
        l4_len = 20 + frame->tcp_options.len + frame->payload;
    l4 = frame->family == 6 ? put_ip6(frame, l3, l4_len) : put_ip4(frame, l3, l4_len);
    end = frame->body.len > 0 ? put(l4, frame->body.at, frame->body.len) : l4;
    if (proto_of(frame) == IPPROTO_TCP && frame->body.len == 0)
        end = put_tcp(frame, l4);
    sum_l4(l3, proto_of(frame), l4, l4_len);
    if (frame->family != 6)
        sum_at(l3 + 10, 0, l3, (uint32_t)(l4 - l3));
    memset(end, 0, frame->padding);
    return (uint32_t)(end - out) + frame->padding;
}
