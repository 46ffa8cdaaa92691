/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

#include "core/pb-permit.h"
#include "pb-server-files.h"
#include "pb-server-gate.h"
#include "pb-server-request.h"
#include "pb-server-stun.h"
#include "pb-server-ws.h"
#include "pb-server.h"

G_BEGIN_DECLS

struct _PbServer
{
  PbServerConfig *config;
  PbServerContext *context;
  PbServerRegistry *registry;
  PbServerWs *ws;
  SoupServer *soup;
  PbServerStun *stun; /* (nullable) */
  PbServerGate *gate;
  PbServerFiles *files;
  char *address;     /* NULL until it listens */
  char *public_url;
  gint64 started_us; /* monotonic */
  gint64 stop_at_us; /* monotonic */
  gboolean is_stopping;
  guint n_waiting;   /* requests whose answers are not there yet */

  guint stop_source;
  PbServerStopped stopped;
  gpointer stopped_data;
};

/* One line of the route table. */
typedef enum {
  PB_SERVER_ROUTE_OPEN = 1 << 0,      /* no token is asked for */
  PB_SERVER_ROUTE_MAY_TOKEN = 1 << 1, /* one that is shown must be valid */
  PB_SERVER_ROUTE_WEBSOCKET = 1 << 2,
  PB_SERVER_ROUTE_ANY_QUERY = 1 << 3, /* unknown parameters do no harm */
  /* pages of any site may ask: the token is all that counts here */
  PB_SERVER_ROUTE_ANY_ORIGIN = 1 << 4,
  PB_SERVER_ROUTE_SDP = 1 << 5,       /* the body is an offer */
  PB_SERVER_ROUTE_FRAGMENT = 1 << 6,  /* the body is a part of one */
} PbServerRouteFlags;

typedef PbServerReply *(*PbServerHandler) (PbServer *self,
    const PbServerRequest *request, GError **error);

typedef struct {
  const char *method;
  const char *path; /* "{name}" and "{stream}" stand for one valid name,
                     * "{resource}" and "{id}" for letters and digits */
  PbServerRouteFlags flags;
  PbAction action;
  PbServerHandler handle; /* NULL: the WebSocket */
  const char *query;      /* the parameters it knows, each between spaces */
} PbServerRoute;

/* pb-server-routes.c */
/* (nullable): also where only the method is wrong, with PB_ERROR_METHOD; the
 * names in the path go into `request`. */
const PbServerRoute *pb_server_routes_find (const char *method,
    const char *path, PbServerRequest *request, GError **error);
/* (transfer full) (nullable): "GET, HEAD" */
char *pb_server_routes_list_methods (const char *path);

/* pb-server-dispatch.c */
void pb_server_dispatch (PbServer *self, SoupServerMessage *msg,
    const char *path);

/* pb-server-answer.c */
void pb_server_send (SoupServerMessage *msg, const char *request_id,
    const PbServerReply *reply);
void pb_server_send_later (PbServer *self, SoupServerMessage *msg,
    const char *request_id, PbServerPending *pending);
void pb_server_allow_any_origin (SoupServerMessage *msg,
    const PbServerRoute *route, const char *path);
/* The only place that makes an error of HTTP. */
void pb_server_send_error (PbServer *self, SoupServerMessage *msg,
    const char *request_id, const GError *error);

/* pb-server-session-routes.c */
/* Whether who shows no token may create a session. */
gboolean pb_server_may_create (PbServer *self, const PbServerRequest *request);
PbServerReply *pb_server_handle_session_create (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_session_read (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_session_extend (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_session_close (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_stream_add (PbServer *self,
    const PbServerRequest *request, GError **error);

/* pb-server-token-routes.c */
PbServerReply *pb_server_handle_token_mint (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_token_list (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_token_revoke (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_connect (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_qr (PbServer *self,
    const PbServerRequest *request, GError **error);

/* pb-server-whip.c */
PbServerReply *pb_server_handle_options (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whip (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whep (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whep_head (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whip_get (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whip_patch (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_whip_delete (PbServer *self,
    const PbServerRequest *request, GError **error);

/* pb-server-pages.c */
PbServerReply *pb_server_handle_home (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_page (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_docs (PbServer *self,
    const PbServerRequest *request, GError **error);
PbServerReply *pb_server_handle_asset (PbServer *self,
    const PbServerRequest *request, GError **error);

G_END_DECLS
