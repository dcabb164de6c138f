/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP server of the control core: libmicrohttpd without threads of its own, driven round by
 * round. docs/http-api.md says what it offers. Every function but start takes NULL for "not
 * served".
 */
#ifndef WEIR_APP_HTTP_H
#define WEIR_APP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

struct weir_control;
struct weir_http;

/*
 * Listen as the settings say and hang the server into control; nothing if they name no address.
 * Returns 0 or a negative errno after a message; -EADDRINUSE if another weir is alive there.
 */
int weir_http_start(struct weir_control *control);

/* One round: what clients have said, and what there is for those who wait. Returns what was done.
 */
unsigned int weir_http_serve(struct weir_http *http);

/* Wait for clients, at most so long. Returns false without waiting where nobody is served. */
bool weir_http_wait(struct weir_http *http, unsigned int usec);

/* Is no listing or deletion under way? When control->stopping is set, rounds bring that about. */
bool weir_http_idle(const struct weir_http *http);

unsigned int weir_http_connections(const struct weir_http *http);

/* Requests that were none. */
uint64_t weir_http_refused(const struct weir_http *http);

/* Let streams end, for a bounded time, close all, remove the socket. */
void weir_http_stop(struct weir_http *http);

#endif
