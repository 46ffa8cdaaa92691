/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-fault.h"

#include "core/pb-error.h"

/* clang-format off */
static const struct {
  PbFault fault;
  const char *name, *code;
  gboolean fatal;
  const char *sentence;
} faults[] = {
#define ROW(id, code, fatal, sentence) \
  { PB_FAULT_##id, "PB_FAULT_" #id, code, fatal, sentence }
  ROW (NONE, "none", FALSE, "Nothing is wrong."),
  ROW (WRONG_PASSPHRASE, "wrong-passphrase", FALSE,
    "The two ends use different passphrases. Copy the connection string again, or let both ends take it from the session."),
  ROW (UNENCRYPTED, "unencrypted", FALSE,
    "One end has no passphrase, and this slot takes encrypted streams only. Copy the connection string again."),
  ROW (UDP_BLOCKED, "udp-blocked", FALSE,
    "No UDP packet gets out of this network. Ask for outgoing UDP to be opened, or use another network, such as a phone's."),
  ROW (NAT_SYMMETRIC, "nat-symmetric", FALSE,
    "This network's router gives every destination another port, so the ends cannot meet directly. Use another network, or a relay."),
  ROW (NO_PATH, "no-path", FALSE,
    "The two ends found no way to reach each other. Check both firewalls for UDP, or use a relay."),
  ROW (PEER_ABSENT, "peer-absent", FALSE,
    "Nobody is at the other end of this slot yet. It connects by itself as soon as somebody is."),
  ROW (PEER_LOST, "peer-lost", FALSE,
    "The other end went silent. It connects again by itself when it is back."),
  ROW (TIMED_OUT, "timed-out", FALSE,
    "The other end did not answer. Check its address and port, and that UDP reaches it."),
  ROW (REFUSED, "refused", FALSE,
    "The other end refused the connection. Look there for the reason."),
  ROW (STREAM_UNKNOWN, "stream-unknown", FALSE,
    "A stream for another session or slot arrived at this one. Copy the connection string again."),
  ROW (PORT_IN_USE, "port-in-use", FALSE,
    "The local UDP port is in use by another program. Stop that program, or set another local-port."),
  ROW (TOKEN_MISSING, "token-missing", TRUE,
    "No token was given. Set the token property, token-file, or PATCHBAY_TOKEN."),
  ROW (TOKEN_INVALID, "token-invalid", TRUE,
    "The server does not know this token. Ask the session's admin for a new one."),
  ROW (TOKEN_EXPIRED, "token-expired", TRUE,
    "The token has expired. Ask the session's admin for a new one."),
  ROW (TOKEN_REVOKED, "token-revoked", TRUE,
    "The session's admin has withdrawn this token. Ask for a new one."),
  ROW (DENIED, "denied", TRUE,
    "This token is not for that slot or direction. Ask the session's admin for one that is."),
  ROW (SLOT_TAKEN, "slot-taken", FALSE,
    "Somebody else is sending on this slot. Use another slot, or ask them to stop."),
  ROW (SLOT_UNKNOWN, "slot-unknown", TRUE,
    "The session has no slot of this name. Check the address for a typing error."),
  ROW (SESSION_UNKNOWN, "session-unknown", FALSE,
    "The server has no session of this name now. Check the address, or create the session."),
  ROW (SESSION_CLOSED, "session-closed", TRUE,
    "The session was closed by its admin."),
  ROW (SESSION_EXPIRED, "session-expired", TRUE,
    "The session's time has run out. Its admin can create a new one."),
  ROW (SESSION_FULL, "session-full", FALSE,
    "There is no room for another end on this slot."),
  ROW (REPLACED, "replaced", TRUE,
    "The same token took this slot over from another program."),
  ROW (SERVER_UNREACHABLE, "server-unreachable", FALSE,
    "The signalling server does not answer. Check its address and the network; what is connected already keeps running."),
  ROW (SERVER_REFUSED, "server-refused", FALSE,
    "The signalling server answered with something unexpected. Check that its address is that of a Patchbay server."),
  ROW (VERSION_MISMATCH, "version-mismatch", TRUE,
    "The two ends speak different protocol versions. Update the older one."),
  ROW (NO_TRANSPORT, "no-transport", FALSE,
    "One end of this slot speaks SRT only and the other WebRTC only. Use pbsrcsink with transport=auto, or the same kind of program at both ends."),
  ROW (NO_CODEC, "no-codec", FALSE,
    "The two ends have no codec in common. Send H.264 or VP8, and Opus."),
  ROW (FINGERPRINT, "fingerprint", FALSE,
    "The other end is not who signalling said it is: its certificate differs. Nothing was sent. Check who runs the signalling server and the network between."),
  ROW (RELAY_UNREACHABLE, "relay-unreachable", FALSE,
    "Only a relay is allowed and none answers. Check the server's TURN settings, and that the relay's port is open."),
  ROW (INTERNAL, "internal", FALSE,
    "Something went wrong inside the program. The log at GST_DEBUG=pb*:6 tells more."),
#undef ROW
};
/* clang-format on */

static const struct {
  PbError error;
  PbFault fault;
} error_map[] = {
  { PB_ERROR_TOKEN_MISSING, PB_FAULT_TOKEN_MISSING },
  { PB_ERROR_TOKEN_INVALID, PB_FAULT_TOKEN_INVALID },
  { PB_ERROR_TOKEN_EXPIRED, PB_FAULT_TOKEN_EXPIRED },
  { PB_ERROR_TOKEN_REVOKED, PB_FAULT_TOKEN_REVOKED },
  { PB_ERROR_DENIED, PB_FAULT_DENIED },
  { PB_ERROR_NOT_FOUND, PB_FAULT_SESSION_UNKNOWN },
  { PB_ERROR_STREAM_TAKEN, PB_FAULT_SLOT_TAKEN },
  { PB_ERROR_NOT_LIVE, PB_FAULT_PEER_ABSENT },
  { PB_ERROR_EXPIRED, PB_FAULT_SESSION_EXPIRED },
  { PB_ERROR_FULL, PB_FAULT_SESSION_FULL },
  { PB_ERROR_VERSION, PB_FAULT_VERSION_MISMATCH },
  { PB_ERROR_ABSENT, PB_FAULT_PEER_ABSENT },
  { PB_ERROR_UNAVAILABLE, PB_FAULT_SERVER_UNREACHABLE },
};

GType
pb_fault_get_type (void)
{
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    GEnumValue *values = g_new0 (GEnumValue, G_N_ELEMENTS (faults) + 1);

    for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
      values[i] = (GEnumValue) { faults[i].fault, faults[i].name,
        faults[i].code };
    /* kept for the life of the process, as the type system demands */
    g_once_init_leave (&type, g_enum_register_static ("PbFault", values));
  }

  return type;
}

static guint
find (PbFault fault)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    if (faults[i].fault == fault)
      return i;

  return find (PB_FAULT_INTERNAL);
}

/**
 * pb_fault_get_code:
 * @fault: the cause
 *
 * Returns: its name on the wire and on the bus, such as "wrong-passphrase"
 */
const char *
pb_fault_get_code (PbFault fault)
{
  return faults[find (fault)].code;
}

/**
 * pb_fault_get_sentence:
 * @fault: the cause
 *
 * Returns: what happened and what to do next, for a person
 */
const char *
pb_fault_get_sentence (PbFault fault)
{
  return faults[find (fault)].sentence;
}

/**
 * pb_fault_is_fatal:
 * @fault: the cause
 *
 * Returns: whether trying again is pointless until a person has acted
 */
gboolean
pb_fault_is_fatal (PbFault fault)
{
  return faults[find (fault)].fatal;
}

/**
 * pb_fault_from_code:
 * @code: (nullable): as pb_fault_get_code() gives it
 * @out: (out): the cause
 *
 * Returns: whether the code is one of ours
 */
gboolean
pb_fault_from_code (const char *code, PbFault *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    if (g_strcmp0 (faults[i].code, code) == 0) {
      *out = faults[i].fault;
      return TRUE;
    }
  }

  return FALSE;
}

/**
 * pb_fault_from_error:
 * @error: (nullable): what the server answered, or why it did not
 *
 * Returns: what that means to a stream
 */
PbFault
pb_fault_from_error (const GError *error)
{
  if (error == NULL)
    return PB_FAULT_NONE;
  if (error->domain != PB_ERROR)
    return PB_FAULT_SERVER_UNREACHABLE;
  for (guint i = 0; i < G_N_ELEMENTS (error_map); i++)
    if ((PbError) error->code == error_map[i].error)
      return error_map[i].fault;

  return PB_FAULT_SERVER_REFUSED;
}
