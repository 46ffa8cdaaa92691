/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl cue: a line for the people at a slot. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>

#include "core/pb-limits.h"

static const char help[] =
    "Shows a line to the people at a slot's ends, now: it is not kept for who "
    "comes\nlater. Up to 140 characters. Needs the admin's token.\n\n"
    "Examples:\n"
    "  pbctl cue cam-wide \"stand by, cam 2\"\n"
    "  pbctl cue cam-wide ten seconds";

/* The words of the command line, as one; NULL where that is no cue. */
static char *
join_words (char **words)
{
  g_autofree char *text = g_strjoinv (" ", words);

  if (!g_utf8_validate (text, -1, NULL) || *text == '\0' ||
      g_utf8_strlen (text, -1) > PB_CUE_MAX)
    return NULL;
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (!g_unichar_isprint (g_utf8_get_char (p)))
      return NULL;

  return g_steal_pointer (&text);
}

/* pbctl cue SLOT TEXT */
int
pb_ctl_cue (PbCtl *self, int argc, char **argv)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_CUE);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (!pb_ctl_parse (self, NULL, "SLOT TEXT…", help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc < 3)
    return pb_ctl_usage (self, "cue needs a slot and a text");
  if (!pb_ctl_check_name (self, "slot", argv[1]))
    return PB_CTL_USAGE;
  text = join_words (argv + 2);
  if (text == NULL)
    return pb_ctl_usage (self,
        "a cue is a line of 1 to %d printable characters", PB_CUE_MAX);

  pb_message_set_string (message, "stream", argv[1]);
  pb_message_set_string (message, "text", text);
  if (!pb_ctl_say (self, message, &error))
    return pb_ctl_fail (self, error, "cannot give the cue to %s", argv[1]);

  if (self->json) {
    g_autoptr (JsonNode) answer = json_node_new (JSON_NODE_OBJECT);
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "stream", argv[1]);
    json_object_set_string_member (object, "text", text);
    json_node_take_object (answer, object);
    pb_ctl_print_json (answer);
  } else {
    printf ("%s: ", argv[1]);
    pb_ctl_print_safe (text);
    putchar ('\n');
  }

  return PB_CTL_OK;
}
