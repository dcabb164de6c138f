/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const char *const states[] = {
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
};

/* What others call them, where it is not the beginning of ours. */
static const struct {
    const char *theirs;
    const char *ours;
} aliases[] = {
    {"SYN-RECV", "SYN-RECEIVED"}, {"SYN-SENT2", "SYN-SENT"}, {"CLOSE", "CLOSED"},
    {"icmpv6", "icmp6"},          {"ipv6-icmp", "icmp6"},
};

static const char *alias_find(const char *text)
{
    for (size_t i = 0; i < ELEMENTS(aliases); i++)
        if (strcasecmp(aliases[i].theirs, text) == 0)
            return aliases[i].ours;
    return text;
}

static bool append(char *value, const char *text)
{
    size_t len = strlen(value);
    size_t more = strlen(text) + 1;

    if (len + 1 + more > WEIRCTL_VALUE_MAX)
        return false;
    if (len > 0)
        value[len++] = ',';
    memcpy(value + len, text, more);
    return true;
}

/* One state by its name, or all that begin with it: "FIN-WAIT" are two. */
static bool states_append(char *value, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < ELEMENTS(states); i++)
        if (strcasecmp(states[i], name) == 0)
            return append(value, states[i]);
    for (size_t i = 0; i < ELEMENTS(states); i++)
        if (name[0] != '\0' && strncasecmp(states[i], name, strlen(name)) == 0)
            found = append(value, states[i]);
    return found;
}

static const char *set_states(char *value, const char *text)
{
    char copy[WEIRCTL_VALUE_MAX];
    char *rest = copy;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ","))
        if (!states_append(value, alias_find(name)))
            return "names of TCP states by comma: CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED "
                   "FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT, or how they begin";
    return NULL;
}

static const char *set_age(char *value, const char *text)
{
    static const struct {
        char unit;
        double sec;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    double number = strtod(text, &end);

    if (isdigit((unsigned char)text[0]))
        for (size_t i = 0; i < ELEMENTS(units); i++)
            if (*end == units[i].unit && (*end == '\0' || end[1] == '\0')) {
                snprintf(value, WEIRCTL_VALUE_MAX, "%.6f", number * units[i].sec);
                return NULL;
            }
    return "seconds, or a number with s, m, h or d";
}

/* Kinds of events, also as conntrack's -e calls them. */
static const char *set_kinds(char *value, const char *text)
{
    static const struct {
        const char *name;
        const char *kind;
    } kinds[] = {
        {"new", "new"},      {"state", "state"},   {"end", "end"},     {"refused", "refused"},
        {"update", "state"}, {"updates", "state"}, {"destroy", "end"},
    };
    char copy[WEIRCTL_VALUE_MAX];
    char *rest = copy;

    if (strcasecmp(text, "all") == 0)
        text = "new,state,end,refused";
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        size_t i = 0;

        while (i < ELEMENTS(kinds) && strcasecmp(kinds[i].name, name) != 0)
            i++;
        if (i == ELEMENTS(kinds) || !append(value, kinds[i].kind))
            return "new, state, end, refused, by comma";
    }
    return NULL;
}

const char *weirctl_query_set(struct weirctl_query *query, enum weirctl_param param,
                              const char *text)
{
    char *value = query->value[param];

    if (text[0] == '\0')
        return "a value";
    if (strlen(text) >= WEIRCTL_VALUE_MAX)
        return "something shorter";
    switch (param) {
    case WEIRCTL_STATE:
    case WEIRCTL_ORIG_STATE:
    case WEIRCTL_RESP_STATE:
        return set_states(value, text);
    case WEIRCTL_MIN_AGE:
    case WEIRCTL_MAX_AGE:
    case WEIRCTL_MIN_IDLE:
    case WEIRCTL_MAX_IDLE:
        return set_age(value, text);
    case WEIRCTL_KINDS:
        return set_kinds(value, text);
    case WEIRCTL_PROTO:
        text = alias_find(text);
        break;
    default:
        break;
    }
    snprintf(value, WEIRCTL_VALUE_MAX, "%s", text);
    return NULL;
}

bool weirctl_query_set_family(struct weirctl_query *query, const char *text)
{
    if (strcasecmp(text, "ipv4") == 0 || strcasecmp(text, "inet") == 0)
        query->family = 4;
    else if (strcasecmp(text, "ipv6") == 0 || strcasecmp(text, "inet6") == 0)
        query->family = 6;
    return query->family != 0;
}

bool weirctl_query_filters(const struct weirctl_query *query)
{
    for (unsigned int i = 0; i < WEIRCTL_LIMIT; i++)
        if (query->value[i][0] != '\0')
            return true;
    return query->family != 0;
}

static void swap(struct weirctl_query *query, enum weirctl_param one, enum weirctl_param other)
{
    char kept[WEIRCTL_VALUE_MAX];

    memcpy(kept, query->value[one], sizeof(kept));
    memcpy(query->value[one], query->value[other], sizeof(kept));
    memcpy(query->value[other], kept, sizeof(kept));
}

void weirctl_query_turn(struct weirctl_query *query)
{
    swap(query, WEIRCTL_SRC, WEIRCTL_DST);
    swap(query, WEIRCTL_SPORT, WEIRCTL_DPORT);
    swap(query, WEIRCTL_ORIG_STATE, WEIRCTL_RESP_STATE);
}

/* Percent-encode what RFC 3986 does not leave unreserved, comma, colon and slash apart: a query may
 * hold them. */
static size_t encode(char *at, const char *text)
{
    char *start = at;

    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;

        if (isalnum(octet) || strchr("-._~,:/", octet) != NULL)
            *at++ = (char)octet;
        else
            at += sprintf(at, "%%%02X", octet);
    }
    *at = '\0';
    return (size_t)(at - start);
}

void weirctl_query_target(const struct weirctl_query *query, const char *path,
                          char target[WEIRCTL_TARGET_MAX])
{
    static const char *const names[WEIRCTL_PARAMS] = {
        [WEIRCTL_SRC] = "src",
        [WEIRCTL_DST] = "dst",
        [WEIRCTL_ADDR] = "addr",
        [WEIRCTL_SPORT] = "sport",
        [WEIRCTL_DPORT] = "dport",
        [WEIRCTL_PORT] = "port",
        [WEIRCTL_PROTO] = "proto",
        [WEIRCTL_VLAN] = "vlan",
        [WEIRCTL_STATE] = "state",
        [WEIRCTL_ORIG_STATE] = "orig_state",
        [WEIRCTL_RESP_STATE] = "resp_state",
        [WEIRCTL_MIN_AGE] = "min_age",
        [WEIRCTL_MAX_AGE] = "max_age",
        [WEIRCTL_MIN_IDLE] = "min_idle",
        [WEIRCTL_MAX_IDLE] = "max_idle",
        [WEIRCTL_REFUSED] = "refused",
        [WEIRCTL_POLICY] = "policy",
        [WEIRCTL_LIMIT] = "limit",
        [WEIRCTL_KINDS] = "kinds",
    };
    char separator = '?';
    char *at = target + snprintf(target, 256, "%s", path);

    for (unsigned int i = 0; i < WEIRCTL_PARAMS; i++) {
        const char *value = query->value[i];

        /* The prefix that holds all of a family stands for the family. */
        if (i == WEIRCTL_ADDR && value[0] == '\0' && query->family != 0)
            value = query->family == 4 ? "0.0.0.0/0" : "::/0";
        if (value[0] == '\0')
            continue;
        at += sprintf(at, "%c%s=", separator, names[i]);
        at += encode(at, value);
        separator = '&';
    }
}
