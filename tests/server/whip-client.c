/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "whip-client.h"

#include <string.h>

#include "core/pb-json.h"

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr (GError) error = NULL;

  self->body = soup_session_send_and_read_finish (SOUP_SESSION (source),
      result, &error);
  g_assert_no_error (error);
  self->is_done = TRUE;
}

Call *
call_new (Fixture *f, const char *method, const char *path,
    const char *token, const char *type, const char *body, ...)
{
  Call *self = g_new0 (Call, 1);
  SoupMessageHeaders *headers;
  const char *name;
  va_list args;

  self->msg = new_message (f, method, path, token, NULL);
  headers = soup_message_get_request_headers (self->msg);
  if (body != NULL) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

    soup_message_set_request_body_from_bytes (self->msg, type, bytes);
  }
  va_start (args, body);
  while ((name = va_arg (args, const char *)) != NULL)
    soup_message_headers_append (headers, name, va_arg (args, const char *));
  va_end (args);
  soup_session_send_and_read_async (f->http, self->msg, G_PRIORITY_DEFAULT,
      NULL, on_answer, self);

  return self;
}

void
call_free (Call *self)
{
  call_wait (self);
  g_object_unref (self->msg);
  g_bytes_unref (self->body);
  g_free (self);
}

static gboolean
is_done (gpointer data)
{
  return ((Call *) data)->is_done;
}

guint
call_wait (Call *self)
{
  wait_until (is_done, self);

  return soup_message_get_status (self->msg);
}

const char *
call_header (Call *self, const char *name)
{
  return soup_message_headers_get_list (
      soup_message_get_response_headers (self->msg), name);
}

char *
call_text (Call *self)
{
  gsize size;
  const char *text = g_bytes_get_data (self->body, &size);

  return g_strndup (text, size);
}

void
call_assert_refused (Call *self, guint status, const char *reason,
    const char *sentence)
{
  guint got = call_wait (self);
  g_autofree char *text = call_text (self);
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) parse_error = NULL;
  JsonObject *error;

  if (got != status)
    g_test_message ("%s", text);
  g_assert_cmpuint (got, ==, status);
  node = pb_json_parse (text, -1, &parse_error);
  g_assert_no_error (parse_error);
  error = json_object_get_object_member (json_node_get_object (node), "error");
  g_assert_cmpstr (text_of (error, "reason"), ==, reason);
  if (sentence != NULL)
    g_assert_cmpstr (text_of (error, "message"), ==, sentence);
  if (status == 429 || status == 503 || g_str_equal (reason, "NOT_LIVE"))
    g_assert_nonnull (call_header (self, "Retry-After"));
  /* pages of other sites read why, too */
  g_assert_cmpstr (call_header (self, "Access-Control-Allow-Origin"), ==,
      "*");
}

/* --- both sides ---------------------------------------------------------- */

void
scene_init (Scene *s, Fixture *f, const char *direction)
{
  s->admin = create_session (f, NULL);
  s->send = mint (f, "demo", s->admin, "cam-wide", "send", 0);
  s->receive = mint (f, "demo", s->admin, "cam-wide", "receive", 0);
  s->ws = NULL;
  if (direction == NULL)
    return;
  s->ws = ws_open (f, "demo", g_str_equal (direction, "send") ? s->send
      : s->receive);
  ws_send (s->ws, "{\"type\":\"register\",\"peer\":\"" END_ID "\","
      "\"stream\":\"cam-wide\",\"direction\":\"%s\",\"ice\":true,"
      "\"transports\":[\"webrtc\"]}", direction);
  json_object_unref (ws_expect (s->ws, "registered"));
}

void
scene_clear (Scene *s)
{
  g_clear_pointer (&s->ws, ws_free);
  g_free (s->admin);
  g_free (s->send);
  g_free (s->receive);
}

static gboolean
is_sender (Scene *s, Fixture *f)
{
  PbServerSession *session =
      pb_server_registry_lookup (pb_server_get_registry (f->server), "demo",
          NULL);
  PbServerPeer *peer = pb_server_session_find (session, END_ID);

  return peer != NULL && peer->direction == PB_DIRECTION_SEND;
}

Call *
scene_offer (Scene *s, Fixture *f)
{
  gboolean plays = is_sender (s, f);

  return call_new (f, "POST", plays ? WHEP_PATH : WHIP_PATH,
      plays ? s->receive : s->send, WHIP_SDP,
      plays ? WHEP_OFFER : WHIP_OFFER, NULL);
}

JsonObject *
scene_take_signal (Scene *s, const char *peer, const char *kind)
{
  g_autoptr (JsonObject) signal = ws_expect (s->ws, "signal");

  g_assert_cmpstr (text_of (signal, "kind"), ==, kind);
  g_assert_cmpstr (text_of (signal, "from"), ==, peer);
  g_assert_cmpstr (text_of (signal, "to"), ==, END_ID);
  g_assert_cmpint (json_object_get_int_member (signal, "link"), ==, 1);
  if (!json_object_has_member (signal, "data"))
    return NULL;

  return json_object_ref (json_object_get_object_member (signal, "data"));
}

char *
replaced (const char *text, const char *from, const char *to)
{
  g_auto (GStrv) parts = g_strsplit (text, from, -1);

  g_assert_nonnull (parts[1]);

  return g_strjoinv (to, parts);
}

char *
scene_take_offer (Scene *s, const char *offer)
{
  g_autoptr (JsonObject) peer = ws_expect (s->ws, "peer");
  g_autoptr (JsonObject) data = NULL;

  g_assert_cmpstr (text_of (peer, "to"), ==, END_ID);
  g_assert_cmpstr (text_of (peer, "role"), ==, "listener");
  g_assert_cmpstr (text_of (peer, "transport"), ==, "webrtc");
  g_assert_true (json_object_get_boolean_member (peer, "ice"));
  g_assert_false (json_object_get_boolean_member (peer, "trickle"));
  g_assert_null (text_of (peer, "passphrase"));
  data = scene_take_signal (s, text_of (peer, "peer"), "offer");
  g_assert_cmpstr (text_of (data, "sdp"), ==, offer);

  return g_strdup (text_of (peer, "peer"));
}

static char *
quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_alloc ();

  json_node_init_string (node, text);

  return json_to_string (node, FALSE);
}

void
scene_answer (Scene *s, const char *to)
{
  scene_answer_with (s, to, WHIP_ANSWER);
}

void
scene_answer_with (Scene *s, const char *to, const char *text)
{
  g_autofree char *sdp = quote (text);

  ws_send (s->ws, "{\"type\":\"signal\",\"from\":\"" END_ID "\",\"to\":\"%s\","
      "\"link\":1,\"kind\":\"answer\",\"data\":{\"sdp\":%s}}", to, sdp);
}

char *
scene_connect (Scene *s, Fixture *f, char **peer, char **tag)
{
  g_autoptr (Call) call = scene_offer (s, f);
  g_autofree char *id = scene_take_offer (s,
      is_sender (s, f) ? WHEP_OFFER : WHIP_OFFER);

  scene_answer (s, id);
  g_assert_cmpuint (call_wait (call), ==, 201);
  if (peer != NULL)
    *peer = g_steal_pointer (&id);
  if (tag != NULL)
    *tag = g_strdup (call_header (call, "ETag"));

  return g_strdup (call_header (call, "Location"));
}

static PbServerSession *
get_session (Fixture *f)
{
  return pb_server_registry_lookup (pb_server_get_registry (f->server), "demo",
      NULL);
}

guint
scene_count_resources (Fixture *f)
{
  return g_hash_table_size (get_session (f)->resources);
}
