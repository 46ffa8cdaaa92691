/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-json.h"

#include <string.h>

#include "core/pb-json.h"

/**
 * pb_server_json_has: (skip)
 * @object: a body
 * @member: a name
 *
 * Returns: whether it is there, and not null
 */
gboolean
pb_server_json_has (JsonObject *object, const char *member)
{
  return json_object_has_member (object, member) &&
         !json_object_get_null_member (object, member);
}

/**
 * pb_server_json_set_text: (skip)
 * @object: an answer
 * @member: a name
 * @text: (nullable): its value
 */
void
pb_server_json_set_text (JsonObject *object, const char *member,
    const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
  else
    json_object_set_null_member (object, member);
}

/**
 * pb_server_json_measure: (skip)
 * @object: an object
 *
 * Returns: how many octets it has on the wire
 */
gsize
pb_server_json_measure (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autofree char *text = NULL;

  json_node_set_object (node, object);
  text = pb_json_print (node);

  return strlen (text);
}

/**
 * pb_server_json_fill_message: (skip)
 * @message: a message
 * @object: (transfer none): its fields
 */
void
pb_server_json_fill_message (PbMessage *message, JsonObject *object)
{
  JsonObjectIter iter;
  const char *member;
  JsonNode *value;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &member, &value))
    pb_message_take_node (message, member, json_node_copy (value));
}
