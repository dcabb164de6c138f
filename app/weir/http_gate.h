/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate before libmicrohttpd, which answers what it cannot read itself, in HTML, without a hook:
 * here clients are accepted and their requests read; what is wrong is answered in JSON. Each right
 * request is written anew, one at a time, into a pair of sockets whose other end libmicrohttpd has,
 * and what it answers is carried to the client.
 *
 *     client <---> [in]  weir_head_read  ---> pair ---> libmicrohttpd
 *            <---  [out] <------------------- pair <---
 *
 * A client costs at most struct weir_client and what the kernel holds of the pair. Nothing here
 * waits.
 */
#ifndef WEIR_APP_HTTP_GATE_H
#define WEIR_APP_HTTP_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

struct weir_client;
struct weir_gate;

/* For requests that daemon, which listens nowhere, is to answer. Returns NULL if that fails. */
struct weir_gate *weir_gate_start(struct MHD_Daemon *daemon);

/* Take clients from this listening socket, which is the gate's from now on. Returns 0 or a negative
 * errno. */
int weir_gate_listen(struct weir_gate *gate, int fd, bool read_only);

/* One round. Returns true if there was, or is, more to do. */
bool weir_gate_run(struct weir_gate *gate, uint64_t now_us);

/* Readable when a round is worth while. */
int weir_gate_epoll(const struct weir_gate *gate);

unsigned int weir_gate_clients(const struct weir_gate *gate);

/* Requests that were refused here. */
uint64_t weir_gate_refused(const struct weir_gate *gate);

/* Whose requests come in by that end of a pair? It stays until libmicrohttpd has closed that end.
 */
struct weir_client *weir_gate_client(const struct weir_gate *gate, int fd);

/* Has it been found that nobody takes what it is answered? */
bool weir_client_gone(const struct weir_client *client);

/* Has it closed its direction, and has no more to say? It may still read. */
bool weir_client_ended(const struct weir_client *client);

bool weir_client_read_only(const struct weir_client *client);

/* libmicrohttpd has given its whole answer: the next request may follow. */
void weir_client_answered(struct weir_client *client);

/* Is an answer still on its way to a client? */
bool weir_gate_busy(const struct weir_gate *gate);

/* Close all. daemon must have been stopped. */
void weir_gate_stop(struct weir_gate *gate);

#endif
