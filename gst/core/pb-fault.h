/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-api.h"

G_BEGIN_DECLS

/**
 * PbFault:
 * Why there is no picture: every cause an element can tell, each with a code
 * for the wire and the bus (`wrong-passphrase`) and a sentence for a person.
 * One table in pb-fault.c.
 */
typedef enum {
  PB_FAULT_NONE,
  PB_FAULT_WRONG_PASSPHRASE,   /* both ends are encrypted, with other keys */
  PB_FAULT_UNENCRYPTED,        /* one end has no passphrase */
  PB_FAULT_UDP_BLOCKED,        /* no UDP reaches the STUN server or the peer */
  PB_FAULT_NAT_SYMMETRIC,      /* ICE found no pair and the mapping varies */
  PB_FAULT_NO_PATH,            /* ICE failed, reason unknown */
  PB_FAULT_PEER_ABSENT,        /* nobody is registered on the other side */
  PB_FAULT_PEER_LOST,          /* was there, went silent */
  PB_FAULT_TIMED_OUT,          /* the peer was called and did not answer */
  PB_FAULT_REFUSED,            /* the peer answered no */
  PB_FAULT_STREAM_UNKNOWN,     /* a caller named another session or slot */
  PB_FAULT_PORT_IN_USE,        /* the local port cannot be bound */
  PB_FAULT_TOKEN_MISSING,
  PB_FAULT_TOKEN_INVALID,
  PB_FAULT_TOKEN_EXPIRED,
  PB_FAULT_TOKEN_REVOKED,      /* the admin took this one token back */
  PB_FAULT_DENIED,             /* token valid, but not for this slot/direction */
  PB_FAULT_SLOT_TAKEN,
  PB_FAULT_SLOT_UNKNOWN,       /* the session has no such slot */
  PB_FAULT_SESSION_UNKNOWN,
  PB_FAULT_SESSION_CLOSED,
  PB_FAULT_SESSION_EXPIRED,
  PB_FAULT_SESSION_FULL,
  PB_FAULT_REPLACED,           /* the same token took the slot over elsewhere */
  PB_FAULT_SERVER_UNREACHABLE,
  PB_FAULT_SERVER_REFUSED,     /* answered, with something unexpected */
  PB_FAULT_VERSION_MISMATCH,
  PB_FAULT_NO_TRANSPORT,       /* the ends share none: SRT against WebRTC */
  PB_FAULT_NO_CODEC,           /* they share no codec */
  PB_FAULT_FINGERPRINT,        /* DTLS certificate is not the one signalled */
  PB_FAULT_RELAY_UNREACHABLE,  /* relay only, and no TURN server answers */
  PB_FAULT_INTERNAL,
} PbFault;

PB_API GType pb_fault_get_type (void);
#define PB_TYPE_FAULT (pb_fault_get_type ())

PB_API const char *pb_fault_get_code (PbFault fault);     /* "wrong-passphrase" */
PB_API const char *pb_fault_get_sentence (PbFault fault); /* what, and what next */
/* TRUE where retrying cannot help until a person acts (token expired, denied …);
 * elements then post an error instead of a warning. */
PB_API gboolean pb_fault_is_fatal (PbFault fault);
PB_API gboolean pb_fault_from_code (const char *code, PbFault *out);
/* What a PbError from the server means to a stream. */
PB_API PbFault pb_fault_from_error (const GError *error);

G_END_DECLS
