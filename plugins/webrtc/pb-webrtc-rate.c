/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-rate.h"

#include <math.h>

#include "glue/pb-gst-debug.h"
#include "pb-frame-gate.h"
#include "pb-rate-estimator.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* The encoder keeps to its least; below it, and down to half of it, frames are
 * left out, so that audio goes on. */
#define MIN_PART 2
#define MIN_BPS 50000
#define START_BPS 1000000
/* What the way carries is not what the encoder may make of it: media that come
 * encoded are bound by nothing of ours, and where the estimate ended at the
 * encoder's most, that rate would look like a way that is nearly full. */
#define MAX_BPS 1000000000
/* IP, UDP, RTP with its extensions, SRTP's tag: GStreamer counts payload */
#define OVERHEAD (20 + 8 + 12 + 8 + 10)
/* and below what webrtcbin hands to the network */
#define OVERHEAD_IP (20 + 8)
/* The frames' part of what goes out: of about the last second, never less than
 * this, or what goes out once more would starve what goes out first. */
#define MEDIA_TIME_S 1.0
#define MEDIA_PART_MIN 0.5
/* one message tells of no more; the rest is left out */
#define PACKETS_MAX 1024
/* of the last that were lost: they may still come */
#define LOST_MAX 128
/* An encoder does not follow at once, nor exactly: in percent. */
#define GATE_SLACK 115
/* smaller changes are nobody's business: in parts of the estimate */
#define NEWS_PART 50

struct _PbWebrtcRate
{
  GMutex lock;
  PbRateEstimator *estimator; /* lock */
  GPtrArray *gates;           /* lock: of PbFrameGate, by track */
  gboolean was_fed;           /* lock */
  guint32 event;              /* lock: the last one's number */
  gint32 lost[LOST_MAX];      /* lock: their numbers; -1: none; a ring */
  guint n_lost;               /* lock */
  guint told_bps;             /* lock */
  gint64 rtt_us;              /* lock: at the last feedback; 0: not known */
  double sent, admitted;      /* lock: octets; they fade */
  gint64 faded_us;            /* lock */
};

/**
 * pb_webrtc_rate_new: (skip)
 * @min_kbps: the encoder's least
 *
 * Returns: (transfer full): what is known of a way, nothing
 */
PbWebrtcRate *
pb_webrtc_rate_new (guint min_kbps)
{
  PbWebrtcRate *self = g_new0 (PbWebrtcRate, 1);
  guint64 min_bps =
      MAX (min_kbps * G_GUINT64_CONSTANT (1000) / MIN_PART, MIN_BPS);

  g_mutex_init (&self->lock);
  for (guint i = 0; i < LOST_MAX; i++)
    self->lost[i] = -1;
  self->estimator = pb_rate_estimator_new ((guint) MIN (min_bps, MAX_BPS),
      MAX_BPS, START_BPS);
  self->gates =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_frame_gate_free);

  return self;
}

/**
 * pb_webrtc_rate_free: (skip)
 * @self: (transfer full): nobody calls it any more
 */
void
pb_webrtc_rate_free (PbWebrtcRate *self)
{
  pb_rate_estimator_free (self->estimator);
  g_ptr_array_unref (self->gates);
  g_mutex_clear (&self->lock);
  g_free (self);
}

typedef struct
{
  GArray *packets; /* of PbRatePacket */
  GArray *lost;    /* of gint32, their numbers */
  GArray *late;    /* of gint32: came, and were told of before */
} Feedback;

static void
feedback_clear (Feedback *self)
{
  g_clear_pointer (&self->packets, g_array_unref);
  g_clear_pointer (&self->lost, g_array_unref);
  g_clear_pointer (&self->late, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Feedback, feedback_clear)

/* RTPTWCCPacket, in nanoseconds; what was lost has no `remote-ts`, and what was
 * told of before has no `local-ts` any more. */
static void
read_packet (Feedback *self, const GstStructure *structure)
{
  guint64 local = GST_CLOCK_TIME_NONE, remote = GST_CLOCK_TIME_NONE;
  gboolean is_lost = FALSE;
  guint size = 0, seqnum = 0;
  gint32 number;
  PbRatePacket packet;

  gst_structure_get_uint64 (structure, "local-ts", &local);
  gst_structure_get_uint64 (structure, "remote-ts", &remote);
  gst_structure_get_boolean (structure, "lost", &is_lost);
  gst_structure_get_uint (structure, "size", &size);
  gst_structure_get_uint (structure, "seqnum", &seqnum);
  number = seqnum & G_MAXUINT16;
  is_lost |= !GST_CLOCK_TIME_IS_VALID (remote);
  if (!GST_CLOCK_TIME_IS_VALID (local)) {
    if (!is_lost)
      g_array_append_val (self->late, number);
    return;
  }

  packet.sent_us = (gint64) (local / 1000);
  packet.received_us = is_lost ? -1 : (gint64) (remote / 1000);
  packet.size = MIN (size, G_MAXUINT16) + OVERHEAD;
  g_array_append_val (self->packets, packet);
  if (is_lost)
    g_array_append_val (self->lost, number);
}

/* `local-ts` is the system clock's: so is the return value's now. */
static gint64
get_rtt (const GArray *packets, gint64 now_us)
{
  for (guint i = packets->len; i > 0; i--) {
    const PbRatePacket *packet = &g_array_index (packets, PbRatePacket, i - 1);

    if (packet->received_us >= 0)
      return MAX (now_us - packet->sent_us, 0);
  }

  return 0;
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS /* it is GStreamer's choice */
    static void
    read_feedback (Feedback *self, const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "packets");
  GValueArray *array =
      value != NULL && G_VALUE_HOLDS (value, g_value_array_get_type ())
          ? g_value_get_boxed (value)
          : NULL;

  self->packets = g_array_new (FALSE, FALSE, sizeof (PbRatePacket));
  self->lost = g_array_new (FALSE, FALSE, sizeof (gint32));
  self->late = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (guint i = 0; array != NULL && i < MIN (array->n_values, PACKETS_MAX);
       i++) {
    const GValue *item = g_value_array_get_nth (array, i);

    if (GST_VALUE_HOLDS_STRUCTURE (item))
      read_packet (self, gst_value_get_structure (item));
  }
}
G_GNUC_END_IGNORE_DEPRECATIONS

/* With the lock held, as those below */
static void
fade (PbWebrtcRate *self, gint64 now_us)
{
  double part = exp (
      -(double) (now_us - self->faded_us) / (MEDIA_TIME_S * G_USEC_PER_SEC));

  self->sent *= part;
  self->admitted *= part;
  self->faded_us = now_us;
}

static guint
get_media (PbWebrtcRate *self)
{
  double part =
      self->sent > 0 && self->admitted > 0 ? self->admitted / self->sent : 1;

  return (guint) ((double) pb_rate_estimator_get (self->estimator) *
                  CLAMP (part, MEDIA_PART_MIN, 1));
}

static void
set_rate (PbWebrtcRate *self, PbFrameGate *gate)
{
  guint64 bps = get_media (self);

  /* A counterpart that tells nothing has no bound; nor has a way that was never
   * full: what comes encoded is as much as it is, and must not be kept back
   * while the estimate only climbs. */
  if (!self->was_fed || !pb_rate_estimator_has_end (self->estimator))
    bps = 0;
  pb_frame_gate_set_rate (gate,
      (guint) MIN (bps * GATE_SLACK / 100, G_MAXUINT));
}

/* A receiver that has told of a gap may tell later that it was none; those of
 * GStreamer 1.22 never do. */
static void
recover (PbWebrtcRate *self, const Feedback *feedback)
{
  for (guint i = 0; i < feedback->lost->len; i++)
    self->lost[self->n_lost++ % LOST_MAX] =
        g_array_index (feedback->lost, gint32, i);
  for (guint i = 0; i < feedback->late->len; i++)
    for (guint j = 0; j < LOST_MAX; j++)
      if (self->lost[j] == g_array_index (feedback->late, gint32, i)) {
        self->lost[j] = -1;
        pb_rate_estimator_recover (self->estimator, 1);
      }
}

static PbFrameGate *
get_gate (PbWebrtcRate *self, guint track)
{
  while (self->gates->len <= track) {
    PbFrameGate *gate = pb_frame_gate_new ();

    set_rate (self, gate);
    g_ptr_array_add (self->gates, gate);
  }

  return g_ptr_array_index (self->gates, track);
}

static gboolean
has_news (PbWebrtcRate *self)
{
  guint bps = get_media (self);
  guint change =
      bps > self->told_bps ? bps - self->told_bps : self->told_bps - bps;

  for (guint i = 0; i < self->gates->len; i++)
    set_rate (self, g_ptr_array_index (self->gates, i));
  if (change <= self->told_bps / NEWS_PART)
    return FALSE;
  self->told_bps = bps;

  return TRUE;
}

/* What tests/data/recorded is made of */
static void
trace (PbWebrtcRate *self, const Feedback *feedback, gint64 rtt_us,
    gint64 now_us)
{
  if (gst_debug_category_get_threshold (GST_CAT_DEFAULT) < GST_LEVEL_TRACE)
    return;

  GST_TRACE ("rate %p: feedback,%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT ",%u",
      self, now_us, rtt_us, feedback->late->len);
  for (guint i = 0; i < feedback->packets->len; i++) {
    const PbRatePacket *packet =
        &g_array_index (feedback->packets, PbRatePacket, i);

    GST_TRACE ("rate %p: packet,%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT ",%u",
        self, packet->sent_us, packet->received_us, packet->size);
  }
}

/**
 * pb_webrtc_rate_take_event: (skip)
 * @self: the rate
 * @event: any event that goes upstream from webrtcbin
 *
 * rtpsession sends one event per feedback message, and the funnel before it
 * hands that to every stream: the same one counts once.
 *
 * Returns: whether the estimate has changed
 */
gboolean
pb_webrtc_rate_take_event (PbWebrtcRate *self, GstEvent *event)
{
  const GstStructure *structure;
  g_auto (Feedback) feedback = { NULL };
  GArray *packets;
  g_autoptr (GMutexLocker) locker = NULL;
  gint64 now_us = g_get_monotonic_time (), rtt_us;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_UPSTREAM)
    return FALSE;
  structure = gst_event_get_structure (event);
  if (structure == NULL ||
      !gst_structure_has_name (structure, "RTPTWCCPackets"))
    return FALSE;

  read_feedback (&feedback, structure);
  packets = feedback.packets;
  locker = g_mutex_locker_new (&self->lock);
  if ((packets->len == 0 && feedback.late->len == 0) ||
      gst_event_get_seqnum (event) == self->event)
    return FALSE;
  self->event = gst_event_get_seqnum (event);
  self->was_fed = TRUE;
  recover (self, &feedback);
  rtt_us = get_rtt (packets, now_us);
  if (rtt_us > 0)
    self->rtt_us = rtt_us;
  pb_rate_estimator_feed (self->estimator, (const PbRatePacket *) packets->data,
      packets->len, rtt_us, now_us);
  if (packets->len > 0 && rtt_us > 0 &&
      pb_rate_estimator_is_clear (self->estimator))
    for (guint i = 0; i < self->gates->len; i++)
      pb_frame_gate_forgive (g_ptr_array_index (self->gates, i),
          now_us - rtt_us);
  GST_LOG ("rate %p: feedback on %u packets, %u lost, round trip %d ms; "
           "%.1f %% lost in a second, %u kbit/s, %u for media",
      self, packets->len, feedback.lost->len, (int) (rtt_us / 1000),
      pb_rate_estimator_get_loss (self->estimator),
      pb_rate_estimator_get (self->estimator) / 1000, get_media (self) / 1000);
  trace (self, &feedback, rtt_us, now_us);

  return has_news (self);
}

/**
 * pb_webrtc_rate_tick: (skip)
 * @self: the rate
 *
 * Returns: whether the estimate has changed
 */
gboolean
pb_webrtc_rate_tick (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  pb_rate_estimator_tick (self->estimator, g_get_monotonic_time ());

  return has_news (self);
}

/**
 * pb_webrtc_rate_get: (skip)
 * @self: the rate
 *
 * Returns: the estimate, in bits per second, for all that is sent
 */
guint
pb_webrtc_rate_get (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return pb_rate_estimator_get (self->estimator);
}

/**
 * pb_webrtc_rate_get_media: (skip)
 * @self: the rate
 *
 * Returns: the estimate, in bits per second, for the frames alone
 */
guint
pb_webrtc_rate_get_media (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return get_media (self);
}

/**
 * pb_webrtc_rate_note_sent: (skip)
 * @self: the rate
 * @n_packets: that have gone out
 * @n_octets: in all of them, as the network was given them
 */
void
pb_webrtc_rate_note_sent (PbWebrtcRate *self, guint n_packets, gsize n_octets)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  fade (self, g_get_monotonic_time ());
  self->sent += (double) (n_octets + (gsize) n_packets * OVERHEAD_IP);
}

/**
 * pb_webrtc_rate_get_loss: (skip)
 * @self: the rate
 *
 * Returns: percent of the packets of the last second
 */
double
pb_webrtc_rate_get_loss (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return pb_rate_estimator_get_loss (self->estimator);
}

/**
 * pb_webrtc_rate_get_rtt: (skip)
 * @self: the rate
 *
 * Returns: the round trip, what waits in the way's queues included, in
 *     microseconds; 0 where it is not known
 */
gint64
pb_webrtc_rate_get_rtt (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->rtt_us;
}

/**
 * pb_webrtc_rate_admit: (skip)
 * @self: the rate
 * @track: counts from 0
 * @is_video: or audio
 * @buffer: one frame
 * @queued: how much of that stream waits already
 * @wants_keyframe: (out): the encoder should be asked for a keyframe
 *
 * Returns: whether the frame goes
 */
gboolean
pb_webrtc_rate_admit (PbWebrtcRate *self, guint track, gboolean is_video,
    GstBuffer *buffer, GstClockTime queued, gboolean *wants_keyframe)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 now_us = g_get_monotonic_time ();
  gsize size = gst_buffer_get_size (buffer);
  PbFrameGate *gate = get_gate (self, track);
  gboolean goes = pb_frame_gate_admit (gate, is_video,
      !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT), size,
      GST_CLOCK_TIME_IS_VALID (queued) ? (gint64) (queued / 1000) : 0, now_us);

  for (guint i = 0; goes && i < self->gates->len; i++) {
    if (i != track)
      pb_frame_gate_pay (g_ptr_array_index (self->gates, i), size, now_us);
  }
  fade (self, now_us);
  if (goes)
    self->admitted += (double) size;
  *wants_keyframe = pb_frame_gate_wants_keyframe (gate, now_us);
  if (!goes)
    GST_LOG ("rate %p: a frame of track %u is left out", self, track);

  return goes;
}

/**
 * pb_webrtc_rate_restart: (skip)
 * @self: the rate
 * @track: counts from 0
 *
 * The consumer has nothing of what was sent before.
 */
void
pb_webrtc_rate_restart (PbWebrtcRate *self, guint track)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  pb_frame_gate_restart (get_gate (self, track));
}

/**
 * pb_webrtc_rate_get_dropped: (skip)
 * @self: the rate
 *
 * Returns: frames that were left out
 */
guint64
pb_webrtc_rate_get_dropped (PbWebrtcRate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint64 n = 0;

  for (guint i = 0; i < self->gates->len; i++)
    n += pb_frame_gate_get_dropped (g_ptr_array_index (self->gates, i));

  return n;
}
