/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-uri.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "core/pb-random.h"

#define HOST_MAX 253 /* RFC 1035, as text */
#define PORT_SECURE 443
#define PORT_PLAIN 8080
#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

G_DEFINE_BOXED_TYPE (PbUri, pb_uri, pb_uri_copy, pb_uri_free)

/* No message quotes the address: it may hold a token. */
static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
      "the address is not pbs://host/session/slot: %s", why);

  return FALSE;
}

static gboolean
read_scheme (PbUri *self, const char **at, GError **error)
{
  if (g_ascii_strncasecmp (*at, "pbs://", 6) == 0) {
    self->is_secure = TRUE;
    *at += 6;
  } else if (g_ascii_strncasecmp (*at, "pb://", 5) == 0) {
    *at += 5;
  } else {
    return refuse (error, "it begins with neither pbs:// nor pb://");
  }

  return TRUE;
}

static gboolean
read_host (PbUri *self, const char **at, GError **error)
{
  gsize length;

  if (**at == '[') {
    const char *close = strchr (*at, ']');

    if (close == NULL)
      return refuse (error, "the host's bracket is not closed");
    self->host = g_strndup (*at + 1, close - *at - 1);
    if (strspn (self->host, DIGITS "abcdefABCDEF:.") != strlen (self->host) ||
        strchr (self->host, ':') == NULL ||
        !g_hostname_is_ip_address (self->host))
      return refuse (error, "the brackets hold no IPv6 address");
    *at = close + 1;

    return TRUE;
  }

  length = strspn (*at, LETTERS DIGITS "-.");
  if (length == 0 || length > HOST_MAX)
    return refuse (error, "there is no host name");
  if (**at == '-' || **at == '.')
    return refuse (error, "the host name begins with a mark");
  self->host = g_strndup (*at, length);
  if (strstr (self->host, "..") != NULL)
    return refuse (error, "the host name has an empty part");
  *at += length;

  return TRUE;
}

static gboolean
read_port (PbUri *self, const char **at, GError **error)
{
  gsize length;

  self->port = self->is_secure ? PORT_SECURE : PORT_PLAIN;
  if (**at != ':')
    return TRUE;
  (*at)++;

  length = strspn (*at, DIGITS);
  if (length == 0 || length > 5)
    return refuse (error, "the port is no number");
  self->port = (guint) g_ascii_strtoull (*at, NULL, 10);
  *at += length;
  if (self->port == 0 || self->port > 65535)
    return refuse (error, "the port is out of range");

  return TRUE;
}

static char *
read_name (const char **at)
{
  g_autofree char *name = NULL;
  gsize length;

  if (**at != '/')
    return NULL;
  (*at)++;
  length = strspn (*at, LETTERS DIGITS "._-");
  name = g_strndup (*at, length);
  if (!pb_name_is_valid (name))
    return NULL;
  *at += length;

  return g_steal_pointer (&name);
}

static gboolean
read_token (PbUri *self, const char **at, GError **error)
{
  gsize length;

  if (**at == '\0')
    return TRUE;
  if (strncmp (*at, "?t=", 3) != 0 && strncmp (*at, "#t=", 3) != 0)
    return refuse (error, "only ?t=token or #t=token may follow the names");
  *at += 3;

  /* what a token is made of; the server alone can tell whether it is one */
  length = strspn (*at, LETTERS DIGITS "-_.");
  if (length == 0 || length > PB_TOKEN_MAX)
    return refuse (error, "the token is empty or too long");
  self->token = g_strndup (*at, length);
  *at += length;

  return TRUE;
}

/**
 * pb_uri_parse:
 * @text: pbs://host[:port]/session[/slot][?t=token], or #t=token, or pb://
 * @error: where to put why not; it never quotes @text
 *
 * Returns: (transfer full): its parts; %PB_ERROR_INVALID where it is no such
 *   address
 */
PbUri *
pb_uri_parse (const char *text, GError **error)
{
  g_autoptr (PbUri) self = g_new0 (PbUri, 1);
  const char *at = text;

  g_return_val_if_fail (text != NULL, NULL);

  if (!read_scheme (self, &at, error) || !read_host (self, &at, error) ||
      !read_port (self, &at, error))
    return NULL;

  self->session = read_name (&at);
  if (self->session == NULL) {
    refuse (error, "there is no valid session name");
    return NULL;
  }
  if (*at == '/') {
    self->stream = read_name (&at);
    if (self->stream == NULL) {
      refuse (error, "there is no valid slot name");
      return NULL;
    }
  }
  if (!read_token (self, &at, error))
    return NULL;
  if (*at != '\0') {
    refuse (error, "something follows that does not belong there");
    return NULL;
  }

  return g_steal_pointer (&self);
}

/**
 * pb_uri_copy:
 * @uri: an address
 *
 * Returns: (transfer full): the same once more, token included
 */
PbUri *
pb_uri_copy (const PbUri *uri)
{
  PbUri *copy;

  g_return_val_if_fail (uri != NULL, NULL);

  copy = g_memdup2 (uri, sizeof *uri);
  copy->host = g_strdup (uri->host);
  copy->session = g_strdup (uri->session);
  copy->stream = g_strdup (uri->stream);
  copy->token = g_strdup (uri->token);

  return copy;
}

/**
 * pb_uri_free:
 * @uri: (transfer full) (nullable): an address; its token is wiped
 */
void
pb_uri_free (PbUri *uri)
{
  if (uri == NULL)
    return;
  g_free (uri->host);
  g_free (uri->session);
  g_free (uri->stream);
  pb_secret_free (uri->token);
  g_free (uri);
}

/**
 * pb_uri_print:
 * @uri: an address
 *
 * Returns: (transfer full): the address as text, without the token
 */
char *
pb_uri_print (const PbUri *uri)
{
  gboolean is_literal;
  GString *text;

  g_return_val_if_fail (uri != NULL, NULL);

  is_literal = strchr (uri->host, ':') != NULL;
  text = g_string_new (uri->is_secure ? "pbs://" : "pb://");
  g_string_append_printf (text, is_literal ? "[%s]" : "%s", uri->host);
  if (uri->port != (uri->is_secure ? PORT_SECURE : PORT_PLAIN))
    g_string_append_printf (text, ":%u", uri->port);
  g_string_append_printf (text, "/%s", uri->session);
  if (uri->stream != NULL)
    g_string_append_printf (text, "/%s", uri->stream);

  return g_string_free (text, FALSE);
}

/**
 * pb_uri_is_loopback:
 * @uri: an address
 *
 * A name other than localhost counts as another machine, whatever it resolves
 * to.
 *
 * Returns: whether it stays on this machine
 */
gboolean
pb_uri_is_loopback (const PbUri *uri)
{
  g_return_val_if_fail (uri != NULL, FALSE);

  if (g_ascii_strcasecmp (uri->host, "localhost") == 0)
    return TRUE;
  if (!g_hostname_is_ip_address (uri->host))
    return FALSE;

  return g_str_has_prefix (uri->host, "127.") || g_str_equal (uri->host, "::1");
}
