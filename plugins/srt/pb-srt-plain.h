/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-fault.h"
#include "pb-srt-io.h"

G_BEGIN_DECLS

/**
 * PbSrtPlain:
 * Our end of the plain path, for clients that know no signalling: one UDP port,
 * whose public address STUN tells where there is a STUN server, and on it a
 * listener, a caller or a rendezvous that is begun again, with back-off, after
 * every failure. Belongs to one main context.
 */
typedef struct _PbSrtPlain PbSrtPlain;

typedef struct
{
  PbSrtMode mode;
  const char *local_address; /* (nullable): numeric; NULL: any */
  guint local_port;          /* 0: any */
  const char *host;          /* (nullable): not for a listener */
  guint port;
  GSocketAddress *stun; /* (nullable) */
} PbSrtPlainConfig;

typedef struct
{
  /* The options are complete but for what the slot says: passphrase, stream
   * id, latency. The answer comes by pb_srt_plain_link_up() or _down(). 0 where
   * there is none. */
  guint (*open_link) (PbSrtPlain *self, PbSrtLinkOptions *options,
      gpointer user_data);
  void (*close_link) (PbSrtPlain *self, guint link, gpointer user_data);
  /* The socket is open. `address` (nullable) and `port` are as seen from
   * outside. */
  void (*ready) (PbSrtPlain *self, const char *address, guint port,
      guint local_port, gpointer user_data);
  void (*fault) (PbSrtPlain *self, PbFault fault, guint attempt,
      guint retry_in_ms, gpointer user_data);
} PbSrtPlainCallbacks;

PbSrtPlain *pb_srt_plain_new (GMainContext *context,
    const PbSrtPlainConfig *config, const PbSrtPlainCallbacks *callbacks,
    gpointer user_data);
void pb_srt_plain_free (PbSrtPlain *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSrtPlain, pb_srt_plain_free)

void pb_srt_plain_start (PbSrtPlain *self);
/* Says `ready` again where the socket is open: after a resume. */
void pb_srt_plain_tell_ready (PbSrtPlain *self);
PbSrtMode pb_srt_plain_get_mode (PbSrtPlain *self);
guint pb_srt_plain_get_link (PbSrtPlain *self);
void pb_srt_plain_link_up (PbSrtPlain *self);
void pb_srt_plain_link_down (PbSrtPlain *self, PbFault fault);

G_END_DECLS
