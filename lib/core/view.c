/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/view.h"

const char *weir_end_name(unsigned int end)
{
    static const char *const names[WEIR_END_COUNT] = {
        [WEIR_END_ACTIVE] = "active",     [WEIR_END_FIN] = "fin",
        [WEIR_END_RST] = "rst",           [WEIR_END_TIMEOUT] = "timeout",
        [WEIR_END_EVICTED] = "evicted",   [WEIR_END_FLUSHED] = "flushed",
        [WEIR_END_SHUTDOWN] = "shutdown",
    };
    return end < WEIR_END_COUNT ? names[end] : "?";
}

const char *weir_class_name(unsigned int class)
{
    static const char *const names[WEIR_CLASS_COUNT] = {
        [WEIR_CLASS_NEW] = "new",
        [WEIR_CLASS_ESTABLISHED] = "established",
        [WEIR_CLASS_RELATED] = "related",
        [WEIR_CLASS_INVALID] = "invalid",
        [WEIR_CLASS_UNTRACKED] = "untracked",
    };
    return class < WEIR_CLASS_COUNT ? names[class] : "?";
}
