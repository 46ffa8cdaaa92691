/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-fault.h"
#include "core/pb-message.h"
#include "pb-ice-path.h"

G_BEGIN_DECLS

/**
 * PbSrtPeer:
 * One counterpart that we meet by ICE: drives signalling, path and link from
 * the introduction to running media and back again after every failure
 * (docs/protocol.md 5.2). It knows neither sockets of SRT nor the server: its
 * owner lends it both. Belongs to one main context.
 */
typedef struct _PbSrtPeer PbSrtPeer;

typedef enum {
  PB_SRT_PEER_WAITING,    /* until the next attempt, or for the other end's */
  PB_SRT_PEER_CONNECTING, /* path and link are sought */
  PB_SRT_PEER_CONNECTED,
} PbSrtPeerState;

typedef struct
{
  /* `message` is a checked `signal`; not transferred */
  void (*send) (PbSrtPeer *self, PbMessage *message, gpointer user_data);
  /* Takes the fd. The answer comes by pb_srt_peer_link_up() or _down(), never
   * from inside; 0 where there is none. */
  guint (*open_link) (PbSrtPeer *self, int fd, GSocketAddress *remote,
      gpointer user_data);
  void (*close_link) (PbSrtPeer *self, guint link, gpointer user_data);
  /* `fault` is why an attempt or a connection ended, NONE otherwise;
   * `is_theirs` where the other end told us. Must not free the peer. */
  void (*changed) (PbSrtPeer *self, PbSrtPeerState state, PbFault fault,
      gboolean is_theirs, guint retry_in_ms, gpointer user_data);
} PbSrtPeerCallbacks;

/* `ice` is the template of each attempt's configuration: who controls is set
 * from is_caller. */
PbSrtPeer *pb_srt_peer_new (GMainContext *context, const char *us,
    const char *them, gboolean is_caller, const PbIceConfig *ice,
    const PbSrtPeerCallbacks *callbacks, gpointer user_data);
void pb_srt_peer_free (PbSrtPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSrtPeer, pb_srt_peer_free)

const char *pb_srt_peer_get_id (PbSrtPeer *self);
PbSrtPeerState pb_srt_peer_get_state (PbSrtPeer *self);
guint pb_srt_peer_get_link (PbSrtPeer *self);
guint pb_srt_peer_get_attempt (PbSrtPeer *self);

/* On `peer`: the first introduction, and each again after a resume. */
void pb_srt_peer_introduce (PbSrtPeer *self);
/* No attempt is begun without signalling; what is connected stays. */
void pb_srt_peer_set_signalling (PbSrtPeer *self, gboolean is_up);
void pb_srt_peer_handle_signal (PbSrtPeer *self, PbMessage *message);
void pb_srt_peer_link_up (PbSrtPeer *self, guint link);
void pb_srt_peer_link_down (PbSrtPeer *self, guint link, PbFault fault);

/* PB_BACKOFF_FIRST_MS, doubled to PB_BACKOFF_MAX_MS, shortened at random. */
guint pb_backoff_ms (guint attempt);

G_END_DECLS
