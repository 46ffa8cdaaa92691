/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/pb-client.h"

G_BEGIN_DECLS

/* PbClient in two files: pb-client.c has the connection and what a program
 * calls, pb-client-roster.c the registrations and what the server says. */

/* A registration and what the server knows of it. */
typedef struct
{
  PbClient *client;
  PbRegistration *registration;
  gint64 request_id;      /* of the `register` that waits for an answer, or 0 */
  gboolean is_registered; /* on this connection */
  guint attempt;
  GSource *timer; /* until it is tried again */
} PbClientEntry;

struct _PbClient
{
  GObject parent;

  /* set on construction */
  GMainContext *context;
  PbUri *uri;
  char *user_agent;

  /* that context's thread only */
  PbChannelFactory factory;
  gpointer factory_data;
  GDestroyNotify factory_destroy;
  char *token; /* wiped */
  gboolean allow_plain;
  guint first_ms;
  guint max_ms;
  PbClientState state;
  PbClientState told; /* the state that was last emitted */
  PbChannel *channel;
  GPtrArray *closing; /* PbChannel: saying goodbye */
  GPtrArray *entries; /* PbClientEntry, in the order they came */
  gint64 last_id;
  guint attempt;
  GSource *timer;

  /* of the last fault */
  char *fault_peer;
  guint fault_attempt;
  guint fault_retry_ms;
};

/* --- pb-client.c --- */

void pb_client_clear_source (GSource **source);
GSource *pb_client_attach_timer (PbClient *self, guint ms, GSourceFunc callback,
    gpointer data);
/* Whoever counted `attempt` failures waits so long, in ms, for the next try. */
guint pb_client_draw_delay (PbClient *self, guint attempt);
/* `peer` (nullable): the registration it is about */
void pb_client_emit_fault (PbClient *self, PbFault fault, const char *detail,
    const char *peer, guint attempt, guint retry_ms);
/* The connection is not up, or shall not be: tried again later, unless
 * `is_final` or the fault is fatal. `code` tells the server; 0 where the
 * connection is gone already. */
void pb_client_fail (PbClient *self, PbFault fault, const char *detail,
    const char *peer, gboolean is_final, guint code);

/* --- pb-client-roster.c --- */

void pb_client_entry_free (gpointer entry);
PbClientEntry *pb_client_find_entry (PbClient *self, const char *peer,
    gint64 request_id);
/* Through the table of messages first. */
gboolean pb_client_send_checked (PbClient *self, PbMessage *message);
void pb_client_send_register (PbClient *self, PbClientEntry *entry);
void pb_client_send_leave (PbClient *self, PbClientEntry *entry);
/* Before the program is told of it, and after, if it still is of interest. */
void pb_client_note_registered (PbClient *self, PbMessage *message);
void pb_client_note_message (PbClient *self, PbMessage *message);

G_END_DECLS
