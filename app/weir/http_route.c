/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: which path and method does what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/http_request.h"
#include "weir/json.h"
#include "weir/metrics.h"
#include "weir/reload.h"

#define ID_DIGITS 16U

static enum MHD_Result parameter_add(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct weir_request *request = ((void **)context)[0];
    char *error = ((void **)context)[1];

    (void)kind;
    return weir_filter_add(&request->filter, name, value, error, 256) ? MHD_YES : MHD_NO;
}

bool weir_http_filter(struct weir_request *request, enum weir_filter_use use,
                      enum MHD_Result *result)
{
    char error[256] = "";
    void *context[2] = {request, error};

    weir_filter_init(&request->filter, use);
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, parameter_add, context);
    if (error[0] == '\0')
        return true;
    *result = weir_http_error(request, MHD_HTTP_BAD_REQUEST, "%s", error);
    return false;
}

static enum MHD_Result health(struct weir_request *request)
{
    bool well;
    json_t *answer = weir_json_health(request->control, &well);

    return weir_http_json(request, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, answer);
}

static enum MHD_Result stats(struct weir_request *request)
{
    return weir_http_json(request, MHD_HTTP_OK,
                          weir_json_stats(request->control, weir_control_stats(request->control)));
}

static enum MHD_Result config(struct weir_request *request)
{
    return weir_http_json(request, MHD_HTTP_OK, weir_json_config(&request->control->in_force));
}

static enum MHD_Result metrics(struct weir_request *request)
{
    const char *accept =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    bool open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
    size_t len;
    char *text =
        weir_metrics_text(request->control, weir_control_stats(request->control), open, &len);

    if (text == NULL)
        return MHD_NO;
    return weir_http_text(request, text, len,
                          open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                               : "text/plain; version=0.0.4; charset=utf-8");
}

static enum MHD_Result reload(struct weir_request *request)
{
    json_t *answer;
    unsigned int status = weir_reload(request->control, &answer);

    return weir_http_json(request, status, answer);
}

/* One method of one path; a path that ends in "/" goes on with a flow's id. */
struct route {
    const char *path;
    const char *method;
    enum MHD_Result (*serve)(struct weir_request *);
    bool quick;   /* does without parameters and without waiting; has HEAD too */
    bool changes; /* not over TCP */
};

static const struct route routes[] = {
    {"/health", MHD_HTTP_METHOD_GET, health, true, false},
    {"/stats", MHD_HTTP_METHOD_GET, stats, true, false},
    {"/config", MHD_HTTP_METHOD_GET, config, true, false},
    {"/metrics", MHD_HTTP_METHOD_GET, metrics, true, false},
    {"/flows", MHD_HTTP_METHOD_GET, weir_http_flows_list, false, false},
    {"/flows", MHD_HTTP_METHOD_DELETE, weir_http_flows_delete, false, true},
    {"/flows/", MHD_HTTP_METHOD_GET, weir_http_flow_get, false, false},
    {"/flows/", MHD_HTTP_METHOD_DELETE, weir_http_flow_delete, false, true},
    {"/count", MHD_HTTP_METHOD_GET, weir_http_count, false, false},
    {"/events", MHD_HTTP_METHOD_GET, weir_http_events, false, false},
    {"/trace", MHD_HTTP_METHOD_GET, weir_http_trace, false, false},
    {"/reload", MHD_HTTP_METHOD_POST, reload, false, true},
};

static bool has_id(const struct route *route)
{
    return route->path[strlen(route->path) - 1] == '/';
}

static bool path_matches(const struct route *route, const char *url)
{
    if (has_id(route))
        return strncmp(url, route->path, strlen(route->path)) == 0;
    return strcmp(url, route->path) == 0;
}

static bool method_matches(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (route->quick && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}

/* Sixteen hexadecimal digits, as records show an id. */
static bool id_read(const char *text, uint64_t *id)
{
    if (strlen(text) != ID_DIGITS || strspn(text, "0123456789abcdefABCDEF") != ID_DIGITS)
        return false;
    *id = strtoull(text, NULL, 16);
    return *id != 0;
}

static enum MHD_Result serve(struct weir_request *request, const struct route *route)
{
    enum MHD_Result result;

    if (route->changes && weir_client_read_only(request->client))
        return weir_http_error(request, MHD_HTTP_FORBIDDEN,
                               "changes are made over the Unix socket only");
    if (request->control->stopping && !route->quick && request->job == NULL)
        return weir_http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "weir is ending");
    if (has_id(route) && !id_read(request->url + strlen(route->path), &request->id))
        return weir_http_error(request, MHD_HTTP_BAD_REQUEST,
                               "expected a flow's id: 16 hexadecimal digits");
    if ((route->quick || has_id(route) || strcmp(route->path, "/reload") == 0) &&
        request->job == NULL && !weir_http_filter(request, 0, &result))
        return result;
    return route->serve(request);
}

enum MHD_Result weir_http_route(struct weir_request *request, const char *method)
{
    char allowed[64] = "";

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const struct route *route = &routes[i];
        size_t len = strlen(allowed);

        if (!path_matches(route, request->url))
            continue;
        if (method_matches(route, method))
            return serve(request, route);
        snprintf(allowed + len, sizeof(allowed) - len, "%s%s%s", len > 0 ? ", " : "", route->method,
                 route->quick ? ", HEAD" : "");
    }
    if (allowed[0] != '\0')
        return weir_http_method_wrong(request, allowed);
    return weir_http_error(request, MHD_HTTP_NOT_FOUND,
                           "no such path; there are /health /stats /config /metrics /flows "
                           "/flows/ID /count /events /trace /reload");
}
