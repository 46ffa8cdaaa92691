/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl watch: live health and tally. */
#include "config.h"

#include "pb-ctl.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/pb-random.h"
#include "pb-ctl-wall.h"

static const char help[] =
    "Follows a session: one line per slot, with the tally, the health, what "
    "the sender\nsays beside what the receiver measured; and the alarms that "
    "are open. On a terminal\nthe lines are redrawn in place; in a pipe a line "
    "is printed whenever something\nchanges; with --json every message of the "
    "server is a line. Ends with Ctrl-C, or\nwith the session.\n\n"
    "Examples:\n"
    "  pbctl watch\n"
    "  One look, for a script:\n"
    "    pbctl watch --once\n"
    "  Everything that is not well, with the time:\n"
    "    pbctl watch | grep -v healthy\n"
    "  The bit rate at the receiver, as it comes:\n"
    "    pbctl watch --json | jq 'select(.type == \"health\") | .bitrate'";

typedef struct
{
  PbCtl *ctl;
  PbClient *client;
  PbCtlWall *wall;
  GMainLoop *loop;
  gboolean is_live; /* a terminal: redrawn in place */
  gboolean is_once;
  gboolean is_over; /* what still comes is not shown */
  gboolean colour;
  guint n_drawn;   /* lines to go back before the next drawing */
  PbFault trouble; /* why the connection is not up now */
  int status;
  GHashTable *alarms;  /* number of each that is open -> its line */
  GHashTable *printed; /* slot -> line without its figures' age */
} Watch;

static guint
get_width (void)
{
  struct winsize size;

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;

  return 80;
}

static const char *
name_of_state (PbClientState state)
{
  switch (state) {
    case PB_CLIENT_STATE_CONNECTED:
      return "connected";
    case PB_CLIENT_STATE_CONNECTING:
      return "connecting";
    case PB_CLIENT_STATE_WAITING:
      return "not connected, trying again";
    default:
      return "closed";
  }
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a;
  gint64 y = *(const gint64 *) b;

  return x < y ? 1 : x > y ? -1 : 0;
}

/* Newest first, below the slots; how many lines that were. */
static guint
draw_alarms (Watch *self, guint width)
{
  g_autoptr (GList) numbers =
      g_list_sort (g_hash_table_get_keys (self->alarms), compare_numbers);

  for (GList *l = numbers; l != NULL; l = l->next) {
    const char *line = g_hash_table_lookup (self->alarms, l->data);
    glong n = g_utf8_strlen (line, -1);
    const char *end = g_utf8_offset_to_pointer (line, MIN (n, (glong) width));

    printf ("%s%.*s%s\n", self->colour ? PB_CTL_BAD : "", (int) (end - line),
        line, self->colour ? PB_CTL_PLAIN : "");
  }

  return g_hash_table_size (self->alarms);
}

static void
draw (Watch *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 wall_clock = g_get_real_time () / G_USEC_PER_SEC;
  guint width = get_width ();
  guint n = pb_ctl_wall_get_n_slots (self->wall);
  g_autofree char *left =
      pb_ctl_format_left (pb_ctl_wall_get_expires (self->wall), wall_clock);
  g_autofree char *title = pb_ctl_wall_draw_title (self->colour, width);
  g_autofree char *head = NULL;

  /* Back to the first line of the last drawing, and wipe from there. */
  if (self->n_drawn > 0)
    printf ("\033[%uA\r\033[J", self->n_drawn);
  head = g_strdup_printf ("%s  %s  ends in %s  signalling %s",
      pb_ctl_wall_get_session (self->wall), pb_ctl_wall_get_state (self->wall),
      left, name_of_state (pb_client_get_state (self->client)));
  printf ("%.*s\n%s\n", (int) width, head, title);
  for (guint i = 0; i < n; i++) {
    g_autofree char *line =
        pb_ctl_wall_draw (self->wall, i, now, self->colour, width);

    puts (line);
  }
  self->n_drawn = n + 2 + draw_alarms (self, width);
  fflush (stdout);
}

static void
print_slot (Watch *self, guint index)
{
  g_autofree char *line = pb_ctl_wall_draw (self->wall, index,
      g_get_monotonic_time (), self->colour, 0);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%H:%M:%S");
  char *key = g_strdup_printf ("%u", index);

  /* The same line twice says nothing. */
  if (g_strcmp0 (g_hash_table_lookup (self->printed, key), line) == 0) {
    g_free (key);
    return;
  }
  printf ("%s %s\n", time, line);
  g_hash_table_replace (self->printed, key, g_steal_pointer (&line));
}

static void
show (Watch *self, const char *slot)
{
  if (!pb_ctl_wall_is_known (self->wall))
    return;
  if (self->is_live) {
    draw (self);
    return;
  }

  for (guint i = 0; i < pb_ctl_wall_get_n_slots (self->wall); i++) {
    if (*slot == '\0' || pb_ctl_wall_find (self->wall, slot) == (int) i)
      print_slot (self, i);
  }
  fflush (stdout);
}

static void
feed_alarm (Watch *self, JsonObject *alarm)
{
  gint64 number = pb_ctl_member_int (alarm, "alarm");
  char *line = pb_ctl_format_alarm (alarm, FALSE);

  if (!self->is_live && !self->ctl->json) {
    g_autoptr (GDateTime) now = g_date_time_new_now_local ();
    g_autofree char *time = g_date_time_format (now, "%H:%M:%S");

    printf ("%s alarm %s\n", time, line);
    fflush (stdout);
  }
  if (pb_ctl_member_int (alarm, "cleared") != 0) {
    g_hash_table_remove (self->alarms, &number);
    g_free (line);
  } else {
    gint64 *key = g_new (gint64, 1);

    *key = number;
    g_hash_table_replace (self->alarms, key, line);
  }
}

/* Those that are cleared already are for pbctl alarms. */
static void
feed_alarms (Watch *self, JsonObject *message)
{
  JsonArray *alarms = json_object_get_array_member (message, "alarms");

  g_hash_table_remove_all (self->alarms);
  for (guint i = json_array_get_length (alarms); i > 0; i--) {
    JsonObject *alarm = json_array_get_object_element (alarms, i - 1);

    if (pb_ctl_member_int (alarm, "cleared") == 0)
      feed_alarm (self, alarm);
  }
}

static void
stop (Watch *self, int status)
{
  self->status = status;
  self->is_over = TRUE;
  g_main_loop_quit (self->loop);
}

static void
on_message (PbClient *client, PbMessage *message, gpointer user_data)
{
  Watch *self = user_data;
  PbMessageType type = pb_message_get_message_type (message);
  const char *changed;

  if (self->is_over)
    return;
  if (self->ctl->json && type != PB_MESSAGE_REGISTERED) {
    g_autofree char *text = pb_message_print (message);

    puts (text);
    fflush (stdout);
  }
  if (type == PB_MESSAGE_REGISTERED)
    self->trouble = PB_FAULT_NONE;
  if (type == PB_MESSAGE_ALARM)
    feed_alarm (self, pb_message_peek_object (message));
  else if (type == PB_MESSAGE_ALARMS)
    feed_alarms (self, pb_message_peek_object (message));
  if (self->is_live && (type == PB_MESSAGE_ALARM || type == PB_MESSAGE_ALARMS))
    show (self, "");
  changed = pb_ctl_wall_feed (self->wall, message, g_get_monotonic_time ());
  if (changed == NULL)
    return;

  if (!self->ctl->json)
    show (self, changed);
  if (self->is_once)
    stop (self, PB_CTL_OK);
}

static void
on_fault (PbClient *client, PbFault fault, const char *detail,
    gpointer user_data)
{
  Watch *self = user_data;

  if (!self->is_once &&
      (fault == PB_FAULT_SESSION_CLOSED || fault == PB_FAULT_SESSION_EXPIRED)) {
    /* How every session ends: nothing went wrong. */
    if (!self->ctl->json)
      puts (pb_fault_get_sentence (fault));
    stop (self, PB_CTL_OK);
    return;
  }
  if (pb_fault_is_fatal (fault) || self->is_once) {
    self->status = pb_ctl_fail (self->ctl, NULL, "cannot watch: %s",
        pb_fault_get_sentence (fault));
    g_main_loop_quit (self->loop);
    return;
  }
  /* Said once, not at every attempt. */
  if (fault != self->trouble && !self->is_live)
    fprintf (stderr, "pbctl: %s Trying again.\n",
        pb_fault_get_sentence (fault));
  self->trouble = fault;
}

static gboolean
on_second (gpointer user_data)
{
  Watch *self = user_data;

  if (self->is_live && pb_ctl_wall_is_known (self->wall))
    draw (self);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_signal (gpointer user_data)
{
  stop (user_data, PB_CTL_OK);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout (gpointer user_data)
{
  Watch *self = user_data;

  self->status = pb_ctl_fail (self->ctl, NULL,
      "cannot watch: the server did not answer in time");
  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_end (gpointer user_data)
{
  stop (user_data, PB_CTL_OK);
  return G_SOURCE_CONTINUE;
}

static void
follow (Watch *self, const char *stream, guint seconds)
{
  PbRegistration *registration =
      pb_registration_new (stream, PB_DIRECTION_OBSERVE);
  guint sources[5] = { 0 };

  sources[0] = g_unix_signal_add (SIGINT, on_signal, self);
  sources[1] = g_unix_signal_add (SIGTERM, on_signal, self);
  sources[2] = g_timeout_add_seconds (1, on_second, self);
  if (self->is_once)
    sources[3] = g_timeout_add_seconds (PB_CTL_ANSWER_S, on_timeout, self);
  if (seconds > 0)
    sources[4] = g_timeout_add_seconds (seconds, on_end, self);
  g_signal_connect (self->client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->client, "fault", G_CALLBACK (on_fault), self);
  pb_client_register (self->client, registration);
  pb_client_open (self->client);
  g_main_loop_run (self->loop);
  g_signal_handlers_disconnect_by_data (self->client, self);
  pb_client_close (self->client);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++) {
    if (sources[i] != 0)
      g_source_remove (sources[i]);
  }
  pb_registration_free (registration);
}

/* pbctl watch */
int
pb_ctl_watch (PbCtl *self, int argc, char **argv)
{
  gboolean once = FALSE;
  int seconds = 0;
  const GOptionEntry entries[] = {
    { "once", 0, 0, G_OPTION_ARG_NONE, &once, "Print what is now, and end",
        NULL },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "End after this long", "N" },
    { NULL },
  };
  g_autofree char *session = NULL;
  g_autoptr (JsonObject) claims = NULL;
  g_autoptr (PbClient) client = NULL;
  g_autoptr (GError) error = NULL;
  Watch watch = { 0 };
  char *token;

  if (!pb_ctl_parse (self, entries, "", help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 1)
    return pb_ctl_usage (self, "watch takes no argument");
  if (seconds < 0)
    return pb_ctl_usage (self, "--seconds %d is not a time", seconds);

  token = pb_ctl_dup_token (self, TRUE, &error);
  if (error == NULL)
    session = pb_ctl_dup_session (self, token, &error);
  claims = pb_ctl_read_claims (token);
  if (session != NULL)
    client = pb_ctl_open_client (self, session, token, &error);
  pb_secret_free (token);
  if (client == NULL)
    return pb_ctl_fail (self, error, "cannot watch");

  watch.ctl = self;
  watch.client = client;
  watch.wall = pb_ctl_wall_new ();
  watch.loop = g_main_loop_new (NULL, FALSE);
  watch.is_once = once;
  watch.is_live = isatty (STDOUT_FILENO) && !self->json && !once;
  watch.colour = pb_ctl_use_colour (STDOUT_FILENO) && !self->json;
  watch.alarms =
      g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  watch.printed =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  follow (&watch, claims != NULL ? pb_ctl_member (claims, "stream") : NULL,
      (guint) seconds);
  g_hash_table_unref (watch.alarms);
  g_hash_table_unref (watch.printed);
  g_main_loop_unref (watch.loop);
  pb_ctl_wall_free (watch.wall);

  return watch.status;
}
