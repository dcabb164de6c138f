/* SPDX-License-Identifier: BSD-3-Clause */
/* The sockets that the HTTP server listens on. */
#ifndef WEIR_APP_HTTP_LISTEN_H
#define WEIR_APP_HTTP_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Listen on a Unix socket with this mode and group ("": that of the process). A socket file that
 * nobody listens on is replaced. Returns the socket, or a negative errno after a message:
 * -EADDRINUSE if somebody listens there, -EEXIST if path is something else.
 */
int weir_listen_unix(const char *path, mode_t mode, const char *group);

/* Listen on "127.0.0.1:PORT" or "[::1]:PORT". Returns as above. */
int weir_listen_tcp(const char *text);

/* For the configuration: is this one of those addresses, or ""; a group of this system, or ""? */
bool weir_listen_tcp_valid(const char *address);
bool weir_listen_group_valid(const char *group);

#endif
