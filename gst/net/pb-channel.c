/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-channel.h"

G_DEFINE_INTERFACE (PbChannel, pb_channel, G_TYPE_OBJECT)

static void
pb_channel_default_init (PbChannelInterface *iface)
{
  /**
   * PbChannel::opened:
   * @self: the channel
   *
   * Messages may be sent from now on.
   */
  g_signal_new ("opened", PB_TYPE_CHANNEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
      NULL, G_TYPE_NONE, 0);
  /**
   * PbChannel::message:
   * @self: the channel
   * @text: the message, ended by a NUL that does not count
   * @length: its octets
   *
   * A text message came. It is not checked yet, and not copied: it may hold a
   * passphrase.
   */
  g_signal_new ("message", PB_TYPE_CHANNEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
      NULL, G_TYPE_NONE, 2, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE,
      G_TYPE_ULONG);
  /**
   * PbChannel::closed:
   * @self: the channel
   * @code: the WebSocket close code, 0 where there was none
   * @error: (nullable): why; %NULL where we closed it ourselves
   *
   * The end; comes exactly once after pb_channel_open().
   */
  g_signal_new ("closed", PB_TYPE_CHANNEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
      NULL, G_TYPE_NONE, 2, G_TYPE_UINT,
      G_TYPE_ERROR | G_SIGNAL_TYPE_STATIC_SCOPE);
}

/**
 * pb_channel_open:
 * @self: a channel that was not opened yet
 * @url: where to, such as "wss://host/api/ws/demo"
 * @token: (nullable): the bearer's token
 *
 * Starts connecting and returns at once: #PbChannel::opened or
 * #PbChannel::closed follows.
 */
void
pb_channel_open (PbChannel *self, const char *url, const char *token)
{
  g_return_if_fail (PB_IS_CHANNEL (self));
  g_return_if_fail (url != NULL);

  PB_CHANNEL_GET_IFACE (self)->open (self, url, token);
}

/**
 * pb_channel_send:
 * @self: a channel
 * @text: the message
 * @length: its octets, -1 where a NUL ends it
 *
 * Queues one text message; dropped silently where the channel is not open.
 */
void
pb_channel_send (PbChannel *self, const char *text, gssize length)
{
  g_return_if_fail (PB_IS_CHANNEL (self));
  g_return_if_fail (text != NULL);

  PB_CHANNEL_GET_IFACE (self)->send (self, text, length);
}

/**
 * pb_channel_close:
 * @self: a channel
 * @code: the close code to tell the other end
 * @reason: (nullable): the reason to tell it, at most 123 octets
 *
 * What was sent before still goes out, for a moment; then #PbChannel::closed
 * comes without an error.
 */
void
pb_channel_close (PbChannel *self, guint code, const char *reason)
{
  g_return_if_fail (PB_IS_CHANNEL (self));

  PB_CHANNEL_GET_IFACE (self)->close (self, code, reason);
}
