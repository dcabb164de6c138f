/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/http_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    BAD_REQUEST = 400,
    LENGTH_REQUIRED = 411,
    CONTENT_TOO_LARGE = 413,
    TARGET_TOO_LONG = 414,
    FIELDS_TOO_LARGE = 431,
    NOT_IMPLEMENTED = 501,
    VERSION_NOT_SUPPORTED = 505,
};

#define EMPTY_MAX 64 /* octets of empty lines */
#define DIGITS    "0123456789"
/* RFC 9110 5.6.2 */
#define TOKEN "!#$%&'*+-.^_`|~" DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Octets still to be read, and what was wrong with those before. */
struct reader {
    const char *at;
    size_t left;
    const char **error;
};

static unsigned int refuse(const struct reader *reader, unsigned int status, const char *error)
{
    *reader->error = error;
    return status;
}

static bool is_token(struct weir_word word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] == '\0' || strchr(TOKEN, word.at[i]) == NULL)
            return false;
    return word.len > 0;
}

/* Control characters but the tab: what holds one is no line of a head. */
static bool is_text(struct weir_word line)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
            return false;
    return true;
}

/* The next line without its end, CR LF or LF (RFC 9112 2.2). Returns false if that has not come. */
static bool line_next(struct reader *reader, struct weir_word *line)
{
    const char *end = memchr(reader->at, '\n', reader->left);

    line->at = reader->at;
    line->len = end == NULL ? reader->left : (size_t)(end - reader->at);
    if (end != NULL) {
        reader->at += line->len + 1;
        reader->left -= line->len + 1;
    }
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return end != NULL;
}

/* What stands before the next space, or all; *rest goes on behind it. */
static struct weir_word word_next(struct weir_word *rest)
{
    const char *space = memchr(rest->at, ' ', rest->len);
    struct weir_word word = {rest->at, space == NULL ? rest->len : (size_t)(space - rest->at)};
    size_t used = word.len + (space != NULL);

    rest->at += used;
    rest->len -= used;
    return word;
}

static bool word_is(struct weir_word word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.at, text, word.len) == 0;
}

/* Does one of the words of this list, by comma, stand for text? Parameters behind ";" are not
 * looked at. */
static bool list_has(struct weir_word list, const char *text)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.at);
        size_t skip = 0;

        while (skip < len && strchr(" \t", list.at[skip]) != NULL)
            skip++;
        if (len - skip >= strlen(text) && strncasecmp(list.at + skip, text, strlen(text)) == 0 &&
            (len - skip == strlen(text) || strchr(" \t;", list.at[skip + strlen(text)]) != NULL))
            return true;
        list.at += len + (comma != NULL);
        list.len -= len + (comma != NULL);
    }
    return false;
}

/* RFC 9112 2.3; a later minor version is read as HTTP/1.1 (RFC 9110 2.5). */
static unsigned int version_read(const struct reader *reader, struct weir_word version,
                                 struct weir_head *head)
{
    if (version.len != strlen("HTTP/1.1") || memcmp(version.at, "HTTP/", 5) != 0 ||
        strchr(DIGITS, version.at[5]) == NULL || version.at[6] != '.' ||
        strchr(DIGITS, version.at[7]) == NULL)
        return refuse(reader, BAD_REQUEST, "expected METHOD TARGET HTTP/1.1");
    if (version.at[5] != '1')
        return refuse(reader, VERSION_NOT_SUPPORTED, "expected HTTP/1.1 or HTTP/1.0");
    head->minor = version.at[7] > '0';
    head->close = head->minor == 0;
    return WEIR_HEAD_WHOLE;
}

static unsigned int target_check(const struct reader *reader, struct weir_word target)
{
    unsigned int parameters = 1;

    if (target.len == 0 || memchr(target.at, '\t', target.len) != NULL)
        return refuse(reader, BAD_REQUEST, "expected METHOD TARGET HTTP/1.1");
    if (target.len > WEIR_HEAD_TARGET_MAX)
        return refuse(reader, TARGET_TOO_LONG, "expected a target of at most 8192 octets");
    for (size_t i = 0; i < target.len; i++)
        parameters += target.at[i] == '&';
    if (parameters > WEIR_HEAD_PARAMETERS)
        return refuse(reader, BAD_REQUEST, "expected at most 64 parameters");
    return WEIR_HEAD_WHOLE;
}

/* The path of a target in absolute form, which is how a proxy is asked (RFC 9112 3.2.2). */
static struct weir_word target_path(struct weir_word target)
{
    static const char scheme[] = "http://";
    const size_t len = sizeof(scheme) - 1;
    size_t at = len;

    if (target.len < len || strncasecmp(target.at, scheme, len) != 0)
        return target;
    while (at < target.len && target.at[at] != '/')
        at++;
    return at == target.len ? (struct weir_word){"/", 1}
                            : (struct weir_word){target.at + at, target.len - at};
}

/* RFC 9112 3: three words with one space between them. */
static unsigned int request_line(const struct reader *reader, struct weir_word line,
                                 struct weir_head *head)
{
    unsigned int status;

    head->method = word_next(&line);
    head->target = word_next(&line);
    if (!is_token(head->method))
        return refuse(reader, BAD_REQUEST, "expected METHOD TARGET HTTP/1.1");
    if (head->method.len > WEIR_HEAD_METHOD_MAX)
        return refuse(reader, NOT_IMPLEMENTED, "expected GET, HEAD, POST or DELETE");
    status = target_check(reader, head->target);
    head->target = target_path(head->target);
    return status != WEIR_HEAD_WHOLE ? status : version_read(reader, line, head);
}

/* Field by field; a value comes without the space around it. */

static unsigned int host_seen(const struct reader *reader, struct weir_head *head,
                              struct weir_word value)
{
    (void)value;
    head->hosts++;
    return head->hosts == 1 ? WEIR_HEAD_WHOLE
                            : refuse(reader, BAD_REQUEST, "expected one Host field");
}

static unsigned int length_seen(const struct reader *reader, struct weir_head *head,
                                struct weir_word value)
{
    if (head->has_length)
        return refuse(reader, BAD_REQUEST, "expected one Content-Length field");
    if (value.len == 0)
        return refuse(reader, BAD_REQUEST, "Content-Length: expected a number");
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return refuse(reader, BAD_REQUEST, "Content-Length: expected a number");
        if (head->body_len <= WEIR_HEAD_BODY_MAX)
            head->body_len = head->body_len * 10 + (size_t)(value.at[i] - '0');
    }
    head->has_length = true;
    return WEIR_HEAD_WHOLE;
}

static unsigned int coding_seen(const struct reader *reader, struct weir_head *head,
                                struct weir_word value)
{
    (void)reader;
    (void)value;
    head->chunked = true;
    return WEIR_HEAD_WHOLE;
}

static unsigned int connection_seen(const struct reader *reader, struct weir_head *head,
                                    struct weir_word value)
{
    (void)reader;
    head->close = head->close || list_has(value, "close");
    return WEIR_HEAD_WHOLE;
}

static unsigned int expect_seen(const struct reader *reader, struct weir_head *head,
                                struct weir_word value)
{
    (void)reader;
    head->expects = head->minor > 0 && word_is(value, "100-continue");
    return WEIR_HEAD_WHOLE;
}

static unsigned int accept_seen(const struct reader *reader, struct weir_head *head,
                                struct weir_word value)
{
    (void)reader;
    head->open_metrics = head->open_metrics || list_has(value, "application/openmetrics-text");
    return WEIR_HEAD_WHOLE;
}

static const struct {
    const char *name;
    unsigned int (*seen)(const struct reader *, struct weir_head *, struct weir_word);
} fields[] = {
    {"Host", host_seen},
    {"Content-Length", length_seen},
    {"Transfer-Encoding", coding_seen},
    {"Connection", connection_seen},
    {"Expect", expect_seen},
    {"Accept", accept_seen},
};

/* RFC 9112 5: no space before the colon, no lines that go on. */
static unsigned int field_read(const struct reader *reader, struct weir_word line,
                               struct weir_head *head)
{
    const char *colon = memchr(line.at, ':', line.len);
    struct weir_word name = {line.at, colon == NULL ? 0 : (size_t)(colon - line.at)};
    struct weir_word value;

    if (!is_text(line))
        return refuse(reader, BAD_REQUEST, "a header field holds a control character");
    if (colon == NULL || !is_token(name))
        return refuse(reader, BAD_REQUEST, "expected header fields NAME: VALUE");
    value = (struct weir_word){colon + 1, line.len - name.len - 1};
    while (value.len > 0 && strchr(" \t", value.at[0]) != NULL) {
        value.at++;
        value.len--;
    }
    while (value.len > 0 && strchr(" \t", value.at[value.len - 1]) != NULL)
        value.len--;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (word_is(name, fields[i].name))
            return fields[i].seen(reader, head, value);
    return WEIR_HEAD_WHOLE;
}

/* What only the whole head can tell. RFC 9112 3.2, 6.1, 6.3. */
static unsigned int head_check(const struct reader *reader, const struct weir_head *head)
{
    if (head->minor > 0 && head->hosts == 0)
        return refuse(reader, BAD_REQUEST, "expected a Host field");
    if (head->chunked && head->has_length)
        return refuse(reader, BAD_REQUEST,
                      "expected not both of Transfer-Encoding and Content-Length");
    if (head->chunked)
        return refuse(reader, LENGTH_REQUIRED, "no request needs a body: expected Content-Length");
    if (head->body_len > WEIR_HEAD_BODY_MAX)
        return refuse(reader, CONTENT_TOO_LARGE, "no request needs a body");
    return WEIR_HEAD_WHOLE;
}

static unsigned int fields_read(struct reader *reader, struct weir_head *head)
{
    const char *begin = reader->at;
    struct weir_word line;

    while (line_next(reader, &line)) {
        unsigned int status;

        if ((size_t)(reader->at - begin) > WEIR_HEAD_FIELDS_MAX)
            break;
        if (line.len == 0)
            return head_check(reader, head);
        status = field_read(reader, line, head);
        if (status != WEIR_HEAD_WHOLE)
            return status;
    }
    if ((size_t)(reader->at - begin) + reader->left > WEIR_HEAD_FIELDS_MAX)
        return refuse(reader, FIELDS_TOO_LARGE, "expected header fields of at most 16384 octets");
    return is_text(line) ? WEIR_HEAD_MORE
                         : refuse(reader, BAD_REQUEST, "a header field holds a control character");
}

unsigned int weir_head_read(const char *octets, size_t len, struct weir_head *head,
                            const char **error)
{
    struct reader reader = {octets, len, error};
    struct weir_word line;
    unsigned int status;
    bool whole;

    *head = (struct weir_head){0};
    /* Empty lines may come first (RFC 9112 2.2), some. */
    do
        whole = line_next(&reader, &line);
    while (whole && line.len == 0 && reader.at - octets < EMPTY_MAX);
    if (!is_text(line))
        return refuse(&reader, BAD_REQUEST, "expected METHOD TARGET HTTP/1.1");
    if (!whole)
        return reader.left <= WEIR_HEAD_LINE_MAX
                   ? WEIR_HEAD_MORE
                   : refuse(&reader, TARGET_TOO_LONG, "expected a target of at most 8192 octets");
    status = request_line(&reader, line, head);
    if (status == WEIR_HEAD_WHOLE)
        status = fields_read(&reader, head);
    head->len = (size_t)(reader.at - octets);
    return status;
}

size_t weir_head_write(const struct weir_head *head, char text[WEIR_HEAD_WRITTEN])
{
    return (size_t)snprintf(text, WEIR_HEAD_WRITTEN,
                            "%.*s %.*s HTTP/1.%u\r\nHost: weir\r\n%s%s\r\n", (int)head->method.len,
                            head->method.at, (int)head->target.len, head->target.at, head->minor,
                            head->close ? "Connection: close\r\n" : "",
                            head->open_metrics ? "Accept: application/openmetrics-text\r\n" : "");
}
