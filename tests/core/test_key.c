/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/key.h"

/* The order of the ends as the header of key.h says it: wire bytes, address before port. */
static int order(const void *src, const void *dst, size_t len, uint16_t sport, uint16_t dport)
{
    int by_address = memcmp(src, dst, len);

    return by_address != 0 ? by_address : memcmp(&sport, &dport, 2);
}

static void check4(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
    uint32_t zone_proto = weir_key_zone_proto(6, 100, WEIR_VLAN_NONE);
    struct weir_key4 there;
    struct weir_key4 back;
    unsigned int swapped = weir_key4_make(&there, src, dst, sport, dport, zone_proto);
    unsigned int swapped_back = weir_key4_make(&back, dst, src, dport, sport, zone_proto);
    int expected = order(&src, &dst, 4, sport, dport);

    cr_assert_arr_eq(&there, &back, sizeof(there));
    cr_assert_eq(swapped, expected > 0);
    cr_assert_eq(swapped_back, expected < 0);
    cr_assert_eq(there.addr[swapped], src);
    cr_assert_eq(there.addr[!swapped], dst);
    cr_assert_eq(there.tail.port[swapped], sport);
    cr_assert_eq(there.tail.port[!swapped], dport);
    cr_assert_eq(there.tail.zone_proto, zone_proto);
}

static void check6(const uint8_t *src, const uint8_t *dst, uint16_t sport, uint16_t dport)
{
    struct weir_key6 there;
    struct weir_key6 back;
    unsigned int swapped = weir_key6_make(&there, src, dst, sport, dport, 7);
    unsigned int swapped_back = weir_key6_make(&back, dst, src, dport, sport, 7);
    int expected = order(src, dst, 16, sport, dport);

    cr_assert_arr_eq(&there, &back, sizeof(there));
    cr_assert_eq(swapped, expected > 0);
    cr_assert_eq(swapped_back, expected < 0);
    cr_assert_arr_eq(there.addr[swapped], src, 16);
    cr_assert_arr_eq(there.addr[!swapped], dst, 16);
    cr_assert_eq(there.tail.port[swapped], sport);
    cr_assert_eq(there.tail.port[!swapped], dport);
}

Test(key, both_directions_of_ipv4_give_the_same_key)
{
    srand(1);
    for (unsigned int i = 0; i < 20000; i++) {
        uint32_t src = (uint32_t)rand() * 2654435761U;
        uint32_t dst = i % 3 == 0 ? src : (uint32_t)rand() * 2654435761U;

        check4(src, dst, (uint16_t)rand(), (uint16_t)rand());
    }
}

Test(key, both_directions_of_ipv6_give_the_same_key)
{
    uint8_t src[16];
    uint8_t dst[16];

    srand(2);
    for (unsigned int i = 0; i < 20000; i++) {
        for (unsigned int j = 0; j < 16; j++)
            src[j] = dst[j] = (uint8_t)rand();
        if (i % 3 != 0) /* else the ports decide */
            dst[rand() % 16] ^= (uint8_t)(1U << rand() % 8);
        check6(src, dst, (uint16_t)rand(), (uint16_t)rand());
    }
}

/* Wire bytes decide, not numbers as this machine reads them: 10.0.0.255 before 10.0.1.0. */
Test(key, order_is_by_wire_bytes)
{
    struct weir_key4 key;

    cr_assert_eq(weir_key4_make(&key, inet_addr("10.0.0.255"), inet_addr("10.0.1.0"), 1, 1, 0), 0);
    cr_assert_eq(weir_key4_make(&key, inet_addr("10.0.1.0"), inet_addr("10.0.0.255"), 1, 1, 0), 1);
    cr_assert_eq(weir_key4_make(&key, 1, 1, htons(255), htons(256), 0), 0);
    cr_assert_eq(weir_key4_make(&key, 1, 1, htons(256), htons(255), 0), 1);
}

Test(key, equal_ends_are_not_swapped)
{
    static const uint8_t address[16] = {0x20, 1};
    struct weir_key4 key4;
    struct weir_key6 key6;

    cr_assert_eq(weir_key4_make(&key4, 5, 5, 9, 9, 0), 0);
    cr_assert_eq(weir_key6_make(&key6, address, address, 9, 9, 0), 0);
}

Test(key, zone_and_protocol_stay_apart)
{
    struct weir_key_tail tail = {.zone_proto = weir_key_zone_proto(132, 0xabc, 0x123)};

    cr_assert_eq(tail.zone_proto, 0x84abc123U);
    cr_assert_eq(weir_key_proto(&tail), 132);
    cr_assert_eq(weir_key_zone_proto(6, WEIR_VLAN_NONE, WEIR_VLAN_NONE), 0x06ffffffU);
    cr_assert_eq(weir_key_zone_proto(255, 0x1abc, 0x1123), 0xffabc123U);
}
