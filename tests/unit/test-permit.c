/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-permit.h"

#include "core/pb-token.h"

/* The table of docs/protocol.md, section 3, written down a second time and in
 * another shape than pb-permit.c has it: as predicates over what the table's
 * words mean. Every cell of role × action × slot × session × directions is
 * computed from these and compared. */

#define SESSION "demo"
#define ALL (PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE)
#define NOW 1000

typedef struct
{
  PbRole role;
  const char *scope; /* the token's slot */
  PbDirection perm;  /* as asked for; NONE: the form's default */
} Bearer;

static gboolean
may_send (const Bearer *bearer)
{
  if (bearer->role == PB_ROLE_ADMIN)
    return TRUE;
  if (bearer->scope == NULL)
    return FALSE; /* "A token whose stream is null never sends" */

  return bearer->perm == PB_DIRECTION_NONE ||
         (bearer->perm & PB_DIRECTION_SEND) != 0;
}

static gboolean
may_receive (const Bearer *bearer)
{
  return bearer->role == PB_ROLE_ADMIN || bearer->perm == PB_DIRECTION_NONE ||
         (bearer->perm & PB_DIRECTION_RECEIVE) != 0;
}

/* "the slots in scope": all of them for a session-wide token, and then the
 * question for all of them at once as well */
static gboolean
in_scope (const Bearer *bearer, const char *stream)
{
  return bearer->scope == NULL || g_strcmp0 (bearer->scope, stream) == 0;
}

static int
expected_error (const Bearer *bearer, PbAction action, const char *session,
    const char *stream)
{
  gboolean is_admin = bearer->role == PB_ROLE_ADMIN;
  gboolean is_allowed = FALSE;

  if (action != PB_ACTION_SESSION_CREATE && !g_str_equal (session, SESSION))
    return PB_ERROR_NOT_FOUND;

  switch (action) {
    case PB_ACTION_SESSION_CREATE:
    case PB_ACTION_SESSION_EXTEND:
    case PB_ACTION_SESSION_CLOSE:
    case PB_ACTION_STREAM_ADD:
    case PB_ACTION_TOKEN_MINT:
    case PB_ACTION_TOKEN_REVOKE:
    case PB_ACTION_ALARM_ACK:
    case PB_ACTION_CONNECT_READ:
    case PB_ACTION_TALLY_SET:
    case PB_ACTION_CUE:
      is_allowed = is_admin;
      break;
    case PB_ACTION_SESSION_READ:
    case PB_ACTION_PAGE:
      /* "read the session: the slots in scope": one may enter, and is shown
       * those */
      is_allowed = is_admin || stream == NULL || in_scope (bearer, stream);
      break;
    case PB_ACTION_SEND:
      is_allowed = is_admin || (in_scope (bearer, stream) && may_send (bearer));
      break;
    case PB_ACTION_RECEIVE:
    case PB_ACTION_THUMBNAIL:
      is_allowed =
          is_admin || (in_scope (bearer, stream) && may_receive (bearer));
      break;
    case PB_ACTION_OBSERVE:
    case PB_ACTION_SIGNAL:
    case PB_ACTION_HEALTH_REPORT:
    case PB_ACTION_HEALTH_READ:
    case PB_ACTION_TALLY_READ:
      is_allowed = is_admin || in_scope (bearer, stream);
      break;
    case PB_N_ACTIONS:
      g_assert_not_reached ();
  }

  return is_allowed ? -1 : PB_ERROR_DENIED;
}

static void
test_every_cell (void)
{
  static const PbRole roles[] = { PB_ROLE_ADMIN, PB_ROLE_PEER };
  static const char *const scopes[] = { NULL, "cam-wide" };
  static const char *const streams[] = { "cam-wide", "cam-close", NULL };
  static const char *const sessions[] = { SESSION, "another" };
  guint n_cells = 0, n_allowed = 0;

  for (guint r = 0; r < G_N_ELEMENTS (roles); r++) {
    for (guint s = 0; s < G_N_ELEMENTS (scopes); s++) {
      /* an admin's token is for the whole session, always */
      if (roles[r] == PB_ROLE_ADMIN && scopes[s] != NULL)
        continue;
      for (guint perm = PB_DIRECTION_NONE; perm <= ALL; perm++) {
        Bearer bearer = { roles[r], scopes[s], perm };
        g_autoptr (PbToken) token =
            pb_token_new (SESSION, roles[r], scopes[s], perm, NOW);

        for (guint action = 0; action < PB_N_ACTIONS; action++) {
          for (guint i = 0; i < G_N_ELEMENTS (sessions); i++) {
            for (guint j = 0; j < G_N_ELEMENTS (streams); j++) {
              g_autoptr (GError) error = NULL;
              gboolean allowed =
                  pb_permit (token, action, sessions[i], streams[j], &error);
              int code =
                  expected_error (&bearer, action, sessions[i], streams[j]);

              if (allowed != (code == -1))
                g_test_fail_printf ("%s token for %s, perm %u: %s on %s/%s is "
                                    "%s",
                    pb_role_get_name (roles[r]),
                    scopes[s] != NULL ? scopes[s] : "all", perm,
                    pb_action_get_name (action), sessions[i],
                    streams[j] != NULL ? streams[j] : "all",
                    allowed ? "allowed" : "refused");
              if (allowed)
                g_assert_no_error (error);
              else
                g_assert_error (error, PB_ERROR, code);
              n_cells++;
              n_allowed += allowed;
            }
          }
        }
      }
    }
  }

  /* (admin + 2 kinds of peer) × 8 sets of directions × actions × 2 × 3 */
  g_assert_cmpuint (n_cells, ==, 3 * 8 * PB_N_ACTIONS * 2 * 3);
  g_test_message ("%u cells, %u of them allowed", n_cells, n_allowed);
  g_assert_cmpuint (n_allowed, >, 0);
}

/* The rows of requirement S9, spelled out. */
static void
test_the_published_rows (void)
{
  static const struct
  {
    PbAction action;
    gboolean admin, peer_own, peer_other;
  } rows[] = {
    { PB_ACTION_SESSION_CREATE, TRUE, FALSE, FALSE },
    { PB_ACTION_SESSION_CLOSE, TRUE, FALSE, FALSE },
    { PB_ACTION_TOKEN_MINT, TRUE, FALSE, FALSE },
    { PB_ACTION_CONNECT_READ, TRUE, FALSE, FALSE },
    { PB_ACTION_SEND, TRUE, TRUE, FALSE },
    { PB_ACTION_RECEIVE, TRUE, TRUE, FALSE },
    { PB_ACTION_HEALTH_REPORT, TRUE, TRUE, FALSE },
    { PB_ACTION_HEALTH_READ, TRUE, TRUE, FALSE },
    { PB_ACTION_TALLY_SET, TRUE, FALSE, FALSE },
    { PB_ACTION_TALLY_READ, TRUE, TRUE, FALSE },
    { PB_ACTION_CUE, TRUE, FALSE, FALSE },
  };
  g_autoptr (PbToken) admin =
      pb_token_new (SESSION, PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW);
  g_autoptr (PbToken) peer =
      pb_token_new (SESSION, PB_ROLE_PEER, "cam-wide", PB_DIRECTION_NONE, NOW);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_assert_cmpint (pb_permit (admin, rows[i].action, SESSION, "cam-wide",
                         NULL),
        ==, rows[i].admin);
    g_assert_cmpint (pb_permit (peer, rows[i].action, SESSION, "cam-wide",
                         NULL),
        ==, rows[i].peer_own);
    g_assert_cmpint (pb_permit (peer, rows[i].action, SESSION, "cam-close",
                         NULL),
        ==, rows[i].peer_other);
  }
}

static void
test_nobody_may_do_nothing_without_a_token (void)
{
  for (guint action = 0; action < PB_N_ACTIONS; action++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (pb_permit (NULL, action, SESSION, NULL, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING);
  }
}

static void
test_names (void)
{
  g_autoptr (GEnumClass) actions = g_type_class_ref (PB_TYPE_ACTION);

  g_assert_cmpuint (actions->n_values, ==, PB_N_ACTIONS);
  for (guint i = 0; i < PB_N_ACTIONS; i++)
    g_assert_cmpstr (pb_action_get_name (i), ==,
        g_enum_get_value (actions, i)->value_nick);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/permit/every-cell", test_every_cell);
  g_test_add_func ("/permit/the-published-rows", test_the_published_rows);
  g_test_add_func ("/permit/nothing-without-a-token",
      test_nobody_may_do_nothing_without_a_token);
  g_test_add_func ("/permit/names", test_names);

  return g_test_run ();
}
