/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A raw client that lives in the server's own thread: it never blocks, and
 * runs the main context while it waits. A watchdog ends a test that hangs. */
typedef struct {
  int fd;
  GByteArray *received;
  gboolean is_ended; /* the server closed, or reset */
} Client;

typedef gboolean (*Condition) (gpointer data);

/* Runs the main context until @condition; aborts after 20 s. */
void wait_until (Condition condition, gpointer data);
/* What is ready now, and no more */
void run_ready (void);

Client *client_new (int fd);
Client *client_connect (guint16 port);
Client *client_connect_to (const char *address, guint16 port);
void client_free (Client *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, client_free)

/* All of it, running the main context while the server is slow; FALSE where
 * the server has gone. */
gboolean client_send (Client *self, const void *data, gsize size);
gboolean client_send_text (Client *self, const char *text);
/* Takes what is there. */
void client_poll (Client *self);
void client_wait_bytes (Client *self, gsize size);
void client_wait_end (Client *self);
/* One HTTP response: status, its head and body (transfer none) */
guint client_wait_response (Client *self, const char **body);
gboolean client_has_header (Client *self, const char *line);

/* A masked frame. @first: FIN, RSV and opcode; appended to @out. */
void frame_append (GByteArray *out, guint8 first, const void *data,
    gsize size);
gboolean client_send_frame (Client *self, guint8 first, const void *data,
    gsize size);
/* The next frame from the server: its first byte; the payload in @data. */
guint8 client_wait_frame (Client *self, GByteArray *data);
/* Skips other frames; returns the code, 1005 for none, 1006 without frame. */
guint client_wait_close (Client *self);

G_END_DECLS
