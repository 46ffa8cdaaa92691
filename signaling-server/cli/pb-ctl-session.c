/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl session: a production's beginning, middle and end. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

#include "core/pb-random.h"

static const char create_help[] =
    "Creates a session, and prints its admin token: once. Nobody can ask for "
    "it again.\nEvery slot gets a passphrase of its own, which travels to its "
    "sender and its\nreceivers through the server.\n\n"
    "Examples:\n"
    "  Two cameras for an hour; the token goes to a file that only you can "
    "read:\n"
    "    pbctl session create demo cam-wide cam-close --latency 200 \\\n"
    "        --ttl 1h --token-out admin\n"
    "  The same in a script:\n"
    "    export PATCHBAY_TOKEN=$(pbctl session create demo cam-wide "
    "--token-out -)\n\n"
    "A server that lets only its own people create sessions takes a token "
    "from\n--token-file; PATCHBAY_TOKEN is not used here, since it is most "
    "often the one\nof an older session.";

static void
print_slots (JsonObject *session)
{
  JsonNode *node = json_object_get_member (session, "streams");
  JsonArray *streams;

  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return;
  streams = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (streams); i++) {
    JsonNode *slot = json_array_get_element (streams, i);

    fputs (i > 0 ? ", " : "", stdout);
    if (JSON_NODE_HOLDS_OBJECT (slot))
      pb_ctl_print_safe (pb_ctl_member (json_node_get_object (slot), "stream"));
    else
      pb_ctl_print_safe (json_node_get_string (slot));
  }
}

static void
print_created (JsonObject *session, const char *token)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *left =
      pb_ctl_format_left (pb_ctl_member_int (session, "expires"), now);

  printf ("session  ");
  pb_ctl_print_safe (pb_ctl_member (session, "session"));
  printf ("\nslots    ");
  print_slots (session);
  printf ("\nterms    latency %" G_GINT64_FORMAT " ms, ",
      pb_ctl_member_int (session, "latency"));
  pb_ctl_print_safe (pb_ctl_member (session, "cipher"));
  printf (", ends in %s\npage     ", left);
  pb_ctl_print_safe (pb_ctl_member (session, "url"));
  if (token != NULL) {
    printf ("\ntoken    ");
    pb_ctl_print_safe (token);
    printf ("\n\nThis is the admin's token, shown this once. Keep it:\n"
            "  export PATCHBAY_TOKEN=");
    pb_ctl_print_safe (token);
  }
  putchar ('\n');
}

static gboolean
add_number (PbCtl *self, JsonBuilder *b, const char *name, const char *text)
{
  gint64 value;

  if (text == NULL)
    return TRUE;
  if (!pb_ctl_parse_seconds (text, &value)) {
    pb_ctl_usage (self, "--%s %s is not a number", name, text);
    return FALSE;
  }
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, value);

  return TRUE;
}

static JsonNode *
build_body (PbCtl *self, int argc, char **argv, const char *latency,
    const char *ttl, const char *cipher)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "name");
  json_builder_add_string_value (b, argv[1]);
  if (argc > 2) {
    json_builder_set_member_name (b, "streams");
    json_builder_begin_array (b);
    for (int i = 2; i < argc; i++)
      json_builder_add_string_value (b, argv[i]);
    json_builder_end_array (b);
  }
  if (!add_number (self, b, "latency", latency) ||
      !add_number (self, b, "ttl", ttl))
    return NULL;
  if (cipher != NULL) {
    json_builder_set_member_name (b, "cipher");
    json_builder_add_string_value (b, cipher);
  }
  json_builder_end_object (b);

  return json_builder_get_root (b);
}

static int
create (PbCtl *self, int argc, char **argv)
{
  g_autofree char *latency = NULL;
  g_autofree char *ttl = NULL;
  g_autofree char *cipher = NULL;
  g_autofree char *token_out = NULL;
  const GOptionEntry entries[] = {
    { "latency", 0, 0, G_OPTION_ARG_STRING, &latency,
        "What SRT may take to mend losses, in milliseconds: about four times "
        "the round trip (default 200)",
        "MS" },
    { "ttl", 0, 0, G_OPTION_ARG_STRING, &ttl,
        "How long the session lives: 1800, 30m, 2h (default 30m)", "TIME" },
    { "cipher", 0, 0, G_OPTION_ARG_STRING, &cipher,
        "aes-256 (default) or aes-128", "NAME" },
    { "token-out", 0, 0, G_OPTION_ARG_FILENAME, &token_out,
        "Write the admin's token to this file, which only you can read, "
        "instead of printing it; - prints it alone",
        "FILE" },
    { NULL },
  };
  g_autofree char *server = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PbCtlSink) sink = NULL;
  g_autoptr (JsonNode) body = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (PbRest) rest = NULL;
  JsonObject *session;
  const char *fresh;
  char *token;

  if (!pb_ctl_parse (self, entries, "NAME [SLOT…]", create_help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc < 2)
    return pb_ctl_usage (self, "session create needs a name for the session");
  for (int i = 1; i < argc; i++) {
    if (!pb_ctl_check_name (self, i == 1 ? "session" : "slot", argv[i]))
      return PB_CTL_USAGE;
  }
  body = build_body (self, argc, argv, latency, ttl, cipher);
  if (body == NULL)
    return PB_CTL_USAGE;

  server = pb_ctl_get_server (self);
  token = pb_ctl_dup_token (self, FALSE, &error);
  if (error == NULL)
    rest = pb_ctl_open_rest (self, token, &error);
  pb_secret_free (token);
  if (rest != NULL && token_out != NULL)
    sink = pb_ctl_sink_new (token_out, &error);
  if (error == NULL)
    answer = pb_rest_call (rest, "POST", "/api/session", body, &error);
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot create session \"%s\" on %s",
        argv[1], server);

  session =
      JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  fresh = pb_ctl_member (session, "token");
  if (fresh == NULL)
    return pb_ctl_fail (self, NULL, "%s answered without a token", server);
  if (sink != NULL) {
    if (!pb_ctl_sink_finish (sink, fresh, &error))
      return pb_ctl_fail (self, error, "session \"%s\" was created, but",
          argv[1]);
    if (strcmp (token_out, "-") == 0)
      return PB_CTL_OK;
    json_object_remove_member (session, "token");
    fresh = NULL;
  }
  if (self->json)
    pb_ctl_print_json (answer);
  else
    print_created (session, fresh);
  if (!self->json && token_out != NULL)
    printf ("token    written to %s\n", token_out);

  return PB_CTL_OK;
}

static void
print_peer (JsonObject *peer, const char *role)
{
  const char *health = pb_ctl_member (peer, "health");
  const char *cause = pb_ctl_member (peer, "cause");
  const char *path = pb_ctl_member (peer, "path");

  printf ("    %-9s ", role);
  pb_ctl_print_safe (pb_ctl_member (peer, "client") != NULL
                         ? pb_ctl_member (peer, "client")
                         : "unnamed");
  printf (", ");
  pb_ctl_print_safe (
      pb_ctl_member (peer, "srt") != NULL ? pb_ctl_member (peer, "srt") : "?");
  if (path != NULL && *path != '\0') {
    printf (" (");
    pb_ctl_print_safe (path);
    putchar (')');
  }
  if (health != NULL) {
    printf (", ");
    pb_ctl_print_safe (health);
  }
  if (cause != NULL && *cause != '\0') {
    printf (": ");
    pb_ctl_print_safe (cause);
  }
  putchar ('\n');
}

static void
print_session (JsonObject *session)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *left =
      pb_ctl_format_left (pb_ctl_member_int (session, "expires"), now);
  JsonNode *node = json_object_get_member (session, "streams");
  JsonArray *streams = node != NULL && JSON_NODE_HOLDS_ARRAY (node)
                           ? json_node_get_array (node)
                           : NULL;

  pb_ctl_print_safe (pb_ctl_member (session, "session"));
  printf ("  ");
  pb_ctl_print_safe (pb_ctl_member (session, "state"));
  printf ("  latency %" G_GINT64_FORMAT " ms, ",
      pb_ctl_member_int (session, "latency"));
  pb_ctl_print_safe (pb_ctl_member (session, "cipher"));
  printf (", ends in %s\n", left);
  for (guint i = 0; streams != NULL && i < json_array_get_length (streams);
       i++) {
    JsonNode *element = json_array_get_element (streams, i);
    JsonObject *slot;
    JsonNode *peers;

    if (!JSON_NODE_HOLDS_OBJECT (element))
      continue;
    slot = json_node_get_object (element);
    printf ("  ");
    pb_ctl_print_safe (pb_ctl_member (slot, "stream"));
    printf ("  ");
    pb_ctl_print_safe (pb_ctl_member (slot, "state"));
    printf ("  tally ");
    pb_ctl_print_safe (pb_ctl_member (slot, "tally"));
    putchar ('\n');
    peers = json_object_get_member (slot, "sender");
    if (peers != NULL && JSON_NODE_HOLDS_OBJECT (peers))
      print_peer (json_node_get_object (peers), "sender");
    peers = json_object_get_member (slot, "receivers");
    if (peers == NULL || !JSON_NODE_HOLDS_ARRAY (peers))
      continue;
    for (guint k = 0; k < json_array_get_length (json_node_get_array (peers));
         k++)
      print_peer (json_array_get_object_element (json_node_get_array (peers),
                      k),
          "receiver");
  }
}

/* show and close: both are about the session of the token. */
static int
show_or_close (PbCtl *self, gboolean is_close, int argc, char **argv)
{
  const char *verb = is_close ? "close" : "show";
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autofree char *server = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;

  if (!pb_ctl_parse (self, NULL, "[NAME]",
          is_close
              ? "Ends the session: every peer is told, every connection is "
                "closed, tokens and\npassphrases are forgotten. Needs the "
                "admin's token.\n\nExample:\n  pbctl session close "
                "--token-file "
                "admin"
              : "Prints the state of a session, its slots and who is there. A "
                "peer's token sees\nits own slots.\n\nExample:\n  pbctl "
                "session "
                "show --token-file admin",
          &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 2)
    return pb_ctl_usage (self, "session %s takes one name", verb);
  if (argc == 2) {
    g_free (self->session);
    self->session = g_strdup (argv[1]);
  }

  server = pb_ctl_get_server (self);
  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    path = g_strconcat ("/api/session/", session, NULL);
    answer =
        pb_rest_call (rest, is_close ? "DELETE" : "GET", path, NULL, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot %s session %s on %s", verb,
        session != NULL ? session : "(which?)", server);

  if (is_close && self->json)
    printf ("{\"session\":\"%s\",\"state\":\"CLOSED\"}\n", session);
  else if (is_close)
    printf ("session %s is closed\n", session);
  else if (self->json)
    pb_ctl_print_json (answer);
  else if (JSON_NODE_HOLDS_OBJECT (answer))
    print_session (json_node_get_object (answer));

  return PB_CTL_OK;
}

static int
show (PbCtl *self, int argc, char **argv)
{
  return show_or_close (self, FALSE, argc, argv);
}

static int
end (PbCtl *self, int argc, char **argv)
{
  return show_or_close (self, TRUE, argc, argv);
}

static const PbCtlCommand verbs[] = {
  { "session create", "NAME [SLOT…]", "a new session", create },
  { "session show", "[NAME]", "its state, and who is there", show },
  { "session extend", "[NAME]", "more time, from now on",
      pb_ctl_session_extend },
  { "session add", "SLOT", "one more slot", pb_ctl_session_add },
  { "session close", "[NAME]", "the end, for everybody", end },
};

/* pbctl session create|show|extend|add|close */
int
pb_ctl_session (PbCtl *self, int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "";
  const PbCtlCommand *verb =
      pb_ctl_find_verb (verbs, G_N_ELEMENTS (verbs), name);

  if (verb != NULL)
    return pb_ctl_run_verb (self, verb, argc, argv);
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0) {
    puts ("Usage:");
    pb_ctl_print_commands (stdout, "  pbctl ", verbs, G_N_ELEMENTS (verbs), 29);
    puts ("\nMore: pbctl session create --help");
    return PB_CTL_OK;
  }

  return pb_ctl_usage (self,
      "session %s: say create, show, extend, add or close", name);
}
