/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telling the service manager how far we are: the datagram protocol of sd_notify(3), which is one
 * line of text to the socket that NOTIFY_SOCKET names.
 */
#ifndef WEIR_APP_NOTIFY_H
#define WEIR_APP_NOTIFY_H

/* Tell it, such as "READY=1". Nobody to be told is no error; nor does failing matter. */
void weir_notify(const char *state);

/* Tell it of a reload that begins, with the time that Type=notify-reload wants to know. */
void weir_notify_reloading(void);

#endif
