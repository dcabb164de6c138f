/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: the doors that clients come in by, and rounds through all clients. */
#include "weir/http_gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "weir/http_client.h"

#define CLIENTS_MAX 256U  /* of a listening socket */
#define FILES       4096U /* for all clients, and the rest of weir */
#define EVENTS      64
#define TICK_USEC   50000U /* between looks after time */

int weir_gate_watch(const struct weir_gate *gate, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = what};

    return epoll_ctl(gate->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void accept_all(struct weir_door *door)
{
    while (door->clients < CLIENTS_MAX) {
        int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        if (weir_client_new(door, fd) == NULL)
            close(fd);
        else
            door->gate->again = true;
    }
}

/* Rounds */

static void time_look(struct weir_gate *gate)
{
    struct weir_client *client = TAILQ_FIRST(&gate->list);

    gate->tick_us = gate->now_us;
    while (client != NULL) {
        struct weir_client *next = TAILQ_NEXT(client, link);

        if (gate->now_us > client->due_us)
            weir_client_late(client);
        client = next;
    }
    for (unsigned int i = 0; i < gate->doors; i++)
        accept_all(&gate->door[i]);
}

static void again_look(struct weir_gate *gate)
{
    struct weir_client *client = TAILQ_FIRST(&gate->list);

    gate->again = false;
    while (client != NULL) {
        struct weir_client *next = TAILQ_NEXT(client, link);

        if (client->again)
            weir_client_run(client);
        client = next;
    }
}

static struct weir_door *door_of(struct weir_gate *gate, const void *what)
{
    for (unsigned int i = 0; i < gate->doors; i++)
        if (what == &gate->door[i])
            return &gate->door[i];
    return NULL;
}

bool weir_gate_run(struct weir_gate *gate, uint64_t now_us)
{
    struct epoll_event event[EVENTS];
    int count = epoll_wait(gate->epoll, event, EVENTS, 0);

    gate->now_us = now_us;
    for (int i = 0; i < count; i++) {
        struct weir_door *door = door_of(gate, event[i].data.ptr);

        if (door != NULL)
            accept_all(door);
        else {
            ((struct weir_client *)event[i].data.ptr)->again = true;
            gate->again = true;
        }
    }
    if (gate->again)
        again_look(gate);
    if (now_us - gate->tick_us > TICK_USEC)
        time_look(gate);
    return count > 0 || gate->again;
}

int weir_gate_epoll(const struct weir_gate *gate)
{
    return gate->epoll;
}

unsigned int weir_gate_clients(const struct weir_gate *gate)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < gate->doors; i++)
        count += gate->door[i].clients;
    return count;
}

uint64_t weir_gate_refused(const struct weir_gate *gate)
{
    return gate->refused;
}

struct weir_client *weir_gate_client(const struct weir_gate *gate, int fd)
{
    struct weir_client *client;

    for (client = TAILQ_FIRST(&gate->list); client != NULL; client = TAILQ_NEXT(client, link))
        if (client->pair >= 0 && client->other == fd)
            return client;
    return NULL;
}

bool weir_gate_busy(const struct weir_gate *gate)
{
    const struct weir_client *client;

    for (client = TAILQ_FIRST(&gate->list); client != NULL; client = TAILQ_NEXT(client, link))
        if (client->fd >= 0 && (client->out_len > 0 || client->stage == WEIR_ANSWERING))
            return true;
    return false;
}

/* Start and stop */

/* A client takes three files, so that all of them may take more than a process has by default. */
static void files_allow(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES)
        return;
    limit.rlim_cur = limit.rlim_max < FILES ? limit.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &limit);
}

struct weir_gate *weir_gate_start(struct MHD_Daemon *daemon)
{
    struct weir_gate *gate = calloc(1, sizeof(*gate));

    if (gate == NULL)
        return NULL;
    files_allow();
    gate->daemon = daemon;
    TAILQ_INIT(&gate->list);
    gate->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (gate->epoll >= 0)
        return gate;
    free(gate);
    return NULL;
}

int weir_gate_listen(struct weir_gate *gate, int fd, bool read_only)
{
    struct weir_door *door = &gate->door[gate->doors];

    *door = (struct weir_door){.gate = gate, .fd = fd, .read_only = read_only};
    gate->doors++;
    return weir_gate_watch(gate, fd, door);
}

void weir_gate_stop(struct weir_gate *gate)
{
    struct weir_client *client = TAILQ_FIRST(&gate->list);

    while (client != NULL) {
        struct weir_client *next = TAILQ_NEXT(client, link);

        weir_client_free(client);
        client = next;
    }
    for (unsigned int i = 0; i < gate->doors; i++)
        close(gate->door[i].fd);
    close(gate->epoll);
    free(gate);
}
