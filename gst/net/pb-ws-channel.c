/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-channel.h"

#include <string.h>

#include "core/pb-limits.h"
#include "net/pb-ws-guard-private.h"
#include "net/pb-ws-handshake-private.h"

/* The whole way to an open WebSocket: resolving, TCP, TLS, upgrade */
#define CONNECT_TIMEOUT_MS 10000
/* The server pings every 15 s and so do we: two pongs missing, and a little */
#define SILENCE_MS 35000
/* How long the last words may take */
#define GOODBYE_MS 300

typedef enum {
  STATE_NEW,
  STATE_OPENING,
  STATE_OPEN,
  STATE_CLOSING,
  STATE_CLOSED,
} State;

/**
 * PbWsChannel:
 *
 * The WebSocket. It keeps itself alive from pb_channel_open() until
 * #PbChannel::closed, so that a last message still goes out when its owner has
 * forgotten it.
 */
struct _PbWsChannel
{
  GObject parent;

  /* set on construction */
  char *user_agent;
  GMainContext *context;
  guint connect_timeout_ms;
  guint silence_ms;

  /* that context's thread only */
  State state;
  GCancellable *cancellable;
  SoupWebsocketConnection *ws;
  GSource *timer; /* connecting, then silence, then goodbye */
  gint64 heard_us;
  gboolean is_ours;     /* we asked for the end */
  gboolean is_late;     /* the time for connecting was up */
  gboolean is_finished; /* `closed` is on its way */
  guint code;
  GError *guarded; /* the rule of ours that the server broke */
  GError *error;
};

enum { PROP_0, PROP_CONNECT_TIMEOUT, PROP_SILENCE, N_PROPS };

static GParamSpec *props[N_PROPS];

static void pb_ws_channel_iface_init (PbChannelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (PbWsChannel, pb_ws_channel, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (PB_TYPE_CHANNEL, pb_ws_channel_iface_init))

/* clang-format off */
static const struct {
  guint code;
  PbError error;
  const char *words;
} close_codes[] = {
  { 1001, PB_ERROR_UNAVAILABLE, "the server is going down" },
  { 1003, PB_ERROR_INVALID, "the server takes no binary messages" },
  { 1007, PB_ERROR_INVALID, "the server got text that is not UTF-8" },
  { 1008, PB_ERROR_INVALID, "the server says that we broke its rules" },
  { 1009, PB_ERROR_TOO_LARGE, "a message was too large" },
  { 1013, PB_ERROR_UNAVAILABLE, "the server says that this is too much" },
  { 4001, PB_ERROR_STATE, "the session was closed" },
  { 4002, PB_ERROR_TOKEN_EXPIRED, "the token has expired" },
  { 4003, PB_ERROR_TOKEN_REVOKED, "the token was withdrawn" },
  { 4004, PB_ERROR_EXPIRED, "the session has expired" },
  { 4008, PB_ERROR_UNAVAILABLE, "nothing was registered in time" },
};
/* clang-format on */

static GError *
error_from_code (guint code)
{
  for (guint i = 0; i < G_N_ELEMENTS (close_codes); i++)
    if (close_codes[i].code == code)
      return g_error_new_literal (PB_ERROR, close_codes[i].error,
          close_codes[i].words);

  if (code == 0 || code == SOUP_WEBSOCKET_CLOSE_ABNORMAL)
    return g_error_new_literal (PB_ERROR, PB_ERROR_UNAVAILABLE,
        "the connection to the server broke");

  return g_error_new (PB_ERROR, PB_ERROR_UNAVAILABLE,
      "the server closed the connection, code %u", code);
}

static void
set_timer (PbWsChannel *self, guint interval_ms, GSourceFunc callback)
{
  if (self->timer != NULL) {
    g_source_destroy (self->timer);
    g_clear_pointer (&self->timer, g_source_unref);
  }
  if (callback == NULL)
    return;
  self->timer = g_timeout_source_new (interval_ms);
  g_source_set_callback (self->timer, callback, self, NULL);
  g_source_attach (self->timer, self->context);
}

static gboolean
on_finished (gpointer user_data)
{
  PbWsChannel *self = user_data;

  self->state = STATE_CLOSED;
  g_signal_emit_by_name (self, "closed", self->code,
      self->is_ours ? NULL : self->error);
  /* what pb_channel_open() took; the source holds one more */
  g_object_unref (self);

  return G_SOURCE_REMOVE;
}

/* The one way to the end; tells it from the main context, never from inside a
 * call. */
static void
finish (PbWsChannel *self, guint code, GError *error)
{
  g_autoptr (GSource) source = NULL;

  if (self->is_finished) {
    g_clear_error (&error);
    return;
  }

  self->is_finished = TRUE;
  set_timer (self, 0, NULL);
  if (self->ws != NULL) {
    GIOStream *stream = pb_ws_guard_get_wrapped (
        soup_websocket_connection_get_io_stream (self->ws));

    g_signal_handlers_disconnect_by_data (self->ws, self);
    /* At once: closing the stream in order waits for the other end in TLS. */
    if (G_IS_SOCKET_CONNECTION (stream))
      g_socket_close (g_socket_connection_get_socket (
                          G_SOCKET_CONNECTION (stream)),
          NULL);
    g_clear_object (&self->ws);
  }
  self->state = STATE_CLOSING;
  self->code = code;
  self->error = error;
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_finished, g_object_ref (self),
      g_object_unref);
  g_source_attach (source, self->context);
}

static gboolean
on_connect_timeout (gpointer user_data)
{
  PbWsChannel *self = user_data;

  /* the callback of the handshake finishes */
  self->is_late = TRUE;
  set_timer (self, 0, NULL);
  g_cancellable_cancel (self->cancellable);

  return G_SOURCE_REMOVE;
}

static gboolean
on_goodbye_timeout (gpointer user_data)
{
  PbWsChannel *self = user_data;

  finish (self, SOUP_WEBSOCKET_CLOSE_ABNORMAL, error_from_code (0));

  return G_SOURCE_REMOVE;
}

static gboolean
on_silence_check (gpointer user_data)
{
  PbWsChannel *self = user_data;
  gint64 silent_us = g_get_monotonic_time () - self->heard_us;

  if (silent_us < (gint64) self->silence_ms * 1000)
    return G_SOURCE_CONTINUE;
  finish (self, 0,
      g_error_new (PB_ERROR, PB_ERROR_UNAVAILABLE,
          "nothing was heard from the server for %u s",
          (guint) (silent_us / G_USEC_PER_SEC)));

  return G_SOURCE_REMOVE;
}

static void
on_ws_message (SoupWebsocketConnection *ws, int type, GBytes *bytes,
    PbWsChannel *self)
{
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  self->heard_us = g_get_monotonic_time ();
  if (self->state != STATE_OPEN)
    return;
  if (type != SOUP_WEBSOCKET_DATA_TEXT) {
    soup_websocket_connection_close (ws, SOUP_WEBSOCKET_CLOSE_UNSUPPORTED_DATA,
        NULL);
    return;
  }
  /* libsoup ends the text with a NUL that it does not count */
  g_signal_emit_by_name (self, "message", length > 0 ? text : "", length);
}

static void
on_ws_pong (SoupWebsocketConnection *ws, GBytes *bytes, PbWsChannel *self)
{
  self->heard_us = g_get_monotonic_time ();
}

static void
on_ws_error (SoupWebsocketConnection *ws, GError *error, PbWsChannel *self)
{
  g_debug ("WebSocket: %s", error->message);
  if (error->domain == PB_ERROR && self->guarded == NULL)
    self->guarded = g_error_copy (error);
}

static void
on_ws_closed (SoupWebsocketConnection *ws, PbWsChannel *self)
{
  guint code = soup_websocket_connection_get_close_code (ws);

  if (self->guarded != NULL)
    finish (self, 0, g_steal_pointer (&self->guarded));
  else
    finish (self, code, error_from_code (code));
}

static void
on_handshake (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (PbWsChannel) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SoupWebsocketConnection) ws =
      pb_ws_handshake_finish (result, &error);

  if (self->is_late) {
    self->ws = g_steal_pointer (&ws);
    finish (self, 0,
        g_error_new_literal (PB_ERROR, PB_ERROR_UNAVAILABLE,
            "the server did not answer in time"));
    return;
  }
  if (ws == NULL) {
    finish (self, 0, g_steal_pointer (&error));
    return;
  }
  if (self->is_ours) {
    self->ws = g_steal_pointer (&ws);
    finish (self, 0, error_from_code (0));
    return;
  }

  self->ws = g_steal_pointer (&ws);
  self->state = STATE_OPEN;
  self->heard_us = g_get_monotonic_time ();
  set_timer (self, MAX (self->silence_ms / 10, 50), on_silence_check);
  soup_websocket_connection_set_keepalive_interval (self->ws,
      MAX (self->silence_ms * 3 / 7 / 1000, 1));
  g_signal_connect (self->ws, "message", G_CALLBACK (on_ws_message), self);
  g_signal_connect (self->ws, "pong", G_CALLBACK (on_ws_pong), self);
  g_signal_connect (self->ws, "error", G_CALLBACK (on_ws_error), self);
  g_signal_connect (self->ws, "closed", G_CALLBACK (on_ws_closed), self);
  g_signal_emit_by_name (self, "opened");
}

static void
pb_ws_channel_open (PbChannel *channel, const char *url, const char *token)
{
  PbWsChannel *self = PB_WS_CHANNEL (channel);

  g_return_if_fail (self->state == STATE_NEW);

  self->state = STATE_OPENING;
  g_object_ref (self); /* until closed */
  set_timer (self, self->connect_timeout_ms, on_connect_timeout);
  pb_ws_handshake_async (url, token, self->user_agent, self->cancellable,
      on_handshake, g_object_ref (self));
}

static void
pb_ws_channel_send (PbChannel *channel, const char *text, gssize length)
{
  PbWsChannel *self = PB_WS_CHANNEL (channel);
  g_autoptr (GBytes) bytes = NULL;

  if (self->state != STATE_OPEN || soup_websocket_connection_get_state (
                                       self->ws) != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  bytes = g_bytes_new (text, length < 0 ? strlen (text) : (gsize) length);
  soup_websocket_connection_send_message (self->ws, SOUP_WEBSOCKET_DATA_TEXT,
      bytes);
}

static void
pb_ws_channel_close (PbChannel *channel, guint code, const char *reason)
{
  PbWsChannel *self = PB_WS_CHANNEL (channel);

  switch (self->state) {
    case STATE_NEW:
      self->state = STATE_CLOSED;
      break;
    case STATE_OPENING:
      self->is_ours = TRUE;
      self->state = STATE_CLOSING;
      set_timer (self, 0, NULL);
      g_cancellable_cancel (self->cancellable);
      break;
    case STATE_OPEN:
      self->is_ours = TRUE;
      self->state = STATE_CLOSING;
      set_timer (self, GOODBYE_MS, on_goodbye_timeout);
      if (soup_websocket_connection_get_state (self->ws) ==
          SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_close (self->ws, (gushort) code, reason);
      break;
    case STATE_CLOSING:
    case STATE_CLOSED:
      break;
  }
}

static void
pb_ws_channel_iface_init (PbChannelInterface *iface)
{
  iface->open = pb_ws_channel_open;
  iface->send = pb_ws_channel_send;
  iface->close = pb_ws_channel_close;
}

static void
pb_ws_channel_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  PbWsChannel *self = PB_WS_CHANNEL (object);

  switch (id) {
    case PROP_CONNECT_TIMEOUT:
      self->connect_timeout_ms = g_value_get_uint (value);
      break;
    case PROP_SILENCE:
      self->silence_ms = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
pb_ws_channel_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  PbWsChannel *self = PB_WS_CHANNEL (object);

  switch (id) {
    case PROP_CONNECT_TIMEOUT:
      g_value_set_uint (value, self->connect_timeout_ms);
      break;
    case PROP_SILENCE:
      g_value_set_uint (value, self->silence_ms);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
pb_ws_channel_finalize (GObject *object)
{
  PbWsChannel *self = PB_WS_CHANNEL (object);

  set_timer (self, 0, NULL);
  g_clear_object (&self->ws);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->guarded);
  g_clear_error (&self->error);
  g_main_context_unref (self->context);
  g_free (self->user_agent);

  G_OBJECT_CLASS (pb_ws_channel_parent_class)->finalize (object);
}

static void
pb_ws_channel_init (PbWsChannel *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->cancellable = g_cancellable_new ();
  self->connect_timeout_ms = CONNECT_TIMEOUT_MS;
  self->silence_ms = SILENCE_MS;
}

static void
pb_ws_channel_class_init (PbWsChannelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = pb_ws_channel_set_property;
  object_class->get_property = pb_ws_channel_get_property;
  object_class->finalize = pb_ws_channel_finalize;

  /**
   * PbWsChannel:connect-timeout:
   *
   * How long the way to an open WebSocket may take, in milliseconds.
   */
  props[PROP_CONNECT_TIMEOUT] =
      g_param_spec_uint ("connect-timeout", NULL, NULL, 1, G_MAXINT,
          CONNECT_TIMEOUT_MS, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  /**
   * PbWsChannel:silence:
   *
   * Milliseconds without a sign of life after which the connection counts as
   * dead.
   */
  props[PROP_SILENCE] = g_param_spec_uint ("silence", NULL, NULL, 100, G_MAXINT,
      SILENCE_MS, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

/**
 * pb_ws_channel_new:
 * @user_agent: (nullable): for the User-Agent header
 *
 * Returns: (transfer full): a WebSocket that is not open yet; it belongs to the
 *   thread's default main context
 */
PbChannel *
pb_ws_channel_new (const char *user_agent)
{
  PbWsChannel *self = g_object_new (PB_TYPE_WS_CHANNEL, NULL);

  self->user_agent = g_strdup (user_agent);

  return PB_CHANNEL (self);
}
