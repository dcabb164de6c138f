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

#include "weir/http_gate.h"
#include "weir/http_listen.h"
#include "weir/http_request.h"

#define CONNECTIONS_MAX  1024U        /* more than the gate lets in */
#define CONNECTION_ROOM  (64U * 1024) /* octets of a connection: header, and what is to be sent */
#define CONNECTION_STEP  4096U        /* in which its room for what comes in grows */
#define LOOK_USEC        1000000U     /* between looks after listings whose readers stall */
#define STALLED_USEC     5000000U     /* a listing that may be broken off if others want one */
#define LISTINGS_CROWDED (WEIR_LISTINGS_MAX - 2)
#define RUN_USEC         50000U /* between rounds of the server where nothing happens */
#define STOP_ROUNDS      200U
#define STOP_USEC        5000U

struct weir_http {
    struct weir_control *control;
    struct MHD_Daemon *daemon; /* listens nowhere: the gate gives it its requests */
    struct weir_gate *gate;
    int epoll;                                        /* the daemon's */
    TAILQ_HEAD(weir_requests, weir_request) requests; /* that have begun */
    uint64_t run_us;                                  /* when the server last had its round */
    uint64_t look_us;
    bool again;         /* there is more to do without hearing anything new */
    struct stat socket; /* of ours, so that another's is not removed */
};

/* The life of a request */

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

static void *request_new(void *context, const char *target, struct MHD_Connection *connection)
{
    struct weir_http *http = context;
    struct weir_client *client = weir_gate_client(http->gate, fd_of(connection));
    struct weir_request *request = client == NULL ? NULL : calloc(1, sizeof(*request));

    (void)target;
    if (request == NULL)
        return NULL;
    request->control = http->control;
    request->connection = connection;
    request->client = client;
    request->moved_us = weir_monotonic_us();
    TAILQ_INSERT_TAIL(&http->requests, request, link);
    http->control->counts.requests++;
    return request;
}

/* A job's memory is written to by workers until it is done: a request that has one is suspended
 * until then, so it cannot end before. */
static void request_over(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct weir_http *http = context;
    struct weir_request *request = *state;

    (void)connection;
    (void)how;
    if (request == NULL)
        return;
    TAILQ_REMOVE(&http->requests, request, link);
    weir_client_answered(request->client);
    weir_scan_end(request->scan);
    weir_job_free(request->job);
    weir_unsubscribe(&request->control->events, request->subscriber);
    free(request);
    *state = NULL;
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
    *data_len = 0; /* the gate lets no body through */
    if (request == NULL)
        return MHD_NO;
    request->url = url;
    if (request->begun)
        return weir_http_route(request, method);
    request->begun = true;
    return MHD_YES;
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

/*
 * Is the client there? Over TCP one that has closed its direction may have closed all: what ends by
 * itself goes on to it, what has no end does not.
 */
static bool client_there(const struct weir_request *request)
{
    return !weir_client_gone(request->client) &&
           (request->subscriber == NULL || !weir_client_ended(request->client));
}

/* Can a suspended request go on? */
static bool request_ready(struct weir_request *request)
{
    if (request->job != NULL) {
        if (request->control->stopping)
            weir_job_cancel(request->job);
        return weir_job_step(request->job);
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
         request = TAILQ_NEXT(request, link)) {
        request->broken = request->broken || !client_there(request);
        if (request->suspended && request_ready(request)) {
            request_resume(http, request);
            resumed++;
        }
    }
    return resumed;
}

/* Rounds */

static bool clients_ready(const struct weir_http *http, const struct timespec *timeout)
{
    struct pollfd fd[] = {{.fd = weir_gate_epoll(http->gate), .events = POLLIN},
                          {.fd = http->epoll, .events = POLLIN}};

    return ppoll(fd, 2, timeout, NULL) > 0;
}

/* One round of the server. It says by a timeout of 0 that it has not done all that it could. */
static void server_run(struct weir_http *http)
{
    MHD_UNSIGNED_LONG_LONG timeout_msec;

    MHD_run(http->daemon);
    http->again = MHD_get_timeout(http->daemon, &timeout_msec) == MHD_YES && timeout_msec == 0;
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
    /* A round also when nothing is said, since that is when patience ends. */
    if (done == 0 && !http->again && now_us - http->run_us < RUN_USEC &&
        !clients_ready(http, &none))
        return 0;
    http->run_us = now_us;
    done += weir_gate_run(http->gate, now_us);
    server_run(http);
    return done + weir_gate_run(http->gate, now_us) + http->again;
}

bool weir_http_wait(struct weir_http *http, unsigned int usec)
{
    const struct timespec timeout = {.tv_nsec = (long)usec * 1000};

    if (http == NULL)
        return false;
    clients_ready(http, &timeout);
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
    return http == NULL ? 0 : weir_gate_clients(http->gate);
}

uint64_t weir_http_refused(const struct weir_http *http)
{
    return http == NULL ? 0 : weir_gate_refused(http->gate);
}

/* Start and stop */

/* Patience with clients is the gate's. */
static int server_start(struct weir_http *http)
{
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
                         NULL, NULL, on_request, http, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_ROOM,
                         MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_STEP,
                         MHD_OPTION_URI_LOG_CALLBACK, request_new, http,
                         MHD_OPTION_NOTIFY_COMPLETED, request_over, http, MHD_OPTION_END);
    http->gate = http->daemon == NULL ? NULL : weir_gate_start(http->daemon);
    if (http->gate == NULL) {
        warnx("the HTTP server does not start");
        return -EIO;
    }
    http->epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
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
    return weir_gate_listen(http->gate, fd, false);
}

static int tcp_start(struct weir_http *http, const struct weir_settings *settings)
{
    int fd = weir_listen_tcp(settings->http_tcp);

    return fd < 0 ? fd : weir_gate_listen(http->gate, fd, true);
}

int weir_http_start(struct weir_control *control)
{
    const struct weir_settings *settings = control->settings;
    struct weir_http *http;
    int err;

    if (settings->http_socket[0] == '\0' && settings->http_tcp[0] == '\0')
        return 0;
    http = calloc(1, sizeof(*http));
    if (http == NULL)
        return -ENOMEM;
    http->control = control;
    control->http = http;
    TAILQ_INIT(&http->requests);
    err = server_start(http);
    if (err == 0 && settings->http_socket[0] != '\0')
        err = unix_start(http, settings);
    if (err == 0 && settings->http_tcp[0] != '\0')
        err = tcp_start(http, settings);
    return err;
}

/* The last lines of streams go out, as far as clients take them. */
static void streams_end(struct weir_http *http)
{
    for (unsigned int round = 0;
         round < STOP_ROUNDS && (!TAILQ_EMPTY(&http->requests) || weir_gate_busy(http->gate));
         round++) {
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

    if (http->socket.st_ino != 0 && stat(path, &status) == 0 &&
        status.st_ino == http->socket.st_ino && status.st_dev == http->socket.st_dev)
        unlink(path);
}

static void server_stop(struct weir_http *http)
{
    struct weir_request *request;

    streams_end(http);
    for (request = TAILQ_FIRST(&http->requests); request != NULL;
         request = TAILQ_NEXT(request, link))
        if (request->suspended)
            request_resume(http, request);
    MHD_stop_daemon(http->daemon);
    weir_gate_stop(http->gate);
    socket_remove(http);
}

void weir_http_stop(struct weir_http *http)
{
    if (http == NULL)
        return;
    if (http->gate != NULL)
        server_stop(http);
    else if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    http->control->http = NULL;
    free(http);
}
