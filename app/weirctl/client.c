/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/client.h"

#include <curl/curl.h>
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "weirctl/signals.h"

#define BODY_MAX   (64U * 1024 * 1024) /* octets of an answer or a line: far more than there are */
#define ANSWER_SEC 120L                /* a deletion among ten million flows takes seconds */

/* What arrives: a whole body, or the beginning of a line. */
struct text {
    char *at;
    size_t len;
    size_t size;
};

struct weirctl_client {
    CURL *easy;
    const char *socket;
    struct text text;
    const struct weirctl_sink *sink; /* NULL: the body is collected */
    bool ended;                      /* by the sink */
    void (*before_complaint)(void);
    char error[CURL_ERROR_SIZE];
};

void weirctl_client_before_complaint(struct weirctl_client *client, void (*call)(void))
{
    client->before_complaint = call;
}

static __attribute__((format(printf, 2, 3))) void complain(const struct weirctl_client *client,
                                                           const char *format, ...)
{
    va_list list;

    if (client->before_complaint != NULL)
        client->before_complaint();
    va_start(list, format);
    vwarnx(format, list);
    va_end(list);
}

static bool text_add(struct text *text, const char *data, size_t len)
{
    if (text->len + len + 1 > text->size) {
        size_t size = 2 * text->size + len + 1024;
        char *at = size > BODY_MAX ? NULL : realloc(text->at, size);

        if (at == NULL)
            return false;
        text->at = at;
        text->size = size;
    }
    memcpy(text->at + text->len, data, len);
    text->len += len;
    text->at[text->len] = '\0';
    return true;
}

static bool line_give(struct weirctl_client *client, const char *line, size_t len)
{
    if (len > 0 && !client->sink->line(client->sink->context, line, len))
        client->ended = true;
    return !client->ended;
}

/* Give whole lines to the sink, and keep the beginning of the last one. */
static bool lines_take(struct weirctl_client *client, const char *data, size_t len)
{
    const char *newline;

    while ((newline = memchr(data, '\n', len)) != NULL) {
        size_t part = (size_t)(newline - data);
        bool more;

        if (client->text.len == 0) {
            more = line_give(client, data, part);
        } else {
            if (!text_add(&client->text, data, part))
                return false;
            more = line_give(client, client->text.at, client->text.len);
            client->text.len = 0;
        }
        if (!more)
            return false;
        data += part + 1;
        len -= part + 1;
    }
    return text_add(&client->text, data, len);
}

static bool pause_give(struct weirctl_client *client)
{
    if (client->sink != NULL && client->sink->pause != NULL &&
        !client->sink->pause(client->sink->context))
        client->ended = true;
    return !client->ended;
}

static long status_get(struct weirctl_client *client)
{
    long status = 0;

    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t receive(char *data, size_t one, size_t len, void *context)
{
    struct weirctl_client *client = context;
    bool more;

    (void)one;
    if (client->sink == NULL || status_get(client) >= 400)
        more = text_add(&client->text, data, len);
    else
        more = lines_take(client, data, len) && pause_give(client);
    return more ? len : 0;
}

/* libcurl calls this about once a second, and whenever a signal wakes it. */
static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct weirctl_client *client = context;

    (void)a, (void)b, (void)c, (void)d;
    return weirctl_interrupted || !pause_give(client);
}

struct weirctl_client *weirctl_client_open(const char *socket, enum weirctl_exit *status)
{
    struct weirctl_client *client;
    struct sockaddr_un address;

    if (strlen(socket) >= sizeof(address.sun_path)) {
        warnx("%s: too long for the path of a socket: expected at most %zu octets", socket,
              sizeof(address.sun_path) - 1);
        *status = WEIRCTL_USAGE;
        return NULL;
    }
    *status = WEIRCTL_FAILED;
    client = calloc(1, sizeof(*client));
    if (client == NULL || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        goto fail;
    client->socket = socket;
    client->easy = curl_easy_init();
    if (client->easy == NULL)
        goto fail;
    curl_easy_setopt(client->easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->easy, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(client->easy, CURLOPT_USERAGENT, "weirctl/" WEIR_VERSION);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(client->easy, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(client->easy, CURLOPT_XFERINFODATA, client);
    return client;
fail:
    warnx("no memory");
    free(client);
    return NULL;
}

void weirctl_client_close(struct weirctl_client *client)
{
    curl_easy_cleanup(client->easy);
    curl_global_cleanup();
    free(client->text.at);
    free(client);
}

/* libcurl keeps the reason of a failed connection to itself: try again to learn it. */
static enum weirctl_exit unreachable(const struct weirctl_client *client)
{
    const char *path = client->socket;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = 0;

    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (error == ENOENT)
        complain(client,
                 "%s: no such socket: is weir running, with this path as control.http_socket?",
                 path);
    else if (error == ECONNREFUSED)
        complain(client, "%s: nobody listens there: weir has ended", path);
    else if (error == EACCES || error == EPERM)
        complain(client, "%s: permission denied: expected a member of the socket's group, or root",
                 path);
    else if (error != 0)
        complain(client, "%s: %s", path, strerror(error));
    else
        complain(client, "%s: cannot be connected to", path);
    return WEIRCTL_UNREACHABLE;
}

static enum weirctl_exit perform(struct weirctl_client *client, const char *method,
                                 const char *target, long timeout_sec)
{
    char url[WEIRCTL_TARGET_MAX + 16];
    CURLcode code;

    snprintf(url, sizeof(url), "http://weir%s", target);
    client->text.len = 0;
    client->ended = false;
    client->error[0] = '\0';
    curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl_easy_setopt(client->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->easy, CURLOPT_TIMEOUT, timeout_sec);
    code = curl_easy_perform(client->easy);
    if (code == CURLE_OK || client->ended || weirctl_interrupted)
        return WEIRCTL_DONE;
    if (code == CURLE_COULDNT_CONNECT)
        return unreachable(client);
    if (code == CURLE_OPERATION_TIMEDOUT && client->sink != NULL)
        return WEIRCTL_DONE;
    if (code == CURLE_OPERATION_TIMEDOUT)
        complain(client, "%s: no answer within %ld s", client->socket, timeout_sec);
    else if (code == CURLE_WRITE_ERROR)
        complain(client, "weir's answer is too long, or there is no memory");
    else
        complain(client, "weir broke off its answer: %s",
                 client->error[0] != '\0' ? client->error : curl_easy_strerror(code));
    return WEIRCTL_FAILED;
}

static void list_tell(const struct weirctl_client *client, const json_t *list, const char *before)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));

        complain(client, "%s%s", before, item != NULL ? item : "?");
    }
}

/* What an error says, and which exit status it is. */
static enum weirctl_exit error_tell(const struct weirctl_client *client, long status,
                                    const json_t *json, const char *target)
{
    const char *error = json_string_value(json_object_get(json, "error"));

    if (error == NULL)
        complain(client, "weir answered %ld, without a reason", status);
    else
        complain(client, "%s", error);
    list_tell(client, json_object_get(json, "details"), "  ");
    list_tell(client, json_object_get(json, "needs_restart"), "  needs a restart: ");
    if (status == 400)
        return WEIRCTL_USAGE;
    return status == 404 && strncmp(target, "/flows/", 7) == 0 ? WEIRCTL_NOTHING : WEIRCTL_FAILED;
}

static json_t *parse(const struct text *text)
{
    return text->len == 0 ? NULL : json_loadb(text->at, text->len, JSON_REJECT_DUPLICATES, NULL);
}

static void trim(struct text *text)
{
    while (text->len > 0 && text->at[text->len - 1] == '\n')
        text->at[--text->len] = '\0';
}

enum weirctl_exit weirctl_client_ask(struct weirctl_client *client, const char *method,
                                     const char *target, struct weirctl_answer *answer)
{
    enum weirctl_exit status;

    client->sink = NULL;
    status = perform(client, method, target, ANSWER_SEC);
    if (status != WEIRCTL_DONE)
        return status;
    if (weirctl_interrupted) {
        complain(client, "interrupted before weir has answered");
        return WEIRCTL_FAILED;
    }
    trim(&client->text);
    *answer = (struct weirctl_answer){.status = status_get(client), .json = parse(&client->text)};
    if (answer->status >= 400 &&
        (!json_is_object(answer->json) || json_object_get(answer->json, "error") != NULL)) {
        status = error_tell(client, answer->status, answer->json, target);
    } else if (!json_is_object(answer->json)) {
        complain(client, "%s: what answers there is not weir: its answer is no JSON object",
                 client->socket);
        status = WEIRCTL_FAILED;
    }
    if (status != WEIRCTL_DONE) {
        json_decref(answer->json);
        return status;
    }
    answer->text = client->text.at;
    client->text = (struct text){.at = NULL};
    return WEIRCTL_DONE;
}

void weirctl_answer_free(struct weirctl_answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
}

enum weirctl_exit weirctl_client_stream(struct weirctl_client *client, const char *target,
                                        const struct weirctl_sink *sink, long timeout_sec)
{
    enum weirctl_exit status;
    json_t *json;

    client->sink = sink;
    status = perform(client, "GET", target, timeout_sec);
    client->sink = NULL;
    if (status != WEIRCTL_DONE || status_get(client) < 400)
        return status;
    json = parse(&client->text);
    status = error_tell(client, status_get(client), json, target);
    json_decref(json);
    return status;
}
