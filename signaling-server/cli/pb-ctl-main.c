/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl: the command line of the server. The table of subcommands, and the way
 * from the command line to one of them. */
#include "config.h"

#include "pb-ctl.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "core/pb-random.h"

static const PbCtlCommand commands[] = {
  { "session", "create|show|extend|add|close",
      "start a production, look at it, end it", pb_ctl_session },
  { "token", "[SLOT]|list|revoke ID",
      "a token for an operator: this slot, this long", pb_ctl_token },
  { "qr", "[SLOT]", "the same as a QR code, here in the terminal", pb_ctl_qr },
  { "connect", "[SLOT]",
      "what to paste into FFmpeg, OBS, vMix, GStreamer, Larix",
      pb_ctl_connect },
  { "watch", "", "live health, tally and alarms, one line per slot",
      pb_ctl_watch },
  { "alarms", "", "what goes wrong, and who has seen it", pb_ctl_alarms },
  { "tally", "SLOT off|preview|program", "the light at the camera",
      pb_ctl_tally },
  { "cue", "SLOT TEXT…", "a line for the people at the slot", pb_ctl_cue },
  { "health", "", "is the server there, and what does it carry?",
      pb_ctl_health },
  { "secret", "", "draw a secret for patchbayd to sign with", pb_ctl_secret,
      .is_offline = TRUE },
};

static void
print_help (FILE *out)
{
  fputs ("Usage: pbctl [--server URL] COMMAND …\n\n"
         "Brokers live pictures through a Patchbay server.\n\nCommands:\n",
      out);
  pb_ctl_print_commands (out, "  ", commands, G_N_ELEMENTS (commands), 38);
  fputs ("\nA first session:\n"
         "  patchbayd --listen 127.0.0.1:8080 &\n"
         "  pbctl session create demo cam-wide cam-close --token-out admin\n"
         "  export PATCHBAY_TOKEN=$(cat admin)\n"
         "  pbctl qr cam-wide            # the camera scans this\n"
         "  pbctl connect cam-wide       # or pastes one of these\n"
         "  pbctl watch                  # and here is what arrives\n"
         "  pbctl tally cam-wide program\n"
         "  pbctl cue cam-wide \"on air\"\n"
         "\nEverywhere:\n"
         "  --server URL       the server (PATCHBAY_SERVER; default "
         "http://127.0.0.1:8080)\n"
         "  --token-file FILE  a file that holds the token; - reads standard "
         "input\n"
         "  --session NAME     where the token does not say it\n"
         "  --json             answers for programs\n"
         "  --version\n"
         "\nThe token comes from PATCHBAY_TOKEN or --token-file. --token "
         "TOKEN works as\nwell, but then other people on this machine may see "
         "it in the list of processes.\nColours: only on a terminal, never "
         "where NO_COLOR is set.\n"
         "Exit status: 0 done, 1 refused or failed, 2 the command line is "
         "wrong.\n\n"
         "More, with examples: pbctl COMMAND --help\n",
      out);
}

/* Takes --token out of the command line at once, so that the list of processes
 * shows it for as short a time as can be. The word is left there, overwritten,
 * for the option parser to step over. */
static void
take_token (PbCtl *self, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    char *value = NULL;

    if (strcmp (argv[i], "--") == 0)
      return;
    if (strcmp (argv[i], "--token") == 0 && i + 1 < argc)
      value = argv[++i];
    else if (g_str_has_prefix (argv[i], "--token="))
      value = argv[i] + strlen ("--token=");
    if (value == NULL)
      continue;
    pb_secret_free (self->token);
    self->token = g_strdup (value);
    memset (value, 'x', strlen (value));
  }
}

static const PbCtlCommand *
find_command (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++) {
    if (strcmp (commands[i].name, name) == 0)
      return &commands[i];
  }

  return NULL;
}

/* argv[1] names the command. */
static int
run_command (PbCtl *self, int argc, char **argv)
{
  g_autofree char *name = NULL;

  self->command = find_command (argv[1]);
  if (self->command == NULL)
    return pb_ctl_usage (self, "there is no command \"%s\"", argv[1]);

  name = g_strdup_printf ("pbctl %s", self->command->name);
  g_set_prgname (name);
  return self->command->run (self, argc - 1, argv + 1);
}

static int
run (PbCtl *self, int argc, char **argv)
{
  gboolean help = FALSE;
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "help", 'h', 0, G_OPTION_ARG_NONE, &help, NULL, NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, NULL, NULL },
    { NULL },
  };

  if (!pb_ctl_parse (self, entries, NULL, NULL, &argc, &argv))
    return PB_CTL_USAGE;
  if (version) {
    puts ("pbctl " PACKAGE_VERSION);
    return PB_CTL_OK;
  }
  if (argc > 1 && strcmp (argv[1], "help") == 0) {
    char *words[] = { argv[0], argc > 2 ? argv[2] : NULL, (char *) "--help",
      NULL };

    if (argc > 2 && find_command (argv[2]) != NULL)
      return run_command (self, 3, words);
    help = TRUE;
  }
  if (help) {
    print_help (stdout);
    return PB_CTL_OK;
  }
  if (argc < 2) {
    print_help (stderr);
    return PB_CTL_USAGE;
  }

  return run_command (self, argc, argv);
}

int
main (int argc, char **argv)
{
  PbCtl self = { 0 };
  int status;

  setlocale (LC_ALL, "");
  g_set_prgname ("pbctl");
  take_token (&self, argc, argv);
  status = run (&self, argc, argv);
  pb_secret_free (self.token);
  g_free (self.token_file);
  g_free (self.server);
  g_free (self.session);
  /* A full disk or a closed pipe must not look like success. */
  if (fflush (stdout) != 0 && status == PB_CTL_OK)
    status = PB_CTL_FAILED;

  return status;
}
