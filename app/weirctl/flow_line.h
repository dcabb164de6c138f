/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flow record read from its line. Listings have millions of them, so the plain form that weir
 * writes (a flat object without white space or escapes) is read in place; anything else that is
 * JSON goes the long way.
 */
#ifndef WEIR_WEIRCTL_FLOW_LINE_H
#define WEIR_WEIRCTL_FLOW_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "weirctl/flow.h"

#define WEIRCTL_LINE_MAX 2048U /* octets of a line that is read in place */

struct weirctl_flow_line {
    struct weirctl_flow flow; /* its texts are in text or json */
    char text[WEIRCTL_LINE_MAX];
    json_t *json; /* NULL: it was plain */
};

/* Returns false if it is no flow record. To be freed in any case. */
bool weirctl_flow_line_read(struct weirctl_flow_line *read, const char *line, size_t len);
void weirctl_flow_line_free(struct weirctl_flow_line *read);

#endif
