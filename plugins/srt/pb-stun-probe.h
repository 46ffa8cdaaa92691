/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * PbStunProbe:
 * Asks a STUN server how one UDP socket looks from outside, on that very
 * socket, without blocking. The socket stays the caller's, who may use it for
 * something else once the answer is in; it is set non-blocking meanwhile.
 */
typedef struct _PbStunProbe PbStunProbe;

/* From the context, once. `mapped` NULL: no answer within three seconds. May
 * free the probe. */
typedef void (*PbStunProbeFunc) (PbStunProbe *self, GSocketAddress *mapped,
    gpointer user_data);

PbStunProbe *pb_stun_probe_new (GMainContext *context, int fd,
    GSocketAddress *server, PbStunProbeFunc done, gpointer user_data);
void pb_stun_probe_free (PbStunProbe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbStunProbe, pb_stun_probe_free)

G_END_DECLS
