/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wall that `pbctl watch` draws: what it shows of what the server says. */
#include "config.h"

#include "cli/pb-ctl-wall.h"
#include "cli/pb-ctl.h"

#include <string.h>

#define NOW (G_GINT64_CONSTANT (100) * G_USEC_PER_SEC)

static const char session[] =
    "{\"type\":\"session\",\"session\":\"demo\",\"state\":\"CONNECTED\","
    "\"latency\":200,\"ttl\":1800,\"cipher\":\"aes-256\","
    "\"created\":\"2026-11-22T19:00:00Z\",\"expires\":1795374000,\"streams\":["
    "{\"stream\":\"cam-wide\",\"state\":\"CONNECTED\",\"tally\":\"program\","
    "\"port\":20000,\"sender\":{\"peer\":\"sender00\",\"client\":\"pbsrtbin\","
    "\"srt\":\"connected\",\"path\":\"direct\",\"health\":\"healthy\","
    "\"cause\":\"\",\"stale\":false,\"age\":1000,\"rtt\":12,"
    "\"bitrate\":2100,\"loss\":0.5},"
    "\"receivers\":[{\"peer\":\"receive1\",\"client\":\"pbsrtbin\","
    "\"srt\":\"connected\",\"path\":\"direct\",\"health\":\"healthy\","
    "\"cause\":\"\",\"stale\":false,\"age\":1000,\"rtt\":11,"
    "\"bitrate\":2099,\"loss\":0,\"drop\":0,\"latency\":200},"
    "{\"peer\":\"receive2\",\"client\":\"ffmpeg\",\"srt\":\"connected\","
    "\"path\":\"plain\",\"health\":\"critical\",\"cause\":\"loss\","
    "\"stale\":false,\"age\":1000,\"rtt\":90,\"bitrate\":400,\"loss\":12.5,"
    "\"drop\":1.25,\"latency\":200}]},"
    "{\"stream\":\"cam-close\",\"state\":\"WAITING\",\"tally\":\"off\","
    "\"port\":20001,\"sender\":null,\"receivers\":[]}]}";

typedef struct
{
  PbCtlWall *wall;
} Fixture;

static const char *
feed (Fixture *f, const char *text, gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message =
      pb_message_parse (text, -1, PB_MESSAGE_TO_PEER, &error);

  g_assert_no_error (error);
  return pb_ctl_wall_feed (f->wall, message, now);
}

static void
setup (Fixture *f, gconstpointer unused)
{
  f->wall = pb_ctl_wall_new ();
  g_assert_false (pb_ctl_wall_is_known (f->wall));
  g_assert_cmpstr (feed (f, session, NOW), ==, "");
}

static void
teardown (Fixture *f, gconstpointer unused)
{
  pb_ctl_wall_free (f->wall);
}

static void
assert_has (const char *line, const char *word)
{
  g_test_message ("\"%s\" in \"%s\"", word, line);
  g_assert_nonnull (strstr (line, word));
}

static void
assert_lacks (const char *line, const char *word)
{
  g_test_message ("no \"%s\" in \"%s\"", word, line);
  g_assert_null (strstr (line, word));
}

static void
test_both_ends_side_by_side (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);

  g_assert_true (pb_ctl_wall_is_known (f->wall));
  g_assert_cmpuint (pb_ctl_wall_get_n_slots (f->wall), ==, 2);
  g_assert_cmpint (pb_ctl_wall_find (f->wall, "cam-close"), ==, 1);
  g_assert_cmpint (pb_ctl_wall_find (f->wall, "cam"), ==, -1);
  assert_has (line, "cam-wide");
  assert_has (line, "PROGRAM");
  assert_has (line, "2.1 Mbit/s rtt 12 ms loss 0.5 %");
}

static void
test_the_worst_receiver_is_shown (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);

  assert_has (line, "critical: loss");
  assert_has (line, "400 kbit/s rtt 90 ms loss 12.5 % drop 1.25 % x2");
  assert_has (line, "plain aes-256 200 ms");
}

static void
test_an_empty_slot_says_so (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = pb_ctl_wall_draw (f->wall, 1, NOW, FALSE, 0);

  assert_has (line, "nobody there");
  assert_lacks (line, "healthy");
}

static void
test_a_report_changes_its_peer (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = NULL;

  g_assert_cmpstr (
      feed (f,
          "{\"type\":\"health\",\"peer\":\"receive2\",\"stream\":\"cam-wide\","
          "\"direction\":\"receive\",\"health\":\"warning\",\"cause\":\"rtt\","
          "\"stale\":false,\"age\":0,\"rtt\":55,\"bitrate\":2000,\"loss\":0,"
          "\"drop\":0}",
          NOW),
      ==, "cam-wide");
  line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  assert_has (line, "warning: rtt");
  assert_has (line, "2.0 Mbit/s rtt 55 ms");
}

static void
test_old_figures_say_so (Fixture *f, gconstpointer unused)
{
  g_autofree char *fresh = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  g_autofree char *old =
      pb_ctl_wall_draw (f->wall, 0, NOW + 20 * G_USEC_PER_SEC, FALSE, 0);

  assert_lacks (fresh, "ago");
  assert_has (old, "21 s ago");
}

static void
test_who_left_is_gone (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = NULL;

  g_assert_cmpstr (feed (f,
                       "{\"type\":\"peer_gone\",\"to\":\"observer\",\"peer\":"
                       "\"sender00\","
                       "\"stream\":\"cam-wide\",\"reason\":\"lost\"}",
                       NOW),
      ==, "cam-wide");
  line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  assert_has (line, "nobody sends");
}

static void
test_tally_follows (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = NULL;

  g_assert_cmpstr (feed (f,
                       "{\"type\":\"tally\",\"stream\":\"cam-close\","
                       "\"state\":\"preview\"}",
                       NOW),
      ==, "cam-close");
  line = pb_ctl_wall_draw (f->wall, 1, NOW, FALSE, 0);
  assert_has (line, "preview");
  g_assert_null (feed (f,
      "{\"type\":\"tally\",\"stream\":\"cam-none\",\"state\":\"preview\"}",
      NOW));
}

/* What only WebRTC counts is shown where it is not nothing. */
static void
test_what_a_viewer_saw (Fixture *f, gconstpointer unused)
{
  g_autofree char *before = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  g_autofree char *line = NULL;

  assert_lacks (before, "froze");
  assert_lacks (before, "frames lost");
  assert_lacks (before, "webrtc");
  g_assert_cmpstr (feed (f,
                       "{\"type\":\"health\",\"peer\":\"receive2\","
                       "\"stream\":\"cam-wide\",\"direction\":\"receive\","
                       "\"health\":\"critical\",\"cause\":\"drops\","
                       "\"bitrate\":400,\"rtt\":9,\"frames\":100,"
                       "\"frames_dropped\":7,\"freezes\":2}",
                       NOW),
      ==, "cam-wide");
  g_assert_cmpstr (feed (f,
                       "{\"type\":\"status\",\"peer\":\"receive2\","
                       "\"stream\":\"cam-wide\",\"direction\":\"receive\","
                       "\"srt\":\"connected\",\"path\":\"relay\","
                       "\"transport\":\"webrtc\"}",
                       NOW),
      ==, "cam-wide");
  line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  assert_has (line, "7 frames lost");
  assert_has (line, "froze 2 x");
  assert_has (line, "relay webrtc");
}

static void
test_a_line_fits_its_width (Fixture *f, gconstpointer unused)
{
  for (guint width = 1; width < 160; width += 13) {
    g_autofree char *plain = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, width);
    g_autofree char *colour = pb_ctl_wall_draw (f->wall, 0, NOW, TRUE, width);
    glong shown = 0;

    g_assert_cmpint (g_utf8_strlen (plain, -1), <=, width);
    for (const char *p = colour; *p != '\0'; p++) {
      if (*p == '\033')
        p = strchr (p, 'm');
      else
        shown++;
    }
    g_assert_cmpint (shown, <=, width);
    /* What is cut never leaves the colour switched on. */
    g_assert_true (g_str_has_suffix (colour, "\033[0m"));
  }
}

static void
test_without_colour_nothing_is_obeyed (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = pb_ctl_wall_draw (f->wall, 0, NOW, FALSE, 0);
  g_autofree char *title = pb_ctl_wall_draw_title (FALSE, 0);

  assert_lacks (line, "\033");
  assert_lacks (title, "\033");
}

static void
test_a_stranger_cannot_steer_the_terminal (Fixture *f, gconstpointer unused)
{
  /* escape sequences, the one-byte kind too, a bell, a right-to-left mark, and
   * bytes that are no text */
  static const char *const hostile[] = { "\033[2Jx", "\033]0;title\007",
    "a\xc2\x9b"
    "31m",
    "a\xe2\x80\xae"
    "b",
    "a\xff", "a\nb\tc" };

  for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *safe = pb_ctl_safe (hostile[i]);

    g_assert_true (g_utf8_validate (safe, -1, NULL));
    for (const char *p = safe; *p != '\0'; p = g_utf8_next_char (p)) {
      g_assert_false (g_unichar_iscntrl (g_utf8_get_char (p)));
      g_assert_cmpint (g_unichar_type (g_utf8_get_char (p)), !=,
          G_UNICODE_FORMAT);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                    \
  g_test_add ("/ctl-wall/" name, Fixture, NULL, setup, function, teardown)
  ADD ("both-ends-side-by-side", test_both_ends_side_by_side);
  ADD ("the-worst-receiver-is-shown", test_the_worst_receiver_is_shown);
  ADD ("an-empty-slot-says-so", test_an_empty_slot_says_so);
  ADD ("a-report-changes-its-peer", test_a_report_changes_its_peer);
  ADD ("old-figures-say-so", test_old_figures_say_so);
  ADD ("who-left-is-gone", test_who_left_is_gone);
  ADD ("tally-follows", test_tally_follows);
  ADD ("what-a-viewer-saw-is-told", test_what_a_viewer_saw);
  ADD ("a-line-fits-its-width", test_a_line_fits_its_width);
  ADD ("without-colour-nothing-is-obeyed",
      test_without_colour_nothing_is_obeyed);
  ADD ("a-stranger-cannot-steer-the-terminal",
      test_a_stranger_cannot_steer_the_terminal);

  return g_test_run ();
}
