/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/options.h"

#include <err.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_DEFAULT "/run/weir/weir.sock"
#define INTERVAL_MIN   0.1
#define INTERVAL_MAX   3600.0

/* Which commands an option is for, by their letters in this order. */
#define ON_FLOWS  "LGDCE"
#define ON_TRACES ON_FLOWS "t"
#define ON_ALL    NULL

enum other {
    OTHER = WEIRCTL_PARAMS, /* below: a parameter of the query */
    OPT_FAMILY,
    OPT_OUTPUT,
    OPT_SOCKET,
    OPT_INTERVAL,
    OPT_ONCE,
    OPT_HELP,
    OPT_VERSION,
};

struct row {
    const char *name;
    const char *alias; /* as conntrack has it, or NULL */
    char letter;       /* or 0 */
    int what;          /* enum weirctl_param or enum other */
    const char *value; /* what it takes, NULL: nothing */
    const char *on;    /* letters of commands */
    const char *text;
};

static const struct row rows[] = {
    {"src", "orig-src", 's', WEIRCTL_SRC, "ADDR[/LEN]", ON_TRACES,
     "originator's address or prefix"},
    {"dst", "orig-dst", 'd', WEIRCTL_DST, "ADDR[/LEN]", ON_TRACES, "responder's address or prefix"},
    {"reply-src", NULL, 'r', WEIRCTL_DST, "ADDR[/LEN]", ON_TRACES, "the same as --dst"},
    {"reply-dst", NULL, 'q', WEIRCTL_SRC, "ADDR[/LEN]", ON_TRACES, "the same as --src"},
    {"addr", NULL, 'a', WEIRCTL_ADDR, "ADDR[/LEN]", ON_TRACES, "either end's address or prefix"},
    {"family", NULL, 'f', OPT_FAMILY, "ipv4|ipv6", ON_FLOWS, "address family"},
    {"proto", "protonum", 'p', WEIRCTL_PROTO, "PROTO", ON_TRACES,
     "tcp, udp, icmp, icmp6, sctp, gre or a number"},
    {"sport", "orig-port-src", 0, WEIRCTL_SPORT, "PORT", ON_TRACES, "originator's port"},
    {"dport", "orig-port-dst", 0, WEIRCTL_DPORT, "PORT", ON_TRACES, "responder's port"},
    {"port", NULL, 0, WEIRCTL_PORT, "PORT", ON_TRACES, "either end's port"},
    {"vlan", NULL, 0, WEIRCTL_VLAN, "ID|none", ON_FLOWS,
     "one of its VLAN tags, or that it has none"},
    {"state", NULL, 0, WEIRCTL_STATE, "STATES", ON_FLOWS,
     "TCP state of either end; several by comma; a beginning will do"},
    {"orig-state", NULL, 0, WEIRCTL_ORIG_STATE, "STATES", ON_FLOWS, "TCP state of the originator"},
    {"resp-state", NULL, 0, WEIRCTL_RESP_STATE, "STATES", ON_FLOWS, "TCP state of the responder"},
    {"min-age", NULL, 0, WEIRCTL_MIN_AGE, "TIME", ON_FLOWS,
     "began at least so long ago: 90, 5m, 2h, 1d"},
    {"max-age", NULL, 0, WEIRCTL_MAX_AGE, "TIME", ON_FLOWS, "began at most so long ago"},
    {"min-idle", NULL, 0, WEIRCTL_MIN_IDLE, "TIME", ON_FLOWS, "silent for at least so long"},
    {"max-idle", NULL, 0, WEIRCTL_MAX_IDLE, "TIME", ON_FLOWS, "silent for at most so long"},
    {"refused", NULL, 0, WEIRCTL_REFUSED, "N", ON_FLOWS,
     "at least N of its packets were refused; 1"},
    {"policy", NULL, 0, WEIRCTL_POLICY, "ACTIONS", "LGDC",
     "could start by today's policy: allow, drop, reject, notrack"},
    {"limit", NULL, 0, WEIRCTL_LIMIT, "N", "LEt", "end after so many flows, events or packets"},
    {"kinds", "event-mask", 'e', WEIRCTL_KINDS, "KINDS", "E", "new, state, end, refused, by comma"},
    {"output", NULL, 'o', OPT_OUTPUT, "FORMAT", ON_ALL,
     "table, json or extended; with id or timestamp by comma"},
    {"interval", NULL, 'i', OPT_INTERVAL, "SEC", "w", "between two screens of top; 1"},
    {"once", NULL, '1', OPT_ONCE, NULL, "w", "print one screen of top and end"},
    {"socket", NULL, 0, OPT_SOCKET, "PATH", ON_ALL,
     "weir's socket; else $WEIR_SOCKET, else " SOCKET_DEFAULT},
    {"help", NULL, 'h', OPT_HELP, NULL, ON_ALL, "print this"},
    {"version", NULL, 'V', OPT_VERSION, NULL, ON_ALL, "print the version"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), SHORT_MAX = 128, COMMANDS_MAX = 16 };
enum {
    FROM_ROW = 0x1000,
    FROM_COMMAND = FROM_ROW + ROWS
}; /* what getopt_long returns: this and the index */

enum weirctl_exit weirctl_usage(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vwarnx(format, list);
    va_end(list);
    fprintf(stderr, "Try 'weirctl --help'.\n");
    return WEIRCTL_USAGE;
}

/* Can its value be left out? */
static bool value_is_free(const struct row *row)
{
    return row->what == WEIRCTL_REFUSED;
}

static void help(void)
{
    puts(
        "Usage: weirctl COMMAND [options]\n\n"
        "Asks a running weir what it knows of the connections that pass, and steers it.\n\nCommands:");
    for (const struct weirctl_command *row = weirctl_commands; row->name != NULL; row++) {
        char left[48];

        snprintf(left, sizeof(left), "%s%s%s", row->name, row->operand ? " " : "",
                 row->operand ? row->operand : "");
        printf("  %-20s  %c%c  %s\n", left, row->letter < 'a' ? '-' : ' ',
               row->letter < 'a' ? row->letter : ' ', row->text);
    }
    puts("\nOptions:");
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        bool free = value_is_free(row);
        char left[48];

        snprintf(left, sizeof(left), "--%s%s%s%s", row->name,
                 row->value == NULL ? ""
                 : free             ? "[="
                                    : " ",
                 row->value == NULL ? "" : row->value, free ? "]" : "");
        printf("  %c%c  %-22s  %s\n", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
               left, row->text);
    }
    puts(
        "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 nothing matched, 4 weir cannot be reached.");
}

/* Tables for getopt_long: names and conntrack's names of options, and of commands as --list. */
static void tables_make(struct option *named, char *letters)
{
    *letters++ = ':';
    for (int i = 0; i < ROWS; i++) {
        bool free = value_is_free(&rows[i]);
        struct option option = {.name = rows[i].name, .val = FROM_ROW + i};

        option.has_arg = rows[i].value == NULL ? no_argument
                         : free                ? optional_argument
                                               : required_argument;
        *named++ = option;
        option.name = rows[i].alias;
        if (rows[i].alias != NULL)
            *named++ = option;
        if (rows[i].letter != 0)
            *letters++ = rows[i].letter;
        if (rows[i].letter != 0 && rows[i].value != NULL)
            *letters++ = ':';
    }
    for (int i = 0; weirctl_commands[i].name != NULL; i++) {
        struct option option = {.name = weirctl_commands[i].name, .val = FROM_COMMAND + i};

        *named++ = option;
        option.name = weirctl_commands[i].alias;
        if (option.name != NULL)
            *named++ = option;
        if (weirctl_commands[i].letter < 'a')
            *letters++ = weirctl_commands[i].letter;
    }
    *named = (struct option){.name = NULL};
    *letters = '\0';
}

static int by_letter(int letter)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].letter == letter)
            return FROM_ROW + i;
    for (int i = 0; weirctl_commands[i].name != NULL; i++)
        if (weirctl_commands[i].letter == letter)
            return FROM_COMMAND + i;
    return -1;
}

static const struct weirctl_command *by_name(const char *name)
{
    for (const struct weirctl_command *row = weirctl_commands; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0 || (row->alias != NULL && strcmp(row->alias, name) == 0))
            return row;
    return NULL;
}

static enum weirctl_exit set_output(struct weirctl_options *options, const char *text)
{
    char copy[64];
    char *rest = copy;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (strcmp(word, "json") == 0)
            options->format = WEIRCTL_JSON;
        else if (strcmp(word, "extended") == 0)
            options->format = WEIRCTL_EXTENDED;
        else if (strcmp(word, "table") == 0)
            options->format = WEIRCTL_TABLE;
        else if (strcmp(word, "id") == 0)
            options->with_id = true;
        else if (strcmp(word, "timestamp") == 0)
            options->with_time = true;
        else
            return weirctl_usage(
                "--output %s: expected table, json or extended, and id or timestamp", text);
    }
    return WEIRCTL_DONE;
}

static enum weirctl_exit set_interval(struct weirctl_options *options, const char *text)
{
    char *end;

    options->interval_sec = strtod(text, &end);
    if (*end == '\0' && options->interval_sec >= INTERVAL_MIN &&
        options->interval_sec <= INTERVAL_MAX)
        return WEIRCTL_DONE;
    return weirctl_usage("--interval %s: expected seconds, 0.1 to 3600", text);
}

static enum weirctl_exit set_param(struct weirctl_options *options, const struct row *row,
                                   const char *text)
{
    enum weirctl_param param = (enum weirctl_param)row->what;
    const char *expected;

    if (options->query.value[param][0] != '\0')
        return weirctl_usage("--%s: given twice", row->name);
    expected = weirctl_query_set(&options->query, param, text == NULL ? "1" : text);
    if (expected != NULL)
        return weirctl_usage("--%s %s: expected %s", row->name, text, expected);
    return WEIRCTL_DONE;
}

static enum weirctl_exit set(struct weirctl_options *options, const struct row *row,
                             const char *text)
{
    if (row->what < OTHER)
        return set_param(options, row, text);
    switch (row->what) {
    case OPT_FAMILY:
        if (weirctl_query_set_family(&options->query, text))
            return WEIRCTL_DONE;
        return weirctl_usage("--family %s: expected ipv4 or ipv6", text);
    case OPT_OUTPUT:
        return set_output(options, text);
    case OPT_INTERVAL:
        return set_interval(options, text);
    case OPT_SOCKET:
        options->socket = text;
        return WEIRCTL_DONE;
    default:
        options->once = true;
        return WEIRCTL_DONE;
    }
}

static enum weirctl_exit command_set(struct weirctl_options *options,
                                     const struct weirctl_command *command)
{
    if (options->command != NULL && options->command != command)
        return weirctl_usage("%s and %s: expected one command", options->command->name,
                             command->name);
    options->command = command;
    return WEIRCTL_DONE;
}

/* What is no option: the command, then what it takes. */
static enum weirctl_exit operand_set(struct weirctl_options *options, const char *text)
{
    const struct weirctl_command *command = options->command;

    if (command == NULL) {
        command = by_name(text);
        return command != NULL ? command_set(options, command)
                               : weirctl_usage("%s: unknown command", text);
    }
    if (command->operand == NULL || options->operand != NULL)
        return weirctl_usage("%s: surplus argument", text);
    options->operand = text;
    return WEIRCTL_DONE;
}

/* Do all options belong to the command? */
static enum weirctl_exit fit_check(const struct weirctl_options *options, const bool given[ROWS])
{
    const struct weirctl_command *command = options->command;

    if (command == NULL)
        return weirctl_usage("expected a command");
    for (int i = 0; i < ROWS; i++)
        if (given[i] && rows[i].on != NULL && strchr(rows[i].on, command->letter) == NULL)
            return weirctl_usage("--%s: not an option of %s", rows[i].name, command->name);
    if (options->format == WEIRCTL_EXTENDED && !command->extended)
        return weirctl_usage("--output extended: not for %s", command->name);
    return WEIRCTL_DONE;
}

static enum weirctl_exit refuse(int result, const char *argument)
{
    if (result == ':')
        return weirctl_usage("%s: its value is missing", argument);
    return weirctl_usage("%s: unknown option, or a value where none is taken", argument);
}

/* One option as getopt_long gave it; *over after those that end all. */
static enum weirctl_exit option_take(struct weirctl_options *options, int result, bool given[ROWS],
                                     bool *over)
{
    const struct row *row;

    if (result < FROM_ROW)
        result = by_letter(result);
    if (result >= FROM_COMMAND)
        return command_set(options, &weirctl_commands[result - FROM_COMMAND]);
    row = &rows[result - FROM_ROW];
    given[row - rows] = true;
    *over = row->what == OPT_HELP || row->what == OPT_VERSION;
    if (row->what == OPT_HELP)
        help();
    else if (row->what == OPT_VERSION)
        puts("weirctl " WEIR_VERSION);
    return *over ? WEIRCTL_DONE : set(options, row, optarg);
}

bool weirctl_options_parse(int argc, char **argv, struct weirctl_options *options,
                           enum weirctl_exit *status)
{
    struct option named[2 * (ROWS + COMMANDS_MAX) + 1];
    char letters[SHORT_MAX];
    bool given[ROWS] = {false};
    bool over = false;
    const char *from = getenv("WEIR_SOCKET");
    int result;

    *options = (struct weirctl_options){.interval_sec = 1.0};
    options->socket = from != NULL && from[0] != '\0' ? from : SOCKET_DEFAULT;
    tables_make(named, letters);
    opterr = 0;
    *status = WEIRCTL_DONE;
    while (*status == WEIRCTL_DONE && !over &&
           (result = getopt_long(argc, argv, letters, named, NULL)) != -1)
        *status = result == '?' || result == ':' ? refuse(result, argv[optind - 1])
                                                 : option_take(options, result, given, &over);
    for (; *status == WEIRCTL_DONE && !over && optind < argc; optind++)
        *status = operand_set(options, argv[optind]);
    if (*status == WEIRCTL_DONE && !over)
        *status = fit_check(options, given);
    return *status == WEIRCTL_DONE && !over;
}
