/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "core/account.h"

/* The tally is added to as one word: flags must stay, and nothing may be lost on the way out. */
Test(account, every_packet_and_octet_is_counted_once)
{
    static const uint32_t lengths[] = {40, 1500, 65535, 65536, 100000, 1, 0, 40, 9000};
    struct weir_annex_entry entries[64];
    struct weir_annex annex;
    struct weir_flow flow = {.peer = {{.flags = 0x5f}, {.flags = 0x2a}}};
    struct weir_flow_cold cold = {0};
    struct weir_totals totals;
    uint64_t bytes[2] = {0, 0};
    uint64_t packets[2] = {0, 0};

    weir_annex_init(&annex, entries, 64);
    for (unsigned int i = 0; i < 100000; i++) {
        uint32_t length = lengths[i * 7 % 9];
        unsigned int dir = i % 3 == 0;

        weir_account_packet(&flow, &cold, &annex, dir, length);
        bytes[dir] += length;
        packets[dir]++;
        cr_assert_eq(flow.peer[dir].flags & 0x7fU, dir ? 0x2aU : 0x5fU, "packet %u", i);
        if (i % 1000 != 0)
            continue;
        weir_account_total(
            &flow, &cold,
            (flow.peer[WEIR_ORIG].flags & WEIR_PEER_EXTRA) ? &entries[cold.annex] : NULL, &totals);
        cr_assert_arr_eq(totals.bytes, bytes, sizeof(bytes), "packet %u", i);
        cr_assert_arr_eq(totals.packets, packets, sizeof(packets), "packet %u", i);
    }
}

Test(account, the_tally_is_octets_then_packets_then_flags)
{
    struct weir_peer peer = {.bytes = 1, .packets = 1, .flags = 1};
    uint32_t word;

    memcpy(&word, (uint8_t *)&peer + 16, sizeof(word));
    cr_assert_eq(word, 1U | 1U << 17 | 1U << 24);
}
