/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-message-private.h"

#include <string.h>

#include "core/pb-field-private.h"
#include "core/pb-limits.h"

/* The wire format, for the compiler: docs/protocol.md, sections 4 and 5. */

static const char *const directions[] = { "send", "receive", "observe", NULL };
static const char *const modes[] = { "caller", "listener", "rendezvous", NULL };
static const char *const roles[] = { "caller", "listener", NULL };
static const char *const token_roles[] = { "peer", NULL };
static const char *const paths[] = { "direct", "relay", "plain", NULL };
static const char *const ciphers[] = { "aes-256", "aes-128", NULL };
/* what a connection uses: WebRTC has no choice */
static const char *const used_ciphers[] = { "aes-256", "aes-128", "dtls-srtp",
  NULL };
static const char *const transports[] = { "srt", "webrtc", NULL };
static const char *const tallies[] = { "off", "preview", "program", NULL };
static const char *const healths[] = { "healthy", "warning", "critical", NULL };
static const char *const srt_states[] = { "connecting", "connected",
  "disconnected", "error", NULL };
static const char *const states[] = { "WAITING", "READY", "CONNECTED",
  "RELAYING", "CLOSED", NULL };
static const char *const signal_kinds[] = { "ice", "candidate",
  "end-of-candidates", "ready", "restart", "offer", "answer", NULL };
static const char *const causes[] = { "", "disconnected", "stale",
  "undecrypted", "drops", "loss", "rtt", "buffer", "bandwidth", NULL };
static const char *const gone_reasons[] = { "left", "lost", "replaced",
  "closed", NULL };
static const char *const closed_reasons[] = { "session-closed",
  "session-expired", "token-expired", "token-revoked", "replaced", "shutdown",
  NULL };
static const char *const alarm_causes[] = { "no-feed", "disconnected", "stale",
  "undecrypted", "drops", "loss", "rtt", "buffer", "bandwidth", NULL };
static const char *const alarm_levels[] = { "warning", "critical", NULL };
static const char *const media_directions[] = { "send", "receive", NULL };
static const char *const punch_codes[] = { "SESSION_FULL", "SESSION_EXPIRED",
  "STREAM_TAKEN", "AUTH_FAILED", "INVALID_MESSAGE", "SERVER_ERROR", NULL };

#define IN PB_FIELD_IN
#define IN_NEEDED PB_FIELD_IN_NEEDED
#define OUT PB_FIELD_OUT
#define OUT_NEEDED PB_FIELD_OUT_NEEDED
#define BOTH (IN | OUT)
#define BOTH_NEEDED (IN_NEEDED | OUT_NEEDED)
#define OPEN PB_FIELD_OPEN

#define ID_MAX G_MAXINT32
/* libsrt's own field is 16 bit, and third parties use all of it */
#define SRT_LATENCY_MAX 65535
/* a session is named, and has at most this many slots, in every list of them */
#define SLOTS_MAX PB_STREAMS_DEFAULT_MAX

/* clang-format off */
#define NAME(name, flags) { name, PB_FIELD_NAME, flags }
#define PEER_ID(name, flags) { name, PB_FIELD_PEER_ID, flags }
#define WORD(name, list, flags) { name, PB_FIELD_WORD, flags, .words = list }
#define FAULT(name, flags) { name, PB_FIELD_FAULT, flags }
#define TEXT(name, min, max, flags) { name, PB_FIELD_TEXT, flags, min, max }
#define LINES(name, min, max, flags) { name, PB_FIELD_LINES, flags, min, max }
#define ICE(name, min, max, flags) { name, PB_FIELD_ICE, flags, min, max }
#define BASE64(name, min, max, flags) \
  { name, PB_FIELD_BASE64, flags, min, max }
#define ADDRESS(name, flags) { name, PB_FIELD_ADDRESS, flags }
#define VERSION(name, flags) { name, PB_FIELD_VERSION, flags }
#define INTEGER(name, min, max, flags) \
  { name, PB_FIELD_INTEGER, flags, min, max }
#define PORT(name, flags) INTEGER (name, PB_PORT_MIN, PB_PORT_MAX, flags)
#define LATENCY(name, flags) \
  INTEGER (name, PB_LATENCY_MIN, PB_LATENCY_MAX, flags)
#define TTL(name, flags) INTEGER (name, PB_TTL_MIN, PB_TTL_MAX, flags)
#define FIGURE(name, flags) { name, PB_FIELD_FIGURE, flags }
#define BOOLEAN(name, flags) { name, PB_FIELD_BOOLEAN, flags }
#define OBJECT(name, list, flags) { name, PB_FIELD_OBJECT, flags, .fields = list }
#define LIST(name, min, max, row, flags) \
  { name, PB_FIELD_LIST, flags, min, max, .fields = row }
#define END { NULL }

#define ID INTEGER ("id", 0, ID_MAX, BOTH)
#define CLIENT TEXT ("client", 0, PB_CLIENT_MAX, BOTH)
#define NUMBER(name, min, flags) \
  INTEGER (name, min, PB_JSON_INTEGER_MAX, flags)
/* section 6 */
#define FIGURES(flags) \
  FIGURE ("rtt", flags), \
  FIGURE ("jitter", flags), \
  FIGURE ("loss", flags), \
  FIGURE ("drop", flags), \
  FIGURE ("bitrate", flags), \
  FIGURE ("bandwidth", flags), \
  FIGURE ("buffer", flags), \
  FIGURE ("latency", flags), \
  FIGURE ("packets", flags), \
  FIGURE ("packets_lost", flags), \
  FIGURE ("packets_dropped", flags), \
  FIGURE ("packets_retransmitted", flags), \
  FIGURE ("packets_undecrypted", flags), \
  FIGURE ("interval", flags), \
  FIGURE ("frames", flags), \
  FIGURE ("frames_dropped", flags), \
  FIGURE ("freezes", flags), \
  BOOLEAN ("connected", flags)
#define VERDICT \
  WORD ("health", healths, OUT), \
  WORD ("cause", causes, OUT | OPEN), \
  BOOLEAN ("stale", OUT), \
  FIGURE ("age", OUT)

static const PbField transport_name = WORD ("transports", transports, IN);

static const PbField register_fields[] = {
  ID,
  NAME ("stream", IN),
  WORD ("direction", directions, IN),
  PEER_ID ("peer", IN),
  BOOLEAN ("ice", IN),
  PORT ("port", IN),
  ADDRESS ("address", IN),
  WORD ("mode", modes, IN),
  CLIENT,
  VERSION ("protocol", IN),
  LIST ("transports", 1, 2, &transport_name, IN),
  BOOLEAN ("back", IN),
  BOOLEAN ("thumbnails", IN),
  END
};

static const PbField leave_fields[] = {
  ID,
  PEER_ID ("peer", IN_NEEDED),
  END
};

static const PbField ready_fields[] = {
  ID,
  PEER_ID ("peer", IN_NEEDED),
  WORD ("mode", modes, IN_NEEDED),
  PORT ("port", IN_NEEDED),
  ADDRESS ("address", IN),
  PORT ("local_port", IN),
  END
};

/* `data` is between the peers: see signal_data below */
static const PbField signal_fields[] = {
  PEER_ID ("from", BOTH_NEEDED),
  PEER_ID ("to", BOTH_NEEDED),
  WORD ("kind", signal_kinds, BOTH_NEEDED | OPEN),
  INTEGER ("link", 1, G_MAXINT32, BOTH),
  OBJECT ("data", NULL, BOTH),
  END
};

static const PbField status_fields[] = {
  ID,
  PEER_ID ("peer", BOTH_NEEDED),
  NAME ("stream", OUT_NEEDED),
  WORD ("direction", directions, OUT_NEEDED),
  WORD ("srt", srt_states, BOTH_NEEDED),
  PEER_ID ("with", BOTH),
  FAULT ("code", BOTH),
  WORD ("path", paths, BOTH | OPEN),
  WORD ("cipher", used_ciphers, BOTH | OPEN),
  INTEGER ("latency", 0, SRT_LATENCY_MAX, BOTH),
  WORD ("transport", transports, BOTH | OPEN),
  END
};

static const PbField health_fields[] = {
  ID,
  PEER_ID ("peer", BOTH_NEEDED),
  NAME ("stream", OUT_NEEDED),
  WORD ("direction", directions, OUT_NEEDED),
  VERDICT,
  FIGURES (BOTH),
  END
};

static const PbField tally_fields[] = {
  ID,
  NAME ("stream", BOTH_NEEDED),
  WORD ("state", tallies, BOTH_NEEDED),
  END
};

static const PbField cue_fields[] = {
  ID,
  NAME ("stream", BOTH_NEEDED),
  TEXT ("text", 1, PB_CUE_MAX, BOTH_NEEDED),
  END
};

/* section 5.5 */
static const PbField string_fields[] = {
  TEXT ("client", 1, 64, OUT_NEEDED),
  TEXT ("mode", 1, 64, OUT_NEEDED),
  BOOLEAN ("works", OUT_NEEDED),
  LINES ("string", 1, PB_STRING_MAX, OUT),
  TEXT ("note", 1, PB_STRING_MAX, OUT),
  LINES ("qr", 1, PB_STRING_QR_MAX, OUT),
  END
};

static const PbField string_row = OBJECT ("strings", string_fields, OUT);

static const PbField strings_fields[] = {
  ID,
  PEER_ID ("peer", BOTH_NEEDED),
  NAME ("stream", OUT_NEEDED),
  { "direction", PB_FIELD_WORD, IN | OUT_NEEDED, .words = media_directions },
  BOOLEAN ("ready", OUT_NEEDED),
  ADDRESS ("address", OUT),
  PORT ("port", OUT),
  WORD ("mode", modes, OUT | OPEN),
  TEXT ("note", 1, PB_STRING_MAX, OUT),
  LIST ("strings", 0, PB_STRINGS_MAX, &string_row, OUT_NEEDED),
  END
};

/* section 5.6 */
static const PbField thumbnail_request_fields[] = {
  ID,
  PEER_ID ("to", OUT_NEEDED),
  NAME ("stream", BOTH_NEEDED),
  END
};

static const PbField thumbnail_fields[] = {
  ID,
  PEER_ID ("peer", BOTH_NEEDED),
  NAME ("stream", OUT_NEEDED),
  BASE64 ("jpeg", 4, PB_THUMBNAIL_BASE64_MAX, BOTH_NEEDED),
  END
};

/* section 5.7 */
#define ALARM_FIELDS \
  NUMBER ("alarm", 1, OUT_NEEDED), \
  NAME ("stream", OUT_NEEDED), \
  WORD ("cause", alarm_causes, OUT_NEEDED | OPEN), \
  WORD ("level", alarm_levels, OUT_NEEDED), \
  WORD ("direction", media_directions, OUT), \
  PEER_ID ("peer", OUT), \
  TEXT ("client", 0, PB_CLIENT_MAX, OUT), \
  NUMBER ("raised", 0, OUT_NEEDED), \
  NUMBER ("cleared", 0, OUT), \
  NUMBER ("acked", 0, OUT), \
  TEXT ("by", 1, PB_ALARM_BY_MAX, OUT)

static const PbField alarm_fields[] = {
  ALARM_FIELDS,
  END
};

static const PbField alarm_row = OBJECT ("alarms", alarm_fields, OUT);

static const PbField alarms_fields[] = {
  LIST ("alarms", 0, PB_ALARMS_TOLD_MAX, &alarm_row, OUT_NEEDED),
  NUMBER ("more", 0, OUT),
  END
};

static const PbField ack_fields[] = {
  ID,
  NUMBER ("alarm", 1, IN_NEEDED),
  TEXT ("by", 1, PB_ALARM_BY_MAX, IN),
  END
};

static const PbField turn_url = TEXT ("urls", 6, PB_TURN_URL_MAX, OUT);

#define TURN_FIELDS \
  LIST ("urls", 1, PB_TURN_URLS_MAX, &turn_url, OUT_NEEDED), \
  TEXT ("username", 1, 256, OUT_NEEDED), \
  TEXT ("credential", 1, 256, OUT_NEEDED), \
  INTEGER ("ttl", 1, PB_TTL_MAX, OUT_NEEDED)

static const PbField turn_fields[] = {
  TURN_FIELDS,
  END
};

static const PbField stun_fields[] = {
  INTEGER ("port", 1, PB_PORT_MAX, OUT_NEEDED),
  ADDRESS ("address", OUT),
  END
};

static const PbField registered_fields[] = {
  ID,
  PEER_ID ("peer", OUT_NEEDED),
  NAME ("session", OUT_NEEDED),
  NAME ("stream", OUT),
  WORD ("direction", directions, OUT_NEEDED),
  WORD ("state", states, OUT),
  WORD ("tally", tallies, OUT),
  LATENCY ("latency", OUT),
  WORD ("cipher", ciphers, OUT),
  PORT ("port", OUT),
  TEXT ("passphrase", 10, 79, OUT),
  OBJECT ("stun", stun_fields, OUT),
  OBJECT ("turn", turn_fields, OUT),
  INTEGER ("expires", 0, PB_JSON_INTEGER_MAX, OUT),
  VERSION ("protocol", OUT),
  END
};

static const PbField peer_fields[] = {
  PEER_ID ("to", OUT_NEEDED),
  PEER_ID ("peer", OUT_NEEDED),
  NAME ("stream", OUT_NEEDED),
  WORD ("direction", directions, OUT_NEEDED),
  WORD ("role", roles, OUT_NEEDED),
  BOOLEAN ("ice", OUT),
  WORD ("mode", modes, OUT),
  ADDRESS ("address", OUT),
  PORT ("port", OUT),
  TEXT ("passphrase", 10, 79, OUT),
  LATENCY ("latency", OUT),
  WORD ("cipher", ciphers, OUT),
  CLIENT,
  WORD ("transport", transports, OUT | OPEN),
  BOOLEAN ("back", OUT),
  BOOLEAN ("control", OUT),
  BOOLEAN ("trickle", OUT),
  END
};

static const PbField peer_gone_fields[] = {
  PEER_ID ("to", OUT),
  PEER_ID ("peer", OUT_NEEDED),
  NAME ("stream", OUT),
  WORD ("reason", gone_reasons, OUT_NEEDED | OPEN),
  END
};

static const PbField end_fields[] = {
  PEER_ID ("peer", OUT_NEEDED),
  CLIENT,
  END
};

static const PbField peer_match_fields[] = {
  NAME ("stream", OUT_NEEDED),
  OBJECT ("sender", end_fields, OUT_NEEDED),
  OBJECT ("receiver", end_fields, OUT_NEEDED),
  END
};

/* section 4.4 */
static const PbField slot_peer_fields[] = {
  PEER_ID ("peer", OUT_NEEDED),
  CLIENT,
  WORD ("transport", transports, OUT | OPEN),
  WORD ("srt", srt_states, OUT),
  WORD ("path", paths, OUT | OPEN),
  WORD ("cipher", used_ciphers, OUT | OPEN),
  NUMBER ("since", 0, OUT),
  VERDICT,
  FIGURES (OUT),
  END
};

static const PbField slot_receiver =
  OBJECT ("receivers", slot_peer_fields, OUT);

static const PbField slot_fields[] = {
  NAME ("stream", OUT_NEEDED),
  WORD ("state", states, OUT_NEEDED),
  WORD ("tally", tallies, OUT),
  PORT ("port", OUT),
  BOOLEAN ("thumbnails", OUT),
  OBJECT ("sender", slot_peer_fields, OUT),
  LIST ("receivers", 0, PB_SLOT_RECEIVERS_MAX, &slot_receiver, OUT),
  END
};

static const PbField session_slot = OBJECT ("streams", slot_fields, OUT);

static const PbField session_fields[] = {
  NAME ("session", OUT_NEEDED),
  WORD ("state", states, OUT_NEEDED),
  LATENCY ("latency", OUT),
  TTL ("ttl", OUT),
  WORD ("cipher", ciphers, OUT),
  TEXT ("created", 1, 40, OUT),
  INTEGER ("expires", 0, PB_JSON_INTEGER_MAX, OUT),
  LIST ("streams", 0, SLOTS_MAX, &session_slot, OUT_NEEDED),
  END
};

static const PbField closed_fields[] = {
  WORD ("reason", closed_reasons, OUT_NEEDED | OPEN),
  BOOLEAN ("retry", OUT),
  PEER_ID ("peer", OUT),
  END
};

static const PbField envelope_fields[] = {
  TEXT ("status", 1, 64, OUT_NEEDED),
  TEXT ("reason", 1, 64, OUT_NEEDED),
  TEXT ("domain", 1, 64, OUT),
  TEXT ("message", 0, 1024, OUT_NEEDED),
  TEXT ("request_id", 0, 64, OUT),
  END
};

static const PbField error_fields[] = {
  ID,
  WORD ("code", punch_codes, OUT_NEEDED | OPEN),
  PEER_ID ("peer", OUT),
  OBJECT ("error", envelope_fields, OUT_NEEDED),
  END
};

/* What a `signal` of each kind carries. Two peers may know more than this
 * table: the server looks no further, and neither refuses what it adds. */
static const PbField ice_data[] = {
  ICE ("ufrag", 4, 256, BOTH_NEEDED),
  ICE ("pwd", 22, 256, BOTH_NEEDED),
  END
};

/* one line, or an SDP of several could be smuggled in */
static const PbField candidate_data[] = {
  TEXT ("candidate", 1, PB_CANDIDATE_MAX, BOTH_NEEDED),
  INTEGER ("mline", 0, PB_SDP_MEDIA_MAX - 1, BOTH),
  END
};

static const PbField restart_data[] = {
  FAULT ("code", BOTH),
  END
};

static const PbField sdp_data[] = {
  { "sdp", PB_FIELD_LINES, BOTH_NEEDED, 1, PB_SDP_MAX },
  END
};

static const struct {
  const char *kind;
  const PbField data;
} signal_data[] = {
#define DATA(kind, list, flags) \
  { kind, OBJECT ("data", list, flags | PB_FIELD_LOOSE) }
  DATA ("ice", ice_data, BOTH_NEEDED),
  DATA ("candidate", candidate_data, BOTH_NEEDED),
  DATA ("restart", restart_data, BOTH),
  DATA ("offer", sdp_data, BOTH_NEEDED),
  DATA ("answer", sdp_data, BOTH_NEEDED),
#undef DATA
};

static const struct {
  const char *name;
  gboolean to_server, to_peer;
  const PbField *fields;
} messages[] = {
  [PB_MESSAGE_REGISTER] = { "register", TRUE, FALSE, register_fields },
  [PB_MESSAGE_LEAVE] = { "leave", TRUE, FALSE, leave_fields },
  [PB_MESSAGE_READY] = { "ready", TRUE, FALSE, ready_fields },
  [PB_MESSAGE_ACK] = { "ack", TRUE, FALSE, ack_fields },
  [PB_MESSAGE_SIGNAL] = { "signal", TRUE, TRUE, signal_fields },
  [PB_MESSAGE_STATUS] = { "status", TRUE, TRUE, status_fields },
  [PB_MESSAGE_HEALTH] = { "health", TRUE, TRUE, health_fields },
  [PB_MESSAGE_TALLY] = { "tally", TRUE, TRUE, tally_fields },
  [PB_MESSAGE_CUE] = { "cue", TRUE, TRUE, cue_fields },
  [PB_MESSAGE_STRINGS] = { "strings", TRUE, TRUE, strings_fields },
  [PB_MESSAGE_THUMBNAIL_REQUEST] = { "thumbnail_request", TRUE, TRUE,
    thumbnail_request_fields },
  [PB_MESSAGE_THUMBNAIL] = { "thumbnail", TRUE, TRUE, thumbnail_fields },
  [PB_MESSAGE_REGISTERED] = { "registered", FALSE, TRUE, registered_fields },
  [PB_MESSAGE_PEER] = { "peer", FALSE, TRUE, peer_fields },
  [PB_MESSAGE_PEER_GONE] = { "peer_gone", FALSE, TRUE, peer_gone_fields },
  [PB_MESSAGE_PEER_MATCH] = { "peer_match", FALSE, TRUE, peer_match_fields },
  [PB_MESSAGE_SESSION] = { "session", FALSE, TRUE, session_fields },
  [PB_MESSAGE_TURN] = { "turn", FALSE, TRUE, turn_fields },
  [PB_MESSAGE_ALARM] = { "alarm", FALSE, TRUE, alarm_fields },
  [PB_MESSAGE_ALARMS] = { "alarms", FALSE, TRUE, alarms_fields },
  [PB_MESSAGE_CLOSED] = { "closed", FALSE, TRUE, closed_fields },
  [PB_MESSAGE_ERROR] = { "error", FALSE, TRUE, error_fields },
};

static const PbField stream_name = NAME ("streams", IN);

static const PbField session_create_fields[] = {
  NAME ("name", IN_NEEDED),
  LIST ("streams", 1, SLOTS_MAX, &stream_name, IN),
  LATENCY ("latency", IN),
  TTL ("ttl", IN),
  WORD ("cipher", ciphers, IN),
  END
};

static const PbField token_mint_fields[] = {
  WORD ("role", token_roles, IN_NEEDED),
  NAME ("stream", IN),
  WORD ("direction", directions, IN),
  TTL ("ttl", IN),
  TEXT ("label", 1, PB_LABEL_MAX, IN),
  BOOLEAN ("qr", IN),
  END
};

static const PbField session_extend_fields[] = {
  TTL ("ttl", IN_NEEDED),
  END
};

static const PbField stream_add_fields[] = {
  NAME ("stream", IN_NEEDED),
  END
};

static const PbField *const bodies[] = {
  [PB_BODY_SESSION_CREATE] = session_create_fields,
  [PB_BODY_TOKEN_MINT] = token_mint_fields,
  [PB_BODY_SESSION_EXTEND] = session_extend_fields,
  [PB_BODY_STREAM_ADD] = stream_add_fields,
};
/* clang-format on */

G_DEFINE_ENUM_TYPE (PbMessageType, pb_message_type,
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_REGISTER, "register"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_LEAVE, "leave"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_READY, "ready"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_ACK, "ack"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_SIGNAL, "signal"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_STATUS, "status"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_HEALTH, "health"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_TALLY, "tally"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_CUE, "cue"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_STRINGS, "strings"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_THUMBNAIL_REQUEST, "thumbnail_request"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_THUMBNAIL, "thumbnail"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_REGISTERED, "registered"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_PEER, "peer"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_PEER_GONE, "peer_gone"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_PEER_MATCH, "peer_match"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_SESSION, "session"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_TURN, "turn"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_ALARM, "alarm"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_ALARMS, "alarms"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_CLOSED, "closed"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_ERROR, "error"))

G_DEFINE_FLAGS_TYPE (PbTransport, pb_transport,
    G_DEFINE_ENUM_VALUE (PB_TRANSPORT_SRT, "srt"),
    G_DEFINE_ENUM_VALUE (PB_TRANSPORT_WEBRTC, "webrtc"))

G_DEFINE_ENUM_TYPE (PbMessageWay, pb_message_way,
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_TO_SERVER, "to-server"),
    G_DEFINE_ENUM_VALUE (PB_MESSAGE_TO_PEER, "to-peer"))

G_DEFINE_ENUM_TYPE (PbBodyType, pb_body_type,
    G_DEFINE_ENUM_VALUE (PB_BODY_SESSION_CREATE, "session-create"),
    G_DEFINE_ENUM_VALUE (PB_BODY_TOKEN_MINT, "token-mint"),
    G_DEFINE_ENUM_VALUE (PB_BODY_SESSION_EXTEND, "session-extend"),
    G_DEFINE_ENUM_VALUE (PB_BODY_STREAM_ADD, "stream-add"))

/**
 * pb_transport_get_name:
 * @transport: one of them
 *
 * Returns: (nullable): its name on the wire
 */
const char *
pb_transport_get_name (PbTransport transport)
{
  switch (transport) {
    case PB_TRANSPORT_SRT:
      return "srt";
    case PB_TRANSPORT_WEBRTC:
      return "webrtc";
    default:
      return NULL;
  }
}

/**
 * pb_transport_from_name:
 * @name: (nullable): as pb_transport_get_name() gives it
 * @out: (out): the transport
 *
 * Returns: whether it is one
 */
gboolean
pb_transport_from_name (const char *name, PbTransport *out)
{
  if (g_strcmp0 (name, "srt") == 0)
    *out = PB_TRANSPORT_SRT;
  else if (g_strcmp0 (name, "webrtc") == 0)
    *out = PB_TRANSPORT_WEBRTC;
  else
    return FALSE;

  return TRUE;
}

/**
 * pb_message_type_get_name:
 * @type: a type
 *
 * Returns: its name on the wire, such as "register"
 */
const char *
pb_message_type_get_name (PbMessageType type)
{
  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (messages), NULL);

  return messages[type].name;
}

/**
 * pb_message_type_from_name:
 * @name: (array length=length) (element-type guint8): a name from the wire
 * @length: its octets; -1 where it ends with a NUL
 * @out: (out): the type
 *
 * Returns: whether there is such a type
 */
gboolean
pb_message_type_from_name (const char *name, gssize length, PbMessageType *out)
{
  gsize n = length < 0 ? strlen (name) : (gsize) length;

  for (guint i = 0; i < G_N_ELEMENTS (messages); i++) {
    if (strlen (messages[i].name) == n &&
        memcmp (messages[i].name, name, n) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

static gboolean
check_signal (JsonObject *object, PbMessageWay way, GError **error)
{
  const char *kind = json_object_get_string_member (object, "kind");

  for (guint i = 0; i < G_N_ELEMENTS (signal_data); i++) {
    /* one row, and the others of the message passed over */
    const PbField row[] = { signal_data[i].data, END };

    if (strcmp (signal_data[i].kind, kind) == 0)
      return pb_fields_check (row, object, NULL, way, PB_FIELD_LOOSE, error);
  }

  return TRUE;
}

static gboolean
check_object (PbMessageType type, JsonObject *object, PbMessageWay way,
    GError **error)
{
  if (pb_fields_check (messages[type].fields, object, "type", way, 0, error) &&
      (type != PB_MESSAGE_SIGNAL || check_signal (object, way, error)))
    return TRUE;
  g_prefix_error (error, "%s: ", messages[type].name);

  return FALSE;
}

static gboolean
read_type (JsonObject *object, PbMessageWay way, PbMessageType *out,
    GError **error)
{
  JsonNode *node = json_object_get_member (object, "type");

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      json_node_get_value_type (node) != G_TYPE_STRING) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "type must be a string");
    return FALSE;
  }
  if (pb_message_type_from_name (json_node_get_string (node), -1, out) &&
      (way == PB_MESSAGE_TO_SERVER ? messages[*out].to_server
                                   : messages[*out].to_peer))
    return TRUE;
  g_set_error (error, PB_ERROR,
      way == PB_MESSAGE_TO_PEER ? PB_ERROR_NOT_FOUND : PB_ERROR_INVALID,
      "type is not a known one");

  return FALSE;
}

static JsonObject *
parse_object (const char *text, gssize length, GError **error)
{
  g_autoptr (JsonNode) node = pb_json_parse (text, length, error);

  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "JSON: not an object");
    return NULL;
  }

  return json_node_dup_object (node);
}

/**
 * pb_message_parse:
 * @text: (array length=length) (element-type guint8): what came
 * @length: its octets; -1 where it ends with a NUL
 * @way: who reads it
 * @error: PB_ERROR_INVALID, PB_ERROR_TOO_LARGE; and on the way to a peer
 *   PB_ERROR_NOT_FOUND for a type that this version does not know, which a
 *   client passes over
 *
 * Reads strictly (pb_json_check()) and checks every field against the table.
 * The server refuses unknown fields and words; a client passes them over, but
 * not a known field of the wrong kind or out of range.
 *
 * Returns: (transfer full): the message
 */
PbMessage *
pb_message_parse (const char *text, gssize length, PbMessageWay way,
    GError **error)
{
  g_autoptr (JsonObject) object = parse_object (text, length, error);
  PbMessageType type;

  if (object == NULL || !read_type (object, way, &type, error))
    return NULL;
  if (type == PB_MESSAGE_SIGNAL &&
      (length < 0 ? strlen (text) : (gsize) length) > PB_SIGNAL_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOO_LARGE,
        "signal: more than %d octets", PB_SIGNAL_MAX);
    return NULL;
  }
  if (!check_object (type, object, way, error))
    return NULL;

  return pb_message_take (type, g_steal_pointer (&object));
}

/**
 * pb_message_check:
 * @self: a message
 * @way: who is going to read it
 * @error: PB_ERROR_INVALID
 *
 * What pb_message_parse() asks of the messages of others, asked of our own.
 *
 * Returns: whether it may leave
 */
gboolean
pb_message_check (PbMessage *self, PbMessageWay way, GError **error)
{
  PbMessageType type;

  g_return_val_if_fail (self != NULL, FALSE);
  if (!read_type (self->object, way, &type, NULL) || type != self->type) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "%s: not sent this way",
        messages[self->type].name);
    return FALSE;
  }

  return check_object (type, self->object, way, error);
}

/**
 * pb_body_parse:
 * @type: which body
 * @text: (array length=length) (element-type guint8): what came
 * @length: its octets; -1 where it ends with a NUL
 * @error: PB_ERROR_INVALID or PB_ERROR_TOO_LARGE
 *
 * Returns: (transfer full): the object, every field checked
 */
JsonObject *
pb_body_parse (PbBodyType type, const char *text, gssize length, GError **error)
{
  g_autoptr (JsonObject) object = NULL;

  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (bodies), NULL);
  if (text == NULL || length == 0 || (length < 0 && *text == '\0'))
    object = json_object_new ();
  else
    object = parse_object (text, length, error);
  if (object == NULL || !pb_fields_check (bodies[type], object, NULL,
                            PB_MESSAGE_TO_SERVER, 0, error))
    return NULL;

  return g_steal_pointer (&object);
}
