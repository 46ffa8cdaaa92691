/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-strings.h"
#include "pb-webrtc-end.h"

G_BEGIN_DECLS

/* WebRTC ends on 127.0.0.1 with media from real encoders, a real patchbayd
 * beside them. */

#define STUDIO_WAIT (40 * GST_SECOND)

typedef struct
{
  GMutex lock;
  GCond changed;
  guint n_video, n_audio, n_keyframes, n_rates, kbps, n_gone; /* lock */
  guint sources;      /* lock: a bit for each that was received */
  gboolean is_paused; /* lock: `received` does not come back */

  GstElement *element; /* posts */
  GstBus *bus;
  PbGstSession *session;
  PbWebrtcEnd *end;
  GstElement *media; /* (nullable): what it sends */
  GstClock *clock;
  GstClockTime base_time;
} Station;

typedef struct
{
  GSubprocess *server;
  GDataInputStream *output;
  guint port;
  char *address; /* "http://127.0.0.1:…" */
  char *uri;     /* of the slot */
  char *admin, *send, *receive, *talk;
} Studio;

void studio_set_up (Studio *self, gconstpointer unused);
void studio_tear_down (Studio *self, gconstpointer unused);
/* As if the machine had failed, and with the same port and secret again. */
void studio_kill_server (Studio *self);
void studio_start_server (Studio *self);

/* What a station sends: "h264", "opus", … one of each at most; NULL: nothing.
 * Of `config` all but the uri is taken. */
Station *station_new (const char *uri, const char *token,
    const PbWebrtcEndConfig *config, const char *const *media);
void station_stop (Station *self);
void station_free (Station *self);

/* Until so many more frames have come */
void station_wait_media (Station *self, guint n_video, guint n_audio);
/* Until one of the counters above is there */
void station_wait (Station *self, const guint *counter, guint n);
void station_pause (Station *self, gboolean is_paused);
/* An element message with this field, at last. Not transferred: a copy. */
GstStructure *station_expect (Station *self, const char *name,
    const char *field, const char *value);
guint station_count (Station *self, const char *name);

G_END_DECLS
