/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/report.h"

#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "bench/memory.h"

static double new_per_sec(const struct bench_result *result)
{
    return result->births * 1e9 / result->weir.median;
}

static void report_json(const struct bench_case *what, const struct bench_result *result)
{
    printf("{\"scenario\":\"%s\",\"flows\":%" PRIu32 ",\"family\":%u,\"burst\":%u,"
           "\"checksum\":\"%s\",\"huge\":%s",
           bench_scenario_name(what->scenario), what->flows, what->family, what->burst,
           bench_checksum_name(what->checksum), bench_memory_huge() ? "true" : "false");
    printf(",\"ns_per_packet\":%.2f,\"p10_ns\":%.2f,\"p90_ns\":%.2f,\"spread\":%.3f,"
           "\"cycles_per_packet\":%.1f,\"mpps\":%.2f,\"new_per_sec\":%.0f",
           result->weir.median, result->weir.p10, result->weir.p90, result->weir.spread,
           result->weir.median * (double)rte_get_tsc_hz() / 1e9, 1e3 / result->weir.median,
           new_per_sec(result));
    if (result->has_baseline)
        printf(",\"baseline_rte_hash_ns\":%.2f,\"ratio_to_rte_hash\":%.3f,"
               "\"baseline_random_line_ns\":%.2f",
               result->hash.median, result->weir.median / result->hash.median, result->line.median);
    else
        printf(",\"baseline_rte_hash_ns\":null,\"ratio_to_rte_hash\":null,"
               "\"baseline_random_line_ns\":null");
    printf(",\"baseline_parse_ns\":%.2f,\"bytes_per_flow\":%.1f,\"poll_p50_ns\":%.0f,"
           "\"poll_max_ns\":%.0f,\"packets\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n",
           result->parse.median, result->bytes_per_flow, result->poll_p50_ns, result->poll_max_ns,
           result->packets, result->refused);
}

static void heading(void)
{
    static bool done;

    if (!done)
        printf("%-17s %9s %2s %5s %-8s %7s %7s %7s %6s %7s %8s %6s %7s %6s %6s %6s\n", "scenario",
               "flows", "ip", "burst", "checksum", "ns/pkt", "p10", "p90", "spread", "cycles",
               "Mpps", "Mnew/s", "rtehash", "ratio", "line", "parse");
    done = true;
}

static void report_row(const struct bench_case *what, const struct bench_result *result)
{
    heading();
    printf("%-17s %9" PRIu32 " %2u %5u %-8s %7.2f %7.2f %7.2f %5.1f%% %7.1f %8.2f %6.2f",
           bench_scenario_name(what->scenario), what->flows, what->family, what->burst,
           bench_checksum_name(what->checksum), result->weir.median, result->weir.p10,
           result->weir.p90, result->weir.spread * 100,
           result->weir.median * (double)rte_get_tsc_hz() / 1e9, 1e3 / result->weir.median,
           new_per_sec(result) / 1e6);
    if (result->has_baseline)
        printf(" %7.2f %6.2f %6.2f", result->hash.median, result->weir.median / result->hash.median,
               result->line.median);
    else
        printf(" %7s %6s %6s", "-", "-", "-");
    printf(" %6.2f\n", result->parse.median);
}

void bench_report(const struct bench_case *what, const struct bench_result *result, bool json)
{
    if (json)
        report_json(what, result);
    else
        report_row(what, result);
    fflush(stdout);
}
