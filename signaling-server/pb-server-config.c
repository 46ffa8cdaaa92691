/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-config.h"

#include <stddef.h>
#include <string.h>

#include <gio/gio.h>
#include <openssl/crypto.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-secret.h"
#include "pb-server-turn.h"

typedef enum {
  KIND_TEXT,
  KIND_FLAG,
  KIND_NUMBER,
  KIND_LIST,
  KIND_ENDPOINT, /* ADDRESS:PORT: two fields, or "off" where it can be */
  KIND_PORTS,    /* FIRST-LAST: two fields */
  KIND_WHO,      /* anyone, or local: a flag */
} Kind;

/* Every key there is. The value goes to `offset`; what is beside it says what
 * it must be. */
/* clang-format off */
#define AT(field) offsetof (PbServerConfig, field)
static const struct {
  const char *group, *key;
  Kind kind;
  gsize offset;
  guint min, max;
} keys[] = {
  { "server", "listen", KIND_ENDPOINT, AT (listen_address) },
  { "server", "public-url", KIND_TEXT, AT (public_url) },
  { "server", "behind-proxy", KIND_FLAG, AT (behind_proxy) },
  { "server", "insecure-plain", KIND_FLAG, AT (insecure_plain) },
  { "server", "origins", KIND_LIST, AT (origins) },
  { "server", "metrics-anywhere", KIND_FLAG, AT (metrics_anywhere) },
  { "server", "message-rate", KIND_NUMBER, AT (message_rate), 0, 100000 },
  { "secret", "file", KIND_TEXT, AT (secret_file) },
  { "secret", "rotation-grace", KIND_NUMBER, AT (rotation_grace_s), 0, PB_TTL_MAX },
  { "stun", "listen", KIND_ENDPOINT, AT (stun_address) },
  { "stun", "public-address", KIND_TEXT, AT (stun_public) },
  { "turn", "urls", KIND_LIST, AT (turn_urls) },
  { "turn", "secret-file", KIND_TEXT, AT (turn_secret_file) },
  { "turn", "ttl", KIND_NUMBER, AT (turn_ttl_s), PB_TURN_TTL_MIN_S, PB_TURN_TTL_S },
  { "sessions", "create", KIND_WHO, AT (create_local) },
  { "sessions", "max", KIND_NUMBER, AT (sessions_max), 1, 100000 },
  { "sessions", "ttl-max", KIND_NUMBER, AT (ttl_max_s), PB_TTL_MIN, PB_TTL_MAX },
  { "sessions", "ports", KIND_PORTS, AT (port_first) },
  { "audit", "log", KIND_TEXT, AT (audit_log) },
  { "audit", "all-addresses", KIND_FLAG, AT (audit_addresses) },
};
/* clang-format on */

static gboolean
refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID, message);

  return FALSE;
}

static gboolean
parse_number (const char *text, guint min, guint max, guint *out)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, min, max, &value, NULL))
    return FALSE;
  *out = (guint) value;

  return TRUE;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static gboolean
parse_endpoint (const char *text, char **address, guint *port)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = NULL;
  g_autoptr (GInetAddress) parsed = NULL;

  if (colon == NULL || !parse_number (colon + 1, 0, 65535, port))
    return FALSE;
  host = g_strndup (text, (gsize) (colon - text));
  if (host[0] == '[' && host[strlen (host) - 1] == ']') {
    memmove (host, host + 1, strlen (host));
    host[strlen (host) - 1] = '\0';
  } else if (strchr (host, ':') != NULL) {
    return FALSE;
  }
  parsed = g_inet_address_new_from_string (host);
  if (parsed == NULL)
    return FALSE;
  g_free (*address);
  *address = g_inet_address_to_string (parsed);

  return TRUE;
}

static gboolean
parse_flag (const char *text, gboolean *out)
{
  if (g_str_equal (text, "true") || g_str_equal (text, "yes"))
    *out = TRUE;
  else if (g_str_equal (text, "false") || g_str_equal (text, "no"))
    *out = FALSE;
  else
    return FALSE;

  return TRUE;
}

static gboolean
parse_ports (const char *text, guint *first, guint *last)
{
  g_auto (GStrv) parts = g_strsplit (text, "-", 2);

  return g_strv_length (parts) == 2 &&
      parse_number (parts[0], PB_PORT_MIN, PB_PORT_MAX, first) &&
      parse_number (parts[1], PB_PORT_MIN, PB_PORT_MAX, last) &&
      *first <= *last;
}

static char **
parse_list (const char *text)
{
  g_auto (GStrv) parts = g_strsplit_set (text, " ;,", -1);
  g_autoptr (GPtrArray) out = g_ptr_array_new ();

  for (guint i = 0; parts[i] != NULL; i++)
    if (parts[i][0] != '\0')
      g_ptr_array_add (out, g_strdup (parts[i]));
  g_ptr_array_add (out, NULL);

  return (char **) g_ptr_array_steal (out, NULL);
}

static gboolean
set_key (PbServerConfig *self, guint i, const char *text, const char *where,
    GError **error)
{
  gpointer field = (char *) self + keys[i].offset;

  switch (keys[i].kind) {
    case KIND_TEXT:
      if (text[0] == '\0')
        return refuse (error, "%s is empty.", where);
      g_free (*(char **) field);
      *(char **) field = g_strdup (text);
      return TRUE;
    case KIND_FLAG:
      if (!parse_flag (text, field))
        return refuse (error, "%s is true or false, not “%s”.", where, text);
      return TRUE;
    case KIND_NUMBER:
      if (!parse_number (text, keys[i].min, keys[i].max, field))
        return refuse (error, "%s is a number from %u to %u, not “%s”.", where,
            keys[i].min, keys[i].max, text);
      return TRUE;
    case KIND_LIST:
      g_strfreev (*(char ***) field);
      *(char ***) field = parse_list (text);
      return TRUE;
    case KIND_PORTS:
      if (!parse_ports (text, &self->port_first, &self->port_last))
        return refuse (error, "%s is a range such as 20000-29999 within %d to "
            "%d, not “%s”.", where, PB_PORT_MIN, PB_PORT_MAX, text);
      return TRUE;
    case KIND_WHO:
      if (!g_str_equal (text, "anyone") && !g_str_equal (text, "local"))
        return refuse (error, "%s is anyone or local, not “%s”.", where, text);
      *(gboolean *) field = g_str_equal (text, "local");
      return TRUE;
    case KIND_ENDPOINT:
      if (keys[i].offset == AT (stun_address)) {
        self->stun = !g_str_equal (text, "off");
        if (!self->stun ||
            parse_endpoint (text, &self->stun_address, &self->stun_port))
          return TRUE;
      } else if (parse_endpoint (text, &self->listen_address,
              &self->listen_port)) {
        return TRUE;
      }
      return refuse (error, "%s is ADDRESS:PORT with an IP address, such as "
          "127.0.0.1:8080 or [::1]:8080, not “%s”.", where, text);
  }

  g_return_val_if_reached (FALSE);
}

static gboolean
read_group (PbServerConfig *self, GKeyFile *file, const char *path,
    const char *group, GError **error)
{
  g_auto (GStrv) names = g_key_file_get_keys (file, group, NULL, NULL);

  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *where =
        g_strdup_printf ("%s: [%s] %s", path, group, names[i]);
    g_autofree char *text =
        g_key_file_get_string (file, group, names[i], NULL);
    guint k = 0;

    while (k < G_N_ELEMENTS (keys) && (!g_str_equal (keys[k].group, group) ||
            !g_str_equal (keys[k].key, names[i])))
      k++;
    if (k == G_N_ELEMENTS (keys))
      return refuse (error, "%s: there is no such key.", where);
    if (text == NULL)
      return refuse (error, "%s is not text.", where);
    if (!set_key (self, k, g_strstrip (text), where, error))
      return FALSE;
  }

  return TRUE;
}

static gboolean
read_file (PbServerConfig *self, const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) inner = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) groups = NULL;

  if (!pb_server_secret_read_file (path, &text, error))
    return FALSE;
  if (!g_key_file_load_from_data (file, text, strlen (text), G_KEY_FILE_NONE,
          &inner))
    return refuse (error, "%s: %s.", path, inner->message);
  groups = g_key_file_get_groups (file, NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    if (!read_group (self, file, path, groups[i], error))
      return FALSE;
  self->file = g_strdup (path);

  return TRUE;
}

/* Out of the environment: children and /proc must not show it. */
static gboolean
take_environment (PbServerConfig *self, GError **error)
{
  const char *file = g_getenv ("PATCHBAY_SECRET_FILE");
  const char *turn = g_getenv ("PATCHBAY_TURN_SECRET_FILE");
  char *secret = getenv ("PATCHBAY_SECRET");

  if (file != NULL && file[0] != '\0') {
    g_free (self->secret_file);
    self->secret_file = g_strdup (file);
  }
  if (turn != NULL && turn[0] != '\0') {
    g_free (self->turn_secret_file);
    self->turn_secret_file = g_strdup (turn);
  }
  if (secret != NULL && secret[0] != '\0') {
    gboolean ok;

    if (file != NULL && file[0] != '\0')
      return refuse (error, "PATCHBAY_SECRET and PATCHBAY_SECRET_FILE are "
          "both set: only one may be.");
    self->secret = g_strdup (secret);
    ok = pb_server_secret_check (secret, PB_SECRET_MIN, "PATCHBAY_SECRET",
        error);
    OPENSSL_cleanse (secret, strlen (secret));
    g_unsetenv ("PATCHBAY_SECRET");
    return ok;
  }

  return TRUE;
}

static gboolean
apply_options (PbServerConfig *self, const PbServerOptions *options,
    GError **error)
{
  if (options->listen != NULL && !parse_endpoint (options->listen,
          &self->listen_address, &self->listen_port))
    return refuse (error, "--listen is ADDRESS:PORT with an IP address, such "
        "as 127.0.0.1:8080 or [::1]:8080, not “%s”.", options->listen);
  if (options->stun != NULL) {
    self->stun = TRUE;
    if (!parse_endpoint (options->stun, &self->stun_address, &self->stun_port))
      return refuse (error, "--stun is ADDRESS:PORT with an IP address, not "
          "“%s”.", options->stun);
  }
  if (options->no_stun)
    self->stun = FALSE;
  if (options->public_url != NULL) {
    g_free (self->public_url);
    self->public_url = g_strdup (options->public_url);
  }
  if (options->audit_log != NULL) {
    g_free (self->audit_log);
    self->audit_log = g_strdup (options->audit_log);
  }
  self->behind_proxy |= options->behind_proxy;
  self->insecure_plain |= options->insecure_plain;
  if (options->secret_file != NULL) {
    g_free (self->secret_file);
    self->secret_file = g_strdup (options->secret_file);
    g_clear_pointer (&self->secret, pb_secret_free);
  }

  return TRUE;
}

static gboolean
check_url (PbServerConfig *self, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  gsize length;

  if (self->public_url == NULL)
    return TRUE;
  uri = g_uri_parse (self->public_url, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || g_uri_get_host (uri) == NULL ||
      (g_strcmp0 (g_uri_get_scheme (uri), "http") != 0 &&
          g_strcmp0 (g_uri_get_scheme (uri), "https") != 0) ||
      g_uri_get_userinfo (uri) != NULL || g_uri_get_query (uri) != NULL ||
      g_uri_get_fragment (uri) != NULL ||
      !g_str_is_ascii (self->public_url))
    return refuse (error, "The public URL is http:// or https:// and a host, "
        "not “%s”.", self->public_url);
  length = strlen (self->public_url);
  while (length > 0 && self->public_url[length - 1] == '/')
    self->public_url[--length] = '\0';

  return TRUE;
}

/**
 * pb_server_config_is_wildcard: (skip)
 * @address: an IP literal
 *
 * Returns: whether it stands for every address of this machine
 */
gboolean
pb_server_config_is_wildcard (const char *address)
{
  g_autoptr (GInetAddress) parsed = g_inet_address_new_from_string (address);

  return g_inet_address_get_is_any (parsed);
}

static gboolean
check_addresses (PbServerConfig *self, GError **error)
{
  g_autoptr (GInetAddress) parsed = NULL;

  if (self->stun_public == NULL)
    return TRUE;
  parsed = g_inet_address_new_from_string (self->stun_public);
  if (parsed == NULL)
    return refuse (error, "[stun] public-address is an IP address, not “%s”.",
        self->stun_public);

  return TRUE;
}

/* A relay, or none: no half of one. */
static gboolean
check_turn (PbServerConfig *self, GError **error)
{
  guint n = g_strv_length (self->turn_urls);

  if (n == 0 && self->turn_secret_file == NULL)
    return TRUE;
  if (n == 0)
    return refuse (error, "[turn] secret-file is given, and no [turn] urls.");
  if (self->turn_secret_file == NULL)
    return refuse (error, "[turn] urls need the secret that they share with "
        "the relay: [turn] secret-file or PATCHBAY_TURN_SECRET_FILE.");
  if (n > PB_TURN_URLS_MAX)
    return refuse (error, "[turn] urls are %d at most, not %u.",
        PB_TURN_URLS_MAX, n);
  for (guint i = 0; i < n; i++) {
    if (!pb_server_turn_check_url (self->turn_urls[i], error))
      return FALSE;
    for (guint j = 0; j < i; j++)
      if (g_str_equal (self->turn_urls[i], self->turn_urls[j]))
        return refuse (error, "[turn] urls name “%s” twice.",
            self->turn_urls[i]);
  }
  self->turn_secret = pb_server_secret_read (self->turn_secret_file,
      PB_TURN_SECRET_MIN, error);

  return self->turn_secret != NULL;
}

/* Requirement S19: a passphrase must not cross a network in the clear. TLS of
 * our own will be the third way to satisfy this. */
static gboolean
check_exposure (PbServerConfig *self, GError **error)
{
  if (pb_server_config_is_loopback (self))
    return TRUE;
  if (!self->behind_proxy && !self->insecure_plain)
    return refuse (error, "Listening on %s would send tokens and passphrases "
        "over the network in the clear. Listen on 127.0.0.1 behind a TLS "
        "proxy, or say --behind-proxy, or accept it: --insecure-plain.",
        self->listen_address);
  if (self->public_url == NULL &&
      pb_server_config_is_wildcard (self->listen_address))
    return refuse (error, "Listening on every address, the server does not "
        "know the one that people use: say --public-url https://HOST.");

  return TRUE;
}

/**
 * pb_server_config_is_loopback: (skip)
 * @self: the configuration
 *
 * Returns: whether only this machine can reach it
 */
gboolean
pb_server_config_is_loopback (const PbServerConfig *self)
{
  g_autoptr (GInetAddress) parsed =
      g_inet_address_new_from_string (self->listen_address);

  return g_inet_address_get_is_loopback (parsed);
}

static PbServerConfig *
new_defaults (void)
{
  PbServerConfig *self = g_new0 (PbServerConfig, 1);

  self->listen_address = g_strdup ("127.0.0.1");
  self->listen_port = 8080;
  self->origins = g_new0 (char *, 1);
  self->turn_urls = g_new0 (char *, 1);
  self->turn_ttl_s = PB_TURN_TTL_S;
  self->message_rate = PB_WS_MESSAGE_RATE;
  self->rotation_grace_s = 0;
  self->stun = TRUE;
  self->sessions_max = 1000;
  self->ttl_max_s = PB_TTL_MAX;
  self->port_first = PB_SLOT_PORT_FIRST;
  self->port_last = PB_SLOT_PORT_LAST;
  self->audit_log = g_strdup ("stderr");

  return self;
}

/**
 * pb_server_config_load: (skip)
 * @options: the command line
 * @error: PB_ERROR_INVALID, with a sentence for whoever runs the server
 *
 * Returns: (transfer full): the effective configuration; its secret is %NULL
 *   where nobody gave one
 */
PbServerConfig *
pb_server_config_load (const PbServerOptions *options, GError **error)
{
  g_autoptr (PbServerConfig) self = new_defaults ();

  if (options->config != NULL && !read_file (self, options->config, error))
    return NULL;
  if (!take_environment (self, error) ||
      !apply_options (self, options, error) || !check_url (self, error) ||
      !check_addresses (self, error) || !check_turn (self, error) ||
      !check_exposure (self, error))
    return NULL;
  if (self->secret == NULL && self->secret_file != NULL) {
    self->secret =
        pb_server_secret_read (self->secret_file, PB_SECRET_MIN, error);
    if (self->secret == NULL)
      return NULL;
  }
  if (self->stun && self->stun_address == NULL) {
    self->stun_address = g_strdup (self->listen_address);
    /* several servers on one machine must not fight over the usual port */
    self->stun_port = pb_server_config_is_loopback (self) ? 0 : 3478;
  }
  if (self->secret == NULL && !pb_server_config_is_loopback (self)) {
    refuse (error, "A server that others can reach needs a secret that "
        "lasts: PATCHBAY_SECRET_FILE, --secret-file or [secret] file. "
        "“patchbayd --generate-secret” makes one.");
    return NULL;
  }

  return g_steal_pointer (&self);
}

/**
 * pb_server_config_free: (skip)
 * @self: (nullable) (transfer full): the configuration
 */
void
pb_server_config_free (PbServerConfig *self)
{
  if (self == NULL)
    return;
  g_free (self->listen_address);
  g_free (self->public_url);
  g_strfreev (self->origins);
  pb_secret_free (self->secret);
  g_free (self->secret_file);
  g_free (self->stun_address);
  g_free (self->stun_public);
  g_strfreev (self->turn_urls);
  pb_secret_free (self->turn_secret);
  g_free (self->turn_secret_file);
  g_free (self->audit_log);
  g_free (self->file);
  g_free (self);
}

static char *
print_endpoint (const char *address, guint port)
{
  return g_strdup_printf (strchr (address, ':') != NULL ? "[%s]:%u" : "%s:%u",
      address, port);
}

static char *
print_key (const PbServerConfig *self, guint i)
{
  gconstpointer field = (const char *) self + keys[i].offset;

  switch (keys[i].kind) {
    case KIND_TEXT:
      return g_strdup (*(char *const *) field);
    case KIND_FLAG:
      return g_strdup (*(const gboolean *) field ? "true" : "false");
    case KIND_NUMBER:
      return g_strdup_printf ("%u", *(const guint *) field);
    case KIND_LIST:
      return g_strjoinv (" ", *(char **const *) field);
    case KIND_PORTS:
      return g_strdup_printf ("%u-%u", self->port_first, self->port_last);
    case KIND_WHO:
      return g_strdup (*(const gboolean *) field ? "local" : "anyone");
    case KIND_ENDPOINT:
      if (keys[i].offset == AT (listen_address))
        return print_endpoint (self->listen_address, self->listen_port);
      return self->stun ? print_endpoint (self->stun_address, self->stun_port)
          : g_strdup ("off");
  }

  g_return_val_if_reached (NULL);
}

/**
 * pb_server_config_print: (skip)
 * @self: the configuration
 *
 * Returns: (transfer full): every key with its value; keys that have none are
 *   comments
 */
char *
pb_server_config_print (const PbServerConfig *self)
{
  GString *out = g_string_new (NULL);
  const char *group = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *value = print_key (self, i);

    if (g_strcmp0 (group, keys[i].group) != 0)
      g_string_append_printf (out, "%s[%s]\n", group != NULL ? "\n" : "",
          keys[i].group);
    group = keys[i].group;
    if (value == NULL || value[0] == '\0')
      g_string_append_printf (out, "# %s =\n", keys[i].key);
    else
      g_string_append_printf (out, "%s = %s\n", keys[i].key, value);
  }
  g_string_append_printf (out, "\n# the secret: %s\n",
      self->secret != NULL ? "given" : "made anew for every run");
  g_string_append_printf (out, "# the relay's secret: %s\n",
      self->turn_secret != NULL ? "given" : "none");

  return g_string_free (out, FALSE);
}
