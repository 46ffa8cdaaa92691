/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrtbin-private.h"

#include "core/pb-limits.h"
#include "core/pb-session.h"

/* The properties of pbsrtbin. */

GParamSpec *gst_pb_srt_bin_props[GST_PB_SRT_BIN_N_PROPS];

#define GST_TYPE_PB_SRT_BIN_MODE (gst_pb_srt_bin_mode_get_type ())
static GType
gst_pb_srt_bin_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { PB_SRT_END_AUTO,
        "ICE with other pbsrtbins; a receiver also listens for plain callers",
        "auto" },
    { PB_SRT_END_ICE, "ICE with other pbsrtbins only", "ice" },
    { PB_SRT_END_LISTENER, "A plain SRT listener", "listener" },
    { PB_SRT_END_CALLER, "A plain SRT caller of peer-address", "caller" },
    { PB_SRT_END_RENDEZVOUS, "A plain SRT rendezvous with peer-address",
        "rendezvous" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstPbSrtBinMode", values));

  return type;
}

static GstStructure *
make_stats (GstPbSrtBin *self)
{
  g_autoptr (PbSrtEnd) end = gst_pb_srt_bin_ref_end (self);
  PbSrtStats stats = { 0 };
  gboolean is_sender;
  guint64 dropped;

  g_mutex_lock (&self->lock);
  is_sender = self->src == NULL;
  g_mutex_unlock (&self->lock);
  if (end == NULL ||
      !pb_srt_io_get_stats (pb_srt_end_peek_io (end), 0, &stats)) {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

    stats = self->last;
  }
  dropped = is_sender ? stats.packets_send_dropped + stats.packets_overflowed +
                            stats.packets_unconnected
                      : stats.packets_dropped;

  return gst_structure_new ("pb-srt-stats", "connections", G_TYPE_UINT,
      stats.n_links, "packets-sent", G_TYPE_UINT64, stats.packets_sent,
      "bytes-sent", G_TYPE_UINT64, stats.bytes_sent, "packets-retransmitted",
      G_TYPE_UINT64, stats.packets_retransmitted, "packets-received",
      G_TYPE_UINT64, stats.packets_received, "bytes-received", G_TYPE_UINT64,
      stats.bytes_received, "packets-lost", G_TYPE_UINT64,
      is_sender ? stats.packets_send_lost : stats.packets_lost,
      "packets-dropped", G_TYPE_UINT64, dropped, "packets-unconnected",
      G_TYPE_UINT64, stats.packets_unconnected, "packets-overflowed",
      G_TYPE_UINT64, stats.packets_overflowed, "packets-undecrypted",
      G_TYPE_UINT64, stats.packets_undecrypted, "packets-belated",
      G_TYPE_UINT64, stats.packets_belated, "rtt-ms", G_TYPE_DOUBLE,
      stats.rtt_ms, "send-bps", G_TYPE_UINT64, stats.send_bps, "receive-bps",
      G_TYPE_UINT64, stats.receive_bps, "bandwidth-bps", G_TYPE_UINT64,
      stats.bandwidth_bps, "buffer-ms", G_TYPE_UINT, stats.buffer_ms,
      "latency-ms", G_TYPE_UINT, stats.latency_ms, NULL);
}

static void
gst_pb_srt_bin_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  switch (id) {
    case PROP_STREAM:
      pb_gst_replace_text (&self->stream, value);
      break;
    case PROP_MODE:
      self->mode = (PbSrtEndMode) g_value_get_enum (value);
      break;
    case PROP_LATENCY:
      self->latency_ms = g_value_get_uint (value);
      break;
    case PROP_PASSPHRASE:
      pb_gst_replace_text (&self->passphrase, value);
      break;
    case PROP_LOCAL_ADDRESS:
      pb_gst_replace_text (&self->local_address, value);
      break;
    case PROP_LOCAL_PORT:
      self->local_port = g_value_get_uint (value);
      break;
    case PROP_PEER_ADDRESS:
      pb_gst_replace_text (&self->peer_address, value);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      self->wait_for_connection = g_value_get_boolean (value);
      break;
    case PROP_HEALTH_INTERVAL:
      self->health_interval_ms = g_value_get_uint (value);
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

static void
gst_pb_srt_bin_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);
  g_autoptr (PbSrtEnd) end = NULL;
  g_autoptr (GMutexLocker) locker = NULL;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }

  end = gst_pb_srt_bin_ref_end (self);
  locker = g_mutex_locker_new (&self->lock);
  switch (id) {
    case PROP_STREAM:
      g_value_set_string (value, self->stream);
      break;
    case PROP_MODE:
      g_value_set_enum (value, self->mode);
      break;
    case PROP_LATENCY:
      g_value_set_uint (value, self->latency_ms);
      break;
    case PROP_LOCAL_ADDRESS:
      g_value_set_string (value, self->local_address);
      break;
    case PROP_LOCAL_PORT:
      g_value_set_uint (value, self->local_port);
      break;
    case PROP_PEER_ADDRESS:
      g_value_set_string (value, self->peer_address);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      g_value_set_boolean (value, self->wait_for_connection);
      break;
    case PROP_HEALTH_INTERVAL:
      g_value_set_uint (value, self->health_interval_ms);
      break;
    case PROP_THUMBNAILS:
      g_value_set_boolean (value, self->thumbnails);
      break;
    case PROP_TALLY:
      g_value_set_enum (value,
          end != NULL ? pb_srt_end_get_tally (end) : PB_TALLY_OFF);
      break;
    case PROP_STATE:
      g_value_set_enum (value,
          end != NULL ? pb_srt_end_get_state (end) : PB_STATE_CLOSED);
      break;
    default:
      if (!pb_gst_settings_get_property (&self->settings, pspec->name, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

/* In class_init. */
void
gst_pb_srt_bin_install_properties (GObjectClass *klass)
{
  const GParamFlags rw =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags secret =
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags news = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  /**
   * GstPbSrtBin:uri:
   *
   * The server, the session and the slot: `pbs://host/session/slot`. A token in
   * it (`?t=…`) is taken out and never shown.
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_URI] = g_param_spec_string ("uri", "URI",
      "Where to go: pbs://host[:port]/session/slot, or pb:// on loopback", NULL,
      rw);
  /**
   * GstPbSrtBin:token:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_TOKEN] = g_param_spec_string ("token", "Token",
      "The token for the slot and direction; else token-file, else the "
      "environment's PATCHBAY_TOKEN",
      NULL, secret);
  /**
   * GstPbSrtBin:token-file:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_TOKEN_FILE] = g_param_spec_string ("token-file",
      "Token file", "A file whose first line is the token", NULL, rw);
  /**
   * GstPbSrtBin:stream:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_STREAM] = g_param_spec_string ("stream", "Stream",
      "The slot, where it is not that of the uri", NULL, rw);
  /**
   * GstPbSrtBin:mode:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_MODE] =
      g_param_spec_enum ("mode", "Mode", "How the other end is met",
          GST_TYPE_PB_SRT_BIN_MODE, PB_SRT_END_AUTO, rw);
  /**
   * GstPbSrtBin:latency:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_LATENCY] = g_param_spec_uint ("latency", "Latency",
      "Time for retransmission in milliseconds; the larger of both ends' "
      "counts "
      "(0 = the session's)",
      0, PB_LATENCY_MAX, 0, rw);
  /**
   * GstPbSrtBin:passphrase:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_PASSPHRASE] = g_param_spec_string ("passphrase",
      "Passphrase",
      "Instead of the slot's: for a third-party end that has one of its own",
      NULL, secret);
  /**
   * GstPbSrtBin:local-address:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_LOCAL_ADDRESS] =
      g_param_spec_string ("local-address", "Local address",
          "The IP address to use (NULL = 127.0.0.1 where the server is this "
          "machine, else all)",
          NULL, rw);
  /**
   * GstPbSrtBin:local-port:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_LOCAL_PORT] =
      g_param_spec_uint ("local-port", "Local port",
          "The UDP port of the plain path (0 = the slot's; a caller's: any)", 0,
          PB_PORT_MAX, 0, rw);
  /**
   * GstPbSrtBin:peer-address:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_PEER_ADDRESS] =
      g_param_spec_string ("peer-address", "Peer address",
          "host[:port] of the other end, for the modes caller and rendezvous "
          "(without a port: the slot's)",
          NULL, rw);
  /**
   * GstPbSrtBin:wait-for-connection:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_WAIT_FOR_CONNECTION] =
      g_param_spec_boolean ("wait-for-connection", "Wait for connection",
          "Sending: hold the pipeline until somebody receives, rather than "
          "drop",
          FALSE, rw);
  /**
   * GstPbSrtBin:insecure:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_INSECURE] = g_param_spec_boolean ("insecure",
      "Insecure", "Let the token travel unencrypted (pb://) to another machine",
      FALSE, rw);
  /**
   * GstPbSrtBin:health-interval:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_HEALTH_INTERVAL] =
      g_param_spec_uint ("health-interval", "Health interval",
          "Milliseconds between health reports", 500, 10000,
          PB_HEALTH_INTERVAL_MS, rw);
  /**
   * GstPbSrtBin:thumbnails:
   *
   * Receiving: when the session's control room asks, one picture of what is
   * received, 320 pixels wide, goes there by way of the server, which sees it:
   * unlike media, it is encrypted between each end and the server only. Nothing
   * is decoded before somebody asks. FALSE: it is not offered.
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_THUMBNAILS] = g_param_spec_boolean ("thumbnails",
      "Thumbnails",
      "Give a still picture of what is received to the session's control room "
      "when it asks",
      TRUE, rw);
  /**
   * GstPbSrtBin:stats:
   *
   * What it has done, as a fresh #GstStructure `pb-srt-stats`. Counters only
   * grow from READY on; the others are the latest. A packet is an SRT message
   * of at most 1316 bytes.
   *
   * `connections` (uint) now · `packets-sent`, `bytes-sent`,
   * `packets-retransmitted`, `packets-received`, `bytes-received` (uint64) ·
   * `packets-lost`: on the way, most of them recovered · `packets-dropped`:
   * never arrived: all reasons, of which `packets-unconnected` while nobody was
   * there and `packets-overflowed` as the link was too slow ·
   * `packets-undecrypted`, `packets-belated` (uint64) · `rtt-ms` (double) ·
   * `send-bps`, `receive-bps`, `bandwidth-bps` (uint64) bits per second ·
   * `buffer-ms`: not yet acknowledged, or not yet due · `latency-ms` (uint)
   * negotiated
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_STATS] = g_param_spec_boxed ("stats", "Statistics",
      "Counters since READY and the latest figures; units are in the names",
      GST_TYPE_STRUCTURE, news);
  /**
   * GstPbSrtBin:tally:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_TALLY] = g_param_spec_enum ("tally", "Tally",
      "The slot's tally light", PB_TYPE_TALLY, PB_TALLY_OFF, news);
  /**
   * GstPbSrtBin:state:
   *
   * Since: 0.1
   */
  gst_pb_srt_bin_props[PROP_STATE] = g_param_spec_enum ("state", "State",
      "WAITING for somebody, READY to connect, CONNECTED directly, RELAYING by "
      "way of a relay, or CLOSED",
      PB_TYPE_STATE, PB_STATE_CLOSED, news);

  klass->set_property = gst_pb_srt_bin_set_property;
  klass->get_property = gst_pb_srt_bin_get_property;
  g_object_class_install_properties (klass, GST_PB_SRT_BIN_N_PROPS,
      gst_pb_srt_bin_props);
  gst_type_mark_as_plugin_api (GST_TYPE_PB_SRT_BIN_MODE, 0);
}
