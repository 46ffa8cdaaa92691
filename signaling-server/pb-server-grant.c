/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-grant.h"

struct _PbServerGrants
{
  GQueue in_order;   /* of PbServerGrant, owned; the newest first */
  GHashTable *by_id; /* id -> its PbServerGrant */
};

static void
grant_free (PbServerGrant *self)
{
  g_free (self->id);
  g_clear_pointer (&self->stream, g_ref_string_release);
  g_free (self->label);
  g_free (self);
}

/**
 * pb_server_grant_set_label: (skip)
 * @self: a grant
 * @label: (nullable): whom it is for
 */
void
pb_server_grant_set_label (PbServerGrant *self, const char *label)
{
  g_free (self->label);
  self->label = g_strdup (label);
}

/**
 * pb_server_grants_new: (skip)
 *
 * Returns: (transfer full): nothing given out yet
 */
PbServerGrants *
pb_server_grants_new (void)
{
  PbServerGrants *self = g_new0 (PbServerGrants, 1);

  g_queue_init (&self->in_order);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

/**
 * pb_server_grants_free: (skip)
 * @self: (nullable) (transfer full): what was given out
 */
void
pb_server_grants_free (PbServerGrants *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_id);
  g_queue_clear_full (&self->in_order, (GDestroyNotify) grant_free);
  g_free (self);
}

/* A revoked one stays until its own time refuses it, too. */
static void
forget_expired (PbServerGrants *self, gint64 now)
{
  GList *next;

  for (GList *l = self->in_order.head; l != NULL; l = next) {
    PbServerGrant *grant = l->data;

    next = l->next;
    if (grant->expires > now)
      continue;
    g_hash_table_remove (self->by_id, grant->id);
    g_queue_delete_link (&self->in_order, l);
    grant_free (grant);
  }
}

/**
 * pb_server_grants_add: (skip)
 * @self: what was given out
 * @token: one more, with an id
 * @now: Unix seconds
 * @max: how many there may be at a time
 * @error: PB_ERROR_FULL
 *
 * Returns: (transfer none) (nullable): what is kept of it, for the caller to
 *   fill in: it has no label, and a time of its own
 */
PbServerGrant *
pb_server_grants_add (PbServerGrants *self, PbToken *token, gint64 now,
    guint max, GError **error)
{
  const char *stream = pb_token_get_stream (token);
  PbServerGrant *grant;

  g_return_val_if_fail (pb_token_get_id (token) != NULL, NULL);

  if (self->in_order.length >= max)
    forget_expired (self, now);
  if (self->in_order.length >= max) {
    g_set_error (error, PB_ERROR, PB_ERROR_FULL,
        "This session has given out as many tokens as it may at a time.");
    return NULL;
  }
  grant = g_new0 (PbServerGrant, 1);
  grant->id = g_strdup (pb_token_get_id (token));
  grant->role = pb_token_get_role (token);
  grant->stream = stream != NULL ? g_ref_string_new_intern (stream) : NULL;
  grant->created = now;
  grant->expires = pb_token_get_expires (token);
  g_queue_push_head (&self->in_order, grant);
  g_hash_table_insert (self->by_id, grant->id, grant);

  return grant;
}

/**
 * pb_server_grants_find: (skip)
 * @self: what was given out
 * @id: (nullable): of a token
 *
 * Returns: (transfer none) (nullable): what is kept of it
 */
PbServerGrant *
pb_server_grants_find (PbServerGrants *self, const char *id)
{
  return id != NULL ? g_hash_table_lookup (self->by_id, id) : NULL;
}

/**
 * pb_server_grants_extend: (skip)
 * @self: what was given out
 * @expires: when the session ends now, never earlier than it did
 *
 * A token with a time of its own ends when it would have.
 */
void
pb_server_grants_extend (PbServerGrants *self, gint64 expires)
{
  for (GList *l = self->in_order.head; l != NULL; l = l->next) {
    PbServerGrant *grant = l->data;

    if (grant->is_lasting)
      grant->expires = MAX (grant->expires, expires);
  }
}

/**
 * pb_server_grants_count: (skip)
 * @self: what was given out
 *
 * Returns: how many it holds, some of which may have ended
 */
guint
pb_server_grants_count (PbServerGrants *self)
{
  return self->in_order.length;
}

/**
 * pb_server_grants_foreach: (skip)
 * @self: what was given out
 * @func: called for each; it changes nothing here
 * @user_data: for it
 */
void
pb_server_grants_foreach (PbServerGrants *self, PbServerGrantFunc func,
    gpointer user_data)
{
  for (GList *l = self->in_order.head; l != NULL; l = l->next)
    func (l->data, user_data);
}

/**
 * pb_server_grants_list: (skip)
 * @self: what was given out
 * @now: Unix seconds
 * @offset: how many of the newest to leave out
 * @n_max: how many at most
 * @n_more: (out): how many come after these
 *
 * Returns: (transfer container): those that have not ended, newest first
 */
GPtrArray *
pb_server_grants_list (PbServerGrants *self, gint64 now, guint offset,
    guint n_max, guint *n_more)
{
  GPtrArray *list = g_ptr_array_new ();
  guint n = 0;

  for (GList *l = self->in_order.head; l != NULL; l = l->next) {
    PbServerGrant *grant = l->data;

    if (grant->expires <= now)
      continue;
    if (n >= offset && list->len < n_max)
      g_ptr_array_add (list, grant);
    n++;
  }
  *n_more = n > offset + list->len ? n - offset - list->len : 0;

  return list;
}
