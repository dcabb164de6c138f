/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP over weir's Unix socket. Each function complains on standard error about what goes wrong. */
#ifndef WEIR_WEIRCTL_CLIENT_H
#define WEIR_WEIRCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "weirctl/options.h"

struct weirctl_client;

/* An answer that is one JSON object. */
struct weirctl_answer {
    long status;
    char *text; /* as weir said it, without newlines at its end */
    json_t *json;
};

/* What takes a stream; context goes to both. */
struct weirctl_sink {
    /* One line, without its newline and never empty; false ends the stream. */
    bool (*line)(void *context, const char *line, size_t len);
    /* No more lines for the moment: now and then, also while weir is silent; NULL: nobody asks. */
    bool (*pause)(void *context);
    void *context;
};

/* NULL where there is no memory or the path cannot be one of a socket, with *status set. */
struct weirctl_client *weirctl_client_open(const char *socket, enum weirctl_exit *status);
void weirctl_client_close(struct weirctl_client *client);

/* Call this before each complaint: whoever has the screen can give it back. */
void weirctl_client_before_complaint(struct weirctl_client *client, void (*call)(void));

/*
 * One request; the answer is the caller's to free if WEIRCTL_DONE is returned. An answer that holds
 * an "error" is told to the user instead: 400 counts as wrong usage, 404 of a flow as nothing
 * found.
 */
enum weirctl_exit weirctl_client_ask(struct weirctl_client *client, const char *method,
                                     const char *target, struct weirctl_answer *answer);
void weirctl_answer_free(struct weirctl_answer *answer);

/*
 * GET a stream of lines. Done where it ends, where the sink ends it, or at an interruption; failed
 * where weir breaks off. timeout_sec ends it in good order too; 0: none.
 */
enum weirctl_exit weirctl_client_stream(struct weirctl_client *client, const char *target,
                                        const struct weirctl_sink *sink, long timeout_sec);

#endif
