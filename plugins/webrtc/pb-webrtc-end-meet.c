/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-timer.h"
#include "pb-webrtc-end-private.h"

#include "core/pb-limits.h"

/* Who is met: the server's introductions, and what it passes on. */

/* How many ids keep their `source` after they have gone */
#define SOURCES_MAX (4 * PB_SLOT_RECEIVERS_MAX)

void
pb_webrtc_counterpart_free (gpointer data)
{
  PbWebrtcCounterpart *other = data;

  pb_webrtc_attempt_end (other);
  g_ptr_array_unref (other->early);
  pb_health_free (other->theirs);
  g_free (other->client);
  g_free (other->id);
  g_free (other);
}

PbWebrtcCounterpart *
pb_webrtc_meet_find (PbWebrtcEnd *self, const char *id)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (g_strcmp0 (other->id, id) == 0)
      return other;
  }

  return NULL;
}

PbWebrtcCounterpart *
pb_webrtc_meet_find_source (PbWebrtcEnd *self, guint source)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (other->source == source)
      return other;
  }

  return NULL;
}

/* --- comings and goings --------------------------------------------------- */

void
pb_webrtc_meet_drop (PbWebrtcEnd *self, PbWebrtcCounterpart *other)
{
  guint source = other->source;

  pb_gst_report_peer (self->report, other->id, other->client,
      PB_TRANSPORT_WEBRTC, "", "gone", NULL, 0);
  g_ptr_array_remove (self->counterparts, other);
  pb_webrtc_media_update_rate (self);
  self->callbacks.gone (source, self->user_data);
}

void
pb_webrtc_meet_drop_all (PbWebrtcEnd *self)
{
  g_clear_pointer (&self->next_sender, pb_message_unref);
  g_ptr_array_set_size (self->counterparts, 0);
  g_hash_table_remove_all (self->foreign);
}

/* 0 is the slot's sender; receivers count from 1 and are known again. */
static guint
draw_source (PbWebrtcEnd *self, const char *id)
{
  GHashTableIter iter;
  gpointer key, value;

  if (self->direction == PB_DIRECTION_RECEIVE)
    return 0;
  if (g_hash_table_lookup_extended (self->sources, id, NULL, &value))
    return GPOINTER_TO_UINT (value);

  if (g_hash_table_size (self->sources) >= SOURCES_MAX) {
    g_hash_table_iter_init (&iter, self->sources);
    while (g_hash_table_iter_next (&iter, &key, NULL))
      if (pb_webrtc_meet_find (self, key) == NULL)
        g_hash_table_iter_remove (&iter);
  }
  self->next_source++;
  g_hash_table_insert (self->sources, g_strdup (id),
      GUINT_TO_POINTER (self->next_source));

  return self->next_source;
}

static gboolean
has_sender (PbWebrtcEnd *self)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (!other->is_gone && other->link == PB_WEBRTC_LINK_CONNECTED)
      return TRUE;
  }

  return FALSE;
}

/* One sender per slot: what still flows from an older one is the past. FALSE
 * where one is there and stays. */
static gboolean
make_room (PbWebrtcEnd *self)
{
  if (self->direction == PB_DIRECTION_SEND)
    /* the server's limit, in case it is another server */
    return self->counterparts->len < PB_SLOT_RECEIVERS_MAX;

  if (has_sender (self))
    return FALSE;
  for (guint i = self->counterparts->len; i > 0; i--)
    pb_webrtc_meet_drop (self, g_ptr_array_index (self->counterparts, i - 1));

  return TRUE;
}

static PbWebrtcCounterpart *
add (PbWebrtcEnd *self, const char *id, PbMessage *message)
{
  PbWebrtcCounterpart *other;

  if (!make_room (self)) {
    if (self->direction == PB_DIRECTION_RECEIVE) {
      pb_gst_report_fault (self->report, PB_FAULT_SLOT_TAKEN, "local", id, 0, 0,
          NULL);
      /* until the one that flows has ended */
      g_clear_pointer (&self->next_sender, pb_message_unref);
      self->next_sender = pb_message_ref (message);
    }
    return NULL;
  }

  other = g_new0 (PbWebrtcCounterpart, 1);
  other->end = self;
  other->id = g_strdup (id);
  other->client = g_strdup (pb_message_get_string (message, "client"));
  other->source = draw_source (self, id);
  other->is_caller =
      g_strcmp0 (pb_message_get_string (message, "role"), "caller") == 0;
  other->can_trickle = !pb_message_has (message, "trickle") ||
                       pb_message_get_boolean (message, "trickle");
  other->early =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_message_unref);
  g_ptr_array_add (self->counterparts, other);

  return other;
}

void
pb_webrtc_meet_introduce (PbWebrtcEnd *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  PbWebrtcCounterpart *other = pb_webrtc_meet_find (self, id);

  if (g_strcmp0 (pb_message_get_string (message, "to"), self->us) != 0 ||
      g_strcmp0 (id, self->us) == 0)
    return;
  if (g_strcmp0 (pb_message_get_string (message, "transport"), "webrtc") != 0) {
    /* a pbsrtbin's that shares our registration; but somebody is there */
    if (self->has_srt && g_hash_table_size (self->foreign) < SOURCES_MAX)
      g_hash_table_add (self->foreign, g_strdup (id));
    if (other != NULL)
      pb_webrtc_meet_drop (self, other); /* it has changed its mind */
    pb_webrtc_end_update_state (self);
    return;
  }

  g_hash_table_remove (self->foreign, id);
  if (other == NULL)
    other = add (self, id, message);
  if (other == NULL)
    return;
  other->is_gone = FALSE;
  other->has_back = pb_message_get_boolean (message, "back");
  other->is_control = pb_message_get_boolean (message, "control");

  pb_webrtc_attempt_introduce (other);
  if (other->is_told)
    pb_webrtc_figures_tell_connected (other);
  pb_webrtc_end_update_state (self);
}

/* The sender that the server knows, where an older one has flowed on until now
 * (a restarted server does not know that one). Counterparts may go. */
void
pb_webrtc_meet_retry (PbWebrtcEnd *self)
{
  g_autoptr (PbMessage) next = NULL;

  if (self->next_sender == NULL || has_sender (self))
    return;
  next = g_steal_pointer (&self->next_sender);
  pb_webrtc_meet_introduce (self, next);
}

void
pb_webrtc_meet_gone (PbWebrtcEnd *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  PbWebrtcCounterpart *other = pb_webrtc_meet_find (self, id);
  const char *reason = pb_message_get_string (message, "reason");

  g_hash_table_remove (self->foreign, id);
  if (self->next_sender != NULL &&
      g_strcmp0 (pb_message_get_string (self->next_sender, "peer"), id) == 0)
    g_clear_pointer (&self->next_sender, pb_message_unref);
  if (other != NULL) {
    /* It lost the server, not us. */
    if (g_strcmp0 (reason, "lost") == 0 &&
        (other->link == PB_WEBRTC_LINK_CONNECTED ||
            other->link == PB_WEBRTC_LINK_INTERRUPTED)) {
      other->is_gone = TRUE;
      other->was_cut = TRUE;
    } else {
      pb_webrtc_meet_drop (self, other);
    }
  }
  pb_webrtc_meet_retry (self);
  pb_webrtc_end_update_state (self);
}

void
pb_webrtc_meet_signal (PbWebrtcEnd *self, PbMessage *message)
{
  PbWebrtcCounterpart *other =
      pb_webrtc_meet_find (self, pb_message_get_string (message, "from"));

  if (other != NULL &&
      g_strcmp0 (pb_message_get_string (message, "to"), self->us) == 0)
    pb_webrtc_signal_take (other, message);
}

void
pb_webrtc_meet_status (PbWebrtcEnd *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  const char *with = pb_message_get_string (message, "with");
  PbWebrtcCounterpart *other = pb_webrtc_meet_find (self, id);
  PbFault fault;

  if ((with != NULL && g_strcmp0 (with, self->us) != 0) ||
      !pb_fault_from_code (pb_message_get_string (message, "code"), &fault))
    return;
  /* Both ends learn the cause, whoever found it. What the session's server
   * decides it tells us itself. Two that share no transport are not even
   * introduced. */
  if (fault == PB_FAULT_NO_TRANSPORT && g_strcmp0 (id, self->us) != 0)
    pb_gst_report_fault (self->report, fault, "server", id, 0, 0, NULL);
  else if (other != NULL && !pb_fault_is_fatal (fault) &&
           other->link != PB_WEBRTC_LINK_CONNECTED)
    pb_gst_report_fault (self->report, fault, "peer", id, 0, 0, NULL);
}

/* --- for all -------------------------------------------------------------- */

void
pb_webrtc_meet_set_signalling (PbWebrtcEnd *self, gboolean is_up)
{
  /* introduced again, if it is still there */
  if (!is_up)
    g_clear_pointer (&self->next_sender, pb_message_unref);
  for (guint i = 0; i < self->counterparts->len; i++)
    pb_webrtc_attempt_set_signalling (g_ptr_array_index (self->counterparts, i),
        is_up);
}

void
pb_webrtc_meet_begin_all (PbWebrtcEnd *self)
{
  if (!pb_webrtc_end_is_ready (self))
    return;

  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (!other->is_introduced)
      pb_webrtc_attempt_introduce (other);
  }
}

void
pb_webrtc_meet_tracks_changed (PbWebrtcEnd *self)
{
  for (guint i = 0; i < self->counterparts->len; i++)
    pb_webrtc_attempt_tracks_changed (
        g_ptr_array_index (self->counterparts, i));
  /* a receiver that asks for another attempt is none with a sender */
  pb_webrtc_meet_retry (self);
}
