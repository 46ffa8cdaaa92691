/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../common/pb-mortal-child.h"
#include "srt-end.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSPHRASE "correcthorsebatterystaple1234567"
#define OTHER_PASSPHRASE "wronghorsebatterystaple123456789"

static PbSrtLinkOptions
listener_options (void)
{
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_LISTENER);

  options.local_host = "127.0.0.1";
  options.passphrase = PASSPHRASE;
  options.latency_ms = 60;
  options.stream_id = "demo/cam";
  return options;
}

static PbSrtLinkOptions
caller_options (guint16 port)
{
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_CALLER);

  options.host = "127.0.0.1";
  options.port = port;
  options.passphrase = PASSPHRASE;
  options.latency_ms = 60;
  options.stream_id = "#!::r=demo/cam,m=publish";
  return options;
}

typedef struct
{
  End *sender;
  End *receiver;
  guint listener;
  guint16 port;
} Pair;

/* A receiver that listens and a sender that has not called yet. */
static void
pair_set_up (Pair *pair, gconstpointer unused)
{
  const PbSrtLinkOptions options = listener_options ();

  pair->receiver = end_new (PB_DIRECTION_RECEIVE);
  pair->sender = end_new (PB_DIRECTION_SEND);
  pair->listener = end_add (pair->receiver, &options);
  pair->port = pb_srt_io_get_local_port (pair->receiver->io, pair->listener);
  g_assert_cmpuint (pair->port, !=, 0);
}

static void
pair_tear_down (Pair *pair, gconstpointer unused)
{
  end_free (pair->sender);
  end_free (pair->receiver);
}

static void
pair_expect_refusal (Pair *pair, const PbSrtLinkOptions *options, PbFault fault)
{
  const guint id = end_add (pair->sender, options);
  g_autoptr (Event) failed = NULL;
  g_autoptr (Event) refused = NULL;

  event_free (end_expect (pair->sender, EVENT_CONNECTING));
  failed = end_expect (pair->sender, EVENT_FAILED);
  g_assert_cmpuint (failed->link, ==, id);
  g_assert_cmpint (failed->fault, ==, fault);
  refused = end_expect (pair->receiver, EVENT_REFUSED);
  g_assert_cmpuint (refused->link, ==, pair->listener);
  g_assert_cmpint (refused->fault, ==, fault);
  g_assert_cmpuint (refused->count, ==, 1);
  g_assert_cmpuint (pb_srt_io_get_n_connected (pair->receiver->io), ==, 0);
}

static void
test_wrong_passphrase_is_told_on_both_sides (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);

  options.passphrase = OTHER_PASSPHRASE;
  pair_expect_refusal (pair, &options, PB_FAULT_WRONG_PASSPHRASE);
}

static void
test_missing_passphrase_is_told_on_both_sides (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);

  options.passphrase = NULL;
  pair_expect_refusal (pair, &options, PB_FAULT_UNENCRYPTED);
}

static void
test_unexpected_passphrase_is_told_on_both_sides (Pair *pair,
    gconstpointer unused)
{
  PbSrtLinkOptions open = listener_options ();
  PbSrtLinkOptions options;

  open.passphrase = NULL;
  pair->listener = end_add (pair->receiver, &open);
  options = caller_options (
      pb_srt_io_get_local_port (pair->receiver->io, pair->listener));
  pair_expect_refusal (pair, &options, PB_FAULT_UNENCRYPTED);
}

static void
test_other_stream_is_refused (Pair *pair, gconstpointer unused)
{
  static const char *wrong[] = { "#!::r=demo/other,m=publish", "demo/ca",
    "#!::m=publish", "#!::r=demo/cam2", "#!::", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    PbSrtLinkOptions options = caller_options (pair->port);
    g_autoptr (Event) failed = NULL;

    options.stream_id = wrong[i];
    end_add (pair->sender, &options);
    failed = end_wait_for (pair->sender, EVENT_FAILED);
    g_assert_cmpint (failed->fault, ==, PB_FAULT_STREAM_UNKNOWN);
  }
  event_free (end_expect (pair->receiver, EVENT_REFUSED));
  /* the others are within the second */
  g_assert_false (end_has_events (pair->receiver));
}

static void
test_receiver_refuses_a_receiver (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);

  options.stream_id = "#!::r=demo/cam,m=request";
  pair_expect_refusal (pair, &options, PB_FAULT_REFUSED);
}

static void
test_media_arrives_whole (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);
  g_autoptr (Event) there = NULL;
  g_autoptr (Event) here = NULL;
  PbSrtStats sent;
  PbSrtStats received;
  guint64 n;

  end_add (pair->sender, &options);
  event_free (end_expect (pair->sender, EVENT_CONNECTING));
  here = end_expect (pair->sender, EVENT_CONNECTED);
  there = end_expect (pair->receiver, EVENT_CONNECTED);
  g_assert_true (here->is_encrypted);
  g_assert_true (there->is_encrypted);
  g_assert_cmpuint (here->key_length, ==, 32);
  g_assert_cmpuint (there->key_length, ==, 32);
  g_assert_cmpuint (here->latency_ms, ==, 60);
  g_assert_cmpuint (there->latency_ms, ==, 60);
  g_assert_cmpuint (there->peer_version, >=, 0x010500);
  g_assert_cmpstr (there->stream_id, ==, options.stream_id);
  g_assert_cmpuint (there->listener, ==, pair->listener);

  n = end_send (pair->sender, 2.0, 20, 5);
  end_wait_for_packets (pair->receiver, n);
  g_assert_cmpuint (pair->receiver->n_packets, ==, n);
  g_assert_cmpuint (pair->receiver->n_wrong, ==, 0);
  g_assert_cmpuint (pair->receiver->n_discont, ==, 1);

  pb_srt_io_stop (pair->sender->io);
  event_free (end_expect (pair->receiver, EVENT_CLOSED));
  g_assert_true (pb_srt_io_get_stats (pair->sender->io, 0, &sent));
  g_assert_true (pb_srt_io_get_stats (pair->receiver->io, 0, &received));
  g_assert_cmpuint (sent.packets_sent, >=, n / 7);
  g_assert_cmpuint (sent.packets_overflowed, ==, 0);
  g_assert_cmpuint (received.packets_delivered, ==, sent.packets_sent);
  /* libsrt's own counters are of the last sample */
  g_assert_cmpuint (received.packets_received, >, 0);
  g_assert_cmpuint (received.packets_undecrypted, ==, 0);
  g_assert_cmpuint (received.n_links, ==, 0);
  g_test_message ("%" G_GUINT64_FORMAT " messages for %" G_GUINT64_FORMAT
                  " packets in %" G_GUINT64_FORMAT " reads",
      sent.packets_sent, n, pair->receiver->n_batches);
}

static void
test_key_refresh_goes_unnoticed (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);
  PbSrtStats stats;
  guint64 n;

  /* libsrt holds two keys: who stands still for as long as one is good for, on
   * a busy machine, reads what was sent with the one before as rubbish */
  options.km_refresh_packets = 1500;
  end_add (pair->sender, &options);
  event_free (end_wait_for (pair->sender, EVENT_CONNECTED));
  n = end_send (pair->sender, 3.5, 20, 7);
  end_wait_for_packets (pair->receiver, n);
  g_assert_cmpuint (pair->receiver->n_wrong, ==, 0);
  g_assert_true (pb_srt_io_get_stats (pair->receiver->io, 0, &stats));
  g_assert_cmpuint (stats.packets_undecrypted, ==, 0);
  g_assert_cmpuint (n / 7, >, 3 * 1500);
}

static void
test_acquired_sockets_meet (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (End) receiver = end_new (PB_DIRECTION_RECEIVE);
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  const int there = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  const int here = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  g_autoptr (GSocketAddress) address = pb_srt_udp_get_address (there);
  PbSrtLinkOptions listen = listener_options ();
  PbSrtLinkOptions call = caller_options (0);

  g_assert_no_error (error);
  fcntl (here, F_SETFL, O_NONBLOCK); /* as libnice leaves it */
  listen.fd = there;
  call.fd = here;
  call.host = NULL;
  call.peer = address;
  end_add (receiver, &listen);

  /* one socket, several attempts */
  for (guint i = 0; i < 3; i++) {
    g_autoptr (Event) failed = NULL;

    call.passphrase = OTHER_PASSPHRASE;
    end_add (sender, &call);
    failed = end_wait_for (sender, EVENT_FAILED);
    g_assert_cmpint (failed->fault, ==, PB_FAULT_WRONG_PASSPHRASE);
  }
  call.passphrase = PASSPHRASE;
  for (guint i = 0; i < 2; i++) {
    const guint64 before = receiver->n_packets;
    const guint id = end_add (sender, &call);
    guint64 n;

    g_assert_cmpuint (pb_srt_io_get_local_port (sender->io, id), ==,
        pb_srt_udp_get_port (here));
    event_free (end_wait_for (sender, EVENT_CONNECTED));
    event_free (end_wait_for (receiver, EVENT_CONNECTED));
    n = end_send (sender, 0.2, 8, 7);
    end_wait_for_packets (receiver, before + n);
    g_assert_cmpuint (receiver->n_wrong, ==, 0);
    pb_srt_io_remove_link (sender->io, id);
    event_free (end_wait_for (receiver, EVENT_CLOSED));
  }
  g_assert_cmpint (fcntl (here, F_GETFL) & O_NONBLOCK, ==, 0);
  close (here);
  close (there);
}

static void
test_nobody_there_times_out (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  const int silent = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  PbSrtLinkOptions options = caller_options (pb_srt_udp_get_port (silent));
  g_autoptr (Event) failed = NULL;
  gint64 start;

  options.connect_timeout_ms = 300;
  start = g_get_monotonic_time ();
  end_add (sender, &options);
  failed = end_wait_for (sender, EVENT_FAILED);
  g_assert_cmpint (failed->fault, ==, PB_FAULT_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 290 * 1000);
  close (silent);
}

static void
test_rendezvous_meets (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (End) receiver = end_new (PB_DIRECTION_RECEIVE);
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  const int fds[2] = { pb_srt_udp_bind ("127.0.0.1", 0, &error),
    pb_srt_udp_bind ("127.0.0.1", 0, &error) };
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_RENDEZVOUS);
  guint64 n;

  g_assert_no_error (error);
  options.host = "127.0.0.1";
  options.passphrase = PASSPHRASE;
  options.latency_ms = 60;
  options.fd = fds[0];
  options.port = pb_srt_udp_get_port (fds[1]);
  end_add (receiver, &options);
  options.fd = fds[1];
  options.port = pb_srt_udp_get_port (fds[0]);
  end_add (sender, &options);
  event_free (end_wait_for (sender, EVENT_CONNECTED));
  event_free (end_wait_for (receiver, EVENT_CONNECTED));
  n = end_send (sender, 0.3, 8, 7);
  end_wait_for_packets (receiver, n);
  g_assert_cmpuint (receiver->n_wrong, ==, 0);
  close (fds[0]);
  close (fds[1]);
}

static void
test_rendezvous_with_another_key_fails_on_both_sides (void)
{
  g_autoptr (GError) error = NULL;
  End *ends[2] = { end_new (PB_DIRECTION_RECEIVE),
    end_new (PB_DIRECTION_SEND) };
  const int fds[2] = { pb_srt_udp_bind ("127.0.0.1", 0, &error),
    pb_srt_udp_bind ("127.0.0.1", 0, &error) };
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_RENDEZVOUS);

  g_assert_no_error (error);
  options.host = "127.0.0.1";
  for (guint i = 0; i < 2; i++) {
    options.fd = fds[i];
    options.port = pb_srt_udp_get_port (fds[1 - i]);
    options.passphrase = i == 0 ? PASSPHRASE : OTHER_PASSPHRASE;
    end_add (ends[i], &options);
  }
  for (guint i = 0; i < 2; i++) {
    g_autoptr (Event) failed = end_wait_for (ends[i], EVENT_FAILED);

    g_assert_cmpint (failed->fault, ==, PB_FAULT_WRONG_PASSPHRASE);
    end_free (ends[i]);
    close (fds[i]);
  }
}

static void
test_several_receivers_get_the_same (void)
{
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  End *receivers[3];
  PbSrtLinkOptions listen = listener_options ();
  PbSrtLinkOptions call;
  guint listener = end_add (sender, &listen);
  guint64 n;

  call = caller_options (pb_srt_io_get_local_port (sender->io, listener));
  call.stream_id = "demo/cam";
  for (guint i = 0; i < G_N_ELEMENTS (receivers); i++) {
    receivers[i] = end_new (PB_DIRECTION_RECEIVE);
    end_add (receivers[i], &call);
    event_free (end_wait_for (receivers[i], EVENT_CONNECTED));
    event_free (end_wait_for (sender, EVENT_CONNECTED));
  }
  g_assert_cmpuint (pb_srt_io_get_n_connected (sender->io), ==, 3);
  n = end_send (sender, 0.5, 10, 7);
  for (guint i = 0; i < G_N_ELEMENTS (receivers); i++) {
    end_wait_for_packets (receivers[i], n);
    g_assert_cmpuint (receivers[i]->n_packets, ==, n);
    g_assert_cmpuint (receivers[i]->n_wrong, ==, 0);
    end_free (receivers[i]);
    event_free (end_wait_for (sender, EVENT_CLOSED));
  }
  g_assert_cmpuint (pb_srt_io_get_n_connected (sender->io), ==, 0);
}

static void
test_second_sender_finds_the_slot_taken (void)
{
  g_autoptr (End) receiver = end_new (PB_DIRECTION_RECEIVE);
  g_autoptr (End) first = end_new (PB_DIRECTION_SEND);
  g_autoptr (End) second = end_new (PB_DIRECTION_SEND);
  PbSrtLinkOptions listen = listener_options ();
  PbSrtLinkOptions call;
  guint id;
  g_autoptr (Event) failed = NULL;
  g_autoptr (Event) refused = NULL;

  listen.max_links = 1;
  id = end_add (receiver, &listen);
  call = caller_options (pb_srt_io_get_local_port (receiver->io, id));
  id = end_add (first, &call);
  event_free (end_wait_for (receiver, EVENT_CONNECTED));
  event_free (end_wait_for (first, EVENT_CONNECTED));

  end_add (second, &call);
  failed = end_wait_for (second, EVENT_FAILED);
  g_assert_cmpint (failed->fault, ==, PB_FAULT_SLOT_TAKEN);
  refused = end_expect (receiver, EVENT_REFUSED);
  g_assert_cmpint (refused->fault, ==, PB_FAULT_SLOT_TAKEN);
  g_assert_cmpuint (pb_srt_io_get_n_connected (receiver->io), ==, 1);

  pb_srt_io_remove_link (first->io, id);
  event_free (end_wait_for (receiver, EVENT_CLOSED));
  end_add (second, &call);
  event_free (end_wait_for (second, EVENT_CONNECTED));
}

static void
test_port_in_use_is_told (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (End) end = end_new (PB_DIRECTION_RECEIVE);
  g_autoptr (End) again = NULL;
  const int taken = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  PbSrtLinkOptions options = listener_options ();
  guint id;

  g_assert_no_error (error);
  options.local_port = pb_srt_udp_get_port (taken);
  g_assert_cmpuint (pb_srt_io_add_link (end->io, &options, &error), ==, 0);
  g_assert_error (error, PB_SRT_FAULT, PB_FAULT_PORT_IN_USE);
  g_clear_error (&error);
  close (taken);

  /* and that a restart on the same port works at once */
  id = end_add (end, &options);
  g_assert_cmpuint (pb_srt_io_get_local_port (end->io, id), ==,
      options.local_port);
  g_assert_cmpuint (pb_srt_io_add_link (end->io, &options, &error), ==, 0);
  g_assert_error (error, PB_SRT_FAULT, PB_FAULT_PORT_IN_USE);
  pb_srt_io_stop (end->io);
  again = end_new (PB_DIRECTION_RECEIVE);
  end_add (again, &options);
}

static void
test_stop_during_connect_is_quick (void)
{
  g_autoptr (GError) error = NULL;
  const int silent = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  const PbSrtLinkOptions options =
      caller_options (pb_srt_udp_get_port (silent));
  End *sender = end_new (PB_DIRECTION_SEND);
  gint64 start;
  gint64 took;

  for (guint i = 0; i < 5; i++)
    end_add (sender, &options);
  event_free (end_wait_for (sender, EVENT_CONNECTING));
  start = g_get_monotonic_time ();
  pb_srt_io_stop (sender->io);
  took = g_get_monotonic_time () - start;
  g_test_message ("stopped in %" G_GINT64_FORMAT " us", took);
  /* the connect itself would take 3 s */
  g_assert_cmpint (took, <, 1500 * 1000);
  end_free (sender);
  close (silent);
}

typedef struct
{
  GMutex lock;
  GCond changed;
  guint16 port;
  guint n_failed;       /* lock */
  gboolean has_stopped; /* lock */
} Caller;

static void
on_failed_call_again (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  Caller *caller = user_data;
  PbSrtLinkOptions options = caller_options (caller->port);
  PbSrtStats stats;

  options.connect_timeout_ms = 50;
  g_assert_true (pb_srt_io_get_stats (io, 0, &stats));
  g_assert_false (pb_srt_io_get_stats (io, link->id, &stats));
  pb_srt_io_remove_link (io, link->id);
  if (caller->n_failed + 1 < 4)
    g_assert_cmpuint (pb_srt_io_add_link (io, &options, NULL), >, link->id);
  else
    pb_srt_io_stop (io);

  g_mutex_lock (&caller->lock);
  caller->n_failed++;
  caller->has_stopped = caller->n_failed == 4;
  g_cond_signal (&caller->changed);
  g_mutex_unlock (&caller->lock);
}

static void
test_callbacks_may_call_back (void)
{
  const PbSrtIoCallbacks callbacks = { .failed = on_failed_call_again };
  const PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (PB_DIRECTION_SEND);
  g_autoptr (GError) error = NULL;
  const int silent = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  Caller caller = { .port = pb_srt_udp_get_port (silent) };
  PbSrtLinkOptions options = caller_options (caller.port);
  g_autoptr (PbSrtIo) io = pb_srt_io_new (&config, &callbacks, &caller);

  options.connect_timeout_ms = 50;
  /* what is added before the start waits for it */
  g_assert_cmpuint (pb_srt_io_add_link (io, &options, &error), !=, 0);
  g_assert_true (pb_srt_io_start (io, &error));
  g_assert_no_error (error);
  g_mutex_lock (&caller.lock);
  while (!caller.has_stopped)
    g_cond_wait (&caller.changed, &caller.lock);
  g_mutex_unlock (&caller.lock);
  close (silent);
}

static gpointer
push_one (gpointer data)
{
  guint64 counter = 0;

  return GINT_TO_POINTER (
      pb_srt_io_push (data, make_packets (&counter, 7)) ? 1 : 2);
}

static void
test_unconnected_packets_are_counted (void)
{
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  guint64 counter = 0;
  PbSrtStats stats;

  for (guint i = 0; i < 10; i++)
    g_assert_true (pb_srt_io_push (sender->io, make_packets (&counter, 14)));
  g_assert_true (pb_srt_io_get_stats (sender->io, 0, &stats));
  g_assert_cmpuint (stats.packets_unconnected, ==, 20);
}

static void
test_waiting_push_ends_with_flush_and_stop (void)
{
  PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (PB_DIRECTION_SEND);
  g_autoptr (End) sender = NULL;
  GThread *thread;

  config.wait_for_connection = TRUE;
  sender = end_new_full (&config);
  thread = g_thread_new ("push", push_one, sender->io);
  pb_srt_io_set_flushing (sender->io, TRUE);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 2);
  pb_srt_io_set_flushing (sender->io, FALSE);
  thread = g_thread_new ("push", push_one, sender->io);
  pb_srt_io_stop (sender->io);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 2);
}

static void
test_waiting_push_goes_on_when_connected (void)
{
  PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (PB_DIRECTION_SEND);
  g_autoptr (End) receiver = end_new (PB_DIRECTION_RECEIVE);
  g_autoptr (End) sender = NULL;
  const PbSrtLinkOptions listen = listener_options ();
  PbSrtLinkOptions call;
  GThread *thread;
  guint id;

  config.wait_for_connection = TRUE;
  sender = end_new_full (&config);
  thread = g_thread_new ("push", push_one, sender->io);
  id = end_add (receiver, &listen);
  call = caller_options (pb_srt_io_get_local_port (receiver->io, id));
  end_add (sender, &call);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 1);
  end_wait_for_packets (receiver, 7);
}

static void
test_two_hundred_lives (void)
{
  for (guint i = 0; i < 200; i++) {
    g_autoptr (End) end =
        end_new (i % 2 == 0 ? PB_DIRECTION_SEND : PB_DIRECTION_RECEIVE);
    const PbSrtLinkOptions listen = listener_options ();
    const PbSrtLinkOptions call = caller_options (9);

    end_add (end, &listen);
    if (i % 3 == 0)
      end_add (end, &call);
  }
}

static void
test_host_names_are_looked_up (Pair *pair, gconstpointer unused)
{
  PbSrtLinkOptions options = caller_options (pair->port);
  g_autoptr (Event) failed = NULL;

  options.host = "localhost.invalid";
  end_add (pair->sender, &options);
  failed = end_wait_for (pair->sender, EVENT_FAILED);
  g_assert_true (
      failed->fault == PB_FAULT_NO_PATH || failed->fault == PB_FAULT_TIMED_OUT);
}

static void
test_ipv6_and_both_at_once (void)
{
  static const char *const places[][2] = { { "::1", "::1" },
    { "::", "127.0.0.1" }, { "::", "::1" } };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autoptr (End) receiver = end_new (PB_DIRECTION_RECEIVE);
    g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
    PbSrtLinkOptions listen = listener_options ();
    PbSrtLinkOptions call;
    guint64 n;
    guint id;

    listen.local_host = places[i][0];
    id = end_add (receiver, &listen);
    call = caller_options (pb_srt_io_get_local_port (receiver->io, id));
    call.host = places[i][1];
    end_add (sender, &call);
    event_free (end_wait_for (sender, EVENT_CONNECTED));
    event_free (end_wait_for (receiver, EVENT_CONNECTED));
    n = end_send (sender, 0.1, 8, 7);
    end_wait_for_packets (receiver, n);
  }
}

/* ---- another program at the other end ---- */

static GPid
spawn (char **argv)
{
  g_autoptr (GError) error = NULL;
  GPid pid = 0;

  g_spawn_async (NULL, argv, NULL,
      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
          G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
      pb_die_with_parent, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

static void
end_process (GPid pid, int sig)
{
  kill (pid, sig);
  waitpid (pid, NULL, 0);
  g_spawn_close_pid (pid);
}

/* A lossy way to `to`; the port to call comes back. */
static GPid
spawn_netsim (guint16 to, const char *loss, const char *delay, guint16 *port)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *to_text = g_strdup_printf ("%u", to);
  const char *argv[] = { PB_NETSIM, "--to", to_text, "--seed", "7", "--loss",
    loss, "--delay", delay, NULL };
  char line[64] = "";
  gsize at = 0;
  GPid pid = 0;
  int out;

  g_spawn_async_with_pipes (NULL, (char **) argv, NULL,
      G_SPAWN_DO_NOT_REAP_CHILD, pb_die_with_parent, NULL, &pid, NULL, &out,
      NULL, &error);
  g_assert_no_error (error);
  while (
      at < sizeof line - 1 && read (out, line + at, 1) == 1 && line[at] != '\n')
    at++;
  g_assert_cmpint (sscanf (line, "listening on %hu", port), ==, 1);
  /* what it says at its end may go nowhere: the pipe holds it */
  return pid;
}

static void
test_what_cannot_be_recovered_is_told (Pair *pair, gconstpointer unused)
{
  guint16 port;
  /* the second try of a packet comes a round trip of 160 ms too late */
  GPid pid = spawn_netsim (pair->port, "4", "80", &port);
  PbSrtLinkOptions options = caller_options (port);
  PbSrtStats stats;

  end_add (pair->sender, &options);
  event_free (end_wait_for (pair->sender, EVENT_CONNECTED));
  event_free (end_wait_for (pair->receiver, EVENT_CONNECTED));
  end_send (pair->sender, 2.0, 8, 7);
  end_wait_for_packets (pair->receiver, 7 * 500);
  pb_srt_io_stop (pair->sender->io);
  event_free (end_wait_for (pair->receiver, EVENT_CLOSED));
  g_assert_true (pb_srt_io_get_stats (pair->receiver->io, 0, &stats));
  g_assert_cmpuint (stats.packets_lost, >, 0);
  g_assert_cmpuint (stats.packets_dropped, >, 0);
  /* what came is right, and every hole is marked */
  g_assert_cmpuint (pair->receiver->n_wrong, ==, 0);
  g_assert_cmpuint (pair->receiver->n_discont, >, 1);
  end_process (pid, SIGTERM);
}

static void
test_what_can_be_recovered_is (Pair *pair, gconstpointer unused)
{
  guint16 port;
  GPid pid = spawn_netsim (pair->port, "5", "5", &port);
  PbSrtLinkOptions options = caller_options (port);
  g_autoptr (Event) connected = NULL;
  PbSrtStats stats;
  guint64 n;

  /* long enough for a machine that is kept busy by others, too */
  options.latency_ms = 4000;
  options.connect_timeout_ms = 8000;
  end_add (pair->sender, &options);
  event_free (end_wait_for (pair->sender, EVENT_CONNECTED));
  connected = end_wait_for (pair->receiver, EVENT_CONNECTED);
  g_assert_cmpuint (connected->latency_ms, ==, 4000);
  n = end_send (pair->sender, 2.2, 8, 7);
  /* libsrt learns of a loss by what follows: the very last are not asked for */
  end_wait_for_packets (pair->receiver, n - n / 11);
  g_assert_cmpuint (pair->receiver->n_wrong, ==, 0);
  g_assert_cmpuint (pair->receiver->n_discont, ==, 1);
  g_assert_true (pb_srt_io_get_stats (pair->receiver->io, 0, &stats));
  g_assert_cmpuint (stats.packets_lost, >, 0);
  g_assert_cmpuint (stats.packets_dropped, ==, 0);
  g_assert_cmpfloat (stats.rtt_ms, >, 5);
  end_process (pid, SIGTERM);
}

static gboolean
has_program (const char *name)
{
  g_autofree char *path = g_find_program_in_path (name);

  if (path == NULL)
    g_test_skip ("the program is not installed");
  return path != NULL;
}

static void
test_srt_live_transmit_calls (Pair *pair, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = g_strdup_printf ("srt://127.0.0.1:%u?mode=caller"
                                          "&latency=60&passphrase=" PASSPHRASE
                                          "&pbkeylen=32&streamid=demo/cam",
      pair->port);
  const int free_port = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  g_autofree char *udp =
      g_strdup_printf ("udp://127.0.0.1:%u", pb_srt_udp_get_port (free_port));
  char *argv[] = { (char *) "srt-live-transmit", udp, uri, NULL };
  g_autoptr (GSocketAddress) to = pb_srt_udp_get_address (free_port);
  g_autoptr (GSocket) feed = NULL;
  g_autoptr (Event) connected = NULL;
  guint64 counter = 0;
  GPid pid;

  if (!has_program (argv[0]))
    return;
  close (free_port);
  pid = spawn (argv);
  connected = end_expect (pair->receiver, EVENT_CONNECTED);
  g_assert_true (connected->is_encrypted);
  g_assert_cmpuint (connected->key_length, ==, 32);

  feed = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM,
      G_SOCKET_PROTOCOL_UDP, &error);
  g_assert_no_error (error);
  while (counter < 7 * 500) {
    GstBuffer *buffer = make_packets (&counter, 7);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    g_socket_send_to (feed, to, (const char *) map.data, map.size, NULL,
        &error);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
    g_assert_no_error (error);
    g_usleep (500); /* a pace that UDP survives */
  }
  end_wait_for_packets (pair->receiver, counter / 2);
  g_assert_cmpuint (pair->receiver->n_discont, ==, 1);

  end_process (pid, SIGTERM);
  event_free (end_wait_for (pair->receiver, EVENT_CLOSED));
}

static void
test_killed_peer_is_lost (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (End) sender = end_new (PB_DIRECTION_SEND);
  const int free_port = pb_srt_udp_bind ("127.0.0.1", 0, &error);
  const guint16 port = pb_srt_udp_get_port (free_port);
  g_autofree char *uri =
      g_strdup_printf ("srt://127.0.0.1:%u?mode=listener"
                       "&latency=60&passphrase=" PASSPHRASE "&pbkeylen=32",
          port);
  char *argv[] = { (char *) "srt-live-transmit", uri, (char *) "file://con",
    NULL };
  PbSrtLinkOptions options = caller_options (port);
  g_autoptr (Event) closed = NULL;
  g_autoptr (Event) event = NULL;
  guint64 n;
  GPid pid;

  if (!has_program (argv[0]))
    return;
  close (free_port);
  pid = spawn (argv);
  options.idle_timeout_ms = 800;
  options.connect_timeout_ms = 5000;
  end_add (sender, &options);
  event_free (end_wait_for (sender, EVENT_CONNECTED));
  n = end_send (sender, 0.5, 4, 7);
  g_assert_cmpuint (n, >, 0);
  end_process (pid, SIGKILL);
  closed = end_wait_for (sender, EVENT_CLOSED);
  g_assert_cmpint (closed->fault, ==, PB_FAULT_PEER_LOST);
}

static void
on_alarm (int sig)
{
  static const char text[] = "Bail out! the watchdog bit\n";

  if (write (STDOUT_FILENO, text, sizeof text - 1) > 0)
    _exit (1);
  _exit (2);
}

int
main (int argc, char **argv)
{
  signal (SIGALRM, on_alarm);
  alarm (500);
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);

#define ADD_PAIR(name, function)                                               \
  g_test_add ("/srt-io/" name, Pair, NULL, pair_set_up, function,              \
      pair_tear_down)
  ADD_PAIR ("media-arrives-whole", test_media_arrives_whole);
  ADD_PAIR ("wrong-passphrase-is-told-on-both-sides",
      test_wrong_passphrase_is_told_on_both_sides);
  ADD_PAIR ("missing-passphrase-is-told-on-both-sides",
      test_missing_passphrase_is_told_on_both_sides);
  ADD_PAIR ("unexpected-passphrase-is-told-on-both-sides",
      test_unexpected_passphrase_is_told_on_both_sides);
  ADD_PAIR ("other-stream-is-refused", test_other_stream_is_refused);
  ADD_PAIR ("receiver-refuses-a-receiver", test_receiver_refuses_a_receiver);
  ADD_PAIR ("key-refresh-goes-unnoticed", test_key_refresh_goes_unnoticed);
  ADD_PAIR ("host-names-are-looked-up", test_host_names_are_looked_up);
  ADD_PAIR ("srt-live-transmit-calls", test_srt_live_transmit_calls);
  ADD_PAIR ("what-can-be-recovered-is", test_what_can_be_recovered_is);
  ADD_PAIR ("what-cannot-be-recovered-is-told",
      test_what_cannot_be_recovered_is_told);
  g_test_add_func ("/srt-io/ipv6-and-both-at-once", test_ipv6_and_both_at_once);
  g_test_add_func ("/srt-io/acquired-sockets-meet", test_acquired_sockets_meet);
  g_test_add_func ("/srt-io/nobody-there-times-out",
      test_nobody_there_times_out);
  g_test_add_func ("/srt-io/rendezvous-meets", test_rendezvous_meets);
  g_test_add_func ("/srt-io/rendezvous-with-another-key-fails-on-both-sides",
      test_rendezvous_with_another_key_fails_on_both_sides);
  g_test_add_func ("/srt-io/several-receivers-get-the-same",
      test_several_receivers_get_the_same);
  g_test_add_func ("/srt-io/second-sender-finds-the-slot-taken",
      test_second_sender_finds_the_slot_taken);
  g_test_add_func ("/srt-io/port-in-use-is-told", test_port_in_use_is_told);
  g_test_add_func ("/srt-io/stop-during-connect-is-quick",
      test_stop_during_connect_is_quick);
  g_test_add_func ("/srt-io/callbacks-may-call-back",
      test_callbacks_may_call_back);
  g_test_add_func ("/srt-io/unconnected-packets-are-counted",
      test_unconnected_packets_are_counted);
  g_test_add_func ("/srt-io/waiting-push-ends-with-flush-and-stop",
      test_waiting_push_ends_with_flush_and_stop);
  g_test_add_func ("/srt-io/waiting-push-goes-on-when-connected",
      test_waiting_push_goes_on_when_connected);
  g_test_add_func ("/srt-io/two-hundred-lives", test_two_hundred_lives);
  g_test_add_func ("/srt-io/killed-peer-is-lost", test_killed_peer_is_lost);
  return g_test_run ();
}
