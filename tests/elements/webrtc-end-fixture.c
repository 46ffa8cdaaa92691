/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "webrtc-end-fixture.h"

#define WAIT (20 * GST_SECOND)

/* --- callbacks ------------------------------------------------------------ */

static void
on_received (guint source, guint track, gboolean is_video, GstSample *sample,
    gpointer user_data)
{
  Fixture *f = user_data;

  g_mutex_lock (&f->lock);
  f->n_received++;
  f->received_source = source;
  f->received_pts = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
  g_cond_broadcast (&f->changed);
  g_mutex_unlock (&f->lock);
}

static void
on_gone (guint source, gpointer user_data)
{
  Fixture *f = user_data;

  g_mutex_lock (&f->lock);
  f->n_gone++;
  f->gone_source = source;
  g_cond_broadcast (&f->changed);
  g_mutex_unlock (&f->lock);
}

static void
on_rate (guint kbps, gpointer user_data)
{
  Fixture *f = user_data;

  g_mutex_lock (&f->lock);
  f->n_rates++;
  f->kbps = kbps;
  g_cond_broadcast (&f->changed);
  g_mutex_unlock (&f->lock);
}

static void
on_needs_keyframe (gpointer user_data)
{
  Fixture *f = user_data;

  g_mutex_lock (&f->lock);
  f->n_keyframes++;
  g_cond_broadcast (&f->changed);
  g_mutex_unlock (&f->lock);
}

static void
on_changed (const char *what, gpointer user_data)
{
  Fixture *f = user_data;

  g_mutex_lock (&f->lock);
  f->n_states += g_str_equal (what, "state");
  f->n_consumers += g_str_equal (what, "consumers");
  g_cond_broadcast (&f->changed);
  g_mutex_unlock (&f->lock);
}

static void
on_wants_thumbnail (const char *us, gpointer user_data)
{
}

static const PbWebrtcEndCallbacks callbacks = { on_received, on_gone, on_rate,
  on_needs_keyframe, on_changed, on_wants_thumbnail };

/* --- life ----------------------------------------------------------------- */

void
fixture_make_end (Fixture *f, const PbWebrtcEndConfig *config)
{
  g_autofree char *address = g_strdup_printf ("pb://127.0.0.1:%u/demo",
      fake_server_get_port (f->server));
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = pb_uri_parse (address, &error);
  PbWebrtcEndConfig copy = {
    .direction = PB_DIRECTION_SEND,
    .latency_ms = 200,
    .min_kbps = 100,
    .max_kbps = MAX_KBPS,
    .health_interval_ms = 500,
  };

  g_assert_no_error (error);
  if (config != NULL)
    copy = *config;
  copy.uri = uri;
  copy.stream = "cam-wide";
  copy.peer_id = US;
  f->session = pb_gst_session_new (uri, "p_test.test", "test/1");
  f->end = pb_webrtc_end_new (f->element, f->session, &copy, &callbacks, f);
  g_assert_true (pb_webrtc_end_start (f->end, &error));
}

void
fixture_set_up (Fixture *f, gconstpointer config)
{
  f->server = fake_server_new ();
  f->element = gst_element_factory_make ("identity", NULL);
  f->bus = gst_bus_new ();
  gst_element_set_bus (f->element, f->bus);
  f->clock = gst_system_clock_obtain ();
  g_mutex_init (&f->lock);
  g_cond_init (&f->changed);
  fixture_make_end (f, config);
}

void
fixture_tear_down (Fixture *f, gconstpointer unused)
{
  pb_webrtc_end_stop (f->end);
  pb_webrtc_end_unref (f->end);
  g_assert_finalize_object (f->session);
  fake_server_free (f->server);
  gst_element_set_bus (f->element, NULL);
  gst_object_unref (f->bus);
  gst_object_unref (f->element);
  gst_object_unref (f->clock);
  g_mutex_clear (&f->lock);
  g_cond_clear (&f->changed);
}

void
fixture_set_tracks (Fixture *f, guint n_tracks)
{
  g_autoptr (GstCaps) video =
      gst_caps_from_string ("video/x-h264, stream-format=byte-stream");
  g_autoptr (GstCaps) audio = gst_caps_from_string ("audio/x-opus");
  PbWebrtcTrack tracks[] = { { TRUE, video }, { FALSE, audio } };

  pb_webrtc_end_set_tracks (f->end, tracks, n_tracks);
}

void
fixture_play (Fixture *f, GstClockTime base_time)
{
  pb_webrtc_end_play (f->end, f->clock, base_time);
}

void
fixture_get_ready (Fixture *f)
{
  fixture_set_tracks (f, 2);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
}

/* --- the server's part ---------------------------------------------------- */

void
fixture_introduce (Fixture *f, const char *peer, const char *role,
    const char *extra)
{
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"peer\",\"to\":\"" US "\",\"peer\":\"%s\",\"stream\":"
      "\"cam-wide\",\"direction\":\"%s\",\"role\":\"%s\",\"ice\":true,"
      "\"client\":\"test/1\",\"transport\":\"webrtc\"%s}",
      peer, g_str_equal (role, "caller") ? "receive" : "send", role,
      extra != NULL ? extra : "");

  fake_server_say (f->server, text);
}

void
fixture_signal (Fixture *f, const char *from, const char *kind, guint link,
    const char *data)
{
  g_autofree char *text =
      g_strdup_printf ("{\"type\":\"signal\",\"from\":\"%s\",\"to\":\"" US
                       "\",\"kind\":\"%s\","
                       "\"link\":%u%s%s}",
          from, kind, link, data != NULL ? ",\"data\":" : "",
          data != NULL ? data : "");

  fake_server_say (f->server, text);
}

void
fixture_gone (Fixture *f, const char *peer, const char *reason)
{
  g_autofree char *text =
      g_strdup_printf ("{\"type\":\"peer_gone\",\"to\":\"" US
                       "\",\"peer\":\"%s\",\"stream\":"
                       "\"cam-wide\",\"reason\":\"%s\"}",
          peer, reason);

  fake_server_say (f->server, text);
}

void
fixture_sync (Fixture *f)
{
  static guint n;
  g_autofree char *mark = g_strdup_printf ("sync %u", ++n);
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"%s\"}", mark);

  fake_server_say (f->server, text);
  fixture_expect (f, "pb-cue", "text", mark);
}

/* --- waiting -------------------------------------------------------------- */

void
fixture_wait (Fixture *f, const guint *counter, guint n)
{
  g_mutex_lock (&f->lock);
  while (*counter < n)
    g_cond_wait (&f->changed, &f->lock);
  g_mutex_unlock (&f->lock);
}

void
fixture_wait_state (Fixture *f, PbState state)
{
  g_mutex_lock (&f->lock);
  while (pb_webrtc_end_get_state (f->end) != state)
    g_cond_wait (&f->changed, &f->lock);
  g_mutex_unlock (&f->lock);
}

GstMessage *
fixture_pop (Fixture *f, const char *name)
{
  for (;;) {
    GstMessage *message =
        gst_bus_timed_pop_filtered (f->bus, WAIT, GST_MESSAGE_ELEMENT);

    if (message == NULL)
      g_error ("no %s came", name);
    if (gst_message_has_name (message, name))
      return message;
    gst_message_unref (message);
  }
}

void
fixture_expect (Fixture *f, const char *name, const char *field,
    const char *value)
{
  for (;;) {
    g_autoptr (GstMessage) message = fixture_pop (f, name);

    if (g_strcmp0 (gst_structure_get_string (gst_message_get_structure (
                                                 message),
                       field),
            value) == 0)
      return;
  }
}

guint
fixture_count (Fixture *f, const char *name)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_ELEMENT))) {
    n += gst_message_has_name (message, name);
    gst_message_unref (message);
  }

  return n;
}
