/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl secret: what patchbayd signs with, drawn here and never sent. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

#include "core/pb-random.h"

static const char help[] =
    "Draws a secret from the system's source of randomness and prints it, or "
    "writes it\nto a file that only you can read. Nothing is sent anywhere. "
    "Whoever has it can\nmake every token, so it belongs to the server alone; "
    "a new one makes every token\nof the old one worthless.\n\n"
    "Example:\n"
    "  pbctl secret --output /etc/patchbay/secret\n"
    "  patchbayd --secret-file /etc/patchbay/secret";

/* pbctl secret */
int
pb_ctl_secret (PbCtl *self, int argc, char **argv)
{
  g_autofree char *output = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
        "Write it to this file instead of printing it", "FILE" },
    { NULL },
  };
  g_autoptr (PbCtlSink) sink = NULL;
  g_autoptr (GError) error = NULL;
  gboolean good;
  char *secret;

  if (!pb_ctl_parse (self, entries, "", help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 1)
    return pb_ctl_usage (self, "secret takes no argument");

  sink = pb_ctl_sink_new (output != NULL ? output : "-", &error);
  if (sink == NULL)
    return pb_ctl_fail (self, error, "no secret was drawn");
  secret = pb_keyring_generate_secret ();
  if (self->json && output == NULL) {
    printf ("{\"secret\":\"%s\"}\n", secret);
    good = TRUE;
  } else {
    good = pb_ctl_sink_finish (sink, secret, &error);
  }
  pb_secret_free (secret);
  if (!good)
    return pb_ctl_fail (self, error, "no secret was kept");
  if (self->json && output != NULL) {
    g_autoptr (JsonNode) node = json_node_alloc ();
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "written", output);
    json_node_init_object (node, object);
    json_object_unref (object);
    pb_ctl_print_json (node);
  } else if (output != NULL && strcmp (output, "-") != 0) {
    printf ("written to %s\n", output);
  }

  return PB_CTL_OK;
}
