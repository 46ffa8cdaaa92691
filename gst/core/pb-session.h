/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-error.h"

G_BEGIN_DECLS

/* Punch 1.0 names. WAITING: an end is missing. READY: sender and a receiver are
 * registered. CONNECTED: an end reports SRT up. RELAYING: up through a relay. */
typedef enum {
  PB_STATE_WAITING,
  PB_STATE_READY,
  PB_STATE_CONNECTED,
  PB_STATE_RELAYING,
  PB_STATE_CLOSED,
} PbState;

typedef enum {
  PB_EVENT_MATCHED,    /* both ends are registered */
  PB_EVENT_MEDIA_UP,   /* an end reports a connection, direct or plain */
  PB_EVENT_RELAYED,    /* an end reports a connection through a relay */
  PB_EVENT_MEDIA_LOST, /* the last connection of the slot ended */
  PB_EVENT_UNMATCHED,  /* an end left */
  PB_EVENT_CLOSE,      /* closed by the admin, or its time ran out */
} PbEvent;

typedef enum {
  PB_TALLY_OFF,
  PB_TALLY_PREVIEW,
  PB_TALLY_PROGRAM,
} PbTally;

typedef enum {
  PB_CIPHER_AES_256,
  PB_CIPHER_AES_128,
} PbCipher;

PB_API GType pb_state_get_type (void);
#define PB_TYPE_STATE (pb_state_get_type ())
PB_API GType pb_event_get_type (void);
#define PB_TYPE_EVENT (pb_event_get_type ())
PB_API GType pb_tally_get_type (void);
#define PB_TYPE_TALLY (pb_tally_get_type ())
PB_API GType pb_cipher_get_type (void);
#define PB_TYPE_CIPHER (pb_cipher_get_type ())

PB_API const char *pb_state_get_name (PbState state); /* "WAITING" */
PB_API gboolean pb_state_from_name (const char *name, PbState *out);
PB_API const char *pb_event_get_name (PbEvent event); /* "MATCHED" */
PB_API const char *pb_tally_get_name (PbTally tally); /* "program" */
PB_API gboolean pb_tally_from_name (const char *name, PbTally *out);
PB_API const char *pb_cipher_get_name (PbCipher cipher); /* "aes-256" */
PB_API gboolean pb_cipher_from_name (const char *name, PbCipher *out);
PB_API guint pb_cipher_get_key_length (PbCipher cipher); /* bytes: 32, 16 */

/* The edges, for the drawing in docs/sessions.gv and its test. FALSE past the
 * last one. */
PB_API gboolean pb_state_edge (guint index, PbState *from, PbEvent *event,
    PbState *to);

/**
 * PbSession:
 * The life of a session and of its slots: names, settings, states. The server
 * keeps connections and secrets beside it, never in it. Belongs to one main
 * context; takes the time from its caller.
 */
#define PB_TYPE_SESSION (pb_session_get_type ())
PB_API G_DECLARE_FINAL_TYPE (PbSession, pb_session, PB, SESSION, GObject)

/* `streams`: NULL-terminated, each a valid name, no two equal, at least one and
 * at most PB_STREAMS_DEFAULT_MAX; `latency_ms`, `ttl_s` within pb-limits.h;
 * `created`: Unix seconds. PB_ERROR_INVALID otherwise. */
PB_API PbSession *pb_session_new (const char *name, const char *const *streams,
    guint latency_ms, guint ttl_s, PbCipher cipher, gint64 created,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API const char *pb_session_get_name (PbSession *self);
/* Good until pb_session_add_stream(). */
PB_API const char *const *pb_session_get_streams (PbSession *self);
PB_API gboolean pb_session_has_stream (PbSession *self, const char *stream);
PB_API guint pb_session_get_latency (PbSession *self);
/* As given last; pb_session_get_expires() says when it ends. */
PB_API guint pb_session_get_ttl (PbSession *self);
PB_API PbCipher pb_session_get_cipher (PbSession *self);
PB_API gint64 pb_session_get_created (PbSession *self);
PB_API gint64 pb_session_get_expires (PbSession *self);
/* From `now` (Unix seconds) it has `ttl_s`: never fewer than it had
 * (PB_ERROR_STATE). PB_ERROR_INVALID: out of range. */
PB_API gboolean pb_session_extend (PbSession *self, gint64 now, guint ttl_s,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One more slot, WAITING. PB_ERROR_INVALID, PB_ERROR_STREAM_EXISTS,
 * PB_ERROR_FULL, PB_ERROR_STATE (closed). */
PB_API gboolean pb_session_add_stream (PbSession *self, const char *stream,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The furthest of its slots: CONNECTED, RELAYING, READY, WAITING; CLOSED once
 * all are. */
PB_API PbState pb_session_get_state (PbSession *self);
/* PB_ERROR_NOT_FOUND: no such slot. */
PB_API gboolean pb_session_get_stream_state (PbSession *self,
    const char *stream, PbState *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes one edge, or sets PB_ERROR_STATE / PB_ERROR_NOT_FOUND and changes
 * nothing. CLOSE goes to every slot with stream NULL. No other line assigns a
 * state. Emits PbSession::state-changed (stream, old, new). */
PB_API gboolean pb_session_feed (PbSession *self, const char *stream,
    PbEvent event, GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API PbTally pb_session_get_tally (PbSession *self, const char *stream);
PB_API gboolean pb_session_set_tally (PbSession *self, const char *stream,
    PbTally tally, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
