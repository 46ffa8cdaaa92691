/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-fault.h"
#include "core/pb-message.h"
#include "core/pb-strings.h"
#include "core/pb-token.h"
#include "net/pb-channel.h"

G_BEGIN_DECLS

typedef enum {
  PB_CLIENT_STATE_CLOSED,     /* not opened, closed by us, or given up */
  PB_CLIENT_STATE_CONNECTING,
  PB_CLIENT_STATE_CONNECTED,
  PB_CLIENT_STATE_WAITING,    /* until the next attempt */
} PbClientState;

PB_API GType pb_client_state_get_type (void);
#define PB_TYPE_CLIENT_STATE (pb_client_state_get_type ())

/**
 * PbRegistration:
 * One end of one slot as the server should know it. The client remembers it
 * and registers again, under the same peer id, whenever it reconnects.
 */
typedef struct {
  char *peer;             /* our id; drawn by pb_registration_new() */
  char *stream;           /* (nullable): observe the whole session */
  PbDirection direction;  /* exactly one */
  gboolean ice;           /* can meet by ICE */
  guint port;             /* plain endpoint, 0: none */
  char *address;          /* (nullable) */
  char *mode;             /* (nullable): "caller", "listener", "rendezvous" */
  char *client;           /* (nullable): "pbsrtbin/0.1.0 libsrt/1.5.1" */
  PbTransport transports; /* NONE: SRT alone */
  gboolean back;          /* a receiver that would send a return feed */
  gboolean thumbnails;    /* a receiver that gives still pictures */
} PbRegistration;

#define PB_TYPE_REGISTRATION (pb_registration_get_type ())
PB_API GType pb_registration_get_type (void);
PB_API PbRegistration *pb_registration_new (const char *stream,
    PbDirection direction);
PB_API PbRegistration *pb_registration_copy (const PbRegistration *self);
PB_API void pb_registration_free (PbRegistration *self);
PB_API gboolean pb_registration_equal (const PbRegistration *a,
    const PbRegistration *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbRegistration, pb_registration_free)

/**
 * PbClient:
 * A session followed from one peer: one WebSocket, any number of
 * registrations, reconnection with exponential back-off and jitter.
 *
 * Belongs to the main context that is the thread default where it is created.
 *
 * Signals:
 * - message (PbMessage): every message from the server, checked
 * - state-changed (PbClientState)
 * - fault (PbFault, char *detail): why the connection is not up or a
 *   registration was refused. A fatal one (pb_fault_is_fatal()) ends the
 *   attempts: the state is CLOSED. SESSION_UNKNOWN and SLOT_TAKEN are retried.
 *   Where one of several registrations was refused for good, that one alone is
 *   forgotten and the others stay (pb_client_get_fault_details()).
 *   `detail` is for a log, never secret.
 */
#define PB_TYPE_CLIENT (pb_client_get_type ())
PB_API G_DECLARE_FINAL_TYPE (PbClient, pb_client, PB, CLIENT, GObject)

PB_API PbClient *pb_client_new (const PbUri *uri, const char *user_agent);
/* Over a channel of one's own: `factory` is called for every attempt. */
typedef PbChannel *(*PbChannelFactory) (gpointer user_data);
PB_API void pb_client_set_channel_factory (PbClient *self,
    PbChannelFactory factory, gpointer user_data, GDestroyNotify destroy);
/* Write only. Also for a fresh token after TOKEN_EXPIRED: open again then. */
PB_API void pb_client_set_token (PbClient *self, const char *token);
/* pb:// (plain HTTP) to another machine is refused unless this is set. */
PB_API void pb_client_set_allow_plain (PbClient *self, gboolean allow);
PB_API void pb_client_open (PbClient *self);
/* Says `leave` for every registration and closes. */
PB_API void pb_client_close (PbClient *self);
PB_API PbClientState pb_client_get_state (PbClient *self);
/* TRUE while a connection that was closed still says goodbye: a program that
 * ends runs its main context until then. */
PB_API gboolean pb_client_is_closing (PbClient *self);
/* About the last fault, also from within its signal: how many attempts failed
 * in a row and when the next one comes (0: never). Returns (nullable) the peer
 * id of the registration that was refused, NULL for the whole connection. */
PB_API const char *pb_client_get_fault_details (PbClient *self, guint *attempt,
    guint *retry_in_ms);
/* Registers now if connected, else when connected. Copies. The same once more
 * asks the server to say again what it has said, unless it still owes the
 * answer. */
PB_API void pb_client_register (PbClient *self,
    const PbRegistration *registration);
PB_API void pb_client_unregister (PbClient *self, const char *peer);
/* Our message through the table first; dropped, with a g_warning, where it is
 * wrong; dropped silently where not connected (state is sent again after a
 * reconnect, so nothing that matters is queued blindly). */
PB_API void pb_client_send (PbClient *self, PbMessage *message);
/* For tests: the first delay in ms (default PB_BACKOFF_FIRST_MS). */
PB_API void pb_client_set_backoff (PbClient *self, guint first_ms,
    guint max_ms);

G_END_DECLS
