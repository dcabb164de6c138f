/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: a client of the gate, from its first octet to its end. */
#include "weir/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TURNS         8U        /* of one client in a round */
#define REQUEST_USEC  10000000U /* for a request to come, header and body; also between requests */
#define READER_USEC   60000000U /* for a client to take something of its answer: people page */
#define LINGER_USEC   2000000U  /* for a client to close after its last answer */
#define LINGER_OCTETS (1024U * 1024) /* it may send meanwhile */
#define CONTINUE      "HTTP/1.1 100 Continue\r\n\r\n"

/* Life of a client */

/* From now on, as long as is usual in its stage. */
static void patience(struct weir_client *client)
{
    static const uint64_t usec[] = {
        [WEIR_READING] = REQUEST_USEC,
        [WEIR_ANSWERING] = READER_USEC,
        [WEIR_ENDING] = READER_USEC,
        [WEIR_LINGERING] = LINGER_USEC,
        [WEIR_OVER] = 0,
    };

    client->due_us = client->door->gate->now_us + usec[client->stage];
}

static void stage_set(struct weir_client *client, enum weir_stage stage)
{
    client->stage = stage;
    patience(client);
}

struct weir_client *weir_client_new(struct weir_door *door, int fd)
{
    struct weir_client *client = malloc(sizeof(*client));

    if (client == NULL)
        return NULL;
    memset(client, 0, offsetof(struct weir_client, in)); /* the rest costs nothing until used */
    client->door = door;
    client->fd = fd;
    client->pair = -1;
    client->other = -1;
    client->again = true;
    patience(client);
    if (weir_gate_watch(door->gate, fd, client) < 0) {
        free(client);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&door->gate->list, client, link);
    door->clients++;
    return client;
}

void weir_client_free(struct weir_client *client)
{
    TAILQ_REMOVE(&client->door->gate->list, client, link);
    client->door->clients--;
    if (client->fd >= 0)
        close(client->fd);
    if (client->pair >= 0)
        close(client->pair);
    free(client);
}

/* The client is gone: nobody is left to tell anything. libmicrohttpd may have to be waited for. */
static void client_lost(struct weir_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->out_len = 0;
    client->stage = client->pair >= 0 ? WEIR_ANSWERING : WEIR_OVER;
    if (client->pair >= 0)
        shutdown(client->pair, SHUT_WR);
}

/* What is said here */

static void say(struct weir_client *client, const char *text, size_t len)
{
    client->out_at = 0;
    client->out_len = len;
    memcpy(client->out, text, len);
}

/* Answer by an error, the last thing that this client is told. */
static void refuse(struct weir_client *client, unsigned int status, const char *error)
{
    bool head = client->in_len >= 5 && memcmp(client->in, "HEAD ", 5) == 0;
    time_t now = time(NULL);
    struct tm utc;
    char date[64];
    char text[1024];
    int len;

    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    len = snprintf(text, sizeof(text),
                   "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nCache-Control: no-store\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   status, MHD_get_reason_phrase_for(status), date,
                   strlen("{\"error\":\"\"}\n") + strlen(error));
    if (!head)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "{\"error\":\"%s\"}\n", error);
    stage_set(client, WEIR_ENDING);
    say(client, text, (size_t)len);
    client->in_len = 0;
    client->door->gate->refused++;
}

/* What comes from the client */

static void in_drop(struct weir_client *client, size_t from, size_t len)
{
    client->in_len -= len;
    memmove(client->in + from, client->in + from + len, client->in_len - from);
}

/* Returns true if something came. */
static bool client_read(struct weir_client *client)
{
    size_t room = sizeof(client->in) - client->in_len;
    ssize_t len;

    if (client->fd < 0 || client->ended || room == 0)
        return false;
    len = recv(client->fd, client->in + client->in_len, room, 0);
    if (len > 0) {
        if (client->in_len == 0 && client->stage == WEIR_READING)
            patience(client);
        client->in_len += (size_t)len;
    } else if (len == 0) {
        client->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        client_lost(client);
    }
    return len >= 0;
}

/* The pair of a client whose first right request is there. */
static int pair_make(struct weir_client *client)
{
    const struct sockaddr_un nobody = {.sun_family = AF_UNIX};
    struct weir_gate *gate = client->door->gate;
    struct weir_client *stale;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (weir_gate_watch(gate, pair[0], client) < 0) {
        close(pair[0]);
        close(pair[1]);
        return -ENOMEM;
    }
    stale = weir_gate_client(gate, pair[1]);
    if (stale != NULL)
        stale->other = -1; /* libmicrohttpd has closed it, and nobody has looked yet */
    client->pair = pair[0];
    client->other = pair[1];
    /* It closes pair[1] when it fails too; then ours has an end of file. */
    MHD_add_connection(gate->daemon, pair[1], (const struct sockaddr *)&nobody, sizeof(nobody));
    return 0;
}

static void request_pass_on(struct weir_client *client)
{
    char text[WEIR_HEAD_WRITTEN];
    size_t len = weir_head_write(&client->head, text);

    /* The pair is empty, since libmicrohttpd has read what came before: it takes all. */
    if ((client->pair < 0 && pair_make(client) < 0) ||
        send(client->pair, text, len, MSG_NOSIGNAL) != (ssize_t)len) {
        refuse(client, MHD_HTTP_SERVICE_UNAVAILABLE, "too many connections; try again");
        return;
    }
    in_drop(client, 0, client->head.len);
    client->whole = false;
    client->answered = false;
    stage_set(client, WEIR_ANSWERING);
}

/* Throw away what there is of the body. Returns true if all of it has come. */
static bool body_read(struct weir_client *client)
{
    size_t have = client->in_len - client->head.len;
    size_t len = have < client->left ? have : client->left;

    in_drop(client, client->head.len, len);
    client->left -= len;
    if (client->left > 0 && client->head.expects && client->out_len == 0) {
        client->head.expects = false;
        say(client, CONTINUE, strlen(CONTINUE));
    }
    return client->left == 0;
}

static void request_read(struct weir_client *client)
{
    const char *error = NULL;
    unsigned int status = WEIR_HEAD_WHOLE;

    if (!client->whole) {
        status = weir_head_read(client->in, client->in_len, &client->head, &error);
        client->left = client->head.body_len;
        client->whole = status == WEIR_HEAD_WHOLE;
    }
    if (error != NULL)
        refuse(client, status, error);
    else if (client->whole && body_read(client))
        request_pass_on(client);
    else if (client->ended && client->in_len > 0)
        refuse(client, MHD_HTTP_BAD_REQUEST, "the request ends too early");
    else if (client->ended)
        stage_set(client, WEIR_ENDING);
}

/* What goes to the client */

/* Returns true if something went. */
static bool client_write(struct weir_client *client)
{
    ssize_t len;

    if (client->out_len == 0 || client->fd < 0)
        return false;
    len = send(client->fd, client->out + client->out_at, client->out_len, MSG_NOSIGNAL);
    if (len < 0) {
        if (errno != EAGAIN && errno != EINTR)
            client_lost(client);
        return false;
    }
    client->out_at += (size_t)len;
    client->out_len -= (size_t)len;
    patience(client);
    return true;
}

/* Take from libmicrohttpd what it answers. Returns true if something has changed. */
static bool answer_read(struct weir_client *client)
{
    ssize_t len;

    if (client->out_len > 0 || client->pair < 0)
        return false;
    len = recv(client->pair, client->out, sizeof(client->out), 0);
    if (len > 0) {
        client->out_at = 0;
        client->out_len = client->fd >= 0 ? (size_t)len : 0;
        patience(client);
        return true;
    }
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (!client->answered || client->head.close || client->fd < 0)
            return false;
        stage_set(client, WEIR_READING);
        return true;
    }
    close(client->pair);
    client->pair = -1;
    client->stage = client->fd >= 0 ? WEIR_ENDING : WEIR_OVER;
    return true;
}

/* All is said. */
static void linger(struct weir_client *client)
{
    shutdown(client->fd, SHUT_WR);
    stage_set(client, client->ended ? WEIR_OVER : WEIR_LINGERING);
    client->left = LINGER_OCTETS;
    client->in_len = 0;
}

/* Stages */

static bool stage_step(struct weir_client *client)
{
    enum weir_stage before = client->stage;
    bool moved = client_write(client);

    if (client->stage == WEIR_READING && client->out_len == 0) {
        moved |= client_read(client);
        if (client->stage == WEIR_READING)
            request_read(client);
    } else if (client->stage == WEIR_ANSWERING) {
        moved |= client_read(client); /* the next one; or it closes */
        moved |= answer_read(client);
    } else if (client->stage == WEIR_ENDING && client->out_len == 0) {
        linger(client);
    } else if (client->stage == WEIR_LINGERING) {
        client->in_len = 0;
        moved |= client_read(client);
        client->left -= client->in_len < client->left ? client->in_len : client->left;
        if (client->ended || client->left == 0)
            stage_set(client, WEIR_OVER);
    }
    return moved || client->stage != before;
}

void weir_client_run(struct weir_client *client)
{
    unsigned int turns = 0;

    while (client->stage != WEIR_OVER && stage_step(client) && ++turns < TURNS)
        ;
    client->again = client->stage != WEIR_OVER && turns == TURNS;
    if (client->again)
        client->door->gate->again = true;
    if (client->stage == WEIR_OVER)
        weir_client_free(client);
}

/* Patience has ended. */
void weir_client_late(struct weir_client *client)
{
    bool waits = client->stage == WEIR_ANSWERING && client->out_len == 0; /* for libmicrohttpd */

    if (waits)
        return;
    if (client->stage == WEIR_READING && client->in_len > 0 && client->out_len == 0)
        refuse(client, MHD_HTTP_REQUEST_TIMEOUT, "expected the whole request within 10 s");
    else if (client->stage == WEIR_READING && client->out_len == 0)
        stage_set(client, WEIR_ENDING);
    else
        client_lost(client);
    weir_client_run(client);
}

bool weir_client_gone(const struct weir_client *client)
{
    return client->fd < 0;
}

bool weir_client_ended(const struct weir_client *client)
{
    return client->ended && client->in_len == 0;
}

bool weir_client_read_only(const struct weir_client *client)
{
    return client->door->read_only;
}

void weir_client_answered(struct weir_client *client)
{
    client->answered = true;
    client->again = true;
    client->door->gate->again = true;
}
