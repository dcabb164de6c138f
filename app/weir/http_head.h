/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The head of a request as it comes from a client, read by RFC 9112 and refused where that says so.
 * It gives what is needed to write the request anew, so that libmicrohttpd gets no octet of a
 * client that could make it answer by itself.
 */
#ifndef WEIR_APP_HTTP_HEAD_H
#define WEIR_APP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR_HEAD_TARGET_MAX 8192U        /* octets of the request target */
#define WEIR_HEAD_LINE_MAX   (8192U + 64) /* of the request line */
#define WEIR_HEAD_FIELDS_MAX (16U * 1024) /* of the header fields */
#define WEIR_HEAD_BODY_MAX   (64U * 1024) /* of a body, which is thrown away */
#define WEIR_HEAD_METHOD_MAX 32U
#define WEIR_HEAD_PARAMETERS 64U          /* more than there are to know */
#define WEIR_HEAD_ROOM       (32U * 1024) /* holds any head that is taken */
#define WEIR_HEAD_WRITTEN    (10U * 1024) /* holds any head that weir_head_write writes */

/* Octets of the client's, which stay where they are. */
struct weir_word {
    const char *at;
    size_t len;
};

struct weir_head {
    size_t len; /* octets of all of it, the empty line included */
    struct weir_word method;
    struct weir_word target;
    unsigned int minor; /* of HTTP/1 */
    unsigned int hosts; /* Host fields */
    bool close;         /* the connection is to end after the answer */
    bool expects;       /* the client waits for "100 Continue" before it sends the body */
    bool open_metrics;  /* Accept names them */
    bool has_length;
    bool chunked; /* it has a transfer coding, of whatever kind */
    size_t body_len;
};

enum { WEIR_HEAD_MORE = 0, WEIR_HEAD_WHOLE = 1 };

/*
 * Read what has come so far. Returns WEIR_HEAD_MORE if the end of the head is not among it,
 * WEIR_HEAD_WHOLE, or the status of the answer, with *error saying what is wrong.
 */
unsigned int weir_head_read(const char *octets, size_t len, struct weir_head *head,
                            const char **error);

/* Write the head anew. Returns its length, at most WEIR_HEAD_WRITTEN. */
size_t weir_head_write(const struct weir_head *head, char text[WEIR_HEAD_WRITTEN]);

#endif
