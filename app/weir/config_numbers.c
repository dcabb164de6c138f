/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole numbers: a scan of libconfig's tokens, as far as it takes to know numbers; see header. */
#include "weir/config_numbers.h"

#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "weir/settings.h"

enum { WORD_MAX = 128, DEPTH_MAX = 10 /* libconfig's own limit of files that include files */ };

struct scan {
    FILE *file;
    const char *path, *folder;
    FILE *errors;
    unsigned int line, count, depth;
    char key[WORD_MAX];  /* the last name */
    char word[WORD_MAX]; /* being read: a name, number, or string */
};

static int next(struct scan *scan)
{
    int c = getc(scan->file);

    scan->line += c == '\n';
    return c;
}

static void back(struct scan *scan, int c)
{
    if (c == EOF)
        return;
    scan->line -= c == '\n';
    ungetc(c, scan->file);
}

static void skip_line(struct scan *scan)
{
    int c = next(scan);

    while (c != EOF && c != '\n')
        c = next(scan);
}

/* After a slash: a comment of either kind, or nothing. */
static void skip_comment(struct scan *scan)
{
    int c = next(scan);

    if (c == '/') {
        skip_line(scan);
        return;
    }
    if (c != '*') {
        back(scan, c);
        return;
    }
    for (int last = 0; (c = next(scan)) != EOF && !(last == '*' && c == '/');)
        last = c;
}

static void read_string(struct scan *scan)
{
    size_t len = 0;
    int c;

    while ((c = next(scan)) != EOF && c != '"') {
        if (c == '\\')
            c = next(scan);
        if (len < sizeof(scan->word) - 1)
            scan->word[len++] = (char)c;
    }
    scan->word[len] = '\0';
}

static bool is_word(int c)
{
    return isalnum(c) || c == '_' || c == '-' || c == '+' || c == '.' || c == '*';
}

static void read_word(struct scan *scan, int c)
{
    size_t len = 0;

    for (; c != EOF && is_word(c); c = next(scan)) {
        if (len < sizeof(scan->word) - 1)
            scan->word[len++] = (char)c;
    }
    scan->word[len] = '\0';
    back(scan, c);
}

/* Does libconfig read this word as the number it is? True also for what is no whole number. */
static bool is_read_right(const char *word)
{
    bool negative = word[0] == '-';
    const char *digits = word + (word[0] == '-' || word[0] == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    uint64_t limit = INT32_MAX;
    uint64_t number;
    char *end;

    errno = 0;
    number = strtoull(digits, &end, hex ? 16 : 10);
    if (end == digits || (*end != '\0' && *end != 'L'))
        return true;
    if (*end == 'L')
        limit = INT64_MAX;
    return errno == 0 && number <= limit + negative;
}

static void check_word(struct scan *scan)
{
    const char *word = scan->word;

    if (isalpha((unsigned char)word[0]) || word[0] == '*') {
        strlcpy(scan->key, word, sizeof(scan->key));
    } else if (!is_read_right(word)) {
        fprintf(scan->errors, "%s:%u: %s = %s: expected a whole number below 2147483648\n",
                scan->path, scan->line, scan->key, word);
        scan->count++;
    }
}

static void scan_file(struct scan *scan);

/* What does not open is libconfig's to complain about. */
static void scan_include(struct scan *outer)
{
    struct scan scan = *outer;
    char path[WEIR_PATH_MAX];
    int c = next(outer);

    while (c == ' ' || c == '\t')
        c = next(outer);
    if (c != '"' || outer->depth >= DEPTH_MAX)
        return;
    read_string(outer);
    if (outer->word[0] == '/')
        snprintf(path, sizeof(path), "%s", outer->word);
    else
        snprintf(path, sizeof(path), "%s/%s", outer->folder, outer->word);
    scan.file = fopen(path, "re");
    if (scan.file == NULL)
        return;
    scan.path = path;
    scan.line = 1;
    scan.depth++;
    scan_file(&scan);
    outer->count = scan.count;
    fclose(scan.file);
}

static void scan_file(struct scan *scan)
{
    int c;

    while ((c = next(scan)) != EOF) {
        if (c == '#') {
            skip_line(scan);
        } else if (c == '/') {
            skip_comment(scan);
        } else if (c == '"') {
            read_string(scan);
        } else if (c == '@') {
            read_word(scan, next(scan));
            if (strcmp(scan->word, "include") == 0)
                scan_include(scan);
        } else if (is_word(c)) {
            read_word(scan, c);
            check_word(scan);
        }
    }
}

unsigned int weir_config_numbers(FILE *file, const char *path, const char *folder, FILE *errors)
{
    struct scan scan = {.file = file, .path = path, .folder = folder, .errors = errors, .line = 1};

    scan_file(&scan);
    return scan.count;
}
