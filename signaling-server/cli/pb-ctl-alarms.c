/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl alarms: what there is, and that somebody has seen it. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

static const char help[] =
    "The alarms of a session, newest first: number, when it was raised, how "
    "bad, slot,\ncause, at which end, and what became of it. --ack says that "
    "somebody has seen\none; that needs the admin's token.\n\n"
    "Examples:\n"
    "  pbctl alarms\n"
    "  pbctl alarms --open\n"
    "  pbctl alarms --ack 3 --by Kim";

static char *
format_time (gint64 unix_ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (unix_ms / 1000);

  return time != NULL ? g_date_time_format (time, "%H:%M:%S") : g_strdup ("?");
}

static void
append_safe (GString *line, const char *before, const char *text)
{
  g_autofree char *safe = text != NULL ? pb_ctl_safe (text) : NULL;

  if (safe != NULL && *safe != '\0')
    g_string_append_printf (line, "%s%s", before, safe);
}

/* (transfer full): an alarm as a line, without its end */
char *
pb_ctl_format_alarm (JsonObject *alarm, gboolean colour)
{
  GString *line = g_string_new (NULL);
  const char *level = pb_ctl_member (alarm, "level");
  g_autofree char *raised = format_time (pb_ctl_member_int (alarm, "raised"));
  gboolean is_open = pb_ctl_member_int (alarm, "cleared") == 0;

  if (colour && is_open)
    g_string_append (line,
        g_strcmp0 (level, "critical") == 0 ? PB_CTL_BAD : PB_CTL_WARN);
  g_string_append_printf (line, "%3" G_GINT64_FORMAT " %s %-8s",
      pb_ctl_member_int (alarm, "alarm"), raised, level != NULL ? level : "");
  if (colour && is_open)
    g_string_append (line, PB_CTL_PLAIN);
  append_safe (line, " ", pb_ctl_member (alarm, "stream"));
  append_safe (line, " ", pb_ctl_member (alarm, "cause"));
  append_safe (line, " ", pb_ctl_member (alarm, "direction"));
  append_safe (line, " ", pb_ctl_member (alarm, "client"));
  if (pb_ctl_member_int (alarm, "acked") != 0) {
    g_string_append (line, ", seen");
    append_safe (line, " by ", pb_ctl_member (alarm, "by"));
  }
  if (!is_open) {
    g_autofree char *cleared =
        format_time (pb_ctl_member_int (alarm, "cleared"));

    g_string_append_printf (line, ", cleared %s", cleared);
  }

  return g_string_free (line, FALSE);
}

typedef struct
{
  PbCtl *ctl;
  GMainLoop *loop;
  gboolean only_open;
  int status;
} Look;

static void
print_alarms (Look *self, PbMessage *message)
{
  JsonArray *alarms =
      json_object_get_array_member (pb_message_peek_object (message), "alarms");
  gint64 more = pb_message_get_int (message, "more");
  gboolean colour = pb_ctl_use_colour (STDOUT_FILENO);

  if (self->ctl->json) {
    g_autofree char *text = pb_message_print (message);

    puts (text);
    return;
  }
  for (guint i = 0; i < json_array_get_length (alarms); i++) {
    JsonObject *alarm = json_array_get_object_element (alarms, i);
    g_autofree char *line = pb_ctl_format_alarm (alarm, colour);

    if (!self->only_open || pb_ctl_member_int (alarm, "cleared") == 0)
      puts (line);
  }
  if (more > 0)
    printf ("and %" G_GINT64_FORMAT " older ones\n", more);
}

static void
on_message (PbClient *client, PbMessage *message, gpointer user_data)
{
  Look *self = user_data;

  if (pb_message_get_message_type (message) != PB_MESSAGE_ALARMS)
    return;
  print_alarms (self, message);
  self->status = PB_CTL_OK;
  g_main_loop_quit (self->loop);
}

static void
on_fault (PbClient *client, PbFault fault, const char *detail,
    gpointer user_data)
{
  Look *self = user_data;

  self->status = pb_ctl_fail (self->ctl, NULL, "cannot look: %s",
      pb_fault_get_sentence (fault));
  g_main_loop_quit (self->loop);
}

static gboolean
on_timeout (gpointer user_data)
{
  Look *self = user_data;

  self->status = pb_ctl_fail (self->ctl, NULL,
      "cannot look: the server did not answer in time");
  g_main_loop_quit (self->loop);

  return G_SOURCE_CONTINUE;
}

static int
look (PbCtl *ctl, gboolean only_open)
{
  g_autofree char *session = NULL;
  g_autoptr (JsonObject) claims = NULL;
  g_autoptr (PbClient) client = NULL;
  g_autoptr (GError) error = NULL;
  PbRegistration *registration;
  Look self = { .ctl = ctl, .only_open = only_open };
  char *token = pb_ctl_dup_token (ctl, TRUE, &error);
  guint timeout;

  if (error == NULL)
    session = pb_ctl_dup_session (ctl, token, &error);
  claims = pb_ctl_read_claims (token);
  if (session != NULL)
    client = pb_ctl_open_client (ctl, session, token, &error);
  pb_secret_free (token);
  if (client == NULL)
    return pb_ctl_fail (ctl, error, "cannot look");

  self.loop = g_main_loop_new (NULL, FALSE);
  registration =
      pb_registration_new (claims != NULL ? pb_ctl_member (claims, "stream")
                                          : NULL,
          PB_DIRECTION_OBSERVE);
  timeout = g_timeout_add_seconds (PB_CTL_ANSWER_S, on_timeout, &self);
  g_signal_connect (client, "message", G_CALLBACK (on_message), &self);
  g_signal_connect (client, "fault", G_CALLBACK (on_fault), &self);
  pb_client_register (client, registration);
  pb_client_open (client);
  g_main_loop_run (self.loop);
  g_signal_handlers_disconnect_by_data (client, &self);
  pb_client_close (client);
  g_source_remove (timeout);
  pb_registration_free (registration);
  g_main_loop_unref (self.loop);

  return self.status;
}

static int
acknowledge (PbCtl *self, gint64 number, const char *by)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_ACK);
  g_autoptr (GError) error = NULL;

  pb_message_set_int (message, "alarm", number);
  if (by != NULL)
    pb_message_set_string (message, "by", by);
  if (!pb_message_check (message, PB_MESSAGE_TO_SERVER, NULL))
    return pb_ctl_usage (self,
        "--ack is a number, --by a name of at most %d characters",
        PB_ALARM_BY_MAX);
  if (!pb_ctl_say (self, message, &error))
    return pb_ctl_fail (self, error,
        "cannot acknowledge alarm %" G_GINT64_FORMAT, number);

  if (self->json)
    printf ("{\"alarm\":%" G_GINT64_FORMAT "}\n", number);
  else
    printf ("alarm %" G_GINT64_FORMAT ": seen\n", number);

  return PB_CTL_OK;
}

/* pbctl alarms */
int
pb_ctl_alarms (PbCtl *self, int argc, char **argv)
{
  gboolean only_open = FALSE;
  gint64 number = 0;
  g_autofree char *by = NULL;
  const GOptionEntry entries[] = {
    { "open", 0, 0, G_OPTION_ARG_NONE, &only_open,
        "Those alone that are not cleared", NULL },
    { "ack", 0, 0, G_OPTION_ARG_INT64, &number, "Somebody has seen this one",
        "N" },
    { "by", 0, 0, G_OPTION_ARG_STRING, &by, "Who", "NAME" },
    { NULL },
  };

  if (!pb_ctl_parse (self, entries, "", help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 1)
    return pb_ctl_usage (self, "alarms takes no argument");
  if (number == 0 && by != NULL)
    return pb_ctl_usage (self, "--by goes with --ack");

  return number != 0 ? acknowledge (self, number, by) : look (self, only_open);
}
