/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071), over the parts that weir verifies. */
#ifndef WEIR_CORE_CKSUM_H
#define WEIR_CORE_CKSUM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One's complement sum of len octets added to sum, not folded; chunks must start at even offsets.
 * The result of several chunks may be added; fold with weir_cksum_fold.
 */
uint64_t weir_cksum_add(const uint8_t *data, uint32_t len, uint64_t sum);

/* Fold to 16 bits; a correct header or segment with its checksum inside folds to 0xffff. */
uint16_t weir_cksum_fold(uint64_t sum);

/* Is the IPv4 header of header_len octets correct (RFC 791 3.1)? */
bool weir_cksum_ip4_ok(const uint8_t *header, uint32_t header_len);

/*
 * Is the transport checksum correct, pseudo header included (RFC 9293 3.1, RFC 8200 8.1)?
 *
 * addrs      source and destination address, adjacent as in the IP header
 * addrs_len  8 for IPv4, 32 for IPv6
 * proto      protocol number of the pseudo header
 * l4, l4_len the transport header and its payload
 */
bool weir_cksum_l4_ok(const uint8_t *addrs, uint32_t addrs_len, uint8_t proto, const uint8_t *l4,
                      uint32_t l4_len);

#endif
