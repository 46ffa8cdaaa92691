/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-session-private.h"

#include <string.h>

#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug

/* The half of PbGstSession that runs on its thread: the client, and which
 * member is told what. */

/* What is left of other sources when the thread ends gets so many turns. */
#define LAST_TURNS 100

PbGstEngine *
pb_gst_engine_ref (PbGstEngine *self)
{
  g_atomic_int_inc (&self->ref_count);

  return self;
}

void
pb_gst_engine_unref (PbGstEngine *self)
{
  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  g_ptr_array_unref (self->members);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->returned);
  pb_uri_free (self->uri);
  pb_secret_free (self->token);
  g_free (self->user_agent);
  g_main_context_unref (self->context);
  g_free (self);
}

PbGstMember *
pb_gst_member_ref (PbGstMember *self)
{
  g_atomic_int_inc (&self->ref_count);

  return self;
}

void
pb_gst_member_unref (PbGstMember *self)
{
  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  pb_registration_free (self->registration);
  g_free (self);
}

/* A callback begins, unless the member has left. Returns whose callback was
 * running around it. */
static gboolean
enter (PbGstEngine *self, PbGstMember *member, PbGstMember **outer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (member->has_left)
    return FALSE;
  *outer = self->running;
  self->running = member;
  self->runner = g_thread_self ();

  return TRUE;
}

static void
leave (PbGstEngine *self, PbGstMember *outer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->running = outer;
  g_cond_broadcast (&self->returned);
}

void
pb_gst_engine_tell_state (PbGstEngine *self, PbGstMember *member,
    PbClientState state)
{
  PbGstMember *outer;

  if (member->callbacks.on_state == NULL || !enter (self, member, &outer))
    return;
  member->callbacks.on_state (state, member->user_data);
  leave (self, outer);
}

static void
tell_message (PbGstEngine *self, PbGstMember *member, PbMessage *message)
{
  PbGstMember *outer;

  if (member->callbacks.on_message == NULL || !enter (self, member, &outer))
    return;
  member->callbacks.on_message (message, member->user_data);
  leave (self, outer);
}

static void
tell_fault (PbGstEngine *self, PbGstMember *member, PbFault fault,
    const char *detail)
{
  PbGstMember *outer;

  if (member->callbacks.on_fault == NULL || !enter (self, member, &outer))
    return;
  member->callbacks.on_fault (fault, detail, member->user_data);
  leave (self, outer);
}

static gboolean
is_peer (PbGstMember *member, const char *peer)
{
  return g_strcmp0 (member->registration->peer, peer) == 0;
}

static gboolean
is_for (PbGstMember *member, PbMessage *message)
{
  const char *stream = member->registration->stream;
  const char *peer;

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_SIGNAL:
    case PB_MESSAGE_PEER:
    case PB_MESSAGE_PEER_GONE:
    case PB_MESSAGE_THUMBNAIL_REQUEST:
      return is_peer (member, pb_message_get_string (message, "to"));
    case PB_MESSAGE_REGISTERED:
      return is_peer (member, pb_message_get_string (message, "peer"));
    case PB_MESSAGE_ERROR:
    case PB_MESSAGE_CLOSED:
      peer = pb_message_get_string (message, "peer");
      return peer == NULL || is_peer (member, peer);
    case PB_MESSAGE_TALLY:
    case PB_MESSAGE_CUE:
    case PB_MESSAGE_STATUS:
    case PB_MESSAGE_HEALTH:
    case PB_MESSAGE_PEER_MATCH:
      return stream == NULL ||
             g_strcmp0 (stream, pb_message_get_string (message, "stream")) == 0;
    default:
      return TRUE;
  }
}

/* (transfer full): those who are there now */
static GPtrArray *
copy_members (PbGstEngine *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *members =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_gst_member_unref);

  for (guint i = 0; i < self->members->len; i++)
    g_ptr_array_add (members,
        pb_gst_member_ref (g_ptr_array_index (self->members, i)));

  return members;
}

static void
on_message (PbClient *client, PbMessage *message, PbGstEngine *self)
{
  g_autoptr (GPtrArray) members = copy_members (self);

  for (guint i = 0; i < members->len; i++) {
    PbGstMember *member = g_ptr_array_index (members, i);

    if (is_for (member, message))
      tell_message (self, member, message);
  }
}

static void
on_state_changed (PbClient *client, PbClientState state, PbGstEngine *self)
{
  g_autoptr (GPtrArray) members = copy_members (self);

  g_mutex_lock (&self->lock);
  self->state = state;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < members->len; i++)
    pb_gst_engine_tell_state (self, g_ptr_array_index (members, i), state);
}

static void
on_fault (PbClient *client, PbFault fault, const char *detail,
    PbGstEngine *self)
{
  g_autoptr (GPtrArray) members = copy_members (self);
  g_autofree char *peer = NULL;
  guint attempt;
  guint retry_in_ms;

  peer =
      g_strdup (pb_client_get_fault_details (client, &attempt, &retry_in_ms));
  GST_INFO ("%s%s%s, attempt %u, next in %u ms: %s", pb_fault_get_code (fault),
      peer != NULL ? " for " : "", peer != NULL ? peer : "", attempt,
      retry_in_ms, detail);

  g_mutex_lock (&self->lock);
  self->state = pb_client_get_state (client);
  self->attempt = attempt;
  self->retry_in_ms = retry_in_ms;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < members->len; i++) {
    PbGstMember *member = g_ptr_array_index (members, i);

    if (peer == NULL || is_peer (member, peer))
      tell_fault (self, member, fault, detail);
  }
}

gpointer
pb_gst_engine_run (gpointer data)
{
  PbGstEngine *self = data;

  g_main_context_push_thread_default (self->context);
  self->client = pb_client_new (self->uri, self->user_agent);
  pb_client_set_token (self->client, self->token);
  g_signal_connect (self->client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->client, "state-changed",
      G_CALLBACK (on_state_changed), self);
  g_signal_connect (self->client, "fault", G_CALLBACK (on_fault), self);

  while (!self->is_over)
    g_main_context_iteration (self->context, TRUE);

  g_signal_handlers_disconnect_by_data (self->client, self);
  pb_client_close (self->client);
  /* bounded: a channel takes the time for its goodbye itself */
  while (pb_client_is_closing (self->client))
    g_main_context_iteration (self->context, TRUE);
  g_clear_object (&self->client);
  for (guint i = 0; i < LAST_TURNS; i++)
    if (!g_main_context_iteration (self->context, FALSE))
      break;
  g_main_context_pop_thread_default (self->context);
  pb_gst_engine_unref (self);

  return NULL;
}
