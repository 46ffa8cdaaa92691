/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "glue/pb-gst-session.h"
#include "glue/pb-gst-settings.h"
#include "signal/gstpbsignal.h"

G_BEGIN_DECLS

/* The element in two files: gstpbsignal.c has pads, properties and states,
 * gstpbsignalwatch.c what the server says and the bus is told. */

/* PbClient numbers its own requests from 1 */
#define FIRST_ID 0x40000000

/* What is known of a peer, to tell what has changed. */
typedef struct
{
  char *stream;
  const char *direction; /* static */
  char *client;
  char *srt;
  char *path;
  const char *transport; /* static; "": not known yet */
} GstPbSignalPeer;

struct _GstPbSignal
{
  GstElement parent;

  /* set in init */
  GstPad *sinkpad;
  GstPad *srcpad;

  GMutex lock;
  PbGstSettings settings; /* lock */
  char *user_agent;       /* lock */
  PbGstSession *session;  /* lock, owned from READY on */
  PbGstMember *member;    /* lock, from PAUSED on */

  PbClientState signalling; /* lock */
  PbState state;            /* lock */
  PbTally tally;            /* lock */
  PbMessage *last_session;  /* lock: `session` or `registered` */
  GHashTable *tallies;      /* lock: slot -> PbTally */
  GHashTable *peers;        /* lock: id -> Peer */
  PbFault warned;           /* lock: the cause of the last warning */
  gint64 next_id;           /* lock: of our own requests */
  guint64 n_messages;       /* lock */
  guint n_connects;         /* lock */
  guint n_attempts;         /* lock: failed in a row */
};

void gst_pb_signal_peer_free (gpointer peer);
/* PbGstSessionCallbacks, on the session's thread */
void gst_pb_signal_on_message (PbMessage *message, gpointer self);
void gst_pb_signal_on_state (PbClientState state, gpointer self);
void gst_pb_signal_on_fault (PbFault fault, const char *detail, gpointer self);

G_END_DECLS
