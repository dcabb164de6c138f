/* SPDX-License-Identifier: BSD-3-Clause */
/* Reasons: why a packet was not simply tracked and forwarded. The list itself is reason.def. */
#ifndef WEIR_CORE_REASON_H
#define WEIR_CORE_REASON_H

#include <stdint.h>

enum weir_reason {
    WEIR_REASON_NONE, /* a plain forward */
#define WEIR_REASON(symbol, name, class, text) WEIR_REASON_##symbol,
#include "core/reason.def"
#undef WEIR_REASON
    WEIR_REASON_COUNT
};

/* What a reason does to the packet, unless a mode (shadow) says otherwise. */
enum weir_reason_class {
    WEIR_REASON_CLASS_PASS,
    WEIR_REASON_CLASS_STALE,
    WEIR_REASON_CLASS_REFUSE,
};

enum weir_verdict {
    WEIR_VERDICT_FORWARD,
    WEIR_VERDICT_DROP,
    WEIR_VERDICT_ANSWER,
    WEIR_VERDICT_HAND_OVER,
    WEIR_VERDICT_CONSUME,
    WEIR_VERDICT_COUNT
};

/* One class per reason, indexed by enum weir_reason; NONE is PASS. */
extern const uint8_t weir_reason_classes[WEIR_REASON_COUNT];

/* Name as records and metrics show it ("seq-above"); "none" for NONE, "?" beyond the list. */
const char *weir_reason_name(unsigned int reason);

/* One line of explanation with its RFC section; "" for NONE and beyond the list. */
const char *weir_reason_text(unsigned int reason);

/* "forward", "drop", "answer", "hand-over", "consume"; "?" beyond the list. */
const char *weir_verdict_name(unsigned int verdict);

static inline enum weir_reason_class weir_reason_class(unsigned int reason)
{
    return (enum weir_reason_class)weir_reason_classes[reason];
}

#endif
