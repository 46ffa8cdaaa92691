/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-envelope-private.h"

#include "core/pb-json.h"

/* A server's words go to logs and terminals: no more than a line of them. */
#define MESSAGE_MAX 256

/* clang-format off */
static const struct {
  guint status;
  PbError error;
} by_status[] = {
  /* a proxy in front of the server, or a server that is not ours */
  { 401, PB_ERROR_TOKEN_INVALID },
  { 403, PB_ERROR_DENIED },
  { 404, PB_ERROR_NOT_FOUND },
  { 405, PB_ERROR_METHOD },
  { 409, PB_ERROR_STATE },
  { 410, PB_ERROR_EXPIRED },
  { 413, PB_ERROR_TOO_LARGE },
  { 426, PB_ERROR_VERSION },
  { 429, PB_ERROR_RATE },
  { 500, PB_ERROR_INTERNAL },
  { 502, PB_ERROR_UNAVAILABLE },
  { 503, PB_ERROR_UNAVAILABLE },
  { 504, PB_ERROR_UNAVAILABLE },
};

static const struct {
  GTlsCertificateFlags flag;
  const char *words;
} tls_words[] = {
  { G_TLS_CERTIFICATE_UNKNOWN_CA, "signed by nobody this system trusts" },
  { G_TLS_CERTIFICATE_BAD_IDENTITY, "made out to another name" },
  { G_TLS_CERTIFICATE_NOT_ACTIVATED, "not valid yet" },
  { G_TLS_CERTIFICATE_EXPIRED, "expired" },
  { G_TLS_CERTIFICATE_REVOKED, "revoked" },
  { G_TLS_CERTIFICATE_INSECURE, "made with weak cryptography" },
  { G_TLS_CERTIFICATE_GENERIC_ERROR, "not acceptable" },
};
/* clang-format on */

static char *
make_line (const char *text)
{
  g_autofree char *line =
      g_utf8_substring (text, 0, MIN (g_utf8_strlen (text, -1), MESSAGE_MAX));

  for (char *p = line; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = ' ';

  return g_steal_pointer (&line);
}

static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  return json_node_get_string (node);
}

/**
 * pb_envelope_to_error: (skip)
 * @status: the HTTP status
 * @text: the body
 * @length: its octets
 *
 * Returns: (transfer full): a #PbError with the server's own message
 */
GError *
pb_envelope_to_error (guint status, const char *text, gsize length)
{
  g_autoptr (JsonNode) node = NULL;
  JsonNode *inner = NULL;

  if (length > 0)
    node = pb_json_parse (text, (gssize) length, NULL);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    inner = json_object_get_member (json_node_get_object (node), "error");
  if (inner != NULL && JSON_NODE_HOLDS_OBJECT (inner)) {
    JsonObject *object = json_node_get_object (inner);
    const char *reason = get_string (object, "reason");
    const char *message = get_string (object, "message");

    if (reason != NULL) {
      PbError code = pb_error_from_reason (reason);
      g_autofree char *line =
          make_line (message != NULL ? message : pb_error_get_sentence (code));

      return g_error_new_literal (PB_ERROR, code, line);
    }
  }

  for (guint i = 0; i < G_N_ELEMENTS (by_status); i++)
    if (by_status[i].status == status)
      return g_error_new (PB_ERROR, by_status[i].error,
          "the server answered with HTTP status %u", status);

  return g_error_new (PB_ERROR,
      status >= 500 ? PB_ERROR_UNAVAILABLE : PB_ERROR_INVALID,
      "the server answered with HTTP status %u", status);
}

/**
 * pb_envelope_describe_tls: (skip)
 * @flags: what is wrong with a certificate
 *
 * Returns: (transfer full): the same in words
 */
char *
pb_envelope_describe_tls (GTlsCertificateFlags flags)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tls_words); i++)
    if ((flags & tls_words[i].flag) != 0)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "",
          tls_words[i].words);
  if (text->len == 0)
    g_string_append (text, "not acceptable");

  return g_string_free (text, FALSE);
}
