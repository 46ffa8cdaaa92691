/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <stdlib.h>
#include <string.h>

#include <nice/debug.h>

#include "core/pb-candidate.h"
#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* Under max-bundle there is one stream of one component. */
#define STREAM 1
#define COMPONENT 1
#define TCP_ACTIVE_PORT 9

/* webrtcbin and libnice write a relay's credentials into their debug messages
 * (seen with 1.22 and 0.1.21): webrtcbin as it is told of it, which is kept
 * quiet meanwhile; libnice when it gathers, so its messages end here, for this
 * process. */
void
pb_webrtc_ice_add_relays (PbWebrtcPeer *self)
{
  static const char *const names[] = { "webrtcbin", "webrtcnice" };
  static GMutex quiet;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&quiet);
  GstDebugLevel levels[G_N_ELEMENTS (names)] = { GST_LEVEL_NONE };

  GST_INFO ("WebRTC peer %p: with %u relays; libnice's messages end here", self,
      g_strv_length (self->turn));
  nice_debug_disable (TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstDebugCategory *category = _gst_debug_get_category (names[i]);

    if (category == NULL)
      continue;
    levels[i] = gst_debug_category_get_threshold (category);
    gst_debug_category_set_threshold (category,
        MIN (levels[i], GST_LEVEL_INFO));
  }
  for (char **turn = self->turn; *turn != NULL; turn++) {
    gboolean is_taken = FALSE;

    g_signal_emit_by_name (self->webrtc, "add-turn-server", *turn, &is_taken);
    if (!is_taken)
      GST_WARNING ("WebRTC peer %p: a TURN server was not taken", self);
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstDebugCategory *category = _gst_debug_get_category (names[i]);

    if (category != NULL)
      gst_debug_category_set_threshold (category, levels[i]);
  }
}

gboolean
pb_webrtc_ice_set_up (PbWebrtcPeer *self)
{
  g_autoptr (GstObject) ice = NULL;

  g_object_get (self->webrtc, "ice-agent", &ice, NULL);
  if (ice != NULL)
    g_object_get (ice, "agent", &self->agent, NULL);
  if (self->agent == NULL)
    return FALSE;

  /* UPnP multicasts; a check that is not answered tells that a counterpart has
   * gone, where it could not say goodbye. */
  g_object_set (self->agent, "upnp", FALSE, "keepalive-conncheck", TRUE, NULL);
  for (char **text = self->addresses; text != NULL && *text != NULL; text++) {
    NiceAddress *address = nice_address_new ();

    if (nice_address_set_from_string (address, *text)) {
      GInetAddress *inet = g_inet_address_new_from_string (*text);

      nice_agent_add_local_address (self->agent, address);
      if (inet != NULL && g_inet_address_get_is_loopback (inet))
        self->is_on_loopback = TRUE;
      g_clear_object (&inet);
    }
    nice_address_free (address);
  }

  return TRUE;
}

/* --- theirs --------------------------------------------------------------- */

static void
add_candidate (PbWebrtcPeer *self, const char *entry)
{
  const char *line = strchr (entry, ' ') + 1;

  g_signal_emit_by_name (self->webrtc, "add-ice-candidate",
      (guint) strtoul (entry, NULL, 10), line);
}

/* The remote description is set: those that waited for it go. */
void
pb_webrtc_ice_flush (PbWebrtcPeer *self)
{
  char *entry;

  while ((entry = g_queue_pop_head (&self->candidates)) != NULL) {
    add_candidate (self, entry);
    g_free (entry);
  }
}

gboolean
pb_webrtc_ice_add_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate, GError **error)
{
  g_autofree char *entry = NULL;

  switch (pb_candidate_judge (candidate,
      self->is_on_loopback ? PB_ADDRESS_LOOPBACK : PB_ADDRESS_STRICT, error)) {
    case PB_CANDIDATE_FIT:
      break;
    case PB_CANDIDATE_NAME:
      return TRUE;
    default:
      return FALSE;
  }
  if ((self->remote != NULL && mline >= pb_sdp_get_n_media (self->remote)) ||
      mline >= PB_SDP_MEDIA_MAX) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "a candidate for a media section that is not there");
    return FALSE;
  }
  if (self->n_remote_candidates >= PB_CANDIDATES_MAX) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "too many candidates");
    return FALSE;
  }

  self->n_remote_candidates++;
  if (g_str_has_prefix (candidate, "a="))
    candidate += 2;
  /* webrtcbin has one transport, whichever m-line it is said to be for. */
  entry = g_strdup_printf ("0 %s", candidate);
  if (self->awaits_remote)
    g_queue_push_tail (&self->candidates, g_steal_pointer (&entry));
  else
    add_candidate (self, entry);

  return TRUE;
}

/* --- ours ----------------------------------------------------------------- */

/* (transfer full): a candidate of ours as the counterpart may know it */
char *
pb_webrtc_ice_dup_told (PbWebrtcPeer *self, const char *candidate)
{
  return self->config.is_relay_only ? pb_webrtc_sdp_hide_base (candidate)
                                    : g_strdup (candidate);
}

/* (transfer full): "candidate:…" */
char **
pb_webrtc_ice_dup_candidates (PbWebrtcPeer *self)
{
  g_autoptr (GStrvBuilder) lines = g_strv_builder_new ();
  GSList *candidates =
      nice_agent_get_local_candidates (self->agent, STREAM, COMPONENT);

  for (GSList *item = candidates; item != NULL; item = item->next) {
    NiceCandidate *candidate = item->data;
    g_autofree char *line = NULL;

    if (self->config.is_relay_only &&
        candidate->type != NICE_CANDIDATE_TYPE_RELAYED)
      continue;
    /* RFC 6544: who calls has no port that could be called */
    if (candidate->transport == NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE) {
      nice_address_set_port (&candidate->addr, TCP_ACTIVE_PORT);
      /* or it would be told as that of another: Firefox takes no such line */
      nice_address_set_port (&candidate->base_addr, TCP_ACTIVE_PORT);
    }
    line = nice_agent_generate_local_candidate_sdp (self->agent, candidate);
    if (line != NULL) {
      g_autofree char *told = pb_webrtc_ice_dup_told (self,
          g_str_has_prefix (line, "a=") ? line + 2 : line);

      g_strv_builder_add (lines, told);
    }
  }
  g_slist_free_full (candidates, (GDestroyNotify) nice_candidate_free);

  return g_strv_builder_end (lines);
}

/* Puts the agent's credentials into a description: webrtcbin knows only those
 * it began with. */
void
pb_webrtc_ice_write_credentials (PbWebrtcPeer *self, GstSDPMessage *sdp)
{
  g_autofree char *ufrag = NULL;
  g_autofree char *pwd = NULL;

  if (!self->has_restarted ||
      !nice_agent_get_local_credentials (self->agent, STREAM, &ufrag, &pwd))
    return;

  pb_webrtc_sdp_set_credentials (sdp, ufrag, pwd);
}

/* New credentials; what was gathered stays good, and is told again. */
void
pb_webrtc_ice_restart (PbWebrtcPeer *self)
{
  GST_INFO ("WebRTC peer %p: ICE restart", self);
  self->has_restarted =
      nice_agent_restart_stream (self->agent, STREAM) || self->has_restarted;
  self->tells_candidates = TRUE;
}

/* After a description of ours that followed a restart. */
void
pb_webrtc_ice_tell_candidates (PbWebrtcPeer *self)
{
  g_auto (GStrv) lines = NULL;

  if (!self->tells_candidates || !self->config.can_trickle)
    return;

  self->tells_candidates = FALSE;
  lines = pb_webrtc_ice_dup_candidates (self);
  for (char **line = lines; *line != NULL && !self->is_over; line++)
    self->callbacks.candidate (self, 0, *line, self->user_data);
  if (!self->is_over && self->is_gathered)
    self->callbacks.candidates_done (self, self->user_data);
}

gboolean
pb_webrtc_ice_is_relayed (PbWebrtcPeer *self)
{
  NiceCandidate *local = NULL, *remote = NULL;

  return self->agent != NULL &&
         nice_agent_get_selected_pair (self->agent, STREAM, COMPONENT, &local,
             &remote) &&
         (local->type == NICE_CANDIDATE_TYPE_RELAYED ||
             remote->type == NICE_CANDIDATE_TYPE_RELAYED);
}
