/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the subcommands share: options, the token, the server, and how to say
 * that something went wrong: what, to what, and what to do about it. */
#include "config.h"

#include "pb-ctl.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

#define PB_CTL_SERVER "http://127.0.0.1:8080"

/* Parses the options of a subcommand and those that all have. With a NULL
 * `usage` it is the first pass, that stops at the subcommand's name. On a wrong
 * command line it has been reported. */
gboolean
pb_ctl_parse (PbCtl *self, const GOptionEntry *entries, const char *usage,
    const char *help, int *argc, char ***argv)
{
  g_autofree char *ignored = NULL;
  /* taken everywhere, since they may stand before the command's name */
  const gint flags = self->command != NULL && self->command->is_offline
                         ? G_OPTION_FLAG_HIDDEN
                         : 0;
  const GOptionEntry common[] = {
    { "server", 0, flags, G_OPTION_ARG_STRING, &self->server,
        "The server (PATCHBAY_SERVER; default " PB_CTL_SERVER ")", "URL" },
    { "token-file", 0, flags, G_OPTION_ARG_FILENAME, &self->token_file,
        "A file that holds the token; - reads standard input "
        "(default: PATCHBAY_TOKEN)",
        "FILE" },
    { "token", 0, flags, G_OPTION_ARG_STRING, &ignored,
        "The token itself; others may see it in the list of processes",
        "TOKEN" },
    { "session", 0, flags, G_OPTION_ARG_STRING, &self->session,
        "The session (default: the one the token is for)", "NAME" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, "Answer in JSON", NULL },
    { "allow-plain", 0, flags, G_OPTION_ARG_NONE, &self->allow_plain,
        "Allow http:// to another machine: token and passphrase can be read "
        "on the way",
        NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;

  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, common, NULL);
  if (usage == NULL) {
    g_option_context_set_strict_posix (context, TRUE);
    g_option_context_set_help_enabled (context, FALSE);
  }
  if (help != NULL)
    g_option_context_set_description (context, help);
  if (g_option_context_parse (context, argc, argv, &error))
    return TRUE;

  pb_ctl_usage (self, "%s", error->message);
  return FALSE;
}

/* The command line of a subcommand that is about one slot, or about all. On a
 * wrong one it has been reported. */
gboolean
pb_ctl_parse_slot (PbCtl *self, const GOptionEntry *entries, const char *help,
    int argc, char **argv, const char **stream)
{
  if (!pb_ctl_parse (self, entries, "[SLOT]", help, &argc, &argv))
    return FALSE;
  if (argc > 2) {
    pb_ctl_usage (self, "one slot at a time");
    return FALSE;
  }
  *stream = argc > 1 ? argv[1] : NULL;

  return *stream == NULL || pb_ctl_check_name (self, "slot", *stream);
}

const PbCtlCommand *
pb_ctl_find_verb (const PbCtlCommand *verbs, gsize n, const char *name)
{
  const char *start;

  for (gsize i = 0; i < n; i++) {
    start = strchr (verbs[i].name, ' ');
    if (start != NULL && name != NULL && strcmp (start + 1, name) == 0)
      return &verbs[i];
  }

  return NULL;
}

void
pb_ctl_print_commands (FILE *out, const char *before,
    const PbCtlCommand *commands, gsize n, guint width)
{
  for (gsize i = 0; i < n; i++) {
    g_autofree char *left =
        g_strdup_printf ("%s %s", commands[i].name, commands[i].synopsis);
    glong used = g_utf8_strlen (left, -1);

    fprintf (out, "%s%s%*s %s\n", before, left,
        (int) MAX ((glong) width - used, 0), "", commands[i].summary);
  }
}

/* argv[1] names the verb. */
int
pb_ctl_run_verb (PbCtl *self, const PbCtlCommand *verb, int argc, char **argv)
{
  g_autofree char *name = g_strconcat ("pbctl ", verb->name, NULL);

  self->command = verb;
  g_set_prgname (name);

  return verb->run (self, argc - 1, argv + 1);
}

static void
print_json_error (const char *reason, const char *message, const char *hint)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "error");
  json_builder_begin_object (b);
  json_builder_set_member_name (b, "reason");
  json_builder_add_string_value (b, reason);
  json_builder_set_member_name (b, "message");
  json_builder_add_string_value (b, message);
  if (hint != NULL) {
    json_builder_set_member_name (b, "hint");
    json_builder_add_string_value (b, hint);
  }
  json_builder_end_object (b);
  json_builder_end_object (b);
  node = json_builder_get_root (b);
  pb_ctl_print_json (node);
}

/* The command line is wrong: says what and where to read on. */
int
pb_ctl_usage (PbCtl *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autofree char *safe = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  safe = pb_ctl_safe (text);
  if (self->json)
    print_json_error ("USAGE", safe, NULL);
  fprintf (stderr, "pbctl: %s\nTry: pbctl %s%s--help\n", safe,
      self->command != NULL ? self->command->name : "",
      self->command != NULL ? " " : "");

  return PB_CTL_USAGE;
}

/* What a person can do about an error of the server or of the way to it. */
const char *
pb_ctl_get_hint (const GError *error)
{
  if (error == NULL || error->domain != PB_ERROR)
    return NULL;

  switch ((PbError) error->code) {
    case PB_ERROR_TOKEN_MISSING:
      return "Set PATCHBAY_TOKEN, or name a file with --token-file FILE.";
    case PB_ERROR_TOKEN_INVALID:
      return "Was all of it copied? A server that got a new secret since "
             "does not know it any more: then ask for a fresh token.";
    case PB_ERROR_TOKEN_EXPIRED:
      return "Ask the session's admin for a fresh one: pbctl token SLOT.";
    case PB_ERROR_TOKEN_REVOKED:
      return "The session's admin took it back: ask there for a fresh one.";
    case PB_ERROR_DENIED:
      return "This needs the session's admin token, the one that "
             "\"pbctl session create\" gave.";
    case PB_ERROR_NOT_FOUND:
      return "No such session or slot, or the token belongs to another "
             "session. \"pbctl session show\" lists the slots.";
    case PB_ERROR_EXISTS:
      return "Take another name, or end the other session first: "
             "pbctl session close.";
    case PB_ERROR_EXPIRED:
      return "Its time is up: create a new one, with a longer --ttl.";
    case PB_ERROR_UNAVAILABLE:
      return "Is patchbayd running there? --server URL or PATCHBAY_SERVER "
             "name another.";
    case PB_ERROR_RATE:
      return "Wait a little and try again.";
    case PB_ERROR_VERSION:
      return "This pbctl and that server are of different generations: "
             "update the older one.";
    default:
      return NULL;
  }
}

/* Something was refused or failed: `format` says what was being done. */
int
pb_ctl_fail (PbCtl *self, const GError *error, const char *format, ...)
{
  const char *hint = pb_ctl_get_hint (error);
  const char *reason = "FAILED";
  g_autofree char *doing = NULL;
  g_autofree char *text = NULL;
  g_autofree char *safe = NULL;
  va_list args;

  va_start (args, format);
  doing = g_strdup_vprintf (format, args);
  va_end (args);
  if (error != NULL) {
    text = g_strdup_printf ("%s: %s", doing, error->message);
    if (error->domain == PB_ERROR)
      reason = pb_error_get_reason ((PbError) error->code);
  } else {
    text = g_steal_pointer (&doing);
  }
  safe = pb_ctl_safe (text);
  if (self->json)
    print_json_error (reason, safe, hint);
  fprintf (stderr, "pbctl: %s\n", safe);
  if (hint != NULL)
    fprintf (stderr, "%s\n", hint);

  return PB_CTL_FAILED;
}

/* The server's address: the option, the environment, this machine. */
char *
pb_ctl_get_server (PbCtl *self)
{
  const char *server = self->server;

  if (server == NULL)
    server = g_getenv ("PATCHBAY_SERVER");
  if (server == NULL || *server == '\0')
    server = PB_CTL_SERVER;

  return g_strdup (server);
}

static char *
read_token_file (const char *name, GError **error)
{
  char line[PB_TOKEN_MAX + 3] = "";
  g_autofree char *token = NULL;
  FILE *file = stdin;
  struct stat info;

  if (strcmp (name, "-") != 0) {
    file = fopen (name, "re");
    if (file == NULL) {
      int saved = errno;

      g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved),
          "cannot read the token from %s: %s", name, g_strerror (saved));
      return NULL;
    }
    if (fstat (fileno (file), &info) == 0 && S_ISREG (info.st_mode) &&
        (info.st_mode & (S_IRGRP | S_IROTH)) != 0)
      fprintf (stderr, "pbctl: others can read %s: chmod 600 %s\n", name, name);
  }
  if (fgets (line, sizeof line, file) == NULL)
    line[0] = '\0';
  if (file != stdin)
    fclose (file);
  token = g_strdup (g_strstrip (line));
  explicit_bzero (line, sizeof line);
  if (*token == '\0') {
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING, "%s holds no token",
        strcmp (name, "-") == 0 ? "standard input" : name);
    return NULL;
  }

  return g_steal_pointer (&token);
}

/* (transfer full) (nullable): pb_secret_free(). NULL without an error: none was
 * given. Each word that a token cannot be is refused here, before it travels.
 */
char *
pb_ctl_dup_token (PbCtl *self, gboolean with_environment, GError **error)
{
  char *token = NULL;

  if (self->token != NULL) {
    token = g_strstrip (g_strdup (self->token));
  } else if (self->token_file != NULL) {
    token = read_token_file (self->token_file, error);
    if (token == NULL)
      return NULL;
  } else if (with_environment) {
    const char *value = g_getenv ("PATCHBAY_TOKEN");

    if (value != NULL && *value != '\0')
      token = g_strstrip (g_strdup (value));
  }
  if (token == NULL)
    return NULL;

  if (strlen (token) > PB_TOKEN_MAX || !g_str_has_prefix (token, "p_") ||
      strspn (token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789-_.") != strlen (token)) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "what was given is not a token: one begins with p_ and is one word");
    pb_secret_free (token);
    return NULL;
  }

  return token;
}

/* (transfer full) (nullable): what the token says of itself. Nobody has checked
 * it: good for a default, never for a decision. */
JsonObject *
pb_ctl_read_claims (const char *token)
{
  g_autofree char *text = NULL;
  g_autofree guchar *bytes = NULL;
  g_autoptr (JsonNode) node = NULL;
  const char *dot;
  gsize length = 0;

  if (token == NULL || !g_str_has_prefix (token, "p_"))
    return NULL;
  dot = strchr (token, '.');
  if (dot == NULL)
    return NULL;

  /* GLib reads the other alphabet, with padding. */
  text = g_strndup (token + 2, (gsize) (dot - token) - 2);
  g_strdelimit (text, "-", '+');
  g_strdelimit (text, "_", '/');
  while (strlen (text) % 4 != 0) {
    char *longer = g_strconcat (text, "=", NULL);

    g_free (text);
    text = longer;
  }
  bytes = g_base64_decode (text, &length);
  node = pb_json_parse ((const char *) bytes, (gssize) length, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;

  return json_object_ref (json_node_get_object (node));
}

/* The session a command is about: --session, else the token's own. */
char *
pb_ctl_dup_session (PbCtl *self, const char *token, GError **error)
{
  g_autoptr (JsonObject) claims = NULL;
  const char *name = self->session;

  if (name == NULL) {
    claims = pb_ctl_read_claims (token);
    name = claims != NULL ? pb_ctl_member (claims, "session") : NULL;
  }
  if (name == NULL) {
    g_set_error (error, PB_ERROR,
        token == NULL ? PB_ERROR_TOKEN_MISSING : PB_ERROR_INVALID,
        token == NULL ? "no token was given"
                      : "this token does not name its session: add --session "
                        "NAME");
    return NULL;
  }
  if (!pb_name_is_valid (name)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "\"%s\" cannot be the name of a session", name);
    return NULL;
  }

  return g_strdup (name);
}

/* (transfer full) */
PbRest *
pb_ctl_open_rest (PbCtl *self, const char *token, GError **error)
{
  g_autofree char *server = pb_ctl_get_server (self);
  PbRest *rest = pb_rest_new (server, self->allow_plain, error);

  if (rest != NULL && token != NULL)
    pb_rest_set_token (rest, token);

  return rest;
}

/* (transfer full) (nullable): for what needs a session and its token. `session`
 * is told even where the way to the server is not found. */
PbRest *
pb_ctl_open_session (PbCtl *self, char **session, GError **error)
{
  g_autoptr (GError) cause = NULL;
  PbRest *rest = NULL;
  char *token = pb_ctl_dup_token (self, TRUE, &cause);

  if (cause == NULL)
    *session = pb_ctl_dup_session (self, token, &cause);
  if (cause == NULL)
    rest = pb_ctl_open_rest (self, token, &cause);
  pb_secret_free (token);
  if (cause != NULL)
    g_propagate_error (error, g_steal_pointer (&cause));

  return rest;
}

/* (transfer full): not opened yet */
PbClient *
pb_ctl_open_client (PbCtl *self, const char *session, const char *token,
    GError **error)
{
  g_autofree char *server = pb_ctl_get_server (self);
  g_autoptr (GUri) http = g_uri_parse (server, G_URI_FLAGS_NONE, error);
  g_autoptr (PbUri) uri = NULL;
  g_autofree char *text = NULL;
  PbClient *client;
  gboolean is_secure;
  int port;

  if (http == NULL)
    return NULL;
  is_secure = g_strcmp0 (g_uri_get_scheme (http), "https") == 0;
  port = g_uri_get_port (http);
  if (port <= 0)
    port = is_secure ? 443 : 80;
  text = g_strdup_printf (strchr (g_uri_get_host (http), ':') != NULL
                              ? "%s://[%s]:%d/%s"
                              : "%s://%s:%d/%s",
      is_secure ? "pbs" : "pb", g_uri_get_host (http), port, session);
  uri = pb_uri_parse (text, error);
  if (uri == NULL)
    return NULL;
  if (!is_secure && !pb_uri_is_loopback (uri) && !self->allow_plain) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "%s is not encrypted and not this machine: use https://, or add "
        "--allow-plain",
        server);
    return NULL;
  }

  client = pb_client_new (uri, "pbctl/" PACKAGE_VERSION);
  pb_client_set_token (client, token);
  return client;
}

/* "3600", "90s", "30m", "2h" */
gboolean
pb_ctl_parse_seconds (const char *text, gint64 *seconds)
{
  char *end = NULL;
  gint64 value = g_ascii_strtoll (text, &end, 10);
  gint64 unit = 1;

  if (end == text || value < 0 || value > G_MAXINT32)
    return FALSE;
  if (*end == 's')
    end++;
  else if (*end == 'm') {
    unit = 60;
    end++;
  } else if (*end == 'h') {
    unit = 3600;
    end++;
  }
  if (*end != '\0')
    return FALSE;

  *seconds = value * unit;
  return TRUE;
}

/* Reports a name that cannot be one. */
gboolean
pb_ctl_check_name (PbCtl *self, const char *what, const char *name)
{
  if (pb_name_is_valid (name))
    return TRUE;

  pb_ctl_usage (self,
      "\"%s\" cannot be the name of a %s: letters, digits, '.', '_' and '-', "
      "at most %d, the first a letter or digit",
      name, what, PB_NAME_MAX);
  return FALSE;
}
