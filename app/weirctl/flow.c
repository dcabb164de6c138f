/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *weirctl_json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

uint64_t weirctl_json_count(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

double weirctl_json_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

bool weirctl_json_next(const json_t *object, struct weirctl_member *member)
{
    json_t *open = (json_t *)object; /* jansson's iterator is for changes too */

    member->at =
        member->at == NULL ? json_object_iter(open) : json_object_iter_next(open, member->at);
    if (member->at == NULL)
        return false;
    member->name = json_object_iter_key(member->at);
    member->value = json_object_iter_value(member->at);
    return true;
}

void weirctl_flow_clear(struct weirctl_flow *flow)
{
    *flow = (struct weirctl_flow){.id = "",
                                  .proto = "",
                                  .addr = {"", ""},
                                  .state = {"", ""},
                                  .history = "",
                                  .end_reason = "",
                                  .last_reason = ""};
}

bool weirctl_flow_complete(const struct weirctl_flow *flow)
{
    return flow->id[0] != '\0' && flow->proto[0] != '\0' && flow->addr[WEIRCTL_ORIG][0] != '\0' &&
           flow->addr[WEIRCTL_RESP][0] != '\0';
}

static void vlans_read(const json_t *vlan, struct weirctl_flow *flow)
{
    while (flow->vlans < WEIRCTL_VLANS_MAX && flow->vlans < json_array_size(vlan)) {
        flow->vlan[flow->vlans] =
            (uint16_t)json_integer_value(json_array_get(vlan, flow->vlans)) & 0xfffU;
        flow->vlans++;
    }
}

bool weirctl_flow_read(const json_t *object, struct weirctl_flow *flow)
{
    *flow = (struct weirctl_flow){
        .id = weirctl_json_text(object, "id"),
        .proto = weirctl_json_text(object, "proto"),
        .addr = {weirctl_json_text(object, "src"), weirctl_json_text(object, "dst")},
        .port = {weirctl_json_count(object, "sport"), weirctl_json_count(object, "dport")},
        .state = {weirctl_json_text(object, "orig_state"), weirctl_json_text(object, "resp_state")},
        .packets = {weirctl_json_count(object, "orig_packets"),
                    weirctl_json_count(object, "resp_packets")},
        .bytes = {weirctl_json_count(object, "orig_bytes"),
                  weirctl_json_count(object, "resp_bytes")},
        .refused = {weirctl_json_count(object, "refused_orig"),
                    weirctl_json_count(object, "refused_resp")},
        .history = weirctl_json_text(object, "history"),
        .end_reason = weirctl_json_text(object, "end_reason"),
        .last_reason = weirctl_json_text(object, "last_reason"),
        .start_sec = weirctl_json_number(object, "start"),
        .end_sec = weirctl_json_number(object, "end"),
    };
    vlans_read(json_object_get(object, "vlan"), flow);
    return weirctl_flow_complete(flow);
}

void weirctl_flow_end_text(const struct weirctl_flow *flow, unsigned int end,
                           char text[WEIRCTL_END_MAX])
{
    const char *addr = flow->addr[end];

    if (flow->port[WEIRCTL_ORIG] == 0 && flow->port[WEIRCTL_RESP] == 0)
        snprintf(text, WEIRCTL_END_MAX, "%s", addr);
    else
        snprintf(text, WEIRCTL_END_MAX, strchr(addr, ':') ? "[%s]:%" PRIu64 : "%s:%" PRIu64, addr,
                 flow->port[end]);
}

void weirctl_states_text(const char *orig, const char *resp, char text[WEIRCTL_END_MAX])
{
    if (orig[0] == '\0' && resp[0] == '\0')
        text[0] = '\0';
    else
        snprintf(text, WEIRCTL_END_MAX, "%s / %s", orig, resp);
}

void weirctl_flow_vlan_text(const struct weirctl_flow *flow, char text[WEIRCTL_END_MAX])
{
    size_t len = 0;

    text[0] = '\0';
    for (unsigned int i = 0; i < flow->vlans; i++)
        len += (size_t)snprintf(text + len, WEIRCTL_END_MAX - len, "%s%u", i > 0 ? "," : "",
                                flow->vlan[i]);
}
