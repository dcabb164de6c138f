/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/policy_file.h"

#include <arpa/inet.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <libconfig.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "weir/record.h"

enum { TEXT_MAX = 128 };

struct reading {
    const char *path;
    FILE *errors;
    unsigned int count;
    bool ports;
    unsigned int rule; /* from 1, for messages; 0 outside the list */
};

__attribute__((format(printf, 3, 4))) static void
complain(struct reading *reading, const config_setting_t *setting, const char *format, ...)
{
    const char *name = config_setting_name(setting);
    const char *value = config_setting_get_string(setting);
    va_list args;

    fprintf(reading->errors, "%s:%d: ", reading->path, config_setting_source_line(setting));
    if (reading->rule > 0)
        fprintf(reading->errors, "rule %u: ", reading->rule);
    if (name != NULL)
        fprintf(reading->errors, "%s", name);
    if (value != NULL)
        fprintf(reading->errors, " = \"%s\"", value);
    fprintf(reading->errors, ": expected ");
    va_start(args, format);
    vfprintf(reading->errors, format, args);
    va_end(args);
    fprintf(reading->errors, "\n");
    reading->count++;
}

/* The text of a setting; "" after a complaint. */
static const char *text_of(struct reading *reading, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        complain(reading, setting, "a text in quotes");
    return text == NULL ? "" : text;
}

static void read_action(struct reading *reading, const config_setting_t *setting,
                        enum weir_policy *action)
{
    static const char *const words[] = {
        [WEIR_POLICY_ALLOW] = "allow",
        [WEIR_POLICY_DROP] = "drop",
        [WEIR_POLICY_REJECT] = "reject",
        [WEIR_POLICY_NOTRACK] = "notrack",
    };
    const char *text = text_of(reading, setting);

    for (unsigned int i = 0; i < RTE_DIM(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *action = (enum weir_policy)i;
            return;
        }
    if (text[0] != '\0')
        complain(reading, setting, "allow, drop, reject or notrack");
}

static void read_in(struct reading *reading, const config_setting_t *setting,
                    struct weir_policy_rule *rule)
{
    const char *text = text_of(reading, setting);

    if (reading->ports && text[0] != '\0' &&
        rte_eth_dev_get_port_by_name(text, &rule->in_port) != 0)
        complain(reading, setting, "the name of a port of this run");
}

static void read_proto(struct reading *reading, const config_setting_t *setting,
                       struct weir_policy_rule *rule)
{
    const char *text = text_of(reading, setting);
    const char *error = NULL;
    const struct protoent *known = getprotobyname(text);
    long long number = weir_proto_number(text);

    if (text[0] == '\0')
        return;
    /* A small system has no /etc/protocols: what weir itself names is known without. */
    if (number < 0)
        number = known != NULL ? known->p_proto : strtonum(text, 0, 255, &error);
    if (error != NULL) {
        complain(
            reading, setting,
            "tcp, udp, icmp, icmp6, sctp, gre, another of /etc/protocols, or a number, 0 to 255");
        return;
    }
    rule->proto = (uint8_t)number;
    rule->proto_any = 0;
}

/* "192.0.2.0/24", "2001:db8::1"; the family of both prefixes of a rule must be one. */
static void read_prefix(struct reading *reading, const config_setting_t *setting,
                        struct weir_policy_rule *rule, uint8_t addr[16], uint8_t *len)
{
    char text[TEXT_MAX];
    const char *error = NULL;
    char *slash;
    unsigned int family;

    strlcpy(text, text_of(reading, setting), sizeof(text));
    if (text[0] == '\0')
        return;
    slash = strchr(text, '/');
    if (slash != NULL)
        *slash++ = '\0';
    family = inet_pton(AF_INET, text, addr) == 1 ? 4 : inet_pton(AF_INET6, text, addr) == 1 ? 6 : 0;
    if (family == 0) {
        complain(reading, setting, "an IPv4 or IPv6 address or prefix, such as 192.0.2.0/24");
        return;
    }
    *len = (uint8_t)(slash == NULL ? (family == 4 ? 32 : 128)
                                   : strtonum(slash, 0, family == 4 ? 32 : 128, &error));
    if (error != NULL)
        complain(reading, setting, "a prefix length from 0 to %d", family == 4 ? 32 : 128);
    if (rule->family != 0 && rule->family != family)
        complain(reading, setting, "src and dst of one family");
    rule->family = (uint8_t)family;
}

/* "80" or "8000-8099" */
static void read_ports(struct reading *reading, const config_setting_t *setting, uint16_t range[2])
{
    char text[TEXT_MAX];
    const char *error[2] = {NULL, NULL};
    char *dash;

    if (config_setting_is_number(setting))
        snprintf(text, sizeof(text), "%lld", config_setting_get_int64(setting));
    else
        strlcpy(text, text_of(reading, setting), sizeof(text));
    if (text[0] == '\0')
        return;
    dash = strchr(text + 1, '-');
    if (dash != NULL)
        *dash++ = '\0';
    range[0] = (uint16_t)strtonum(text, 0, UINT16_MAX, &error[0]);
    range[1] = dash == NULL ? range[0] : (uint16_t)strtonum(dash, 0, UINT16_MAX, &error[1]);
    if (error[0] != NULL || error[1] != NULL || range[0] > range[1])
        complain(reading, setting,
                 "a port or a range of ports from 0 to 65535, such as 80 or \"8000-8099\"");
}

static void read_vlan(struct reading *reading, const config_setting_t *setting,
                      struct weir_policy_rule *rule)
{
    const char *text = config_setting_get_string(setting);
    long long number = config_setting_get_int64(setting);

    if (text != NULL && strcmp(text, "none") == 0)
        rule->vlan = WEIR_VLAN_NONE;
    else if (config_setting_is_number(setting) && number >= 0 && number < WEIR_VLAN_NONE)
        rule->vlan = (uint16_t)number;
    else
        complain(reading, setting, "a VLAN id from 0 to 4094, or \"none\" for untagged frames");
}

static void read_key(struct reading *reading, const config_setting_t *setting,
                     struct weir_policy_rule *rule)
{
    const char *name = config_setting_name(setting);

    if (strcmp(name, "name") == 0)
        strlcpy(rule->name, text_of(reading, setting), sizeof(rule->name));
    else if (strcmp(name, "action") == 0)
        read_action(reading, setting, &rule->action);
    else if (strcmp(name, "in") == 0)
        read_in(reading, setting, rule);
    else if (strcmp(name, "proto") == 0)
        read_proto(reading, setting, rule);
    else if (strcmp(name, "src") == 0)
        read_prefix(reading, setting, rule, rule->src, &rule->src_len);
    else if (strcmp(name, "dst") == 0)
        read_prefix(reading, setting, rule, rule->dst, &rule->dst_len);
    else if (strcmp(name, "sport") == 0)
        read_ports(reading, setting, rule->sport);
    else if (strcmp(name, "dport") == 0)
        read_ports(reading, setting, rule->dport);
    else if (strcmp(name, "vlan") == 0)
        read_vlan(reading, setting, rule);
    else
        complain(reading, setting,
                 "name, action, in, proto, src, dst, sport, dport or vlan; this key is unknown");
}

static void read_rule(struct reading *reading, const config_setting_t *setting,
                      struct weir_policy_rule *rule)
{
    *rule = (struct weir_policy_rule){
        .action = WEIR_POLICY_UNKNOWN,
        .proto_any = 1,
        .sport = {0, UINT16_MAX},
        .dport = {0, UINT16_MAX},
        .in_port = WEIR_POLICY_ANY_PORT,
        .vlan = WEIR_POLICY_ANY_VLAN,
        .line = (uint32_t)config_setting_source_line(setting),
    };
    if (!config_setting_is_group(setting)) {
        complain(reading, setting, "a rule in braces");
        return;
    }
    for (int i = 0; i < config_setting_length(setting); i++)
        read_key(reading, config_setting_get_elem(setting, (unsigned int)i), rule);
    if (config_setting_get_member(setting, "action") == NULL)
        complain(reading, setting, "an action");
}

static void read_rules(struct reading *reading, const config_setting_t *list,
                       struct weir_policy_file *file)
{
    unsigned int count = (unsigned int)config_setting_length(list);

    if (!config_setting_is_list(list)) {
        complain(reading, list, "a list of rules in parentheses");
        return;
    }
    if (count > WEIR_POLICY_RULES_MAX) {
        complain(reading, list, "at most %u rules", WEIR_POLICY_RULES_MAX);
        return;
    }
    file->rule = calloc(count + 1, sizeof(*file->rule));
    if (file->rule == NULL) {
        complain(reading, list, "memory for %u rules", count);
        return;
    }
    for (file->count = 0; file->count < count; file->count++) {
        reading->rule = file->count + 1;
        read_rule(reading, config_setting_get_elem(list, file->count), &file->rule[file->count]);
    }
    reading->rule = 0;
}

static void read_tree(struct reading *reading, const config_setting_t *root,
                      struct weir_policy_file *file)
{
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned int)i);
        const char *name = config_setting_name(setting);

        if (strcmp(name, "default") == 0)
            read_action(reading, setting, &file->otherwise);
        else if (strcmp(name, "rules") == 0)
            read_rules(reading, setting, file);
        else
            complain(reading, setting, "default or rules; this key is unknown");
    }
    if (config_setting_get_member(root, "default") == NULL) {
        fprintf(reading->errors,
                "%s: default is missing: expected allow, drop, reject or notrack\n", reading->path);
        reading->count++;
    }
}

unsigned int weir_policy_file_read(const char *path, bool ports, struct weir_policy_file *file,
                                   FILE *errors)
{
    struct reading reading = {.path = path, .errors = errors, .ports = ports};
    FILE *stream = fopen(path, "re");
    config_t config;

    *file = (struct weir_policy_file){.otherwise = WEIR_POLICY_DROP};
    if (stream == NULL) {
        fprintf(errors, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    config_init(&config);
    if (config_read(&config, stream) != CONFIG_TRUE) {
        fprintf(errors, "%s:%d: %s\n", path, config_error_line(&config),
                config_error_text(&config));
        reading.count++;
    } else {
        read_tree(&reading, config_root_setting(&config), file);
    }
    config_destroy(&config);
    fclose(stream);
    if (reading.count > 0)
        weir_policy_file_free(file);
    return reading.count;
}

void weir_policy_file_free(struct weir_policy_file *file)
{
    free(file->rule);
    file->rule = NULL;
    file->count = 0;
}
