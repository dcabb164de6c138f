/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole numbers in a configuration file. libconfig reads one that does not fit into 32 bits as
 * something else without a word (4294967360 becomes 64), so the file is searched for such first.
 */
#ifndef WEIR_APP_CONFIG_NUMBERS_H
#define WEIR_APP_CONFIG_NUMBERS_H

#include <stdio.h>

/*
 * Look through file, which is named path and includes others relative to folder; it is left where
 * it ends. Each number that libconfig would misread is told on errors. Returns how many there are.
 */
unsigned int weir_config_numbers(FILE *file, const char *path, const char *folder, FILE *errors);

#endif
