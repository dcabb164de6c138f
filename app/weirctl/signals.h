/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals: interruption ends what is under way in good order, whatever waits wakes up for it. */
#ifndef WEIR_WEIRCTL_SIGNALS_H
#define WEIR_WEIRCTL_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t weirctl_interrupted; /* SIGINT, SIGTERM, SIGHUP */
extern volatile sig_atomic_t weirctl_resized;     /* SIGWINCH; its reader clears it */

void weirctl_signals_catch(void);

#endif
