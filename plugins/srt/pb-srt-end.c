/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-end.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "glue/pb-call.h"
#include "glue/pb-gst-message.h"
#include "glue/pb-timer.h"
#include "pb-srt-end-private.h"

/* The ends of a production rarely start in the same second. */
#define ABSENT_MS 2500
/* The first figures of a connection, before the regular ones */
#define QUICK_HEALTH_MS 1000

/* --- small things --------------------------------------------------------- */

static GSource *
attach_timer (PbSrtEnd *self, guint ms, GSourceFunc func)
{
  return pb_timer_new (self->context, ms, func, self);
}

static void
tell (PbSrtEnd *self, const char *what)
{
  self->callbacks.changed (what, self->user_data);
}

void
pb_srt_end_send_status (PbSrtEnd *self, const char *srt, const char *with,
    PbFault fault, const char *path, guint latency_ms)
{
  g_autoptr (PbMessage) message = NULL;

  if (!self->is_registered)
    return;

  message = pb_message_new (PB_MESSAGE_STATUS);
  pb_message_set_string (message, "peer", self->us);
  pb_message_set_string (message, "srt", srt);
  pb_message_set_string (message, "transport", "srt");
  if (with != NULL)
    pb_message_set_string (message, "with", with);
  if (fault != PB_FAULT_NONE)
    pb_message_set_string (message, "code", pb_fault_get_code (fault));
  if (g_strcmp0 (srt, "connected") == 0) {
    if (path != NULL)
      pb_message_set_string (message, "path", path);
    pb_message_set_string (message, "cipher",
        pb_cipher_get_name (self->cipher));
    pb_message_set_int (message, "latency", latency_ms);
  }
  pb_gst_session_send (self->session, message);
}

guint
pb_srt_end_get_wanted_latency (PbSrtEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->latency_ms > 0 ? self->latency_ms : self->slot_latency_ms;
}

void
pb_srt_end_set_negotiated (PbSrtEnd *self, guint latency_ms)
{
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = self->negotiated_ms != latency_ms;
  self->negotiated_ms = latency_ms;
  g_mutex_unlock (&self->lock);
  if (is_new)
    tell (self, "latency");
}

static void
set_state (PbSrtEnd *self, PbState state)
{
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = self->state != state;
  self->state = state;
  g_mutex_unlock (&self->lock);
  if (is_new)
    tell (self, "state");
}

static gboolean
on_absent (gpointer user_data)
{
  PbSrtEnd *self = user_data;

  pb_timer_clear (&self->absent_timer);
  pb_gst_report_fault (self->report, PB_FAULT_PEER_ABSENT, "local", NULL, 0, 0,
      NULL);

  return G_SOURCE_REMOVE;
}

void
pb_srt_end_update_state (PbSrtEnd *self)
{
  PbState state = PB_STATE_WAITING;
  gboolean is_connected = self->plain_media->len > 0;

  for (guint i = 0; i < self->counterparts->len; i++) {
    PbSrtCounterpart *other = g_ptr_array_index (self->counterparts, i);

    is_connected = is_connected || other->media != 0;
    state = PB_STATE_READY;
  }
  if (is_connected)
    state = PB_STATE_CONNECTED;
  if (self->member == NULL)
    state = PB_STATE_CLOSED;

  if (state != PB_STATE_WAITING || !self->is_registered || self->shared != NULL)
    pb_timer_clear (&self->absent_timer);
  else if (self->absent_timer == NULL)
    self->absent_timer = attach_timer (self, ABSENT_MS, on_absent);
  set_state (self, state);
}

/* --- health --------------------------------------------------------------- */

static gboolean
on_health (gpointer user_data)
{
  PbSrtEnd *self = user_data;
  const gint64 now_us = g_get_monotonic_time ();
  PbSrtStats stats = { 0 };
  PbHealthSample sample;
  g_autoptr (PbMessage) message = NULL;

  pb_timer_clear (&self->health_timer);
  if (self->n_quick > 0) {
    self->n_quick--;
    self->health_timer = attach_timer (self, QUICK_HEALTH_MS, on_health);
  } else {
    self->health_timer =
        attach_timer (self, self->health_interval_ms, on_health);
  }
  if (!pb_srt_io_get_stats (self->io, 0, &stats))
    return G_SOURCE_REMOVE;
  /* Nobody over SRT: the other transport's report is that of both. */
  if (self->shared != NULL && stats.n_links == 0)
    return G_SOURCE_REMOVE;

  pb_srt_stats_to_sample (&stats, &self->last, self->direction,
      now_us - self->last_us, &sample);
  self->last = stats;
  self->last_us = now_us;
  message = pb_gst_report_health (self->report, self->us, &sample, now_us);
  if (self->is_registered)
    pb_gst_session_send (self->session, message);

  return G_SOURCE_REMOVE;
}

/* Better counts after two reports in a row: a new connection gives them soon,
 * and is not called disconnected for ten seconds more. */
void
pb_srt_end_hurry_health (PbSrtEnd *self)
{
  if (self->health_timer == NULL)
    return;

  self->n_quick = 2;
  pb_timer_clear (&self->health_timer);
  self->health_timer = attach_timer (self, QUICK_HEALTH_MS, on_health);
}

/* --- registered ----------------------------------------------------------- */

static void
meet_early (PbSrtEnd *self)
{
  g_autoptr (GPtrArray) early = g_steal_pointer (&self->early);

  self->early =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_message_unref);
  pb_srt_meet_start_plain (self);
  for (guint i = 0; i < early->len; i++)
    pb_srt_meet_introduce (self, g_ptr_array_index (early, i));
}

static void
on_stun_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  PbSrtEnd *self;
  g_autoptr (GError) error = NULL;
  GList *addresses =
      g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  /* stopped meanwhile */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self = user_data;
  g_clear_object (&self->resolving);
  if (addresses != NULL) {
    self->stun_address = g_inet_address_to_string (addresses->data);
    g_resolver_free_addresses (addresses);
  } else {
    GST_WARNING_OBJECT (self->element, "STUN: %s", error->message);
  }
  meet_early (self);
}

/* The server's STUN responder, as a number. On loopback there is nothing to be
 * learnt from it. */
static void
find_stun (PbSrtEnd *self, PbMessage *registered)
{
  JsonNode *node =
      json_object_get_member (pb_message_peek_object (registered), "stun");
  JsonObject *stun = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                         ? json_node_get_object (node)
                         : NULL;
  const char *host;
  g_autoptr (GInetAddress) numeric = NULL;
  g_autoptr (GResolver) resolver = NULL;

  g_clear_pointer (&self->stun_address, g_free);
  if (stun == NULL || self->on_loopback) {
    meet_early (self);
    return;
  }

  self->stun_port =
      (guint) json_object_get_int_member_with_default (stun, "port", 0);
  host = json_object_get_string_member_with_default (stun, "address",
      self->uri->host);
  numeric = g_inet_address_new_from_string (host);
  if (numeric != NULL) {
    self->stun_address = g_inet_address_to_string (numeric);
    meet_early (self);
    return;
  }
  if (self->resolving != NULL)
    return;
  resolver = g_resolver_get_default ();
  self->resolving = g_cancellable_new ();
  g_resolver_lookup_by_name_async (resolver, host, self->resolving,
      on_stun_resolved, self);
}

static void
set_tally (PbSrtEnd *self, const char *name)
{
  PbTally tally;
  gboolean is_new;

  if (name == NULL || !pb_tally_from_name (name, &tally))
    return;

  g_mutex_lock (&self->lock);
  is_new = self->tally != tally;
  self->tally = tally;
  g_mutex_unlock (&self->lock);
  if (!is_new)
    return;

  if (self->shared == NULL)
    gst_element_post_message (self->element,
        pb_gst_message_new_tally (GST_OBJECT (self->element), self->stream,
            tally));
  tell (self, "tally");
}

static void
handle_registered (PbSrtEnd *self, PbMessage *message)
{
  gint64 latency = pb_message_get_int (message, "latency");

  if (g_strcmp0 (pb_message_get_string (message, "peer"), self->us) != 0)
    return;

  self->is_registered = TRUE;
  pb_secret_free (self->slot_passphrase);
  self->slot_passphrase =
      g_strdup (pb_message_get_string (message, "passphrase"));
  self->slot_port = (guint) pb_message_get_int (message, "port");
  g_mutex_lock (&self->lock);
  self->slot_latency_ms = latency > 0 ? (guint) latency : PB_LATENCY_DEFAULT;
  g_mutex_unlock (&self->lock);
  if (!pb_cipher_from_name (pb_message_get_string (message, "cipher"),
          &self->cipher))
    self->cipher = PB_CIPHER_AES_256;

  pb_gst_report_clear_server (self->report);
  if (self->shared == NULL)
    gst_element_post_message (self->element,
        pb_gst_message_new_session (GST_OBJECT (self->element), "connected",
            message));
  set_tally (self, pb_message_get_string (message, "tally"));
  tell (self, "latency");
  pb_srt_meet_tell_again (self);
  if (self->health_timer == NULL)
    self->health_timer = attach_timer (self, QUICK_HEALTH_MS, on_health);
  find_stun (self, message);
  pb_srt_end_update_state (self);
}

/* --- the session's callbacks ---------------------------------------------- */

static void
handle_peer (PbSrtEnd *self, PbMessage *message)
{
  if (self->resolving != NULL)
    g_ptr_array_add (self->early, pb_message_ref (message));
  else
    pb_srt_meet_introduce (self, message);
}

static void
on_message (PbMessage *message, gpointer user_data)
{
  PbSrtEnd *self = user_data;
  const char *stream = pb_message_get_string (message, "stream");

  if (self->member == NULL)
    return;

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      handle_registered (self, message);
      break;
    case PB_MESSAGE_PEER:
      handle_peer (self, message);
      break;
    case PB_MESSAGE_PEER_GONE:
      pb_srt_meet_gone (self, message);
      break;
    case PB_MESSAGE_SIGNAL:
      pb_srt_meet_signal (self, message);
      break;
    case PB_MESSAGE_STATUS:
      pb_srt_meet_status (self, message);
      break;
    case PB_MESSAGE_HEALTH:
      if (self->shared == NULL && g_strcmp0 (stream, self->stream) == 0 &&
          g_strcmp0 (pb_message_get_string (message, "peer"), self->us) != 0)
        gst_element_post_message (self->element,
            pb_gst_message_new_health (GST_OBJECT (self->element), message));
      break;
    case PB_MESSAGE_TALLY:
      if (g_strcmp0 (stream, self->stream) == 0)
        set_tally (self, pb_message_get_string (message, "state"));
      break;
    case PB_MESSAGE_CUE:
      if (self->shared == NULL && g_strcmp0 (stream, self->stream) == 0)
        gst_element_post_message (self->element,
            pb_gst_message_new_cue (GST_OBJECT (self->element), stream,
                pb_message_get_string (message, "text")));
      break;
    case PB_MESSAGE_THUMBNAIL_REQUEST:
      if (self->shared == NULL && self->gives_thumbnails)
        self->callbacks.wants_thumbnail (self->us, self->user_data);
      break;
    default:
      break; /* `closed` and `error` come as faults */
  }
}

static void
on_state (PbClientState state, gpointer user_data)
{
  PbSrtEnd *self = user_data;
  static const char *const names[] = { "closed", "connecting", "connected",
    "waiting" };

  if (self->member == NULL)
    return;

  if (state != PB_CLIENT_STATE_CONNECTED) {
    self->is_registered = FALSE;
    pb_srt_meet_set_signalling (self, FALSE);
    /* "connected" is told with the registration, which says more */
    if (self->shared == NULL)
      gst_element_post_message (self->element,
          pb_gst_message_new_session (GST_OBJECT (self->element), names[state],
              NULL));
  }
  pb_srt_end_update_state (self);
}

static void
leave (PbSrtEnd *self)
{
  PbGstMember *member = g_steal_pointer (&self->member);

  pb_timer_clear (&self->health_timer);
  pb_timer_clear (&self->absent_timer);
  if (self->resolving != NULL)
    g_cancellable_cancel (self->resolving);
  g_clear_object (&self->resolving);
  g_ptr_array_set_size (self->early, 0);
  pb_srt_meet_drop_all (self);
  self->is_registered = FALSE;
  if (member != NULL)
    pb_gst_session_leave (self->session, member);
}

static void
on_fault (PbFault fault, const char *detail, gpointer user_data)
{
  PbSrtEnd *self = user_data;
  guint attempt = 0, retry_in_ms = 0;

  if (self->member == NULL)
    return;

  pb_gst_session_get_retry (self->session, &attempt, &retry_in_ms);
  if (self->shared == NULL)
    pb_gst_report_fault (self->report, fault,
        fault == PB_FAULT_SERVER_UNREACHABLE ? "local" : "server", NULL,
        attempt, retry_in_ms, detail);
  if (pb_fault_is_fatal (fault)) {
    leave (self);
    pb_srt_end_update_state (self);
  }
}

/* --- life ----------------------------------------------------------------- */

/**
 * pb_srt_end_new:
 * @element: posts the messages and outlives the end
 * @session: whose context it lives on
 * @config: copied
 * @callbacks: copied; all of them are needed
 * @user_data: for the callbacks
 *
 * Returns: (transfer full): an end that has not started
 */
PbSrtEnd *
pb_srt_end_new (GstElement *element, PbGstSession *session,
    const PbSrtEndConfig *config, const PbSrtEndCallbacks *callbacks,
    gpointer user_data)
{
  PbSrtEnd *self = g_atomic_rc_box_new0 (PbSrtEnd);
  PbSrtIoConfig io = PB_SRT_IO_CONFIG_INIT (config->direction);

  self->element = element;
  self->session = g_object_ref (session);
  self->context = g_main_context_ref (pb_gst_session_get_context (session));
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->uri = pb_uri_copy (config->uri);
  self->stream = g_strdup (config->stream);
  self->resource =
      g_strdup_printf ("%s/%s", config->uri->session, config->stream);
  self->stream_id = pb_strings_stream_id (config->uri->session, config->stream,
      config->direction);
  self->direction = config->direction;
  self->mode = config->mode;
  self->latency_ms = config->latency_ms;
  self->own_passphrase = g_strdup (config->passphrase);
  self->local_address = g_strdup (config->local_address);
  self->local_port = config->local_port;
  self->peer_host = g_strdup (config->peer_host);
  self->peer_port = config->peer_port;
  self->health_interval_ms = config->health_interval_ms;
  if (config->registration != NULL)
    self->shared = pb_registration_copy (config->registration);
  self->gives_thumbnails = config->gives_thumbnails;
  self->on_loopback = pb_uri_is_loopback (config->uri);
  self->slot_latency_ms = PB_LATENCY_DEFAULT;
  io.wait_for_connection = config->wait_for_connection;
  self->io = pb_srt_io_new (&io, &pb_srt_events_io_callbacks, self);
  self->report = pb_gst_report_new (element, config->stream, config->direction);
  self->last_us = g_get_monotonic_time ();
  self->early =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_message_unref);
  self->counterparts = g_ptr_array_new_with_free_func (pb_srt_counterpart_free);
  self->plain_media = g_array_new (FALSE, FALSE, sizeof (guint));
  self->state = PB_STATE_WAITING;
  g_mutex_init (&self->lock);

  return self;
}

static void
finalize (gpointer data)
{
  PbSrtEnd *self = data;

  g_ptr_array_unref (self->early);
  g_ptr_array_unref (self->counterparts);
  g_array_unref (self->plain_media);
  pb_srt_io_unref (self->io);
  pb_gst_report_free (self->report);
  pb_secret_free (self->own_passphrase);
  pb_secret_free (self->slot_passphrase);
  g_clear_pointer (&self->shared, pb_registration_free);
  pb_uri_free (self->uri);
  g_free (self->stream);
  g_free (self->resource);
  g_free (self->stream_id);
  g_free (self->local_address);
  g_free (self->peer_host);
  g_free (self->stun_address);
  g_free (self->us);
  g_mutex_clear (&self->lock);
  g_main_context_unref (self->context);
  g_object_unref (self->session);
}

/**
 * pb_srt_end_ref:
 * @self: the end
 *
 * Returns: @self
 */
PbSrtEnd *
pb_srt_end_ref (PbSrtEnd *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * pb_srt_end_unref:
 * @self: the end
 */
void
pb_srt_end_unref (PbSrtEnd *self)
{
  g_atomic_rc_box_release_full (self, finalize);
}

static void
run (PbSrtEnd *self, void (*func) (PbSrtEnd *self))
{
  pb_call (self->context, (PbCallFunc) func, pb_srt_end_ref (self),
      (GDestroyNotify) pb_srt_end_unref);
}

static void
join (PbSrtEnd *self)
{
  static const PbGstSessionCallbacks callbacks = { on_message, on_state,
    on_fault };
  g_autoptr (PbRegistration) registration = NULL;

  if (self->is_stopped)
    return;

  if (self->shared != NULL) {
    registration = pb_registration_copy (self->shared);
  } else {
    registration = pb_registration_new (self->stream, self->direction);
    registration->ice =
        self->mode == PB_SRT_END_AUTO || self->mode == PB_SRT_END_ICE;
    registration->client = g_strdup ("pbsrtbin/" PACKAGE_VERSION);
    registration->thumbnails = self->gives_thumbnails;
  }
  self->us = g_strdup (registration->peer);
  self->member =
      pb_gst_session_join (self->session, registration, &callbacks, self);
}

/**
 * pb_srt_end_start:
 * @self: the end
 * @error: a #PB_SRT_FAULT where there are no threads or sockets to be had
 *
 * Returns: whether it is on its way
 */
gboolean
pb_srt_end_start (PbSrtEnd *self, GError **error)
{
  if (!pb_srt_io_start (self->io, error))
    return FALSE;

  run (self, join);

  return TRUE;
}

static void
finish (PbSrtEnd *self)
{
  leave (self);
  pb_srt_end_update_state (self);
}

/**
 * pb_srt_end_finish:
 * @self: the end
 */
void
pb_srt_end_finish (PbSrtEnd *self)
{
  run (self, finish);
}

static void
stop (PbSrtEnd *self)
{
  self->is_stopped = TRUE;
  leave (self);
}

/**
 * pb_srt_end_stop:
 * @self: the end
 */
void
pb_srt_end_stop (PbSrtEnd *self)
{
  pb_call_and_wait (self->context, (PbCallFunc) stop, self);
  pb_srt_io_stop (self->io);
}

/**
 * pb_srt_end_peek_io:
 * @self: the end
 *
 * Returns: (transfer none): its engine
 */
PbSrtIo *
pb_srt_end_peek_io (PbSrtEnd *self)
{
  return self->io;
}

/**
 * pb_srt_end_get_state:
 * @self: the end
 *
 * Returns: of the slot, as seen from here
 */
PbState
pb_srt_end_get_state (PbSrtEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->state;
}

/**
 * pb_srt_end_get_tally:
 * @self: the end
 *
 * Returns: the slot's
 */
PbTally
pb_srt_end_get_tally (PbSrtEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->tally;
}

/**
 * pb_srt_end_get_latency:
 * @self: the end
 *
 * Returns: in milliseconds
 */
guint
pb_srt_end_get_latency (PbSrtEnd *self)
{
  guint negotiated;

  g_mutex_lock (&self->lock);
  negotiated = self->negotiated_ms;
  g_mutex_unlock (&self->lock);

  return negotiated > 0 ? negotiated : pb_srt_end_get_wanted_latency (self);
}
