/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes weir_parse: one input is one frame, parsed in every way there is. Reads beyond the frame
 * are the sanitizers' business; here is what must hold for the answers, whatever the frame.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/parse.h"
#include "core/reason.h"

#define HOW_ALL 0x1fU
#define VERIFY  (WEIR_PARSE_IP_CSUM | WEIR_PARSE_L4_CSUM)
#define TAG_LEN 4U
#define LEN_MAX 65536U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is said of every answer, by itself. */
static void check_answer(const struct weir_packet *packet, uint32_t len, unsigned int how)
{
    MUST(packet->reason < WEIR_REASON_COUNT);
    MUST((packet->reason == WEIR_REASON_FRAGMENT) == (packet->kind == WEIR_KIND_FRAGMENT));
    MUST((packet->reason == WEIR_REASON_NONE || packet->kind == WEIR_KIND_FRAGMENT) ==
         (packet->kind != WEIR_KIND_UNTRACKED));
    MUST((packet->family == 0) == (packet->kind == WEIR_KIND_UNTRACKED));
    MUST(packet->family == 0 || packet->family == 4 || packet->family == 6);
    MUST(packet->swapped <= 1 && packet->l3_off <= len && packet->l4_off <= len);
    MUST(packet->kind <= WEIR_KIND_FRAGMENT && packet->port == 0 && packet->pieces == 0);
    if (packet->kind == WEIR_KIND_UNTRACKED)
        return;
    MUST(packet->l3_off >= 14 && packet->l4_off >= packet->l3_off + 20);
    MUST(how & WEIR_PARSE_CUT || packet->l3_off + packet->ip_len <= len);
    MUST(packet->kind == WEIR_KIND_TCP || packet->kind == WEIR_KIND_FRAGMENT ||
         how & WEIR_PARSE_ALL);
    MUST(packet->l4_off - packet->l3_off <= packet->ip_len);
    if (packet->kind == WEIR_KIND_TCP)
        MUST(packet->l4_off - packet->l3_off + 20 + packet->seg.len <= packet->ip_len);
    else if (packet->kind == WEIR_KIND_FRAGMENT)
        MUST(packet->fragment.len + packet->l4_off - packet->l3_off == packet->ip_len);
    else if (packet->kind != WEIR_KIND_SCTP && packet->kind != WEIR_KIND_ICMP_ERROR)
        MUST(packet->seg.flags == 0 && packet->seg.len == 0 && packet->seg.opts == 0);
}

static bool same(const struct weir_packet *a, const struct weir_packet *b, uint32_t shift)
{
    if (a->reason != b->reason || a->kind != b->kind || a->family != b->family)
        return false;
    if (a->family == 4 && memcmp(&a->key4, &b->key4, sizeof(a->key4)) != 0)
        return false;
    if (a->family == 6 && memcmp(&a->key6, &b->key6, sizeof(a->key6)) != 0)
        return false;
    if (a->kind != WEIR_KIND_UNTRACKED &&
        (a->l3_off + shift != b->l3_off || a->l4_off + shift != b->l4_off))
        return false;
    return a->swapped == b->swapped && a->ip_len == b->ip_len &&
           memcmp(&a->seg, &b->seg, offsetof(struct weir_segment, wscale) + 1) == 0;
}

/* The frame most often seen has a short way through the parser; in a tag it takes the long one. */
static void check_tagged(const uint8_t *data, uint32_t len, unsigned int how,
                         const struct weir_packet *packet)
{
    static uint8_t tagged[LEN_MAX + TAG_LEN];
    struct weir_packet other;

    if (len < 14 || packet->reason == WEIR_REASON_VLAN_DEPTH ||
        (data[12] != 0x08 && data[12] != 0x86))
        return;
    memcpy(tagged, data, 12);
    memcpy(tagged + 12, "\x81\x00\x00\x07", TAG_LEN);
    memcpy(tagged + 12 + TAG_LEN, data + 12, len - 12);
    weir_parse(tagged, len + TAG_LEN, how | WEIR_PARSE_NO_ZONE, &other);
    MUST(same(packet, &other, TAG_LEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_packet answers[HOW_ALL + 1];
    uint32_t len = (uint32_t)size;

    if (size > LEN_MAX)
        return 0;
    memset(answers, 0xa5, sizeof(answers));
    for (unsigned int how = 0; how <= HOW_ALL; how++) {
        weir_parse(data, len, how, &answers[how]);
        check_answer(&answers[how], len, how);
    }
    for (unsigned int how = 0; how <= HOW_ALL; how++) {
        const struct weir_packet *answer = &answers[how];

        /* To verify can only refuse; to take it for cut, or to take all, can only track more. */
        if (answer->reason != WEIR_REASON_NONE)
            continue;
        MUST(same(answer, &answers[how & ~VERIFY], 0));
        MUST(same(answer, &answers[how | WEIR_PARSE_CUT], 0));
        MUST(same(answer, &answers[how | WEIR_PARSE_ALL], 0));
    }
    for (unsigned int how = WEIR_PARSE_NO_ZONE; how <= HOW_ALL; how++)
        if (how & WEIR_PARSE_NO_ZONE)
            check_tagged(data, len, how, &answers[how]);
    return 0;
}
