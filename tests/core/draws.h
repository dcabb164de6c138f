/* SPDX-License-Identifier: BSD-3-Clause */
/* Random cases for comparing two ways of doing the same: the same in every run. */
#ifndef WEIR_TESTS_DRAWS_H
#define WEIR_TESTS_DRAWS_H

#include <stdint.h>

#include "core/flow.h"

#define TRIES 4000000U

/* An IPv4 record, to be compared to the last octet. */
union record {
    struct weir_flow flow;
    uint8_t octets[WEIR_FLOW4_SIZE];
};

static uint64_t draw_seed = 0x77656972;

static inline uint32_t draw(uint32_t limit)
{
    draw_seed = draw_seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((draw_seed >> 33) * limit >> 31);
}

#endif
