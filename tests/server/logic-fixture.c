/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "logic-fixture.h"

#include <string.h>
#include <sys/socket.h>

#include <glib/gstdio.h>

#include "core/pb-json.h"
#include "core/pb-random.h"

#define WATCHDOG_S 20
#define SECRET \
  "canary-secret-canary-secret-canary-secret-canary-secret-canary-secret"

static gboolean
on_watchdog (gpointer user_data)
{
  g_error ("the test hangs");

  return G_SOURCE_REMOVE;
}

void
wait_until (Condition condition, gpointer data)
{
  guint watchdog = g_timeout_add_seconds (WATCHDOG_S, on_watchdog, NULL);

  while (!condition (data))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (watchdog);
}

void
fixture_set_up (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = NULL;
  PbServerOptions options = { .listen = (char *) "127.0.0.1:0",
    .no_stun = TRUE };
  PbServerConfig *config;

  f->directory = g_dir_make_tmp ("patchbay-XXXXXX", &error);
  g_assert_no_error (error);
  f->log = g_build_filename (f->directory, "audit", NULL);
  secret = g_build_filename (f->directory, "secret", NULL);
  g_assert_true (g_file_set_contents_full (secret, SECRET, -1,
      G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  options.audit_log = f->log;
  options.secret_file = secret;
  config = pb_server_config_load (&options, &error);
  g_assert_no_error (error);
  f->server = pb_server_new (config, &error);
  g_assert_no_error (error);
  f->context = pb_server_get_context (f->server);
  f->context->limits.snapshot_ms = 1;
  f->context->limits.stop_ms = 200;
  if (!pb_server_listen (f->server, &error))
    g_error ("%s", error->message);
  f->http = soup_session_new ();
}

void
fixture_tear_down (Fixture *f, gconstpointer unused)
{
  g_autofree char *secret = g_build_filename (f->directory, "secret", NULL);

  soup_session_abort (f->http);
  g_object_unref (f->http);
  pb_server_free (f->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_unlink (f->log);
  g_unlink (secret);
  g_assert_cmpint (g_rmdir (f->directory), ==, 0);
  g_free (f->directory);
  g_free (f->log);
}

/* --- HTTP ---------------------------------------------------------------- */

typedef struct {
  GBytes *bytes;
  gboolean is_done;
} Call;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  g_autoptr (GError) error = NULL;

  call->bytes = soup_session_send_and_read_finish (SOUP_SESSION (source),
      result, &error);
  g_assert_no_error (error);
  call->is_done = TRUE;
}

static gboolean
is_answered (gpointer data)
{
  return ((Call *) data)->is_done;
}

GBytes *
http_raw (Fixture *f, SoupMessage *msg)
{
  Call call = { NULL, FALSE };

  soup_session_send_and_read_async (f->http, msg, G_PRIORITY_DEFAULT, NULL,
      on_answer, &call);
  wait_until (is_answered, &call);

  return call.bytes;
}

SoupMessage *
new_message (Fixture *f, const char *method, const char *path,
    const char *token, const char *body)
{
  g_autofree char *url =
      g_strconcat (pb_server_get_address (f->server), path, NULL);
  SoupMessage *msg = soup_message_new (method, url);

  if (token != NULL) {
    g_autofree char *bearer = g_strconcat ("Bearer ", token, NULL);

    soup_message_headers_replace (soup_message_get_request_headers (msg),
        "Authorization", bearer);
  }
  if (body != NULL) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

    soup_message_set_request_body_from_bytes (msg, "application/json", bytes);
  }

  return msg;
}

JsonObject *
http (Fixture *f, const char *method, const char *path, const char *token,
    const char *body, guint *status)
{
  g_autoptr (SoupMessage) msg = new_message (f, method, path, token, body);
  g_autoptr (GBytes) bytes = http_raw (f, msg);
  g_autoptr (JsonNode) node = NULL;
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);

  *status = soup_message_get_status (msg);
  g_assert_nonnull (soup_message_headers_get_one (
      soup_message_get_response_headers (msg), "X-Request-Id"));
  if (size == 0)
    return NULL;
  node = pb_json_parse (text, (gssize) size, NULL);
  if (node == NULL)
    return NULL;

  return json_object_ref (json_node_get_object (node));
}

const char *
text_of (JsonObject *object, const char *member)
{
  if (!json_object_has_member (object, member) ||
      json_object_get_null_member (object, member))
    return NULL;

  return json_object_get_string_member (object, member);
}

static void
check_envelope (JsonObject *error, const char *reason)
{
  static const char *const members[] = { "status", "reason", "domain",
    "message", "request_id" };

  g_assert_nonnull (error);
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    g_assert_nonnull (text_of (error, members[i]));
  g_assert_cmpstr (text_of (error, "reason"), ==, reason);
  g_assert_cmpstr (text_of (error, "domain"), ==, "patchbay");
}

void
assert_refused (Fixture *f, const char *method, const char *path,
    const char *token, const char *body, guint status, const char *reason)
{
  guint got;
  g_autoptr (JsonObject) answer = http (f, method, path, token, body, &got);

  if (got != status)
    g_test_message ("%s %s %s", method, path, body);
  g_assert_cmpuint (got, ==, status);
  g_assert_nonnull (answer);
  check_envelope (json_object_get_object_member (answer, "error"), reason);
}

char *
create_session (Fixture *f, const char *body)
{
  guint status;
  g_autoptr (JsonObject) answer = http (f, "POST", "/api/session", NULL,
      body != NULL ? body
          : "{\"name\":\"demo\",\"streams\":[\"cam-wide\",\"cam-close\"]}",
      &status);

  g_assert_cmpuint (status, ==, 201);

  return g_strdup (text_of (answer, "token"));
}

char *
mint (Fixture *f, const char *session, const char *admin, const char *stream,
    const char *direction, int ttl)
{
  g_autofree char *path =
      g_strdup_printf ("/api/session/%s/token", session);
  GString *body = g_string_new ("{\"role\":\"peer\"");
  guint status;
  g_autoptr (JsonObject) answer = NULL;

  if (stream != NULL)
    g_string_append_printf (body, ",\"stream\":\"%s\"", stream);
  if (direction != NULL)
    g_string_append_printf (body, ",\"direction\":\"%s\"", direction);
  if (ttl > 0)
    g_string_append_printf (body, ",\"ttl\":%d", ttl);
  g_string_append_c (body, '}');
  answer = http (f, "POST", path, admin, body->str, &status);
  g_string_free (body, TRUE);
  g_assert_cmpuint (status, ==, 201);

  return g_strdup (text_of (answer, "token"));
}

/* --- WebSockets ---------------------------------------------------------- */

static void
on_ws_message (SoupWebsocketConnection *connection, int type, GBytes *bytes,
    gpointer user_data)
{
  Ws *ws = user_data;
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = pb_json_parse (text, (gssize) size, &error);

  g_assert_no_error (error);
  g_ptr_array_add (ws->texts, g_strndup (text, size));
  g_queue_push_tail (ws->messages,
      json_object_ref (json_node_get_object (node)));
}

static void
on_ws_closed (SoupWebsocketConnection *connection, gpointer user_data)
{
  Ws *ws = user_data;

  ws->code = soup_websocket_connection_get_close_code (connection);
  ws->is_closed = TRUE;
}

typedef struct {
  Ws *ws;
  SoupMessage *msg;
  gboolean is_done;
} Opening;

static void
on_ws_open (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Opening *opening = user_data;
  Ws *ws = opening->ws;

  ws->ws = soup_session_websocket_connect_finish (SOUP_SESSION (source),
      result, NULL);
  ws->status = soup_message_get_status (opening->msg);
  if (ws->ws != NULL) {
    g_signal_connect (ws->ws, "message", G_CALLBACK (on_ws_message), ws);
    g_signal_connect (ws->ws, "closed", G_CALLBACK (on_ws_closed), ws);
  }
  opening->is_done = TRUE;
}

static gboolean
is_opened (gpointer data)
{
  return ((Opening *) data)->is_done;
}

char *
forge (Fixture *f, const char *session, PbRole role, const char *stream,
    gint64 expires)
{
  g_autoptr (PbToken) token =
      pb_token_new (session, role, stream, PB_DIRECTION_NONE, expires);

  return pb_keyring_sign (f->context->keyring, token);
}

void
pass_time (Fixture *f, gint64 seconds)
{
  f->context->wall_offset_us += seconds * G_USEC_PER_SEC;
  f->context->monotonic_offset_us += seconds * G_USEC_PER_SEC;
}

void
sweep (Fixture *f)
{
  pb_server_registry_sweep (pb_server_get_registry (f->server));
}

guint
count_sessions (Fixture *f)
{
  return pb_server_registry_count (pb_server_get_registry (f->server));
}

Ws *
ws_open (Fixture *f, const char *session, const char *token)
{
  g_autofree char *path = g_strconcat ("/api/ws/", session, NULL);
  g_autoptr (SoupMessage) msg = new_message (f, "GET", path, token, NULL);
  Ws *ws = g_new0 (Ws, 1);
  Opening opening = { ws, msg, FALSE };

  ws->messages = g_queue_new ();
  ws->texts = g_ptr_array_new_with_free_func (g_free);
  soup_session_websocket_connect_async (f->http, msg, NULL, NULL,
      G_PRIORITY_DEFAULT, NULL, on_ws_open, &opening);
  wait_until (is_opened, &opening);

  return ws;
}

void
ws_free (Ws *ws)
{
  if (ws->ws != NULL) {
    g_signal_handlers_disconnect_by_data (ws->ws, ws);
    ws_cut (ws);
    g_object_unref (ws->ws);
  }
  g_queue_free_full (ws->messages, (GDestroyNotify) json_object_unref);
  g_ptr_array_unref (ws->texts);
  g_free (ws);
}

void
ws_send (Ws *ws, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_assert_nonnull (ws->ws);
  soup_websocket_connection_send_text (ws->ws, text);
}

typedef struct {
  Ws *ws;
  const char *type;
  JsonObject *found;
} Expectation;

static gboolean
is_met (gpointer data)
{
  Expectation *e = data;

  while (e->found == NULL && !g_queue_is_empty (e->ws->messages)) {
    g_autoptr (JsonObject) next = g_queue_pop_head (e->ws->messages);

    if (g_str_equal (text_of (next, "type"), e->type))
      e->found = g_steal_pointer (&next);
    else
      g_test_message ("skipped: %s", text_of (next, "type"));
  }
  if (e->found == NULL && e->ws->is_closed)
    g_error ("closed with %u while waiting for “%s”", e->ws->code, e->type);

  return e->found != NULL;
}

JsonObject *
ws_expect (Ws *ws, const char *type)
{
  Expectation e = { ws, type, NULL };

  wait_until (is_met, &e);

  return e.found;
}

void
ws_expect_error (Ws *ws, const char *reason)
{
  g_autoptr (JsonObject) message = ws_expect (ws, "error");
  JsonObject *error = json_object_get_object_member (message, "error");

  check_envelope (error, reason);
  g_assert_cmpstr (text_of (message, "code"), ==,
      pb_error_get_code (pb_error_from_reason (reason)));
}

void
settle (Fixture *f)
{
  guint status;
  g_autoptr (JsonObject) health =
      http (f, "GET", "/api/health", NULL, NULL, &status);

  g_assert_cmpuint (status, ==, 200);
}

static gboolean
has_message (gpointer data)
{
  return !g_queue_is_empty (((Ws *) data)->messages);
}

/* A message that the server answers comes after all that it said before. */
void
ws_expect_none (Fixture *f, Ws *ws, const char *type)
{
  gboolean is_over = FALSE;

  ws_send (ws, "{\"type\":\"leave\",\"id\":424242,\"peer\":\"nobody-here\"}");
  while (!is_over) {
    g_autoptr (JsonObject) next = NULL;

    wait_until (has_message, ws);
    next = g_queue_pop_head (ws->messages);
    is_over = json_object_has_member (next, "id") &&
        json_object_get_int_member (next, "id") == 424242;
    if (!is_over)
      g_assert_cmpstr (text_of (next, "type"), !=, type);
  }
}

static gboolean
is_ws_closed (gpointer data)
{
  return ((Ws *) data)->is_closed;
}

guint
ws_expect_closed (Ws *ws)
{
  wait_until (is_ws_closed, ws);

  return ws->code;
}

void
ws_close (Ws *ws, guint code)
{
  soup_websocket_connection_close (ws->ws, (gushort) code, NULL);
  ws_expect_closed (ws);
}

void
ws_cut (Ws *ws)
{
  GIOStream *stream = soup_websocket_connection_get_io_stream (ws->ws);

  if (G_IS_SOCKET_CONNECTION (stream))
    g_socket_shutdown (g_socket_connection_get_socket (
        G_SOCKET_CONNECTION (stream)), TRUE, TRUE, NULL);
  else
    g_io_stream_close (stream, NULL, NULL);
}

void
ws_register (Ws *ws, const char *peer, const char *stream,
    const char *direction)
{
  g_autoptr (JsonObject) answer = NULL;

  if (stream != NULL)
    ws_send (ws, "{\"type\":\"register\",\"peer\":\"%s\",\"stream\":\"%s\","
        "\"direction\":\"%s\",\"ice\":true}", peer, stream, direction);
  else
    ws_send (ws, "{\"type\":\"register\",\"peer\":\"%s\","
        "\"direction\":\"%s\"}", peer, direction);
  answer = ws_expect (ws, "registered");
  g_assert_cmpstr (text_of (answer, "peer"), ==, peer);
}

char *
read_log (Fixture *f)
{
  char *text = NULL;

  g_assert_true (g_file_get_contents (f->log, &text, NULL, NULL));

  return text;
}

JsonObject *
slot_of (JsonObject *session, const char *stream)
{
  JsonArray *streams = json_object_get_array_member (session, "streams");

  for (guint i = 0; i < json_array_get_length (streams); i++) {
    JsonObject *slot = json_array_get_object_element (streams, i);

    if (g_str_equal (text_of (slot, "stream"), stream))
      return slot;
  }

  return NULL;
}
