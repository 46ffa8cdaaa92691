/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-message-private.h"

#include <math.h>

#include "core/pb-limits.h"

G_DEFINE_BOXED_TYPE (PbMessage, pb_message, pb_message_ref, pb_message_unref)

/**
 * pb_message_ref:
 * @self: a message
 *
 * Returns: (transfer full): the same message
 */
PbMessage *
pb_message_ref (PbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_atomic_ref_count_inc (&self->refs);

  return self;
}

/**
 * pb_message_unref:
 * @self: (transfer full): a message
 */
void
pb_message_unref (PbMessage *self)
{
  g_return_if_fail (self != NULL);
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  json_object_unref (self->object);
  g_free (self);
}

PbMessage *
pb_message_take (PbMessageType type, JsonObject *object)
{
  PbMessage *self = g_new (PbMessage, 1);

  g_atomic_ref_count_init (&self->refs);
  self->type = type;
  self->object = object;

  return self;
}

/**
 * pb_message_new:
 * @type: its type
 *
 * Returns: (transfer full): a message without fields
 */
PbMessage *
pb_message_new (PbMessageType type)
{
  const char *name = pb_message_type_get_name (type);
  JsonObject *object;

  g_return_val_if_fail (name != NULL, NULL);
  object = json_object_new ();
  json_object_set_string_member (object, "type", name);

  return pb_message_take (type, object);
}

/**
 * pb_message_print:
 * @self: a message
 *
 * Returns: (transfer full): its JSON, on one line
 */
char *
pb_message_print (PbMessage *self)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  g_return_val_if_fail (self != NULL, NULL);
  json_node_set_object (node, self->object);

  return pb_json_print (node);
}

/**
 * pb_message_get_message_type:
 * @self: a message
 *
 * Returns: its type
 */
PbMessageType
pb_message_get_message_type (PbMessage *self)
{
  g_return_val_if_fail (self != NULL, PB_MESSAGE_ERROR);

  return self->type;
}

/**
 * pb_message_peek_object:
 * @self: a message
 *
 * Returns: (transfer none): all of it, `type` included
 */
JsonObject *
pb_message_peek_object (PbMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->object;
}

static JsonNode *
peek_value (PbMessage *self, const char *field)
{
  JsonNode *node = json_object_get_member (self->object, field);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? node : NULL;
}

/**
 * pb_message_has:
 * @self: a message
 * @field: a field
 *
 * Returns: whether it is there and not null
 */
gboolean
pb_message_has (PbMessage *self, const char *field)
{
  JsonNode *node;

  g_return_val_if_fail (self != NULL, FALSE);
  node = json_object_get_member (self->object, field);

  return node != NULL && !JSON_NODE_HOLDS_NULL (node);
}

/**
 * pb_message_get_string:
 * @self: a message
 * @field: a field
 *
 * Returns: (nullable): its text; NULL where it is absent or no string
 */
const char *
pb_message_get_string (PbMessage *self, const char *field)
{
  JsonNode *node;

  g_return_val_if_fail (self != NULL, NULL);
  node = peek_value (self, field);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

/**
 * pb_message_get_int:
 * @self: a message
 * @field: a field
 *
 * Returns: its value, cut towards zero; 0 where it is absent or no number
 */
gint64
pb_message_get_int (PbMessage *self, const char *field)
{
  JsonNode *node;
  double value;

  g_return_val_if_fail (self != NULL, 0);
  node = peek_value (self, field);
  if (node == NULL)
    return 0;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    return json_node_get_int (node);

  value = pb_message_get_double (self, field);

  return (gint64) CLAMP (value, (double) -PB_JSON_INTEGER_MAX,
      (double) PB_JSON_INTEGER_MAX);
}

/**
 * pb_message_get_double:
 * @self: a message
 * @field: a field
 *
 * Returns: its value; 0 where it is absent or no number
 */
double
pb_message_get_double (PbMessage *self, const char *field)
{
  JsonNode *node;
  GType type;

  g_return_val_if_fail (self != NULL, 0);
  node = peek_value (self, field);
  if (node == NULL)
    return 0;
  type = json_node_get_value_type (node);
  if (type == G_TYPE_INT64)
    return json_node_get_int (node);
  if (type == G_TYPE_DOUBLE && isfinite (json_node_get_double (node)))
    return json_node_get_double (node);

  return 0;
}

/**
 * pb_message_get_boolean:
 * @self: a message
 * @field: a field
 *
 * Returns: its value; FALSE where it is absent or no boolean
 */
gboolean
pb_message_get_boolean (PbMessage *self, const char *field)
{
  JsonNode *node;

  g_return_val_if_fail (self != NULL, FALSE);
  node = peek_value (self, field);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_BOOLEAN &&
         json_node_get_boolean (node);
}

/**
 * pb_message_set_string:
 * @self: a message
 * @field: a field
 * @value: (nullable): its text; NULL sets JSON's null
 */
void
pb_message_set_string (PbMessage *self, const char *field, const char *value)
{
  g_return_if_fail (self != NULL);
  json_object_set_string_member (self->object, field, value);
}

/**
 * pb_message_set_int:
 * @self: a message
 * @field: a field
 * @value: its value
 */
void
pb_message_set_int (PbMessage *self, const char *field, gint64 value)
{
  g_return_if_fail (self != NULL);
  json_object_set_int_member (self->object, field, value);
}

/**
 * pb_message_set_double:
 * @self: a message
 * @field: a field
 * @value: its value
 */
void
pb_message_set_double (PbMessage *self, const char *field, double value)
{
  g_return_if_fail (self != NULL);
  json_object_set_double_member (self->object, field, value);
}

/**
 * pb_message_set_boolean:
 * @self: a message
 * @field: a field
 * @value: its value
 */
void
pb_message_set_boolean (PbMessage *self, const char *field, gboolean value)
{
  g_return_if_fail (self != NULL);
  json_object_set_boolean_member (self->object, field, value);
}

/**
 * pb_message_take_node:
 * @self: a message
 * @field: a field
 * @node: (transfer full): its value
 */
void
pb_message_take_node (PbMessage *self, const char *field, JsonNode *node)
{
  g_return_if_fail (self != NULL);
  json_object_set_member (self->object, field, node);
}
