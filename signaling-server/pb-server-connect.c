/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-connect.h"

#include "core/pb-random.h"
#include "core/pb-strings.h"

/* Section 4.6: what a third-party client pastes. */

static PbSrtMode
complement (PbSrtMode mode)
{
  if (mode == PB_SRT_RENDEZVOUS)
    return mode;

  return mode == PB_SRT_CALLER ? PB_SRT_LISTENER : PB_SRT_CALLER;
}

static void
set_text (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, member, text);
  else
    json_object_set_null_member (object, member);
}

static JsonArray *
list_strings (PbSrtMode mode, PbDirection direction, const PbEndpoint *endpoint)
{
  JsonArray *strings = json_array_new ();

  for (guint i = 0; i < PB_N_CLIENTS; i++) {
    const char *note = NULL;
    /* holds the passphrase */
    char *text =
        pb_strings_format ((PbClientKind) i, mode, direction, endpoint, &note);
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "client",
        pb_client_kind_get_name ((PbClientKind) i));
    json_object_set_string_member (object, "mode", pb_srt_mode_get_name (mode));
    json_object_set_boolean_member (object, "works", text != NULL);
    set_text (object, "string", text);
    set_text (object, "note", note);
    pb_secret_free (text);
    json_array_add_object_element (strings, object);
  }

  return strings;
}

/* One side of a slot as a third-party client meets it. `ours` is the end it
 * meets: our receiver where it sends, our sender where it receives. */
static JsonObject *
describe_end (PbServerSession *session, PbServerSlot *slot,
    PbDirection direction, PbServerPeer *ours)
{
  gboolean is_ready = ours != NULL && ours->link != NULL && ours->port != 0;
  PbSrtMode mode = is_ready ? complement (ours->mode) : PB_SRT_CALLER;
  PbEndpoint endpoint = {
    .session = pb_session_get_name (session->core),
    .stream = slot->name,
    .port = is_ready ? ours->port : slot->port,
    .passphrase = slot->passphrase,
    .cipher = pb_session_get_cipher (session->core),
    .latency_ms = pb_session_get_latency (session->core),
  };
  JsonObject *object = json_object_new ();

  if (is_ready)
    endpoint.address = ours->address != NULL ? ours->address : ours->remote;
  json_object_set_boolean_member (object, "ready", is_ready);
  set_text (object, "address", endpoint.address);
  json_object_set_int_member (object, "port", endpoint.port);
  json_object_set_string_member (object, "mode", pb_srt_mode_get_name (mode));
  set_text (object, "note",
      is_ready ? NULL
      : direction == PB_DIRECTION_SEND
          ? "No receiver is here yet: start a pbsrtbin that receives this slot."
          : "No sender is here yet: start a pbsrtbin that sends this slot.");
  json_object_set_array_member (object, "strings",
      list_strings (mode, direction, &endpoint));

  return object;
}

/* The receiver that has said where it can be met. */
static PbServerPeer *
find_receiver (PbServerSlot *slot)
{
  for (guint i = 0; i < slot->receivers->len; i++) {
    PbServerPeer *peer = g_ptr_array_index (slot->receivers, i);

    if (peer->link != NULL && peer->port != 0)
      return peer;
  }

  return NULL;
}

/**
 * pb_server_connect_describe: (skip)
 * @session: the session
 * @stream: (nullable): one slot of it, which exists
 *
 * Returns: (transfer full): the body of /connect; it holds passphrases
 */
JsonObject *
pb_server_connect_describe (PbServerSession *session, const char *stream)
{
  const char *const *names = pb_session_get_streams (session->core);
  PbCipher cipher = pb_session_get_cipher (session->core);
  JsonObject *object = json_object_new ();
  JsonArray *streams = json_array_new ();

  for (guint i = 0; names[i] != NULL; i++) {
    PbServerSlot *slot = g_hash_table_lookup (session->slots, names[i]);
    JsonObject *row;

    if (stream != NULL && !g_str_equal (stream, names[i]))
      continue;
    row = json_object_new ();
    json_object_set_string_member (row, "stream", slot->name);
    json_object_set_string_member (row, "passphrase", slot->passphrase);
    json_object_set_string_member (row, "cipher", pb_cipher_get_name (cipher));
    json_object_set_int_member (row, "pbkeylen",
        pb_cipher_get_key_length (cipher));
    json_object_set_int_member (row, "latency",
        pb_session_get_latency (session->core));
    json_object_set_int_member (row, "port", slot->port);
    json_object_set_object_member (row, "send",
        describe_end (session, slot, PB_DIRECTION_SEND, find_receiver (slot)));
    json_object_set_object_member (row, "receive",
        describe_end (session, slot, PB_DIRECTION_RECEIVE, slot->sender));
    json_array_add_object_element (streams, row);
  }
  json_object_set_string_member (object, "session",
      pb_session_get_name (session->core));
  json_object_set_array_member (object, "streams", streams);

  return object;
}
