/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-server.h"
#include "glue/pb-gst-session.h"

/* PbGstSession: members that share a registration, as the two ends of an
 * element do that speaks WebRTC and SRT. */

#define WATCHDOG_S 60

typedef struct
{
  GMutex lock;
  GCond changed;
  guint n_registered, n_peers, n_faults;
  gboolean was_fatal;
  PbGstMember *handle;
} Member;

typedef struct
{
  FakeServer *server;
  PbGstSession *session;
  PbRegistration *registration;
  Member a, b;
  guint watchdog;
} Fixture;

static void
on_message (PbMessage *message, gpointer user_data)
{
  Member *self = user_data;

  g_mutex_lock (&self->lock);
  self->n_registered +=
      pb_message_get_message_type (message) == PB_MESSAGE_REGISTERED;
  self->n_peers += pb_message_get_message_type (message) == PB_MESSAGE_PEER;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static void
on_fault (PbFault fault, const char *detail, gpointer user_data)
{
  Member *self = user_data;

  g_mutex_lock (&self->lock);
  self->n_faults++;
  self->was_fatal = pb_fault_is_fatal (fault);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static void
wait_for (Member *self, const guint *counter, guint n)
{
  g_mutex_lock (&self->lock);
  while (*counter < n)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

static void
join (Fixture *f, Member *member)
{
  static const PbGstSessionCallbacks callbacks = { on_message, NULL, on_fault };

  member->handle =
      pb_gst_session_join (f->session, f->registration, &callbacks, member);
}

static void
leave (Fixture *f, Member *member)
{
  pb_gst_session_leave (f->session, g_steal_pointer (&member->handle));
}

static gpointer
watch (gpointer data)
{
  g_usleep (WATCHDOG_S * G_USEC_PER_SEC);
  g_error ("the test hangs");

  return NULL;
}

static void
member_init (Member *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = NULL;
  g_autofree char *address = NULL;

  f->server = fake_server_new ();
  address = g_strdup_printf ("pb://127.0.0.1:%u/demo",
      fake_server_get_port (f->server));
  uri = pb_uri_parse (address, &error);
  g_assert_no_error (error);
  f->session = pb_gst_session_new (uri, "p_test.test", "test/1");
  f->registration = pb_registration_new ("cam-wide", PB_DIRECTION_SEND);
  f->registration->transports = PB_TRANSPORT_WEBRTC | PB_TRANSPORT_SRT;
  member_init (&f->a);
  member_init (&f->b);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  g_assert_finalize_object (f->session);
  fake_server_free (f->server);
  pb_registration_free (f->registration);
  g_mutex_clear (&f->a.lock);
  g_cond_clear (&f->a.changed);
  g_mutex_clear (&f->b.lock);
  g_cond_clear (&f->b.changed);
}

static void
introduce (Fixture *f)
{
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"peer\",\"to\":\"%s\",\"peer\":\"somebody1\",\"stream\":"
      "\"cam-wide\",\"direction\":\"receive\",\"role\":\"caller\",\"ice\":true,"
      "\"transport\":\"webrtc\"}",
      f->registration->peer);

  fake_server_say (f->server, text);
}

static void
test_two_members_are_one_registration (Fixture *f, gconstpointer unused)
{
  join (f, &f->a);
  join (f, &f->b);
  wait_for (&f->a, &f->a.n_registered, 1);
  wait_for (&f->b, &f->b.n_registered, 1);
  introduce (f);
  wait_for (&f->a, &f->a.n_peers, 1);
  wait_for (&f->b, &f->b.n_peers, 1);
  g_assert_cmpuint (fake_server_count_messages (f->server, "register"), ==, 1);
  g_assert_cmpuint (f->a.n_registered, ==, 1);
  g_assert_cmpuint (f->b.n_registered, ==, 1);

  /* the first to leave takes nothing away */
  leave (f, &f->a);
  introduce (f);
  wait_for (&f->b, &f->b.n_peers, 2);
  g_assert_cmpuint (fake_server_count_messages (f->server, "leave"), ==, 0);
  g_assert_cmpuint (f->a.n_peers, ==, 1);

  leave (f, &f->b);
  fake_server_wait_messages (f->server, "leave", 1);
}

static void
test_late_member_hears_what_was_said (Fixture *f, gconstpointer unused)
{
  join (f, &f->a);
  wait_for (&f->a, &f->a.n_registered, 1);
  join (f, &f->b);
  wait_for (&f->b, &f->b.n_registered, 1);
  leave (f, &f->b);
  leave (f, &f->a);
  fake_server_wait_messages (f->server, "leave", 1);
  g_assert_cmpuint (fake_server_count_messages (f->server, "leave"), ==, 1);
}

static void
test_both_learn_that_it_has_ended (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strdup_printf ("{\"type\":\"closed\",\"reason\":"
                                           "\"replaced\",\"peer\":\"%s\"}",
      f->registration->peer);

  join (f, &f->a);
  join (f, &f->b);
  wait_for (&f->b, &f->b.n_registered, 1);
  fake_server_say (f->server, text);
  wait_for (&f->a, &f->a.n_faults, 1);
  wait_for (&f->b, &f->b.n_faults, 1);
  g_assert_true (f->a.was_fatal && f->b.was_fatal);
  leave (f, &f->a);
  leave (f, &f->b);
}

static void
test_both_come_back_together (Fixture *f, gconstpointer unused)
{
  join (f, &f->a);
  join (f, &f->b);
  wait_for (&f->b, &f->b.n_registered, 1);
  fake_server_hang_up (f->server, 1001);
  wait_for (&f->a, &f->a.n_registered, 2);
  wait_for (&f->b, &f->b.n_registered, 2);
  g_assert_cmpuint (fake_server_count_messages (f->server, "register"), ==, 2);
  leave (f, &f->a);
  leave (f, &f->b);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_thread_unref (g_thread_new ("watchdog", watch, NULL));

#define ADD(path, function)                                                    \
  g_test_add ("/session/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("two-members-are-one-registration",
      test_two_members_are_one_registration);
  ADD ("late-member-hears-what-was-said", test_late_member_hears_what_was_said);
  ADD ("both-learn-that-it-has-ended", test_both_learn_that_it_has_ended);
  ADD ("both-come-back-together", test_both_come_back_together);
#undef ADD

  return g_test_run ();
}
