/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates: the difference of two answers to GET /stats, and their past. */
#ifndef WEIR_WEIRCTL_RATES_H
#define WEIR_WEIRCTL_RATES_H

#include <jansson.h>
#include <stdbool.h>

#define WEIRCTL_PAST_MAX    240U /* values of a history */
#define WEIRCTL_WORKERS_MAX 64U
#define WEIRCTL_SPARK_MAX   (4 * WEIRCTL_PAST_MAX)

struct weirctl_past {
    double value[WEIRCTL_PAST_MAX]; /* a ring */
    unsigned int next;
    unsigned int count;
};

enum weirctl_rate {
    WEIRCTL_RATE_PACKETS, /* received, a second */
    WEIRCTL_RATE_BITS,    /* received, a second */
    WEIRCTL_RATE_SENT,    /* packets a second */
    WEIRCTL_RATE_NEW,     /* flows a second */
    WEIRCTL_RATE_ENDED,   /* flows a second */
    WEIRCTL_RATE_REFUSED, /* packets dropped or answered, a second */
    WEIRCTL_RATE_FLOWS,   /* no rate: flows now */
    WEIRCTL_RATES
};

struct weirctl_rates {
    json_t *now;    /* the last answer, NULL: none yet */
    json_t *before; /* the one before it, NULL: none, or of another run */
    double sec;     /* between the two */
    struct weirctl_past past[WEIRCTL_RATES];
    struct weirctl_past load[WEIRCTL_WORKERS_MAX]; /* share of time not idle, 0 to 1 */
};

/* Take an answer over. */
void weirctl_rates_add(struct weirctl_rates *rates, json_t *stats);
void weirctl_rates_free(struct weirctl_rates *rates);

/* Growth a second of a number in two versions of an object; 0 where one is missing or it has
 * shrunk. */
double weirctl_rates_of(const struct weirctl_rates *rates, const json_t *now, const json_t *before,
                        const char *name);

/* The newest value; 0 without any. */
double weirctl_past_last(const struct weirctl_past *past);

/*
 * The newest values as a line of so many columns, the newest at its right end, scaled from 0 to
 * full, or to the greatest of them if full is 0.
 */
const char *weirctl_past_spark(const struct weirctl_past *past, unsigned int columns, double full,
                               bool blocks, char text[WEIRCTL_SPARK_MAX]);

#endif
