/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-json.h"

G_BEGIN_DECLS

/**
 * PbMessageType:
 * Every message on the WebSocket. docs/protocol.md section 5 says who sends
 * what; the table in pb-message.c is the same thing for the compiler.
 */
typedef enum {
  /* peer -> server */
  PB_MESSAGE_REGISTER,
  PB_MESSAGE_LEAVE,
  PB_MESSAGE_READY,
  PB_MESSAGE_ACK,
  /* both ways */
  PB_MESSAGE_SIGNAL,
  PB_MESSAGE_STATUS,
  PB_MESSAGE_HEALTH,
  PB_MESSAGE_TALLY,
  PB_MESSAGE_CUE,
  PB_MESSAGE_STRINGS,
  PB_MESSAGE_THUMBNAIL_REQUEST,
  PB_MESSAGE_THUMBNAIL,
  /* server -> peer */
  PB_MESSAGE_REGISTERED,
  PB_MESSAGE_PEER,
  PB_MESSAGE_PEER_GONE,
  PB_MESSAGE_PEER_MATCH,
  PB_MESSAGE_SESSION,
  PB_MESSAGE_TURN,
  PB_MESSAGE_ALARM,
  PB_MESSAGE_ALARMS,
  PB_MESSAGE_CLOSED,
  PB_MESSAGE_ERROR,
} PbMessageType;

PB_API GType pb_message_type_get_type (void);
#define PB_TYPE_MESSAGE_TYPE (pb_message_type_get_type ())
PB_API const char *pb_message_type_get_name (PbMessageType type);
PB_API gboolean pb_message_type_from_name (const char *name, gssize length,
    PbMessageType *out);

/* What carries the media of a pair. Flags: a peer may speak both. */
typedef enum {
  PB_TRANSPORT_NONE = 0,
  PB_TRANSPORT_SRT = 1 << 0,
  PB_TRANSPORT_WEBRTC = 1 << 1, /* taken where both ends speak both */
} PbTransport;

PB_API GType pb_transport_get_type (void);
#define PB_TYPE_TRANSPORT (pb_transport_get_type ())
PB_API const char *pb_transport_get_name (PbTransport transport); /* "srt" */
PB_API gboolean pb_transport_from_name (const char *name, PbTransport *out);

/* Which end reads the message: the same type may carry other fields either
 * way. The server refuses unknown fields; a client ignores them. */
typedef enum {
  PB_MESSAGE_TO_SERVER,
  PB_MESSAGE_TO_PEER,
} PbMessageWay;

PB_API GType pb_message_way_get_type (void);
#define PB_TYPE_MESSAGE_WAY (pb_message_way_get_type ())

/**
 * PbMessage:
 * One message: a type and its fields, checked against the table. Reference
 * counted, boxed.
 */
typedef struct _PbMessage PbMessage;

#define PB_TYPE_MESSAGE (pb_message_get_type ())
PB_API GType pb_message_get_type (void);
PB_API PbMessage *pb_message_ref (PbMessage *self);
PB_API void pb_message_unref (PbMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbMessage, pb_message_unref)

PB_API PbMessage *pb_message_new (PbMessageType type);
/* Strict JSON, then every field's presence, kind, range and pattern.
 * PB_ERROR_INVALID (the message names the field) or PB_ERROR_TOO_LARGE. On the
 * way to a peer PB_ERROR_NOT_FOUND is a type that this version does not know:
 * a client passes such a message over. */
PB_API PbMessage *pb_message_parse (const char *text, gssize length,
    PbMessageWay way, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Our own messages go through the same table before they leave. */
PB_API gboolean pb_message_check (PbMessage *self, PbMessageWay way,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API char *pb_message_print (PbMessage *self);

PB_API PbMessageType pb_message_get_message_type (PbMessage *self);
PB_API JsonObject *pb_message_peek_object (PbMessage *self);
PB_API gboolean pb_message_has (PbMessage *self, const char *field);
/* NULL, 0 or FALSE where the field is absent or null. */
PB_API const char *pb_message_get_string (PbMessage *self, const char *field);
PB_API gint64 pb_message_get_int (PbMessage *self, const char *field);
PB_API double pb_message_get_double (PbMessage *self, const char *field);
PB_API gboolean pb_message_get_boolean (PbMessage *self, const char *field);
/* A NULL string sets JSON null. */
PB_API void pb_message_set_string (PbMessage *self, const char *field,
    const char *value);
PB_API void pb_message_set_int (PbMessage *self, const char *field,
    gint64 value);
PB_API void pb_message_set_double (PbMessage *self, const char *field,
    double value);
PB_API void pb_message_set_boolean (PbMessage *self, const char *field,
    gboolean value);
/* (transfer full) node */
PB_API void pb_message_take_node (PbMessage *self, const char *field,
    JsonNode *node);

/* ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ */
PB_API gboolean pb_name_is_valid (const char *name);
/* [A-Za-z0-9_-]{8,32} */
PB_API gboolean pb_peer_id_is_valid (const char *id);

/* HTTP request bodies go through the same kind of table. */
typedef enum {
  PB_BODY_SESSION_CREATE, /* POST /api/session */
  PB_BODY_TOKEN_MINT,     /* POST /api/session/{name}/token */
  PB_BODY_SESSION_EXTEND, /* PATCH /api/session/{name} */
  PB_BODY_STREAM_ADD,     /* POST /api/session/{name}/stream */
} PbBodyType;

PB_API GType pb_body_type_get_type (void);
#define PB_TYPE_BODY_TYPE (pb_body_type_get_type ())
/* (transfer full): the object, every field checked. An empty text counts as {}. */
PB_API JsonObject *pb_body_parse (PbBodyType type, const char *text,
    gssize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
