/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/* A refusal of a right that is told in its own words, with PB_ERROR_DENIED: no
 * token was shown, so that none can lack it. */
#define PB_SERVER_CREATE_IS_LOCAL                                              \
  "Here only the server's own machine creates sessions, or who shows an "      \
  "admin's token. Ask whoever runs this server."

/* (transfer full): {"status","reason","domain","message","request_id"}, the
 * inside of every error that leaves the server. */
JsonObject *pb_server_envelope_new (const GError *error,
    const char *request_id);
/* (transfer full): the whole body: {"error":{…}} */
char *pb_server_envelope_print (const GError *error, const char *request_id);

G_END_DECLS
