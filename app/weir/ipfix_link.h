/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to an IPFIX collector: messages over UDP or TCP, without waiting.
 *
 * TCP: what the socket does not take stands in a queue of a megabyte; when that is full messages
 * are refused. When the connection breaks what is left in the queue is lost, since a new connection
 * is a new transport session (RFC 7011 10.4), and the collector knows nothing of the old one.
 *
 * Used by one thread.
 */
#ifndef WEIR_APP_IPFIX_LINK_H
#define WEIR_APP_IPFIX_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_link;

struct weir_link_counts {
    uint64_t messages; /* handed to the system */
    uint64_t records;  /* in them */
    uint64_t lost;     /* records of messages that were refused or cut off */
    uint64_t attempts; /* to connect */
};

bool weir_link_target_valid(const char *target);

/* NULL after a message, as weir_ipfix_open. */
struct weir_link *weir_link_open(const char *target, bool patient);

bool weir_link_is_udp(const struct weir_link *link);
bool weir_link_up(const struct weir_link *link);

/* Goes up by one whenever templates have to be sent: a new connection, or a collector come back. */
unsigned int weir_link_session(const struct weir_link *link);

/* Send a message of so many records. What cannot be sent is counted as lost. */
void weir_link_send(struct weir_link *link, const uint8_t *message, size_t len,
                    unsigned int records);

/* Records that were not even put into a message, since the link was down. */
void weir_link_lose(struct weir_link *link, unsigned int records);

/* Go on with what waits; connect again if a second has passed since the last attempt. */
void weir_link_poll(struct weir_link *link, uint64_t now_us);

const struct weir_link_counts *weir_link_count(const struct weir_link *link);

/* Wait up to two seconds for the queue to empty, close, free. NULL is no error. */
void weir_link_close(struct weir_link *link);

/* Wait for the queue to empty, so that the counts are final. */
void weir_link_drain(struct weir_link *link);

#endif
