/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: how answers are put together. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/http_request.h"
#include "weir/json.h"

#define STREAM_BLOCK (32U * 1024)

static enum MHD_Result respond(struct weir_request *request, unsigned int status,
                               struct MHD_Response *response, const char *type)
{
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result weir_http_text(struct weir_request *request, char *text, size_t len,
                               const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

    if (response == NULL)
        free(text);
    return respond(request, MHD_HTTP_OK, response, type);
}

/* An object as text with a newline, made into a response; used up. */
static struct MHD_Response *json_response(json_t *answer)
{
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(16));
    struct MHD_Response *response;
    size_t len;

    json_decref(answer);
    if (text == NULL)
        return NULL;
    len = strlen(text);
    text[len] = '\n'; /* in the place of the terminator, which nobody needs any more */
    response = MHD_create_response_from_buffer(len + 1, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    return response;
}

enum MHD_Result weir_http_json(struct weir_request *request, unsigned int status, json_t *answer)
{
    return respond(request, status, json_response(answer), "application/json");
}

enum MHD_Result weir_http_error(struct weir_request *request, unsigned int status,
                                const char *format, ...)
{
    char error[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, sizeof(error), format, arguments);
    va_end(arguments);
    return weir_http_json(request, status, weir_json_error(error));
}

enum MHD_Result weir_http_method_wrong(struct weir_request *request, const char *allowed)
{
    struct MHD_Response *response =
        json_response(json_pack("{s:o}", "error", json_sprintf("expected %s", allowed)));

    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allowed);
    return respond(request, MHD_HTTP_METHOD_NOT_ALLOWED, response, "application/json");
}

enum MHD_Result weir_http_busy(struct weir_request *request)
{
    return weir_http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                           "too much of this is under way; try again");
}

enum MHD_Result weir_http_stream(struct weir_request *request,
                                 ssize_t (*read)(void *, uint64_t, char *, size_t))
{
    return respond(
        request, MHD_HTTP_OK,
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read, request, NULL),
        "application/x-ndjson");
}
