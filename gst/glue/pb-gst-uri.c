/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-uri.h"

static const char *const protocols[] = { "pb", "pbs", NULL };

/**
 * pb_gst_uri_get_protocols: (skip)
 *
 * Returns: the URI schemes of our elements
 */
const char *const *
pb_gst_uri_get_protocols (void)
{
  return protocols;
}

/**
 * pb_gst_uri_set: (skip)
 * @uri: where it is kept
 * @text: (nullable): the new one
 * @error: a #GST_URI_ERROR
 *
 * Returns: whether it is one of ours
 */
gboolean
pb_gst_uri_set (PbUri **uri, const char *text, GError **error)
{
  g_autoptr (GError) cause = NULL;
  PbUri *parsed = NULL;

  if (text != NULL && text[0] != '\0') {
    parsed = pb_uri_parse (text, &cause);
    if (parsed == NULL) {
      /* the text itself may hold a token: it is not repeated */
      g_set_error_literal (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
          cause->message);
      return FALSE;
    }
  }
  if (*uri != NULL)
    pb_uri_free (*uri);
  *uri = parsed;

  return TRUE;
}

/**
 * pb_gst_uri_print: (skip)
 * @uri: (nullable): an address
 *
 * Returns: (transfer full) (nullable): its text without the token
 */
char *
pb_gst_uri_print (const PbUri *uri)
{
  return uri != NULL ? pb_uri_print (uri) : NULL;
}

/**
 * pb_gst_uri_is_allowed: (skip)
 * @uri: an address
 * @insecure: the element's property of that name
 * @sentence: (out): why not
 *
 * Returns: whether a token may travel there
 */
gboolean
pb_gst_uri_is_allowed (const PbUri *uri, gboolean insecure,
    const char **sentence)
{
  if (uri->is_secure || insecure || pb_uri_is_loopback (uri))
    return TRUE;
  *sentence = "pb:// would send the token unencrypted to another machine. Use "
              "pbs://, or set insecure=true where the network is your own.";

  return FALSE;
}
