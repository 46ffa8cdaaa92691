/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-gate.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-linger.h"
#include "pb-server-wheel.h"

#define REQUEST_ID_CHARS 16
/* Connections taken at once, before others have their turn */
#define ACCEPT_TURN 64

/* Shared by the gate and its tickets, of which some outlive it. */
typedef struct {
  PbServerGateLimits limits;
  PbServerGateStats stats;
  PbServerWheel *wheel;
  GHashTable *by_address; /* guint64* → count in a pointer */
} Booth;

struct _PbServerGate {
  SoupServer *server; /* owned */
  Booth *booth;       /* a reference */
  PbServerLinger *linger;
  GPtrArray *listeners; /* of GSource */
  int decoy_fd;         /* see add_decoy() */
  int spare_fd; /* given up to refuse one when there are no more; or -1 */
};

struct _PbServerTicket {
  PbServerWheelEntry timer;
  Booth *booth;    /* a reference */
  GSocket *socket; /* a reference; NULL once it was taken over */
  guint64 key;
  gsize n_body; /* of the request being read */
  guint n_requests;
};

static GQuark
ticket_quark (void)
{
  static GQuark quark;

  if (quark == 0)
    quark = g_quark_from_static_string ("pb-server-ticket");
  return quark;
}

/* requirements of C.5 in the security facts; the pages loosen the policy for
 * themselves */
/* clang-format off */
static const struct { const char *name, *value; } fixed_headers[] = {
  /* browsers heed it over TLS only, where a proxy may have ended that */
  { "Strict-Transport-Security", "max-age=31536000" },
  { "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; connect-src 'self' wss:; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'" },
  { "Referrer-Policy", "no-referrer" },
  { "X-Content-Type-Options", "nosniff" },
  { "Cache-Control", "no-store" },
  { "Cross-Origin-Opener-Policy", "same-origin" },
};
/* clang-format on */

static void
clear_booth (gpointer data)
{
  Booth *booth = data;

  g_hash_table_unref (booth->by_address);
  pb_server_wheel_free (booth->wheel);
}

/* --- connections --------------------------------------------------------- */

/* An IPv4 address, or the /64 that one IPv6 host can fill at will */
static guint64
make_key (GSocketAddress *address)
{
  GInetAddress *inet;
  const guint8 *bytes;
  guint64 key = 0;
  guint n = 8;

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return 0;
  inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  bytes = g_inet_address_to_bytes (inet);
  if (g_inet_address_get_family (inet) == G_SOCKET_FAMILY_IPV4) {
    n = 4;
  } else if (memcmp (bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
    bytes += 12; /* ::ffff:a.b.c.d */
    n = 4;
  }
  for (guint i = 0; i < n; i++)
    key = key << 8 | bytes[i];
  /* No prefix in use begins with ff00::/8, multicast. */
  return n == 4 ? key | G_GUINT64_CONSTANT (0xff00) << 48 : key;
}

static guint
count_address (Booth *booth, guint64 key, int change)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (booth->by_address, &key));

  n += change;
  if (n == 0)
    g_hash_table_remove (booth->by_address, &key);
  else
    g_hash_table_replace (booth->by_address, g_memdup2 (&key, sizeof key),
        GUINT_TO_POINTER (n));
  return n;
}

static void
on_late (PbServerWheelEntry *entry)
{
  PbServerTicket *self = (PbServerTicket *) ((char *) entry -
      G_STRUCT_OFFSET (PbServerTicket, timer));

  self->booth->stats.n_late++;
  /* libsoup sees the end of the stream, and lets go of it. */
  g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
}

/**
 * pb_server_ticket_free:
 * @self: (transfer full): a ticket; its connection is closed
 */
void
pb_server_ticket_free (PbServerTicket *self)
{
  pb_server_wheel_disarm (self->booth->wheel, &self->timer);
  self->booth->stats.n_connections--;
  count_address (self->booth, self->key, -1);
  g_clear_object (&self->socket);
  g_rc_box_release_full (self->booth, clear_booth);
  g_free (self);
}

/* libsoup hands our own address object back with each message: it is what
 * all messages of a connection, and nothing else, have in common. */
static PbServerTicket *
get_ticket (SoupServerMessage *msg)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);

  return remote != NULL
      ? g_object_get_qdata (G_OBJECT (remote), ticket_quark ())
      : NULL;
}

/**
 * pb_server_gate_steal_ticket:
 * @msg: a request
 *
 * Returns: (transfer full) (nullable): the ticket of its connection
 */
PbServerTicket *
pb_server_gate_steal_ticket (SoupServerMessage *msg)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);
  PbServerTicket *self;

  if (remote == NULL)
    return NULL;
  self = g_object_steal_qdata (G_OBJECT (remote), ticket_quark ());
  if (self != NULL)
    pb_server_wheel_disarm (self->booth->wheel, &self->timer);
  return self;
}

/**
 * pb_server_ticket_steal_socket:
 * @self: a ticket
 *
 * Returns: (transfer full) (nullable): the connection's socket, once
 */
GSocket *
pb_server_ticket_steal_socket (PbServerTicket *self)
{
  return g_steal_pointer (&self->socket);
}

static PbServerTicket *
ticket_new (Booth *booth, GSocket *socket, guint64 key)
{
  PbServerTicket *self = g_new0 (PbServerTicket, 1);

  self->booth = g_rc_box_acquire (booth);
  self->timer.func = on_late;
  self->socket = g_object_ref (socket);
  self->key = key;
  count_address (booth, key, 1);
  booth->stats.n_connections++;
  booth->stats.n_accepted++;

  return self;
}

static gboolean
is_loopback (GSocketAddress *address)
{
  return G_IS_INET_SOCKET_ADDRESS (address) &&
      g_inet_address_get_is_loopback (g_inet_socket_address_get_address (
          G_INET_SOCKET_ADDRESS (address)));
}

static gboolean
has_room (Booth *booth, GSocketAddress *remote, guint64 key)
{
  if (booth->stats.n_connections >= booth->limits.connections_max) {
    booth->stats.n_over_total++;
    return FALSE;
  }
  if (is_loopback (remote) && !booth->limits.counts_loopback)
    return TRUE;
  if (GPOINTER_TO_UINT (g_hash_table_lookup (booth->by_address, &key)) >=
      booth->limits.connections_per_ip) {
    booth->stats.n_over_ip++;
    return FALSE;
  }

  return TRUE;
}

static void
arm (PbServerTicket *ticket, guint ms)
{
  pb_server_wheel_arm (ticket->booth->wheel, &ticket->timer, ms);
}

/* --- responses ----------------------------------------------------------- */

/* Constants only: nothing of the request is in it. */
static char *
make_envelope (PbError code, const char *message, const char *request_id)
{
  return g_strdup_printf ("{\"error\":{\"status\":\"%s\",\"reason\":\"%s\","
                          "\"domain\":\"patchbay\",\"message\":\"%s\","
                          "\"request_id\":\"%s\"}}",
      pb_error_get_status (code), pb_error_get_reason (code), message,
      request_id);
}

static void
set_fixed_headers (SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  for (guint i = 0; i < G_N_ELEMENTS (fixed_headers); i++)
    soup_message_headers_append (headers, fixed_headers[i].name,
        fixed_headers[i].value);
}

/* Answers in libsoup's place, and takes the connection from it: libsoup would
 * read the body first, by the very header that is refused. */
static void
refuse (PbServerGate *self, SoupServerMessage *msg, guint status,
    PbError code, const char *message)
{
  g_autofree char *request_id = pb_random_id (REQUEST_ID_CHARS);
  g_autofree char *body = make_envelope (code, message, request_id);
  g_autoptr (GString) text = g_string_new (NULL);
  PbServerTicket *ticket = pb_server_gate_steal_ticket (msg);
  GIOStream *stream;

  self->booth->stats.n_refused++;
  g_string_printf (text, "HTTP/1.1 %u %s\r\n", status,
      soup_status_get_phrase (status));
  for (guint i = 0; i < G_N_ELEMENTS (fixed_headers); i++)
    g_string_append_printf (text, "%s: %s\r\n", fixed_headers[i].name,
        fixed_headers[i].value);
  if (status == SOUP_STATUS_METHOD_NOT_ALLOWED)
    g_string_append (text, "Allow: GET, HEAD, POST, DELETE\r\n");
  g_string_append_printf (text,
      "X-Request-Id: %s\r\nContent-Type: application/json\r\n"
      "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
      request_id, strlen (body), body);

  g_debug ("request %s: %u, %s", request_id, status, message);
  stream = soup_server_message_steal_connection (msg);
  if (stream != NULL && ticket != NULL)
    pb_server_linger_add (self->linger, stream, ticket, text->str, text->len);
}

/* --- one request --------------------------------------------------------- */

static gboolean
is_allowed (const char *method)
{
  return g_str_equal (method, "GET") || g_str_equal (method, "HEAD") ||
      g_str_equal (method, "POST") || g_str_equal (method, "DELETE");
}

static gboolean
is_digits (const char *text)
{
  return *text != '\0' && strlen (text) < 16 &&
      text[strspn (text, "0123456789")] == '\0';
}

/* The first rule that the header breaks: 0, or the status. */
static guint
check_headers (PbServerGate *self, SoupServerMessage *msg, PbError *code,
    const char **message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  SoupMessageHeadersIter iter;
  const char *name, *value;
  guint n_hosts = 0, n_lengths = 0;
  guint64 length = 0;
  gboolean is_upgrade = FALSE;

  *code = PB_ERROR_INVALID;
  soup_message_headers_iter_init (&iter, headers);
  while (soup_message_headers_iter_next (&iter, &name, &value)) {
    if (g_ascii_strcasecmp (name, "Transfer-Encoding") == 0) {
      *message = "Send a Content-Length: Transfer-Encoding is not read here.";
      return SOUP_STATUS_LENGTH_REQUIRED;
    } else if (g_ascii_strcasecmp (name, "Host") == 0) {
      /* a list would be two of them in one line */
      n_hosts += strchr (value, ',') != NULL ? 2 : 1;
    } else if (g_ascii_strcasecmp (name, "Content-Length") == 0) {
      n_lengths++;
      if (!is_digits (value)) {
        *message = "Content-Length is not a number.";
        return SOUP_STATUS_BAD_REQUEST;
      }
      length = g_ascii_strtoull (value, NULL, 10);
    } else if (g_ascii_strcasecmp (name, "Content-Type") == 0 &&
        g_ascii_strncasecmp (value, "multipart/", 10) == 0) {
      *message = "Send application/json: multipart bodies are not read here.";
      return SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE;
    } else if (g_ascii_strcasecmp (name, "Upgrade") == 0) {
      is_upgrade = TRUE;
    }
  }

  if (n_hosts != 1) {
    *message = "A request has one Host header.";
    return SOUP_STATUS_BAD_REQUEST;
  }
  if (n_lengths > 1) {
    *message = "A request has one Content-Length.";
    return SOUP_STATUS_BAD_REQUEST;
  }
  if (is_upgrade && length > 0) {
    *message = "An upgrade has no body.";
    return SOUP_STATUS_BAD_REQUEST;
  }
  if (length > self->booth->limits.body_max) {
    *code = PB_ERROR_TOO_LARGE;
    *message = pb_error_get_sentence (*code);
    return SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE;
  }
  if (!is_allowed (soup_server_message_get_method (msg))) {
    *code = PB_ERROR_METHOD;
    *message = pb_error_get_sentence (*code);
    return SOUP_STATUS_METHOD_NOT_ALLOWED;
  }

  return 0;
}

static void
on_got_headers (SoupServerMessage *msg, PbServerGate *self)
{
  PbServerTicket *ticket = get_ticket (msg);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  const char *message = NULL;
  PbError code;
  guint status = check_headers (self, msg, &code, &message);

  if (status != 0) {
    refuse (self, msg, status, code, message);
    return;
  }

  /* The words for libsoup's own refusals were not needed. */
  soup_message_body_truncate (soup_server_message_get_response_body (msg));
  soup_message_headers_remove (headers, "Content-Type");
  soup_message_headers_remove (headers, "X-Request-Id");
  /* libsoup 3.2 answers ranges by itself, and not soundly. */
  soup_message_headers_remove (
      soup_server_message_get_request_headers (msg), "Range");
  if (ticket != NULL) {
    ticket->n_body = 0;
    ticket->n_requests++;
    arm (ticket, self->booth->limits.body_ms);
  }
}

/* Content-Length bounds it already: this holds whatever libsoup believes. */
static void
on_got_chunk (SoupServerMessage *msg, GBytes *chunk, PbServerGate *self)
{
  PbServerTicket *ticket = get_ticket (msg);

  if (ticket == NULL)
    return;
  ticket->n_body += g_bytes_get_size (chunk);
  if (ticket->n_body > self->booth->limits.body_max)
    g_socket_shutdown (ticket->socket, TRUE, TRUE, NULL);
}

/* What libsoup 3.2 refuses by itself (an unreadable request line or header)
 * has no signal before it is sent: so its words are there beforehand. */
static void
on_request_started (SoupServer *server, SoupServerMessage *msg,
    PbServerGate *self)
{
  PbServerTicket *ticket = get_ticket (msg);
  g_autofree char *request_id = NULL;
  char *body;

  if (ticket != NULL)
    arm (ticket, self->booth->limits.header_ms);

  request_id = pb_random_id (REQUEST_ID_CHARS);
  body = make_envelope (PB_ERROR_INVALID,
      pb_error_get_sentence (PB_ERROR_INVALID), request_id);
  set_fixed_headers (msg);
  soup_message_headers_replace (soup_server_message_get_response_headers (msg),
      "X-Request-Id", request_id);
  soup_server_message_set_response (msg, "application/json", SOUP_MEMORY_TAKE,
      body, strlen (body));
  g_signal_connect (msg, "got-headers", G_CALLBACK (on_got_headers), self);
  g_signal_connect (msg, "got-chunk", G_CALLBACK (on_got_chunk), self);
}

static void
on_request_read (SoupServer *server, SoupServerMessage *msg,
    PbServerGate *self)
{
  PbServerTicket *ticket = get_ticket (msg);

  /* A "100 Continue" took them with it. */
  if (soup_message_headers_get_one (
          soup_server_message_get_response_headers (msg),
          fixed_headers[0].name) == NULL)
    set_fixed_headers (msg);
  if (ticket == NULL)
    return;
  arm (ticket, self->booth->limits.response_ms);
  if (ticket->n_requests >= self->booth->limits.requests_max)
    soup_message_headers_replace (
        soup_server_message_get_response_headers (msg), "Connection", "close");
}

static void
on_request_finished (SoupServer *server, SoupServerMessage *msg,
    PbServerGate *self)
{
  PbServerTicket *ticket = get_ticket (msg);
  GUri *uri = soup_server_message_get_uri (msg);
  const char *method = soup_server_message_get_method (msg);

  /* The path only: a token may be in the query. */
  if (uri != NULL && method != NULL) {
    g_autofree char *path = g_strescape (g_uri_get_path (uri), NULL);

    g_debug ("%s %.256s: %u", method, path,
        soup_server_message_get_status (msg));
  }
  if (ticket != NULL)
    arm (ticket, self->booth->limits.idle_ms);
}

/* --- accepting ----------------------------------------------------------- */

static void
admit (PbServerGate *self, GSocket *socket)
{
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
  g_autoptr (GSocketAddress) remote =
      g_socket_get_remote_address (socket, NULL);
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  PbServerTicket *ticket;
  guint64 key;

  /* NULL: it has left already */
  if (local == NULL || remote == NULL)
    return;
  key = make_key (remote);
  /* No answer: who is over the limit costs an accept. */
  if (!has_room (self->booth, remote, key))
    return;

  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  ticket = ticket_new (self->booth, socket, key);
  arm (ticket, self->booth->limits.header_ms);
  g_object_set_qdata_full (G_OBJECT (remote), ticket_quark (), ticket,
      (GDestroyNotify) pb_server_ticket_free);
  /* TLS goes between here: its handshake then has the header's deadline. */
  connection = g_socket_connection_factory_create_connection (socket);
  if (!soup_server_accept_iostream (self->server, G_IO_STREAM (connection),
          local, remote, &error))
    g_debug ("a connection is lost: %s", error->message);
}

/* Without a descriptor for it a connection stays in the queue, and epoll
 * would tell of it for ever: give one up, and take another later. */
static void
turn_away (PbServerGate *self, int listen_fd)
{
  int fd;

  if (self->spare_fd >= 0)
    close (self->spare_fd);
  fd = accept4 (listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) {
    close (fd);
    self->booth->stats.n_over_total++;
  }
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static gboolean
on_incoming (GSocket *listener, GIOCondition condition, gpointer user_data)
{
  PbServerGate *self = user_data;

  for (guint i = 0; i < ACCEPT_TURN; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GSocket) socket = g_socket_accept (listener, NULL, &error);

    if (socket != NULL) {
      admit (self, socket);
      continue;
    }
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      break;
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
      turn_away (self, g_socket_get_fd (listener));
    /* anything else concerns one connection, such as ECONNABORTED */
  }

  return G_SOURCE_CONTINUE;
}

static void
listener_free (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* libsoup 3.2 keeps no connection alive once it has no listener (that is how
 * it stops). This one listens to nobody: the other end of it is ours. */
static gboolean
add_decoy (PbServerGate *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved),
        "socketpair: %s", g_strerror (saved));
    return FALSE;
  }

  self->decoy_fd = pair[0];
  socket = g_socket_new_from_fd (pair[1], error);
  if (socket == NULL) {
    close (pair[1]);
    return FALSE;
  }
  return soup_server_listen_socket (self->server, socket, 0, error);
}

/* --- the gate ------------------------------------------------------------ */

/**
 * pb_server_gate_limits_init:
 * @limits: (out): the numbers of pb-limits.h
 */
void
pb_server_gate_limits_init (PbServerGateLimits *limits)
{
  *limits = (PbServerGateLimits) {
    .header_ms = PB_HTTP_HEADER_S * 1000,
    .body_ms = PB_HTTP_BODY_S * 1000,
    .response_ms = 30 * 1000,
    .idle_ms = PB_HTTP_IDLE_S * 1000,
    .linger_ms = 2000,
    .tick_ms = 100,
    .body_max = PB_HTTP_BODY_MAX,
    .connections_max = PB_HTTP_CONNECTIONS_MAX,
    .connections_per_ip = PB_HTTP_CONNECTIONS_PER_IP,
    .requests_max = 100,
  };
}

/**
 * pb_server_gate_attach:
 * @server: a server that does not listen yet
 * @limits: (nullable): %NULL for the usual ones
 * @error: return location
 *
 * soup_server_get_uris() is of no use behind a gate, which listens itself.
 *
 * Returns: (transfer full) (nullable): the gate before @server
 */
PbServerGate *
pb_server_gate_attach (SoupServer *server, const PbServerGateLimits *limits,
    GError **error)
{
  PbServerGateLimits usual;
  PbServerLinger *linger;
  PbServerGate *self;

  pb_server_gate_limits_init (&usual);
  if (limits == NULL)
    limits = &usual;
  linger = pb_server_linger_new (limits->linger_ms, limits->tick_ms, error);
  if (linger == NULL)
    return NULL;

  self = g_new0 (PbServerGate, 1);
  self->linger = linger;
  self->decoy_fd = -1;
  self->booth = g_rc_box_new0 (Booth);
  self->booth->limits = *limits;
  self->booth->wheel = pb_server_wheel_new (limits->tick_ms);
  self->booth->by_address = g_hash_table_new_full (g_int64_hash,
      g_int64_equal, g_free, NULL);
  self->server = g_object_ref (server);
  self->listeners = g_ptr_array_new_with_free_func (
      (GDestroyNotify) listener_free);
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  /* libsoup 3.2 speaks HTTP/2 when this is set, with faults fixed later. */
  g_unsetenv ("SOUP_SERVER_HTTP2");
  /* Inflates without bound. The sockets are ours, so it could not act: this
   * is for the day when somebody adds a handler of libsoup's own. */
  soup_server_remove_websocket_extension (server,
      SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  g_signal_connect (server, "request-started",
      G_CALLBACK (on_request_started), self);
  g_signal_connect (server, "request-read", G_CALLBACK (on_request_read),
      self);
  g_signal_connect (server, "request-finished",
      G_CALLBACK (on_request_finished), self);

  if (!add_decoy (self, error)) {
    pb_server_gate_detach (self);
    return NULL;
  }
  return self;
}

/**
 * pb_server_gate_detach:
 * @self: (transfer full): a gate whose server was disconnected, so that no
 *   request is under way
 */
void
pb_server_gate_detach (PbServerGate *self)
{
  pb_server_gate_stop_listening (self);
  g_ptr_array_unref (self->listeners);
  if (self->spare_fd >= 0)
    close (self->spare_fd);
  if (self->decoy_fd >= 0)
    close (self->decoy_fd);
  g_signal_handlers_disconnect_by_data (self->server, self);
  g_object_unref (self->server);
  pb_server_linger_free (self->linger);
  g_rc_box_release_full (self->booth, clear_booth);
  g_free (self);
}

/**
 * pb_server_gate_get_stats:
 * @self: a gate
 *
 * Returns: (transfer none): its counters, always current
 */
const PbServerGateStats *
pb_server_gate_get_stats (PbServerGate *self)
{
  return &self->booth->stats;
}

/**
 * pb_server_gate_socket_new:
 * @address: where; port 0 takes any that is free
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a listening socket
 */
GSocket *
pb_server_gate_socket_new (GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) socket =
      g_socket_new (g_socket_address_get_family (address),
          G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL)
    return NULL;
  g_socket_set_listen_backlog (socket, PB_HTTP_BACKLOG);
  if (!g_socket_bind (socket, address, TRUE, error) ||
      !g_socket_listen (socket, error))
    return NULL;

  return g_steal_pointer (&socket);
}

/**
 * pb_server_gate_listen_socket:
 * @self: a gate
 * @socket: a listening socket
 * @error: return location
 *
 * Returns: whether connections come in from now on
 */
gboolean
pb_server_gate_listen_socket (PbServerGate *self, GSocket *socket,
    GError **error)
{
  GSource *source;

  if (g_socket_is_closed (socket)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
        "the listening socket is closed");
    return FALSE;
  }

  g_socket_set_blocking (socket, FALSE);
  source = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_static_name (source, "patchbay listener");
  g_source_set_callback (source, G_SOURCE_FUNC (on_incoming), self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_ptr_array_add (self->listeners, source);
  return TRUE;
}

/**
 * pb_server_gate_stop_listening:
 * @self: a gate
 *
 * The sockets are closed when their owners let go of them.
 */
void
pb_server_gate_stop_listening (PbServerGate *self)
{
  g_ptr_array_set_size (self->listeners, 0);
}
