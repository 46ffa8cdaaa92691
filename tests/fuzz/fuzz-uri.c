/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-message.h"
#include "core/pb-uri.h"
#include "fuzz.h"

/* What is taken is printed so that it is read again as the same, without its
 * token; no error repeats what came. */

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = pb_uri_parse (text, &error);
  g_autoptr (PbUri) again = NULL;
  g_autoptr (PbUri) copy = NULL;
  g_autofree char *printed = NULL;

  FUZZ_CHECK ((uri == NULL) == (error != NULL));
  if (uri == NULL) {
    FUZZ_CHECK (error->domain == PB_ERROR);
    FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL));
    return 0;
  }

  FUZZ_CHECK (uri->host != NULL && *uri->host != '\0');
  FUZZ_CHECK (uri->port > 0 && uri->port <= 65535);
  FUZZ_CHECK (pb_name_is_valid (uri->session));
  FUZZ_CHECK (uri->stream == NULL || pb_name_is_valid (uri->stream));
  pb_uri_is_loopback (uri);

  printed = pb_uri_print (uri);
  FUZZ_CHECK (strstr (printed, "?t=") == NULL);
  FUZZ_CHECK (strchr (printed, '#') == NULL);
  again = pb_uri_parse (printed, &error);
  FUZZ_CHECK (again != NULL);
  FUZZ_CHECK (again->token == NULL);
  FUZZ_CHECK (again->is_secure == uri->is_secure);
  FUZZ_CHECK (again->port == uri->port);
  FUZZ_CHECK (strcmp (again->host, uri->host) == 0);
  FUZZ_CHECK (strcmp (again->session, uri->session) == 0);
  FUZZ_CHECK (g_strcmp0 (again->stream, uri->stream) == 0);

  copy = pb_uri_copy (uri);
  FUZZ_CHECK (g_strcmp0 (copy->token, uri->token) == 0);

  return 0;
}
