/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the element (gstpbsrtbin.c) and its properties (gstpbsrtbin-props.c)
 * share. */

#include "glue/pb-gst-session.h"
#include "glue/pb-gst-settings.h"
#include "glue/pb-gst-thumbnail.h"
#include "gstpbsrtbin.h"
#include "pb-srt-end.h"

G_BEGIN_DECLS

enum {
  PROP_0,
  PROP_URI,
  PROP_TOKEN,
  PROP_TOKEN_FILE,
  PROP_STREAM,
  PROP_MODE,
  PROP_LATENCY,
  PROP_PASSPHRASE,
  PROP_LOCAL_ADDRESS,
  PROP_LOCAL_PORT,
  PROP_PEER_ADDRESS,
  PROP_WAIT_FOR_CONNECTION,
  PROP_INSECURE,
  PROP_HEALTH_INTERVAL,
  PROP_THUMBNAILS,
  PROP_STATS,
  PROP_TALLY,
  PROP_STATE,
  GST_PB_SRT_BIN_N_PROPS
};

struct _GstPbSrtBin
{
  GstBin parent;

  /* set in init */
  PbGstThumbnail *thumbnail; /* owned */

  GMutex lock;
  /* lock: the settings */
  PbGstSettings settings;
  char *stream, *local_address, *peer_address;
  char *passphrase; /* wiped */
  PbSrtEndMode mode;
  guint latency_ms, local_port, health_interval_ms;
  gboolean wait_for_connection, thumbnails;
  PbRegistration *shared; /* (nullable) */

  /* lock: what is inside */
  GstElement *sink, *mux, *src; /* unowned: the bin's */
  guint n_videos, n_audios;     /* ever made, for their names */
  const char *missing;          /* an element that is not installed */

  /* lock: from NULL to READY and back */
  PbGstSession *session;
  /* lock: from READY to PAUSED and back */
  PbSrtEnd *end;
  PbSrtStats last; /* of the end before this one */
};

extern GParamSpec *gst_pb_srt_bin_props[];

/* (transfer full) (nullable): from READY to PAUSED and back; locks inside */
PbSrtEnd *gst_pb_srt_bin_ref_end (GstPbSrtBin *self);

/* In class_init, with the functions that set and get them */
void gst_pb_srt_bin_install_properties (GObjectClass *klass);

G_END_DECLS
