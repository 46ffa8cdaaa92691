/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usage: pb-print-string CLIENT MODE DIRECTION ADDRESS PORT LOCAL_PORT
 *
 * Prints the connection string for a client of session demo, slot cam-wide,
 * with a passphrase that opens nothing; exit code 3 and the note where there is
 * none. */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/pb-random.h"
#include "core/pb-strings.h"

static gboolean
find_client (const char *name, PbClientKind *out)
{
  for (guint i = 0; i < PB_N_CLIENTS; i++) {
    if (g_str_equal (pb_client_kind_get_name (i), name)) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

int
main (int argc, char **argv)
{
  PbEndpoint end = {
    .session = "demo",
    .stream = "cam-wide",
    .passphrase = "0123456789abcdefABCDEFGHIJKLMNop",
    .cipher = PB_CIPHER_AES_256,
    .latency_ms = 200,
  };
  PbDirection direction;
  PbClientKind kind;
  PbSrtMode mode;
  const char *note;
  char *string;

  if (argc != 7 || !find_client (argv[1], &kind) ||
      !pb_srt_mode_from_name (argv[2], &mode) ||
      !pb_direction_from_name (argv[3], &direction))
    return 2;
  end.address = argv[4];
  end.port = (guint) atoi (argv[5]);
  end.local_port = (guint) atoi (argv[6]);

  string = pb_strings_format (kind, mode, direction, &end, &note);
  puts (string != NULL ? string : note);
  if (string == NULL)
    return 3;
  pb_secret_free (string);

  return 0;
}
