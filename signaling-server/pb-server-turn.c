/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-turn.h"

#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>
#include <openssl/evp.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"

#define SHA1_LENGTH 20

struct _PbServerTurn
{
  char **urls;
  char *secret; /* wiped */
  guint ttl_s;
};

static gboolean
refuse (GError **error, const char *url, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "[turn] urls are such as "
      "turn:turn.example.org:3478?transport=udp; “%s”: %s.", url, why);

  return FALSE;
}

static gboolean
is_name (const char *host)
{
  if (host[0] == '\0' || host[0] == '.' || host[0] == '-')
    return FALSE;
  for (const char *c = host; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && *c != '.' && *c != '-')
      return FALSE;

  return TRUE;
}

/* "name", "192.0.2.1", "[2001:db8::1]": `*rest` is what follows. */
static gboolean
check_host (const char *text, const char **rest)
{
  const char *end = text[0] == '[' ? strchr (text, ']')
                                   : text + strcspn (text, ":?");
  g_autofree char *host = NULL;
  g_autoptr (GInetAddress) address = NULL;

  if (end == NULL)
    return FALSE;
  if (text[0] == '[') {
    host = g_strndup (text + 1, (gsize) (end - text - 1));
    end++;
  } else {
    host = g_strndup (text, (gsize) (end - text));
  }
  *rest = end;
  address = g_inet_address_new_from_string (host);
  if (address != NULL && (g_inet_address_get_is_any (address) ||
          g_inet_address_get_is_multicast (address)))
    return FALSE;
  if (text[0] == '[')
    return address != NULL &&
        g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;

  return address != NULL || is_name (host);
}

/**
 * pb_server_turn_check_url: (skip)
 * @url: from the configuration
 * @error: PB_ERROR_INVALID
 *
 * Returns: whether clients will know what it means
 */
gboolean
pb_server_turn_check_url (const char *url, GError **error)
{
  gboolean is_tls = g_str_has_prefix (url, "turns:");
  const char *rest;
  guint64 port;

  if (strlen (url) > PB_TURN_URL_MAX)
    return refuse (error, "…", "it is too long");
  if (!g_str_is_ascii (url) || strpbrk (url, "\"<>\\ \t") != NULL)
    return refuse (error, "…", "it holds what no such address does");
  if (!is_tls && !g_str_has_prefix (url, "turn:"))
    return refuse (error, url, "it begins with turn: or turns:");
  if (!check_host (strchr (url, ':') + 1, &rest))
    return refuse (error, url, "that is no host (IPv6 goes in brackets)");
  if (rest[0] == ':') {
    g_autofree char *digits = g_strndup (rest + 1, strcspn (rest + 1, "?"));

    if (!g_ascii_string_to_unsigned (digits, 10, 1, G_MAXUINT16, &port, NULL))
      return refuse (error, url, "that is no port");
    rest += 1 + strlen (digits);
  }
  if (rest[0] == '\0' || g_str_equal (rest, "?transport=tcp"))
    return TRUE;
  if (!g_str_equal (rest, "?transport=udp"))
    return refuse (error, url,
        "what may follow is ?transport=udp or ?transport=tcp");

  return !is_tls ||
      refuse (error, url, "turns: is TLS, which needs transport=tcp");
}

/**
 * pb_server_turn_new: (skip)
 * @urls: of the relay, checked
 * @secret: that it shares with us
 * @ttl_s: how long credentials last
 *
 * Returns: (transfer full): a relay to send peers to
 */
PbServerTurn *
pb_server_turn_new (const char *const *urls, const char *secret, guint ttl_s)
{
  PbServerTurn *self = g_new0 (PbServerTurn, 1);

  self->urls = g_strdupv ((char **) urls);
  self->secret = g_strdup (secret);
  self->ttl_s = ttl_s;

  return self;
}

/**
 * pb_server_turn_free: (skip)
 * @self: (nullable) (transfer full): the relay
 */
void
pb_server_turn_free (PbServerTurn *self)
{
  if (self == NULL)
    return;
  g_strfreev (self->urls);
  pb_secret_free (self->secret);
  g_free (self);
}

/**
 * pb_server_turn_get_ttl: (skip)
 * @self: the relay
 *
 * Returns: how many seconds credentials last, where nothing ends before
 */
guint
pb_server_turn_get_ttl (const PbServerTurn *self)
{
  return self->ttl_s;
}

/**
 * pb_server_turn_sign: (skip)
 * @self: the relay
 * @username: the end of its time as Unix seconds, a colon, and a name
 *
 * Returns: (transfer full): the credential that coturn expects of it
 */
char *
pb_server_turn_sign (const PbServerTurn *self, const char *username)
{
  guint8 mac[SHA1_LENGTH];
  gsize length = 0;

  /* fails only where OpenSSL has no SHA-1, as no Debian has it */
  if (EVP_Q_mac (NULL, "HMAC", NULL, "SHA1", NULL, self->secret,
          strlen (self->secret), (const guint8 *) username, strlen (username),
          mac, sizeof mac, &length) == NULL ||
      length != sizeof mac) {
    g_printerr ("patchbay: OpenSSL cannot make an HMAC-SHA1\n");
    abort ();
  }

  return g_base64_encode (mac, sizeof mac);
}

typedef struct {
  char *username;
  char *credential;
  gint64 ttl_s;
} Pass;

static void
pass_clear (Pass *pass)
{
  g_free (pass->username);
  pb_secret_free (pass->credential);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pass, pass_clear)

static void
pass_init (Pass *pass, const PbServerTurn *self, const char *id, gint64 now,
    gint64 until)
{
  pass->ttl_s = CLAMP (until - now, 1, (gint64) self->ttl_s);
  pass->username =
      g_strdup_printf ("%" G_GINT64_FORMAT ":%s", now + pass->ttl_s, id);
  pass->credential = pb_server_turn_sign (self, pass->username);
}

/**
 * pb_server_turn_describe: (skip)
 * @self: the relay
 * @id: of the peer that uses it
 * @now: Unix seconds
 * @until: when the peer's own right ends
 *
 * Returns: (transfer full): what the peer is told
 */
JsonObject *
pb_server_turn_describe (const PbServerTurn *self, const char *id, gint64 now,
    gint64 until)
{
  g_auto (Pass) pass = { NULL };
  JsonObject *object = json_object_new ();
  JsonArray *urls = json_array_new ();

  pass_init (&pass, self, id, now, until);
  for (guint i = 0; self->urls[i] != NULL; i++)
    json_array_add_string_element (urls, self->urls[i]);
  json_object_set_array_member (object, "urls", urls);
  json_object_set_string_member (object, "username", pass.username);
  json_object_set_string_member (object, "credential", pass.credential);
  json_object_set_int_member (object, "ttl", pass.ttl_s);

  return object;
}

/**
 * pb_server_turn_make_links: (skip)
 * @self: the relay
 * @id: of the peer that uses it
 * @now: Unix seconds
 * @until: when the peer's own right ends
 *
 * Returns: (transfer full): a `Link` for each of its addresses
 */
char **
pb_server_turn_make_links (const PbServerTurn *self, const char *id,
    gint64 now, gint64 until)
{
  g_auto (Pass) pass = { NULL };
  guint n = g_strv_length (self->urls);
  char **links = g_new0 (char *, n + 1);

  pass_init (&pass, self, id, now, until);
  /* neither a URL that was checked nor a peer's id holds a quote */
  for (guint i = 0; i < n; i++)
    links[i] = g_strdup_printf ("<%s>; rel=\"ice-server\"; username=\"%s\"; "
        "credential=\"%s\"; credential-type=\"password\"", self->urls[i],
        pass.username, pass.credential);

  return links;
}
