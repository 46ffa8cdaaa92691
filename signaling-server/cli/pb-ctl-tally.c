/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl tally: the light at the camera. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>

static const char help[] =
    "Sets the tally of a slot. The server hands it to the slot's sender and "
    "receivers\nand to everybody who watches. Needs the admin's token.\n\n"
    "Examples:\n"
    "  pbctl tally cam-wide program   # on air: red\n"
    "  pbctl tally cam-wide preview   # next: green\n"
    "  pbctl tally cam-wide off";

/* pbctl tally SLOT STATE */
int
pb_ctl_tally (PbCtl *self, int argc, char **argv)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_TALLY);
  g_autoptr (GError) error = NULL;
  PbTally parsed;

  if (!pb_ctl_parse (self, NULL, "SLOT off|preview|program", help, &argc,
          &argv))
    return PB_CTL_USAGE;
  if (argc != 3)
    return pb_ctl_usage (self, "tally needs a slot and a state");
  if (!pb_ctl_check_name (self, "slot", argv[1]))
    return PB_CTL_USAGE;
  if (!pb_tally_from_name (argv[2], &parsed))
    return pb_ctl_usage (self, "\"%s\": say off, preview or program", argv[2]);

  pb_message_set_string (message, "stream", argv[1]);
  pb_message_set_string (message, "state", argv[2]);
  if (!pb_ctl_say (self, message, &error))
    return pb_ctl_fail (self, error, "cannot set the tally of %s", argv[1]);

  if (self->json)
    printf ("{\"stream\":\"%s\",\"state\":\"%s\"}\n", argv[1], argv[2]);
  else
    printf ("%s: %s\n", argv[1], argv[2]);

  return PB_CTL_OK;
}
