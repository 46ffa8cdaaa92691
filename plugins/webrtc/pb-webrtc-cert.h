/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* DTLS certificates: ours, and what is known of theirs. */

/* One for the process: GStreamer keeps each that it was ever given. (nullable):
 * OpenSSL has failed */
const char *pb_webrtc_cert_get_pem (void);         /* with the key */
const char *pb_webrtc_cert_get_fingerprint (void); /* "sha-256 AB:CD:…" */

/* `fingerprint`: "sha-256 AB:CD:…" (RFC 8122). FALSE as well for hashes that no
 * longer prove anything. */
gboolean pb_webrtc_cert_matches (const char *pem, const char *fingerprint);

/* GStreamer makes an RSA key, which takes up to half a second, whenever no
 * dtlsdec is left that holds the last one: in the background, once. */
void pb_webrtc_cert_prepare (void);

G_END_DECLS
