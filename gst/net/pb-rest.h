/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/**
 * PbRest:
 * The HTTP half of the protocol for programs: one call, blocking, in the
 * calling thread (never in an element or the server).
 */
#define PB_TYPE_REST (pb_rest_get_type ())
PB_API G_DECLARE_FINAL_TYPE (PbRest, pb_rest, PB, REST, GObject)

/* `server`: "http://127.0.0.1:8080" or "https://host". Plain http off loopback
 * is refused (PB_ERROR_INVALID) unless `allow_plain`. */
PB_API PbRest *pb_rest_new (const char *server, gboolean allow_plain,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
PB_API void pb_rest_set_token (PbRest *self, const char *token);
/* The answer's JSON, or for a 204 a null node. The server's envelope becomes a
 * PB_ERROR with the server's message; no connection PB_ERROR_UNAVAILABLE.
 * (transfer full) */
PB_API JsonNode *pb_rest_call (PbRest *self, const char *method,
    const char *path, JsonNode *body, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for answers that are not JSON. (transfer full) */
PB_API GBytes *pb_rest_fetch (PbRest *self, const char *path,
    char **content_type, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
