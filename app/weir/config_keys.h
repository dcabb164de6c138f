/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of configuration keys, for config.c and config_keys.c. */
#ifndef WEIR_APP_CONFIG_KEYS_H
#define WEIR_APP_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_config_type {
    WEIR_CONFIG_NUMBER, /* uint32_t, at least min, at most max */
    WEIR_CONFIG_BOOL,
    WEIR_CONFIG_WORD, /* an enum; words in its order */
    WEIR_CONFIG_PATH, /* char[max] */
};

#define WEIR_CONFIG_WORDS_MAX 4

struct weir_config_key {
    const char *group;
    const char *name;
    enum weir_config_type type;
    size_t offset; /* in struct weir_settings */
    uint32_t min, max;
    uint32_t value;   /* default: number, 0 or 1, or number of the word */
    const char *unit; /* of a number, plural */
    const char *words[WEIR_CONFIG_WORDS_MAX];
    const char *expected;        /* the words as a message lists them */
    const char *text;            /* what it does, for the documented file */
    bool (*valid)(const char *); /* of a path: is it one? NULL: any is; expected says which */
};

extern const struct weir_config_key weir_config_keys[];
extern const unsigned int weir_config_key_count;

#endif
