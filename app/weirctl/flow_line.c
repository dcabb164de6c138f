/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/flow_line.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, NUMBER, VLAN };

struct member {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define AT(field) offsetof(struct weirctl_flow, field)

/* In the order in which weir writes them, which is where each is looked for first. */
static const struct member members[] = {
    {"id", TEXT, AT(id)},
    {"start", NUMBER, AT(start_sec)},
    {"end", NUMBER, AT(end_sec)},
    {"proto", TEXT, AT(proto)},
    {"vlan", VLAN, 0},
    {"src", TEXT, AT(addr[WEIRCTL_ORIG])},
    {"sport", COUNT, AT(port[WEIRCTL_ORIG])},
    {"dst", TEXT, AT(addr[WEIRCTL_RESP])},
    {"dport", COUNT, AT(port[WEIRCTL_RESP])},
    {"orig_state", TEXT, AT(state[WEIRCTL_ORIG])},
    {"resp_state", TEXT, AT(state[WEIRCTL_RESP])},
    {"orig_packets", COUNT, AT(packets[WEIRCTL_ORIG])},
    {"orig_bytes", COUNT, AT(bytes[WEIRCTL_ORIG])},
    {"resp_packets", COUNT, AT(packets[WEIRCTL_RESP])},
    {"resp_bytes", COUNT, AT(bytes[WEIRCTL_RESP])},
    {"history", TEXT, AT(history)},
    {"end_reason", TEXT, AT(end_reason)},
    {"refused_orig", COUNT, AT(refused[WEIRCTL_ORIG])},
    {"refused_resp", COUNT, AT(refused[WEIRCTL_RESP])},
    {"last_reason", TEXT, AT(last_reason)},
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static const struct member *member_find(const char *name, unsigned int *next)
{
    for (unsigned int i = 0; i < MEMBERS; i++) {
        unsigned int at = (*next + i) % MEMBERS;

        if (strcmp(members[at].name, name) == 0) {
            *next = at + 1;
            return &members[at];
        }
    }
    return NULL;
}

/* A text without escapes; its closing quote becomes its end. */
static bool text_take(char **at, char **text)
{
    char *end = **at == '"' ? strchr(*at + 1, '"') : NULL;

    if (end == NULL || memchr(*at, '\\', (size_t)(end - *at)) != NULL)
        return false;
    *text = *at + 1;
    *end = '\0';
    *at = end + 1;
    return true;
}

static bool count_take(char **at, uint64_t *count)
{
    const char *begin = *at;

    *count = 0;
    while (**at >= '0' && **at <= '9' && *count < UINT64_MAX / 16)
        *count = *count * 10 + (uint64_t)(*(*at)++ - '0');
    return *at != begin && (**at == ',' || **at == '}' || **at == ']');
}

static bool vlan_take(char **at, struct weirctl_flow *flow)
{
    if (*(*at)++ != '[')
        return false;
    while (**at != ']') {
        uint64_t id;

        if (!count_take(at, &id) || flow->vlans == WEIRCTL_VLANS_MAX)
            return false;
        flow->vlan[flow->vlans++] = (uint16_t)(id & 0xfffU);
        *at += **at == ',';
    }
    (*at)++;
    return true;
}

static bool number_take(char **at, double *number)
{
    char *end;

    *number = strtod(*at, &end);
    if (end == *at)
        return false;
    *at = end;
    return true;
}

static bool value_take(char **at, const struct member *member, struct weirctl_flow *flow)
{
    char *to = (char *)flow + member->offset;
    char *text;

    if (strncmp(*at, "null", 4) == 0) {
        *at += 4;
        return true;
    }
    switch (member->kind) {
    case TEXT:
        if (!text_take(at, &text))
            return false;
        memcpy(to, &text, sizeof(text));
        return true;
    case COUNT:
        return count_take(at, (uint64_t *)(void *)to);
    case NUMBER:
        return number_take(at, (double *)(void *)to);
    case VLAN:
        return vlan_take(at, flow);
    }
    return false;
}

/* False if the line is not plain, or has members of which this knows nothing. */
static bool plain_read(char *at, struct weirctl_flow *flow)
{
    unsigned int next = 0;

    weirctl_flow_clear(flow);
    if (*at != '{')
        return false;
    do {
        const struct member *member;
        char *name;

        at++;
        if (!text_take(&at, &name) || *at++ != ':')
            return false;
        member = member_find(name, &next);
        if (member == NULL || !value_take(&at, member, flow))
            return false;
    } while (*at == ',');
    return at[0] == '}' && at[1] == '\0' && weirctl_flow_complete(flow);
}

bool weirctl_flow_line_read(struct weirctl_flow_line *read, const char *line, size_t len)
{
    read->json = NULL;
    if (len < sizeof(read->text)) {
        memcpy(read->text, line, len);
        read->text[len] = '\0';
        if (plain_read(read->text, &read->flow))
            return true;
    }
    read->json = json_loadb(line, len, 0, NULL);
    return weirctl_flow_read(read->json, &read->flow);
}

void weirctl_flow_line_free(struct weirctl_flow_line *read)
{
    json_decref(read->json);
}
