/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the HTTP gate, for the files of the gate: http_gate.c and http_client.c. */
#ifndef WEIR_APP_HTTP_CLIENT_H
#define WEIR_APP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <microhttpd.h>

#include "weir/http_gate.h"
#include "weir/http_head.h"

#define WEIR_CLIENT_OUT (32U * 1024)

struct weir_door {
    struct weir_gate *gate;
    int fd; /* listening; -1: none */
    bool read_only;
    unsigned int clients;
};

enum weir_stage {
    WEIR_READING,   /* a request comes in */
    WEIR_ANSWERING, /* libmicrohttpd has it */
    WEIR_ENDING,    /* the last octets go out */
    WEIR_LINGERING, /* all is said; what still comes in is thrown away until it closes too */
    WEIR_OVER,
};

struct weir_client {
    TAILQ_ENTRY(weir_client) link;
    struct weir_door *door;
    int fd;    /* -1: gone, and its pair is kept until libmicrohttpd has noticed */
    int pair;  /* our end; -1: none yet, or no more */
    int other; /* libmicrohttpd's end: its number only */
    enum weir_stage stage;
    bool ended;      /* it has closed its direction */
    bool answered;   /* libmicrohttpd has said all of this answer */
    bool whole;      /* head has been read; its words are in `in` */
    bool again;      /* there is more to do without an event */
    size_t left;     /* octets of the body that are still to come; when lingering, that may come */
    uint64_t due_us; /* when patience ends */
    struct weir_head head;
    size_t in_len;
    size_t out_at;
    size_t out_len;
    char in[WEIR_HEAD_ROOM];
    char out[WEIR_CLIENT_OUT];
};

struct weir_gate {
    struct MHD_Daemon *daemon;
    int epoll;
    struct weir_door door[2];
    unsigned int doors;
    uint64_t refused;
    uint64_t now_us;
    uint64_t tick_us;
    bool again; /* of any client */
    TAILQ_HEAD(weir_clients, weir_client) list;
};

/* Have the gate's rounds look at what when fd is ready. Returns 0 or a negative errno. */
int weir_gate_watch(const struct weir_gate *gate, int fd, void *what);

/* A client that has been accepted. Returns NULL if that fails; fd is the caller's then. */
struct weir_client *weir_client_new(struct weir_door *door, int fd);

void weir_client_free(struct weir_client *client);

/* Do what can be done without waiting, or some of it. The client may be freed. */
void weir_client_run(struct weir_client *client);

/* Its patience has ended. The client may be freed. */
void weir_client_late(struct weir_client *client);

#endif
