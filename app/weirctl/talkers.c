/* SPDX-License-Identifier: BSD-3-Clause */
#include "weirctl/talkers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/flow_line.h"
#include "weirctl/text.h"

#define HOST_SLOTS  32768U /* a power of two, over twice as many as there can be ends of flows */
#define TIMEOUT_SEC 5L     /* what is listed by then will do */

static_assert(HOST_SLOTS > 2 * WEIRCTL_TALKERS_LISTED, "a free slot ends each search");

/* What a flow had counted when it was listed; refused goes with the originator. */
struct count {
    uint64_t id;
    uint64_t number[2][3]; /* by end and enum weirctl_talkers_order; octets for bits */
};

struct counts {
    struct count *at; /* WEIRCTL_TALKERS_LISTED of them, sorted by id once listed */
    unsigned int used;
    double time_sec; /* when they were listed; 0: never */
};

struct host {
    char addr[48]; /* "": free */
    double rate[3];
};

struct weirctl_talkers_past {
    struct counts before, now;
    struct host *host; /* HOST_SLOTS */
    /* of the listing under way */
    struct weirctl_talkers *talkers;
    enum weirctl_talkers_order order;
    bool hosts;
};

static int compare(const void *one, const void *other)
{
    uint64_t a = ((const struct count *)one)->id, b = ((const struct count *)other)->id;

    return a < b ? -1 : a > b;
}

/* Keep the list sorted, and as short as it is. */
static void top_add(struct weirctl_talkers *talkers, const struct weirctl_talker *talker,
                    enum weirctl_talkers_order order)
{
    unsigned int at = talkers->count;

    if (talker->rate[order] <= 0)
        return;
    while (at > 0 && talkers->top[at - 1].rate[order] < talker->rate[order])
        at--;
    if (at == WEIRCTL_TALKERS_MAX)
        return;
    if (talkers->count < WEIRCTL_TALKERS_MAX)
        talkers->count++;
    memmove(&talkers->top[at + 1], &talkers->top[at],
            (talkers->count - at - 1) * sizeof(talkers->top[0]));
    talkers->top[at] = *talker;
}

static uint32_t text_hash(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash ^ hash >> 15;
}

static void host_add(struct host *hosts, const char *addr, const double rate[3])
{
    uint32_t slot = text_hash(addr) % HOST_SLOTS;

    while (hosts[slot].addr[0] != '\0' && strcmp(hosts[slot].addr, addr) != 0)
        slot = (slot + 1) % HOST_SLOTS;
    snprintf(hosts[slot].addr, sizeof(hosts[slot].addr), "%s", addr);
    for (unsigned int i = 0; i < 3; i++)
        hosts[slot].rate[i] += rate[i];
}

static void flow_add(struct weirctl_talkers_past *past, const struct weirctl_flow *flow,
                     double rate[2][3])
{
    struct weirctl_talker talker = {.ends = ""};
    char end[2][WEIRCTL_END_MAX];

    for (unsigned int i = 0; i < 3; i++)
        talker.rate[i] = rate[0][i] + rate[1][i];
    if (past->talkers->count == WEIRCTL_TALKERS_MAX &&
        past->talkers->top[WEIRCTL_TALKERS_MAX - 1].rate[past->order] >= talker.rate[past->order])
        return;
    weirctl_flow_end_text(flow, WEIRCTL_ORIG, end[0]);
    weirctl_flow_end_text(flow, WEIRCTL_RESP, end[1]);
    snprintf(talker.ends, sizeof(talker.ends), "%s > %s", end[0], end[1]);
    snprintf(talker.proto, sizeof(talker.proto), "%s", flow->proto);
    weirctl_states_text(flow->state[0], flow->state[1], talker.states);
    top_add(past->talkers, &talker, past->order);
}

/* Growth a second since the last listing. One that was not in it counts whole if it has begun
 * since. */
static void rates_make(const struct counts *before, const struct count *now, double start_sec,
                       double time_sec, double rate[2][3])
{
    const struct count *then = bsearch(now, before->at, before->used, sizeof(*now), compare);
    double sec = time_sec - before->time_sec;

    memset(rate, 0, 2 * sizeof(rate[0]));
    if (before->time_sec == 0 || sec <= 0 || (then == NULL && start_sec < before->time_sec))
        return;
    for (unsigned int end = 0; end < 2; end++)
        for (unsigned int i = 0; i < 3; i++) {
            uint64_t old = then != NULL ? then->number[end][i] : 0;

            if (now->number[end][i] > old)
                rate[end][i] = (double)(now->number[end][i] - old) / sec;
        }
    rate[0][WEIRCTL_BY_BITS] *= 8;
    rate[1][WEIRCTL_BY_BITS] *= 8;
}

static bool line_take(void *context, const char *line, size_t len)
{
    struct weirctl_talkers_past *past = context;
    struct weirctl_flow_line read;
    const struct weirctl_flow *flow = &read.flow;
    struct count *now = &past->now.at[past->now.used];
    double rate[2][3];

    if (past->now.used == WEIRCTL_TALKERS_LISTED)
        return true;
    if (weirctl_flow_line_read(&read, line, len)) {
        *now = (struct count){.id = strtoull(flow->id, NULL, 16)};
        for (unsigned int end = 0; end < 2; end++) {
            now->number[end][WEIRCTL_BY_BITS] = flow->bytes[end];
            now->number[end][WEIRCTL_BY_PACKETS] = flow->packets[end];
            now->number[end][WEIRCTL_BY_REFUSED] = flow->refused[end];
        }
        past->now.used++;
        rates_make(&past->before, now, flow->start_sec, past->now.time_sec, rate);
        if (past->hosts) {
            host_add(past->host, flow->addr[WEIRCTL_ORIG], rate[WEIRCTL_ORIG]);
            host_add(past->host, flow->addr[WEIRCTL_RESP], rate[WEIRCTL_RESP]);
        } else {
            flow_add(past, flow, rate);
        }
    }
    weirctl_flow_line_free(&read);
    return true;
}

static void hosts_rank(struct weirctl_talkers_past *past)
{
    for (unsigned int slot = 0; slot < HOST_SLOTS; slot++) {
        struct weirctl_talker talker = {.ends = ""};

        if (past->host[slot].addr[0] == '\0')
            continue;
        snprintf(talker.ends, sizeof(talker.ends), "%s", past->host[slot].addr);
        memcpy(talker.rate, past->host[slot].rate, sizeof(talker.rate));
        top_add(past->talkers, &talker, past->order);
    }
}

static struct weirctl_talkers_past *past_make(void)
{
    struct weirctl_talkers_past *past = calloc(1, sizeof(*past));

    if (past == NULL)
        return NULL;
    past->before.at = calloc(WEIRCTL_TALKERS_LISTED + 1, sizeof(struct count));
    past->now.at = calloc(WEIRCTL_TALKERS_LISTED + 1, sizeof(struct count));
    past->host = calloc(HOST_SLOTS, sizeof(struct host));
    return past;
}

void weirctl_talkers_free(struct weirctl_talkers *talkers)
{
    if (talkers->past == NULL)
        return;
    free(talkers->past->before.at);
    free(talkers->past->now.at);
    free(talkers->past->host);
    free(talkers->past);
}

static enum weirctl_exit list(struct weirctl_talkers_past *past, struct weirctl_client *client,
                              double interval_sec)
{
    struct weirctl_sink sink = {line_take, NULL, past};
    char target[128];

    snprintf(target, sizeof(target), "/flows?max_idle=%.1f&limit=%u", 2 * interval_sec + 1,
             WEIRCTL_TALKERS_LISTED);
    return weirctl_client_stream(client, target, &sink, TIMEOUT_SEC);
}

enum weirctl_exit weirctl_talkers_update(struct weirctl_talkers *talkers,
                                         struct weirctl_client *client,
                                         enum weirctl_talkers_order order, bool hosts,
                                         double interval_sec)
{
    struct weirctl_talkers_past *past = talkers->past != NULL ? talkers->past : past_make();
    struct counts older;
    enum weirctl_exit status;

    talkers->past = past;
    if (past == NULL || past->before.at == NULL || past->now.at == NULL || past->host == NULL)
        return WEIRCTL_FAILED;
    older = past->before;
    past->before = past->now;
    past->now = older;
    past->now.used = 0;
    past->now.time_sec = weirctl_now();
    past->talkers = talkers;
    past->order = order;
    past->hosts = hosts;
    talkers->count = 0;
    memset(past->host, 0, HOST_SLOTS * sizeof(struct host));
    status = list(past, client, interval_sec);
    if (hosts)
        hosts_rank(past);
    talkers->sampled = past->now.used == WEIRCTL_TALKERS_LISTED;
    qsort(past->now.at, past->now.used, sizeof(struct count), compare);
    return status;
}
