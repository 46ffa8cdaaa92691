/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-signal-data.h"

JsonObject *
pb_signal_data_peek (PbMessage *message)
{
  JsonNode *node =
      json_object_get_member (pb_message_peek_object (message), "data");

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node)
             ? json_node_get_object (node)
             : NULL;
}

const char *
pb_signal_data_get_text (JsonObject *data, const char *key)
{
  JsonNode *node = data != NULL ? json_object_get_member (data, key) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
                 json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}
