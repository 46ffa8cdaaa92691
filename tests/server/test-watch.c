/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* What of a session calls a person, and what does not: section 5.7 of the
 * protocol, over real WebSockets. */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"

/* A control room, a camera and its receiver on "cam-wide". */
typedef struct
{
  Fixture *f;
  char *admin;
  char *send;
  Ws *room;
  Ws *camera;
  Ws *receiver;
} Scene;

static void
lapse (Scene *s, int seconds)
{
  pass_time (s->f, seconds);
  sweep (s->f);
}

static void
scene_init (Scene *s, Fixture *f)
{
  s->f = f;
  s->admin = create_session (f, NULL);
  s->send = mint (f, "demo", s->admin, "cam-wide", "send", 0);
  s->room = ws_open (f, "demo", s->admin);
  s->camera = ws_open (f, "demo", s->send);
  s->receiver = ws_open (f, "demo", s->admin);
  ws_register (s->room, "observer-1", NULL, "observe");
  json_object_unref (ws_expect (s->room, "alarms"));
  ws_register (s->camera, SENDER, "cam-wide", "send");
  ws_register (s->receiver, RECEIVER, "cam-wide", "receive");
}

static void
scene_clear (Scene *s)
{
  ws_free (s->room);
  ws_free (s->camera);
  ws_free (s->receiver);
  g_free (s->admin);
  g_free (s->send);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scene, scene_clear)

static void
settle_ws (Scene *s, Ws *ws)
{
  ws_expect_none (s->f, ws, "error");
}

static void
say_status (Scene *s, Ws *ws, const char *peer, const char *with,
    const char *srt)
{
  ws_send (ws,
      "{\"type\":\"status\",\"peer\":\"%s\",\"srt\":\"%s\","
      "\"with\":\"%s\"}",
      peer, srt, with);
  settle_ws (s, ws);
}

static void
connect_feed (Scene *s)
{
  say_status (s, s->camera, SENDER, RECEIVER, "connected");
  say_status (s, s->receiver, RECEIVER, SENDER, "connected");
}

static void
say_health (Scene *s, Ws *ws, const char *peer, const char *figures)
{
  ws_send (ws, "{\"type\":\"health\",\"peer\":\"%s\"%s}", peer, figures);
  settle_ws (s, ws);
}

static void
set_tally (Scene *s, const char *state)
{
  ws_send (s->room,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\","
      "\"state\":\"%s\"}",
      state);
  settle (s->f);
}

static void
expect_alarm (Scene *s, const char *cause, const char *level,
    gboolean is_cleared)
{
  g_autoptr (JsonObject) alarm = ws_expect (s->room, "alarm");

  g_assert_cmpstr (text_of (alarm, "stream"), ==, "cam-wide");
  g_assert_cmpstr (text_of (alarm, "cause"), ==, cause);
  g_assert_cmpstr (text_of (alarm, "level"), ==, level);
  g_assert_cmpint (json_object_has_member (alarm, "cleared"), ==, is_cleared);
}

static void
expect_no_alarm (Scene *s)
{
  ws_expect_none (s->f, s->room, "alarm");
}

static void
test_a_camera_that_stops_is_no_alarm (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  say_health (&s, s.receiver, RECEIVER, "");
  ws_send (s.camera, "{\"type\":\"leave\",\"peer\":\"" SENDER "\"}");
  settle_ws (&s, s.camera);
  say_status (&s, s.receiver, RECEIVER, SENDER, "disconnected");
  say_health (&s, s.receiver, RECEIVER, ",\"connected\":false");
  lapse (&s, PB_ALARM_RAISE_S);
  /* nor is it that the receiver has nothing to report */
  lapse (&s, PB_HEALTH_DEAD_MS / 1000);
  lapse (&s, PB_ALARM_RAISE_S);
  expect_no_alarm (&s);
}

static void
test_nothing_there_yet_is_no_alarm (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  ws_register (s.receiver, "receiver-2", "cam-close", "receive");
  say_health (&s, s.receiver, "receiver-2", ",\"connected\":false");
  lapse (&s, PB_ALARM_RAISE_S);
  expect_no_alarm (&s);
  /* but two that are there and do not come together are */
  say_health (&s, s.camera, SENDER, ",\"connected\":false");
  lapse (&s, PB_ALARM_MEET_S - 1);
  expect_no_alarm (&s);
  lapse (&s, 1);
  expect_alarm (&s, "disconnected", "critical", FALSE);
}

static void
test_leaving_while_on_the_air_is_critical (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  set_tally (&s, "program");
  ws_send (s.camera, "{\"type\":\"leave\",\"peer\":\"" SENDER "\"}");
  expect_alarm (&s, "no-feed", "critical", FALSE);
  /* the vision mixer cuts away: nobody misses it */
  set_tally (&s, "off");
  expect_alarm (&s, "no-feed", "critical", TRUE);
  expect_no_alarm (&s);
}

static void
test_to_the_air_without_a_feed_is_critical (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  set_tally (&s, "preview");
  expect_no_alarm (&s);
  set_tally (&s, "program");
  expect_alarm (&s, "no-feed", "critical", FALSE);
  connect_feed (&s);
  expect_no_alarm (&s);
  lapse (&s, PB_ALARM_CLEAR_S);
  expect_alarm (&s, "no-feed", "critical", TRUE);
}

static void
test_a_camera_that_dies_is_one_alarm (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  say_health (&s, s.camera, SENDER, "");
  say_health (&s, s.receiver, RECEIVER, "");
  ws_cut (s.camera);
  ws_expect_closed (s.camera);
  say_status (&s, s.receiver, RECEIVER, SENDER, "disconnected");
  say_health (&s, s.receiver, RECEIVER, ",\"connected\":false");
  lapse (&s, PB_ALARM_RAISE_S);
  expect_alarm (&s, "no-feed", "warning", FALSE);
  /* that it is given up is nothing new */
  lapse (&s, PB_SLOT_GRACE_S);
  say_health (&s, s.receiver, RECEIVER, ",\"connected\":false");
  lapse (&s, 60);
  expect_no_alarm (&s);
  /* on the air it is worse */
  set_tally (&s, "program");
  expect_alarm (&s, "no-feed", "critical", FALSE);
  set_tally (&s, "off");
  lapse (&s, PB_ALARM_CLEAR_S);
  expect_alarm (&s, "no-feed", "warning", FALSE);
  /* the control room gives it up */
  ws_send (s.receiver, "{\"type\":\"leave\",\"peer\":\"" RECEIVER "\"}");
  expect_alarm (&s, "no-feed", "warning", TRUE);
}

static void
test_dying_on_the_air_is_critical_at_once (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  set_tally (&s, "program");
  ws_cut (s.camera);
  ws_expect_closed (s.camera);
  /* signalling may be away while the picture is there */
  expect_no_alarm (&s);
  say_status (&s, s.receiver, RECEIVER, SENDER, "disconnected");
  expect_alarm (&s, "no-feed", "critical", FALSE);
}

static void
test_a_feed_that_flaps_is_one_alarm (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  for (guint i = 0; i < 8; i++) {
    say_status (&s, s.camera, SENDER, RECEIVER, "disconnected");
    say_status (&s, s.receiver, RECEIVER, SENDER, "disconnected");
    say_health (&s, s.receiver, RECEIVER, ",\"connected\":false");
    lapse (&s, 2);
    connect_feed (&s);
    say_health (&s, s.receiver, RECEIVER, "");
    lapse (&s, 3);
    if (i == 1)
      expect_alarm (&s, "no-feed", "warning", FALSE);
  }
  expect_no_alarm (&s);
  say_health (&s, s.receiver, RECEIVER, "");
  lapse (&s, PB_ALARM_CLEAR_S - 3);
  expect_alarm (&s, "no-feed", "warning", TRUE);
  expect_no_alarm (&s);
}

static void
test_health_that_stays_bad_is_told_with_its_end (Fixture *f,
    gconstpointer unused)
{
  g_auto (Scene) s = { 0 };
  g_autoptr (JsonObject) alarm = NULL;
  g_autofree char *log = NULL;

  scene_init (&s, f);
  connect_feed (&s);
  say_health (&s, s.receiver, RECEIVER, ",\"loss\":3");
  expect_no_alarm (&s);
  lapse (&s, PB_ALARM_RAISE_S);
  alarm = ws_expect (s.room, "alarm");
  g_assert_cmpstr (text_of (alarm, "cause"), ==, "loss");
  g_assert_cmpstr (text_of (alarm, "level"), ==, "warning");
  g_assert_cmpstr (text_of (alarm, "direction"), ==, "receive");
  g_assert_cmpstr (text_of (alarm, "peer"), ==, RECEIVER);
  g_assert_cmpint (json_object_get_int_member (alarm, "raised"), >=,
      (pb_server_context_unix (f->context) - 20) * 1000);
  say_health (&s, s.receiver, RECEIVER, ",\"drop\":5");
  expect_alarm (&s, "drops", "critical", FALSE);
  /* it goes because somebody closes it */
  ws_send (s.receiver, "{\"type\":\"leave\",\"peer\":\"" RECEIVER "\"}");
  expect_alarm (&s, "drops", "critical", TRUE);
  expect_no_alarm (&s);

  log = read_log (f);
  g_assert_nonnull (strstr (log, "\"alarm_raised\""));
  g_assert_nonnull (strstr (log, "\"alarm_cleared\""));
}

static void
test_silence_is_an_alarm (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };

  scene_init (&s, f);
  connect_feed (&s);
  say_health (&s, s.receiver, RECEIVER, "");
  lapse (&s, PB_HEALTH_STALE_MS / 1000);
  lapse (&s, PB_ALARM_RAISE_S);
  expect_alarm (&s, "stale", "warning", FALSE);
  lapse (&s, 1);
  expect_alarm (&s, "stale", "critical", FALSE);
}

static void
test_an_expired_token_takes_a_feed_down (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };
  g_autofree char *brief = NULL;
  g_autoptr (Ws) camera = NULL;

  scene_init (&s, f);
  brief = mint (f, "demo", s.admin, "cam-close", "send", 20);
  camera = ws_open (f, "demo", brief);
  ws_register (camera, "sender-0002", "cam-close", "send");
  ws_send (camera, "{\"type\":\"status\",\"peer\":\"sender-0002\","
                   "\"srt\":\"connected\"}");
  settle_ws (&s, camera);
  lapse (&s, 20);
  ws_expect_closed (camera);
  lapse (&s, PB_ALARM_RAISE_S);
  {
    g_autoptr (JsonObject) alarm = ws_expect (s.room, "alarm");

    g_assert_cmpstr (text_of (alarm, "stream"), ==, "cam-close");
    g_assert_cmpstr (text_of (alarm, "cause"), ==, "no-feed");
    g_assert_cmpstr (text_of (alarm, "level"), ==, "warning");
  }
}

static JsonArray *
list_alarms (JsonObject *message)
{
  return json_object_get_array_member (message, "alarms");
}

static void
test_somebody_sees_it (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };
  g_autofree char *eyes = NULL;
  g_autofree char *other = NULL;
  g_autofree char *log = NULL;
  g_autoptr (Ws) watcher = NULL;
  g_autoptr (Ws) elsewhere = NULL;
  g_autoptr (JsonObject) there = NULL;
  g_autoptr (JsonObject) none = NULL;
  g_autoptr (JsonObject) seen = NULL;
  JsonObject *alarm;

  scene_init (&s, f);
  eyes = mint (f, "demo", s.admin, NULL, "observe", 0);
  other = mint (f, "demo", s.admin, "cam-close", "observe", 0);
  set_tally (&s, "program");
  expect_alarm (&s, "no-feed", "critical", FALSE);

  /* who comes later is told what there is, after the session */
  watcher = ws_open (f, "demo", eyes);
  ws_register (watcher, "observer-2", NULL, "observe");
  json_object_unref (ws_expect (watcher, "session"));
  there = ws_expect (watcher, "alarms");
  g_assert_cmpuint (json_array_get_length (list_alarms (there)), ==, 1);
  alarm = json_array_get_object_element (list_alarms (there), 0);
  g_assert_cmpint (json_object_get_int_member (alarm, "alarm"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (there, "more"), ==, 0);
  /* and one with another slot in scope is told nothing */
  elsewhere = ws_open (f, "demo", other);
  ws_register (elsewhere, "observer-3", "cam-close", "observe");
  none = ws_expect (elsewhere, "alarms");
  g_assert_cmpuint (json_array_get_length (list_alarms (none)), ==, 0);

  ws_send (watcher, "{\"type\":\"ack\",\"alarm\":1,\"by\":\"Kim\"}");
  ws_expect_error (watcher, "PERMISSION_DENIED");
  ws_send (s.room, "{\"type\":\"ack\",\"id\":9,\"alarm\":2,\"by\":\"Kim\"}");
  ws_expect_error (s.room, "NOT_FOUND");
  ws_send (s.room, "{\"type\":\"ack\",\"alarm\":1,\"by\":\"Kim Canary\"}");
  seen = ws_expect (watcher, "alarm");
  g_assert_cmpstr (text_of (seen, "by"), ==, "Kim Canary");
  g_assert_true (json_object_has_member (seen, "acked"));
  json_object_unref (ws_expect (s.room, "alarm"));
  /* again: nothing changes, and nobody is told */
  ws_send (s.room, "{\"type\":\"ack\",\"alarm\":1,\"by\":\"Sam\"}");
  expect_no_alarm (&s);
  ws_expect_none (f, watcher, "alarm");
  ws_expect_none (f, elsewhere, "alarm");
  /* ends are not called */
  ws_expect_none (f, s.camera, "alarm");

  log = read_log (f);
  g_assert_nonnull (strstr (log, "\"alarm_acked\""));
  g_assert_null (strstr (log, "Canary"));
}

static void
test_metrics_count_them (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const char *text;
  gsize size;

  scene_init (&s, f);
  set_tally (&s, "program");
  expect_alarm (&s, "no-feed", "critical", FALSE);
  msg = new_message (f, "GET", "/metrics", NULL, NULL);
  bytes = http_raw (f, msg);
  text = g_bytes_get_data (bytes, &size);
  g_assert_nonnull (g_strstr_len (text, (gssize) size,
      "patchbay_alarms_open{level=\"critical\"} 1\n"));
  g_assert_nonnull (g_strstr_len (text, (gssize) size,
      "patchbay_alarms_open{level=\"warning\"} 0\n"));
}

static void
test_they_end_with_the_session (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { 0 };
  g_autofree char *again = NULL;
  g_autoptr (Ws) room = NULL;
  g_autoptr (JsonObject) alarms = NULL;
  guint status;

  scene_init (&s, f);
  connect_feed (&s);
  set_tally (&s, "program");
  say_health (&s, s.receiver, RECEIVER, ",\"loss\":30");
  expect_alarm (&s, "loss", "critical", FALSE);
  g_assert_null (
      http (f, "DELETE", "/api/session/demo", s.admin, NULL, &status));
  g_assert_cmpuint (status, ==, 204);
  ws_expect_closed (s.room);
  again = create_session (f, NULL);
  room = ws_open (f, "demo", again);
  ws_register (room, "observer-1", NULL, "observe");
  alarms = ws_expect (room, "alarms");
  g_assert_cmpuint (json_array_get_length (list_alarms (alarms)), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define TEST(name, test)                                                       \
  g_test_add ("/server/watch/" name, Fixture, NULL, fixture_set_up, test,      \
      fixture_tear_down)

  TEST ("a-camera-that-stops-is-no-alarm",
      test_a_camera_that_stops_is_no_alarm);
  TEST ("nothing-there-yet-is-no-alarm", test_nothing_there_yet_is_no_alarm);
  TEST ("leaving-while-on-the-air-is-critical",
      test_leaving_while_on_the_air_is_critical);
  TEST ("to-the-air-without-a-feed-is-critical",
      test_to_the_air_without_a_feed_is_critical);
  TEST ("a-camera-that-dies-is-one-alarm",
      test_a_camera_that_dies_is_one_alarm);
  TEST ("dying-on-the-air-is-critical-at-once",
      test_dying_on_the_air_is_critical_at_once);
  TEST ("a-feed-that-flaps-is-one-alarm", test_a_feed_that_flaps_is_one_alarm);
  TEST ("health-that-stays-bad-is-told-with-its-end",
      test_health_that_stays_bad_is_told_with_its_end);
  TEST ("silence-is-an-alarm", test_silence_is_an_alarm);
  TEST ("an-expired-token-takes-a-feed-down",
      test_an_expired_token_takes_a_feed_down);
  TEST ("somebody-sees-it", test_somebody_sees_it);
  TEST ("metrics-count-them", test_metrics_count_them);
  TEST ("they-end-with-the-session", test_they_end_with_the_session);

  return g_test_run ();
}
