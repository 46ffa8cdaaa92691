/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/sdp/sdp.h>

#include "pb-webrtc-codec.h"

G_BEGIN_DECLS

/* What a description from the counterpart says, as far as we go by it. */

typedef enum {
  PB_WEBRTC_OTHER,
  PB_WEBRTC_AUDIO,
  PB_WEBRTC_VIDEO,
  PB_WEBRTC_DATA,
} PbWebrtcKind;

typedef struct
{
  guint index;
  PbWebrtcKind kind;
  gboolean is_rejected;
  gboolean sends, receives; /* the counterpart does, in this m-line */
  const GstSDPMedia *media; /* of the message */
} PbWebrtcMline;

PbWebrtcMline pb_webrtc_sdp_get_mline (const GstSDPMessage *sdp, guint index);

/* 0: the m-line does not have it */
guint pb_webrtc_sdp_find_payload (const PbWebrtcMline *mline,
    const PbWebrtcCodec *codec, const GstCaps *track);
/* 0: not offered */
guint pb_webrtc_sdp_find_extmap (const PbWebrtcMline *mline, const char *uri);

/* (transfer full) (element-type utf8): a list for each m-line that is used; the
 * certificate has to be in every one of them */
GPtrArray *pb_webrtc_sdp_get_fingerprints (const GstSDPMessage *sdp);

/* In each m-line that has one */
void pb_webrtc_sdp_set_fingerprint (GstSDPMessage *sdp, const char *value);

/* Takes the candidates out of `sdp`: they go the way of those that come later.
 * (transfer full): of char *, `mline` in front: "0 candidate:…" */
GPtrArray *pb_webrtc_sdp_take_candidates (GstSDPMessage *sdp);

#define PB_WEBRTC_TWCC_URI                                             \
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-" \
  "01"

G_END_DECLS
