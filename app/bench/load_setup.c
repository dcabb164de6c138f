/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/world.h"
const struct bench_load bench_load_setup = {0};
const struct bench_load bench_load_birth = {0};
