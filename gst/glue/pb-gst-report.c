/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-report.h"

#include "glue/pb-gst-message.h"

struct _PbGstReport
{
  /* set in new */
  GstElement *element; /* unowned: it owns us */
  char *stream;
  PbDirection direction;

  GMutex lock;
  guint64 told;     /* lock; a bit per PbFault */
  gboolean is_over; /* lock; an error was posted */

  /* the thread that reports health */
  PbHealth *health;
};

G_STATIC_ASSERT (PB_FAULT_INTERNAL < 64);
#define BIT(fault) (G_GUINT64_CONSTANT (1) << (fault))

/* Causes that a standing registration disproves; all others end with a
 * connection. */
static const guint64 server_faults =
    BIT (PB_FAULT_TOKEN_MISSING) | BIT (PB_FAULT_TOKEN_INVALID) |
    BIT (PB_FAULT_TOKEN_EXPIRED) | BIT (PB_FAULT_TOKEN_REVOKED) |
    BIT (PB_FAULT_DENIED) | BIT (PB_FAULT_SLOT_TAKEN) |
    BIT (PB_FAULT_SLOT_UNKNOWN) | BIT (PB_FAULT_SESSION_UNKNOWN) |
    BIT (PB_FAULT_SESSION_CLOSED) | BIT (PB_FAULT_SESSION_EXPIRED) |
    BIT (PB_FAULT_SESSION_FULL) | BIT (PB_FAULT_REPLACED) |
    BIT (PB_FAULT_SERVER_UNREACHABLE) | BIT (PB_FAULT_SERVER_REFUSED) |
    BIT (PB_FAULT_VERSION_MISMATCH);

/**
 * pb_gst_report_new:
 * @element: posts the messages
 * @stream: the slot
 * @direction: what this end does
 *
 * Returns: (transfer full): a report
 */
PbGstReport *
pb_gst_report_new (GstElement *element, const char *stream,
    PbDirection direction)
{
  PbGstReport *self = g_new0 (PbGstReport, 1);

  self->element = element;
  self->stream = g_strdup (stream);
  self->direction = direction;
  self->health = pb_health_new (direction);
  g_mutex_init (&self->lock);

  return self;
}

/**
 * pb_gst_report_free:
 * @self: (transfer full) (nullable): the report
 */
void
pb_gst_report_free (PbGstReport *self)
{
  if (self == NULL)
    return;

  pb_health_free (self->health);
  g_mutex_clear (&self->lock);
  g_free (self->stream);
  g_free (self);
}

/* --- faults --------------------------------------------------------------- */

static gboolean
is_news (PbGstReport *self, PbFault fault, gboolean is_fatal)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->is_over || (self->told & BIT (fault)) != 0)
    return FALSE;

  self->told |= BIT (fault);
  self->is_over = is_fatal;

  return TRUE;
}

static void
post_error (PbGstReport *self, PbFault fault, const char *detail)
{
  const char *sentence = pb_fault_get_sentence (fault);
  g_autofree char *debug = g_strdup_printf ("%s: %s", pb_fault_get_code (fault),
      detail != NULL ? detail : "");

  switch (fault) {
    case PB_FAULT_TOKEN_MISSING:
    case PB_FAULT_TOKEN_INVALID:
    case PB_FAULT_TOKEN_EXPIRED:
    case PB_FAULT_TOKEN_REVOKED:
    case PB_FAULT_DENIED:
      GST_ELEMENT_ERROR (self->element, RESOURCE, NOT_AUTHORIZED,
          ("%s", sentence), ("%s", debug));
      break;
    case PB_FAULT_SLOT_UNKNOWN:
    case PB_FAULT_SESSION_UNKNOWN:
      GST_ELEMENT_ERROR (self->element, RESOURCE, NOT_FOUND, ("%s", sentence),
          ("%s", debug));
      break;
    case PB_FAULT_SLOT_TAKEN:
    case PB_FAULT_REPLACED:
      GST_ELEMENT_ERROR (self->element, RESOURCE, BUSY, ("%s", sentence),
          ("%s", debug));
      break;
    default:
      GST_ELEMENT_ERROR (self->element, RESOURCE, OPEN_READ_WRITE,
          ("%s", sentence), ("%s", debug));
      break;
  }
}

/**
 * pb_gst_report_fault:
 * @self: the report
 * @fault: the cause
 * @side: "local", "peer" or "server"
 * @peer: (nullable): with whom
 * @attempt: which one failed, from 1
 * @retry_in_ms: when it is tried again; 0: it is not
 * @detail: (nullable): for a log
 */
void
pb_gst_report_fault (PbGstReport *self, PbFault fault, const char *side,
    const char *peer, guint attempt, guint retry_in_ms, const char *detail)
{
  gboolean is_fatal = pb_fault_is_fatal (fault);

  if (fault == PB_FAULT_NONE || !is_news (self, fault, is_fatal))
    return;

  gst_element_post_message (self->element,
      pb_gst_message_new_fault (GST_OBJECT (self->element), fault, side,
          self->stream, peer, attempt, retry_in_ms));
  if (is_fatal)
    post_error (self, fault, detail);
  else
    GST_ELEMENT_WARNING (self->element, RESOURCE, OPEN_READ_WRITE,
        ("%s", pb_fault_get_sentence (fault)),
        ("%s: %s", pb_fault_get_code (fault), detail != NULL ? detail : ""));
}

/**
 * pb_gst_report_clear_media:
 * @self: the report
 */
void
pb_gst_report_clear_media (PbGstReport *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->told &= server_faults;
}

/**
 * pb_gst_report_clear_server:
 * @self: the report
 */
void
pb_gst_report_clear_server (PbGstReport *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->told &= ~server_faults;
}

/* --- peers ---------------------------------------------------------------- */

/**
 * pb_gst_report_peer:
 * @self: the report
 * @peer: its id, or "" for a client without signalling
 * @client: (nullable): what it says it is
 * @transport: what carries the media
 * @path: "direct", "relay", "plain" or ""
 * @srt: what became of it
 * @cipher: (nullable): "aes-256", "dtls-srtp"
 * @latency_ms: negotiated
 */
void
pb_gst_report_peer (PbGstReport *self, const char *peer, const char *client,
    PbTransport transport, const char *path, const char *srt,
    const char *cipher, guint latency_ms)
{
  PbDirection theirs = self->direction == PB_DIRECTION_SEND
                           ? PB_DIRECTION_RECEIVE
                           : PB_DIRECTION_SEND;
  GstStructure *fields = gst_structure_new ("pb-peer", "stream", G_TYPE_STRING,
      self->stream, "peer", G_TYPE_STRING, peer != NULL ? peer : "",
      "direction", G_TYPE_STRING, pb_direction_get_name (theirs), "client",
      G_TYPE_STRING, client != NULL ? client : "", "transport", G_TYPE_STRING,
      pb_transport_get_name (transport), "path", G_TYPE_STRING, path, "srt",
      G_TYPE_STRING, srt, "cipher", G_TYPE_STRING, cipher != NULL ? cipher : "",
      "latency-ms", G_TYPE_UINT, latency_ms, NULL);

  gst_element_post_message (self->element,
      pb_gst_message_new_peer (GST_OBJECT (self->element), fields));
}

/* --- health --------------------------------------------------------------- */

/**
 * pb_gst_report_health:
 * @self: the report
 * @us: our peer id
 * @sample: of all connections together
 * @now_us: monotonic
 *
 * Returns: (transfer full): the `health` message for the server
 */
PbMessage *
pb_gst_report_health (PbGstReport *self, const char *us,
    const PbHealthSample *sample, gint64 now_us)
{
  g_autoptr (PbMessage) own = pb_message_new (PB_MESSAGE_HEALTH);
  PbMessage *message = pb_message_new (PB_MESSAGE_HEALTH);
  PbHealthStatus status = pb_health_add (self->health, sample, now_us);

  pb_message_set_string (message, "peer", us);
  pb_health_sample_write (sample, message);

  /* The same as the server would say it of us */
  pb_message_set_string (own, "peer", us);
  pb_message_set_string (own, "stream", self->stream);
  pb_message_set_string (own, "direction",
      pb_direction_get_name (self->direction));
  pb_message_set_string (own, "health", pb_health_status_get_name (status));
  pb_message_set_string (own, "cause",
      pb_health_get_cause (self->health, now_us));
  pb_message_set_boolean (own, "stale", FALSE);
  pb_message_set_int (own, "age", 0);
  pb_health_sample_write (sample, own);
  gst_element_post_message (self->element,
      pb_gst_message_new_health (GST_OBJECT (self->element), own));

  return message;
}
