/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/timeout.h"

struct timeout_class {
    const char *name;
    const char *text;
    uint32_t sec[2]; /* by enum weir_timeout_profile */
};

static const struct timeout_class classes[WEIR_TIMEOUT_COUNT] = {
#define WEIR_TIMEOUT(symbol, name, value, rfc, text)                                               \
    [WEIR_TIMEOUT_##symbol] = {name, text, {value, rfc}},
#include "core/timeout.def"
#undef WEIR_TIMEOUT
};

void weir_timeouts_profile(struct weir_timeouts *timeouts, enum weir_timeout_profile profile)
{
    for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++)
        timeouts->sec[i] = classes[i].sec[profile];
}

const char *weir_timeout_name(unsigned int class)
{
    return class < WEIR_TIMEOUT_COUNT ? classes[class].name : "?";
}

const char *weir_timeout_text(unsigned int class)
{
    return class < WEIR_TIMEOUT_COUNT ? classes[class].text : "";
}
