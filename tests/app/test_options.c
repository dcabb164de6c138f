/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: what it sets, and what is refused in which words. */
#include <bsd/string.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "weir/options.h"

TestSuite(options, .init = scratch_make, .fini = scratch_remove);

static struct weir_settings settings;
static struct weir_options options;

/* Parse a line of words; those that getopt moves about must live on. */
static int parse(const char *line)
{
    static char text[1024];
    static char *argv[32];
    int argc = 0;
    char *rest = text;

    cr_assert_lt(strlen(line), sizeof(text));
    strlcpy(text, line, sizeof(text));
    while ((argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    return weir_options_parse(argc, argv, &settings, &options);
}

static void expect_refused(const char *line, const char *message)
{
    const char *told;
    int result;

    scratch_catch();
    result = parse(line);
    told = scratch_caught();
    cr_expect_eq(result, -EINVAL, "%s", line);
    cr_expect(strstr(told, message), "%s: %s", line, told);
    cr_expect(strstr(told, "Try 'weir --help'.\n"), "%s: %s", line, told);
}

Test(options, eal_options_stand_before_the_dashes)
{
    cr_assert_eq(parse("weir -l 0,1 --no-huge -- --flows - --workers 3 --exit-at-end"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_RUN);
    cr_expect_eq(options.eal_argc, 4);
    cr_expect_str_eq(settings.flow_file, "-");
    cr_expect_eq(settings.workers, 3);
    cr_expect(settings.exit_at_end);
    cr_expect_not(settings.quiet);
}

Test(options, either_part_may_be_empty)
{
    cr_assert_eq(parse("weir -- --quiet"), 0);
    cr_expect_eq(options.eal_argc, 1);
    cr_expect(settings.quiet);
    cr_assert_eq(parse("weir --no-huge"), 0);
    cr_expect_eq(options.eal_argc, 2);
    cr_assert_eq(parse("weir --no-huge --"), 0);
    cr_expect_eq(options.eal_argc, 2);
}

Test(options, replay_takes_a_capture_anywhere_among_its_options)
{
    cr_assert_eq(parse("weir replay --flows f --shadow in.pcap --trace=t --out out.pcap"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_REPLAY);
    cr_expect_str_eq(options.in_file, "in.pcap");
    cr_expect_str_eq(options.out_file, "out.pcap");
    cr_expect_str_eq(settings.flow_file, "f");
    cr_expect_str_eq(settings.trace_file, "t");
    cr_expect_eq(settings.mode, WEIR_MODE_SHADOW);
}

Test(options, words_and_numbers_set_what_they_name)
{
    cr_assert_eq(parse("weir replay x --checksum ignore --midstream one-way --profile rfc "
                       "--workers 64"),
                 0);
    cr_expect_eq(settings.checksum, WEIR_CHECKSUM_IGNORE);
    cr_expect_eq(settings.midstream, WEIR_MIDSTREAM_ONE_WAY);
    cr_expect_eq(settings.profile, WEIR_PROFILE_RFC);
    cr_expect_eq(settings.workers, 64);
}

Test(options, win_over_the_configuration_file_wherever_they_stand)
{
    static const char text[] = "ports = ( { a = \"x\"; mode = \"enforce\"; } );"
                               "workers: { count = 2; burst = 32; };"
                               "tracking: { checksum = \"ignore\"; };"
                               "output: { flows = \"from-file\"; };";
    char line[600];

    snprintf(line, sizeof(line), "weir replay x --workers 3 --flows mine --config %s --shadow",
             scratch_file("weir.conf", text, sizeof(text) - 1));
    cr_assert_eq(parse(line), 0);
    cr_expect_eq(settings.workers, 3);
    cr_expect_eq(settings.burst, 32);
    cr_expect_eq(settings.checksum, WEIR_CHECKSUM_IGNORE);
    cr_expect_str_eq(settings.flow_file, "mine");
    cr_expect_eq(settings.pair[0].mode, WEIR_MODE_SHADOW);
}

Test(options, help_and_version_win_over_all_that_is_missing)
{
    cr_assert_eq(parse("weir --help"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_HELP);
    cr_assert_eq(parse("weir -h"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_HELP);
    cr_assert_eq(parse("weir --version"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_VERSION);
    cr_assert_eq(parse("weir replay --help"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_HELP);
    cr_assert_eq(parse("weir -- --version"), 0);
    cr_expect_eq(options.command, WEIR_COMMAND_VERSION);
}

Test(options, wrong_usage_names_option_value_and_what_was_expected)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        {"weir", "expected EAL options, replay or check"},
        {"weir in.pcap", "in.pcap: unknown command: expected replay or check"},
        {"weir --flows f", "--flows: expected after \"--\": weir [EAL options] -- [options]"},
        {"weir --checksum=ignore", "--checksum=ignore: expected after \"--\""},
        {"weir replay", "replay: expected a capture: weir replay IN.pcap"},
        {"weir replay a b", "b: surplus argument"},
        {"weir -- a", "a: surplus argument"},
        {"weir --help a", "a: surplus argument"},
        {"weir check", "check: expected --config FILE"},
        {"weir check a --config f", "a: surplus argument"},
        {"weir check --config f --quiet", "--quiet: not an option of this form of weir"},
        {"weir -- --out x", "--out: not an option of this form of weir"},
        {"weir replay x --config", "--config: its value is missing: expected FILE"},
        {"weir replay x --workers", "--workers: its value is missing: expected N"},
        {"weir replay x --flows=", "--flows: its value is empty: expected FILE|-"},
        {"weir replay x --bogus", "--bogus: unknown option"},
        {"weir replay x -x", "-x: unknown option"},
        {"weir replay x --quiet=1", "--quiet=1: takes no value"},
        {"weir replay x --workers 0", "--workers 0: expected a number, 1 to 64"},
        {"weir replay x --workers 65", "--workers 65: expected a number, 1 to 64"},
        {"weir replay x --workers -1", "--workers -1: expected a number, 1 to 64"},
        {"weir replay x --workers 2x", "--workers 2x: expected a number, 1 to 64"},
        {"weir replay x --workers 99999999999999999999", "expected a number, 1 to 64"},
        {"weir replay x --checksum no", "--checksum no: expected \"verify\" or \"ignore\""},
        {"weir replay x --midstream lose",
         "--midstream lose: expected \"loose\", \"strict\" or \"one-way\""},
        {"weir replay x --profile fast", "--profile fast: expected \"default\" or \"rfc\""},
        {"weir replay x --flows - --trace -", "both go to standard output: expected two files"},
        {"weir replay x --flows f --trace f", "both go to f: expected two files"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refused(rows[i].line, rows[i].message);
}

Test(options, a_path_beyond_the_limit_is_refused)
{
    char line[WEIR_PATH_MAX + 64] = "weir replay x --flows ";
    char *argv[6] = {NULL};
    char *rest = line;

    memset(line + strlen(line), 'a', WEIR_PATH_MAX);
    for (int i = 0; i < 5; i++)
        argv[i] = strsep(&rest, " ");
    scratch_catch();
    cr_expect_eq(weir_options_parse(5, argv, &settings, &options), -EINVAL);
    cr_expect(strstr(scratch_caught(), "--flows: expected a file name of under 4096 octets"));
}

Test(options, mistakes_of_the_file_are_counted_at_the_end)
{
    char line[600];

    snprintf(line, sizeof(line), "weir check --config %s",
             scratch_file("weir.conf", "a = 1;\nb = 2;\n", 14));
    scratch_catch();
    cr_expect_eq(parse(line), -EINVAL);
    cr_expect(strstr(scratch_caught(), "weir.conf: 2 errors\n"));
}

Test(options, help_fits_a_line_of_100_columns)
{
    FILE *file = fopen(scratch_path("help"), "w");
    const char *text;

    weir_options_help(file);
    fclose(file);
    text = scratch_read(scratch_path("help"));
    cr_assert(strstr(text, "--exit-at-end"));
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        cr_expect_leq(end - text, 100, "%.*s", (int)(end - text), text);
}
