/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the element (gstpbsrcsink.c), its properties (-props), the way in from
 * its sink pads (-in, -chain) and the way out to its src pads (-out) share. */

#include "glue/pb-gst-session.h"
#include "glue/pb-gst-settings.h"
#include "glue/pb-gst-thumbnail.h"
#include "gstpbsrcsink.h"
#include "pb-codec.h"
#include "pb-webrtc-end.h"

G_BEGIN_DECLS

typedef enum {
  GST_PB_SRC_SINK_AUTO,
  GST_PB_SRC_SINK_SEND,
  GST_PB_SRC_SINK_RECEIVE,
} GstPbSrcSinkDirection;

typedef enum {
  GST_PB_SRC_SINK_TRANSPORT_AUTO,
  GST_PB_SRC_SINK_TRANSPORT_WEBRTC,
  GST_PB_SRC_SINK_TRANSPORT_SRT,
} GstPbSrcSinkTransport;

typedef enum {
  GST_PB_SRC_SINK_POLICY_ALL,
  GST_PB_SRC_SINK_POLICY_RELAY,
} GstPbSrcSinkPolicy;

enum {
  PROP_0,
  PROP_URI,
  PROP_TOKEN,
  PROP_TOKEN_FILE,
  PROP_STREAM,
  PROP_DIRECTION,
  PROP_TRANSPORT,
  PROP_VIDEO_CODEC,
  PROP_MIN_BITRATE,
  PROP_MAX_BITRATE,
  PROP_LATENCY,
  PROP_ICE_TRANSPORT_POLICY,
  PROP_FEC,
  PROP_LOCAL_ADDRESS,
  PROP_INSECURE,
  PROP_HEALTH_INTERVAL,
  PROP_DECODE,
  PROP_THUMBNAILS,
  PROP_STATS,
  PROP_TALLY,
  PROP_STATE,
  PROP_CONSUMERS,
  GST_PB_SRC_SINK_N_PROPS
};

/* A picture that can be recognised; a picture that a control room likes. */
#define GST_PB_SRC_SINK_MIN_KBPS 150
#define GST_PB_SRC_SINK_MAX_KBPS 4000
/* Time for one retransmission over 100 ms of round trip, and for jitter */
#define GST_PB_SRC_SINK_LATENCY_MS 200

struct _GstPbSrcSink
{
  GstBin parent;

  /* set in init */
  PbGstThumbnail *thumbnail; /* owned */

  GMutex lock;
  /* lock: the settings */
  PbGstSettings settings;
  char *stream, *local_address;
  GstPbSrcSinkDirection direction;
  GstPbSrcSinkTransport transport;
  GstPbSrcSinkPolicy policy;
  PbCodec video_codec; /* PB_CODEC_NONE: chosen by what is there */
  guint min_kbps, max_kbps, latency_ms, health_interval_ms;
  gboolean has_fec, decodes, thumbnails;

  /* lock: the way in; gstpbsrcsink-in.c */
  GPtrArray *ins;
  guint kbps;           /* of all video */
  gint64 first_caps_us; /* monotonic; 0: none has caps */
  gboolean is_published, is_publishing, is_dirty;

  /* lock: the way out; gstpbsrcsink-out.c */
  GPtrArray *outs;
  gint64 first_pad_us;
  gboolean is_complete; /* no-more-pads was emitted */

  /* lock: from READY to PAUSED and back */
  gboolean is_receiver; /* of the slot */

  /* SRT; gstpbsrcsink-srt.c */
  GstElement *srt;      /* lock: (nullable) unowned: the bin's */
  GstElement *demux;    /* (nullable) unowned: the bin's; state changes */
  GPtrArray *bridges;   /* lock */
  guint n_bridges;      /* lock: ever made */
  int srt_is_up;        /* atomic: somebody receives over SRT */
  GMutex srt_lock;      /* its pads, one after the other; taken alone */
  guint out_latency_ms; /* lock: what comes over SRT may be later */

  /* lock: from NULL to READY and back */
  PbGstSession *session;
  /* lock: from READY to PAUSED and back */
  PbWebrtcEnd *end;
};

/* One sink pad and what follows it. */
typedef struct
{
  /* set in new */
  GstPbSrcSink *owner; /* unowned */
  gboolean is_video;
  GstPad *ghost;     /* unowned: the element's */
  GstElement *entry; /* unowned: the bin's */
  GstElement *sink;  /* unowned: the bin's */

  /* upstream's streaming thread, or nobody's once that has ended */
  GPtrArray *chain; /* unowned: what is between entry and sink */
  char *media_type; /* (nullable): that it was made for */
  PbCodec codec;    /* of what leaves it */
  gulong closed;    /* probe: it cannot be made; 0: it can */
  GstPad *srt;      /* (nullable) owned: pbsrtbin's */

  int track; /* atomic: its number at the end; -1: none */

  /* the owner's lock */
  GstElement *encoder; /* (nullable), owned */
  GstCaps *caps;       /* (nullable), owned: as they were published */
  gboolean is_eos;
  int next; /* what `track` will be, once the end has been told */
} GstPbSrcSinkIn;

extern GParamSpec *gst_pb_src_sink_props[];

/* (transfer full) (nullable): from READY to PAUSED and back; locks inside */
PbWebrtcEnd *gst_pb_src_sink_ref_end (GstPbSrcSink *self);

/* --- in --- */

/* (transfer none) (nullable) */
GstPad *gst_pb_src_sink_add_in (GstPbSrcSink *self, GstPadTemplate *template,
    const char *name, gboolean is_video);
void gst_pb_src_sink_remove_in (GstPbSrcSink *self, GstPad *pad);
gboolean gst_pb_src_sink_has_ins (GstPbSrcSink *self);
/* Tells the end what is sent, once that is known. */
void gst_pb_src_sink_publish (GstPbSrcSink *self);
/* A new beginning: nothing has been told to the end. */
void gst_pb_src_sink_reset_ins (GstPbSrcSink *self);
void gst_pb_src_sink_clear_ins (GstPbSrcSink *self);
void gst_pb_src_sink_set_rate (GstPbSrcSink *self, guint kbps);
void gst_pb_src_sink_ask_keyframe (GstPbSrcSink *self);
/* When the bin lets go of its children */
void gst_pb_src_sink_in_free (gpointer in);

void gst_pb_src_sink_apply_rate (GstPbSrcSink *self);

/* --- chain --- */

/* Streaming thread, before the caps go further; FALSE: an error was posted */
gboolean gst_pb_src_sink_complete_chain (GstPbSrcSinkIn *in, GstCaps *caps);
/* The same thread, or when it has ended */
void gst_pb_src_sink_clear_chain (GstPbSrcSinkIn *in);

/* --- out --- */

/* As PbWebrtcEndCallbacks has it */
void gst_pb_src_sink_take (GstPbSrcSink *self, guint source, guint track,
    gboolean is_video, GstSample *sample);
void gst_pb_src_sink_lose (GstPbSrcSink *self, guint source);
/* EOS on all */
void gst_pb_src_sink_end_outs (GstPbSrcSink *self);
void gst_pb_src_sink_remove_outs (GstPbSrcSink *self);
void gst_pb_src_sink_out_free (gpointer out);
/* (transfer full) (nullable): where the slot's video passes, if any does */
GstPad *gst_pb_src_sink_dup_video_pad (GstPbSrcSink *self);

/* Raises what the LATENCY query on the src pads answers. */
void gst_pb_src_sink_set_out_latency (GstPbSrcSink *self, guint latency_ms);

/* --- srt --- */

GstElement *gst_pb_src_sink_ref_srt (GstPbSrcSink *self);
gboolean gst_pb_src_sink_start_srt (GstPbSrcSink *self,
    const PbRegistration *shared);
void gst_pb_src_sink_stop_srt (GstPbSrcSink *self);
GstPad *gst_pb_src_sink_link_srt (GstPbSrcSink *self, GstElement *tee,
    PbCodec codec);
void gst_pb_src_sink_unlink_srt (GstPbSrcSink *self, GstPad *pad);

/* In class_init, with the functions that set and get them */
void gst_pb_src_sink_install_properties (GObjectClass *klass);

G_END_DECLS
