/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/sdp/sdp.h>

#include "core/pb-sdp.h"
#include "pb-webrtc-codec.h"

G_BEGIN_DECLS

/* What of theirs fits what we have. 0: nothing does. */

guint pb_webrtc_sdp_find_payload (PbSdp *sdp, guint media,
    const PbWebrtcCodec *codec, const GstCaps *track);
guint pb_webrtc_sdp_find_extmap (PbSdp *sdp, guint media, const char *uri);

/* Ours, as webrtcbin made it, put right. */

void pb_webrtc_sdp_set_fingerprint (GstSDPMessage *sdp, const char *value);
void pb_webrtc_sdp_set_credentials (GstSDPMessage *sdp, const char *ufrag,
    const char *pwd);
/* All of them, in the first m-line: "candidate:…" */
void pb_webrtc_sdp_add_candidates (GstSDPMessage *sdp, char **candidates);
/* (transfer full): a relayed candidate without the address that it was had
 * from, as a browser tells it where nothing but a relay is allowed */
char *pb_webrtc_sdp_hide_base (const char *candidate);
/* Those that are in a description go the way of those that come later.
 * (transfer full): "mline candidate:…" */
GPtrArray *pb_webrtc_sdp_take_candidates (GstSDPMessage *sdp);
/* What m-lines share is in each of them, as webrtcbin wants it. */
void pb_webrtc_sdp_complete (GstSDPMessage *sdp);
/* Whether an answer has the m-lines of the offer. */
gboolean pb_webrtc_sdp_answers (PbSdp *answer, const GstSDPMessage *offer);
/* Whether a later offer keeps those of the earlier one. */
gboolean pb_webrtc_sdp_continues (PbSdp *sdp, PbSdp *earlier);

#define PB_WEBRTC_TWCC_URI                                                     \
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

G_END_DECLS
