/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/flow.h"

#include <criterion/criterion.h>

#define US_PER_HOUR (3600U * (uint64_t)1000000)

union record {
    struct weir_flow flow;
    uint8_t octets[WEIR_FLOW6_SIZE];
};

Test(flow, direction_is_relative_to_the_originator)
{
    union record record = {0};

    cr_assert_eq(weir_flow_dir(&record.flow, 0), WEIR_ORIG);
    cr_assert_eq(weir_flow_dir(&record.flow, 1), WEIR_RESP);
    record.flow.peer[WEIR_RESP].flags = WEIR_PEER_EXTRA | WEIR_PEER_SEEN;
    cr_assert_eq(weir_flow_dir(&record.flow, 0), WEIR_RESP);
    cr_assert_eq(weir_flow_dir(&record.flow, 1), WEIR_ORIG);
    record.flow.peer[WEIR_ORIG].flags = WEIR_PEER_EXTRA;
    record.flow.peer[WEIR_RESP].flags = 0xff ^ WEIR_PEER_EXTRA;
    cr_assert_eq(weir_flow_dir(&record.flow, 0), WEIR_ORIG, "the annex's bit is of the other end");
}

Test(flow, tally_holds_64_packets_of_64_kib)
{
    union record record = {0};
    struct weir_peer *peer = &record.flow.peer[WEIR_ORIG];

    peer->packets = 64;
    peer->bytes = 65535 + 65535;
    cr_assert_eq(peer->packets, 64);
    cr_assert_eq(peer->bytes, 65535 + 65535);
    cr_assert_eq(peer->flags, 0);
}

Test(flow, last_is_whole_again_at_any_time_near_it)
{
    static const uint64_t times[] = {0,
                                     1,
                                     1700000000000000U,
                                     ((uint64_t)1 << 40) - 1,
                                     (uint64_t)1 << 40,
                                     ((uint64_t)1 << 44) + 12345};
    static const uint64_t later[] = {0, 1, 1000000, US_PER_HOUR, 200 * US_PER_HOUR};

    for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
        for (size_t l = 0; l < sizeof(later) / sizeof(later[0]); l++) {
            union record record = {0};

            weir_flow_set_last(&record.flow, times[t]);
            cr_assert_eq(weir_flow_last(&record.flow, times[t] + later[l]), times[t]);
        }
    }
}

/* A capture's clock may run back: the packet before then passed "later". */
Test(flow, last_may_lie_ahead_of_now)
{
    union record record = {0};
    uint64_t last = 1700000000000000U;

    weir_flow_set_last(&record.flow, last);
    cr_assert_eq(weir_flow_last(&record.flow, last - 1), last);
    cr_assert_eq(weir_flow_last(&record.flow, last - 19 * US_PER_HOUR), last);
}

Test(flow, set_last_leaves_its_neighbours_alone)
{
    union record record;

    memset(&record, 0xa5, sizeof(record));
    weir_flow_set_last(&record.flow, 0);
    for (size_t i = 0; i < sizeof(record); i++)
        cr_assert_eq(record.octets[i], i >= 40 && i < 45 ? 0 : 0xa5, "octet %zu", i);
}

Test(flow, key6_begins_where_key4_does)
{
    union record record = {0};

    cr_assert_eq((const void *)weir_flow_key6(&record.flow), (const void *)record.flow.key);
}
