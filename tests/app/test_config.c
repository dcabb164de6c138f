/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file: what is read, and what each mistake is told as. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "conf_print.h"
#include "scratch.h"
#include "weir/config.h"
#include "weir/config_keys.h"

#ifndef WEIR_CONFIG_FOLDER
#define WEIR_CONFIG_FOLDER "config"
#endif

TestSuite(config, .init = scratch_make, .fini = scratch_remove);

static struct weir_settings settings;

/* Read a file that holds text; what was complained about goes to *told. */
static unsigned int read_text(const char *text, const char **told)
{
    const char *path = scratch_file("weir.conf", text, strlen(text));
    FILE *errors = fopen(scratch_path("errors"), "w");
    unsigned int count;

    cr_assert_not_null(errors);
    weir_config_defaults(&settings);
    count = weir_config_read(path, &settings, errors);
    fclose(errors);
    *told = scratch_read(scratch_path("errors"));
    return count;
}

static void expect_good(const char *text)
{
    const char *told;

    cr_assert_eq(read_text(text, &told), 0, "%s", told);
    cr_assert_str_empty(told);
}

/* Exactly one complaint: "LINE: rest". */
static void expect_bad(const char *text, const char *rest)
{
    const char *told;
    char wanted[512];

    cr_expect_eq(read_text(text, &told), 1, "%s", told);
    snprintf(wanted, sizeof(wanted), "%s:%s\n", scratch_path("weir.conf"), rest);
    cr_expect_str_eq(told, wanted);
}

Test(config, defaults_are_complete)
{
    weir_config_defaults(&settings);
    weir_config_finish(&settings, 0);
    cr_expect_eq(settings.workers, 1);
    cr_expect_eq(settings.burst, 64);
    cr_expect_eq(settings.rx_descriptors, 1024);
    cr_expect_eq(settings.tx_descriptors, 1024);
    cr_expect_eq(settings.mbufs, 32768);
    cr_expect_eq(settings.flows, WEIR_FLOWS_DEFAULT);
    cr_expect_eq(settings.flows6, WEIR_FLOWS6_DEFAULT);
    cr_expect_eq(settings.mode, WEIR_MODE_ENFORCE);
    cr_expect_eq(settings.checksum, WEIR_CHECKSUM_VERIFY);
    cr_expect_eq(settings.midstream, WEIR_MIDSTREAM_LOOSE);
    cr_expect(settings.vlan_in_key);
    cr_expect_eq(settings.timeouts.sec[WEIR_TIMEOUT_TCP_TIME_WAIT], 30);
    cr_expect_eq(settings.pair_count, 0);
}

Test(config, an_empty_file_changes_nothing)
{
    struct weir_settings defaults;

    weir_config_defaults(&defaults);
    expect_good("# nothing\n");
    cr_expect_arr_eq(&settings, &defaults, sizeof(settings));
}

Test(config, every_group_is_read)
{
    expect_good("ports = ( { a = \"net_tap0\"; b = \"net_tap1\"; mode = \"shadow\";\n"
                "            mac_b = \"02:0A:00:00:00:fe\"; },\n"
                "          { a = \"net_tap2\"; } );\n"
                "workers: { count = 4; burst = 32; rx_descriptors = 2048; mbufs = \"64k\"; };\n"
                "tracking: { flows = \"2M\"; flows6 = 64; checksum = \"ignore\";\n"
                "            midstream = \"one-way\"; mode = \"enforce\"; vlan_in_key = false; };\n"
                "timeouts: { profile = \"rfc\"; tcp_time_wait = 60; };\n"
                "output: { flows = \"/var/log/flows\"; trace = \"-\"; };\n");
    weir_config_finish(&settings, 0);
    cr_expect_eq(settings.pair_count, 2);
    cr_expect_str_eq(settings.pair[0].a, "net_tap0");
    cr_expect_str_eq(settings.pair[0].b, "net_tap1");
    cr_expect_eq(settings.pair[0].mode, WEIR_MODE_SHADOW);
    cr_expect_not(settings.pair[0].has_mac[0]);
    cr_expect(settings.pair[0].has_mac[1]);
    cr_expect_arr_eq(settings.pair[0].mac[1], "\x02\x0a\x00\x00\x00\xfe", 6);
    cr_expect_str_eq(settings.pair[1].a, "net_tap2");
    cr_expect_str_empty(settings.pair[1].b);
    cr_expect_eq(settings.pair[1].mode, WEIR_MODE_ENFORCE);
    cr_expect_eq(settings.workers, 4);
    cr_expect_eq(settings.burst, 32);
    cr_expect_eq(settings.rx_descriptors, 2048);
    cr_expect_eq(settings.mbufs, 65536);
    cr_expect_eq(settings.flows, 2097152);
    cr_expect_eq(settings.flows6, 64);
    cr_expect_eq(settings.checksum, WEIR_CHECKSUM_IGNORE);
    cr_expect_eq(settings.midstream, WEIR_MIDSTREAM_ONE_WAY);
    cr_expect_not(settings.vlan_in_key);
    cr_expect_eq(settings.timeouts.sec[WEIR_TIMEOUT_TCP_TIME_WAIT], 60);
    cr_expect_eq(settings.timeouts.sec[WEIR_TIMEOUT_TCP_ESTABLISHED], 7440);
    cr_expect_str_eq(settings.flow_file, "/var/log/flows");
    cr_expect_str_eq(settings.trace_file, "-");
}

Test(config, pairs_take_the_mode_of_tracking_wherever_it_stands)
{
    expect_good("ports = ( { a = \"x\"; } ); tracking: { mode = \"shadow\"; };");
    cr_expect_eq(settings.pair[0].mode, WEIR_MODE_SHADOW);
}

Test(config, a_mistake_is_told_with_line_key_value_and_what_was_expected)
{
    static const struct {
        const char *text, *rest;
    } rows[] = {
        {"workers: {\n  count = 0;\n};", "2: workers.count = 0: expected 1 to 64 workers"},
        {"workers: { count = 65; };", "1: workers.count = 65: expected 1 to 64 workers"},
        {"workers: { count = -1; };", "1: workers.count = -1: expected 1 to 64 workers"},
        {"workers: { count = 1.5; };", "1: workers.count = 1.5: expected 1 to 64 workers"},
        {"workers: { count = \"many\"; };",
         "1: workers.count = \"many\": expected 1 to 64 workers"},
        {"workers: { count = \"-1\"; };", "1: workers.count = \"-1\": expected 1 to 64 workers"},
        {"workers: { count = true; };", "1: workers.count = true: expected 1 to 64 workers"},
        {"workers: { count = [1, 2]; };", "1: workers.count = [ ... ]: expected 1 to 64 workers"},
        {"workers: { burst = 257; };", "1: workers.burst = 257: expected 1 to 256 packets"},
        {"tracking: { flows = 63; };", "1: tracking.flows = 63: expected 64 to 268435456 flows"},
        {"tracking: { flows = 99999999999; };",
         "1: flows = 99999999999: expected a whole number below 2147483648"},
        {"tracking: { # 99999999999\n /* 99999999999 */ flows = 4294967360; };",
         "2: flows = 4294967360: expected a whole number below 2147483648"},
        {"tracking: { flows = 0x100000040; };",
         "1: flows = 0x100000040: expected a whole number below 2147483648"},
        {"tracking: { flows = 4294967360L; };",
         "1: tracking.flows = 4294967360: expected 64 to 268435456 flows"},
        {"tracking: { flows = 18446744073709551680L; };",
         "1: flows = 18446744073709551680L: expected a whole number below 2147483648"},
        {"tracking: { flows = -4294967232; };",
         "1: flows = -4294967232: expected a whole number below 2147483648"},
        {"tracking: { flows = \"99999999999999999999G\"; };",
         "1: tracking.flows = \"99999999999999999999G\": expected 64 to 268435456 flows"},
        {"tracking: { checksum = \"Verify\"; };",
         "1: tracking.checksum = \"Verify\": expected \"verify\" or \"ignore\""},
        {"tracking: { midstream = 1; };",
         "1: tracking.midstream = 1: expected \"loose\", \"strict\" or \"one-way\""},
        {"tracking: { vlan_in_key = 1; };", "1: tracking.vlan_in_key = 1: expected true or false"},
        {"tracking: { flow = 64; };",
         "1: tracking.flow = 64: expected a key of tracking; this one is unknown"},
        {"timeouts: { tcp_time_wait = 864001; };",
         "1: timeouts.tcp_time_wait = 864001: expected 1 to 864000 seconds"},
        {"timeouts: { profile = \"fast\"; };",
         "1: timeouts.profile = \"fast\": expected \"default\" or \"rfc\""},
        {"output: { flows = 1; };",
         "1: output.flows = 1: expected a file name in quotes, under 4096 octets"},
        {"worker: { count = 1; };",
         "1: worker = { ... }: expected ports, workers, tracking, "
         "timeouts, policy, output, capture or control; this key is unknown"},
        {"workers = 4;", "1: workers = 4: expected a group { ... }"},
        {"ports = \"net_tap0\";", "1: ports = \"net_tap0\": expected a list of at most 16 groups: "
                                  "( { a = \"NAME\"; b = \"NAME\"; } )"},
        {"ports = ( \"a\" );",
         "1: ports.[0] = \"a\": expected a group: { a = \"NAME\"; b = \"NAME\"; }"},
        {"ports = ( { b = \"x\"; } );",
         "1: ports.[0] = { ... }: expected a = \"NAME\", the name of a DPDK port"},
        {"ports = ( { a = \"x\"; b = \"x\"; } );",
         "1: ports.[0] = { ... }: expected two different ports, but both are \"x\""},
        {"ports = ( { a = \"x\"; },\n { a = \"y\"; b = \"x\"; } );",
         "2: ports.[1] = { ... }: expected each port once, but \"x\" is in pair 0 too"},
        {"ports = ( { a = \"x\"; mode = \"off\"; } );",
         "1: ports.[0].mode = \"off\": expected \"enforce\" or \"shadow\""},
        {"ports = ( { a = \"x\"; c = \"y\"; } );",
         "1: ports.[0].c = \"y\": expected a, b, mode, mtu, mac_a or mac_b; this key is unknown"},
        {"ports = ( { a = \"x\"; b = \"y\"; mac_b = \"01:00:5e:00:00:01\"; } );",
         "1: ports.[0].mac_b = \"01:00:5e:00:00:01\": expected an Ethernet address of one host: "
         "\"02:00:00:00:00:01\""},
        {"ports = ( { a = \"x\"; b = \"y\"; mac_a = \"2:0:0:0:0:1\"; } );",
         "1: ports.[0].mac_a = \"2:0:0:0:0:1\": expected an Ethernet address of one host: "
         "\"02:00:00:00:00:01\""},
        {"workers: {\n count = 1\n burst = = 2;\n};", "3: syntax error"},
        {"workers: { count = 1; count = 2; };", "1: duplicate setting name"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_bad(rows[i].text, rows[i].rest);
}

Test(config, all_mistakes_are_told_at_once)
{
    const char *told;

    cr_expect_eq(read_text("workers: { count = 0; bursts = 1; };\n"
                           "trackin: { };\n"
                           "tracking: { checksum = \"no\"; };\n",
                           &told),
                 4);
    cr_expect(strstr(told, ":1: workers.count"));
    cr_expect(strstr(told, ":1: workers.bursts"));
    cr_expect(strstr(told, ":2: trackin "));
    cr_expect(strstr(told, ":3: tracking.checksum"));
}

Test(config, a_mistake_in_an_included_file_names_that_file)
{
    const char *told;

    scratch_file("more.conf", "workers: { count = 0; };", 24);
    cr_expect_eq(read_text("@include \"more.conf\"\n", &told), 1);
    cr_expect(strstr(told, "more.conf:1: workers.count = 0"), "%s", told);
    scratch_file("more.conf", "workers: {\n count = 4294967297; };", 34);
    cr_expect_eq(read_text("@include \"more.conf\"\n", &told), 1);
    cr_expect(strstr(told, "more.conf:2: count = 4294967297"), "%s", told);
}

Test(config, a_file_that_cannot_be_read_is_told_with_the_reason)
{
    const char *path = scratch_path("none");
    FILE *errors = fopen(scratch_path("errors"), "w");

    weir_config_defaults(&settings);
    cr_expect_eq(weir_config_read(path, &settings, errors), 1);
    cr_expect_eq(weir_config_read("/tmp", &settings, errors), 1);
    fclose(errors);
    cr_expect(strstr(scratch_read(scratch_path("errors")), "none: cannot be read: No such file"));
    cr_expect(strstr(scratch_read(scratch_path("errors")), "/tmp: cannot be read: Is a directory"));
}

Test(config, tables_are_no_larger_than_a_capture_can_fill)
{
    weir_config_defaults(&settings);
    weir_config_finish(&settings, 1000);
    cr_expect_geq(settings.flows, 1000 + 1000 / 8);
    cr_expect_lt(settings.flows, 10000);
    weir_config_defaults(&settings);
    weir_config_finish(&settings, 1ULL << 40);
    cr_expect_eq(settings.flows, WEIR_FLOWS_DEFAULT);
    weir_config_defaults(&settings);
    settings.flows = 64;
    weir_config_finish(&settings, 1000);
    cr_expect_eq(settings.flows, 64);
}

Test(config, the_rfc_profile_ships_as_a_file)
{
    struct weir_timeouts rfc;

    weir_timeouts_profile(&rfc, WEIR_PROFILE_RFC);
    weir_config_defaults(&settings);
    cr_assert_eq(weir_config_read(WEIR_CONFIG_FOLDER "/weir-rfc.conf", &settings, stderr), 0);
    weir_config_finish(&settings, 0);
    cr_expect_arr_eq(settings.timeouts.sec, rfc.sec, sizeof(rfc.sec));
}

Test(config, the_shipped_file_sets_every_key_to_its_default)
{
    struct weir_settings defaults;

    weir_config_defaults(&defaults);
    weir_config_finish(&defaults, 0);
    weir_config_defaults(&settings);
    cr_assert_eq(weir_config_read(WEIR_CONFIG_FOLDER "/weir.conf", &settings, stderr), 0);
    weir_config_finish(&settings, 1000);
    cr_expect_arr_eq(&settings, &defaults, sizeof(settings));
}

/* WEIR_WRITE_CONF=1 in the environment writes it anew. */
Test(config, the_shipped_file_documents_every_key)
{
    const char *path = scratch_path("weir.conf");
    FILE *file;
    char *wanted;

    if (getenv("WEIR_WRITE_CONF") != NULL)
        path = WEIR_CONFIG_FOLDER "/weir.conf";
    file = fopen(path, "w");
    cr_assert_not_null(file);
    conf_print(file);
    fclose(file);
    wanted = strdup(scratch_read(path));
    cr_expect_str_eq(scratch_read(WEIR_CONFIG_FOLDER "/weir.conf"), wanted);
    free(wanted);
}
