/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl session extend and add: a production that runs gets more of what it
 * has. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>

#include "core/pb-limits.h"

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

/* (transfer full): {`field`: `value`}, which is taken */
static JsonNode *
build_body (const char *field, JsonNode *value)
{
  JsonNode *node = json_node_alloc ();
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_member (object, field, value);
  json_node_init_object (node, object);

  return node;
}

static gint64
get_number (JsonNode *answer, const char *field)
{
  return JSON_NODE_HOLDS_OBJECT (answer)
             ? pb_ctl_member_int (json_node_get_object (answer), field)
             : 0;
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
  gint64 seconds = PB_TTL_DEFAULT;

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
    body = build_body ("ttl", json_node_init_int (json_node_alloc (), seconds));
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
  left = pb_ctl_format_left (get_number (answer, "expires"),
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
    body = build_body ("stream",
        json_node_init_string (json_node_alloc (), argv[1]));
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
        get_number (answer, "port"));

  return PB_CTL_OK;
}
