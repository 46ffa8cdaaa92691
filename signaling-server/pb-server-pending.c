/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-pending.h"

struct _PbServerPending {
  PbServerPendingAbandoned abandoned; /* NULL once the handler let go */
  gpointer handler_data;
  PbServerPendingDone done; /* NULL before dispatch() waits, and after */
  gpointer dispatch_data;
  gboolean is_settled;

  /* an answer that came before anybody waited */
  PbServerReply *reply;
  GError *error;
};

static void
clear (gpointer data)
{
  PbServerPending *self = data;

  pb_server_reply_free (self->reply);
  g_clear_error (&self->error);
}

/**
 * pb_server_pending_new: (skip)
 * @abandoned: called where nobody waits any more
 * @user_data: for it
 *
 * Returns: (transfer full): a promise
 */
PbServerPending *
pb_server_pending_new (PbServerPendingAbandoned abandoned, gpointer user_data)
{
  PbServerPending *self = g_rc_box_new0 (PbServerPending);

  self->abandoned = abandoned;
  self->handler_data = user_data;

  return self;
}

/**
 * pb_server_pending_ref: (skip)
 * @self: the promise
 *
 * Returns: (transfer full): it
 */
PbServerPending *
pb_server_pending_ref (PbServerPending *self)
{
  return g_rc_box_acquire (self);
}

/**
 * pb_server_pending_unref: (skip)
 * @self: (transfer full): the promise
 */
void
pb_server_pending_unref (PbServerPending *self)
{
  g_rc_box_release_full (self, clear);
}

static void
settle (PbServerPending *self, PbServerReply *reply, const GError *error)
{
  PbServerPendingDone done = g_steal_pointer (&self->done);

  self->abandoned = NULL;
  if (self->is_settled) {
    pb_server_reply_free (reply);
  } else if (done != NULL) {
    self->is_settled = TRUE;
    done (reply, error, self->dispatch_data);
    pb_server_reply_free (reply);
  } else {
    self->is_settled = TRUE;
    self->reply = reply;
    self->error = error != NULL ? g_error_copy (error) : NULL;
  }
  pb_server_pending_unref (self);
}

/**
 * pb_server_pending_answer: (skip)
 * @self: (transfer full): the promise
 * @reply: (transfer full): what was promised
 */
void
pb_server_pending_answer (PbServerPending *self, PbServerReply *reply)
{
  settle (self, reply, NULL);
}

/**
 * pb_server_pending_fail: (skip)
 * @self: (transfer full): the promise
 * @error: why it cannot be kept
 */
void
pb_server_pending_fail (PbServerPending *self, const GError *error)
{
  settle (self, NULL, error);
}

/**
 * pb_server_pending_wait: (skip)
 * @self: the promise
 * @done: called once, unless pb_server_pending_abandon() is called first
 * @user_data: for it
 */
void
pb_server_pending_wait (PbServerPending *self, PbServerPendingDone done,
    gpointer user_data)
{
  if (self->is_settled) {
    done (self->reply, self->error, user_data);
    return;
  }
  self->done = done;
  self->dispatch_data = user_data;
}

/**
 * pb_server_pending_abandon: (skip)
 * @self: the promise
 */
void
pb_server_pending_abandon (PbServerPending *self)
{
  PbServerPendingAbandoned abandoned = g_steal_pointer (&self->abandoned);

  self->done = NULL;
  self->is_settled = TRUE;
  if (abandoned != NULL)
    abandoned (self->handler_data);
}
