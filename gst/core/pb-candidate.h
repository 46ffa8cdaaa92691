/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/* What a stranger may name in spite of the rule. */
typedef enum {
  PB_ADDRESS_STRICT = 0,
  /* we stand on loopback ourselves: so may the other end */
  PB_ADDRESS_LOOPBACK = 1 << 0,
  /* two machines on one cable, without DHCP: SRT takes it, WebRTC does not */
  PB_ADDRESS_LINK_LOCAL = 1 << 1,
} PbAddressFlags;

/* Whether packets may be sent to an address that a stranger named: not to
 * multicast, broadcast, the unspecified, link-local ones and metadata services,
 * nor to one of these dressed up as IPv6 (mapped, compatible, NAT64, 6to4).
 * PB_ERROR_INVALID with a sentence. */
PB_API gboolean pb_address_check (GInetAddress *address, PbAddressFlags flags,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
  PB_CANDIDATE_HOST,
  PB_CANDIDATE_SRFLX,
  PB_CANDIDATE_PRFLX,
  PB_CANDIDATE_RELAY,
} PbCandidateKind;

typedef enum {
  PB_CANDIDATE_UDP,
  PB_CANDIDATE_TCP_ACTIVE,
  PB_CANDIDATE_TCP_PASSIVE,
  PB_CANDIDATE_TCP_SO,
} PbCandidateTransport;

PB_API GType pb_address_flags_get_type (void);
#define PB_TYPE_ADDRESS_FLAGS (pb_address_flags_get_type ())
PB_API GType pb_candidate_kind_get_type (void);
#define PB_TYPE_CANDIDATE_KIND (pb_candidate_kind_get_type ())
PB_API GType pb_candidate_transport_get_type (void);
#define PB_TYPE_CANDIDATE_TRANSPORT (pb_candidate_transport_get_type ())

/**
 * PbCandidate:
 * One ICE candidate as somebody else signalled it, read and found fit; or a
 * name instead of an address (mDNS), which is nobody's fault and is passed
 * over: it must never be resolved.
 */
typedef struct {
  PbCandidateKind kind;
  PbCandidateTransport transport;
  guint component;
  guint priority;
  char *address;    /* a literal; or the name */
  gboolean is_name; /* pass it over */
  guint port;
} PbCandidate;

#define PB_TYPE_CANDIDATE (pb_candidate_get_type ())
PB_API GType pb_candidate_get_type (void);
/* One line of RFC 8839, "candidate:…", with or without "a=", without a line
 * end. NULL with PB_ERROR_INVALID and a sentence that does not repeat the line
 * where it is malformed or not fit. Ports are 1 to 65535, 9 for active TCP. */
PB_API PbCandidate *pb_candidate_parse (const char *line, PbAddressFlags flags,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API PbCandidate *pb_candidate_copy (const PbCandidate *candidate);
PB_API void pb_candidate_free (PbCandidate *candidate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbCandidate, pb_candidate_free)

typedef enum {
  PB_CANDIDATE_FIT,
  PB_CANDIDATE_NAME,      /* pass it over in silence */
  PB_CANDIDATE_UNFIT,     /* well formed, but not to be sent a packet */
  PB_CANDIDATE_MALFORMED,
} PbCandidateVerdict;

PB_API GType pb_candidate_verdict_get_type (void);
#define PB_TYPE_CANDIDATE_VERDICT (pb_candidate_verdict_get_type ())
/* The same in one word. The error is set for UNFIT and MALFORMED. */
PB_API PbCandidateVerdict pb_candidate_judge (const char *line,
    PbAddressFlags flags, GError **error);

G_END_DECLS
