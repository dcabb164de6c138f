/* SPDX-License-Identifier: BSD-3-Clause */
/* weirctl: the operator's command. It knows weir by its socket only; docs/http-api.md is what they
 * share. */
#include <locale.h>

#include "weirctl/commands.h"
#include "weirctl/output.h"
#include "weirctl/signals.h"

const struct weirctl_command weirctl_commands[] = {
    {"list", "dump", 'L', NULL, true, weirctl_list, "flows, all or those that the options choose"},
    {"get", NULL, 'G', "[ID]", true, weirctl_get, "all about one flow, by its id or the options"},
    {"delete", NULL, 'D', "[ID]", false, weirctl_delete,
     "end one flow, or those that the options choose"},
    {"flush", NULL, 'F', NULL, false, weirctl_flush, "end all flows"},
    {"count", NULL, 'C', NULL, false, weirctl_count, "number of flows, all or those chosen"},
    {"stats", NULL, 'S', NULL, true, weirctl_stats, "counters"},
    {"events", "event", 'E', NULL, true, weirctl_events, "what happens to flows, as it happens"},
    {"trace", NULL, 't', NULL, false, weirctl_trace,
     "each packet that passes, and what became of it"},
    {"top", NULL, 'w', NULL, false, weirctl_top,
     "live screen: rates, states, talkers, refusals, load"},
    {"reload", NULL, 'l', NULL, false, weirctl_reload, "have configuration and policy read again"},
    {"health", NULL, 'h', NULL, false, weirctl_health, "is all well?"},
    {0},
};

int main(int argc, char **argv)
{
    struct weirctl_options options;
    enum weirctl_exit status;

    setlocale(LC_CTYPE, "");
    weirctl_signals_catch();
    if (weirctl_options_parse(argc, argv, &options, &status))
        status = options.command->run(&options);
    return (int)weirctl_output_end(status);
}
