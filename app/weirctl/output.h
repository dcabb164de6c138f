/* SPDX-License-Identifier: BSD-3-Clause */
/* Standard output: is its reader still there? */
#ifndef WEIR_WEIRCTL_OUTPUT_H
#define WEIR_WEIRCTL_OUTPUT_H

#include <stdbool.h>

#include "weirctl/options.h"

/* Hand over what is printed so far; false if there is no use in going on. */
bool weirctl_output_flush(void);

/* The last flush. A reader that has gone is no failure, a full disk is one and is told. */
enum weirctl_exit weirctl_output_end(enum weirctl_exit status);

#endif
