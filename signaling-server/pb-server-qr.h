/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

typedef enum {
  PB_SERVER_QR_SVG,
  PB_SERVER_QR_PNG,
  PB_SERVER_QR_TEXT,
} PbServerQrFormat;

gboolean pb_server_qr_format_from_name (const char *name,
    PbServerQrFormat *out);
const char *pb_server_qr_format_get_type (PbServerQrFormat format);
/* (transfer full): a picture of `text`, quiet zone included. The caller wipes
 * it if the text was secret. PB_ERROR_TOO_LARGE */
GBytes *pb_server_qr_draw (const char *text, PbServerQrFormat format,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full) (nullable): the same as SVG text, PB_STRING_QR_MAX at most,
 * for an answer. PB_ERROR_TOO_LARGE */
char *pb_server_qr_print (const char *text,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
