/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A signalling server that says what a test wants, on a thread of its own and a
 * port of the system's choice. It answers `register` and remembers the rest. */
typedef struct _FakeServer FakeServer;

FakeServer *fake_server_new (void);
void fake_server_free (FakeServer *self);
guint fake_server_get_port (FakeServer *self);
/* Every upgrade from now on: an envelope with this reason; 0: welcome again. */
void fake_server_refuse (FakeServer *self, guint status, const char *reason);
/* To every connection. */
void fake_server_say (FakeServer *self, const char *text);
/* From now on each `signal` and `status` goes to all connections, as `alter` returns it
 * (transfer full; NULL: it does not). On the server's thread. */
typedef char *(*FakeServerFunc) (FakeServer *self, const char *text);
void fake_server_relay (FakeServer *self, FakeServerFunc alter);
/* Ends every connection with this code. */
void fake_server_hang_up (FakeServer *self, guint code);
/* How many came, ever, and how many messages of a type. */
guint fake_server_count_connections (FakeServer *self);
guint fake_server_count_messages (FakeServer *self, const char *type);
/* Until so many of a type have come */
void fake_server_wait_messages (FakeServer *self, const char *type, guint n);
/* Until so many fit a glob; the last of them. (transfer full) */
char *fake_server_wait_matches (FakeServer *self, const char *pattern, guint n);
guint fake_server_count_matches (FakeServer *self, const char *pattern);
/* The last message of a type, NULL before one. (transfer full) */
char *fake_server_dup_message (FakeServer *self, const char *type);
/* A port that takes connections and never says a word. */
int fake_server_open_mute (guint *port);
/* A port that nobody listens on. */
guint fake_server_find_closed_port (void);

G_END_DECLS
