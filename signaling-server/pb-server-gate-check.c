/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-gate-private.h"

#include <string.h>

#include "core/pb-error.h"
#include "core/pb-random.h"

#define REQUEST_ID_CHARS 16

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
refuse (PbServerGate *self, SoupServerMessage *msg, guint status, PbError code,
    const char *message)
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
    g_string_append (text, 
        "Allow: GET, HEAD, POST, PATCH, DELETE, OPTIONS\r\n");
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
  static const char *const methods[] = { "GET", "HEAD", "POST", "PATCH",
    "DELETE", "OPTIONS", NULL };

  return g_strv_contains (methods, method);
}

static gboolean
is_digits (const char *text)
{
  return *text != '\0' && strlen (text) < 16 &&
         text[strspn (text, "0123456789")] == '\0';
}

/* Whether it climbs, in whatever disguise: libsoup 3.2 refuses that without a
 * word that programs could read. */
static gboolean
is_climbing (GUri *uri)
{
  g_autofree char *path =
      uri != NULL ? g_uri_unescape_string (g_uri_get_path (uri), NULL) : NULL;

  return path == NULL || strstr (path, "/../") != NULL ||
         g_str_has_suffix (path, "/..");
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
  if (is_climbing (soup_server_message_get_uri (msg))) {
    *code = PB_ERROR_NOT_FOUND;
    *message = pb_error_get_sentence (*code);
    return SOUP_STATUS_NOT_FOUND;
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
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);
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
  soup_message_headers_remove (soup_server_message_get_request_headers (msg),
      "Range");
  if (ticket != NULL) {
    ticket->n_body = 0;
    ticket->n_requests++;
    pb_server_ticket_arm (ticket, self->booth->limits.body_ms);
  }
}

/* Content-Length bounds it already: this holds whatever libsoup believes. */
static void
on_got_chunk (SoupServerMessage *msg, GBytes *chunk, PbServerGate *self)
{
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);

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
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);
  g_autofree char *request_id = NULL;
  char *body;

  if (ticket != NULL)
    pb_server_ticket_arm (ticket, self->booth->limits.header_ms);

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
on_request_read (SoupServer *server, SoupServerMessage *msg, PbServerGate *self)
{
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);

  /* A "100 Continue" took them with it. */
  if (soup_message_headers_get_one (soup_server_message_get_response_headers (
                                        msg),
          fixed_headers[0].name) == NULL)
    set_fixed_headers (msg);
  if (ticket == NULL)
    return;
  pb_server_ticket_arm (ticket, self->booth->limits.response_ms);
  if (ticket->n_requests >= self->booth->limits.requests_max)
    soup_message_headers_replace (soup_server_message_get_response_headers (
                                      msg),
        "Connection", "close");
}

static void
on_request_finished (SoupServer *server, SoupServerMessage *msg,
    PbServerGate *self)
{
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);
  GUri *uri = soup_server_message_get_uri (msg);
  const char *method = soup_server_message_get_method (msg);

  /* The path only: a token may be in the query. */
  if (uri != NULL && method != NULL) {
    g_autofree char *path = g_strescape (g_uri_get_path (uri), NULL);

    g_debug ("%s %.256s: %u", method, path,
        soup_server_message_get_status (msg));
  }
  if (ticket != NULL)
    pb_server_ticket_arm (ticket, self->booth->limits.idle_ms);
}

void
pb_server_gate_check_requests (PbServerGate *self)
{
  g_signal_connect (self->server, "request-started",
      G_CALLBACK (on_request_started), self);
  g_signal_connect (self->server, "request-read", G_CALLBACK (on_request_read),
      self);
  g_signal_connect (self->server, "request-finished",
      G_CALLBACK (on_request_finished), self);
}
