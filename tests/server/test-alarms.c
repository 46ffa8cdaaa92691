/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "pb-server-alarms.h"

/* PbServerAlarms alone, under a clock that the test moves: what is raised,
 * when, and what is one alarm. */

#define START_US (1000 * G_TIME_SPAN_SECOND)
#define START_MS G_GINT64_CONSTANT (1795374000000)
#define PEER "receiver-1"

typedef struct
{
  PbServerAlarms *alarms;
  PbServerMoment now;
  GString *said; /* a letter for each change: Raised, Worse, Changed … */
} Fixture;

static void
on_told (const PbServerAlarm *alarm, PbServerAlarmChange change,
    gpointer user_data)
{
  Fixture *f = user_data;

  g_assert_cmpuint (alarm->number, >, 0);
  g_assert_cmpint (alarm->cleared_ms != 0, ==,
      change == PB_SERVER_ALARM_CLEARED);
  g_string_append_c (f->said, "RWCAX"[change]);
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  f->said = g_string_new (NULL);
  f->now = (PbServerMoment){ START_US, START_MS };
  f->alarms = pb_server_alarms_new (on_told, f);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_server_alarms_free (f->alarms);
  g_string_free (f->said, TRUE);
}

static void
pass (Fixture *f, double seconds)
{
  f->now.us += (gint64) (seconds * G_TIME_SPAN_SECOND);
  f->now.unix_ms += (gint64) (seconds * 1000);
  pb_server_alarms_sweep (f->alarms, &f->now);
}

static void
end_is (Fixture *f, PbServerAlarmLevel level, const char *cause)
{
  pb_server_alarms_set_end (f->alarms, "cam-wide", PEER, PB_DIRECTION_RECEIVE,
      "pbsrtbin/0.1.0", level, cause, &f->now);
}

static void
feed_is (Fixture *f, PbServerAlarmLevel level)
{
  pb_server_alarms_set_slot (f->alarms, "cam-wide", level, FALSE, &f->now);
}

/* What has been said since the last time. */
static void
assert_said (Fixture *f, const char *expected)
{
  g_assert_cmpstr (f->said->str, ==, expected);
  g_string_truncate (f->said, 0);
}

/* (transfer full): the newest */
static JsonObject *
newest (Fixture *f)
{
  guint more;
  g_autoptr (JsonArray) list = pb_server_alarms_list (f->alarms, NULL, &more);

  g_assert_cmpuint (json_array_get_length (list), >, 0);

  return json_object_ref (json_array_get_object_element (list, 0));
}

static guint
count_open (Fixture *f, PbServerAlarmLevel level)
{
  guint n[PB_SERVER_N_ALARM_LEVELS] = { 0 };

  pb_server_alarms_count (f->alarms, n);

  return n[level];
}

static void
ack (Fixture *f, guint64 number, const char *by, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  gboolean is_new;
  const PbServerAlarm *alarm =
      pb_server_alarms_ack (f->alarms, number, by, &f->now, &is_new, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (alarm->number, ==, number);
  g_assert_cmpint (is_new, ==, expected);
}

static void
test_a_warning_has_to_last (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonObject) alarm = NULL;

  end_is (f, PB_SERVER_ALARM_NONE, NULL);
  end_is (f, PB_SERVER_ALARM_WARNING, "loss");
  pass (f, PB_ALARM_RAISE_S - 0.1);
  assert_said (f, "");
  pass (f, 0.1);
  assert_said (f, "R");
  pass (f, 100);
  assert_said (f, "");
  alarm = newest (f);
  g_assert_cmpint (json_object_get_int_member (alarm, "alarm"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (alarm, "cause"), ==, "loss");
  g_assert_cmpstr (json_object_get_string_member (alarm, "level"), ==,
      "warning");
  g_assert_cmpstr (json_object_get_string_member (alarm, "direction"), ==,
      "receive");
  g_assert_cmpstr (json_object_get_string_member (alarm, "peer"), ==, PEER);
  g_assert_cmpstr (json_object_get_string_member (alarm, "client"), ==,
      "pbsrtbin/0.1.0");
  g_assert_cmpint (json_object_get_int_member (alarm, "raised"), ==,
      START_MS + PB_ALARM_RAISE_S * 1000);
  g_assert_false (json_object_has_member (alarm, "cleared"));
  g_assert_false (json_object_has_member (alarm, "acked"));
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_WARNING), ==, 1);
}

static void
test_a_blip_is_none (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < 5; i++) {
    end_is (f, PB_SERVER_ALARM_WARNING, "loss");
    pass (f, 3);
    end_is (f, PB_SERVER_ALARM_NONE, NULL);
    /* each long after the last */
    pass (f, PB_ALARM_CLEAR_S);
  }
  assert_said (f, "");
}

static void
test_critical_counts_at_once (Fixture *f, gconstpointer unused)
{
  feed_is (f, PB_SERVER_ALARM_CRITICAL);
  assert_said (f, "R");
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==, 1);
}

static void
test_it_clears_when_all_has_been_well (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonObject) alarm = NULL;

  end_is (f, PB_SERVER_ALARM_CRITICAL, "drops");
  pass (f, 20);
  end_is (f, PB_SERVER_ALARM_NONE, NULL);
  pass (f, PB_ALARM_CLEAR_S - 0.1);
  assert_said (f, "R");
  pass (f, 0.1);
  assert_said (f, "X");
  alarm = newest (f);
  g_assert_cmpint (json_object_get_int_member (alarm, "cleared"), ==,
      START_MS + (20 + PB_ALARM_CLEAR_S) * 1000);
  /* the cause stays in the history */
  g_assert_cmpstr (json_object_get_string_member (alarm, "cause"), ==, "drops");
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==, 0);

  end_is (f, PB_SERVER_ALARM_CRITICAL, "drops");
  assert_said (f, "R");
  pass (f, 1);
  json_object_unref (alarm);
  alarm = newest (f);
  g_assert_cmpint (json_object_get_int_member (alarm, "alarm"), ==, 2);
}

static void
test_what_flaps_is_one (Fixture *f, gconstpointer unused)
{
  /* on the air */
  for (guint i = 0; i < 50; i++) {
    feed_is (f, PB_SERVER_ALARM_CRITICAL);
    pass (f, 2);
    feed_is (f, PB_SERVER_ALARM_NONE);
    pass (f, 5);
  }
  assert_said (f, "R");
  pass (f, PB_ALARM_CLEAR_S);
  assert_said (f, "X");

  /* and where it is but a warning, each time too short to be one: the whole
   * of it is not */
  for (guint i = 0; i < 50; i++) {
    feed_is (f, PB_SERVER_ALARM_WARNING);
    pass (f, 2);
    feed_is (f, PB_SERVER_ALARM_NONE);
    pass (f, 3);
  }
  assert_said (f, "R");
  pass (f, PB_ALARM_CLEAR_S);
  assert_said (f, "X");
}

static void
test_a_sweep_that_comes_late_joins_nothing (Fixture *f, gconstpointer unused)
{
  end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
  end_is (f, PB_SERVER_ALARM_NONE, NULL);
  f->now.us += 60 * G_TIME_SPAN_SECOND;
  end_is (f, PB_SERVER_ALARM_WARNING, "loss");
  assert_said (f, "RX");
  pass (f, PB_ALARM_RAISE_S);
  assert_said (f, "R");
}

static void
test_worse_has_to_be_seen_again (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonObject) before = NULL;
  g_autoptr (JsonObject) after = NULL;

  end_is (f, PB_SERVER_ALARM_WARNING, "loss");
  pass (f, 5);
  ack (f, 1, "Kim", TRUE);
  assert_said (f, "RA");
  before = newest (f);
  g_assert_cmpstr (json_object_get_string_member (before, "by"), ==, "Kim");
  g_assert_cmpint (json_object_get_int_member (before, "acked"), ==,
      START_MS + 5000);

  end_is (f, PB_SERVER_ALARM_CRITICAL, "drops");
  assert_said (f, "W");
  after = newest (f);
  g_assert_cmpint (json_object_get_int_member (after, "alarm"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (after, "cause"), ==, "drops");
  g_assert_cmpstr (json_object_get_string_member (after, "level"), ==,
      "critical");
  g_assert_false (json_object_has_member (after, "acked"));
  g_assert_false (json_object_has_member (after, "by"));
}

static void
test_better_has_to_last (Fixture *f, gconstpointer unused)
{
  end_is (f, PB_SERVER_ALARM_CRITICAL, "drops");
  ack (f, 1, NULL, TRUE);
  assert_said (f, "RA");
  /* between the two it makes no difference: nobody is called again */
  for (guint i = 0; i < 10; i++) {
    end_is (f, PB_SERVER_ALARM_WARNING, "loss");
    pass (f, 5);
    end_is (f, i % 2 ? PB_SERVER_ALARM_CRITICAL : PB_SERVER_ALARM_NONE,
        "drops");
    pass (f, 1);
    end_is (f, PB_SERVER_ALARM_CRITICAL, "drops");
  }
  assert_said (f, "");
  end_is (f, PB_SERVER_ALARM_WARNING, "loss");
  pass (f, PB_ALARM_CLEAR_S);
  assert_said (f, "C");
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_WARNING), ==, 1);
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==, 0);
  /* the cause changes: told, and still acknowledged */
  end_is (f, PB_SERVER_ALARM_WARNING, "rtt");
  end_is (f, PB_SERVER_ALARM_WARNING, "rtt");
  assert_said (f, "C");
  ack (f, 1, "Kim", FALSE);
}

static void
test_who_leaves_takes_its_alarm_along (Fixture *f, gconstpointer unused)
{
  end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
  pb_server_alarms_drop_end (f->alarms, PEER, TRUE, &f->now);
  assert_said (f, "RX");
  /* nothing is known of it any more */
  pass (f, 60);
  pb_server_alarms_drop_end (f->alarms, PEER, TRUE, &f->now);
  assert_said (f, "");

  /* who is lost leaves it for a while, and may come back to it */
  end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
  pb_server_alarms_drop_end (f->alarms, PEER, FALSE, &f->now);
  pass (f, PB_ALARM_CLEAR_S - 1);
  end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
  assert_said (f, "R");
  pb_server_alarms_drop_end (f->alarms, PEER, FALSE, &f->now);
  pass (f, PB_ALARM_CLEAR_S);
  assert_said (f, "X");
}

static void
test_the_same_id_elsewhere_is_another_end (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonObject) alarm = NULL;

  end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
  pb_server_alarms_set_end (f->alarms, "cam-close", PEER, PB_DIRECTION_RECEIVE,
      NULL, PB_SERVER_ALARM_CRITICAL, "rtt", &f->now);
  assert_said (f, "RXR");
  alarm = newest (f);
  g_assert_cmpstr (json_object_get_string_member (alarm, "stream"), ==,
      "cam-close");
  g_assert_false (json_object_has_member (alarm, "client"));
}

static void
test_a_feed_that_nobody_wants_is_missed_no_more (Fixture *f,
    gconstpointer unused)
{
  feed_is (f, PB_SERVER_ALARM_CRITICAL);
  pb_server_alarms_set_slot (f->alarms, "cam-wide", PB_SERVER_ALARM_NONE, TRUE,
      &f->now);
  assert_said (f, "RX");
  pb_server_alarms_set_slot (f->alarms, "cam-wide", PB_SERVER_ALARM_NONE, TRUE,
      &f->now);
  assert_said (f, "");
}

static void
test_seeing_it_twice_changes_nothing (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonObject) alarm = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_new;

  g_assert_null (
      pb_server_alarms_ack (f->alarms, 1, "Kim", &f->now, &is_new, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
  feed_is (f, PB_SERVER_ALARM_CRITICAL);
  ack (f, 1, "Kim", TRUE);
  pass (f, 5);
  ack (f, 1, "Sam", FALSE);
  assert_said (f, "RA");
  alarm = newest (f);
  g_assert_cmpstr (json_object_get_string_member (alarm, "by"), ==, "Kim");
  g_assert_cmpint (json_object_get_int_member (alarm, "acked"), ==, START_MS);
}

static void
test_the_history_has_an_end (Fixture *f, gconstpointer unused)
{
  g_autoptr (JsonArray) list = NULL;
  g_autoptr (JsonArray) other = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_new;
  guint more;

  /* this one stays open, however old it is */
  pb_server_alarms_set_slot (f->alarms, "cam-close", PB_SERVER_ALARM_CRITICAL,
      FALSE, &f->now);
  for (guint i = 0; i < PB_ALARMS_MAX + 100; i++) {
    end_is (f, PB_SERVER_ALARM_CRITICAL, "loss");
    end_is (f, PB_SERVER_ALARM_NONE, NULL);
    pass (f, PB_ALARM_CLEAR_S);
  }
  list = pb_server_alarms_list (f->alarms, NULL, &more);
  g_assert_cmpuint (json_array_get_length (list), ==, PB_ALARMS_TOLD_MAX);
  g_assert_cmpuint (more, ==, PB_ALARMS_MAX - PB_ALARMS_TOLD_MAX);
  g_assert_cmpint (json_object_get_int_member (
                       json_array_get_object_element (list, 0), "alarm"),
      ==, PB_ALARMS_MAX + 101);
  other = pb_server_alarms_list (f->alarms, "cam-close", &more);
  g_assert_cmpuint (json_array_get_length (other), ==, 1);
  g_assert_cmpuint (more, ==, 0);
  ack (f, 1, NULL, TRUE);
  g_assert_null (
      pb_server_alarms_ack (f->alarms, 2, NULL, &f->now, &is_new, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
}

static void
set_named (Fixture *f, guint index, const char *client,
    PbServerAlarmLevel level)
{
  g_autofree char *peer =
      g_strdup_printf ("a-peer-with-the-longest-id-%05u", index);
  g_autofree char *stream = g_strnfill (PB_NAME_MAX, 's');

  pb_server_alarms_set_end (f->alarms, stream, peer, PB_DIRECTION_RECEIVE,
      client, level, "disconnected", &f->now);
}

static void
test_long_names_fit_into_a_message (Fixture *f, gconstpointer unused)
{
  GString *client = g_string_new (NULL);
  GString *by = g_string_new (NULL);
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_ALARMS);
  g_autoptr (JsonArray) list = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  guint more;

  /* four octets each */
  for (guint i = 0; i < PB_CLIENT_MAX; i++)
    g_string_append_unichar (client, 0x1f3a5);
  for (guint i = 0; i < PB_ALARM_BY_MAX; i++)
    g_string_append_unichar (by, 0x1f3a5);
  for (guint i = 0; i < PB_ALARMS_MAX + 10; i++) {
    set_named (f, i, client->str, PB_SERVER_ALARM_CRITICAL);
    if (i < PB_ALARMS_MAX)
      ack (f, i + 1, by->str, TRUE);
  }
  g_string_free (client, TRUE);
  g_string_free (by, TRUE);
  /* all are open: no more of them are raised until one is cleared */
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==,
      PB_ALARMS_MAX);
  list = pb_server_alarms_list (f->alarms, NULL, &more);
  g_assert_cmpuint (json_array_get_length (list) + more, ==, PB_ALARMS_MAX);
  json_node_set_array (node, list);
  pb_message_take_node (message, "alarms", node);
  pb_message_set_int (message, "more", more);
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_PEER, &error));
  g_assert_no_error (error);
  text = pb_message_print (message);
  g_assert_cmpuint (strlen (text), <=, PB_WS_MESSAGE_MAX);
  g_assert_cmpuint (json_array_get_length (list), >, 90);

  set_named (f, 0, NULL, PB_SERVER_ALARM_NONE);
  pass (f, PB_ALARM_CLEAR_S);
  pass (f, 1);
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==,
      PB_ALARMS_MAX);
}

static void
test_receivers_silence_neither_slot_nor_sender (Fixture *f,
    gconstpointer unused)
{
  for (guint i = 0; i < PB_ALARMS_MAX + 10; i++)
    set_named (f, i, NULL, PB_SERVER_ALARM_CRITICAL);
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==,
      PB_ALARMS_MAX);
  feed_is (f, PB_SERVER_ALARM_CRITICAL);
  pb_server_alarms_set_end (f->alarms, "cam-wide", "sender-0001",
      PB_DIRECTION_SEND, NULL, PB_SERVER_ALARM_CRITICAL, "loss", &f->now);
  g_assert_cmpuint (count_open (f, PB_SERVER_ALARM_CRITICAL), ==,
      PB_ALARMS_MAX + 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define TEST(name, test)                                                       \
  g_test_add ("/server/alarms/" name, Fixture, NULL, set_up, test, tear_down)

  TEST ("a-warning-has-to-last", test_a_warning_has_to_last);
  TEST ("a-blip-is-none", test_a_blip_is_none);
  TEST ("critical-counts-at-once", test_critical_counts_at_once);
  TEST ("it-clears-when-all-has-been-well",
      test_it_clears_when_all_has_been_well);
  TEST ("what-flaps-is-one", test_what_flaps_is_one);
  TEST ("a-sweep-that-comes-late-joins-nothing",
      test_a_sweep_that_comes_late_joins_nothing);
  TEST ("worse-has-to-be-seen-again", test_worse_has_to_be_seen_again);
  TEST ("better-has-to-last", test_better_has_to_last);
  TEST ("who-leaves-takes-its-alarm-along",
      test_who_leaves_takes_its_alarm_along);
  TEST ("the-same-id-elsewhere-is-another-end",
      test_the_same_id_elsewhere_is_another_end);
  TEST ("a-feed-that-nobody-wants-is-missed-no-more",
      test_a_feed_that_nobody_wants_is_missed_no_more);
  TEST ("seeing-it-twice-changes-nothing",
      test_seeing_it_twice_changes_nothing);
  TEST ("the-history-has-an-end", test_the_history_has_an_end);
  TEST ("receivers-silence-neither-slot-nor-sender",
      test_receivers_silence_neither_slot_nor_sender);
  TEST ("long-names-fit-into-a-message", test_long_names_fit_into_a_message);

  return g_test_run ();
}
