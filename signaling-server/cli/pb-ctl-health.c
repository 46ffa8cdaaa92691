/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl health: is the server there? Needs no token. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>

static const char help[] =
    "Asks the server how it is. Exit status 0: it answers.\n\n"
    "Example:\n"
    "  until pbctl health >/dev/null 2>&1; do sleep 1; done";

/* pbctl health */
int
pb_ctl_health (PbCtl *self, int argc, char **argv)
{
  g_autofree char *server = NULL;
  g_autofree char *up = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *health;

  if (!pb_ctl_parse (self, NULL, "", help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 1)
    return pb_ctl_usage (self, "health takes no argument");
  server = pb_ctl_get_server (self);

  rest = pb_ctl_open_rest (self, NULL, &error);
  if (rest != NULL)
    answer = pb_rest_call (rest, "GET", "/api/health", NULL, &error);
  if (answer == NULL)
    return pb_ctl_fail (self, error, "%s does not answer", server);
  if (self->json) {
    pb_ctl_print_json (answer);
    return PB_CTL_OK;
  }

  health =
      JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  up = pb_ctl_format_left (pb_ctl_member_int (health, "uptime"), 0);
  printf ("%s: ", server);
  pb_ctl_print_safe (pb_ctl_member (health, "status"));
  printf (", version ");
  pb_ctl_print_safe (pb_ctl_member (health, "version"));
  printf (", up %s, %" G_GINT64_FORMAT " sessions, %" G_GINT64_FORMAT
          " peers\n",
      up, pb_ctl_member_int (health, "sessions"),
      pb_ctl_member_int (health, "peers"));

  return PB_CTL_OK;
}
