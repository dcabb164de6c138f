/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records: a flow or a packet's fate as one line of JSON. The fields and their order are a contract
 * with other programs, see weir(8); every text in them is one of ours, so none needs escaping.
 */
#ifndef WEIR_APP_RECORD_H
#define WEIR_APP_RECORD_H

#include <stddef.h>

#include "core/view.h"

struct weir_event;
struct weir_output;

#define WEIR_RECORD_MAX 1024U /* octets a record can take, newline included */

/* Write one record to line, which holds WEIR_RECORD_MAX; returns its length, newline included. */
size_t weir_record_flow_format(char *line, const struct weir_flow_view *flow);
size_t weir_record_trace_format(char *line, const struct weir_trace_view *trace);
size_t weir_record_event_format(char *line, const struct weir_event *event);

/* Format and append to an output; an error sticks to the output, see output.h. */
void weir_record_flow(struct weir_output *output, const struct weir_flow_view *flow);
void weir_record_trace(struct weir_output *output, const struct weir_trace_view *trace);

/* "tcp", "udp", "icmp", "icmp6", "sctp", "gre"; NULL for others, which are shown by number. */
const char *weir_proto_name(unsigned int proto);

/* The number of a protocol by these names; -1 for others. */
int weir_proto_number(const char *name);

/* Of an enum weir_event_kind: "new", "state", "end", "refused"; "?" beyond the list. */
const char *weir_event_kind_name(unsigned int kind);

#endif
