/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request under way, for the files of the HTTP server.
 *
 * A request that has to wait for workers or events is suspended, which takes it off the server's
 * hands; weir_http_serve looks at all that are and resumes those that can go on. So nobody waits in
 * a call, and a client that is slow costs nothing but its own room.
 */
#ifndef WEIR_APP_HTTP_REQUEST_H
#define WEIR_APP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <jansson.h>
#include <microhttpd.h>

#include "weir/control.h"
#include "weir/events.h"
#include "weir/filter.h"
#include "weir/http_gate.h"
#include "weir/scan.h"

struct weir_request {
    TAILQ_ENTRY(weir_request) link;
    struct weir_control *control;
    struct MHD_Connection *connection;
    const char *url;
    struct weir_client *client; /* whose it is */
    bool begun;                 /* its header has been seen */
    bool suspended;
    bool broken;       /* a stream that is to break off */
    uint64_t id;       /* of /flows/ID */
    uint64_t moved_us; /* when its client last took something */
    uint64_t count;    /* records streamed */
    struct weir_filter filter;
    struct weir_scan *scan;
    struct weir_job *job;
    struct weir_subscriber *subscriber;
};

/* Answers; all of them queue a response. answer and text are used up. */
enum MHD_Result weir_http_json(struct weir_request *request, unsigned int status, json_t *answer);
enum MHD_Result weir_http_text(struct weir_request *request, char *text, size_t len,
                               const char *type);
enum MHD_Result weir_http_error(struct weir_request *request, unsigned int status,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));
enum MHD_Result weir_http_busy(struct weir_request *request);
enum MHD_Result weir_http_stream(struct weir_request *request,
                                 ssize_t (*read)(void *, uint64_t, char *, size_t));

enum MHD_Result weir_http_method_wrong(struct weir_request *request, const char *allowed);

/* Take the request off the server until weir_http_serve finds that it can go on. */
void weir_http_suspend(struct weir_request *request);

/* Read the parameters into request->filter. Returns false after an answer, which is in *result. */
bool weir_http_filter(struct weir_request *request, enum weir_filter_use use,
                      enum MHD_Result *result);

/* Find the path and carry out the method. */
enum MHD_Result weir_http_route(struct weir_request *request, const char *method);

/* The paths that take some time: http_flows.c and http_stream.c. */
enum MHD_Result weir_http_flows_list(struct weir_request *request);
enum MHD_Result weir_http_flows_delete(struct weir_request *request);
enum MHD_Result weir_http_flow_get(struct weir_request *request);
enum MHD_Result weir_http_flow_delete(struct weir_request *request);
enum MHD_Result weir_http_count(struct weir_request *request);
enum MHD_Result weir_http_events(struct weir_request *request);
enum MHD_Result weir_http_trace(struct weir_request *request);

#endif
