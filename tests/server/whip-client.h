/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "logic-fixture.h"

G_BEGIN_DECLS

#define WHIP_ANSWER "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" \
  "a=group:BUNDLE 0 1\r\n" \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:answ\r\na=ice-pwd:answeransweransweransw\r\n" \
  "a=fingerprint:sha-256 " WHIP_FINGERPRINT "\r\na=setup:active\r\n" \
  "a=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" \
  "a=candidate:1 1 UDP 2130706431 198.51.100.9 39132 typ host\r\n" \
  "a=end-of-candidates\r\n" \
  "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:answ\r\na=ice-pwd:answeransweransweransw\r\n" \
  "a=fingerprint:sha-256 " WHIP_FINGERPRINT "\r\na=setup:active\r\n" \
  "a=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
/* `way`: what the client does */
#define WHIP_OFFER WHIP_OFFER_OF ("sendonly")
#define WHEP_OFFER WHIP_OFFER_OF ("recvonly")
#define WHIP_OFFER_OF(way) "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" \
  "a=group:BUNDLE 0 1\r\n" \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:offr\r\na=ice-pwd:offeroffer/offeroffer+r\r\n" \
  "a=fingerprint:sha-256 " WHIP_FINGERPRINT "\r\na=setup:actpass\r\n" \
  "a=mid:0\r\na=" way "\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" \
  "a=candidate:1 1 UDP 2130706431 198.51.100.1 39132 typ host\r\n" \
  "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:offr\r\na=ice-pwd:offeroffer/offeroffer+r\r\n" \
  "a=fingerprint:sha-256 " WHIP_FINGERPRINT "\r\na=setup:actpass\r\n" \
  "a=mid:1\r\na=bundle-only\r\na=" way "\r\na=rtcp-mux\r\n" \
  "a=rtpmap:96 VP8/90000\r\n"
#define WHIP_FINGERPRINT \
  "DA:7B:57:DC:28:CE:04:4F:31:79:85:C4:31:67:EB:27:58:29:ED:77:2A:0D:24:AE:" \
  "ED:AD:30:BC:BD:F1:9C:02"
#define WHIP_SDP "application/sdp"
#define WHIP_FRAGMENT "application/trickle-ice-sdpfrag"

/* One request of a client of WHIP or WHEP, under way or answered. */
typedef struct {
  SoupMessage *msg;
  GBytes *body;
  gboolean is_done;
} Call;

/* `more`: pairs of header fields, ended by NULL */
Call *call_new (Fixture *f, const char *method, const char *path,
    const char *token, const char *type, const char *body,
    ...) G_GNUC_NULL_TERMINATED;
void call_free (Call *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)
/* Waits; returns the status. */
guint call_wait (Call *self);
const char *call_header (Call *self, const char *name);
char *call_text (Call *self);
/* It is refused with just this, in an envelope; the sentence, if not NULL. */
void call_assert_refused (Call *self, guint status, const char *reason,
    const char *sentence);

/* A session "demo", and one of our ends on cam-wide that speaks WebRTC. */
typedef struct {
  char *admin, *send, *receive;
  Ws *ws;
} Scene;

/* `direction` of our end; NULL: nobody is there */
void scene_init (Scene *s, Fixture *f, const char *direction);
void scene_clear (Scene *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scene, scene_clear)

#define WHIP_PATH "/whip/demo/cam-wide"
#define WHEP_PATH "/whep/demo/cam-wide"
#define END_ID "end-of-ours"

/* POST of the offer: to play where our end sends. */
Call *scene_offer (Scene *s, Fixture *f);
/* (transfer full): id of the peer that the offer came from */
char *scene_take_offer (Scene *s, const char *offer);
/* The next `signal`, of this kind. (transfer full): its data, if any */
JsonObject *scene_take_signal (Scene *s, const char *peer, const char *kind);
/* (transfer full): text with every `from` as `to` */
char *replaced (const char *text, const char *from, const char *to);
void scene_answer (Scene *s, const char *to);
void scene_answer_with (Scene *s, const char *to, const char *sdp);
/* All of it: (transfer full) the path of the resource */
char *scene_connect (Scene *s, Fixture *f, char **peer, char **tag);
/* Resources that the session has now */
guint scene_count_resources (Fixture *f);

G_END_DECLS
