/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: events and live traces, as long as the client reads. */
#include <errno.h>
#include <string.h>

#include "weir/http_request.h"

#define ALL_KINDS ((1U << WEIR_EVENT_KINDS) - 1)

static ssize_t lines_read(void *context, uint64_t position, char *text, size_t size)
{
    struct weir_request *request = context;
    size_t len;

    (void)position;
    if (weir_client_gone(request->client))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    request->moved_us = weir_monotonic_us();
    len = weir_subscriber_read(request->subscriber, text, size);
    if (len > 0)
        return (ssize_t)len;
    if (request->broken || weir_subscriber_over(request->subscriber))
        return MHD_CONTENT_READER_END_OF_STREAM;
    weir_http_suspend(request);
    return 0;
}

static enum MHD_Result subscribe(struct weir_request *request, unsigned int kinds,
                                 const struct weir_trace_filter *trace)
{
    int err = weir_subscribe(&request->control->events, &request->filter, kinds, trace,
                             &request->subscriber);

    if (err == -EALREADY)
        return weir_http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                               "%u traces are under way: expected at most so many at once",
                               WEIR_TRACES_MAX);
    return err < 0 ? weir_http_busy(request) : weir_http_stream(request, lines_read);
}

enum MHD_Result weir_http_events(struct weir_request *request)
{
    enum MHD_Result result;

    if (!weir_http_filter(request, WEIR_FILTER_EVENTS, &result))
        return result;
    return subscribe(request, request->filter.kinds != 0 ? request->filter.kinds : ALL_KINDS, NULL);
}

/* One end of a trace filter. */
static void trace_end(struct weir_trace_filter *trace, unsigned int end,
                      const struct weir_prefix *prefix, uint32_t port)
{
    if (prefix->family != 0) {
        trace->family = prefix->family;
        trace->prefix_len[end] = prefix->len;
        memcpy(trace->addr[end], prefix->addr, sizeof(prefix->addr));
    }
    if (port != WEIR_PORT_ANY)
        trace->port[end] = (uint16_t)port;
}

/* What workers match packets by: two ends, either way round. Returns what is wrong, or NULL. */
static const char *trace_filter(const struct weir_filter *filter, struct weir_trace_filter *trace)
{
    const struct weir_prefix *end = filter->end;
    bool ends = end[0].family != 0 || end[1].family != 0 || filter->port[0] != WEIR_PORT_ANY ||
                filter->port[1] != WEIR_PORT_ANY;
    bool address = filter->either.family != 0;
    bool port = filter->port_either != WEIR_PORT_ANY;

    if (address + port + ends > 1)
        return "expected addr alone, port alone, or any of src, dst, sport, dport";
    if (end[0].family != 0 && end[1].family != 0 && end[0].family != end[1].family)
        return "expected src and dst of one family";
    if (filter->port[0] == 0 || filter->port[1] == 0 || filter->port_either == 0)
        return "expected a port, 1 to 65535";
    if (filter->proto == 0)
        return "expected a protocol, 1 to 255";
    *trace = (struct weir_trace_filter){.proto = filter->proto < 0 ? 0 : (uint8_t)filter->proto};
    trace_end(trace, 0, address ? &filter->either : &end[0],
              port ? filter->port_either : filter->port[0]);
    trace_end(trace, 1, &end[1], filter->port[1]);
    return NULL;
}

enum MHD_Result weir_http_trace(struct weir_request *request)
{
    struct weir_trace_filter trace;
    enum MHD_Result result;
    const char *wrong;

    if (!weir_http_filter(request, WEIR_FILTER_TRACE, &result))
        return result;
    wrong = trace_filter(&request->filter, &trace);
    if (wrong != NULL)
        return weir_http_error(request, MHD_HTTP_BAD_REQUEST, "%s", wrong);
    if (request->control->traces != NULL)
        return weir_http_error(request, MHD_HTTP_CONFLICT,
                               "every packet is traced into a file already");
    return subscribe(request, 0, &trace);
}
