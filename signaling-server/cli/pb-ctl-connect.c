/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl connect: what a person pastes into a program that is not ours. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Prints, for each slot, what to paste into FFmpeg, OBS, vMix, GStreamer,\n"
    "srt-live-transmit or Larix, so that it meets the pbsrtbin at the other "
    "end; and\nwhat clients of WHIP and WHEP are given to meet a pbsrcsink over "
    "WebRTC. It is\nright for each: units, escaping, what the program cannot do. "
    "It holds the slot's\npassphrase and tokens, so it needs the admin's "
    "token.\n\n"
    "Examples:\n"
    "  Everything about one slot:\n"
    "    pbctl connect cam-wide\n"
    "  One client only:\n"
    "    pbctl connect cam-wide --client obs\n"
    "  One string and nothing else, for a script:\n"
    "    eval \"$(pbctl connect cam-wide --client ffmpeg --direction send)\"";

static const struct
{
  const char *name;
  const char *title;
} clients[] = {
  { "ffmpeg", "FFmpeg" },
  { "obs", "OBS Studio: Settings, Stream, Service \"Custom\", Server" },
  { "vmix", "vMix" },
  { "gstreamer", "GStreamer's own SRT elements" },
  { "srt-live-transmit", "srt-live-transmit" },
  { "larix", "Larix Broadcaster: open this link on the phone" },
  { "whip", "WHIP: any client that sends WebRTC by an address and a token" },
  { "obs-whip", "OBS Studio over WebRTC: Settings, Stream" },
  { "ffmpeg-whip", "FFmpeg over WebRTC" },
  { "gstreamer-whip", "GStreamer over WebRTC, sending" },
  { "whep", "WHEP: any player of WebRTC by an address and a token" },
  { "gstreamer-whep", "GStreamer over WebRTC, playing" },
};

static const char *
title_of (const char *client)
{
  for (gsize i = 0; i < G_N_ELEMENTS (clients); i++) {
    if (g_strcmp0 (clients[i].name, client) == 0)
      return clients[i].title;
  }

  return client;
}

static void
print_indented (const char *lead, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++) {
    if (lines[i][0] == '\0')
      continue;
    fputs (lead, stdout);
    pb_ctl_print_safe (lines[i]);
    putchar ('\n');
  }
}

static JsonArray *
array_of (JsonObject *object, const char *name)
{
  JsonNode *node =
      object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node)
             ? json_node_get_array (node)
             : NULL;
}

static JsonObject *
object_of (JsonObject *object, const char *name)
{
  JsonNode *node =
      object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node)
             ? json_node_get_object (node)
             : NULL;
}

/* WHIP and WHEP go by the server, which knows the other end's address. */
static gboolean
is_http (JsonObject *line)
{
  const char *mode = pb_ctl_member (line, "mode");

  return g_strcmp0 (mode, "whip") == 0 || g_strcmp0 (mode, "whep") == 0;
}

static void
print_end (JsonObject *end, const char *title, const char *client)
{
  JsonArray *strings = array_of (end, "strings");

  if (end == NULL)
    return;
  printf ("\n  %s", title);
  if (pb_ctl_member (end, "mode") != NULL)
    printf (", as %s", pb_ctl_member (end, "mode"));
  putchar ('\n');
  if (!pb_ctl_member_is_true (end, "ready"))
    printf ("  Not yet: the other end is not there, so ADDRESS stands for "
            "its address.\n");
  if (pb_ctl_member (end, "note") != NULL)
    print_indented ("  ", pb_ctl_member (end, "note"));
  for (guint i = 0; strings != NULL && i < json_array_get_length (strings);
       i++) {
    JsonObject *line = json_array_get_object_element (strings, i);
    const char *name = pb_ctl_member (line, "client");
    const char *note = pb_ctl_member (line, "note");
    const char *string = pb_ctl_member (line, "string");

    if (client != NULL && g_strcmp0 (client, name) != 0)
      continue;
    printf ("\n    ");
    pb_ctl_print_safe (title_of (name));
    putchar ('\n');
    if (string != NULL)
      print_indented ("      ", string);
    else
      printf ("      cannot do this.\n");
    if (note != NULL)
      print_indented ("      # ", note);
  }
}

static void
print_slot (JsonObject *slot, const char *client, const char *direction)
{
  pb_ctl_print_safe (pb_ctl_member (slot, "stream"));
  printf (": port %" G_GINT64_FORMAT ", latency %" G_GINT64_FORMAT " ms, ",
      pb_ctl_member_int (slot, "port"), pb_ctl_member_int (slot, "latency"));
  pb_ctl_print_safe (pb_ctl_member (slot, "cipher"));
  printf (", passphrase ");
  pb_ctl_print_safe (pb_ctl_member (slot, "passphrase"));
  putchar ('\n');
  if (direction == NULL || strcmp (direction, "send") == 0)
    print_end (object_of (slot, "send"), "To send pictures here", client);
  if (direction == NULL || strcmp (direction, "receive") == 0)
    print_end (object_of (slot, "receive"), "To receive the pictures", client);
  putchar ('\n');
}

/* With a slot, a client and a direction: the string, and nothing else. */
static int
print_one (PbCtl *self, JsonObject *slot, const char *client,
    const char *direction)
{
  JsonObject *end = object_of (slot, direction);
  JsonArray *strings = array_of (end, "strings");

  for (guint i = 0; strings != NULL && i < json_array_get_length (strings);
       i++) {
    JsonObject *line = json_array_get_object_element (strings, i);
    const char *note = pb_ctl_member (line, "note");
    const char *string = pb_ctl_member (line, "string");

    if (g_strcmp0 (pb_ctl_member (line, "client"), client) != 0)
      continue;
    if (string == NULL)
      return pb_ctl_fail (self, NULL, "%s cannot do this: %s", client,
          note != NULL ? note : "the server says no more");
    if (!pb_ctl_member_is_true (end, "ready") && !is_http (line))
      return pb_ctl_fail (self, NULL, "%s: the other end is not there yet: %s",
          pb_ctl_member (slot, "stream"),
          pb_ctl_member (end, "note") != NULL ? pb_ctl_member (end, "note")
                                              : "start its pbsrtbin first");
    pb_ctl_print_safe (string);
    putchar ('\n');
    return PB_CTL_OK;
  }

  return pb_ctl_fail (self, NULL, "the server has no string for %s", client);
}

static int
check_words (PbCtl *self, const char *client, const char *direction)
{
  if (direction != NULL && strcmp (direction, "send") != 0 &&
      strcmp (direction, "receive") != 0)
    return pb_ctl_usage (self, "--direction %s: say send or receive",
        direction);
  if (client != NULL && title_of (client) == client) {
    g_autoptr (GString) names = g_string_new (NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (clients); i++)
      g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
          clients[i].name);
    return pb_ctl_usage (self, "--client %s: there are %s", client, names->str);
  }

  return PB_CTL_OK;
}

/* pbctl connect [SLOT] */
int
pb_ctl_connect (PbCtl *self, int argc, char **argv)
{
  g_autofree char *client = NULL;
  g_autofree char *direction = NULL;
  const GOptionEntry entries[] = {
    { "client", 0, 0, G_OPTION_ARG_STRING, &client,
        "One program only, such as ffmpeg, obs, vmix or obs-whip",
        "NAME" },
    { "direction", 0, 0, G_OPTION_ARG_STRING, &direction,
        "What that program does: send or receive (default: both)", "NAME" },
    { NULL },
  };
  const char *stream = NULL;
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;
  JsonArray *slots;

  if (!pb_ctl_parse_slot (self, entries, help, argc, argv, &stream))
    return PB_CTL_USAGE;
  if (check_words (self, client, direction) != PB_CTL_OK)
    return PB_CTL_USAGE;

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    path = g_strconcat ("/api/session/", session, "/connect",
        stream != NULL ? "?stream=" : "", stream, NULL);
    answer = pb_rest_call (rest, "GET", path, NULL, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot get the strings of %s",
        stream != NULL ? stream : "the session");
  if (self->json) {
    pb_ctl_print_json (answer);
    return PB_CTL_OK;
  }

  slots = JSON_NODE_HOLDS_OBJECT (answer)
              ? array_of (json_node_get_object (answer), "streams")
              : NULL;
  if (slots == NULL || json_array_get_length (slots) == 0)
    return pb_ctl_fail (self, NULL, "the server named no slot");
  if (stream != NULL && client != NULL && direction != NULL)
    return print_one (self, json_array_get_object_element (slots, 0), client,
        direction);
  for (guint i = 0; i < json_array_get_length (slots); i++)
    print_slot (json_array_get_object_element (slots, i), client, direction);

  return PB_CTL_OK;
}
