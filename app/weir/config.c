/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration: libconfig's tree checked against the table of keys; see config.h. */
#include "weir/config.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "weir/config_keys.h"
#include "weir/config_numbers.h"

/* One run through one file: where errors go, and how many there were. */
struct reading {
    const char *path;
    FILE *errors;
    unsigned int count;
    struct weir_settings *settings;
};

enum { SHOWN_MAX = 64, MTU_MIN = 68, MTU_MAX = 9702 }; /* RFC 791 3.2 has the least */

#if defined(__SANITIZE_ADDRESS__)
/* libconfig forgets a string that stands before a syntax error; the program ends then anyway. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig\n";
}
#endif

static uint32_t *number_at(struct weir_settings *settings, const struct weir_config_key *key)
{
    return (uint32_t *)(void *)((char *)settings + key->offset);
}

static char *path_at(struct weir_settings *settings, const struct weir_config_key *key)
{
    return (char *)settings + key->offset;
}

static void set_number(struct weir_settings *settings, const struct weir_config_key *key,
                       uint32_t number)
{
    if (key->type == WEIR_CONFIG_BOOL)
        *(bool *)((char *)settings + key->offset) = number != 0;
    else
        *number_at(settings, key) = number;
}

static_assert(sizeof(enum weir_mode) == sizeof(uint32_t), "words are stored as 32-bit numbers");

/* What one value of the file looks like in a message. */
static const char *show(const config_setting_t *setting, char text[SHOWN_MAX])
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(text, SHOWN_MAX, "%lld", config_setting_get_int64(setting));
        break;
    case CONFIG_TYPE_FLOAT:
        snprintf(text, SHOWN_MAX, "%g", config_setting_get_float(setting));
        break;
    case CONFIG_TYPE_BOOL:
        snprintf(text, SHOWN_MAX, "%s", config_setting_get_bool(setting) ? "true" : "false");
        break;
    case CONFIG_TYPE_STRING:
        snprintf(text, SHOWN_MAX, "\"%.50s\"", config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_GROUP:
        snprintf(text, SHOWN_MAX, "{ ... }");
        break;
    case CONFIG_TYPE_LIST:
        snprintf(text, SHOWN_MAX, "( ... )");
        break;
    default:
        snprintf(text, SHOWN_MAX, "[ ... ]");
        break;
    }
    return text;
}

/* "ports.[1].mode", as libconfig's own paths are. */
static void show_key(const config_setting_t *setting, char *text, size_t size)
{
    const config_setting_t *parent = config_setting_parent(setting);
    const char *name = config_setting_name(setting);
    char own[SHOWN_MAX];

    if (parent == NULL) {
        text[0] = '\0';
        return;
    }
    show_key(parent, text, size);
    if (name == NULL)
        snprintf(own, sizeof(own), "[%d]", config_setting_index(setting));
    else
        strlcpy(own, name, sizeof(own));
    if (text[0] != '\0')
        strlcat(text, ".", size);
    strlcat(text, own, size);
}

__attribute__((format(printf, 3, 4))) static void
complain(struct reading *reading, const config_setting_t *setting, const char *expected, ...)
{
    const char *file = config_setting_source_file(setting);
    char key[256], value[SHOWN_MAX];
    va_list arguments;

    show_key(setting, key, sizeof(key));
    fprintf(reading->errors, "%s:%u: %s = %s: expected ", file == NULL ? reading->path : file,
            config_setting_source_line(setting), key, show(setting, value));
    va_start(arguments, expected);
    vfprintf(reading->errors, expected, arguments);
    va_end(arguments);
    fputc('\n', reading->errors);
    reading->count++;
}

/* An integer, or a string with a suffix of a power of 1024, such as "2M". */
static bool get_number(const config_setting_t *setting, uint64_t *number)
{
    const char *text;
    long long value;

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        value = config_setting_get_int64(setting);
        *number = (uint64_t)value;
        return value >= 0;
    case CONFIG_TYPE_STRING:
        text = config_setting_get_string(setting);
        return text[0] >= '0' && text[0] <= '9' && expand_number(text, number) == 0;
    default:
        return false;
    }
}

static void read_number(struct reading *reading, const config_setting_t *setting,
                        const struct weir_config_key *key)
{
    uint64_t number;

    if (!get_number(setting, &number) || number < key->min || number > key->max)
        complain(reading, setting, "%" PRIu32 " to %" PRIu32 " %s", key->min, key->max, key->unit);
    else
        set_number(reading->settings, key, (uint32_t)number);
}

static int find_word(const struct weir_config_key *key, const char *word)
{
    for (int i = 0; i < WEIR_CONFIG_WORDS_MAX && key->words[i] != NULL; i++) {
        if (strcmp(key->words[i], word) == 0)
            return i;
    }
    return -1;
}

static void read_word(struct reading *reading, const config_setting_t *setting,
                      const struct weir_config_key *key)
{
    const char *word = config_setting_get_string(setting);
    int number = word == NULL ? -1 : find_word(key, word);

    if (number < 0)
        complain(reading, setting, "%s", key->expected);
    else
        set_number(reading->settings, key, (uint32_t)number);
}

static void read_path(struct reading *reading, const config_setting_t *setting,
                      const struct weir_config_key *key)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL || strlen(text) >= key->max)
        complain(reading, setting, "%s in quotes, under %" PRIu32 " octets",
                 key->valid == NULL ? "a file name" : key->expected, key->max);
    else if (key->valid != NULL && !key->valid(text))
        complain(reading, setting, "%s", key->expected);
    else
        strlcpy(path_at(reading->settings, key), text, key->max);
}

static void read_key(struct reading *reading, const config_setting_t *setting,
                     const struct weir_config_key *key)
{
    switch (key->type) {
    case WEIR_CONFIG_NUMBER:
        read_number(reading, setting, key);
        break;
    case WEIR_CONFIG_WORD:
        read_word(reading, setting, key);
        break;
    case WEIR_CONFIG_BOOL:
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
            complain(reading, setting, "true or false");
        else
            set_number(reading->settings, key, config_setting_get_bool(setting) != 0);
        break;
    case WEIR_CONFIG_PATH:
        read_path(reading, setting, key);
        break;
    }
}

static const struct weir_config_key *find_key(const char *group, const char *name)
{
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];

        if (strcmp(key->group, group) == 0 && (name == NULL || strcmp(key->name, name) == 0))
            return key;
    }
    return NULL;
}

static void read_group(struct reading *reading, const config_setting_t *group)
{
    const char *name = config_setting_name(group);

    if (find_key(name, NULL) == NULL) {
        complain(
            reading, group,
            "ports, workers, tracking, timeouts, policy, output, capture or control; this key is unknown");
        return;
    }
    if (!config_setting_is_group(group)) {
        complain(reading, group, "a group { ... }");
        return;
    }
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
        const struct weir_config_key *key = find_key(name, config_setting_name(setting));

        if (key == NULL)
            complain(reading, setting, "a key of %s; this one is unknown", name);
        else
            read_key(reading, setting, key);
    }
}

static bool is_port_name(const config_setting_t *setting)
{
    const char *name = config_setting_get_string(setting);

    return name != NULL && name[0] != '\0' && strlen(name) < WEIR_NAME_MAX;
}

/* An Ethernet address of one host, six octets by colon: nobody is reached by zero or a group's. */
static bool read_mac(const char *text, uint8_t mac[6])
{
    unsigned int any = 0;

    if (text == NULL || strlen(text) != 17)
        return false;
    for (unsigned int i = 0; i < 6; i++, text += 3) {
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
            text[2] != (i < 5 ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)strtoul(text, NULL, 16);
        any |= mac[i];
    }
    return any != 0 && (mac[0] & 1) == 0;
}

static void read_pair_key(struct reading *reading, const config_setting_t *setting,
                          struct weir_port_pair *pair)
{
    const struct weir_config_key *mode = find_key("tracking", "mode");
    const char *name = config_setting_name(setting);
    const char *text = config_setting_get_string(setting);

    if (strcmp(name, "mode") == 0) {
        int word = text == NULL ? -1 : find_word(mode, text);

        if (word < 0)
            complain(reading, setting, "%s", mode->expected);
        else
            pair->mode = (enum weir_mode)word;
    } else if (strcmp(name, "a") == 0 || strcmp(name, "b") == 0) {
        if (!is_port_name(setting))
            complain(reading, setting, "the name of a DPDK port, 1 to %u octets",
                     WEIR_NAME_MAX - 1);
        else
            strlcpy(name[0] == 'a' ? pair->a : pair->b, text, WEIR_NAME_MAX);
    } else if (strcmp(name, "mac_a") == 0 || strcmp(name, "mac_b") == 0) {
        unsigned int end = name[4] == 'b';

        pair->has_mac[end] = read_mac(text, pair->mac[end]);
        if (!pair->has_mac[end])
            complain(reading, setting, "an Ethernet address of one host: \"02:00:00:00:00:01\"");
    } else if (strcmp(name, "mtu") == 0) {
        uint64_t mtu;

        if (get_number(setting, &mtu) && mtu >= MTU_MIN && mtu <= MTU_MAX)
            pair->mtu = (uint32_t)mtu;
        else
            complain(reading, setting, "%u to %u octets", MTU_MIN, MTU_MAX);
    } else {
        complain(reading, setting, "a, b, mode, mtu, mac_a or mac_b; this key is unknown");
    }
}

/* A port can stand in one pair only: a packet has one way. */
static void check_pair_names(struct reading *reading, const config_setting_t *group)
{
    const struct weir_settings *settings = reading->settings;
    const struct weir_port_pair *last = &settings->pair[settings->pair_count - 1];

    if (last->a[0] == '\0')
        complain(reading, group, "a = \"NAME\", the name of a DPDK port");
    else if (strcmp(last->a, last->b) == 0)
        complain(reading, group, "two different ports, but both are \"%s\"", last->a);
    for (uint32_t i = 0; i + 1 < settings->pair_count; i++) {
        const struct weir_port_pair *other = &settings->pair[i];
        const char *names[2] = {last->a, last->b};

        for (unsigned int j = 0; j < 2; j++) {
            if (names[j][0] != '\0' &&
                (strcmp(names[j], other->a) == 0 || strcmp(names[j], other->b) == 0))
                complain(reading, group, "each port once, but \"%s\" is in pair %" PRIu32 " too",
                         names[j], i);
        }
    }
}

static void read_ports(struct reading *reading, const config_setting_t *list)
{
    struct weir_settings *settings = reading->settings;
    int count = config_setting_length(list);

    settings->pair_count = 0;
    if (!config_setting_is_list(list) || count > (int)WEIR_PAIRS_CONF) {
        complain(reading, list, "a list of at most %u groups: ( { a = \"NAME\"; b = \"NAME\"; } )",
                 WEIR_PAIRS_CONF);
        return;
    }
    for (int i = 0; i < count; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned int)i);
        struct weir_port_pair *pair = &settings->pair[settings->pair_count];

        if (!config_setting_is_group(group)) {
            complain(reading, group, "a group: { a = \"NAME\"; b = \"NAME\"; }");
            continue;
        }
        *pair = (struct weir_port_pair){.mode = settings->mode};
        settings->pair_count++;
        for (int j = 0; j < config_setting_length(group); j++)
            read_pair_key(reading, config_setting_get_elem(group, (unsigned int)j), pair);
        check_pair_names(reading, group);
    }
}

static void read_tree(struct reading *reading, const config_setting_t *root)
{
    const config_setting_t *ports = NULL;

    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned int)i);

        if (strcmp(config_setting_name(setting), "ports") == 0)
            ports = setting;
        else
            read_group(reading, setting);
    }
    if (ports != NULL) /* last, since tracking.mode is the mode of a pair that names none */
        read_ports(reading, ports);
}

static FILE *open_file(struct reading *reading)
{
    FILE *file = fopen(reading->path, "re");

    /* A directory can be opened, but not read. */
    if (file != NULL && fgetc(file) == EOF && ferror(file)) {
        int error = errno;

        fclose(file);
        file = NULL;
        errno = error;
    }
    if (file == NULL) {
        fprintf(reading->errors, "%s: cannot be read: %s\n", reading->path, strerror(errno));
        reading->count++;
        return NULL;
    }
    rewind(file);
    return file;
}

static void read_file(struct reading *reading, FILE *file, const char *folder)
{
    config_t config;

    config_init(&config);
    config_set_include_dir(&config, folder);
    if (config_read(&config, file) != CONFIG_TRUE) {
        const char *name = config_error_file(&config);

        fprintf(reading->errors, "%s:%d: %s\n", name == NULL ? reading->path : name,
                config_error_line(&config), config_error_text(&config));
        reading->count++;
    } else {
        read_tree(reading, config_root_setting(&config));
    }
    config_destroy(&config);
}

unsigned int weir_config_read(const char *path, struct weir_settings *settings, FILE *errors)
{
    struct reading reading = {.path = path, .errors = errors, .settings = settings};
    FILE *file = open_file(&reading);
    char copy[WEIR_PATH_MAX];
    const char *folder;

    if (file == NULL)
        return reading.count;
    strlcpy(copy, path, sizeof(copy));
    folder = dirname(copy);
    reading.count = weir_config_numbers(file, path, folder, errors);
    rewind(file);
    if (reading.count == 0)
        read_file(&reading, file, folder);
    fclose(file);
    return reading.count;
}

static bool is_filled_later(const struct weir_config_key *key)
{
    return strcmp(key->group, "timeouts") == 0 || strncmp(key->name, "flows", 5) == 0;
}

void weir_config_defaults(struct weir_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *key = &weir_config_keys[i];

        if (key->type != WEIR_CONFIG_PATH && !is_filled_later(key))
            set_number(settings, key, key->value);
    }
}

/* A capture of a few packets needs no table for a million flows; a tenth is left free for bad luck.
 */
static uint32_t table_size(uint64_t max_flows, uint32_t standard)
{
    uint64_t wanted = max_flows + max_flows / 8 + 4096;

    return max_flows == 0 || wanted > standard ? standard : (uint32_t)wanted;
}

void weir_config_finish(struct weir_settings *settings, uint64_t max_flows)
{
    struct weir_timeouts profile;

    weir_timeouts_profile(&profile, settings->profile);
    for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++) {
        if (settings->timeouts.sec[i] == 0)
            settings->timeouts.sec[i] = profile.sec[i];
    }
    if (settings->flows == 0)
        settings->flows = table_size(max_flows, WEIR_FLOWS_DEFAULT);
    if (settings->flows6 == 0)
        settings->flows6 = table_size(max_flows, WEIR_FLOWS6_DEFAULT);
}

int weir_config_word(const char *key, const char *word, const char **expected)
{
    for (unsigned int i = 0; i < weir_config_key_count; i++) {
        const struct weir_config_key *row = &weir_config_keys[i];
        size_t len = strlen(row->group);

        if (strncmp(key, row->group, len) == 0 && key[len] == '.' &&
            strcmp(key + len + 1, row->name) == 0) {
            *expected = row->expected;
            return find_word(row, word);
        }
    }
    *expected = "";
    return -1;
}
