/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_print.h"

#include <inttypes.h>
#include <string.h>

#include "weir/config_keys.h"

enum { COLUMNS = 100 };

static const char head[] =
    "# SPDX-License-Identifier: BSD-3-Clause\n"
    "# Configuration of weir: every key with its default, which holds where a key is left out.\n"
    "# Form: weir.conf(5). Check: weir check --config FILE. Options of the command line win.\n"
    "# Sizes may have a suffix, in quotes: \"64k\", \"2M\".\n"
    "\n"
    "# Pairs of DPDK ports: a frame received by one leaves by the other as it came. At most 16.\n"
    "# Without b, a receives only. mode is that of tracking where it is left out.\n"
    "# mac_a and mac_b: frames that leave by a (b) go to this address; else as they came.\n"
    "# mtu: of both; else the interfaces' or drivers'.\n"
    "# An empty list pairs all ports in EAL's order; an odd last one receives only.\n"
    "# ports = (\n"
    "#     { a = \"0000:01:00.0\"; b = \"0000:01:00.1\"; mode = \"shadow\"; },\n"
    "#     { a = \"net_tap0\"; }\n"
    "# );\n"
    "ports = ();\n";

/* Words of text, broken to lines that start with indent and "# ". */
static void print_comment(const char *text, FILE *out)
{
    size_t at = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (at == 0 || at + 1 + len > COLUMNS)
            at = (size_t)fprintf(out, at == 0 ? "    #" : "\n    #") - (at != 0);
        at += (size_t)fprintf(out, " %.*s", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_key(const struct weir_config_key *key, FILE *out)
{
    char text[1024];

    if (key->type == WEIR_CONFIG_NUMBER)
        snprintf(text, sizeof(text), "%s; %" PRIu32 " to %" PRIu32 " %s", key->text, key->min,
                 key->max, key->unit);
    else
        snprintf(text, sizeof(text), "%s", key->text);
    print_comment(text, out);
    fprintf(out, "    %s = ", key->name);
    switch (key->type) {
    case WEIR_CONFIG_NUMBER:
        fprintf(out, "%" PRIu32, key->value);
        break;
    case WEIR_CONFIG_BOOL:
        fputs(key->value ? "true" : "false", out);
        break;
    case WEIR_CONFIG_WORD:
        fprintf(out, "\"%s\"", key->words[key->value]);
        break;
    case WEIR_CONFIG_PATH:
        fputs("\"\"", out);
        break;
    }
    fputs(";\n", out);
}

void conf_print(FILE *out)
{
    const char *group = "";

    fputs(head, out);
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];

        if (strcmp(group, key->group) != 0) {
            fprintf(out, "%s\n%s:\n{\n", group[0] == '\0' ? "" : "};\n", key->group);
            group = key->group;
        } else {
            fputc('\n', out);
        }
        print_key(key, out);
    }
    fputs("};\n", out);
}
