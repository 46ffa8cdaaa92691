/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-server.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

struct _FakeServer
{
  GMainContext *context;
  GThread *thread;
  guint port;

  /* the server's thread only */
  SoupServer *server;
  GPtrArray *peers; /* SoupWebsocketConnection */
  gboolean is_over;

  GMutex lock;
  GCond ready;
  guint n_connections; /* lock */
  GPtrArray *messages; /* lock: texts */
  guint refuse_status; /* lock */
  char *refuse_reason; /* lock */
  FakeServerFunc alter; /* lock */
};

static char *
get_type_name (const char *text)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;

  return g_strdup (
      json_object_get_string_member_with_default (json_node_get_object (node),
          "type", ""));
}

static void
answer (SoupWebsocketConnection *ws, const char *text)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObject *object = json_node_get_object (node);
  g_autofree char *reply = NULL;
  const char *stream;

  if (g_strcmp0 (json_object_get_string_member_with_default (object, "type",
                     ""),
          "register") != 0)
    return;
  stream =
      json_object_get_string_member_with_default (object, "stream", "cam-wide");
  reply = g_strdup_printf (
      "{\"type\":\"registered\",\"id\":%d,\"peer\":\"%s\",\"session\":\"demo\","
      "\"stream\":\"%s\",\"direction\":\"%s\",\"state\":\"WAITING\","
      "\"tally\":\"off\",\"latency\":200,\"cipher\":\"aes-256\","
      "\"expires\":4000000000,\"protocol\":\"1.0\"}",
      (int) json_object_get_int_member (object, "id"),
      json_object_get_string_member (object, "peer"), stream,
      json_object_get_string_member (object, "direction"));
  soup_websocket_connection_send_text (ws, reply);
}

static void
on_text (SoupWebsocketConnection *ws, int type, GBytes *bytes, FakeServer *self)
{
  const char *text = g_bytes_get_data (bytes, NULL);
  g_autofree char *type_name = NULL;
  g_autofree char *altered = NULL;
  FakeServerFunc alter;

  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->messages, g_strdup (text));
  alter = self->alter;
  g_cond_broadcast (&self->ready);
  g_mutex_unlock (&self->lock);
  answer (ws, text);
  type_name = get_type_name (text);
  if (alter == NULL || (g_strcmp0 (type_name, "signal") != 0 &&
                           g_strcmp0 (type_name, "status") != 0))
    return;
  altered = alter (self, text);
  if (altered != NULL)
    fake_server_say (self, altered);
}

static void
on_closed (SoupWebsocketConnection *ws, FakeServer *self)
{
  g_ptr_array_remove (self->peers, ws);
}

static void
on_websocket (SoupServer *server, SoupServerMessage *message, const char *path,
    SoupWebsocketConnection *ws, gpointer data)
{
  FakeServer *self = data;

  g_mutex_lock (&self->lock);
  self->n_connections++;
  g_mutex_unlock (&self->lock);
  g_ptr_array_add (self->peers, g_object_ref (ws));
  g_signal_connect (ws, "message", G_CALLBACK (on_text), self);
  g_signal_connect (ws, "closed", G_CALLBACK (on_closed), self);
}

static void
on_early (SoupServer *server, SoupServerMessage *message, const char *path,
    GHashTable *query, gpointer data)
{
  FakeServer *self = data;
  g_autofree char *text = NULL;
  guint status;

  g_mutex_lock (&self->lock);
  status = self->refuse_status;
  text = g_strdup_printf ("{\"error\":{\"status\":\"X\",\"reason\":\"%s\","
                          "\"domain\":\"patchbay\","
                          "\"message\":\"No.\",\"request_id\":\"r\"}}",
      self->refuse_reason);
  g_mutex_unlock (&self->lock);
  if (status == 0)
    return;
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, "application/json",
      SOUP_MEMORY_COPY, text, strlen (text));
}

static gpointer
run (gpointer data)
{
  FakeServer *self = data;
  char *protocols[] = { (char *) "patchbay.v1", NULL };
  GSList *uris;

  g_main_context_push_thread_default (self->context);
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_early_handler (self->server, "/api/ws", on_early, self, NULL);
  soup_server_add_websocket_handler (self->server, "/api/ws", NULL, protocols,
      on_websocket, self, NULL);
  if (!soup_server_listen_local (self->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY,
          NULL))
    g_assert_not_reached ();
  uris = soup_server_get_uris (self->server);
  g_mutex_lock (&self->lock);
  self->port = (guint) g_uri_get_port (uris->data);
  g_cond_signal (&self->ready);
  g_mutex_unlock (&self->lock);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);

  while (!self->is_over)
    g_main_context_iteration (self->context, TRUE);

  for (guint i = 0; i < self->peers->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->peers, i),
        self);
  soup_server_disconnect (self->server);
  g_ptr_array_set_size (self->peers, 0);
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_clear_object (&self->server);
  g_main_context_pop_thread_default (self->context);

  return NULL;
}

FakeServer *
fake_server_new (void)
{
  FakeServer *self = g_new0 (FakeServer, 1);

  self->context = g_main_context_new ();
  self->peers = g_ptr_array_new_with_free_func (g_object_unref);
  self->messages = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&self->lock);
  g_cond_init (&self->ready);
  self->thread = g_thread_new ("fake-server", run, self);
  g_mutex_lock (&self->lock);
  while (self->port == 0)
    g_cond_wait (&self->ready, &self->lock);
  g_mutex_unlock (&self->lock);

  return self;
}

typedef struct
{
  FakeServer *self;
  char *text;
  guint code;
} Job;

static gboolean
do_job (gpointer data)
{
  Job *job = data;
  g_autoptr (GPtrArray) peers = g_ptr_array_copy (job->self->peers,
      (GCopyFunc) (void *) g_object_ref, NULL);

  if (job->text == NULL && job->code == 0)
    job->self->is_over = TRUE;
  for (guint i = 0; i < peers->len; i++) {
    SoupWebsocketConnection *ws = g_ptr_array_index (peers, i);

    if (soup_websocket_connection_get_state (ws) != SOUP_WEBSOCKET_STATE_OPEN)
      continue;
    if (job->text != NULL)
      soup_websocket_connection_send_text (ws, job->text);
    else if (job->code != 0)
      soup_websocket_connection_close (ws, (gushort) job->code, NULL);
  }

  return G_SOURCE_REMOVE;
}

static void
job_free (gpointer data)
{
  g_free (((Job *) data)->text);
  g_free (data);
}

static void
post (FakeServer *self, const char *text, guint code)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Job *job = g_new0 (Job, 1);

  job->self = self;
  job->text = g_strdup (text);
  job->code = code;
  g_source_set_callback (source, do_job, job, job_free);
  g_source_attach (source, self->context);
}

void
fake_server_free (FakeServer *self)
{
  post (self, NULL, 0);
  g_thread_join (self->thread);
  g_ptr_array_unref (self->peers);
  g_ptr_array_unref (self->messages);
  g_free (self->refuse_reason);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->ready);
  g_free (self);
}

guint
fake_server_get_port (FakeServer *self)
{
  return self->port;
}

void
fake_server_refuse (FakeServer *self, guint status, const char *reason)
{
  g_mutex_lock (&self->lock);
  self->refuse_status = status;
  g_free (self->refuse_reason);
  self->refuse_reason = g_strdup (reason);
  g_mutex_unlock (&self->lock);
}

void
fake_server_say (FakeServer *self, const char *text)
{
  post (self, text, 0);
}

void
fake_server_hang_up (FakeServer *self, guint code)
{
  post (self, NULL, code);
}

void
fake_server_relay (FakeServer *self, FakeServerFunc alter)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->alter = alter;
}

guint
fake_server_count_connections (FakeServer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->n_connections;
}

static guint
count_messages_unlocked (FakeServer *self, const char *type)
{
  guint n = 0;

  for (guint i = 0; i < self->messages->len; i++) {
    g_autofree char *name =
        get_type_name (g_ptr_array_index (self->messages, i));

    n += g_strcmp0 (name, type) == 0;
  }

  return n;
}

guint
fake_server_count_messages (FakeServer *self, const char *type)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return count_messages_unlocked (self, type);
}

/* Check's own timeout is the watchdog. */
void
fake_server_wait_messages (FakeServer *self, const char *type, guint n)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (count_messages_unlocked (self, type) < n)
    g_cond_wait (&self->ready, &self->lock);
}

static const char *
find_match_unlocked (FakeServer *self, const char *pattern, guint *n)
{
  const char *last = NULL;

  *n = 0;
  for (guint i = 0; i < self->messages->len; i++) {
    const char *text = g_ptr_array_index (self->messages, i);

    if (!g_pattern_match_simple (pattern, text))
      continue;
    last = text;
    (*n)++;
  }

  return last;
}

char *
fake_server_wait_matches (FakeServer *self, const char *pattern, guint n)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  const char *text;
  guint n_found;

  for (;;) {
    text = find_match_unlocked (self, pattern, &n_found);
    if (n_found >= n)
      return g_strdup (text);
    g_cond_wait (&self->ready, &self->lock);
  }
}

guint
fake_server_count_matches (FakeServer *self, const char *pattern)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint n;

  find_match_unlocked (self, pattern, &n);

  return n;
}

char *
fake_server_dup_message (FakeServer *self, const char *type)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = self->messages->len; i > 0; i--) {
    const char *text = g_ptr_array_index (self->messages, i - 1);
    g_autofree char *name = get_type_name (text);

    if (g_strcmp0 (name, type) == 0)
      return g_strdup (text);
  }

  return NULL;
}

static int
bind_loopback (guint *port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, length), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &length), ==,
      0);
  *port = ntohs (address.sin_port);

  return fd;
}

int
fake_server_open_mute (guint *port)
{
  int fd = bind_loopback (port);

  g_assert_cmpint (listen (fd, 100), ==, 0);

  return fd;
}

guint
fake_server_find_closed_port (void)
{
  guint port;

  close (bind_loopback (&port));

  return port;
}
