/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-message.h"
#include "core/pb-strings.h"
#include "fuzz.h"

/* What a caller sent as its stream id: names come out valid or not at all, and
 * our own spelling of them is read again as the same. */

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *session = NULL, *stream = NULL, *ours = NULL;
  g_autofree char *session2 = NULL, *stream2 = NULL;
  PbDirection direction = PB_DIRECTION_NONE, direction2 = PB_DIRECTION_NONE;
  g_autoptr (GError) error = NULL;

  if (!pb_strings_parse_stream_id (text, &session, &stream, &direction,
          &error)) {
    FUZZ_CHECK (g_error_matches (error, PB_ERROR, PB_ERROR_INVALID));
    FUZZ_CHECK (session == NULL && stream == NULL);
    FUZZ_CHECK (direction == PB_DIRECTION_NONE);
    return 0;
  }

  FUZZ_CHECK (strlen (text) <= 512);
  FUZZ_CHECK (pb_name_is_valid (session) && pb_name_is_valid (stream));
  if (direction != PB_DIRECTION_SEND && direction != PB_DIRECTION_RECEIVE)
    return 0;
  ours = pb_strings_stream_id (session, stream, direction);
  FUZZ_CHECK (pb_strings_parse_stream_id (ours, &session2, &stream2,
      &direction2, &error));
  FUZZ_CHECK (strcmp (session, session2) == 0);
  FUZZ_CHECK (strcmp (stream, stream2) == 0);
  FUZZ_CHECK (direction == direction2);

  return 0;
}
