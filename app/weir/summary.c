/* SPDX-License-Identifier: BSD-3-Clause */
/* Summary: counters added up, and told to people; see summary.h. */
#include "weir/summary.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weir/record.h"

#define WIDTH "12" /* of a column of counts */

/* A line of a section that is listed by count. */
struct row {
    uint64_t count;
    char name[48];
    const char *text;
};

static unsigned int state_index(unsigned int state)
{
    return state < WEIR_TCP_STATES ? state : WEIR_TCP_STATES;
}

void weir_summary_flow(struct weir_summary *summary, const struct weir_flow_view *flow)
{
    summary->flows++;
    summary->protocols[flow->proto]++;
    if (flow->end < WEIR_END_COUNT)
        summary->ends[flow->end]++;
    summary->states[state_index(flow->state[WEIR_ORIG])][state_index(flow->state[WEIR_RESP])]++;
}

static void add_all(uint64_t *sum, const uint64_t *other, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += other[i];
}

#define ADD_ARRAY(field)                                                                           \
    add_all((uint64_t *)sum->field, (const uint64_t *)other->field,                                \
            sizeof(sum->field) / sizeof(uint64_t))

void weir_summary_add(struct weir_summary *sum, const struct weir_summary *other)
{
    sum->packets += other->packets;
    sum->bytes += other->bytes;
    sum->tcp_packets += other->tcp_packets;
    sum->sent += other->sent;
    sum->sent_bytes += other->sent_bytes;
    sum->lost_tx += other->lost_tx;
    sum->lost_rx += other->lost_rx;
    sum->errors_rx += other->errors_rx;
    sum->flows += other->flows;
    if (sum->elapsed_us < other->elapsed_us)
        sum->elapsed_us = other->elapsed_us;
    ADD_ARRAY(verdicts);
    ADD_ARRAY(reasons);
    ADD_ARRAY(protocols);
    ADD_ARRAY(ends);
    ADD_ARRAY(states);
}

bool weir_summary_checksums_off(const struct weir_summary *summary)
{
    return summary->tcp_packets > 0 &&
           summary->reasons[WEIR_REASON_TCP_CHECKSUM] > summary->tcp_packets / 2;
}

static int by_count(const void *a, const void *b)
{
    uint64_t x = ((const struct row *)a)->count;
    uint64_t y = ((const struct row *)b)->count;

    return (x < y) - (x > y);
}

/* Largest first; nothing at all where there is nothing to list. */
static void print_rows(const char *title, struct row *rows, size_t count, FILE *out)
{
    if (count == 0)
        return;
    qsort(rows, count, sizeof(*rows), by_count);
    fprintf(out, "\n%s\n", title);
    for (size_t i = 0; i < count; i++) {
        const char *text = rows[i].text;

        fprintf(out, "  %" WIDTH PRIu64 "  %-*s%s\n", rows[i].count, text == NULL ? 0 : 16,
                rows[i].name, text == NULL ? "" : text);
    }
}

static void print_states(const struct weir_summary *summary, FILE *out)
{
    struct row rows[WEIR_SUMMARY_STATES * WEIR_SUMMARY_STATES];
    size_t count = 0;

    for (unsigned int orig = 0; orig < WEIR_TCP_STATES; orig++) {
        for (unsigned int resp = 0; resp < WEIR_TCP_STATES; resp++) {
            struct row *row = &rows[count];

            if (summary->states[orig][resp] == 0)
                continue;
            *row = (struct row){.count = summary->states[orig][resp]};
            snprintf(row->name, sizeof(row->name), "%s / %s", weir_tcp_state_name(orig),
                     weir_tcp_state_name(resp));
            count++;
        }
    }
    print_rows("TCP flows by final states (originator / responder)", rows, count, out);
}

static void print_protocols(const struct weir_summary *summary, FILE *out)
{
    struct row rows[256];
    size_t count = 0;

    for (unsigned int proto = 0; proto < 256; proto++) {
        const char *name = weir_proto_name(proto);
        struct row *row = &rows[count];

        if (summary->protocols[proto] == 0)
            continue;
        *row = (struct row){.count = summary->protocols[proto]};
        if (name == NULL)
            snprintf(row->name, sizeof(row->name), "IP protocol %u", proto);
        else
            snprintf(row->name, sizeof(row->name), "%s", name);
        count++;
    }
    print_rows("Flows by protocol", rows, count, out);
}

static void print_ends(const struct weir_summary *summary, FILE *out)
{
    struct row rows[WEIR_END_COUNT];
    size_t count = 0;

    for (unsigned int end = 0; end < WEIR_END_COUNT; end++) {
        if (summary->ends[end] == 0)
            continue;
        rows[count] = (struct row){.count = summary->ends[end]};
        snprintf(rows[count].name, sizeof(rows[count].name), "%s", weir_end_name(end));
        count++;
    }
    print_rows("Flows by end", rows, count, out);
}

static void print_reasons(const struct weir_summary *summary, enum weir_reason_class class,
                          const char *title, FILE *out)
{
    struct row rows[WEIR_REASON_COUNT];
    size_t count = 0;

    for (unsigned int reason = 1; reason < WEIR_REASON_COUNT; reason++) {
        if (summary->reasons[reason] == 0 || weir_reason_class(reason) != class)
            continue;
        rows[count] =
            (struct row){.count = summary->reasons[reason], .text = weir_reason_text(reason)};
        snprintf(rows[count].name, sizeof(rows[count].name), "%s", weir_reason_name(reason));
        count++;
    }
    print_rows(title, rows, count, out);
}

static void print_count(const char *name, uint64_t count, FILE *out)
{
    if (count > 0)
        fprintf(out, "%-10s%" WIDTH PRIu64 "\n", name, count);
}

static void print_totals(const struct weir_summary *summary, FILE *out)
{
    double seconds = (double)summary->elapsed_us / 1e6;

    fprintf(out, "packets   %" WIDTH PRIu64 "  (%" PRIu64 " octets", summary->packets,
            summary->bytes);
    if (summary->elapsed_us > 0)
        fprintf(out, "; %.0f packets/s over %.3f s", (double)summary->packets / seconds, seconds);
    fprintf(out, ")\n");
    fprintf(out, "flows     %" WIDTH PRIu64 "\n", summary->flows);
    for (unsigned int verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++)
        print_count(weir_verdict_name(verdict), summary->verdicts[verdict], out);
    print_count("not sent", summary->lost_tx, out);
    print_count("missed", summary->lost_rx, out);
    print_count("broken", summary->errors_rx, out);
}

void weir_summary_print(const struct weir_summary *summary, bool shadow, FILE *out)
{
    print_totals(summary, out);
    print_states(summary, out);
    print_protocols(summary, out);
    print_ends(summary, out);
    print_reasons(summary, WEIR_REASON_CLASS_REFUSE,
                  shadow ? "Packets that would be refused (shadow: forwarded), by reason"
                         : "Packets refused, by reason",
                  out);
    print_reasons(summary, WEIR_REASON_CLASS_STALE, "Packets forwarded as stale, by reason", out);
    print_reasons(summary, WEIR_REASON_CLASS_PASS, "Packets passed untracked, by reason", out);
}

void weir_summary_advise(const struct weir_summary *summary)
{
    if (weir_summary_checksums_off(summary))
        warnx("most TCP packets (%" PRIu64 " of %" PRIu64 ") have a wrong checksum; captures taken "
              "on a sending host are like that, since its network card fills them in later: try "
              "--checksum ignore",
              summary->reasons[WEIR_REASON_TCP_CHECKSUM], summary->tcp_packets);
    if (summary->ends[WEIR_END_EVICTED] > 0 || summary->reasons[WEIR_REASON_TABLE_FULL] > 0)
        warnx("the flow table was full: %" PRIu64 " flows gave way to others, %" PRIu64
              " packets were refused; raise tracking.flows or tracking.flows6 in the configuration",
              summary->ends[WEIR_END_EVICTED], summary->reasons[WEIR_REASON_TABLE_FULL]);
}
