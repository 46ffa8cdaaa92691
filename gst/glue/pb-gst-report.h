/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-fault.h"
#include "core/pb-health.h"
#include "core/pb-message.h"

G_BEGIN_DECLS

/**
 * PbGstReport:
 * What one end of a slot has to tell, whatever carries its media: faults, once
 * per cause, counterparts and health, as the server and the bus want them. Any
 * thread; health from one.
 */
typedef struct _PbGstReport PbGstReport;

/* `element` posts the messages and outlives the report. */
PbGstReport *pb_gst_report_new (GstElement *element, const char *stream,
    PbDirection direction);
void pb_gst_report_free (PbGstReport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbGstReport, pb_gst_report_free)

/* Posts `pb-fault`, and a warning or, where the cause is fatal or `is_final`,
 * an error with the same sentence. A cause that was told and has not been
 * cleared is not told again; after an error nothing is. */
void pb_gst_report_fault (PbGstReport *self, PbFault fault, const char *side,
    const char *peer, guint attempt, guint retry_in_ms, const char *detail);
/* A connection is up: what kept it down may be told again. */
void pb_gst_report_clear_media (PbGstReport *self);
/* The registration stands: the same for the server's causes. */
void pb_gst_report_clear_server (PbGstReport *self);

/* `srt`: connecting, connected, disconnected, error, gone. */
void pb_gst_report_peer (PbGstReport *self, const char *peer,
    const char *client, PbTransport transport, const char *path,
    const char *srt, const char *cipher, guint latency_ms);

/* One interval has passed: posts our own `pb-health`. (transfer full): the
 * `health` message for the server, from `us`. */
PbMessage *pb_gst_report_health (PbGstReport *self, const char *us,
    const PbHealthSample *sample, gint64 now_us);

G_END_DECLS
