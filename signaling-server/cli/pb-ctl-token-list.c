/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl token list and revoke: what was given out, and taking it back. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

#include "core/pb-limits.h"

static const char list_help[] =
    "Every token that this session gave out and that has not expired: its id, "
    "for whom,\nand how many are connected with it now. Never the token "
    "itself: the server keeps\nnone. Those of QR codes and of pbctl connect "
    "are among them. The one that asks is\nmarked with a star.\n\n"
    "Example:\n  pbctl token list --token-file admin";

static const char revoke_help[] =
    "Ends one token at once: whoever is connected with it is thrown out, and "
    "whoever\nshows it is refused. The slot's passphrase stays what it is: who "
    "knew it and has a\nplain SRT client may still use it, so give people a "
    "new slot where that matters.\n\n"
    "Example:\n"
    "  Somebody photographed the code on the monitor:\n"
    "    pbctl token list --token-file admin\n"
    "    pbctl token revoke q8Fh3kLmN0pQrStU --token-file admin";

static JsonArray *
get_tokens (JsonNode *answer)
{
  JsonNode *node =
      JSON_NODE_HOLDS_OBJECT (answer)
          ? json_object_get_member (json_node_get_object (answer), "tokens")
          : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node)
             ? json_node_get_array (node)
             : NULL;
}

/* What was minted meanwhile moves the others down: none is taken twice.
 * Returns how many the server told. */
static guint
take_tokens (JsonArray *all, GHashTable *ids, JsonNode *answer)
{
  JsonArray *tokens = get_tokens (answer);
  guint n = tokens != NULL ? json_array_get_length (tokens) : 0;

  for (guint i = 0; i < n; i++) {
    JsonNode *row = json_array_get_element (tokens, i);
    const char *id = JSON_NODE_HOLDS_OBJECT (row)
                         ? pb_ctl_member (json_node_get_object (row), "id")
                         : NULL;

    if (id != NULL && g_hash_table_add (ids, g_strdup (id)))
      json_array_add_element (all, json_node_copy (row));
  }

  return n;
}

/* (transfer full): all of them, page by page */
static JsonArray *
read_tokens (PbRest *rest, const char *session, GError **error)
{
  g_autoptr (JsonArray) all = json_array_new ();
  g_autoptr (GHashTable) ids =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint offset = 0;
  guint before;
  gint64 more;

  do {
    g_autofree char *path =
        offset == 0 ? g_strdup_printf ("/api/session/%s/token", session)
                    : g_strdup_printf ("/api/session/%s/token?offset=%u",
                          session, offset);
    g_autoptr (JsonNode) answer = pb_rest_call (rest, "GET", path, NULL, error);
    guint n;

    if (answer == NULL)
      return NULL;
    before = json_array_get_length (all);
    n = take_tokens (all, ids, answer);
    more =
        n > 0 ? pb_ctl_member_int (json_node_get_object (answer), "more") : 0;
    offset += n;
    /* a server that has nothing new to tell is not asked for ever */
  } while (more > 0 && json_array_get_length (all) > before);

  return g_steal_pointer (&all);
}

/* As wide as it is, in columns that a person can follow. */
static void
print_padded (const char *text, int width)
{
  g_autofree char *safe = pb_ctl_safe (text);

  printf ("%-*s  ", width, safe);
}

static void
print_token (JsonObject *token, int width, gint64 now)
{
  const char *direction = pb_ctl_member (token, "direction");
  const char *stream = pb_ctl_member (token, "stream");
  const char *label = pb_ctl_member (token, "label");
  const char *role = pb_ctl_member (token, "role");
  g_autofree char *left =
      pb_ctl_format_left (pb_ctl_member_int (token, "expires"), now);
  gint64 live = pb_ctl_member_int (token, "live");

  printf ("%s ", pb_ctl_member_is_true (token, "own") ? "*" : " ");
  print_padded (pb_ctl_member (token, "id"), PB_TOKEN_ID_LENGTH);
  print_padded (stream != NULL ? stream : "all slots", width);
  print_padded (direction != NULL                ? direction
                : g_strcmp0 (role, "admin") == 0 ? "admin"
                                                 : "default",
      7);
  printf ("%10s  ",
      pb_ctl_member_is_true (token, "revoked") ? "revoked" : left);
  printf ("%3" G_GINT64_FORMAT " live", live);
  if (label != NULL) {
    printf ("  ");
    pb_ctl_print_safe (label);
  }
  putchar ('\n');
}

static void
print_tokens (JsonArray *tokens)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  int width = (int) strlen ("all slots");

  for (guint i = 0; i < json_array_get_length (tokens); i++) {
    const char *stream =
        pb_ctl_member (json_array_get_object_element (tokens, i), "stream");

    if (stream != NULL && (int) strlen (stream) <= PB_NAME_MAX)
      width = MAX (width, (int) strlen (stream));
  }
  for (guint i = 0; i < json_array_get_length (tokens); i++)
    print_token (json_array_get_object_element (tokens, i), width, now);
}

static void
print_as_json (JsonArray *tokens)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  JsonObject *object = json_object_new ();

  json_object_set_array_member (object, "tokens", json_array_ref (tokens));
  json_node_init_object (node, object);
  json_object_unref (object);
  pb_ctl_print_json (node);
}

/* pbctl token list */
int
pb_ctl_token_list (PbCtl *self, int argc, char **argv)
{
  g_autofree char *session = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonArray) tokens = NULL;
  g_autoptr (GError) error = NULL;

  if (!pb_ctl_parse (self, NULL, "", list_help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc > 1)
    return pb_ctl_usage (self, "token list takes no argument");

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL)
    tokens = read_tokens (rest, session, &error);
  if (tokens == NULL)
    return pb_ctl_fail (self, error, "cannot list the tokens of session %s",
        session != NULL ? session : "(which?)");
  if (self->json)
    print_as_json (tokens);
  else
    print_tokens (tokens);

  return PB_CTL_OK;
}

static gboolean
is_id (const char *text)
{
  if (strlen (text) != PB_TOKEN_ID_LENGTH)
    return FALSE;
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text))
      return FALSE;

  return TRUE;
}

/* pbctl token revoke ID */
int
pb_ctl_token_revoke (PbCtl *self, int argc, char **argv)
{
  g_autofree char *session = NULL;
  g_autofree char *path = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;

  if (!pb_ctl_parse (self, NULL, "ID", revoke_help, &argc, &argv))
    return PB_CTL_USAGE;
  if (argc != 2)
    return pb_ctl_usage (self, "token revoke needs one id: pbctl token list");
  /* a whole token has no place on a command line, nor in an answer */
  if (!is_id (argv[1]))
    return pb_ctl_usage (self,
        "an id has %d letters and digits: see pbctl "
        "token list",
        PB_TOKEN_ID_LENGTH);

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    path = g_strconcat ("/api/session/", session, "/token/", argv[1], NULL);
    answer = pb_rest_call (rest, "DELETE", path, NULL, &error);
  }
  if (answer == NULL)
    return pb_ctl_fail (self, error, "cannot revoke token %s", argv[1]);

  if (self->json)
    printf ("{\"id\":\"%s\",\"revoked\":true}\n", argv[1]);
  else
    printf ("token %s is revoked\n", argv[1]);

  return PB_CTL_OK;
}
