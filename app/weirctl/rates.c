/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/rates.h"

#include <string.h>

#include "weirctl/flow.h"

static void past_add(struct weirctl_past *past, double value)
{
    past->value[past->next] = value;
    past->next = (past->next + 1) % WEIRCTL_PAST_MAX;
    past->count += past->count < WEIRCTL_PAST_MAX;
}

/* The value so many steps ago; back is less than count. */
static double past_get(const struct weirctl_past *past, unsigned int back)
{
    return past->value[(past->next + WEIRCTL_PAST_MAX - 1 - back) % WEIRCTL_PAST_MAX];
}

double weirctl_past_last(const struct weirctl_past *past)
{
    return past->count == 0 ? 0 : past_get(past, 0);
}

static const char *spark_mark(double share, bool blocks)
{
    static const char *const block[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                        "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const plain[] = {" ", "_", ".", ":", "-", "=", "+", "*", "#"};
    unsigned int level = share <= 0 ? 0 : share >= 1 ? 8 : 1 + (unsigned int)(share * 8);

    level = level > 8 ? 8 : level;
    return blocks ? block[level] : plain[level];
}

const char *weirctl_past_spark(const struct weirctl_past *past, unsigned int columns, double full,
                               bool blocks, char text[WEIRCTL_SPARK_MAX])
{
    char *at = text;

    if (columns > WEIRCTL_PAST_MAX)
        columns = WEIRCTL_PAST_MAX;
    for (unsigned int back = 0; full == 0 && back < columns && back < past->count; back++)
        full = past_get(past, back) > full ? past_get(past, back) : full;
    for (unsigned int back = columns; back-- > 0;) {
        double share = back < past->count && full > 0 ? past_get(past, back) / full : 0;

        at = stpcpy(at, spark_mark(share, blocks));
    }
    *at = '\0';
    return text;
}

double weirctl_rates_of(const struct weirctl_rates *rates, const json_t *now, const json_t *before,
                        const char *name)
{
    double grown = weirctl_json_number(now, name) - weirctl_json_number(before, name);

    return now == NULL || before == NULL || rates->sec <= 0 || grown < 0 ? 0 : grown / rates->sec;
}

/* All members of an object together. */
static double members_rate(const struct weirctl_rates *rates, const json_t *now,
                           const json_t *before)
{
    struct weirctl_member member = {.at = NULL};
    double sum = 0;

    while (weirctl_json_next(now, &member))
        sum += weirctl_rates_of(rates, now, before, member.name);
    return sum;
}

static void totals_add(struct weirctl_rates *rates)
{
    const json_t *now = json_object_get(rates->now, "total");
    const json_t *before = json_object_get(rates->before, "total");
    const json_t *verdicts = json_object_get(now, "verdicts");
    const json_t *verdicts_before = json_object_get(before, "verdicts");
    const double value[WEIRCTL_RATES] = {
        [WEIRCTL_RATE_PACKETS] = weirctl_rates_of(rates, now, before, "rx_packets"),
        [WEIRCTL_RATE_BITS] = 8 * weirctl_rates_of(rates, now, before, "rx_bytes"),
        [WEIRCTL_RATE_SENT] = weirctl_rates_of(rates, now, before, "tx_packets"),
        [WEIRCTL_RATE_NEW] = weirctl_rates_of(rates, now, before, "created"),
        [WEIRCTL_RATE_ENDED] =
            members_rate(rates, json_object_get(now, "ended"), json_object_get(before, "ended")),
        [WEIRCTL_RATE_REFUSED] = weirctl_rates_of(rates, verdicts, verdicts_before, "drop") +
                                 weirctl_rates_of(rates, verdicts, verdicts_before, "answer"),
        [WEIRCTL_RATE_FLOWS] = weirctl_json_number(now, "flows"),
    };

    for (unsigned int i = 0; i < WEIRCTL_RATES; i++)
        past_add(&rates->past[i], value[i]);
}

static void loads_add(struct weirctl_rates *rates)
{
    const json_t *workers = json_object_get(rates->now, "workers");
    const json_t *workers_before = json_object_get(rates->before, "workers");

    for (unsigned int i = 0; i < WEIRCTL_WORKERS_MAX && i < json_array_size(workers); i++) {
        const json_t *now = json_array_get(workers, i);
        const json_t *before = json_array_get(workers_before, i);
        double busy = weirctl_rates_of(rates, now, before, "busy_cycles");
        double idle = weirctl_rates_of(rates, now, before, "idle_cycles");

        past_add(&rates->load[i], busy + idle > 0 ? busy / (busy + idle) : 0);
    }
}

void weirctl_rates_add(struct weirctl_rates *rates, json_t *stats)
{
    json_decref(rates->before);
    rates->before = rates->now;
    rates->now = stats;
    rates->sec = weirctl_json_number(rates->now, "uptime_sec") -
                 weirctl_json_number(rates->before, "uptime_sec");
    if (rates->before != NULL && rates->sec < 0) { /* weir has started anew */
        json_decref(rates->before);
        rates->before = NULL;
    }
    if (rates->before == NULL)
        return;
    totals_add(rates);
    loads_add(rates);
}

void weirctl_rates_free(struct weirctl_rates *rates)
{
    json_decref(rates->before);
    json_decref(rates->now);
}
