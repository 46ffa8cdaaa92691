/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * PbWebrtcRate: (skip)
 * What the way to one counterpart carries, and which frames are let onto it:
 * PbRateEstimator and PbFrameGate behind a lock, fed by GStreamer's events. Any
 * thread.
 */
typedef struct _PbWebrtcRate PbWebrtcRate;

/* The least that the encoder of video makes */
PbWebrtcRate *pb_webrtc_rate_new (guint min_kbps);
void pb_webrtc_rate_free (PbWebrtcRate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbWebrtcRate, pb_webrtc_rate_free)

/* An event that goes upstream from webrtcbin. TRUE: the estimate has changed */
gboolean pb_webrtc_rate_take_event (PbWebrtcRate *self, GstEvent *event);
/* Once a second while connected. TRUE: the estimate has changed */
gboolean pb_webrtc_rate_tick (PbWebrtcRate *self);
/* So many packets, of so many octets in all, have gone out to the counterpart.
 */
void pb_webrtc_rate_note_sent (PbWebrtcRate *self, guint n_packets,
    gsize n_octets);
guint pb_webrtc_rate_get (PbWebrtcRate *self); /* bits per second */
/* What of it is left for frames: headers, and what was lost and goes out once
 * more, take their part. */
guint pb_webrtc_rate_get_media (PbWebrtcRate *self); /* bits per second */
double pb_webrtc_rate_get_loss (PbWebrtcRate *self); /* percent */
gint64 pb_webrtc_rate_get_rtt (PbWebrtcRate *self);  /* us; 0: not known */

/* Whether the frame goes; each track waits for a keyframe of its own.
 * `queued`: GST_CLOCK_TIME_NONE where that is not known. */
gboolean pb_webrtc_rate_admit (PbWebrtcRate *self, guint track,
    gboolean is_video, GstBuffer *buffer, GstClockTime queued,
    gboolean *wants_keyframe);
/* Connected, again maybe, or another stream: it begins with a keyframe. */
void pb_webrtc_rate_restart (PbWebrtcRate *self, guint track);
guint64 pb_webrtc_rate_get_dropped (PbWebrtcRate *self); /* frames */

G_END_DECLS
