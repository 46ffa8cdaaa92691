/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../common/pb-known-criticals.h"
#include "webrtc-pair.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#define WATCHDOG_S 120

typedef struct
{
  Pair *pair;
  guint end, track;
  gboolean is_video;
  guint n;
  gboolean is_split; /* headers by themselves */
} Feed;

static const char *const loopback[] = { "127.0.0.1", NULL };

static const struct
{
  const char *name;
  const char *chain;
} media[] = {
  { "h264",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x264enc tune=zerolatency bitrate=500 "
      "key-int-max=25 speed-preset=ultrafast ! h264parse config-interval=-1 "
      "! video/x-h264,stream-format=byte-stream,alignment=au,"
      "profile=constrained-baseline" },
  /* a keyframe comes only to those who ask */
  { "h264-asked",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x264enc tune=zerolatency "
      "bitrate=500 key-int-max=100000 speed-preset=ultrafast "
      "! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,"
      "alignment=au,profile=constrained-baseline" },
  /* parameter sets, and then what they are of, with the same PTS */
  { "h264-split",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x264enc tune=zerolatency "
      "bitrate=500 key-int-max=10 speed-preset=ultrafast "
      "! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,"
      "alignment=au,profile=constrained-baseline" },
  /* each frame is four slices */
  { "h264-sliced",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x264enc tune=zerolatency threads=4 "
      "bitrate=500 key-int-max=10 speed-preset=ultrafast "
      "! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,"
      "alignment=au,profile=constrained-baseline" },
  { "avc",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x264enc tune=zerolatency bitrate=500 "
      "key-int-max=25 speed-preset=ultrafast ! h264parse config-interval=-1 "
      "! video/x-h264,stream-format=avc,alignment=au" },
  { "vp8", "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
           "height=240,framerate=25/1 ! vp8enc deadline=1 cpu-used=8 "
           "target-bitrate=500000 keyframe-max-dist=25" },
  { "vp9", "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
           "height=240,framerate=25/1 ! vp9enc deadline=1 cpu-used=8 "
           "target-bitrate=500000 keyframe-max-dist=25 ! vp9parse" },
  { "h265",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! x265enc tune=zerolatency bitrate=500 "
      "key-int-max=25 speed-preset=ultrafast ! h265parse config-interval=-1 ! "
      "video/x-h265,stream-format=byte-stream,alignment=au" },
  { "opus", "audiotestsrc is-live=1 samplesperbuffer=960 ! "
            "audio/x-raw,rate=48000,channels=2 ! opusenc" },
};

/* --- encoders ------------------------------------------------------------- */

/* Where the first slice begins; 0: there are no headers before it */
static gsize
find_slice (GstBuffer *frame)
{
  GstMapInfo map;
  gsize at = 0;

  g_assert_true (gst_buffer_map (frame, &map, GST_MAP_READ));
  for (gsize i = 0; i + 4 < map.size && at == 0; i++)
    if (map.data[i] == 0 && map.data[i + 1] == 0 && map.data[i + 2] == 0 &&
        map.data[i + 3] == 1 && (map.data[i + 4] & 0x1f) <= 5)
      at = i;
  gst_buffer_unmap (frame, &map);

  return at;
}

/* With the pair's lock */
static void
push (Feed *feed, GstBuffer *frame)
{
  PairEnd *end = &feed->pair->ends[feed->end];
  gsize at = feed->is_split ? find_slice (frame) : 0;

  if (feed->is_video)
    end->n_fed++;
  if (at > 0) {
    g_autoptr (GstBuffer) headers =
        gst_buffer_copy_region (frame, GST_BUFFER_COPY_ALL, 0, at);
    g_autoptr (GstBuffer) rest =
        gst_buffer_copy_region (frame, GST_BUFFER_COPY_ALL, at, -1);

    GST_BUFFER_PTS (rest) = GST_BUFFER_PTS (frame);
    pb_webrtc_peer_push (end->peer, feed->track, NULL, headers);
    pb_webrtc_peer_push (end->peer, feed->track, NULL, rest);
    return;
  }

  pb_webrtc_peer_push (end->peer, feed->track, NULL, frame);
}

static GstFlowReturn
on_encoded (GstAppSink *sink, gpointer user_data)
{
  Feed *feed = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstBuffer *copy;
  Pair *pair = feed->pair;

  /* x264enc moves its segment so that no DTS is below 0 */
  copy = gst_buffer_copy (buffer);
  GST_BUFFER_PTS (copy) =
      gst_segment_to_running_time (gst_sample_get_segment (sample),
          GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GST_BUFFER_DTS (copy) = GST_CLOCK_TIME_NONE;
  g_mutex_lock (&pair->lock);
  feed->n++;
  if (pair->is_pushing && pair->ends[feed->end].peer != NULL)
    push (feed, copy);
  g_mutex_unlock (&pair->lock);
  gst_buffer_unref (copy);

  return GST_FLOW_OK;
}

static GstElement *
add_encoder (Pair *self, guint end, guint track, const char *name)
{
  static const GstAppSinkCallbacks callbacks = { .new_sample = on_encoded };
  Feed *feed = g_new0 (Feed, 1);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GstElement *bin, *sink;

  *feed = (Feed){ self, end, track, !g_str_equal (name, "opus"), 0,
    g_str_equal (name, "h264-split") };
  for (gsize i = 0; i < G_N_ELEMENTS (media); i++)
    if (g_str_equal (media[i].name, name))
      text = g_strdup_printf ("%s ! appsink sync=0 name=s%u-%u", media[i].chain,
          end, track);
  g_assert_nonnull (text);
  bin = gst_parse_bin_from_description_full (text, FALSE, NULL,
      GST_PARSE_FLAG_NONE, &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (self->sources), bin);
  text = (g_free (text), g_strdup_printf ("s%u-%u", end, track));
  sink = gst_bin_get_by_name (GST_BIN (bin), text);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink),
      (GstAppSinkCallbacks *) &callbacks, feed, g_free);

  return sink; /* its pad keeps the caps */
}

/* --- callbacks ------------------------------------------------------------ */

static PairEnd *
other (PairEnd *end)
{
  return &end->pair->ends[1 - end->index];
}

static void
on_description (PbWebrtcPeer *peer, const char *type, const char *sdp,
    gpointer user_data)
{
  PairEnd *end = user_data;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_taken;

  end->n_descriptions++;
  g_free (end->description);
  end->description = g_strdup (sdp);
  if (g_getenv ("PB_TEST_SDP") != NULL)
    g_printerr ("--- %u %s\n%s\n", end->index, type, sdp);
  text = end->on_description != NULL
             ? end->on_description (end->pair, end->index, type, sdp)
             : g_strdup (sdp);
  if (text == NULL || other (end)->peer == NULL)
    return;
  is_taken = pb_webrtc_peer_set_remote (other (end)->peer, type, text, &error);
  g_assert_no_error (error);
  g_assert_true (is_taken);
}

static void
give_candidate (PairEnd *end, guint mline, const char *candidate)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_taken;

  text = end->on_candidate != NULL
             ? end->on_candidate (end->pair, end->index, candidate)
             : g_strdup (candidate);
  if (text == NULL || other (end)->peer == NULL)
    return;
  is_taken =
      pb_webrtc_peer_add_candidate (other (end)->peer, mline, text, &error);
  g_assert_no_error (error);
  g_assert_true (is_taken);
}

static void
on_candidate (PbWebrtcPeer *peer, guint mline, const char *candidate,
    gpointer user_data)
{
  PairEnd *end = user_data;

  g_assert_true (g_str_has_prefix (candidate, "candidate:"));
  if (end->n_candidates++ == 0)
    end->first_candidate = g_strdup (candidate);
  if (end->pair->holds_candidates)
    g_ptr_array_add (end->pair->held,
        g_strdup_printf ("%u %u %s", end->index, mline, candidate));
  else
    give_candidate (end, mline, candidate);
}

void
pair_release_candidates (Pair *self)
{
  self->holds_candidates = FALSE;
  for (guint i = 0; i < self->held->len; i++) {
    g_auto (GStrv) part =
        g_strsplit (g_ptr_array_index (self->held, i), " ", 3);

    give_candidate (&self->ends[atoi (part[0])], atoi (part[1]), part[2]);
  }
  g_ptr_array_set_size (self->held, 0);
}

static void
on_candidates_done (PbWebrtcPeer *peer, gpointer user_data)
{
  ((PairEnd *) user_data)->is_gathered = TRUE;
}

static void
on_changed (PbWebrtcPeer *peer, PbWebrtcState state, PbFault fault,
    gpointer user_data)
{
  PairEnd *end = user_data;

  g_assert_cmpint (state, ==, pb_webrtc_peer_get_state (peer));
  g_test_message ("end %u: state %d, %s, %.1f ms", end->index, state,
      pb_fault_get_code (fault),
      (g_get_monotonic_time () - end->pair->began_us) / 1e3);
  end->state = state;
  end->fault = fault;
  if (state == PB_WEBRTC_CONNECTED)
    end->n_connected++;
  if (pair_is_connected (end->pair) && end->pair->connected_us == 0)
    end->pair->connected_us = g_get_monotonic_time ();
}

static void
on_received (PbWebrtcPeer *peer, guint track, gboolean is_video,
    GstSample *sample, gpointer user_data)
{
  PairEnd *end = user_data;
  GstCaps *caps = gst_sample_get_caps (sample);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&end->pair->lock);

  g_assert_cmpuint (track, <, PAIR_TRACKS);
  g_assert_nonnull (caps);
  g_assert_true (g_str_has_prefix (gst_structure_get_name (
                                       gst_caps_get_structure (caps, 0)),
      is_video ? "video/" : "audio/"));
  if (end->pair->first_sample_us == 0 && is_video)
    end->pair->first_sample_us = g_get_monotonic_time ();
  end->n_samples[track]++;
  *(is_video ? &end->n_video : &end->n_audio) += 1;
  gst_caps_replace (&end->caps[track], caps);
  end->last_pts[track] = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
  end->n_octets += gst_buffer_get_size (gst_sample_get_buffer (sample));
  if (end->on_received != NULL)
    end->on_received (end->pair, is_video, sample);
}

static void
on_estimate (PbWebrtcPeer *peer, guint bps, gpointer user_data)
{
  PairEnd *end = user_data;

  end->n_estimates++;
  end->estimate = bps;
}

static void
on_needs_keyframe (PbWebrtcPeer *peer, gpointer user_data)
{
  PairEnd *end = user_data;

  end->n_keyframes_asked++;
  for (guint i = 0; i < PAIR_TRACKS && !end->is_deaf; i++)
    if (end->sinks[i] != NULL)
      gst_pad_push_event (end->sinks[i],
          gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
              TRUE, 0));
}

static void
on_text (PbWebrtcPeer *peer, const char *text, gpointer user_data)
{
  PairEnd *end = user_data;

  g_free (end->text);
  end->text = g_strdup (text);
}

static void
on_channel_open (PbWebrtcPeer *peer, gpointer user_data)
{
  ((PairEnd *) user_data)->is_channel_open = TRUE;
}

static const PbWebrtcCallbacks callbacks = { on_description, on_candidate,
  on_candidates_done, on_changed, on_received, on_estimate, on_needs_keyframe,
  on_text, on_channel_open };

/* --- life ----------------------------------------------------------------- */

Pair *
pair_new (void)
{
  Pair *self = g_new0 (Pair, 1);

  pb_allow_known_criticals ();
  g_mutex_init (&self->lock);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->held = g_ptr_array_new_with_free_func (g_free);
  self->sources = gst_pipeline_new (NULL);
  self->is_pushing = TRUE;
  for (guint i = 0; i < 2; i++) {
    self->ends[i].pair = self;
    self->ends[i].index = i;
    self->ends[i].config = (PbWebrtcConfig){
      .is_offerer = i == 0,
      .can_trickle = TRUE,
      .may_receive = i == 1,
      .may_send = i == 0,
      .latency_ms = 40,
      .min_kbps = 100,
      .addresses = loopback,
    };
  }

  return self;
}

void
pair_free (Pair *self)
{
  gst_element_set_state (self->sources, GST_STATE_NULL);
  for (guint i = 0; i < 2; i++) {
    PairEnd *end = &self->ends[i];

    pair_end_peer (self, i);
    for (guint j = 0; j < PAIR_TRACKS; j++) {
      gst_clear_caps (&end->caps[j]);
      gst_clear_object (&end->sinks[j]);
      gst_clear_caps (&end->tracks[j].caps);
    }
    g_free (end->text);
    g_free (end->description);
    g_free (end->first_candidate);
  }
  pb_webrtc_peer_settle ();
  gst_object_unref (self->sources);
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_ptr_array_unref (self->held);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
pair_start (Pair *self)
{
  GstElement *sinks[2][PAIR_TRACKS] = { { NULL } };
  guint n[2] = { 0, 0 };
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockTime base_time;

  for (guint i = 0; i < 2; i++)
    for (; self->ends[i].media[n[i]] != NULL; n[i]++)
      sinks[i][n[i]] = add_encoder (self, i, n[i], self->ends[i].media[n[i]]);
  gst_pipeline_use_clock (GST_PIPELINE (self->sources), clock);
  base_time = gst_clock_get_time (clock);
  gst_element_set_start_time (self->sources, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (self->sources, base_time);
  gst_element_set_state (self->sources, GST_STATE_PLAYING);
  /* until every appsink has prerolled: its caps are there then */
  g_assert_cmpint (gst_element_get_state (self->sources, NULL, NULL,
                       20 * GST_SECOND),
      !=, GST_STATE_CHANGE_FAILURE);
  for (guint i = 0; i < 2; i++)
    for (guint j = 0; j < n[i]; j++) {
      g_autoptr (GstPad) pad = gst_element_get_static_pad (sinks[i][j], "sink");
      GstCaps *caps;

      while ((caps = gst_pad_get_current_caps (pad)) == NULL)
        g_thread_yield ();
      self->ends[i].sinks[j] = gst_object_ref (pad);
      self->ends[i].tracks[j].is_video =
          !g_str_equal (self->ends[i].media[j], "opus");
      self->ends[i].tracks[j].caps = caps;
      gst_object_unref (sinks[i][j]);
    }

  for (guint i = 0; i < 2; i++) {
    PairEnd *end = &self->ends[i];
    PbWebrtcPeer *peer;

    end->config.clock = clock;
    end->config.base_time = base_time;
    peer = pb_webrtc_peer_new (self->context, &end->config, end->tracks,
        end->n_first > 0 ? end->n_first : n[i], &callbacks, end);
    g_mutex_lock (&self->lock);
    end->peer = peer;
    g_mutex_unlock (&self->lock);
  }
  self->began_us = g_get_monotonic_time ();
  for (guint i = 2; i-- > 0 && !self->is_idle;) {
    g_autoptr (GError) error = NULL;

    g_assert_true (pb_webrtc_peer_start (self->ends[i].peer, &error));
    g_assert_no_error (error);
  }
}

void
pair_end_peer (Pair *self, guint index)
{
  PbWebrtcPeer *peer;

  g_mutex_lock (&self->lock);
  peer = g_steal_pointer (&self->ends[index].peer);
  g_mutex_unlock (&self->lock);
  if (peer != NULL)
    pb_webrtc_peer_free (peer);
}

static gboolean
on_watchdog (gpointer user_data)
{
  g_printerr ("the test took too long\n");
  g_assert_not_reached ();

  return G_SOURCE_REMOVE;
}

static gboolean
on_tick (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static GSource *
attach (Pair *self, guint ms, GSourceFunc func)
{
  GSource *source = g_timeout_source_new (ms);

  g_source_set_callback (source, func, NULL, NULL);
  g_source_attach (source, self->context);

  return source;
}

void
pair_wait (Pair *self, gboolean (*is_there) (Pair *self))
{
  GSource *watchdog = attach (self, WATCHDOG_S * 1000, on_watchdog);
  GSource *tick = attach (self, 10, on_tick);
  gboolean done = FALSE;

  while (!done) {
    g_main_context_iteration (self->context, TRUE);
    g_mutex_lock (&self->lock);
    done = is_there (self);
    g_mutex_unlock (&self->lock);
  }
  g_source_destroy (tick);
  g_source_unref (tick);
  g_source_destroy (watchdog);
  g_source_unref (watchdog);
}

gboolean
pair_is_connected (Pair *self)
{
  return self->ends[0].state == PB_WEBRTC_CONNECTED &&
         self->ends[1].state == PB_WEBRTC_CONNECTED;
}

gboolean
pair_has_media (Pair *self)
{
  return self->ends[1].n_video >= 30 && self->ends[1].n_audio >= 50;
}

gboolean
pair_has_video (Pair *self)
{
  return self->ends[1].n_video >= 30;
}

Pair *
pair_new_both_ways (void)
{
  Pair *pair = pair_new ();

  for (guint i = 0; i < 2; i++) {
    pair->ends[i].media[0] = "h264";
    pair->ends[i].media[1] = "opus";
    pair->ends[i].config.may_send = TRUE;
    pair->ends[i].config.may_receive = TRUE;
    pair->ends[i].config.has_data_channel = TRUE;
  }

  return pair;
}
