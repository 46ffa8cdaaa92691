/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl session extend and add: a production that runs gets more of what it
 * has. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>

static const char extend_help[] =
    "From now on the session has this much time. Everybody stays: tokens that "
    "were given\nout for as long as the session lasts hold until the new end, "
    "those with a time of\ntheir own end when they would have. It can be done "
    "again and again, and never\nmakes a session shorter: end it with pbctl "
    "session close.\n\n"
    "Example:\n"
    "  Two more hours, from now:\n"
    "    pbctl session extend --ttl 2h --token-file admin";

static const char add_help[] =
    "One more slot, with a passphrase and a port of its own. Whoever is there "
    "for the\nwhole session sees it at once.\n\n"
    "Example:\n"
    "  A third camera has come:\n"
    "    pbctl session add cam-3 --token-file admin\n"
    "    pbctl token cam-3 --direction send --label \"Kim, camera 3\"";

static JsonNode *
build_extend (gint64 ttl)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "ttl");
  json_builder_add_int_value (b, ttl);
  json_builder_end_object (b);

  return json_builder_get_root (b);
}

static JsonNode *
build_add (const char *stream)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "stream");
  json_builder_add_string_value (b, stream);
  json_builder_end_object (b);

  return json_builder_get_root (b);
}

static JsonObject *
get_object (JsonNode *node)
{
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/* pbctl session extend [NAME] */
int
pb_ctl_session_extend (PbCtl *self, int argc, char **argv)
{
  g_autofree char *ttl = NULL;
  const GOptionEntry entries[] = {
    { "ttl", 0, 0, G_OPTION_ARG_STRING, &ttl,
        "How long it has from now on: 1800, 30m, 2h (default 30m)", "TIME" },
    { NULL },
  };
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autofree char *left = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) body = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;
  gint64 seconds = 1800;

  if (!pb_ctl_parse (self, entries, "[NAME]", extend_help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 2)
    return pb_ctl_usage (self, "session extend takes one name");
  if (ttl != NULL && !pb_ctl_parse_seconds (ttl, &seconds))
    return pb_ctl_usage (self, "--ttl %s is not a time: 600, 10m, 2h", ttl);
  if (argc == 2) {
    g_free (self->session);
    self->session = g_strdup (argv[1]);
  }

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    body = build_extend (seconds);
    path = g_strconcat ("/api/session/", session, NULL);
    answer = pb_rest_call (rest, "PATCH", path, body, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot extend session %s",
        session != NULL ? session : "(which?)");

  if (self->json) {
    pb_ctl_print_json (answer);
    return PB_CTL_OK;
  }
  left = pb_ctl_format_left (pb_ctl_member_int (get_object (answer), "expires"),
      g_get_real_time () / G_USEC_PER_SEC);
  printf ("session %s ends in %s\n", session, left);

  return PB_CTL_OK;
}

/* pbctl session add SLOT */
int
pb_ctl_session_add (PbCtl *self, int argc, char **argv)
{
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) body = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;

  if (!pb_ctl_parse (self, NULL, "SLOT", add_help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc != 2)
    return pb_ctl_usage (self, "session add needs the name of one slot");
  if (!pb_ctl_check_name (self, "slot", argv[1]))
    return PB_CTL_USAGE;

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    body = build_add (argv[1]);
    path = g_strconcat ("/api/session/", session, "/stream", NULL);
    answer = pb_rest_call (rest, "POST", path, body, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot add slot %s to session %s",
        argv[1], session != NULL ? session : "(which?)");

  if (self->json)
    pb_ctl_print_json (answer);
  else
    printf ("slot %s is there, port %" G_GINT64_FORMAT "\n", argv[1],
        pb_ctl_member_int (get_object (answer), "port"));

  return PB_CTL_OK;
}
