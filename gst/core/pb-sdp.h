/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-candidate.h"

G_BEGIN_DECLS

typedef enum {
  PB_SDP_OFFER,
  PB_SDP_ANSWER,
} PbSdpType;

typedef enum {
  PB_SDP_STRICT = 0, /* a candidate that is not fit refuses the description */
  /* candidates on loopback are fit: the sender of it stands there, or we do */
  PB_SDP_LOOPBACK = 1 << 0,
  /* Candidates that are not fit, and names, are no fault: their lines are left
   * out of pb_sdp_print(). For an end, and for a server that writes the
   * message itself (WHIP): browsers, and machines with many interfaces, name
   * link-local and mDNS hosts. Malformed ones refuse it all the same. */
  PB_SDP_DROP_CANDIDATES = 1 << 1,
} PbSdpFlags;

typedef enum {
  PB_SDP_AUDIO,
  PB_SDP_VIDEO,
  PB_SDP_DATA, /* a data channel: SCTP over DTLS */
} PbSdpKind;

/* As a=… says it, seen from whoever wrote the description. */
typedef enum {
  PB_SDP_INACTIVE = 0,
  PB_SDP_SENDONLY = 1 << 0,
  PB_SDP_RECVONLY = 1 << 1,
  PB_SDP_SENDRECV = PB_SDP_SENDONLY | PB_SDP_RECVONLY,
} PbSdpDirection;

PB_API GType pb_sdp_type_get_type (void);
#define PB_TYPE_SDP_TYPE (pb_sdp_type_get_type ())
PB_API GType pb_sdp_flags_get_type (void);
#define PB_TYPE_SDP_FLAGS (pb_sdp_flags_get_type ())
PB_API GType pb_sdp_kind_get_type (void);
#define PB_TYPE_SDP_KIND (pb_sdp_kind_get_type ())
PB_API GType pb_sdp_direction_get_type (void);
#define PB_TYPE_SDP_DIRECTION (pb_sdp_direction_get_type ())

PB_API const char *pb_sdp_type_get_name (PbSdpType type); /* "offer" */
PB_API gboolean pb_sdp_type_from_name (const char *name, PbSdpType *out);

/**
 * PbSdp:
 * A description of a WebRTC connection that came from outside, checked as
 * docs/protocol.md, section 10, says. Does not change. Reference counted,
 * boxed. What it holds is a stranger's word: that the certificate is the one
 * named here is for whoever does the DTLS handshake to see.
 */
typedef struct _PbSdp PbSdp;

#define PB_TYPE_SDP (pb_sdp_get_type ())
PB_API GType pb_sdp_get_type (void);
/* Form, sizes and numbers, then what WebRTC needs: fingerprint (SHA-256 or
 * longer, the same everywhere), ICE credentials, setup, DTLS profiles only.
 * PB_ERROR_TOO_LARGE beyond PB_SDP_MAX, else PB_ERROR_INVALID with a sentence
 * that repeats nothing of it. `length` -1: up to the NUL. */
PB_API PbSdp *pb_sdp_parse (PbSdpType type, const char *text, gssize length,
    PbSdpFlags flags, GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API PbSdp *pb_sdp_ref (PbSdp *self);
PB_API void pb_sdp_unref (PbSdp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSdp, pb_sdp_unref)

PB_API PbSdpType pb_sdp_get_sdp_type (PbSdp *self);
/* The description, every line ended by CR LF, without what was dropped. */
PB_API char *pb_sdp_print (PbSdp *self);
PB_API guint pb_sdp_get_n_dropped (PbSdp *self);

/* ---- the connection ---- */

/* "sha-256", "sha-384" or "sha-512" */
PB_API const char *pb_sdp_get_fingerprint_algorithm (PbSdp *self);
PB_API const guint8 *pb_sdp_peek_fingerprint (PbSdp *self, gsize *length);
/* Whether `der` (a certificate) is the one the description names: what must
 * hold after the DTLS handshake, before a media packet is sent or taken. */
PB_API gboolean pb_sdp_matches_certificate (PbSdp *self, const guint8 *der,
    gsize length);
/* Of the first media section in use: where there is BUNDLE, that of all. */
PB_API const char *pb_sdp_get_ufrag (PbSdp *self);
PB_API const char *pb_sdp_get_pwd (PbSdp *self);
/* Whether all sections in use share one transport. */
PB_API gboolean pb_sdp_is_bundled (PbSdp *self);

/* ---- media sections, in order: an m-line each ---- */

PB_API guint pb_sdp_get_n_media (PbSdp *self);
PB_API PbSdpKind pb_sdp_get_kind (PbSdp *self, guint media);
/* INACTIVE where it is refused or switched off (port 0); SENDRECV for DATA. */
PB_API PbSdpDirection pb_sdp_get_direction (PbSdp *self, guint media);
PB_API gboolean pb_sdp_is_rejected (PbSdp *self, guint media);
/* (nullable) */
PB_API const char *pb_sdp_get_mid (PbSdp *self, guint media);
/* -1 where there is none. */
PB_API int pb_sdp_find_mid (PbSdp *self, const char *mid);
/* The value of the `nth` a=name:value of a section, of the session for media
 * -1; "" for a=name; NULL where there are not so many. */
PB_API const char *pb_sdp_get_attribute (PbSdp *self, int media,
    const char *name, guint nth);

typedef struct {
  guint payload_type;
  const char *name; /* "H264", as written; "" where the m-line is all there is */
  guint clock_rate; /* 0 with "" */
  guint channels;   /* 1 where none are told */
  const char *fmtp; /* (nullable): "packetization-mode=1;…" */
} PbSdpCodec;

/* In the writer's order of preference; none for DATA. */
PB_API guint pb_sdp_get_n_codecs (PbSdp *self, guint media);
/* What `codec` points to is the description's. */
PB_API void pb_sdp_get_codec (PbSdp *self, guint media, guint nth,
    PbSdpCodec *codec);
/* The first of that encoding name in any case; FALSE where there is none. */
PB_API gboolean pb_sdp_find_codec (PbSdp *self, guint media, const char *name,
    PbSdpCodec *codec);

/* ---- fragments: RFC 8840, for WHIP's and WHEP's PATCH ---- */

typedef struct {
  char *mid;  /* (nullable): before any m-line, or where it names none */
  char *line; /* "candidate:…", without "a=" */
} PbSdpFragmentCandidate;

/**
 * PbSdpFragment:
 * application/trickle-ice-sdpfrag: credentials, candidates, and whether these
 * were all.
 */
typedef struct {
  char *ufrag, *pwd; /* (nullable), both or none */
  gboolean is_ended; /* a=end-of-candidates */
  guint n_candidates;
  PbSdpFragmentCandidate *candidates;
  guint n_dropped;   /* with PB_SDP_DROP_CANDIDATES */
} PbSdpFragment;

#define PB_TYPE_SDP_FRAGMENT (pb_sdp_fragment_get_type ())
PB_API GType pb_sdp_fragment_get_type (void);
/* Bounded as a description is; fails as pb_sdp_parse() does. */
PB_API PbSdpFragment *pb_sdp_fragment_parse (const char *text, gssize length,
    PbSdpFlags flags, GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API PbSdpFragment *pb_sdp_fragment_copy (const PbSdpFragment *fragment);
PB_API void pb_sdp_fragment_free (PbSdpFragment *fragment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSdpFragment, pb_sdp_fragment_free)
/* For the media of `sdp`, which gives the m-lines and the BUNDLE group. */
PB_API char *pb_sdp_fragment_print (const PbSdpFragment *fragment, PbSdp *sdp);
/* The m-line a candidate of a fragment is for: 0 without a mid; -1 where the
 * description has no such mid. */
PB_API int pb_sdp_fragment_find_media (const PbSdpFragment *fragment,
    guint candidate, PbSdp *sdp);
/* (transfer full): what the answer to an ICE restart tells of a description:
 * its credentials and candidates. */
PB_API PbSdpFragment *pb_sdp_dup_fragment (PbSdp *self);
/* Other credentials than the description has already. */
PB_API gboolean pb_sdp_fragment_is_restart (const PbSdpFragment *fragment,
    PbSdp *sdp);
/* (transfer full): the description with what the fragment brings: of a restart
 * its credentials in place of all there were and its candidates in place of the
 * old ones, and the version of o= one higher: an offer to be sent on. Otherwise
 * its candidates added. PB_ERROR_INVALID (a mid that the description lacks, too
 * many candidates) or PB_ERROR_TOO_LARGE. */
PB_API PbSdp *pb_sdp_merge (PbSdp *self, const PbSdpFragment *fragment,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
