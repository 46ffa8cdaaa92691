/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-message.h"

#include <string.h>

/* The figures of a `health` message and of a peer in a `session` message:
 * docs/protocol.md, section 6. On the bus '_' becomes '-'. */
/* clang-format off */
static const struct {
  const char *name;
  GType kind;
} figures[] = {
  { "rtt", G_TYPE_DOUBLE },
  { "jitter", G_TYPE_DOUBLE },
  { "loss", G_TYPE_DOUBLE },
  { "drop", G_TYPE_DOUBLE },
  { "bitrate", G_TYPE_DOUBLE },
  { "bandwidth", G_TYPE_DOUBLE },
  { "buffer", G_TYPE_DOUBLE },
  { "latency", G_TYPE_INT64 },
  { "packets", G_TYPE_INT64 },
  { "packets_lost", G_TYPE_INT64 },
  { "packets_dropped", G_TYPE_INT64 },
  { "packets_retransmitted", G_TYPE_INT64 },
  { "packets_undecrypted", G_TYPE_INT64 },
  { "interval", G_TYPE_INT64 },
  { "frames", G_TYPE_INT64 },
  { "frames_dropped", G_TYPE_INT64 },
  { "freezes", G_TYPE_INT64 },
  { "connected", G_TYPE_BOOLEAN },
};
/* clang-format on */

static JsonNode *
peek_value (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? node : NULL;
}

static const char *
peek_string (JsonObject *object, const char *name)
{
  JsonNode *node = peek_value (object, name);
  const char *text = node != NULL ? json_node_get_string (node) : NULL;

  return text != NULL ? text : "";
}

static gint64
peek_int (JsonObject *object, const char *name)
{
  JsonNode *node = peek_value (object, name);

  return node != NULL ? json_node_get_int (node) : 0;
}

static gboolean
peek_boolean (JsonObject *object, const char *name)
{
  JsonNode *node = peek_value (object, name);

  return node != NULL && json_node_get_boolean (node);
}

static void
add_figures (GstStructure *fields, JsonObject *object)
{
  for (guint i = 0; i < G_N_ELEMENTS (figures); i++) {
    JsonNode *node = peek_value (object, figures[i].name);
    g_autofree char *name = NULL;

    if (node == NULL)
      continue;
    name = g_strdelimit (g_strdup (figures[i].name), "_", '-');
    switch (figures[i].kind) {
      case G_TYPE_DOUBLE:
        gst_structure_set (fields, name, G_TYPE_DOUBLE,
            json_node_get_double (node), NULL);
        break;
      case G_TYPE_INT64:
        gst_structure_set (fields, name, G_TYPE_INT64, json_node_get_int (node),
            NULL);
        break;
      default:
        gst_structure_set (fields, name, G_TYPE_BOOLEAN,
            json_node_get_boolean (node), NULL);
    }
  }
  if (peek_value (object, "age") != NULL)
    gst_structure_set (fields, "age-ms", G_TYPE_INT64, peek_int (object, "age"),
        NULL);
}

/* PEER of docs/protocol.md, section 4.4 */
static GstStructure *
make_peer (JsonObject *object)
{
  GstStructure *fields = gst_structure_new ("peer", "peer", G_TYPE_STRING,
      peek_string (object, "peer"), "client", G_TYPE_STRING,
      peek_string (object, "client"), "srt", G_TYPE_STRING,
      peek_string (object, "srt"), "path", G_TYPE_STRING,
      peek_string (object, "path"), "transport", G_TYPE_STRING,
      peek_string (object, "transport"), "health", G_TYPE_STRING,
      peek_string (object, "health"), "cause", G_TYPE_STRING,
      peek_string (object, "cause"), "stale", G_TYPE_BOOLEAN,
      peek_boolean (object, "stale"), NULL);

  add_figures (fields, object);

  return fields;
}

static void
append_structure (GValue *array, GstStructure *structure)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, structure);
  gst_value_array_append_and_take_value (array, &value);
}

/* STREAM of docs/protocol.md, section 4.4 */
static GstStructure *
make_stream (JsonObject *object)
{
  GstStructure *fields = gst_structure_new ("stream", "stream", G_TYPE_STRING,
      peek_string (object, "stream"), "state", G_TYPE_STRING,
      peek_string (object, "state"), "tally", G_TYPE_STRING,
      peek_string (object, "tally"), "port", G_TYPE_UINT,
      (guint) peek_int (object, "port"), NULL);
  JsonNode *sender = json_object_get_member (object, "sender");
  JsonNode *receivers = json_object_get_member (object, "receivers");
  GValue array = G_VALUE_INIT;

  if (sender != NULL && JSON_NODE_HOLDS_OBJECT (sender)) {
    GstStructure *peer = make_peer (json_node_get_object (sender));

    gst_structure_set (fields, "sender", GST_TYPE_STRUCTURE, peer, NULL);
    gst_structure_free (peer);
  }

  g_value_init (&array, GST_TYPE_ARRAY);
  if (receivers != NULL && JSON_NODE_HOLDS_ARRAY (receivers)) {
    JsonArray *list = json_node_get_array (receivers);

    for (guint i = 0; i < json_array_get_length (list); i++) {
      JsonNode *node = json_array_get_element (list, i);

      if (JSON_NODE_HOLDS_OBJECT (node))
        append_structure (&array, make_peer (json_node_get_object (node)));
    }
  }
  gst_structure_take_value (fields, "receivers", &array);

  return fields;
}

/**
 * pb_gst_message_new_session: (skip)
 * @src: who posts it
 * @signalling: "closed", "connecting", "connected" or "waiting"
 * @session: (nullable): the last `session` or `registered`, %NULL before one
 *
 * Returns: (transfer full): a pb-session message
 */
GstMessage *
pb_gst_message_new_session (GstObject *src, const char *signalling,
    PbMessage *session)
{
  GstStructure *fields = gst_structure_new ("pb-session", "signalling",
      G_TYPE_STRING, signalling, NULL);
  GValue array = G_VALUE_INIT;
  JsonObject *object;
  JsonNode *streams;

  if (session == NULL)
    return gst_message_new_element (src, fields);

  object = pb_message_peek_object (session);
  gst_structure_set (fields, "session", G_TYPE_STRING,
      peek_string (object, "session"), "state", G_TYPE_STRING,
      peek_string (object, "state"), "expires", G_TYPE_INT64,
      peek_int (object, "expires"), NULL);
  streams = json_object_get_member (object, "streams");
  if (streams == NULL || !JSON_NODE_HOLDS_ARRAY (streams))
    return gst_message_new_element (src, fields);

  g_value_init (&array, GST_TYPE_ARRAY);
  for (guint i = 0; i < json_array_get_length (json_node_get_array (streams));
       i++) {
    JsonNode *node = json_array_get_element (json_node_get_array (streams), i);

    if (JSON_NODE_HOLDS_OBJECT (node))
      append_structure (&array, make_stream (json_node_get_object (node)));
  }
  gst_structure_take_value (fields, "streams", &array);

  return gst_message_new_element (src, fields);
}

/**
 * pb_gst_message_new_peer: (skip)
 * @src: who posts it
 * @fields: (transfer full): its fields, under any name
 *
 * Returns: (transfer full): a pb-peer message
 */
GstMessage *
pb_gst_message_new_peer (GstObject *src, GstStructure *fields)
{
  gst_structure_set_name (fields, "pb-peer");

  return gst_message_new_element (src, fields);
}

/**
 * pb_gst_message_new_health: (skip)
 * @src: who posts it
 * @health: a `health` message from the server
 *
 * Returns: (transfer full): a pb-health message
 */
GstMessage *
pb_gst_message_new_health (GstObject *src, PbMessage *health)
{
  JsonObject *object = pb_message_peek_object (health);
  GstStructure *fields = gst_structure_new ("pb-health", "stream",
      G_TYPE_STRING, peek_string (object, "stream"), "peer", G_TYPE_STRING,
      peek_string (object, "peer"), "direction", G_TYPE_STRING,
      peek_string (object, "direction"), "health", G_TYPE_STRING,
      peek_string (object, "health"), "cause", G_TYPE_STRING,
      peek_string (object, "cause"), "stale", G_TYPE_BOOLEAN,
      peek_boolean (object, "stale"), "age-ms", G_TYPE_INT64,
      peek_int (object, "age"), NULL);

  add_figures (fields, object);

  return gst_message_new_element (src, fields);
}

/**
 * pb_gst_message_new_tally: (skip)
 * @src: who posts it
 * @stream: the slot
 * @tally: what it is now
 *
 * Returns: (transfer full): a pb-tally message
 */
GstMessage *
pb_gst_message_new_tally (GstObject *src, const char *stream, PbTally tally)
{
  return gst_message_new_element (src,
      gst_structure_new ("pb-tally", "stream", G_TYPE_STRING, stream, "state",
          G_TYPE_STRING, pb_tally_get_name (tally), NULL));
}

/**
 * pb_gst_message_new_cue: (skip)
 * @src: who posts it
 * @stream: the slot
 * @text: a line for the people there
 *
 * Returns: (transfer full): a pb-cue message
 */
GstMessage *
pb_gst_message_new_cue (GstObject *src, const char *stream, const char *text)
{
  return gst_message_new_element (src,
      gst_structure_new ("pb-cue", "stream", G_TYPE_STRING, stream, "text",
          G_TYPE_STRING, text, NULL));
}

/**
 * pb_gst_message_new_fault: (skip)
 * @src: who posts it
 * @fault: the cause
 * @side: who found it: "local", "peer" or "server"
 * @stream: (nullable): the slot
 * @peer: (nullable): the other end
 * @attempt: how many attempts failed in a row
 * @retry_in_ms: when the next one comes; 0: it does not
 *
 * Returns: (transfer full): a pb-fault message
 */
GstMessage *
pb_gst_message_new_fault (GstObject *src, PbFault fault, const char *side,
    const char *stream, const char *peer, guint attempt, guint retry_in_ms)
{
  return gst_message_new_element (src,
      gst_structure_new ("pb-fault", "code", G_TYPE_STRING,
          pb_fault_get_code (fault), "fault", PB_TYPE_FAULT, fault, "sentence",
          G_TYPE_STRING, pb_fault_get_sentence (fault), "fatal", G_TYPE_BOOLEAN,
          pb_fault_is_fatal (fault), "side", G_TYPE_STRING, side, "stream",
          G_TYPE_STRING, stream != NULL ? stream : "", "peer", G_TYPE_STRING,
          peer != NULL ? peer : "", "attempt", G_TYPE_UINT, attempt,
          "retry-in-ms", G_TYPE_UINT, retry_in_ms, NULL));
}
