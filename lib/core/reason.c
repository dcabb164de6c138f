/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/reason.h"

const uint8_t weir_reason_classes[WEIR_REASON_COUNT] = {
    [WEIR_REASON_NONE] = WEIR_REASON_CLASS_PASS,
#define WEIR_REASON(symbol, name, class, text) [WEIR_REASON_##symbol] = WEIR_REASON_CLASS_##class,
#include "core/reason.def"
#undef WEIR_REASON
};

static const char *const names[WEIR_REASON_COUNT] = {
    [WEIR_REASON_NONE] = "none",
#define WEIR_REASON(symbol, name, class, text) [WEIR_REASON_##symbol] = name,
#include "core/reason.def"
#undef WEIR_REASON
};

static const char *const texts[WEIR_REASON_COUNT] = {
    [WEIR_REASON_NONE] = "",
#define WEIR_REASON(symbol, name, class, text) [WEIR_REASON_##symbol] = text,
#include "core/reason.def"
#undef WEIR_REASON
};

const char *weir_reason_name(unsigned int reason)
{
    return reason < WEIR_REASON_COUNT ? names[reason] : "?";
}

const char *weir_reason_text(unsigned int reason)
{
    return reason < WEIR_REASON_COUNT ? texts[reason] : "";
}

const char *weir_verdict_name(unsigned int verdict)
{
    static const char *const verdicts[WEIR_VERDICT_COUNT] = {
        [WEIR_VERDICT_FORWARD] = "forward", [WEIR_VERDICT_DROP] = "drop",
        [WEIR_VERDICT_ANSWER] = "answer",   [WEIR_VERDICT_HAND_OVER] = "hand-over",
        [WEIR_VERDICT_CONSUME] = "consume",
    };
    return verdict < WEIR_VERDICT_COUNT ? verdicts[verdict] : "?";
}
