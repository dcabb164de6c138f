/* SPDX-License-Identifier: BSD-3-Clause */
/* The documented configuration file, from the table of keys. */
#ifndef WEIR_TEST_CONF_PRINT_H
#define WEIR_TEST_CONF_PRINT_H

#include <stdio.h>

void conf_print(FILE *out);

#endif
