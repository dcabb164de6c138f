/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: listing, finding, counting and deleting flows. */
#include <stdlib.h>

#include "weir/http_request.h"
#include "weir/record.h"

/* As many records as fit into size octets; 0: none yet. */
static size_t flows_fill(struct weir_request *request, char *text, size_t size, bool *over)
{
    struct weir_found found;
    size_t len = 0;

    while (size - len >= WEIR_RECORD_MAX) {
        enum weir_scan_result result;

        *over = request->filter.limit != 0 && request->count == request->filter.limit;
        if (*over)
            break;
        result = weir_scan_next(request->scan, &found);
        *over = result == WEIR_SCAN_OVER;
        if (result != WEIR_SCAN_FOUND)
            break;
        len += weir_record_flow_format(text + len, &found.view);
        request->count++;
    }
    return len;
}

static ssize_t flows_read(void *context, uint64_t position, char *text, size_t size)
{
    struct weir_request *request = context;
    bool over = false;
    size_t len;

    (void)position;
    request->moved_us = weir_monotonic_us();
    if (request->broken || size < WEIR_RECORD_MAX)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    len = flows_fill(request, text, size, &over);
    if (len > 0)
        return (ssize_t)len;
    if (over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    weir_http_suspend(request);
    return 0;
}

enum MHD_Result weir_http_flows_list(struct weir_request *request)
{
    enum MHD_Result result;

    if (!weir_http_filter(request, WEIR_FILTER_LIST, &result))
        return result;
    request->scan = weir_scan_begin(&request->control->fleet, &request->filter, 0,
                                    weir_control_now(request->control));
    if (request->scan == NULL)
        return weir_http_busy(request);
    return weir_http_stream(request, flows_read);
}

/* Begin a job and wait for its end; the request comes back when it is done. */
static enum MHD_Result job_begin(struct weir_request *request, enum weir_job_kind kind)
{
    request->job = weir_job_begin(&request->control->fleet, kind, &request->filter, request->id,
                                  weir_control_now(request->control));
    if (request->job == NULL)
        return weir_http_busy(request);
    weir_http_suspend(request);
    return MHD_YES;
}

static enum MHD_Result answer_deleted(struct weir_request *request)
{
    const struct weir_job *job = request->job;

    return weir_http_json(request, MHD_HTTP_OK,
                          json_pack("{s:I,s:I}", "matched", (json_int_t)job->matched, "deleted",
                                    (json_int_t)atomic_load(&job->ended)));
}

static enum MHD_Result no_flow(struct weir_request *request)
{
    return weir_http_error(request, MHD_HTTP_NOT_FOUND, "no flow with this id");
}

enum MHD_Result weir_http_count(struct weir_request *request)
{
    enum MHD_Result result;

    if (request->job != NULL)
        return weir_http_json(request, MHD_HTTP_OK,
                              json_pack("{s:I}", "count", (json_int_t)request->job->matched));
    if (!weir_http_filter(request, WEIR_FILTER_COUNT, &result))
        return result;
    return job_begin(request, WEIR_JOB_COUNT);
}

enum MHD_Result weir_http_flows_delete(struct weir_request *request)
{
    enum MHD_Result result;

    if (request->job != NULL)
        return answer_deleted(request);
    if (!weir_http_filter(request, WEIR_FILTER_DELETE, &result))
        return result;
    if (request->filter.given == 0 && !request->filter.all)
        return weir_http_error(request, MHD_HTTP_BAD_REQUEST,
                               "expected a filter; all=1 deletes every flow");
    if (request->filter.given > 0 && request->filter.all)
        return weir_http_error(request, MHD_HTTP_BAD_REQUEST,
                               "expected either a filter or all=1, not both");
    return job_begin(request, WEIR_JOB_DELETE);
}

enum MHD_Result weir_http_flow_get(struct weir_request *request)
{
    char *line;

    if (request->job == NULL)
        return job_begin(request, WEIR_JOB_FIND);
    if (request->job->matched == 0)
        return no_flow(request);
    line = malloc(WEIR_RECORD_MAX);
    if (line == NULL)
        return MHD_NO;
    return weir_http_text(request, line, weir_record_flow_format(line, &request->job->found.view),
                          "application/json");
}

enum MHD_Result weir_http_flow_delete(struct weir_request *request)
{
    if (request->job == NULL)
        return job_begin(request, WEIR_JOB_DELETE);
    return request->job->matched == 0 ? no_flow(request) : answer_deleted(request);
}
