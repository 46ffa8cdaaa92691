/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-virtual-private.h"

#include "core/pb-fault.h"

/* PATCH of a client of WHIP or WHEP: candidates, and ICE restarts. */

static void
send_candidates (PbServerVirtual *self, PbServerPeer *end,
    const PbSdpFragment *fragment)
{
  for (guint i = 0; i < fragment->n_candidates; i++) {
    int media = pb_sdp_fragment_find_media (fragment, i, self->offer);
    JsonObject *data = json_object_new ();

    json_object_set_string_member (data, "candidate",
        fragment->candidates[i].line);
    json_object_set_int_member (data, "mline", media);
    pb_server_virtual_send_signal (self, end, "candidate", data);
  }
  if (fragment->is_ended)
    pb_server_virtual_send_signal (self, end, "end-of-candidates", NULL);
}

static gboolean
fail (GError **error, PbError code, const char *sentence)
{
  g_set_error_literal (error, PB_ERROR, code, sentence);

  return FALSE;
}

/**
 * pb_server_virtual_check_tag: (skip)
 * @self: what stands for a client
 * @tags: (nullable): a list as in `If-Match`
 * @error: PB_ERROR_CONDITION, PB_ERROR_MISMATCH or PB_ERROR_RATE
 *
 * Weak tags match nothing: the comparison is the strong one.
 *
 * Returns: whether the present ICE session is meant
 */
gboolean
pb_server_virtual_check_tag (PbServerVirtual *self, const char *tags,
    GError **error)
{
  g_autofree char *own = g_strdup_printf ("\"%s\"", self->tag);
  g_auto (GStrv) list = NULL;

  if (self->n_patches >= self->peer->session->context->limits.whip_patches)
    return fail (error, PB_ERROR_RATE, "too many PATCH requests");
  self->n_patches++;
  if (tags == NULL)
    return fail (error, PB_ERROR_CONDITION, "no If-Match");
  list = g_strsplit (tags, ",", -1);
  for (guint i = 0; list[i] != NULL; i++) {
    const char *tag = g_strstrip (list[i]);

    if (g_str_equal (tag, "*") || g_str_equal (tag, own))
      return TRUE;
  }

  return fail (error, PB_ERROR_MISMATCH, "another ICE session");
}

static PbServerReply *
restart (PbServerVirtual *self, PbServerPeer *end, PbSdp *offer,
    GError **error)
{
  if (self->restart != NULL) {
    (void) fail (error, PB_ERROR_STATE, "ICE is being restarted already.");
    return NULL;
  }
  self->restart = pb_sdp_ref (offer);
  pb_server_virtual_start_waiting (self);
  pb_server_virtual_send_offer (self, end);

  return pb_server_reply_new_pending (self->pending);
}

/**
 * pb_server_virtual_patch: (skip)
 * @self: what stands for a client that was answered
 * @body: RFC 8840: candidates, or other ICE credentials
 * @length: its length
 * @error: PB_ERROR_STATE, PB_ERROR_ABSENT or PB_ERROR_INVALID
 *
 * Returns: (transfer full): 204, or a promise of new credentials
 */
PbServerReply *
pb_server_virtual_patch (PbServerVirtual *self, const char *body,
    gsize length, GError **error)
{
  PbServerPeer *end = pb_server_virtual_find_end (self);
  g_autoptr (PbSdpFragment) fragment = pb_sdp_fragment_parse (body,
      (gssize) length, pb_server_virtual_get_flags (self->peer, end), error);
  g_autoptr (PbSdp) merged = NULL;

  if (fragment == NULL)
    return NULL;
  if (self->answer == NULL) {
    (void) fail (error, PB_ERROR_STATE, "The offer is not answered yet.");
    return NULL;
  }
  merged = pb_sdp_merge (self->offer, fragment, error);
  if (merged == NULL)
    return NULL;
  if (end == NULL) {
    (void) fail (error, PB_ERROR_ABSENT,
        pb_fault_get_sentence (PB_FAULT_PEER_LOST));
    return NULL;
  }
  if (pb_sdp_fragment_is_restart (fragment, self->offer))
    return restart (self, end, merged, error);

  send_candidates (self, end, fragment);
  pb_sdp_unref (self->offer);
  self->offer = g_steal_pointer (&merged);

  return pb_server_reply_new (204, NULL, NULL);
}
