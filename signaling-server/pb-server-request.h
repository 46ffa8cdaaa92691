/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/pb-token.h"

G_BEGIN_DECLS

#define PB_SERVER_TYPE_HTML "text/html; charset=utf-8"
#define PB_SERVER_TYPE_SDP "application/sdp"
#define PB_SERVER_TYPE_FRAGMENT "application/trickle-ice-sdpfrag"

/* An answer that is not there yet: pb-server-pending.h */
typedef struct _PbServerPending PbServerPending;

/**
 * PbServerRequest:
 * A checked request as a handler sees it: no socket, no header, no status
 * line. dispatch() made it.
 */
typedef struct {
  char *route;            /* "GET /api/session/{name}": what logs may tell */
  char *name;             /* (nullable): the {name} of the path, valid */
  char *stream;           /* (nullable): its {stream}, valid */
  char *resource;         /* (nullable): its {resource}, letters and digits */
  char *token_id;         /* (nullable): its {id}, letters and digits */
  GHashTable *query;      /* text -> text; no two equal keys */
  PbToken *token;         /* (nullable) only where the route needs none */
  const char *body;       /* at most PB_HTTP_BODY_MAX */
  gsize body_length;
  char *id;               /* of the request */
  char *address;          /* of the client */
  char *client;           /* (nullable): what it calls itself, PB_CLIENT_MAX */
  char *match;            /* (nullable): the entity tags it would change */
  gboolean is_local;      /* from this machine, through no proxy */
} PbServerRequest;

/**
 * PbServerReply:
 * What a handler answers.
 */
typedef struct {
  guint status;
  const char *type;       /* (nullable): static */
  GBytes *body;           /* (nullable) */
  GBytes *zipped;         /* (nullable): the same, as gzip has it; never of an
                           * answer that holds somebody's secret */
  char *location;         /* (nullable): path of what was made */
  char *tag;              /* (nullable): of the entity, without quotes */
  char **links;           /* (nullable): RFC 8288, to what else it may use */
  PbServerPending *pending; /* (nullable): nothing of the above yet */
} PbServerReply;

/* (transfer full) node */
PbServerReply *pb_server_reply_new_json (guint status, JsonObject *object);
/* (transfer full) body */
PbServerReply *pb_server_reply_new (guint status, const char *type,
    GBytes *body);
void pb_server_reply_free (PbServerReply *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerReply, pb_server_reply_free)

/* One of the query, or NULL. */
const char *pb_server_request_get (const PbServerRequest *self,
    const char *key);

G_END_DECLS
