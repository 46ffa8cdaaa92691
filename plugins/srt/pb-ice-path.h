/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-fault.h"

G_BEGIN_DECLS

/**
 * PbIcePath:
 * One attempt to find a direct way to one peer: gathers, trickles, checks, and
 * in the end gives away the UDP socket that won. Belongs to one main context;
 * every callback comes from there, never from inside a call, and may free the
 * path.
 */
typedef struct _PbIcePath PbIcePath;

typedef struct
{
  /* the caller's end is; the other one is not */
  gboolean is_controlling;
  /* (nullable): numeric addresses to gather on; NULL: all but loopback */
  const char *const *addresses;
  /* (nullable): numeric; the signalling server's STUN responder */
  const char *stun_address;
  guint stun_port;
  /* Wait until every check has ended. Otherwise the first pair that works and
   * stays chosen for a moment is taken, which saves seconds where some
   * candidates lead nowhere. */
  gboolean is_patient;
} PbIceConfig;

typedef struct
{
  /* One line: "candidate:…" */
  void (*on_candidate) (PbIcePath *self, const char *line, gpointer user_data);
  void (*on_candidates_done) (PbIcePath *self, gpointer user_data);
  /* A pair is chosen; pb_ice_path_take_socket() once the peer says so too. */
  void (*on_ready) (PbIcePath *self, gpointer user_data);
  void (*on_failed) (PbIcePath *self, PbFault fault, gpointer user_data);
} PbIceCallbacks;

PbIcePath *pb_ice_path_new (GMainContext *context, const PbIceConfig *config,
    const PbIceCallbacks *callbacks, gpointer user_data);
void pb_ice_path_free (PbIcePath *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbIcePath, pb_ice_path_free)

gboolean pb_ice_path_start (PbIcePath *self,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* After start. */
const char *pb_ice_path_get_ufrag (PbIcePath *self);
const char *pb_ice_path_get_pwd (PbIcePath *self);
/* What the peer sent; PB_ERROR_INVALID where it is not fit to be used. */
gboolean pb_ice_path_set_remote (PbIcePath *self, const char *ufrag,
    const char *pwd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_ice_path_add_candidate (PbIcePath *self, const char *line,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_ice_path_candidates_done (PbIcePath *self);
gboolean pb_ice_path_is_ready (PbIcePath *self);
/* The chosen pair's UDP socket, blocking and no longer libnice's, and the
 * peer's address. Nothing else works on the path afterwards. */
gboolean pb_ice_path_take_socket (PbIcePath *self, int *fd,
    GSocketAddress **remote, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether an address a stranger named may be sent packets. */
gboolean pb_ice_address_is_fit (GInetAddress *address, guint port,
    gboolean on_loopback);

G_END_DECLS
