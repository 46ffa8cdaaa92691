/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "glue/pb-gst-session.h"

G_BEGIN_DECLS

/* What outlives the object until its thread has said goodbye. */
typedef struct
{
  gint ref_count; /* atomic */

  /* set before the thread starts */
  GMainContext *context;
  PbUri *uri;
  char *user_agent;
  char *token; /* (nullable), wiped */

  /* the session's thread only */
  PbClient *client;
  gboolean is_over;

  GMutex lock;
  GCond returned;       /* a callback has */
  GPtrArray *members;   /* lock: PbGstMember */
  PbGstMember *running; /* lock: whose callback runs, on which thread */
  GThread *runner;      /* lock */
  PbClientState state;  /* lock */
  guint attempt;        /* lock */
  guint retry_in_ms;    /* lock */
} PbGstEngine;

struct _PbGstMember
{
  gint ref_count; /* atomic */
  PbGstSessionCallbacks callbacks;
  gpointer user_data;
  PbRegistration *registration;
  gboolean has_left; /* the engine's lock */
};

/* The engine's thread: runs until told to stop, then says goodbye. */
gpointer pb_gst_engine_run (gpointer engine);
PbGstEngine *pb_gst_engine_ref (PbGstEngine *self);
void pb_gst_engine_unref (PbGstEngine *self);
PbGstMember *pb_gst_member_ref (PbGstMember *self);
void pb_gst_member_unref (PbGstMember *self);
/* Calls back unless the member has left; no lock is held meanwhile. */
void pb_gst_engine_tell_state (PbGstEngine *self, PbGstMember *member,
    PbClientState state);

G_END_DECLS
