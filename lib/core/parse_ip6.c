/* SPDX-License-Identifier: BSD-3-Clause */
/* What may stand between the IPv6 header and the transport header, and how long a jumbogram is. */
#include "core/parse_ip.h"

#define EXTENSIONS    8U /* a chain of more has no honest use */
#define JUMBO_LEN_MAX 0x7fffffffU

enum ip6_option { IP6_JUMBO = 0xc2, IP6_HOME_ADDRESS = 0xc9 };

/* The data of an IPv6 option with that length in an extension header (RFC 8200 4.2), or NULL. */
static const uint8_t *find_option(const uint8_t *extension, uint32_t extension_len, uint8_t type,
                                  uint8_t len)
{
    for (uint32_t at = 2; extension_len - at >= 2;) {
        if (extension[at] == 0) { /* Pad1 */
            at++;
            continue;
        }
        if (extension_len - at - 2 < extension[at + 1])
            return NULL;
        if (extension[at] == type && extension[at + 1] == len)
            return extension + at + 2;
        at += 2U + extension[at + 1];
    }
    return NULL;
}

/* How long an IPv6 extension header is: fixed plus its second octet times unit; 0 if it is none. */
static const struct {
    uint8_t fixed;
    uint8_t unit;
} extensions[256] = {
    [WEIR_IP_HOP_BY_HOP] = {8, 8},  /* RFC 8200 4.3 */
    [WEIR_IP_ROUTING] = {8, 8},     /* RFC 8200 4.4 */
    [WEIR_IP_FRAGMENT] = {8, 0},    /* RFC 8200 4.5 */
    [WEIR_IP_AH] = {8, 4},          /* RFC 4302 2.2 */
    [WEIR_IP_DST_OPTIONS] = {8, 8}, /* RFC 8200 4.6 */
    [WEIR_IP_MOBILITY] = {8, 8},    /* RFC 6275 6.1.1 */
};

/*
 * What one extension header says beyond its length. An atomic fragment, offset 0 and no more to
 * come, is a whole packet (RFC 6946). A route or home address that is still to be put in place is
 * what the pseudo header counts instead of the IP header's (RFC 8200 8.1, RFC 6275 11.3.1).
 */
static enum weir_reason note_extension(struct weir_parse_ip *ip, const uint8_t *extension,
                                       uint32_t extension_len)
{
    if (ip->proto == WEIR_IP_FRAGMENT &&
        (weir_be16(extension + 2) & (ip->quote ? 0xfff8U : 0xfff9U)) != 0) {
        uint16_t at = weir_be16(extension + 2);

        ip->fragment_id = weir_load32(extension + 4);
        ip->fragment_at = (uint16_t)(at >> 3 | (at & 1U) << 13);
        return WEIR_REASON_FRAGMENT;
    }
    if (ip->proto == WEIR_IP_ROUTING && extension[3] != 0)
        ip->rerouted = true;
    if (ip->proto == WEIR_IP_DST_OPTIONS &&
        find_option(extension, extension_len, IP6_HOME_ADDRESS, 16) != NULL)
        ip->rerouted = true;
    return WEIR_REASON_NONE;
}

enum weir_reason weir_parse_ip6_extensions(struct weir_parse_ip *ip)
{
    for (unsigned int count = 0; extensions[ip->proto].fixed != 0; count++) {
        const uint8_t *extension = ip->data + ip->l4_off;
        uint32_t left = ip->limit - ip->l4_off;
        uint32_t extension_len;
        enum weir_reason reason;

        /* Hop-by-hop options stand first or nowhere (RFC 8200 4.1). */
        if (count == EXTENSIONS || (ip->proto == WEIR_IP_HOP_BY_HOP && count > 0) || left < 8)
            return WEIR_REASON_IP6_EXTENSION;
        extension_len =
            extensions[ip->proto].fixed + (uint32_t)extension[1] * extensions[ip->proto].unit;
        if (extension_len > left)
            return WEIR_REASON_IP6_EXTENSION;
        reason = note_extension(ip, extension, extension_len);
        ip->l4_off += extension_len;
        ip->proto = extension[0];
        if (reason != WEIR_REASON_NONE)
            return reason;
    }
    return WEIR_REASON_NONE;
}

uint32_t weir_parse_ip6_jumbo_len(const uint8_t *header, uint32_t left)
{
    const uint8_t *hop_by_hop = header + WEIR_IP6_LEN;
    const uint8_t *jumbo;
    uint32_t len;

    if (left < WEIR_IP6_LEN + 8 || left - WEIR_IP6_LEN < 8U + hop_by_hop[1] * 8U)
        return 0;
    jumbo = find_option(hop_by_hop, 8U + hop_by_hop[1] * 8U, IP6_JUMBO, 4);
    if (jumbo == NULL)
        return 0;
    len = weir_be32(jumbo);
    return len > UINT16_MAX && len < JUMBO_LEN_MAX ? WEIR_IP6_LEN + len : 0;
}
