/* SPDX-License-Identifier: BSD-3-Clause */
/* What the end of a run is told as, and the progress line before it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "weir/progress.h"
#include "weir/summary.h"

TestSuite(summary, .init = scratch_make, .fini = scratch_remove);

static const char *print(const struct weir_summary *summary, bool shadow)
{
    FILE *file = fopen(scratch_path("summary"), "w");

    cr_assert_not_null(file);
    weir_summary_print(summary, shadow, file);
    fclose(file);
    return scratch_read(scratch_path("summary"));
}

static void add_flows(struct weir_summary *summary, unsigned int count, uint8_t proto,
                      uint8_t orig_state, uint8_t resp_state, uint8_t end)
{
    struct weir_flow_view flow = {.proto = proto, .state = {orig_state, resp_state}, .end = end};

    for (unsigned int i = 0; i < count; i++)
        weir_summary_flow(summary, &flow);
}

Test(summary, lists_flows_by_states_protocol_and_end_largest_first)
{
    struct weir_summary summary = {.packets = 1000, .bytes = 64000, .elapsed_us = 500000};
    const char *text;

    add_flows(&summary, 2, 6, WEIR_TCP_FIN_WAIT_2, WEIR_TCP_CLOSE_WAIT, WEIR_END_ACTIVE);
    add_flows(&summary, 12, 6, WEIR_TCP_ESTABLISHED, WEIR_TCP_ESTABLISHED, WEIR_END_TIMEOUT);
    add_flows(&summary, 3, 17, WEIR_STATE_NONE, WEIR_STATE_NONE, WEIR_END_ACTIVE);
    add_flows(&summary, 1, 253, WEIR_STATE_NONE, WEIR_STATE_NONE, WEIR_END_ACTIVE);
    text = print(&summary, false);
    cr_expect(strstr(text, "packets           1000  (64000 octets; 2000 packets/s over 0.500 s)\n"
                           "flows               18\n"),
              "%s", text);
    cr_expect(strstr(text, "(originator / responder)\n"
                           "            12  ESTABLISHED / ESTABLISHED\n"
                           "             2  FIN-WAIT-2 / CLOSE-WAIT\n\n"));
    cr_expect(strstr(text, "            14  tcp\n"
                           "             3  udp\n"
                           "             1  IP protocol 253\n"));
    cr_expect(strstr(text, "            12  timeout\n             6  active\n"));
}

Test(summary, says_nothing_of_what_did_not_happen)
{
    struct weir_summary summary = {.packets = 0};

    cr_expect_str_eq(print(&summary, false), "packets              0  (0 octets)\n"
                                             "flows                0\n");
}

Test(summary, reasons_come_with_their_text_and_by_what_they_do)
{
    struct weir_summary summary = {.packets = 9};
    const char *text;

    summary.verdicts[WEIR_VERDICT_FORWARD] = 5;
    summary.verdicts[WEIR_VERDICT_DROP] = 4;
    summary.reasons[WEIR_REASON_RST_OUTSIDE] = 4;
    summary.reasons[WEIR_REASON_RETRANSMISSION] = 3;
    summary.reasons[WEIR_REASON_NOT_IP] = 2;
    text = print(&summary, false);
    cr_expect(strstr(text, "forward              5\ndrop                 4\n"), "%s", text);
    cr_expect(strstr(text, "Packets refused, by reason\n"
                           "             4  rst-outside     a RST that the receiver cannot"));
    cr_expect(strstr(text, "as stale, by reason\n             3  retransmission  nothing beyond"));
    cr_expect(strstr(text, "untracked, by reason\n             2  not-ip"));
    cr_expect(strstr(print(&summary, true), "would be refused (shadow: forwarded), by reason\n"));
}

Test(summary, adding_keeps_every_count)
{
    struct weir_summary one = {.packets = 1, .elapsed_us = 10, .tcp_packets = 1, .sent = 4};
    struct weir_summary two = {.packets = 2, .elapsed_us = 7, .tcp_packets = 1, .sent_bytes = 5};

    add_flows(&one, 1, 6, WEIR_TCP_CLOSED, WEIR_TCP_CLOSED, WEIR_END_RST);
    add_flows(&two, 2, 6, WEIR_TCP_CLOSED, WEIR_TCP_CLOSED, WEIR_END_RST);
    two.reasons[WEIR_REASON_STATE] = 3;
    two.verdicts[WEIR_VERDICT_DROP] = 3;
    weir_summary_add(&one, &two);
    cr_expect_eq(one.packets, 3);
    cr_expect_eq(one.tcp_packets, 2);
    cr_expect_eq(one.elapsed_us, 10);
    cr_expect_eq(one.sent, 4);
    cr_expect_eq(one.sent_bytes, 5);
    cr_expect_eq(one.flows, 3);
    cr_expect_eq(one.protocols[6], 3);
    cr_expect_eq(one.ends[WEIR_END_RST], 3);
    cr_expect_eq(one.states[WEIR_TCP_CLOSED][WEIR_TCP_CLOSED], 3);
    cr_expect_eq(one.reasons[WEIR_REASON_STATE], 3);
    cr_expect_eq(one.verdicts[WEIR_VERDICT_DROP], 3);
}

Test(summary, advises_where_most_checksums_are_wrong)
{
    struct weir_summary summary = {.tcp_packets = 10};

    summary.reasons[WEIR_REASON_TCP_CHECKSUM] = 5;
    scratch_catch();
    weir_summary_advise(&summary);
    cr_expect_str_empty(scratch_caught());
    summary.reasons[WEIR_REASON_TCP_CHECKSUM] = 6;
    scratch_catch();
    weir_summary_advise(&summary);
    cr_expect(strstr(scratch_caught(), "(6 of 10) have a wrong checksum"));
}

Test(summary, advises_where_the_table_was_full)
{
    struct weir_summary summary = {.tcp_packets = 10};

    summary.reasons[WEIR_REASON_TABLE_FULL] = 1;
    scratch_catch();
    weir_summary_advise(&summary);
    cr_expect(strstr(scratch_caught(), "1 packets were refused; raise tracking.flows"));
    summary.reasons[WEIR_REASON_TABLE_FULL] = 0;
    summary.ends[WEIR_END_EVICTED] = 5;
    scratch_catch();
    weir_summary_advise(&summary);
    cr_expect(strstr(scratch_caught(), "full: 5 flows gave way to others"));
}

Test(progress, says_nothing_into_a_file_or_when_quiet, .init = scratch_make, .fini = scratch_remove)
{
    FILE *file = fopen(scratch_path("progress"), "w");
    struct weir_progress progress;

    weir_progress_start(&progress, file, false, 0);
    cr_expect_not(weir_progress_due(&progress, 5000000));
    weir_progress_tell(&progress, 5000000, &(struct weir_progress_counts){.packets = 1});
    weir_progress_end(&progress);
    fclose(file);
    cr_expect_str_empty(scratch_read(scratch_path("progress")));
}

/* A terminal of our own: what is written to its far end can be read here. */
static FILE *open_terminal(int *master)
{
    FILE *file;

    *master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*master < 0 || grantpt(*master) < 0 || unlockpt(*master) < 0)
        cr_skip_test("skipped: no pseudo terminals here");
    file = fopen(ptsname(*master), "w");
    cr_assert_not_null(file);
    return file;
}

Test(progress, tells_rates_once_a_second_on_a_terminal)
{
    struct weir_progress_counts counts = {
        .packets = 3000000, .bytes = 250000000, .flows = 12, .refused = 7};
    struct weir_progress progress;
    char text[512] = "";
    int master;
    FILE *file = open_terminal(&master);

    weir_progress_start(&progress, file, false, 1000000);
    cr_expect_not(weir_progress_due(&progress, 1999999));
    cr_expect(weir_progress_due(&progress, 2000000));
    weir_progress_tell(&progress, 3000000, &counts);
    cr_expect_not(weir_progress_due(&progress, 3000001));
    cr_assert_gt(read(master, text, sizeof(text) - 1), 0);
    cr_expect(strstr(text, "1.500 Mpps  1.000 Gb/s  3000000 packets  12 flows  7 refused"), "%s",
              text);
    weir_progress_end(&progress);
    fclose(file);
    close(master);
}

Test(progress, says_nothing_on_a_terminal_when_quiet)
{
    struct weir_progress progress;
    int master;
    FILE *file = open_terminal(&master);

    weir_progress_start(&progress, file, true, 0);
    cr_expect_not(weir_progress_due(&progress, 5000000));
    fclose(file);
    close(master);
}
