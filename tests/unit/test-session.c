/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-session.h"

#include "core/pb-limits.h"

#define CREATED G_GINT64_CONSTANT (1795374000)

static const char *const two[] = { "cam-wide", "cam-close", NULL };

typedef struct
{
  PbSession *session;
  GString *changes; /* "cam-wide WAITING READY;" … */
} Fixture;

static void
on_state_changed (PbSession *session, const char *stream, PbState from,
    PbState to, Fixture *f)
{
  PbState now;

  g_assert_true (pb_session_get_stream_state (session, stream, &now, NULL));
  g_assert_cmpint (now, ==, to);
  g_string_append_printf (f->changes, "%s %s %s;", stream,
      pb_state_get_name (from), pb_state_get_name (to));
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  f->session = pb_session_new ("demo", two, 200, 1800, PB_CIPHER_AES_256,
      CREATED, &error);
  g_assert_no_error (error);
  f->changes = g_string_new (NULL);
  g_signal_connect (f->session, "state-changed", G_CALLBACK (on_state_changed),
      f);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  g_assert_finalize_object (f->session);
  g_string_free (f->changes, TRUE);
}

static void
feed (Fixture *f, const char *stream, PbEvent event)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (pb_session_feed (f->session, stream, event, &error));
  g_assert_no_error (error);
}

static PbState
state_of (Fixture *f, const char *stream)
{
  g_autoptr (GError) error = NULL;
  PbState state;

  g_assert_true (
      pb_session_get_stream_state (f->session, stream, &state, &error));

  return state;
}

static void
test_it_is_what_was_asked_for (Fixture *f, gconstpointer unused)
{
  g_assert_cmpstr (pb_session_get_name (f->session), ==, "demo");
  g_assert_true (g_strv_equal (pb_session_get_streams (f->session), two));
  g_assert_true (pb_session_has_stream (f->session, "cam-close"));
  g_assert_false (pb_session_has_stream (f->session, "cam"));
  g_assert_false (pb_session_has_stream (f->session, NULL));
  g_assert_cmpuint (pb_session_get_latency (f->session), ==, 200);
  g_assert_cmpuint (pb_session_get_ttl (f->session), ==, 1800);
  g_assert_cmpint (pb_session_get_cipher (f->session), ==, PB_CIPHER_AES_256);
  g_assert_cmpint (pb_session_get_created (f->session), ==, CREATED);
  g_assert_cmpint (pb_session_get_expires (f->session), ==, CREATED + 1800);
  g_assert_cmpint (pb_session_get_state (f->session), ==, PB_STATE_WAITING);
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-wide"), ==,
      PB_TALLY_OFF);
}

static void
refuse_new (const char *name, const char *const *streams, guint latency,
    guint ttl, guint cipher, gint64 created)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      pb_session_new (name, streams, latency, ttl, cipher, created, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

static void
test_what_no_session_can_be (void)
{
  static const char *const none[] = { NULL };
  static const char *const twice[] = { "a", "b", "a", NULL };
  static const char *const bad[] = { "a", "b/c", NULL };
  static const char *const *const wrong[] = { NULL, none, twice, bad };
  const char *many[PB_STREAMS_DEFAULT_MAX + 2] = { NULL };
  char names[PB_STREAMS_DEFAULT_MAX + 1][8];
  g_autoptr (PbSession) session = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    refuse_new ("demo", wrong[i], 200, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new (NULL, two, 200, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new ("", two, 200, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new ("-x", two, 200, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new ("demo", two, 19, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new ("demo", two, 8001, 1800, PB_CIPHER_AES_256, CREATED);
  refuse_new ("demo", two, 200, 9, PB_CIPHER_AES_256, CREATED);
  refuse_new ("demo", two, 200, 86401, PB_CIPHER_AES_256, CREATED);
  refuse_new ("demo", two, 200, 1800, 2, CREATED);
  refuse_new ("demo", two, 200, 1800, PB_CIPHER_AES_256, -1);
  refuse_new ("demo", two, 200, 1800, PB_CIPHER_AES_256, G_MAXINT64);

  for (guint i = 0; i <= PB_STREAMS_DEFAULT_MAX; i++) {
    g_snprintf (names[i], sizeof names[i], "s%u", i);
    many[i] = names[i];
  }
  refuse_new ("demo", many, 200, 1800, PB_CIPHER_AES_256, CREATED);
  many[PB_STREAMS_DEFAULT_MAX] = NULL;
  session = pb_session_new ("demo", many, 20, 10, PB_CIPHER_AES_128, 0, NULL);
  g_assert_nonnull (session);
}

static void
test_media_before_a_match_is_refused (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (
      pb_session_feed (f->session, "cam-wide", PB_EVENT_MEDIA_UP, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
  g_assert_cmpint (pb_session_get_state (f->session), ==, PB_STATE_WAITING);
  g_assert_cmpstr (f->changes->str, ==, "");
}

/* Brings a fresh session's slot to a state. */
static void
go_to (Fixture *f, PbState state)
{
  if (state == PB_STATE_CLOSED)
    feed (f, "cam-wide", PB_EVENT_CLOSE);
  else if (state != PB_STATE_WAITING)
    feed (f, "cam-wide", PB_EVENT_MATCHED);
  if (state == PB_STATE_CONNECTED)
    feed (f, "cam-wide", PB_EVENT_MEDIA_UP);
  if (state == PB_STATE_RELAYING)
    feed (f, "cam-wide", PB_EVENT_RELAYED);
  g_string_truncate (f->changes, 0);
}

/* The drawing in the documentation is the specification: every edge of it is
 * taken, every other event refused, and the table has no edge beside it. */
static void
test_the_edges_are_those_of_the_drawing (void)
{
  g_autofree char *path =
      g_build_filename (TEST_DATA, "..", "..", "docs", "sessions.gv", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GHashTable) drawn =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GRegex) edge =
      g_regex_new ("^\\s*([A-Z]+) -> ([A-Z]+) \\[label = \"([A-Z_]+)\"\\];$",
          G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) labels = NULL;
  PbState from, to;
  PbEvent event;
  guint n_drawn = 0, n_edges = 0, n_refused = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, &error));
  for (g_regex_match (edge, text, 0, &match); g_match_info_matches (match);
       g_match_info_next (match, NULL)) {
    g_autofree char *start = g_match_info_fetch (match, 1);
    g_autofree char *end = g_match_info_fetch (match, 2);
    g_autofree char *label = g_match_info_fetch (match, 3);

    g_assert_true (g_hash_table_insert (drawn,
        g_strdup_printf ("%s %s", start, label), g_steal_pointer (&end)));
    n_drawn++;
  }
  /* and no line of another form hides one */
  labels = g_strsplit (text, "label =", -1);
  g_assert_cmpuint (n_drawn, ==, g_strv_length (labels) - 1);

  for (; pb_state_edge (n_edges, &from, &event, &to); n_edges++) {
    g_autofree char *key = g_strdup_printf ("%s %s", pb_state_get_name (from),
        pb_event_get_name (event));

    g_assert_cmpstr (g_hash_table_lookup (drawn, key), ==,
        pb_state_get_name (to));
  }
  g_assert_cmpuint (n_edges, ==, n_drawn);
  g_assert_false (pb_state_edge (n_edges, &from, &event, &to));
  g_assert_false (pb_state_edge (G_MAXUINT, &from, &event, &to));

  for (guint s = 0; s <= PB_STATE_CLOSED; s++) {
    for (guint e = 0; e <= PB_EVENT_CLOSE; e++) {
      g_autofree char *key = g_strdup_printf ("%s %s", pb_state_get_name (s),
          pb_event_get_name (e));
      const char *expected = g_hash_table_lookup (drawn, key);
      Fixture f;

      set_up (&f, NULL);
      go_to (&f, s);
      g_clear_error (&error);
      if (expected != NULL) {
        g_assert_true (pb_session_feed (f.session, "cam-wide", e, &error));
        g_assert_cmpstr (pb_state_get_name (state_of (&f, "cam-wide")), ==,
            expected);
      } else {
        g_assert_false (pb_session_feed (f.session, "cam-wide", e, &error));
        g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
        g_assert_cmpint (state_of (&f, "cam-wide"), ==, s);
        g_assert_cmpstr (f.changes->str, ==, "");
        n_refused++;
      }
      tear_down (&f, NULL);
    }
  }
  g_assert_cmpuint (n_refused + n_edges, ==,
      (PB_STATE_CLOSED + 1) * (PB_EVENT_CLOSE + 1));
}

static void
test_an_unknown_slot_is_not_found (Fixture *f, gconstpointer unused)
{
  static const char *const names[] = { "cam", "", "cam-wide ", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    PbState state = 77;

    g_assert_false (
        pb_session_feed (f->session, names[i], PB_EVENT_MATCHED, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
    g_clear_error (&error);
    g_assert_false (
        pb_session_get_stream_state (f->session, names[i], &state, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
    g_assert_cmpint (state, ==, 77);
    g_clear_error (&error);
    g_assert_false (
        pb_session_set_tally (f->session, names[i], PB_TALLY_PROGRAM, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
    g_assert_cmpint (pb_session_get_tally (f->session, names[i]), ==,
        PB_TALLY_OFF);
  }
  g_assert_cmpstr (f->changes->str, ==, "");
  g_assert_cmpint (pb_session_get_state (f->session), ==, PB_STATE_WAITING);
}

static void
test_its_state_is_the_furthest_of_its_slots (Fixture *f, gconstpointer unused)
{
#define IS(state)                                                              \
  g_assert_cmpint (pb_session_get_state (f->session), ==, PB_STATE_##state)
  feed (f, "cam-close", PB_EVENT_MATCHED);
  IS (READY);
  feed (f, "cam-close", PB_EVENT_RELAYED);
  IS (RELAYING);
  feed (f, "cam-wide", PB_EVENT_MATCHED);
  IS (RELAYING);
  feed (f, "cam-wide", PB_EVENT_MEDIA_UP);
  IS (CONNECTED);
  feed (f, "cam-wide", PB_EVENT_MEDIA_LOST);
  IS (RELAYING);
  feed (f, "cam-close", PB_EVENT_CLOSE);
  IS (READY);
  feed (f, "cam-wide", PB_EVENT_UNMATCHED);
  IS (WAITING);
  feed (f, "cam-wide", PB_EVENT_CLOSE);
  IS (CLOSED);
#undef IS
}

static void
test_every_change_is_told_once (Fixture *f, gconstpointer unused)
{
  feed (f, "cam-wide", PB_EVENT_MATCHED);
  feed (f, "cam-wide", PB_EVENT_MEDIA_UP);
  feed (f, "cam-wide", PB_EVENT_MEDIA_UP);
  feed (f, "cam-wide", PB_EVENT_RELAYED);
  feed (f, NULL, PB_EVENT_CLOSE);
  g_assert_cmpstr (f->changes->str, ==,
      "cam-wide WAITING READY;cam-wide READY CONNECTED;"
      "cam-wide CONNECTED RELAYING;cam-wide RELAYING CLOSED;"
      "cam-close WAITING CLOSED;");
}

static void
test_closing_twice_is_refused (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  /* one slot closed: the rest still can be */
  feed (f, "cam-wide", PB_EVENT_CLOSE);
  feed (f, NULL, PB_EVENT_CLOSE);
  g_string_truncate (f->changes, 0);
  g_assert_false (pb_session_feed (f->session, NULL, PB_EVENT_CLOSE, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
  g_assert_cmpint (pb_session_get_state (f->session), ==, PB_STATE_CLOSED);
  g_assert_cmpstr (f->changes->str, ==, "");
}

static void
on_close_the_rest (PbSession *session, const char *stream, PbState from,
    PbState to, gpointer unused)
{
  g_autoptr (GError) error = NULL;

  if (g_str_equal (stream, "cam-wide"))
    g_assert_true (
        pb_session_feed (session, "cam-close", PB_EVENT_CLOSE, &error));
}

static void
test_a_handler_may_close_too (Fixture *f, gconstpointer unused)
{
  g_signal_connect (f->session, "state-changed", G_CALLBACK (on_close_the_rest),
      NULL);
  feed (f, NULL, PB_EVENT_CLOSE);
  g_assert_cmpstr (f->changes->str, ==,
      "cam-wide WAITING CLOSED;cam-close WAITING CLOSED;");
}

static void
test_tally_is_each_slots_own (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (
      pb_session_set_tally (f->session, "cam-wide", PB_TALLY_PROGRAM, &error));
  g_assert_true (
      pb_session_set_tally (f->session, "cam-close", PB_TALLY_PREVIEW, &error));
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-wide"), ==,
      PB_TALLY_PROGRAM);
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-close"), ==,
      PB_TALLY_PREVIEW);

  feed (f, "cam-wide", PB_EVENT_CLOSE);
  g_assert_false (
      pb_session_set_tally (f->session, "cam-wide", PB_TALLY_OFF, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-wide"), ==,
      PB_TALLY_PROGRAM);
}

static void
test_it_is_extended (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (pb_session_extend (f->session, CREATED + 1000, 1800, &error));
  g_assert_no_error (error);
  g_assert_cmpint (pb_session_get_expires (f->session), ==, CREATED + 2800);
  g_assert_cmpint (pb_session_get_created (f->session), ==, CREATED);
  /* as much as it has is not less; and in all it may live longer than a new
   * one may ask for */
  g_assert_true (pb_session_extend (f->session, CREATED + 2000, 800, &error));
  g_assert_cmpuint (pb_session_get_ttl (f->session), ==, 800);
  g_assert_cmpint (pb_session_get_expires (f->session), ==, CREATED + 2800);
  g_assert_true (
      pb_session_extend (f->session, CREATED + 2000, PB_TTL_MAX, &error));
  g_assert_cmpint (pb_session_get_expires (f->session), ==,
      CREATED + 2000 + PB_TTL_MAX);
}

static void
assert_not_extended (Fixture *f, gint64 now, guint ttl_s, PbError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pb_session_extend (f->session, now, ttl_s, &error));
  g_assert_error (error, PB_ERROR, (gint) code);
  g_assert_cmpuint (pb_session_get_ttl (f->session), ==, 1800);
  g_assert_cmpint (pb_session_get_expires (f->session), ==, CREATED + 1800);
}

static void
test_it_is_never_shortened (Fixture *f, gconstpointer unused)
{
  assert_not_extended (f, CREATED, 1799, PB_ERROR_STATE);
  assert_not_extended (f, CREATED + 1000, 799, PB_ERROR_STATE);
  /* a clock that was set back lengthens nothing by itself */
  assert_not_extended (f, CREATED - 3600, 1800, PB_ERROR_STATE);
  assert_not_extended (f, CREATED + 1000, PB_TTL_MAX + 1, PB_ERROR_INVALID);
  assert_not_extended (f, CREATED + 1795, PB_TTL_MIN - 1, PB_ERROR_INVALID);
  assert_not_extended (f, -1, 1800, PB_ERROR_INVALID);
  assert_not_extended (f, G_MAXINT64, 1800, PB_ERROR_INVALID);
  feed (f, NULL, PB_EVENT_CLOSE);
  assert_not_extended (f, CREATED + 1000, 1800, PB_ERROR_STATE);
}

static void
test_a_slot_is_added (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  const char *const *streams;

  feed (f, "cam-wide", PB_EVENT_MATCHED);
  g_assert_true (
      pb_session_set_tally (f->session, "cam-wide", PB_TALLY_PROGRAM, &error));
  g_assert_true (pb_session_add_stream (f->session, "cam-3", &error));
  g_assert_no_error (error);
  streams = pb_session_get_streams (f->session);
  g_assert_cmpuint (g_strv_length ((char **) streams), ==, 3);
  g_assert_cmpstr (streams[2], ==, "cam-3");
  g_assert_cmpint (state_of (f, "cam-3"), ==, PB_STATE_WAITING);
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-3"), ==,
      PB_TALLY_OFF);
  /* the others stay what they are */
  g_assert_cmpint (state_of (f, "cam-wide"), ==, PB_STATE_READY);
  g_assert_cmpint (pb_session_get_tally (f->session, "cam-wide"), ==,
      PB_TALLY_PROGRAM);
  feed (f, "cam-3", PB_EVENT_MATCHED);
  g_assert_cmpstr (f->changes->str, ==,
      "cam-wide WAITING READY;cam-3 WAITING READY;");
}

static void
assert_not_added (Fixture *f, const char *stream, guint n, PbError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pb_session_add_stream (f->session, stream, &error));
  g_assert_error (error, PB_ERROR, (gint) code);
  g_assert_cmpuint (g_strv_length (
                        (char **) pb_session_get_streams (f->session)),
      ==, n);
}

static void
test_a_slot_that_cannot_be_added (Fixture *f, gconstpointer unused)
{
  assert_not_added (f, NULL, 2, PB_ERROR_INVALID);
  assert_not_added (f, "", 2, PB_ERROR_INVALID);
  assert_not_added (f, "cam 3", 2, PB_ERROR_INVALID);
  assert_not_added (f, "cam-wide", 2, PB_ERROR_STREAM_EXISTS);
  for (guint i = 2; i < PB_STREAMS_DEFAULT_MAX; i++) {
    g_autofree char *name = g_strdup_printf ("cam-%u", i);

    g_assert_true (pb_session_add_stream (f->session, name, NULL));
  }
  assert_not_added (f, "one-more", PB_STREAMS_DEFAULT_MAX, PB_ERROR_FULL);
  feed (f, NULL, PB_EVENT_CLOSE);
  assert_not_added (f, "one-more", PB_STREAMS_DEFAULT_MAX, PB_ERROR_STATE);
}

static void
test_names (void)
{
  PbState state = PB_STATE_READY;
  PbTally tally = PB_TALLY_PREVIEW;
  PbCipher cipher = PB_CIPHER_AES_128;

  for (guint i = 0; i <= PB_STATE_CLOSED; i++) {
    g_assert_true (pb_state_from_name (pb_state_get_name (i), &state));
    g_assert_cmpint (state, ==, i);
  }
  for (guint i = 0; i <= PB_TALLY_PROGRAM; i++) {
    g_assert_true (pb_tally_from_name (pb_tally_get_name (i), &tally));
    g_assert_cmpint (tally, ==, i);
  }
  for (guint i = 0; i <= PB_CIPHER_AES_128; i++) {
    g_assert_true (pb_cipher_from_name (pb_cipher_get_name (i), &cipher));
    g_assert_cmpint (cipher, ==, i);
  }
  g_assert_false (pb_state_from_name ("waiting", &state));
  g_assert_false (pb_state_from_name (NULL, &state));
  g_assert_false (pb_tally_from_name ("Program", &tally));
  g_assert_false (pb_cipher_from_name ("aes-192", &cipher));
  g_assert_cmpint (state, ==, PB_STATE_CLOSED);
  g_assert_cmpint (tally, ==, PB_TALLY_PROGRAM);
  g_assert_cmpint (cipher, ==, PB_CIPHER_AES_128);
  g_assert_cmpstr (pb_state_get_name (PB_STATE_RELAYING), ==, "RELAYING");
  g_assert_cmpstr (pb_tally_get_name (PB_TALLY_PREVIEW), ==, "preview");
  g_assert_cmpuint (pb_cipher_get_key_length (PB_CIPHER_AES_256), ==, 32);
  g_assert_cmpuint (pb_cipher_get_key_length (PB_CIPHER_AES_128), ==, 16);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/session/it-is-what-was-asked-for", test_it_is_what_was_asked_for);
  g_test_add_func ("/session/what-none-can-be", test_what_no_session_can_be);
  ADD ("/session/media-before-match-is-refused",
      test_media_before_a_match_is_refused);
  g_test_add_func ("/session/the-edges-are-those-of-the-drawing",
      test_the_edges_are_those_of_the_drawing);
  ADD ("/session/an-unknown-slot-is-not-found",
      test_an_unknown_slot_is_not_found);
  ADD ("/session/its-state-is-the-furthest-of-its-slots",
      test_its_state_is_the_furthest_of_its_slots);
  ADD ("/session/every-change-is-told-once", test_every_change_is_told_once);
  ADD ("/session/closing-twice-is-refused", test_closing_twice_is_refused);
  ADD ("/session/a-handler-may-close-too", test_a_handler_may_close_too);
  ADD ("/session/tally-is-each-slots-own", test_tally_is_each_slots_own);
  ADD ("/session/it-is-extended", test_it_is_extended);
  ADD ("/session/it-is-never-shortened", test_it_is_never_shortened);
  ADD ("/session/a-slot-is-added", test_a_slot_is_added);
  ADD ("/session/a-slot-that-cannot-be-added",
      test_a_slot_that_cannot_be_added);
  g_test_add_func ("/session/names", test_names);
#undef ADD

  return g_test_run ();
}
