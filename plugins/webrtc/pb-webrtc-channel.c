/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <string.h>

/* One data channel, for text: the offerer makes it, either end uses it. */

#define LABEL "patchbay"
/* that wait for the context */
#define TEXTS_MAX 64

static void
do_open (PbWebrtcPeer *self, gpointer data)
{
  if (self->is_channel_open || data != self->channel)
    return;

  self->is_channel_open = TRUE;
  self->callbacks.channel_open (self, self->user_data);
}

static void
do_close (PbWebrtcPeer *self, gpointer data)
{
  if (data == self->channel)
    self->is_channel_open = FALSE;
}

static void
on_open (GObject *channel, PbWebrtcPeer *self)
{
  pb_webrtc_peer_post (self, do_open, g_object_ref (channel), g_object_unref);
}

static void
on_close (GObject *channel, PbWebrtcPeer *self)
{
  pb_webrtc_peer_post (self, do_close, g_object_ref (channel), g_object_unref);
}

static void
do_text (PbWebrtcPeer *self, gpointer text)
{
  g_atomic_int_add (&self->n_texts, -1);
  if (g_atomic_int_get (&self->is_verified))
    self->callbacks.text (self, text, self->user_data);
}

static void
on_text (GObject *channel, const char *text, PbWebrtcPeer *self)
{
  gsize size = text != NULL ? strnlen (text, PB_WEBRTC_TEXT_MAX + 1) : 0;

  if (size == 0 || size > PB_WEBRTC_TEXT_MAX ||
      !g_utf8_validate (text, size, NULL))
    return;
  /* A counterpart that never stops must not fill the memory of one that is
   * busy. */
  if (g_atomic_int_add (&self->n_texts, 1) >= TEXTS_MAX) {
    g_atomic_int_add (&self->n_texts, -1);
    return;
  }

  pb_webrtc_peer_post (self, do_text, g_strdup (text), g_free);
}

static void
adopt (PbWebrtcPeer *self, GObject *channel)
{
  GstWebRTCDataChannelState state;

  self->channel = g_object_ref (channel);
  pb_webrtc_peer_connect (self, channel, "on-open", G_CALLBACK (on_open));
  pb_webrtc_peer_connect (self, channel, "on-close", G_CALLBACK (on_close));
  pb_webrtc_peer_connect (self, channel, "on-message-string",
      G_CALLBACK (on_text));
  g_object_get (channel, "ready-state", &state, NULL);
  if (state == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN)
    on_open (channel, self);
}

static void
do_adopt (PbWebrtcPeer *self, gpointer channel)
{
  if (self->channel == NULL && self->config.has_data_channel)
    adopt (self, channel);
}

void
pb_webrtc_channel_on_data_channel (GstElement *webrtc, GObject *channel,
    PbWebrtcPeer *self)
{
  pb_webrtc_peer_post (self, do_adopt, g_object_ref (channel), g_object_unref);
}

void
pb_webrtc_channel_offer (PbWebrtcPeer *self)
{
  g_autoptr (GObject) channel = NULL;

  g_signal_emit_by_name (self->webrtc, "create-data-channel", LABEL, NULL,
      &channel);
  if (channel != NULL)
    adopt (self, channel);
}

/**
 * pb_webrtc_peer_send_text: (skip)
 * @self: a peer
 * @text: UTF-8, at most %PB_WEBRTC_TEXT_MAX octets
 *
 * Returns: %FALSE where the channel is not open
 */
gboolean
pb_webrtc_peer_send_text (PbWebrtcPeer *self, const char *text)
{
  g_return_val_if_fail (strlen (text) <= PB_WEBRTC_TEXT_MAX, FALSE);

  if (!self->is_channel_open || !g_atomic_int_get (&self->is_verified))
    return FALSE;

  g_signal_emit_by_name (self->channel, "send-string", text);

  return TRUE;
}
