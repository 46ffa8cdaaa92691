/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-envelope.h"

#include "core/pb-json.h"

/* characters; a message may quote what a stranger sent */
#define DETAIL_MAX 256

/**
 * pb_server_envelope_new: (skip)
 * @error: a PB_ERROR; anything else is the server's own mistake, and what it
 *   says goes to the log, not to a stranger
 * @request_id: of the request
 *
 * Returns: (transfer full): the error as clients read it
 */
JsonObject *
pb_server_envelope_new (const GError *error, const char *request_id)
{
  PbError code = error->domain == PB_ERROR ? (PbError) error->code
      : PB_ERROR_INTERNAL;
  JsonObject *object = json_object_new ();
  g_autofree char *detail = NULL;
  const char *message = pb_error_get_sentence (code);

  /* what the sender got wrong in its own text helps it; why it may not do a
   * thing is for the log */
  if (code == PB_ERROR_INVALID || code == PB_ERROR_TOO_LARGE ||
      code == PB_ERROR_STATE || code == PB_ERROR_FULL ||
      code == PB_ERROR_NOT_LIVE || code == PB_ERROR_ABSENT ||
      code == PB_ERROR_UNPROCESSABLE ||
      (code == PB_ERROR_DENIED &&
          g_str_equal (error->message, PB_SERVER_CREATE_IS_LOCAL))) {
    g_autofree char *valid = g_utf8_make_valid (error->message, -1);

    message = detail = g_utf8_substring (valid, 0,
        MIN (g_utf8_strlen (valid, -1), DETAIL_MAX));
  }
  json_object_set_string_member (object, "status", pb_error_get_status (code));
  json_object_set_string_member (object, "reason", pb_error_get_reason (code));
  json_object_set_string_member (object, "domain", "patchbay");
  json_object_set_string_member (object, "message", message);
  json_object_set_string_member (object, "request_id", request_id);

  return object;
}

/**
 * pb_server_envelope_print: (skip)
 * @error: what went wrong
 * @request_id: of the request
 *
 * Returns: (transfer full): the body of an HTTP answer
 */
char *
pb_server_envelope_print (const GError *error, const char *request_id)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  JsonObject *object = json_object_new ();

  json_object_set_object_member (object, "error",
      pb_server_envelope_new (error, request_id));
  json_node_take_object (node, object);

  return pb_json_print (node);
}
