/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include <json-glib/json-glib.h>

#include "core/pb-strings.h"
#include "net/pb-client.h"
#include "net/pb-rest.h"

G_BEGIN_DECLS

/* What the shell sees. */
#define PB_CTL_OK 0
#define PB_CTL_FAILED 1 /* refused, or it went wrong */
#define PB_CTL_USAGE 2  /* the command line makes no sense */

/* What a terminal is told, where pb_ctl_use_colour() */
#define PB_CTL_WARN "\033[33m"
#define PB_CTL_BAD "\033[1;31m"
#define PB_CTL_PLAIN "\033[0m"

/* How long a question that goes over the WebSocket may take */
#define PB_CTL_ANSWER_S 10

typedef struct _PbCtl PbCtl;

/**
 * PbCtlCommand:
 * One subcommand: a line in the table of pb-ctl-main.c, a file of its own.
 */
typedef struct
{
  const char *name;     /* "session" */
  const char *synopsis; /* "create|show|close …": what follows the name */
  const char *summary;  /* one line, for the list */
  int (*run) (PbCtl *self, int argc, char **argv);
  gboolean is_offline; /* asks no server: needs neither its name nor a token */
} PbCtlCommand;

/**
 * PbCtl:
 * What every subcommand is told: where the server is, who we are.
 */
struct _PbCtl
{
  const PbCtlCommand *command;
  char *server;
  char *token; /* secret; only from --token, wiped from argv */
  char *token_file;
  char *session;
  gboolean json;
  gboolean allow_plain;
};

/* pb-ctl-common.c */
gboolean pb_ctl_parse (PbCtl *self, const GOptionEntry *entries,
    const char *usage, const char *help, int *argc, char ***argv);
gboolean pb_ctl_parse_slot (PbCtl *self, const GOptionEntry *entries,
    const char *help, int argc, char **argv, const char **stream);
int pb_ctl_usage (PbCtl *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
int pb_ctl_fail (PbCtl *self, const GError *error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
const char *pb_ctl_get_hint (const GError *error);
char *pb_ctl_get_server (PbCtl *self);
char *pb_ctl_dup_token (PbCtl *self, gboolean with_environment, GError **error);
JsonObject *pb_ctl_read_claims (const char *token);
char *pb_ctl_dup_session (PbCtl *self, const char *token, GError **error);
PbRest *pb_ctl_open_rest (PbCtl *self, const char *token, GError **error);
PbRest *pb_ctl_open_session (PbCtl *self, char **session, GError **error);
PbClient *pb_ctl_open_client (PbCtl *self, const char *session,
    const char *token, GError **error);
gboolean pb_ctl_parse_seconds (const char *text, gint64 *seconds);
gboolean pb_ctl_check_name (PbCtl *self, const char *what, const char *name);

/* One of the verbs of a subcommand, argv[1]: a line in a table of its file.
 * NULL where there is none of that name. */
const PbCtlCommand *pb_ctl_find_verb (const PbCtlCommand *verbs, gsize n,
    const char *name);
/* A line each, name and synopsis in a column of `width`. */
void pb_ctl_print_commands (FILE *out, const char *before,
    const PbCtlCommand *commands, gsize n, guint width);
int pb_ctl_run_verb (PbCtl *self, const PbCtlCommand *verb, int argc,
    char **argv);

/* pb-ctl-print.c */
void pb_ctl_print_json (JsonNode *node);
char *pb_ctl_safe (const char *text);
void pb_ctl_print_safe (const char *text);
const char *pb_ctl_member (JsonObject *object, const char *name);
gint64 pb_ctl_member_int (JsonObject *object, const char *name);
gboolean pb_ctl_member_is_true (JsonObject *object, const char *name);
char *pb_ctl_format_left (gint64 expires, gint64 now);
gboolean pb_ctl_use_colour (int fd);

/* A file for a secret: opened before the secret exists, so that a full disk or
 * a wrong name is known in time. "-" is standard output. */
typedef struct _PbCtlSink PbCtlSink;
PbCtlSink *pb_ctl_sink_new (const char *name, GError **error);
gboolean pb_ctl_sink_finish (PbCtlSink *self, const char *text, GError **error);
void pb_ctl_sink_free (PbCtlSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbCtlSink, pb_ctl_sink_free)

/* one file each */
int pb_ctl_session (PbCtl *self, int argc, char **argv);
int pb_ctl_session_extend (PbCtl *self, int argc, char **argv);
int pb_ctl_session_add (PbCtl *self, int argc, char **argv);
int pb_ctl_token (PbCtl *self, int argc, char **argv);
int pb_ctl_token_list (PbCtl *self, int argc, char **argv);
int pb_ctl_token_revoke (PbCtl *self, int argc, char **argv);
int pb_ctl_qr (PbCtl *self, int argc, char **argv);
int pb_ctl_connect (PbCtl *self, int argc, char **argv);
int pb_ctl_watch (PbCtl *self, int argc, char **argv);
int pb_ctl_tally (PbCtl *self, int argc, char **argv);
/* Over the WebSocket, with the admin's token; pb-ctl-say.c */
gboolean pb_ctl_say (PbCtl *self, PbMessage *message, GError **error);
int pb_ctl_alarms (PbCtl *self, int argc, char **argv);
/* (transfer full): an `alarm` as a line, without its end */
char *pb_ctl_format_alarm (JsonObject *alarm, gboolean colour);
int pb_ctl_cue (PbCtl *self, int argc, char **argv);
int pb_ctl_health (PbCtl *self, int argc, char **argv);
int pb_ctl_secret (PbCtl *self, int argc, char **argv);

G_END_DECLS
