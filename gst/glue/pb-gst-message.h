/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-fault.h"
#include "core/pb-message.h"
#include "core/pb-session.h"

G_BEGIN_DECLS

/* Element messages that the elements post on the bus; docs/elements.md lists
 * them with every field. Values come from wire messages, already checked. Each
 * is (transfer full).
 *
 * pb-session  session (string), state (string), signalling (string: closed,
 *             connecting, connected, waiting), streams (GstValueArray of
 *             structures, observers only), expires (gint64, Unix s)
 * pb-peer     stream, peer, direction (of the peer), client, path (string:
 *             direct, relay, plain or ""), srt (connecting, connected,
 *             disconnected, error, gone), cipher (string), latency-ms (guint),
 *             transport (string: srt, webrtc or "")
 * pb-health   stream, peer, direction, health (healthy, warning, critical),
 *             cause, stale (boolean), age-ms, and the figures of the `health`
 *             message under their wire names with '-' for '_'
 * pb-tally    stream, state (off, preview, program)
 * pb-cue      stream, text
 * pb-fault    code (string), fault (PbFault), sentence, fatal (boolean), side
 *             (local, peer, server), stream, peer, attempt (guint),
 *             retry-in-ms (guint, 0: not retried)
 */
GstMessage *pb_gst_message_new_session (GstObject *src, const char *signalling,
    PbMessage *session);
GstMessage *pb_gst_message_new_peer (GstObject *src, GstStructure *fields);
GstMessage *pb_gst_message_new_health (GstObject *src, PbMessage *health);
GstMessage *pb_gst_message_new_tally (GstObject *src, const char *stream,
    PbTally tally);
GstMessage *pb_gst_message_new_cue (GstObject *src, const char *stream,
    const char *text);
GstMessage *pb_gst_message_new_fault (GstObject *src, PbFault fault,
    const char *side, const char *stream, const char *peer, guint attempt,
    guint retry_in_ms);

G_END_DECLS
