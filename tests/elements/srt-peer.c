/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gio/gio.h>

#include "pb-srt-peer.h"

/* PbSrtPeer against another end that means harm: what it says is canned. */

#define US "peer-that-is-us"
#define THEM "peer-that-is-them"

typedef struct
{
  PbSrtPeer *peer;
  guint n_begun, n_sent;
  gint64 link; /* of the last message that we sent */
} Fixture;

static void
on_send (PbSrtPeer *peer, PbMessage *message, gpointer user_data)
{
  Fixture *f = user_data;
  g_autoptr (GError) error = NULL;

  /* whatever they say, what we say is in order */
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
  g_assert_no_error (error);
  f->link = pb_message_get_int (message, "link");
  f->n_sent++;
}

static guint
on_open_link (PbSrtPeer *peer, int fd, GSocketAddress *remote,
    gpointer user_data)
{
  g_assert_not_reached ();
}

static void
on_close_link (PbSrtPeer *peer, guint link, gpointer user_data)
{
  g_assert_not_reached ();
}

static void
on_changed (PbSrtPeer *peer, PbSrtPeerState state, PbFault fault,
    gboolean is_theirs, guint retry_in_ms, gpointer user_data)
{
  Fixture *f = user_data;

  f->n_begun += state == PB_SRT_PEER_CONNECTING;
}

static void
set_up (Fixture *f, gconstpointer is_caller)
{
  static const PbSrtPeerCallbacks callbacks = { on_send, on_open_link,
    on_close_link, on_changed };
  const char *addresses[] = { "127.0.0.1", NULL };
  PbIceConfig ice = { .addresses = addresses };

  f->peer = pb_srt_peer_new (g_main_context_default (), US, THEM,
      GPOINTER_TO_INT (is_caller), &ice, &callbacks, f);
  pb_srt_peer_introduce (f->peer);
  g_assert_cmpuint (f->n_begun, ==, 1);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  pb_srt_peer_free (f->peer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
say (Fixture *f, const char *kind, gint64 link)
{
  g_autofree char *text =
      g_strdup_printf ("{\"type\":\"signal\",\"from\":\"" THEM
                       "\",\"to\":\"" US "\",\"kind\":\"%s\","
                       "\"link\":%" G_GINT64_FORMAT ",\"data\":"
                       "{\"ufrag\":\"abcd\","
                       "\"pwd\":\"abcdefghijklmnopqrstuv\"}}",
          kind, link);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message =
      pb_message_parse (text, -1, PB_MESSAGE_TO_PEER, &error);

  g_assert_no_error (error);
  pb_srt_peer_handle_signal (f->peer, message);
}

/* Each attempt is an ICE agent with its sockets. */
static void
test_storm_of_attempts_is_slowed (Fixture *f, gconstpointer data)
{
  gint64 begun_us = g_get_monotonic_time ();
  guint seconds;

  for (guint i = 0; i < 2000; i++)
    say (f, "ice", 2 + 2 * i);
  seconds = 1 + (g_get_monotonic_time () - begun_us) / G_USEC_PER_SEC;
  g_assert_cmpuint (f->n_begun, >, 1);
  g_assert_cmpuint (f->n_begun, <=, 10 + 4 * seconds);
}

static void
test_attempts_never_run_out (Fixture *f, gconstpointer data)
{
  say (f, "ice", G_MAXINT32);
  say (f, "ice", G_MAXINT32 - 1);
  say (f, "restart", G_MAXINT32 - 1);
  g_assert_cmpuint (f->n_begun, ==, 1);
  g_assert_cmpint (f->link, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(end, is_caller, path, function)                                    \
  g_test_add ("/srt-peer/" end "/" path, Fixture,                              \
      GINT_TO_POINTER (is_caller), set_up, function, tear_down)
  ADD ("caller", TRUE, "storm-of-attempts-is-slowed",
      test_storm_of_attempts_is_slowed);
  ADD ("listener", FALSE, "storm-of-attempts-is-slowed",
      test_storm_of_attempts_is_slowed);
  ADD ("caller", TRUE, "attempts-never-run-out", test_attempts_never_run_out);
  ADD ("listener", FALSE, "attempts-never-run-out",
      test_attempts_never_run_out);
#undef ADD

  return g_test_run ();
}
