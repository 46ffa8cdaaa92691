/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* RFC 4648 section 5, without padding and canonical: one text for one value.
 * Octets that `length` characters hold, and the other way round. */
#define PB_BASE64URL_OCTETS(length) ((length) / 4 * 3 + (length) % 4 * 3 / 4)
#define PB_BASE64URL_CHARS(length) (((length) * 4 + 2) / 3)

/* Writes PB_BASE64URL_CHARS (length) characters, no terminator. */
void pb_base64url_encode (const guint8 *data, gsize length, char *out);
/* Writes PB_BASE64URL_OCTETS (length) octets. FALSE for a character outside
 * the alphabet, an impossible length, or spare bits that are not zero. */
gboolean pb_base64url_decode (const char *text, gsize length, guint8 *out);

G_END_DECLS
