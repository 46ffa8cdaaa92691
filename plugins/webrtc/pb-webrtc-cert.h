/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* DTLS certificates: ours, and what is known of theirs. */

/* One for the process: GStreamer keeps each that it was ever given. (nullable):
 * OpenSSL has failed */
const char *pb_webrtc_cert_get_pem (void);         /* with the key */
const char *pb_webrtc_cert_get_fingerprint (void); /* "sha-256 AB:CD:…" */

/* (transfer full) (nullable): the DER of the first certificate in it */
GBytes *pb_webrtc_cert_read_der (const char *pem);

/* The first dtlsdec of a process makes an RSA key, which nobody uses and which
 * takes up to half a second: in the background, once. */
void pb_webrtc_cert_prepare (void);
void pb_webrtc_cert_settle (void);

G_END_DECLS
