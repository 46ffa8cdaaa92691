/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-session.h"
#include "core/pb-strings.h"
#include "glue/pb-gst-session.h"
#include "pb-srt-io.h"

G_BEGIN_DECLS

typedef enum {
  PB_SRT_END_AUTO, /* ICE; a receiver listens for plain callers as well */
  PB_SRT_END_ICE,
  PB_SRT_END_LISTENER,
  PB_SRT_END_CALLER,
  PB_SRT_END_RENDEZVOUS,
} PbSrtEndMode;

/**
 * PbSrtEnd:
 * One end of one slot: its registration, the SRT engine, and everybody whom it
 * meets there. Lives on the session's context; the functions may be called
 * from any thread and do not wait for the network. After pb_srt_end_stop() no
 * callback comes.
 */
typedef struct _PbSrtEnd PbSrtEnd;

/* Everything is copied. */
typedef struct
{
  const PbUri *uri;
  const char *stream;
  PbDirection direction; /* SEND or RECEIVE */
  PbSrtEndMode mode;
  guint latency_ms;          /* 0: the session's */
  const char *passphrase;    /* (nullable): the slot's */
  const char *local_address; /* (nullable): numeric */
  guint local_port;          /* 0: the slot's */
  const char *peer_host;     /* (nullable): caller and rendezvous */
  guint peer_port;
  gboolean wait_for_connection;
  /* (nullable): shared with an end of another transport, which tells what is
   * about the registration: session, tally, absence, the server's faults */
  const PbRegistration *registration;
  gboolean gives_thumbnails; /* a receiver; unless the registration is shared */
  guint health_interval_ms;
} PbSrtEndConfig;

typedef struct
{
  /* I/O thread; (transfer full) */
  void (*received) (GstBufferList *list, gpointer user_data);
  /* "state", "tally" or "latency" has another value */
  void (*changed) (const char *what, gpointer user_data);
  /* The session asks for a still picture from `us`. */
  void (*wants_thumbnail) (const char *us, gpointer user_data);
} PbSrtEndCallbacks;

/* `element` posts the messages and outlives the end. */
PbSrtEnd *pb_srt_end_new (GstElement *element, PbGstSession *session,
    const PbSrtEndConfig *config, const PbSrtEndCallbacks *callbacks,
    gpointer user_data);
gboolean pb_srt_end_start (PbSrtEnd *self,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Says goodbye to everybody, in the background: the stream has ended. */
void pb_srt_end_finish (PbSrtEnd *self);
void pb_srt_end_stop (PbSrtEnd *self);
PbSrtEnd *pb_srt_end_ref (PbSrtEnd *self);
void pb_srt_end_unref (PbSrtEnd *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSrtEnd, pb_srt_end_unref)

PbSrtIo *pb_srt_end_peek_io (PbSrtEnd *self);
PbState pb_srt_end_get_state (PbSrtEnd *self);
PbTally pb_srt_end_get_tally (PbSrtEnd *self);
/* Negotiated, or what will be asked for. */
guint pb_srt_end_get_latency (PbSrtEnd *self);

G_END_DECLS
