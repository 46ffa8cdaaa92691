/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <glib-unix.h>

#include "core/pb-random.h"
#include "core/pb-token.h"
#include "pb-server.h"

static PbServerOptions options;

static const GOptionEntry entries[] = {
  { "listen", 'l', 0, G_OPTION_ARG_STRING, &options.listen,
      "Where to listen; port 0 picks a free one (127.0.0.1:8080)",
      "ADDRESS:PORT" },
  { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config,
      "Read the configuration from FILE; options given here win over it",
      "FILE" },
  { "check-config", 0, 0, G_OPTION_ARG_NONE, &options.check_config,
      "Print the effective configuration and exit", NULL },
  { "secret-file", 0, 0, G_OPTION_ARG_FILENAME, &options.secret_file,
      "Read the signing secret from FILE (or PATCHBAY_SECRET_FILE, or "
      "PATCHBAY_SECRET)", "FILE" },
  { "generate-secret", 0, 0, G_OPTION_ARG_NONE, &options.generate_secret,
      "Print a fresh signing secret and exit", NULL },
  { "public-url", 0, 0, G_OPTION_ARG_STRING, &options.public_url,
      "The address that people use, for links and QR codes", "URL" },
  { "behind-proxy", 0, 0, G_OPTION_ARG_NONE, &options.behind_proxy,
      "A proxy on this machine ends TLS; believe its X-Forwarded-For", NULL },
  { "insecure-plain", 0, 0, G_OPTION_ARG_NONE, &options.insecure_plain,
      "Serve the network without TLS: tokens and passphrases in the clear",
      NULL },
  { "stun", 0, 0, G_OPTION_ARG_STRING, &options.stun,
      "Where the STUN responder listens (UDP)", "ADDRESS:PORT" },
  { "no-stun", 0, 0, G_OPTION_ARG_NONE, &options.no_stun,
      "Offer no STUN", NULL },
  { "audit-log", 0, 0, G_OPTION_ARG_STRING, &options.audit_log,
      "Where events go: stderr, none or FILE", "FILE" },
  { "debug", 'd', 0, G_OPTION_ARG_NONE, &options.debug,
      "Say more on standard error", NULL },
  { "version", 0, 0, G_OPTION_ARG_NONE, &options.version,
      "Print the version and exit", NULL },
  { NULL },
};

typedef struct {
  GMainLoop *loop;
  PbServer *server;
} Main;

/* No core file, no debugger, no /proc/PID/environ: they would show secrets.
 * Each WebSocket is a file descriptor. */
static void
harden (void)
{
  struct rlimit none = { 0, 0 };
  struct rlimit files;

  prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  setrlimit (RLIMIT_CORE, &none);
  if (getrlimit (RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
  }
  /* libsoup's HTTP/2 server is off unless this is set, and must stay so */
  g_unsetenv ("SOUP_SERVER_HTTP2");
  signal (SIGPIPE, SIG_IGN);
}

static void
on_stopped (gpointer user_data)
{
  g_main_loop_quit (((Main *) user_data)->loop);
}

static gboolean
on_terminate (gpointer user_data)
{
  Main *self = user_data;

  pb_server_stop (self->server, on_stopped, self);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_reload (gpointer user_data)
{
  Main *self = user_data;
  g_autoptr (GError) error = NULL;
  PbServerConfig *config = pb_server_config_load (&options, &error);

  if (config == NULL || !pb_server_reload (self->server, config, &error))
    g_printerr ("patchbayd: nothing was changed: %s\n", error->message);

  return G_SOURCE_CONTINUE;
}

static int
run (PbServerConfig *config)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (PbServer) server = NULL;
  gboolean has_secret = config->secret != NULL;
  Main self = { .loop = loop };

  server = pb_server_new (config, &error);
  if (server == NULL || !pb_server_listen (server, &error)) {
    g_printerr ("patchbayd: %s\n", error->message);
    return 1;
  }
  self.server = server;
  g_unix_signal_add (SIGTERM, on_terminate, &self);
  g_unix_signal_add (SIGINT, on_terminate, &self);
  g_unix_signal_add (SIGHUP, on_reload, &self);
  if (!has_secret)
    g_printerr ("patchbayd: no secret is configured: this run has one of its "
        "own, and its tokens end with it.\n");
  g_print ("listening on %s\n", pb_server_get_address (server));
  fflush (stdout);
  g_main_loop_run (loop);

  return 0;
}

static int
check_config (PbServerConfig *config)
{
  g_autoptr (PbServerConfig) owned = config;
  g_autofree char *text = pb_server_config_print (owned);

  g_print ("%s", text);

  return 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context =
      g_option_context_new ("– introduce the peers of SRT sessions");
  g_autoptr (GError) error = NULL;
  PbServerConfig *config;

  setlocale (LC_ALL, "");
  harden ();
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("patchbayd: %s\n", error->message);
    return 2;
  }
  if (argc > 1) {
    g_printerr ("patchbayd: “%s” is not an option.\n", argv[1]);
    return 2;
  }
  if (options.version) {
    g_print ("patchbayd %s, protocol 1.0\n", PACKAGE_VERSION);
    return 0;
  }
  if (options.generate_secret) {
    char *secret = pb_keyring_generate_secret ();

    g_print ("%s\n", secret);
    pb_secret_free (secret);
    return 0;
  }
  if (options.debug)
    g_log_set_debug_enabled (TRUE);
  config = pb_server_config_load (&options, &error);
  if (config == NULL) {
    g_printerr ("patchbayd: %s\n", error->message);
    return 1;
  }

  return options.check_config ? check_config (config) : run (config);
}
