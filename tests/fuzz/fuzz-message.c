/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>

#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "fuzz.h"

/* What is taken may be sent on, is read again as the same, and its known
 * fields give sane values; the server takes nothing that a client refuses. */

static void
check_fields (PbMessage *message)
{
  static const char *const fields[] = { "id", "peer", "stream", "direction",
    "state", "kind", "data", "port", "address", "client", "rtt", "packets",
    "connected", "expires", "streams", "error", "nothing" };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    const char *text = pb_message_get_string (message, fields[i]);
    gint64 value = pb_message_get_int (message, fields[i]);

    FUZZ_CHECK (text == NULL || g_utf8_validate (text, -1, NULL));
    FUZZ_CHECK (value >= -PB_JSON_INTEGER_MAX && value <= PB_JSON_INTEGER_MAX);
    FUZZ_CHECK (isfinite (pb_message_get_double (message, fields[i])));
    FUZZ_CHECK (pb_message_has (message, fields[i]) ||
                (text == NULL && value == 0 &&
                    !pb_message_get_boolean (message, fields[i])));
  }
}

static void
check_way (const char *text, gsize size, PbMessageWay way)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message = pb_message_parse (text, size, way, &error);
  g_autoptr (PbMessage) again = NULL;
  g_autofree char *printed = NULL;

  FUZZ_CHECK ((message == NULL) == (error != NULL));
  if (message == NULL) {
    FUZZ_CHECK (error->domain == PB_ERROR);
    FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL));
    for (const char *p = error->message; *p != '\0'; p++)
      FUZZ_CHECK (!g_ascii_iscntrl (*p));
    return;
  }

  check_fields (message);
  FUZZ_CHECK (pb_message_check (message, way, NULL));
  printed = pb_message_print (message);
  again = pb_message_parse (printed, -1, way, &error);
  /* only escapes can make it too long */
  FUZZ_CHECK (
      again != NULL || g_error_matches (error, PB_ERROR, PB_ERROR_TOO_LARGE));
  if (again != NULL) {
    g_autofree char *same = pb_message_print (again);

    FUZZ_CHECK (g_strcmp0 (printed, same) == 0);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;

  check_way (text, size, PB_MESSAGE_TO_SERVER);
  check_way (text, size, PB_MESSAGE_TO_PEER);
  for (PbBodyType type = PB_BODY_SESSION_CREATE; type <= PB_BODY_TOKEN_MINT;
       type++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) body = pb_body_parse (type, text, size, &error);

    FUZZ_CHECK ((body == NULL) == (error != NULL));
  }

  return 0;
}
