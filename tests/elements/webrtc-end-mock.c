/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "webrtc-end-mock.h"

#include "glue/pb-gst-debug.h"

#define WATCHDOG_S 120

char *
mock_wait_signal (Fixture *f, const char *kind, guint link, guint n)
{
  g_autofree char *pattern =
      g_strdup_printf ("*\"from\":\"" US "\"*\"kind\":\"%s\",\"link\":%u*",
          kind, link);

  return fake_server_wait_matches (f->server, pattern, n);
}

void
mock_expect_status (Fixture *f, const char *srt, const char *rest, guint n)
{
  g_autofree char *pattern =
      g_strdup_printf ("*\"status\",\"peer\":\"" US
                       "\",\"srt\":\"%s\",\"with\":\"" THEM
                       "\",\"transport\":\"webrtc\"%s*",
          srt, rest);

  g_free (fake_server_wait_matches (f->server, pattern, n));
}

void
mock_connect (Fixture *f)
{
  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  mock_peer_describe (1, "offer", "v=0");
  g_free (mock_wait_signal (f, "offer", 1, 1));
  fixture_signal (f, THEM, "answer", 1, "{\"sdp\":\"v=0\"}");
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 1);
}

static void
get_list (PbWebrtcPeer *peer, gpointer user_data)
{
  char ***out = user_data;
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < peer->remotes->len; i++)
    g_ptr_array_add (list, g_strdup (g_ptr_array_index (peer->remotes, i)));
  for (guint i = 0; i < peer->candidates->len; i++)
    g_ptr_array_add (list, g_strdup (g_ptr_array_index (peer->candidates, i)));
  g_ptr_array_add (list, NULL);
  *out = (char **) g_ptr_array_free (list, FALSE);
}

char *
mock_dup_heard (guint serial)
{
  g_auto (GStrv) list = NULL;

  g_assert_true (mock_peer_call (serial, get_list, &list));

  return g_strjoinv (" ", list);
}

static void
get_copy (PbWebrtcPeer *peer, gpointer user_data)
{
  *(PbWebrtcPeer *) user_data = *peer;
}

PbWebrtcPeer
mock_peek (guint serial)
{
  PbWebrtcPeer copy = { 0 };

  g_assert_true (mock_peer_call (serial, get_copy, &copy));

  return copy;
}

void
mock_tear_down (Fixture *f, gconstpointer unused)
{
  fixture_tear_down (f, NULL);
  mock_peers_reset ();
}

static gpointer
watch (gpointer data)
{
  g_usleep (WATCHDOG_S * G_USEC_PER_SEC);
  g_error ("the test hangs");

  return NULL;
}

void
mock_init (int *argc, char ***argv)
{
  gst_init (argc, argv);
  pb_gst_debug_init ();
  g_test_init (argc, argv, NULL);
  g_thread_unref (g_thread_new ("watchdog", watch, NULL));
}
