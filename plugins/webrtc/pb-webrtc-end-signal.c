/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-signal-data.h"
#include "glue/pb-timer.h"
#include "pb-webrtc-end-private.h"

#include "core/pb-limits.h"

/* What a counterpart says of an attempt: `signal` (docs/protocol.md, 5.2), with
 * the limits on it. */

/* Offers that the other end may make at once, and how soon it may make one
 * more: each costs us a pipeline, or at least an answer. */
#define THEIR_ATTEMPTS_MAX 6
#define THEIR_ATTEMPT_US (G_USEC_PER_SEC / 2)
/* The other end counts on from here for years. */
#define NUMBER_MAX (1 << 30)
/* A description and all its candidates, twice */
#define EARLY_MAX (2 * (PB_CANDIDATES_MAX + 2))

static gboolean
may_begin (PbWebrtcCounterpart *other)
{
  gint64 now_us = g_get_monotonic_time ();
  gint64 paid_us = MAX (other->theirs_us, now_us) + THEIR_ATTEMPT_US;

  if (paid_us - now_us > THEIR_ATTEMPTS_MAX * THEIR_ATTEMPT_US)
    return FALSE;
  other->theirs_us = paid_us;

  return TRUE;
}

static void
take_description (PbWebrtcCounterpart *other, const char *kind,
    JsonObject *data)
{
  const char *sdp = pb_signal_data_get_text (data, "sdp");
  g_autoptr (GError) error = NULL;

  /* the caller offers, the listener answers */
  if (other->peer == NULL || sdp == NULL ||
      g_str_equal (kind, "offer") == other->is_caller)
    return;

  if (!pb_webrtc_peer_set_remote (other->peer, kind, sdp, &error)) {
    GST_WARNING_OBJECT (other->end->element, "peer %s: its %s is refused: %s",
        other->id, kind, error->message);
    /* where a connection runs, it goes on as it was */
    if (!other->has_remote)
      pb_webrtc_attempt_fail (other, PB_FAULT_REFUSED, TRUE);
    return;
  }
  other->has_remote = TRUE;
  pb_timer_clear (&other->answer_timer);
  if (!other->is_caller && other->link == PB_WEBRTC_LINK_CONNECTING)
    pb_webrtc_attempt_await (other);
}

static void
take_candidate (PbWebrtcCounterpart *other, JsonObject *data)
{
  const char *candidate = pb_signal_data_get_text (data, "candidate");
  JsonNode *node = data != NULL ? json_object_get_member (data, "mline") : NULL;
  gint64 mline = node != NULL && JSON_NODE_HOLDS_VALUE (node)
                     ? json_node_get_int (node)
                     : 0;
  g_autoptr (GError) error = NULL;

  if (other->peer == NULL || candidate == NULL || candidate[0] == '\0' ||
      mline < 0 || mline >= PB_SDP_MEDIA_MAX ||
      other->n_candidates >= PB_CANDIDATES_MAX)
    return;
  other->n_candidates++;
  if (!pb_webrtc_peer_add_candidate (other->peer, (guint) mline, candidate,
          &error))
    GST_DEBUG_OBJECT (other->end->element,
        "peer %s: a candidate is refused: %s", other->id, error->message);
}

static void
handle_restart (PbWebrtcCounterpart *other, guint number, JsonObject *data)
{
  const char *code = pb_signal_data_get_text (data, "code");
  PbFault fault = PB_FAULT_NO_PATH;

  /* Only the listener's end asks, and a wait that runs already is the answer */
  if (!other->is_caller || other->peer == NULL || !may_begin (other))
    return;
  if (code != NULL && !pb_fault_from_code (code, &fault))
    fault = PB_FAULT_NO_PATH;
  if (fault == PB_FAULT_PEER_LOST) {
    /* It hears nothing of us, and keeps what it has. What is being restarted
     * already, or has been begun anew since, is no news. */
    if (number == other->number && other->link == PB_WEBRTC_LINK_CONNECTED)
      pb_webrtc_attempt_restart_ice (other);
    if (number < other->number || other->link >= PB_WEBRTC_LINK_CONNECTED)
      return;
  }
  pb_webrtc_attempt_fail (other, fault, FALSE);
  pb_webrtc_media_update_rate (other->end);
}

/* An offer of the attempt that runs, or of a new one. */
static void
handle_offer (PbWebrtcCounterpart *other, guint number, JsonObject *data)
{
  if (!may_begin (other)) {
    GST_WARNING_OBJECT (other->end->element, "peer %s offers too often",
        other->id);
    return;
  }

  if (number > other->number) {
    /* A peer that still waits for its first offer takes this one. */
    if (other->peer != NULL && !other->has_remote &&
        other->link == PB_WEBRTC_LINK_CONNECTING)
      other->number = number;
    else
      pb_webrtc_attempt_begin (other, number);
  } else if (other->has_remote) {
    other->n_candidates = 0;
  }
  take_description (other, "offer", data);
}

static void
take_signal (PbWebrtcCounterpart *other, PbMessage *message)
{
  const char *kind = pb_message_get_string (message, "kind");
  gint64 number = pb_message_has (message, "link")
                      ? pb_message_get_int (message, "link")
                      : 1;
  JsonObject *data = pb_signal_data_peek (message);

  if (kind == NULL || number < 1 || number > NUMBER_MAX)
    return;

  if ((guint) number > other->number && other->is_caller) {
    /* It remembers attempts that we do not: we have been away */
    if (other->link != PB_WEBRTC_LINK_CONNECTED && may_begin (other))
      pb_webrtc_attempt_begin (other, (guint) number + 1);
    else
      other->number = (guint) number;
    return;
  }
  if (g_str_equal (kind, "restart")) {
    handle_restart (other, (guint) number, data);
    return;
  }
  if ((guint) number < other->number)
    return;

  if (g_str_equal (kind, "offer") && !other->is_caller)
    handle_offer (other, (guint) number, data);
  else if ((guint) number > other->number)
    return;
  else if (g_str_equal (kind, "answer"))
    take_description (other, kind, data);
  else if (g_str_equal (kind, "candidate"))
    take_candidate (other, data);
}

void
pb_webrtc_signal_take (PbWebrtcCounterpart *other, PbMessage *message)
{
  if (other->is_introduced && pb_webrtc_end_is_ready (other->end))
    take_signal (other, message);
  else if (other->early->len < EARLY_MAX)
    g_ptr_array_add (other->early, pb_message_ref (message));
}

void
pb_webrtc_signal_take_early (PbWebrtcCounterpart *other)
{
  g_autoptr (GPtrArray) early = g_steal_pointer (&other->early);

  other->early =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_message_unref);
  for (guint i = 0; i < early->len; i++)
    take_signal (other, g_ptr_array_index (early, i));
}
