/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands for a client of HTTP (pb-server-virtual.c), as its PATCH requests
 * (pb-server-virtual-patch.c) know it. */

#include "pb-server-virtual.h"

G_BEGIN_DECLS

struct _PbServerVirtual {
  PbServerPeer *peer; /* owns this */
  char *resource;
  char *tag;          /* of the present ICE session */
  char *end;          /* id of the peer that it meets */
  PbSdp *offer;       /* as it stands, with what was trickled since */
  PbSdp *answer;      /* NULL before the first */
  PbSdp *restart;     /* (nullable): the offer that begins the next ICE
                       * session, until it is answered */
  guint64 offered_to; /* number of the link: an end that comes back by another
                       * socket has not seen the offer */

  PbServerPending *pending; /* (nullable): what the client waits for */
  guint deadline;           /* of that: source id */
  char **links;             /* for the first answer; NULL then */
  gint64 idle_us;           /* monotonic: no media since; 0: there is */
  guint n_patches;

  GQueue heard; /* of PbMessage */
  guint turn;   /* source id */
};

/* What the client waits for from now on: `pending`, until its deadline. */
void pb_server_virtual_start_waiting (PbServerVirtual *self);
/* (nullable): while it is there */
PbServerPeer *pb_server_virtual_find_end (PbServerVirtual *self);
/* (transfer full) (nullable) data */
void pb_server_virtual_send_signal (PbServerVirtual *self, PbServerPeer *end,
    const char *kind, JsonObject *data);
/* The present one, or the one that restarts ICE. */
void pb_server_virtual_send_offer (PbServerVirtual *self, PbServerPeer *end);

G_END_DECLS
