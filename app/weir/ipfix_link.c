/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/ipfix_link.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TARGET_MAX = 128,
    QUEUE_SIZE = 1 << 20,  /* octets */
    WAITING_MAX = 1 << 12, /* messages in the queue */
    RETRY_USEC = 1000000,  /* between two attempts to connect */
    CONNECT_MSEC = 1000,   /* that the first attempt may take: no worker runs yet */
    PATIENCE_MSEC = 5000,  /* that a patient one waits for room */
    DRAIN_MSEC = 2000,
};

enum state { DOWN, CONNECTING, UP };

/* A message in the queue: where it ends, counted from the connection's first octet. */
struct waiting {
    uint64_t end;
    unsigned int records;
};

struct weir_link {
    int fd; /* -1 while DOWN */
    enum state state;
    bool udp;
    bool patient;
    struct sockaddr_storage address;
    socklen_t address_len;
    unsigned int session;
    unsigned int last_records; /* UDP: of the message before, which an error may be about */
    uint64_t tried_us;
    struct weir_link_counts counts;
    /* TCP; the queue is a ring */
    uint64_t head; /* octets put into it since the connection began, and */
    uint64_t tail; /* taken out by the system */
    uint64_t message_head, message_tail;
    struct waiting waiting[WAITING_MAX];
    uint8_t queue[QUEUE_SIZE];
};

/* Split "udp:HOST:PORT"; HOST in brackets if it has colons. False if it is not of that form. */
static bool split(char *text, bool *udp, char **host, char **port)
{
    *udp = strncmp(text, "udp:", 4) == 0;
    if (!*udp && strncmp(text, "tcp:", 4) != 0)
        return false;
    *host = text + 4;
    *port = strrchr(*host, ':');
    if (*port == NULL)
        return false;
    *(*port)++ = '\0';
    if (**host == '[') {
        char *end = strchr(++*host, ']');

        if (end == NULL || end[1] != '\0')
            return false;
        *end = '\0';
    } else if (strchr(*host, ':') != NULL) {
        return false;
    }
    return **host != '\0' && **port != '\0';
}

static bool resolve(const char *target, bool *udp, struct sockaddr_storage *address,
                    socklen_t *address_len)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    const char *wrong = NULL;
    char text[TARGET_MAX];
    char *host;
    char *port;

    if (strlcpy(text, target, sizeof(text)) >= sizeof(text) || !split(text, udp, &host, &port))
        return false;
    strtonum(port, 1, UINT16_MAX, &wrong);
    if (wrong != NULL || getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool weir_link_target_valid(const char *target)
{
    struct sockaddr_storage address;
    socklen_t address_len;
    bool udp;

    return target[0] == '\0' || resolve(target, &udp, &address, &address_len);
}

static bool can_write(const struct weir_link *link, int msec)
{
    struct pollfd poller = {.fd = link->fd, .events = POLLOUT};

    return poll(&poller, 1, msec) > 0;
}

/* Take leave of a connection; what waits in the queue is lost. */
static void break_off(struct weir_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    link->state = DOWN;
    for (; link->message_tail != link->message_head; link->message_tail++)
        link->counts.lost += link->waiting[link->message_tail % WAITING_MAX].records;
    link->head = 0;
    link->tail = 0;
}

static void connected(struct weir_link *link)
{
    link->state = UP;
    link->session++;
}

/* Has a connection under way come to something? */
static void connect_check(struct weir_link *link, int msec)
{
    socklen_t len = sizeof(int);
    int error = 0;

    if (!can_write(link, msec))
        return;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
        break_off(link);
    else
        connected(link);
}

static void connect_begin(struct weir_link *link)
{
    int type = (link->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

    link->counts.attempts++;
    link->fd = socket(link->address.ss_family, type, 0);
    if (link->fd < 0)
        return;
    link->state = CONNECTING;
    if (connect(link->fd, (const struct sockaddr *)&link->address, link->address_len) == 0)
        connected(link);
    else if (errno != EINPROGRESS)
        break_off(link);
}

struct weir_link *weir_link_open(const char *target, bool patient)
{
    struct weir_link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        warnx("%s: no memory for the way to the collector", target);
        return NULL;
    }
    link->fd = -1;
    link->patient = patient;
    if (!resolve(target, &link->udp, &link->address, &link->address_len)) {
        warnx("%s: expected udp:ADDRESS:PORT or tcp:ADDRESS:PORT", target);
        free(link);
        return NULL;
    }
    connect_begin(link);
    if (link->state == CONNECTING)
        connect_check(link, CONNECT_MSEC);
    if (link->state != UP)
        warnx("%s: the collector does not answer; trying again", target);
    return link;
}

bool weir_link_is_udp(const struct weir_link *link)
{
    return link->udp;
}

bool weir_link_up(const struct weir_link *link)
{
    return link->state == UP;
}

unsigned int weir_link_session(const struct weir_link *link)
{
    return link->session;
}

const struct weir_link_counts *weir_link_count(const struct weir_link *link)
{
    return &link->counts;
}

void weir_link_lose(struct weir_link *link, unsigned int records)
{
    link->counts.lost += records;
}

static void sent(struct weir_link *link, unsigned int records)
{
    link->counts.messages++;
    link->counts.records += records;
}

/*
 * UDP. A refusal comes with the next call and is about the message before: that one is lost, this
 * one not yet sent.
 */
static void send_udp(struct weir_link *link, const uint8_t *message, size_t len,
                     unsigned int records)
{
    ssize_t n = send(link->fd, message, len, MSG_NOSIGNAL);

    if (n < 0 && errno == ECONNREFUSED) {
        link->counts.messages--;
        link->counts.records -= link->last_records;
        link->counts.lost += link->last_records;
        link->last_records = 0;
        link->session++; /* whoever comes back there needs the templates */
        n = send(link->fd, message, len, MSG_NOSIGNAL);
    }
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS) && link->patient &&
        can_write(link, PATIENCE_MSEC))
        n = send(link->fd, message, len, MSG_NOSIGNAL);
    if (n < 0) {
        link->counts.lost += records;
        return;
    }
    link->last_records = records;
    sent(link, records);
}

/* What the system has taken in whole is sent. */
static void messages_settle(struct weir_link *link)
{
    while (link->message_tail != link->message_head &&
           link->waiting[link->message_tail % WAITING_MAX].end <= link->tail)
        sent(link, link->waiting[link->message_tail++ % WAITING_MAX].records);
}

static void queue_flush(struct weir_link *link)
{
    while (link->state == UP && link->tail != link->head) {
        size_t at = link->tail % QUEUE_SIZE;
        size_t len = link->head - link->tail;
        ssize_t n;

        if (len > QUEUE_SIZE - at)
            len = QUEUE_SIZE - at;
        n = send(link->fd, link->queue + at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            break_off(link);
            return;
        }
        link->tail += (uint64_t)n;
    }
    messages_settle(link);
}

static bool has_room(const struct weir_link *link, size_t len)
{
    return link->head - link->tail + len <= QUEUE_SIZE &&
           link->message_head - link->message_tail < WAITING_MAX;
}

static void send_tcp(struct weir_link *link, const uint8_t *message, size_t len,
                     unsigned int records)
{
    if (!has_room(link, len))
        queue_flush(link);
    while (link->patient && link->state == UP && !has_room(link, len) &&
           can_write(link, PATIENCE_MSEC))
        queue_flush(link);
    if (link->state != UP || !has_room(link, len)) {
        link->counts.lost += records;
        return;
    }
    for (size_t i = 0; i < len;) {
        size_t at = (link->head + i) % QUEUE_SIZE;
        size_t part = len - i < QUEUE_SIZE - at ? len - i : QUEUE_SIZE - at;

        memcpy(link->queue + at, message + i, part);
        i += part;
    }
    link->head += len;
    link->waiting[link->message_head++ % WAITING_MAX] = (struct waiting){link->head, records};
    queue_flush(link);
}

void weir_link_send(struct weir_link *link, const uint8_t *message, size_t len,
                    unsigned int records)
{
    if (link->udp && link->state == UP)
        send_udp(link, message, len, records);
    else
        send_tcp(link, message, len, records);
}

/* A collector never says anything over TCP: what can be read is the end of the connection. */
static void hear_end(struct weir_link *link)
{
    uint8_t octet;
    ssize_t n = recv(link->fd, &octet, sizeof(octet), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        break_off(link);
}

void weir_link_poll(struct weir_link *link, uint64_t now_us)
{
    if (link->state == DOWN && now_us - link->tried_us >= RETRY_USEC) {
        link->tried_us = now_us;
        connect_begin(link);
    }
    if (link->state == CONNECTING)
        connect_check(link, 0);
    if (link->state == UP && !link->udp) {
        hear_end(link);
        queue_flush(link);
    }
}

void weir_link_drain(struct weir_link *link)
{
    for (int msec = 0; link->state == UP && link->tail != link->head && msec < DRAIN_MSEC;
         msec += DRAIN_MSEC / 10)
        if (can_write(link, DRAIN_MSEC / 10))
            queue_flush(link);
}

void weir_link_close(struct weir_link *link)
{
    if (link == NULL)
        return;
    weir_link_drain(link);
    break_off(link);
    free(link);
}
