/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl token: what an operator gets. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

#include "core/pb-limits.h"

static const char help[] =
    "Mints a token out of the admin's own (PATCHBAY_TOKEN or --token-file): "
    "for one slot,\nfor one direction, for as long as you say, and never "
    "longer than the session lives.\nThe server keeps no copy. What is lost is "
    "minted anew.\n\n"
    "Examples:\n"
    "  The camera may send, for ten minutes:\n"
    "    pbctl token cam-wide --direction send --ttl 10m\n"
    "  A control room may receive everything:\n"
    "    pbctl token --direction receive --ttl 8h --token-out mcr\n"
    "  A screen that shows health and tally, and nothing else:\n"
    "    pbctl token --direction observe\n"
    "  Whom it is for, and how to take it back:\n"
    "    pbctl token cam-wide --direction send --label \"Kim, camera 2\"\n"
    "    pbctl token list\n"
    "    pbctl token revoke ID\n"
    "  Start a sender with a token that no list of processes shows:\n"
    "    PATCHBAY_TOKEN=$(pbctl token cam-wide --direction send --token-out -) "
    "\\\n        gst-launch-1.0 … ! pbsrtbin uri=pb://127.0.0.1:8080/demo/"
    "cam-wide\n\n"
    "A slot that is called list or revoke: pbctl token -- list";

static JsonNode *
build_body (const char *stream, const char *direction, gint64 ttl,
    const char *label)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "role");
  json_builder_add_string_value (b, "peer");
  if (stream != NULL) {
    json_builder_set_member_name (b, "stream");
    json_builder_add_string_value (b, stream);
  }
  if (direction != NULL) {
    json_builder_set_member_name (b, "direction");
    json_builder_add_string_value (b, direction);
  }
  if (ttl >= 0) {
    json_builder_set_member_name (b, "ttl");
    json_builder_add_int_value (b, ttl);
  }
  if (label != NULL) {
    json_builder_set_member_name (b, "label");
    json_builder_add_string_value (b, label);
  }
  json_builder_end_object (b);

  return json_builder_get_root (b);
}

static void
print_token (JsonObject *answer)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *left =
      pb_ctl_format_left (pb_ctl_member_int (answer, "expires"), now);
  const char *stream = pb_ctl_member (answer, "stream");
  const char *direction = pb_ctl_member (answer, "direction");

  printf ("token  ");
  pb_ctl_print_safe (pb_ctl_member (answer, "token"));
  printf ("\nfor    ");
  pb_ctl_print_safe (pb_ctl_member (answer, "session"));
  printf (", ");
  pb_ctl_print_safe (stream != NULL ? stream : "all slots");
  if (direction != NULL) {
    printf (", ");
    pb_ctl_print_safe (direction);
  }
  printf (", ends in %s\nid     ", left);
  pb_ctl_print_safe (pb_ctl_member (answer, "id"));
  printf ("\npage   ");
  pb_ctl_print_safe (pb_ctl_member (answer, "url"));
  putchar ('\n');
}

static int
mint (PbCtl *self, int argc, char **argv)
{
  g_autofree char *direction = NULL;
  g_autofree char *ttl = NULL;
  g_autofree char *label = NULL;
  g_autofree char *token_out = NULL;
  const GOptionEntry entries[] = {
    { "direction", 0, 0, G_OPTION_ARG_STRING, &direction,
        "send, receive or observe (default: with a slot send and receive, "
        "without one receive and observe)",
        "NAME" },
    { "ttl", 0, 0, G_OPTION_ARG_STRING, &ttl,
        "How long it is good: 600, 10m, 2h (default: as long as the session)",
        "TIME" },
    { "label", 0, 0, G_OPTION_ARG_STRING, &label,
        "Whom it is for, as pbctl token list and the admin's page show it",
        "TEXT" },
    { "token-out", 0, 0, G_OPTION_ARG_FILENAME, &token_out,
        "Write it to this file, which only you can read, instead of printing "
        "it; - prints it alone",
        "FILE" },
    { NULL },
  };
  const char *stream = NULL;
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (PbCtlSink) sink = NULL;
  g_autoptr (JsonNode) body = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;
  PbDirection parsed;
  gint64 seconds = -1;
  JsonObject *object;

  if (!pb_ctl_parse_slot (self, entries, help, argc, argv, &stream))
    return PB_CTL_USAGE;
  if (ttl != NULL && !pb_ctl_parse_seconds (ttl, &seconds))
    return pb_ctl_usage (self, "--ttl %s is not a time: 600, 10m, 2h", ttl);
  if (direction != NULL && !pb_direction_from_name (direction, &parsed))
    return pb_ctl_usage (self, "--direction %s: say send, receive or observe",
        direction);

  if (label != NULL && (!g_utf8_validate (label, -1, NULL) || *label == '\0' ||
                           g_utf8_strlen (label, -1) > PB_LABEL_MAX))
    return pb_ctl_usage (self, "--label has 1 to %d characters", PB_LABEL_MAX);

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL && token_out != NULL)
    sink = pb_ctl_sink_new (token_out, &error);
  if (error == NULL) {
    body = build_body (stream, direction, seconds, label);
    path = g_strconcat ("/api/session/", session, "/token", NULL);
    answer = pb_rest_call (rest, "POST", path, body, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot mint a token for %s",
        stream != NULL ? stream : "the session");

  object =
      JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  if (pb_ctl_member (object, "token") == NULL)
    return pb_ctl_fail (self, NULL, "the server answered without a token");
  if (sink != NULL) {
    if (!pb_ctl_sink_finish (sink, pb_ctl_member (object, "token"), &error))
      return pb_ctl_fail (self, error, "the token was minted, but");
    if (strcmp (token_out, "-") == 0)
      return PB_CTL_OK;
    /* The page's address carries it as well. */
    json_object_remove_member (object, "token");
    json_object_remove_member (object, "url");
  }
  if (self->json)
    pb_ctl_print_json (answer);
  else if (token_out != NULL)
    printf ("token  written to %s\n", token_out);
  else
    print_token (object);

  return PB_CTL_OK;
}

static const PbCtlCommand verbs[] = {
  { "token list", "", "what was given out", pb_ctl_token_list },
  { "token revoke", "ID", "one of them ends", pb_ctl_token_revoke },
};

/* pbctl token [SLOT]|list|revoke ID */
int
pb_ctl_token (PbCtl *self, int argc, char **argv)
{
  const PbCtlCommand *verb =
      pb_ctl_find_verb (verbs, G_N_ELEMENTS (verbs), argc > 1 ? argv[1] : NULL);

  return verb != NULL ? pb_ctl_run_verb (self, verb, argc, argv)
                      : mint (self, argc, argv);
}
