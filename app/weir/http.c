/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP server: its sockets, and the life of a request. */
#include "weir/http.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "weir/http_listen.h"
#include "weir/http_request.h"

#define CONNECTIONS_MAX 256U
#define CONNECTION_ROOM (64U * 1024) /* octets of a connection: header, and what is to be sent */
#define CONNECTION_STEP 4096U        /* in which its room for what comes in grows */
#define IDLE_SEC        10U          /* a connection that says nothing, or takes nothing */
#define TARGET_MAX      8192U
#define HEADER_MAX      (16U * 1024)
#define BODY_MAX        (64U * 1024)
#define BODY_PATIENCE                                                                              \
    (1024U * 1024)                /* read of one that is too long, so that its sender hears why */
#define LOOK_USEC        1000000U /* between looks after clients that wait */
#define STALLED_USEC     5000000U /* a listing that may be broken off if others want one */
#define LISTINGS_CROWDED (WEIR_LISTINGS_MAX - 2)
#define RUN_USEC         50000U /* between rounds of the server where nothing happens */
#define STOP_ROUNDS      200U
#define STOP_USEC        5000U

enum { SERVER_UNIX, SERVER_TCP, SERVERS };

/* One listening socket. */
struct server {
    struct weir_http *http;
    struct MHD_Daemon *daemon; /* NULL: none */
    int epoll;
};

struct weir_http {
    struct weir_control *control;
    struct server server[SERVERS];
    TAILQ_HEAD(weir_requests, weir_request) requests; /* that have begun */
    uint64_t run_us;                                  /* when the server last had its round */
    uint64_t look_us;
    bool again;         /* there is more to do without hearing anything new */
    struct stat socket; /* of ours, so that another's is not removed */
};

/* The life of a request */

static void *request_new(void *context, const char *target, struct MHD_Connection *connection)
{
    const struct server *server = context;
    struct weir_request *request = calloc(1, sizeof(*request));

    if (request == NULL)
        return NULL;
    request->control = server->http->control;
    request->connection = connection;
    request->read_only = server == &server->http->server[SERVER_TCP];
    request->target_len = strlen(target);
    request->moved_us = weir_monotonic_us();
    request->looked_us = request->moved_us;
    TAILQ_INSERT_TAIL(&server->http->requests, request, link);
    request->control->counts.requests++;
    return request;
}

/* A job's memory is written to by workers until it is done: a request that has one is suspended
 * until then, so it cannot end before. */
static void request_over(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct server *server = context;
    struct weir_request *request = *state;

    (void)connection;
    (void)how;
    if (request == NULL)
        return;
    TAILQ_REMOVE(&server->http->requests, request, link);
    weir_scan_end(request->scan);
    weir_job_free(request->job);
    weir_unsubscribe(&request->control->events, request->subscriber);
    free(request);
    *state = NULL;
}

static enum MHD_Result body_refuse(struct weir_request *request)
{
    return weir_http_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "no request needs a body");
}

/* What can be refused by the header alone. */
static enum MHD_Result header_seen(struct weir_request *request)
{
    const union MHD_ConnectionInfo *header =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);

    request->begun = true;
    if (request->target_len > TARGET_MAX)
        return weir_http_error(request, MHD_HTTP_URI_TOO_LONG,
                               "the request target has %zu octets: expected at most %u",
                               request->target_len, TARGET_MAX);
    if (header != NULL && header->header_size > HEADER_MAX)
        return weir_http_error(request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                               "the header has %zu octets: expected at most %u",
                               header->header_size, HEADER_MAX);
    if (length != NULL && strtoull(length, NULL, 10) > BODY_MAX)
        return body_refuse(request);
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    struct weir_request *request = *state;

    (void)context;
    (void)connection;
    (void)version;
    (void)data;
    if (request == NULL)
        return MHD_NO;
    request->url = url;
    if (!request->begun)
        return header_seen(request);
    if (*data_len > 0) {
        request->body += *data_len;
        *data_len = 0;
        return request->body > BODY_PATIENCE ? MHD_NO : MHD_YES;
    }
    if (request->body > BODY_MAX)
        return body_refuse(request);
    return weir_http_route(request, method);
}

void weir_http_suspend(struct weir_request *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->connection);
}

static void request_resume(struct weir_http *http, struct weir_request *request)
{
    request->suspended = false;
    http->again = true;
    MHD_resume_connection(request->connection);
}

/* Has the client closed? Nobody reads a suspended connection, so nobody would notice. */
static bool client_gone(const struct weir_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd fd = {.events = POLLRDHUP};

    if (info == NULL)
        return true;
    fd.fd = info->connect_fd;
    return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Can a suspended request go on? */
static bool request_ready(struct weir_request *request, uint64_t now_us)
{
    if (request->job != NULL) {
        if (request->control->stopping)
            weir_job_cancel(request->job);
        return weir_job_step(request->job);
    }
    if (now_us - request->looked_us > LOOK_USEC) {
        request->looked_us = now_us;
        request->broken = request->broken || client_gone(request);
    }
    if (request->broken)
        return true;
    return request->scan != NULL ? weir_scan_ready(request->scan)
                                 : weir_subscriber_ready(request->subscriber);
}

/* Break a stream off. Its connection, which waits for the client, may then end at once. */
static void request_break(struct weir_request *request)
{
    request->broken = true;
    weir_scan_end(request->scan);
    request->scan = NULL;
    if (!request->suspended)
        MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
}

/* Listings are few: those whose readers take nothing make way when they become scarce. */
static void stalled_break(struct weir_http *http, uint64_t now_us)
{
    unsigned int listings = 0;
    struct weir_request *request;

    for (unsigned int i = 0; i < WEIR_LISTINGS_MAX; i++)
        listings += http->control->fleet.listing[i] != NULL;
    for (request = TAILQ_FIRST(&http->requests); request != NULL;
         request = TAILQ_NEXT(request, link)) {
        bool stalled = !request->suspended && now_us - request->moved_us > STALLED_USEC;

        if (request->scan != NULL &&
            (http->control->stopping || (stalled && listings > LISTINGS_CROWDED)))
            request_break(request);
    }
}

static unsigned int requests_look(struct weir_http *http, uint64_t now_us)
{
    struct weir_request *request;
    unsigned int resumed = 0;

    if (now_us - http->look_us > LOOK_USEC || http->control->stopping) {
        http->look_us = now_us;
        stalled_break(http, now_us);
    }
    for (request = TAILQ_FIRST(&http->requests); request != NULL;
         request = TAILQ_NEXT(request, link))
        if (request->suspended && request_ready(request, now_us)) {
            request_resume(http, request);
            resumed++;
        }
    return resumed;
}

/* Rounds */

static bool servers_ready(const struct weir_http *http, const struct timespec *timeout)
{
    struct pollfd fd[SERVERS];
    unsigned int count = 0;

    for (unsigned int i = 0; i < SERVERS; i++)
        if (http->server[i].daemon != NULL)
            fd[count++] = (struct pollfd){.fd = http->server[i].epoll, .events = POLLIN};
    return ppoll(fd, count, timeout, NULL) > 0;
}

/* One round of a server. It says by a timeout of 0 that it has not done all that it could. */
static void server_run(struct weir_http *http, struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout_msec;

    MHD_run(daemon);
    if (MHD_get_timeout(daemon, &timeout_msec) == MHD_YES && timeout_msec == 0)
        http->again = true;
}

unsigned int weir_http_serve(struct weir_http *http)
{
    const struct timespec none = {0};
    uint64_t now_us;
    unsigned int done;

    if (http == NULL)
        return 0;
    now_us = weir_monotonic_us();
    done = requests_look(http, now_us);
    /* A round also when nothing is said, since that is when connections time out. */
    if (!http->again && now_us - http->run_us < RUN_USEC && !servers_ready(http, &none))
        return done;
    http->again = false;
    http->run_us = now_us;
    for (unsigned int i = 0; i < SERVERS; i++)
        if (http->server[i].daemon != NULL)
            server_run(http, http->server[i].daemon);
    return done + http->again;
}

bool weir_http_wait(struct weir_http *http, unsigned int usec)
{
    const struct timespec timeout = {.tv_nsec = (long)usec * 1000};

    if (http == NULL)
        return false;
    servers_ready(http, &timeout);
    return true;
}

bool weir_http_idle(const struct weir_http *http)
{
    const struct weir_request *request;

    if (http == NULL)
        return true;
    for (request = TAILQ_FIRST(&http->requests); request != NULL;
         request = TAILQ_NEXT(request, link))
        if (request->scan != NULL || (request->job != NULL && request->suspended))
            return false;
    return true;
}

unsigned int weir_http_connections(const struct weir_http *http)
{
    unsigned int count = 0;

    for (unsigned int i = 0; http != NULL && i < SERVERS; i++) {
        const union MHD_DaemonInfo *info =
            http->server[i].daemon == NULL
                ? NULL
                : MHD_get_daemon_info(http->server[i].daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

        count += info == NULL ? 0 : info->num_connections;
    }
    return count;
}

/* Start and stop */

static int server_start(struct weir_http *http, unsigned int which, int fd)
{
    struct server *server = &http->server[which];
    const union MHD_DaemonInfo *info;

    server->http = http;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SEC, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_ROOM, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_STEP,
        MHD_OPTION_URI_LOG_CALLBACK, request_new, server, MHD_OPTION_NOTIFY_COMPLETED, request_over,
        server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        warnx("the HTTP server does not start");
        close(fd);
        return -EIO;
    }
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->epoll = info->epoll_fd;
    return 0;
}

static int unix_start(struct weir_http *http, const struct weir_settings *settings)
{
    static const mode_t modes[] = {0600, 0660, 0666}; /* as the words of control.http_mode */
    int fd =
        weir_listen_unix(settings->http_socket, modes[settings->http_mode], settings->http_group);

    if (fd < 0)
        return fd;
    stat(settings->http_socket, &http->socket);
    return server_start(http, SERVER_UNIX, fd);
}

static int tcp_start(struct weir_http *http, const struct weir_settings *settings)
{
    int fd = weir_listen_tcp(settings->http_tcp);

    return fd < 0 ? fd : server_start(http, SERVER_TCP, fd);
}

int weir_http_start(struct weir_control *control)
{
    const struct weir_settings *settings = control->settings;
    struct weir_http *http;
    int err = 0;

    if (settings->http_socket[0] == '\0' && settings->http_tcp[0] == '\0')
        return 0;
    http = calloc(1, sizeof(*http));
    if (http == NULL)
        return -ENOMEM;
    http->control = control;
    control->http = http;
    TAILQ_INIT(&http->requests);
    if (settings->http_socket[0] != '\0')
        err = unix_start(http, settings);
    if (err == 0 && settings->http_tcp[0] != '\0')
        err = tcp_start(http, settings);
    return err;
}

/* The last lines of streams go out, as far as clients take them. */
static void streams_end(struct weir_http *http)
{
    for (unsigned int round = 0; round < STOP_ROUNDS && !TAILQ_EMPTY(&http->requests); round++) {
        struct weir_request *request;

        for (request = TAILQ_FIRST(&http->requests); request != NULL;
             request = TAILQ_NEXT(request, link))
            request->broken = true;
        weir_http_serve(http);
        weir_http_wait(http, STOP_USEC);
    }
}

static void socket_remove(const struct weir_http *http)
{
    const char *path = http->control->settings->http_socket;
    struct stat status;

    if (stat(path, &status) == 0 && status.st_ino == http->socket.st_ino &&
        status.st_dev == http->socket.st_dev)
        unlink(path);
}

void weir_http_stop(struct weir_http *http)
{
    struct weir_request *request;

    if (http == NULL)
        return;
    streams_end(http);
    for (request = TAILQ_FIRST(&http->requests); request != NULL;
         request = TAILQ_NEXT(request, link))
        if (request->suspended)
            request_resume(http, request);
    for (unsigned int i = 0; i < SERVERS; i++)
        if (http->server[i].daemon != NULL)
            MHD_stop_daemon(http->server[i].daemon);
    if (http->server[SERVER_UNIX].daemon != NULL)
        socket_remove(http);
    http->control->http = NULL;
    free(http);
}
