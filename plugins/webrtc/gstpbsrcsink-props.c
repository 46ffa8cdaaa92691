/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include "core/pb-limits.h"
#include "core/pb-session.h"

/* The properties of pbsrcsink. */

GParamSpec *gst_pb_src_sink_props[GST_PB_SRC_SINK_N_PROPS];

static GType
make_enum (gsize *once, const char *name, const GEnumValue *values)
{
  if (g_once_init_enter (once))
    g_once_init_leave (once, g_enum_register_static (name, values));

  return *once;
}

static GType
get_direction_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_PB_SRC_SINK_AUTO, "Send where there is a sink pad, else receive",
        "auto" },
    { GST_PB_SRC_SINK_SEND, "The slot's sender; receivers may send back",
        "send" },
    { GST_PB_SRC_SINK_RECEIVE,
        "A receiver of the slot; its sink pads are a return feed", "receive" },
    { 0, NULL, NULL },
  };

  return make_enum (&type, "GstPbSrcSinkDirection", values);
}

static GType
get_transport_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_PB_SRC_SINK_TRANSPORT_AUTO, "What the other end speaks: WebRTC first",
        "auto" },
    { GST_PB_SRC_SINK_TRANSPORT_WEBRTC, "WebRTC only", "webrtc" },
    { GST_PB_SRC_SINK_TRANSPORT_SRT, "SRT only", "srt" },
    { 0, NULL, NULL },
  };

  return make_enum (&type, "GstPbSrcSinkTransport", values);
}

static GType
get_codec_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { PB_CODEC_NONE, "H.264 where there is an encoder for it, else VP8",
        "auto" },
    { PB_CODEC_H264, "H.264", "h264" },
    { PB_CODEC_H265, "H.265: no browser takes it", "h265" },
    { PB_CODEC_VP8, "VP8", "vp8" },
    { PB_CODEC_VP9, "VP9", "vp9" },
    { 0, NULL, NULL },
  };

  return make_enum (&type, "GstPbSrcSinkVideoCodec", values);
}

static GType
get_policy_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_PB_SRC_SINK_POLICY_ALL, "Directly where it can be, else by a relay",
        "all" },
    { GST_PB_SRC_SINK_POLICY_RELAY,
        "By a relay only: neither end learns the other's address", "relay" },
    { 0, NULL, NULL },
  };

  return make_enum (&type, "GstPbSrcSinkIceTransportPolicy", values);
}

/* SRT alone: what its element says. */
static gboolean
get_srt_news (GstPbSrcSink *self, const char *name, GValue *value)
{
  g_autoptr (GstElement) srt = NULL;

  if (self->transport != GST_PB_SRC_SINK_TRANSPORT_SRT)
    return FALSE;
  srt = gst_pb_src_sink_ref_srt (self);
  if (srt != NULL)
    g_object_get_property (G_OBJECT (srt), name, value);

  return srt != NULL;
}

static GstStructure *
make_stats (GstPbSrcSink *self)
{
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  GstStructure *stats = end != NULL ? pb_webrtc_end_get_stats (end) : NULL;

  return stats != NULL ? stats : gst_structure_new_empty ("pb-webrtc-stats");
}

static guint
count_consumers (GstPbSrcSink *self)
{
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (self);
  g_autoptr (GstStructure) stats = NULL;
  guint n_srt = 0;

  if (srt != NULL)
    g_object_get (srt, "stats", &stats, NULL);
  if (stats != NULL)
    gst_structure_get_uint (stats, "connections", &n_srt);

  return n_srt + (end != NULL ? pb_webrtc_end_get_n_connected (end) : 0);
}

/* How far a slot has come */
static int
rank_state (PbState state)
{
  switch (state) {
    case PB_STATE_CONNECTED:
      return 4;
    case PB_STATE_RELAYING:
      return 3;
    case PB_STATE_READY:
      return 2;
    case PB_STATE_WAITING:
      return 1;
    default:
      return 0;
  }
}

/* Of the two transports: that of the one which has come further. */
static PbState
work_out_state (GstPbSrcSink *self)
{
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (self);
  PbState state = end != NULL ? pb_webrtc_end_get_state (end) : PB_STATE_CLOSED;
  PbState srt_state = PB_STATE_CLOSED;

  if (srt != NULL)
    g_object_get (srt, "state", &srt_state, NULL);

  return rank_state (srt_state) > rank_state (state) ? srt_state : state;
}

static void
gst_pb_src_sink_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (object);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  switch (id) {
    case PROP_STREAM:
      pb_gst_replace_text (&self->stream, value);
      break;
    case PROP_DIRECTION:
      self->direction = (GstPbSrcSinkDirection) g_value_get_enum (value);
      break;
    case PROP_TRANSPORT:
      self->transport = (GstPbSrcSinkTransport) g_value_get_enum (value);
      break;
    case PROP_VIDEO_CODEC:
      self->video_codec = (PbCodec) g_value_get_enum (value);
      break;
    case PROP_MIN_BITRATE:
      self->min_kbps = g_value_get_uint (value);
      break;
    case PROP_MAX_BITRATE:
      self->max_kbps = g_value_get_uint (value);
      break;
    case PROP_LATENCY:
      self->latency_ms = g_value_get_uint (value);
      break;
    case PROP_ICE_TRANSPORT_POLICY:
      self->policy = (GstPbSrcSinkPolicy) g_value_get_enum (value);
      break;
    case PROP_FEC:
      self->has_fec = g_value_get_boolean (value);
      break;
    case PROP_LOCAL_ADDRESS:
      pb_gst_replace_text (&self->local_address, value);
      break;
    case PROP_HEALTH_INTERVAL:
      self->health_interval_ms = g_value_get_uint (value);
      break;
    case PROP_DECODE:
      self->decodes = g_value_get_boolean (value);
      break;
    case PROP_THUMBNAILS:
      self->thumbnails = g_value_get_boolean (value);
      break;
    default:
      if (!pb_gst_settings_set_property (&self->settings, pspec->name, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

/* FALSE: it is a setting. */
static gboolean
get_news (GstPbSrcSink *self, guint id, GValue *value)
{
  g_autoptr (PbWebrtcEnd) end = NULL;

  if ((id == PROP_STATS && get_srt_news (self, "stats", value)) ||
      (id == PROP_TALLY && get_srt_news (self, "tally", value)))
    return TRUE;

  switch (id) {
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      return TRUE;
    case PROP_CONSUMERS:
      g_value_set_uint (value, count_consumers (self));
      return TRUE;
    case PROP_TALLY:
      end = gst_pb_src_sink_ref_end (self);
      g_value_set_enum (value,
          end != NULL ? pb_webrtc_end_get_tally (end) : PB_TALLY_OFF);
      return TRUE;
    case PROP_STATE:
      g_value_set_enum (value, work_out_state (self));
      return TRUE;
    default:
      return FALSE;
  }
}

static void
gst_pb_src_sink_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (object);
  g_autoptr (GMutexLocker) locker = NULL;

  if (get_news (self, id, value))
    return;

  locker = g_mutex_locker_new (&self->lock);
  switch (id) {
    case PROP_STREAM:
      g_value_set_string (value, self->stream);
      break;
    case PROP_DIRECTION:
      g_value_set_enum (value, self->direction);
      break;
    case PROP_TRANSPORT:
      g_value_set_enum (value, self->transport);
      break;
    case PROP_VIDEO_CODEC:
      g_value_set_enum (value, self->video_codec);
      break;
    case PROP_MIN_BITRATE:
      g_value_set_uint (value, self->min_kbps);
      break;
    case PROP_MAX_BITRATE:
      g_value_set_uint (value, self->max_kbps);
      break;
    case PROP_LATENCY:
      g_value_set_uint (value, self->latency_ms);
      break;
    case PROP_ICE_TRANSPORT_POLICY:
      g_value_set_enum (value, self->policy);
      break;
    case PROP_FEC:
      g_value_set_boolean (value, self->has_fec);
      break;
    case PROP_LOCAL_ADDRESS:
      g_value_set_string (value, self->local_address);
      break;
    case PROP_HEALTH_INTERVAL:
      g_value_set_uint (value, self->health_interval_ms);
      break;
    case PROP_DECODE:
      g_value_set_boolean (value, self->decodes);
      break;
    case PROP_THUMBNAILS:
      g_value_set_boolean (value, self->thumbnails);
      break;
    default:
      if (!pb_gst_settings_get_property (&self->settings, pspec->name, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static const GParamFlags rw =
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
static const GParamFlags news = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

static void
install_session (void)
{
  /**
   * GstPbSrcSink:uri:
   *
   * The server, the session and the slot: `pbs://host/session/slot`. A token in
   * it (`?t=…`) is taken out and never shown.
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_URI] = g_param_spec_string ("uri", "URI",
      "Where to go: pbs://host[:port]/session/slot, or pb:// on loopback", NULL,
      rw);
  /**
   * GstPbSrcSink:token:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_TOKEN] = g_param_spec_string ("token", "Token",
      "The token for the slot and direction; else token-file, else the "
      "environment's PATCHBAY_TOKEN",
      NULL,
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  /**
   * GstPbSrcSink:token-file:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_TOKEN_FILE] = g_param_spec_string ("token-file",
      "Token file", "A file whose first line is the token", NULL, rw);
  /**
   * GstPbSrcSink:stream:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_STREAM] = g_param_spec_string ("stream", "Stream",
      "The slot, where it is not that of the uri", NULL, rw);
  /**
   * GstPbSrcSink:direction:
   *
   * Which end of the slot this is. Media may flow both ways in any case.
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_DIRECTION] = g_param_spec_enum ("direction",
      "Direction", "Which end of the slot this is", get_direction_type (),
      GST_PB_SRC_SINK_AUTO, rw);
  /**
   * GstPbSrcSink:insecure:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_INSECURE] = g_param_spec_boolean ("insecure",
      "Insecure", "Let the token travel unencrypted (pb://) to another machine",
      FALSE, rw);
}

static void
install_media (void)
{
  /**
   * GstPbSrcSink:video-codec:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_VIDEO_CODEC] =
      g_param_spec_enum ("video-codec", "Video codec",
          "What raw video is encoded to", get_codec_type (), PB_CODEC_NONE, rw);
  /**
   * GstPbSrcSink:min-bitrate:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_MIN_BITRATE] =
      g_param_spec_uint ("min-bitrate", "Minimum bitrate",
          "Video is never encoded with less than this, in kbit/s", 10, 1000000,
          GST_PB_SRC_SINK_MIN_KBPS, rw);
  /**
   * GstPbSrcSink:max-bitrate:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_MAX_BITRATE] =
      g_param_spec_uint ("max-bitrate", "Maximum bitrate",
          "Video is never encoded with more than this, in kbit/s", 10, 1000000,
          GST_PB_SRC_SINK_MAX_KBPS, rw);
  /**
   * GstPbSrcSink:decode:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_DECODE] = g_param_spec_boolean ("decode", "Decode",
      "Give raw media on the src pads, rather than encoded", FALSE, rw);
  /**
   * GstPbSrcSink:thumbnails:
   *
   * A receiver: when the session's control room asks, one picture of what is
   * received, 320 pixels wide, goes there by way of the server, which sees it:
   * unlike media, it is encrypted between each end and the server only. Nothing
   * is decoded for it before somebody asks, and never a return feed. FALSE: it
   * is not offered.
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_THUMBNAILS] = g_param_spec_boolean ("thumbnails",
      "Thumbnails",
      "Give a still picture of what is received to the session's control room "
      "when it asks",
      TRUE, rw);
}

static void
install_transport (void)
{
  /**
   * GstPbSrcSink:transport:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_TRANSPORT] =
      g_param_spec_enum ("transport", "Transport", "What carries the media",
          get_transport_type (), GST_PB_SRC_SINK_TRANSPORT_AUTO, rw);
  /**
   * GstPbSrcSink:latency:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_LATENCY] = g_param_spec_uint ("latency", "Latency",
      "Receiving: time for retransmission and jitter, in milliseconds", 0,
      PB_LATENCY_MAX, GST_PB_SRC_SINK_LATENCY_MS, rw);
  /**
   * GstPbSrcSink:ice-transport-policy:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_ICE_TRANSPORT_POLICY] =
      g_param_spec_enum ("ice-transport-policy", "ICE transport policy",
          "Which ways may be taken", get_policy_type (),
          GST_PB_SRC_SINK_POLICY_ALL, rw);
  /**
   * GstPbSrcSink:fec:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_FEC] =
      g_param_spec_boolean ("fec", "Forward error correction",
          "Send video with ULPFEC as well (where asking again comes too late, "
          "more latency at the receiver helps far more)",
          FALSE, rw);
  /**
   * GstPbSrcSink:local-address:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_LOCAL_ADDRESS] =
      g_param_spec_string ("local-address", "Local address",
          "The IP address to use (NULL = 127.0.0.1 where the server is this "
          "machine, else all)",
          NULL, rw);
  /**
   * GstPbSrcSink:health-interval:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_HEALTH_INTERVAL] =
      g_param_spec_uint ("health-interval", "Health interval",
          "Milliseconds between health reports", 500, 10000,
          PB_HEALTH_INTERVAL_MS, rw);
}

static void
install_news (void)
{
  /**
   * GstPbSrcSink:stats:
   *
   * A fresh #GstStructure at each reading; docs/elements.md lists its fields.
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_STATS] = g_param_spec_boxed ("stats", "Statistics",
      "Of each connection, and of all; units are in the names",
      GST_TYPE_STRUCTURE, news);
  /**
   * GstPbSrcSink:tally:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_TALLY] = g_param_spec_enum ("tally", "Tally",
      "The slot's tally light", PB_TYPE_TALLY, PB_TALLY_OFF, news);
  /**
   * GstPbSrcSink:state:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_STATE] = g_param_spec_enum ("state", "State",
      "WAITING for somebody, READY to connect, CONNECTED directly, RELAYING by "
      "way of a relay, or CLOSED",
      PB_TYPE_STATE, PB_STATE_CLOSED, news);
  /**
   * GstPbSrcSink:consumers:
   *
   * Since: 0.1
   */
  gst_pb_src_sink_props[PROP_CONSUMERS] = g_param_spec_uint ("consumers",
      "Consumers", "How many other ends are connected", 0, G_MAXUINT, 0, news);
}

/* In class_init. */
void
gst_pb_src_sink_install_properties (GObjectClass *klass)
{
  install_session ();
  install_media ();
  install_transport ();
  install_news ();
  klass->set_property = gst_pb_src_sink_set_property;
  klass->get_property = gst_pb_src_sink_get_property;
  g_object_class_install_properties (klass, GST_PB_SRC_SINK_N_PROPS,
      gst_pb_src_sink_props);
  gst_type_mark_as_plugin_api (get_direction_type (), 0);
  gst_type_mark_as_plugin_api (get_transport_type (), 0);
  gst_type_mark_as_plugin_api (get_codec_type (), 0);
  gst_type_mark_as_plugin_api (get_policy_type (), 0);
}
