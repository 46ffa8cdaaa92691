/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-request.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-random.h"
#include "pb-server-pending.h"

/**
 * pb_server_reply_new: (skip)
 * @status: HTTP
 * @type: (nullable): media type, static
 * @body: (nullable) (transfer full): the body
 *
 * Returns: (transfer full): an answer
 */
PbServerReply *
pb_server_reply_new (guint status, const char *type, GBytes *body)
{
  PbServerReply *self = g_new0 (PbServerReply, 1);

  self->status = status;
  self->type = type;
  self->body = body;

  return self;
}

/**
 * pb_server_reply_new_json: (skip)
 * @status: HTTP
 * @object: (transfer full): the body; it may hold a token, so the text is
 *   wiped when it has been sent
 *
 * Returns: (transfer full): an answer
 */
PbServerReply *
pb_server_reply_new_json (guint status, JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  char *text;

  json_node_take_object (node, object);
  text = pb_json_print (node);

  return pb_server_reply_new (status, "application/json",
      g_bytes_new_with_free_func (text, strlen (text),
          (GDestroyNotify) pb_secret_free, text));
}

/**
 * pb_server_reply_free: (skip)
 * @self: (nullable) (transfer full): the answer
 */
void
pb_server_reply_free (PbServerReply *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->body, g_bytes_unref);
  g_clear_pointer (&self->zipped, g_bytes_unref);
  g_strfreev (self->links);
  g_clear_pointer (&self->pending, pb_server_pending_unref);
  g_free (self->location);
  g_free (self->tag);
  g_free (self);
}

/**
 * pb_server_reply_new_pending: (skip)
 * @self: a promise
 *
 * Returns: (transfer full): an answer that is not there yet
 */
PbServerReply *
pb_server_reply_new_pending (PbServerPending *self)
{
  PbServerReply *reply = pb_server_reply_new (0, NULL, NULL);

  reply->pending = pb_server_pending_ref (self);

  return reply;
}

/**
 * pb_server_request_get: (skip)
 * @self: the request
 * @key: of its query
 *
 * Returns: (nullable): the value
 */
const char *
pb_server_request_get (const PbServerRequest *self, const char *key)
{
  return g_hash_table_lookup (self->query, key);
}
