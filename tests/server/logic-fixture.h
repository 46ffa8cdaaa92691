/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "pb-server.h"

G_BEGIN_DECLS

/* The whole server in process, on a port of its own, with real clients in the
 * same main context. A watchdog ends a test that hangs. */
typedef struct {
  PbServer *server;
  PbServerContext *context; /* limits and clock */
  SoupSession *http;
  char *directory;          /* for its files; removed */
  char *log;                /* name of the audit log */
} Fixture;

/* One WebSocket of a client. */
typedef struct {
  SoupWebsocketConnection *ws; /* NULL where it was refused */
  guint status;                /* HTTP, where it was refused */
  GQueue *messages;            /* of JsonObject, as they came */
  GPtrArray *texts;            /* every text that came */
  guint code;                  /* once closed; 1006: without a word */
  gboolean is_closed;
} Ws;

typedef gboolean (*Condition) (gpointer data);

void fixture_set_up (Fixture *f, gconstpointer unused);
void fixture_tear_down (Fixture *f, gconstpointer unused);

/* Runs the main context until it holds; aborts after 20 s. */
void wait_until (Condition condition, gpointer data);
/* Everything that is due, and what that makes due. */
void settle (Fixture *f);

/* (transfer full) (nullable): the JSON of the answer. `body`: text or NULL. */
JsonObject *http (Fixture *f, const char *method, const char *path,
    const char *token, const char *body, guint *status);
/* The same, with what libsoup gives. */
GBytes *http_raw (Fixture *f, SoupMessage *msg);
SoupMessage *new_message (Fixture *f, const char *method, const char *path,
    const char *token, const char *body);
/* It is refused with exactly this, in a whole envelope. */
void assert_refused (Fixture *f, const char *method, const char *path,
    const char *token, const char *body, guint status, const char *reason);

/* (transfer full): the admin's token of a new session "demo" with cam-wide and
 * cam-close, or as `body` says */
char *create_session (Fixture *f, const char *body);
char *mint (Fixture *f, const char *session, const char *admin,
    const char *stream, const char *direction, int ttl);

/* (transfer full): as an admin elsewhere might have had it signed */
char *forge (Fixture *f, const char *session, PbRole role, const char *stream,
    gint64 expires);

/* By both clocks of the server. */
void pass_time (Fixture *f, gint64 seconds);
/* What happens by itself each second. */
void sweep (Fixture *f);
guint count_sessions (Fixture *f);

Ws *ws_open (Fixture *f, const char *session, const char *token);
void ws_free (Ws *ws);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ws, ws_free)
void ws_send (Ws *ws, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* (transfer full): the next of this type; others before it are dropped */
JsonObject *ws_expect (Ws *ws, const char *type);
void ws_expect_error (Ws *ws, const char *reason);
/* Nothing of this type has come, and nothing comes after a round trip. */
void ws_expect_none (Fixture *f, Ws *ws, const char *type);
guint ws_expect_closed (Ws *ws);
void ws_close (Ws *ws, guint code);
/* Cuts the line without a word. */
void ws_cut (Ws *ws);

/* Registers and drops the answer. */
void ws_register (Ws *ws, const char *peer, const char *stream,
    const char *direction);

/* (transfer full): the audit log so far */
char *read_log (Fixture *f);
const char *text_of (JsonObject *object, const char *member);
/* The slot's object in a description of the session. */
JsonObject *slot_of (JsonObject *session, const char *stream);

G_END_DECLS
