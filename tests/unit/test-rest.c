/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PbRest against a small server on a thread of its own. */

#include "config.h"

#include <string.h>

#include <libsoup/soup.h>

#include "core/pb-json.h"
#include "net/pb-rest.h"

typedef struct
{
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  SoupServer *server;
  PbRest *rest;
  guint port;
  /* written by the server's thread before it answers */
  char *method;
  char *body;
  char *authorization;
  guint n_requests;
} Fixture;

static void
reply (SoupServerMessage *message, guint status, const char *type,
    const char *text)
{
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_COPY, text,
      strlen (text));
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path,
    GHashTable *query, gpointer data)
{
  Fixture *f = data;
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  g_autofree char *huge = NULL;

  f->n_requests++;
  g_free (f->method);
  f->method = g_strdup (soup_server_message_get_method (message));
  g_free (f->body);
  f->body =
      g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_free (f->authorization);
  f->authorization = g_strdup (
      soup_message_headers_get_one (soup_server_message_get_request_headers (
                                        message),
          "Authorization"));

  if (strcmp (path, "/api/ok") == 0) {
    reply (message, 200, "application/json", "{\"answer\":42}");
  } else if (strcmp (path, "/api/none") == 0) {
    soup_server_message_set_status (message, 204, NULL);
  } else if (strcmp (path, "/api/taken") == 0) {
    reply (message, 409, "application/json",
        "{\"error\":{\"status\":\"ALREADY_EXISTS\",\"reason\":"
        "\"SESSION_EXISTS\",\"domain\":\"patchbay\",\"message\":"
        "\"Choose another name.\",\"request_id\":\"r\"}}");
  } else if (strcmp (path, "/api/redirect") == 0) {
    soup_server_message_set_redirect (message, 302, "/api/ok");
  } else if (strcmp (path, "/api/html") == 0) {
    reply (message, 502, "text/html", "<h1>Bad gateway</h1>");
  } else if (strcmp (path, "/api/twice") == 0) {
    reply (message, 200, "application/json", "{\"a\":1,\"a\":2}");
  } else if (strcmp (path, "/api/huge") == 0) {
    huge = g_strnfill (2 * 1024 * 1024, 'x');
    reply (message, 200, "text/plain", huge);
  } else if (strcmp (path, "/s/demo/qr") == 0) {
    reply (message, 200, "image/svg+xml; charset=utf-8", "<svg/>");
  } else {
    reply (message, 404, "text/plain", "");
  }
}

static gpointer
run (gpointer data)
{
  Fixture *f = data;

  g_main_context_push_thread_default (f->context);
  g_main_loop_run (f->loop);
  g_main_context_pop_thread_default (f->context);

  return NULL;
}

static gboolean
on_quit (gpointer loop)
{
  g_main_loop_quit (loop);

  return G_SOURCE_REMOVE;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *address = NULL;
  GSList *uris;

  f->context = g_main_context_new ();
  f->loop = g_main_loop_new (f->context, FALSE);
  g_main_context_push_thread_default (f->context);
  f->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (f->server, NULL, on_request, f, NULL);
  soup_server_listen_local (f->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
  g_assert_no_error (error);
  g_main_context_pop_thread_default (f->context);
  uris = soup_server_get_uris (f->server);
  f->port = (guint) g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  f->thread = g_thread_new ("server", run, f);

  address = g_strdup_printf ("http://127.0.0.1:%u", f->port);
  f->rest = pb_rest_new (address, FALSE, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GSource) source = NULL;

  g_assert_finalize_object (f->rest);
  /* from its own thread: it may not have begun to run */
  source = g_idle_source_new ();
  g_source_set_callback (source, on_quit, f->loop, NULL);
  g_source_attach (source, f->context);
  g_thread_join (f->thread);
  while (g_main_context_iteration (f->context, FALSE))
    ;
  soup_server_disconnect (f->server);
  g_object_unref (f->server);
  g_main_loop_unref (f->loop);
  g_main_context_unref (f->context);
  g_free (f->method);
  g_free (f->body);
  g_free (f->authorization);
}

static void
test_calls (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) body = pb_json_parse ("{\"name\":\"demo\"}", -1, NULL);
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (JsonNode) nothing = NULL;

  pb_rest_set_token (f->rest, "p_test.test");
  answer = pb_rest_call (f->rest, "POST", "/api/ok", body, &error);
  g_assert_no_error (error);
  g_assert_cmpint (json_object_get_int_member (json_node_get_object (answer),
                       "answer"),
      ==, 42);
  g_assert_cmpstr (f->method, ==, "POST");
  g_assert_cmpstr (f->body, ==, "{\"name\":\"demo\"}");
  g_assert_cmpstr (f->authorization, ==, "Bearer p_test.test");

  pb_rest_set_token (f->rest, NULL);
  nothing = pb_rest_call (f->rest, "DELETE", "/api/none", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (JSON_NODE_HOLDS_NULL (nothing));
  g_assert_null (f->authorization);
}

static void
test_refusals_are_told (Fixture *f, gconstpointer data)
{
  const struct
  {
    const char *path;
    PbError code;
    const char *message;
  } rows[] = {
    { "/api/taken", PB_ERROR_EXISTS, "Choose another name." },
    { "/api/absent", PB_ERROR_NOT_FOUND, "404" },
    { "/api/html", PB_ERROR_UNAVAILABLE, "502" },
    { "/api/redirect", PB_ERROR_INVALID, "302" },
    { "/api/twice", PB_ERROR_INVALID, "" },
    { "/api/huge", PB_ERROR_TOO_LARGE, "longer" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    JsonNode *answer =
        pb_rest_call (f->rest, "GET", rows[i].path, NULL, &error);

    g_assert_error (error, PB_ERROR, (gint) rows[i].code);
    g_assert_null (answer);
    g_assert_nonnull (strstr (error->message, rows[i].message));
  }
  g_assert_cmpuint (f->n_requests, ==, G_N_ELEMENTS (rows));
}

static void
test_fetches (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GBytes) picture =
      pb_rest_fetch (f->rest, "/s/demo/qr?format=svg", &type, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (type, ==, "image/svg+xml");
  g_assert_cmpmem (g_bytes_get_data (picture, NULL), g_bytes_get_size (picture),
      "<svg/>", 6);
  g_assert_null (pb_rest_fetch (f->rest, "/nothing", NULL, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_NOT_FOUND);
}

static void
test_paths_stay_on_the_server (Fixture *f, gconstpointer data)
{
  const char *paths[] = { "http://192.0.2.1/x", "//192.0.2.1/x", "x", "" };

  pb_rest_set_token (f->rest, "p_test.test");
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (pb_rest_call (f->rest, "GET", paths[i], NULL, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
  g_assert_cmpuint (f->n_requests, ==, 0);
}

static void
test_no_server (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GInetAddress) loopback =
      g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autofree char *address = NULL;

  /* bound and not listening: nobody else gets the port meanwhile */
  g_assert_true (g_socket_bind (socket, any, FALSE, NULL));
  bound = g_socket_get_local_address (socket, NULL);
  address = g_strdup_printf ("http://127.0.0.1:%u",
      g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  rest = pb_rest_new (address, FALSE, &error);
  g_assert_no_error (error);
  g_assert_null (pb_rest_call (rest, "GET", "/api/health", NULL, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_UNAVAILABLE);
}

static void
test_addresses (void)
{
  const struct
  {
    const char *address;
    gboolean allow_plain;
    gboolean is_fine;
  } rows[] = {
    { "https://media.example", FALSE, TRUE },
    { "https://media.example:8443/", FALSE, TRUE },
    { "http://127.0.0.1:8080", FALSE, TRUE },
    { "http://[::1]:8080", FALSE, TRUE },
    { "http://localhost:8080", FALSE, TRUE },
    { "http://media.example", FALSE, FALSE },
    { "http://127.0.0.1.example", FALSE, FALSE },
    { "http://media.example", TRUE, TRUE },
    { "ftp://127.0.0.1", TRUE, FALSE },
    { "127.0.0.1:8080", TRUE, FALSE },
    { "https://", TRUE, FALSE },
    { "", TRUE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbRest) rest =
        pb_rest_new (rows[i].address, rows[i].allow_plain, &error);

    g_test_message ("%s", rows[i].address);
    if (rows[i].is_fine) {
      g_assert_no_error (error);
      g_assert_nonnull (rest);
    } else {
      g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
      g_assert_null (rest);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add ("/rest/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("calls", test_calls);
  ADD ("refusals-are-told", test_refusals_are_told);
  ADD ("fetches", test_fetches);
  ADD ("paths-stay-on-the-server", test_paths_stay_on_the_server);
#undef ADD
  g_test_add_func ("/rest/no-server", test_no_server);
  g_test_add_func ("/rest/addresses", test_addresses);

  return g_test_run ();
}
