/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-strings.h"

G_BEGIN_DECLS

/* For GstURIHandler::get_protocols: "pb", "pbs", NULL */
const char *const *pb_gst_uri_get_protocols (void);
/* For a `uri` property and GstURIHandler::set_uri: parses `text` (NULL clears)
 * into `*uri`, which is freed before; keeps it where the text is wrong. The
 * caller holds the lock that guards `*uri`. GST_URI_ERROR. */
gboolean pb_gst_uri_set (PbUri **uri, const char *text,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Without the token. (transfer full) (nullable) */
char *pb_gst_uri_print (const PbUri *uri);
/* FALSE, and a sentence for a person, where a token would travel in the clear
 * to another machine: pb:// off loopback without `insecure`. */
gboolean pb_gst_uri_is_allowed (const PbUri *uri, gboolean insecure,
    const char **sentence);

G_END_DECLS
