/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-connect.h"

#include <string.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "core/pb-strings.h"
#include "pb-server-json.h"

/* Section 4.6: what a third-party client pastes. */

static PbSrtMode
complement (PbSrtMode mode)
{
  if (mode == PB_SRT_RENDEZVOUS)
    return mode;

  return mode == PB_SRT_CALLER ? PB_SRT_LISTENER : PB_SRT_CALLER;
}

/* What a description is made for. */
typedef struct {
  PbServerSession *session;
  const char *url;
  PbServerConnectToken token; /* NULL: strings of SRT alone */
  gpointer user_data;
} Asked;

static void
add_string (JsonArray *strings, const char *client, const char *mode,
    const char *text, const char *note)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "client", client);
  json_object_set_string_member (object, "mode", mode);
  json_object_set_boolean_member (object, "works", text != NULL);
  pb_server_json_set_text (object, "string", text);
  pb_server_json_set_text (object, "note", note);
  json_array_add_object_element (strings, object);
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

    add_string (strings, pb_client_kind_get_name ((PbClientKind) i),
        pb_srt_mode_get_name (mode), text, note);
    pb_secret_free (text);
  }

  return strings;
}

static gboolean
speaks_webrtc (PbServerPeer *peer)
{
  return (peer->transports & PB_TRANSPORT_WEBRTC) != 0;
}

/* Whether who is there could never answer an offer; who is not may. */
static gboolean
is_srt_alone (PbServerSlot *slot, PbDirection direction)
{
  if (direction == PB_DIRECTION_RECEIVE)
    return slot->sender != NULL && !speaks_webrtc (slot->sender);
  for (guint i = 0; i < slot->receivers->len; i++)
    if (speaks_webrtc (g_ptr_array_index (slot->receivers, i)))
      return FALSE;

  return slot->receivers->len > 0;
}

/* Those that come by WHIP and WHEP, whether or not an end is there yet. */
static void
add_http_strings (const Asked *asked, PbServerSlot *slot,
    PbDirection direction, JsonArray *strings)
{
  char *token = asked->token (slot, direction, asked->user_data);
  PbHttpEndpoint endpoint = {
    .url = asked->url,
    .session = pb_session_get_name (asked->session->core),
    .stream = slot->name,
    .token = token,
  };

  for (guint i = 0; token != NULL && i < PB_N_HTTP_CLIENTS; i++) {
    const char *note = NULL;
    char *text = NULL; /* holds the token */

    if (pb_http_client_get_direction ((PbHttpClient) i) != direction)
      continue;
    if (is_srt_alone (slot, direction))
      note = pb_fault_get_sentence (PB_FAULT_NO_TRANSPORT);
    else
      text = pb_strings_format_http ((PbHttpClient) i, &endpoint, &note);
    add_string (strings, pb_http_client_get_name ((PbHttpClient) i),
        direction == PB_DIRECTION_SEND ? "whip" : "whep", text, note);
    pb_secret_free (text);
  }
  pb_secret_free (token);
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

/* One side of a slot as a third-party client meets it. It meets our receiver
 * where it sends, our sender where it receives. */
static JsonObject *
describe_end (const Asked *asked, PbServerSlot *slot, PbDirection direction)
{
  PbServerSession *session = asked->session;
  PbServerPeer *ours =
      direction == PB_DIRECTION_SEND ? find_receiver (slot) : slot->sender;
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
  JsonArray *strings;

  if (is_ready)
    endpoint.address = ours->address != NULL ? ours->address : ours->remote;
  json_object_set_boolean_member (object, "ready", is_ready);
  pb_server_json_set_text (object, "address", endpoint.address);
  json_object_set_int_member (object, "port", endpoint.port);
  json_object_set_string_member (object, "mode", pb_srt_mode_get_name (mode));
  pb_server_json_set_text (object, "note",
      is_ready ? NULL
      : direction == PB_DIRECTION_SEND
          ? "No receiver is here yet: start a pbsrtbin that receives this slot."
          : "No sender is here yet: start a pbsrtbin that sends this slot.");
  strings = list_strings (mode, direction, &endpoint);
  if (asked->token != NULL)
    add_http_strings (asked, slot, direction, strings);
  json_object_set_array_member (object, "strings", strings);

  return object;
}

static JsonObject *
describe (const Asked *asked, const char *stream)
{
  PbServerSession *session = asked->session;
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
        describe_end (asked, slot, PB_DIRECTION_SEND));
    json_object_set_object_member (row, "receive",
        describe_end (asked, slot, PB_DIRECTION_RECEIVE));
    json_array_add_object_element (streams, row);
  }
  json_object_set_string_member (object, "session",
      pb_session_get_name (session->core));
  json_object_set_array_member (object, "streams", streams);

  return object;
}

/**
 * pb_server_connect_describe: (skip)
 * @session: the session
 * @stream: (nullable): one slot of it, which exists
 * @url: the server's public address
 * @token: gives a token for each string of WHIP and WHEP
 * @user_data: for it
 *
 * Returns: (transfer full): the body of /connect; it holds passphrases
 */
JsonObject *
pb_server_connect_describe (PbServerSession *session, const char *stream,
    const char *url, PbServerConnectToken token, gpointer user_data)
{
  /* their tokens make the strings long: where not all would fit into an
   * answer, they are to be had slot by slot */
  gboolean fits = stream != NULL ||
      g_hash_table_size (session->slots) <= PB_CONNECT_SLOTS_MAX;
  Asked asked = { session, url, fits ? token : NULL, user_data };

  return describe (&asked, stream);
}

/**
 * pb_server_connect_describe_end: (skip)
 * @session: the session
 * @slot: one of its slots
 * @direction: what the client does: send or receive
 * @url: the server's public address
 * @token: (nullable): gives the token for the strings of WHIP and WHEP
 * @user_data: for it
 *
 * Returns: (transfer full): one END of the body of /connect; its strings hold
 *   the passphrase
 */
JsonObject *
pb_server_connect_describe_end (PbServerSession *session, PbServerSlot *slot,
    PbDirection direction, const char *url, PbServerConnectToken token,
    gpointer user_data)
{
  Asked asked = { session, url, token, user_data };

  return describe_end (&asked, slot, direction);
}
