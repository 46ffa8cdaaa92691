/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * PbServerTurn:
 * A relay of somebody else (coturn, `use-auth-secret`) and the secret that we
 * share with it: credentials are signed, not stored, and end by themselves.
 */
typedef struct _PbServerTurn PbServerTurn;

/* RFC 7065, of what clients understand. PB_ERROR_INVALID, for whoever runs
 * the server. */
gboolean pb_server_turn_check_url (const char *url, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

PbServerTurn *pb_server_turn_new (const char *const *urls,
    const char *secret, guint ttl_s);
void pb_server_turn_free (PbServerTurn *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerTurn, pb_server_turn_free)

guint pb_server_turn_get_ttl (const PbServerTurn *self);
/* (transfer full): the credential of `username`; never to be written down */
char *pb_server_turn_sign (const PbServerTurn *self, const char *username);
/* (transfer full): {"urls","username","credential","ttl"} for peer `id`, good
 * until `until` at the latest. Both times are Unix seconds. */
JsonObject *pb_server_turn_describe (const PbServerTurn *self,
    const char *id, gint64 now, gint64 until);
/* (transfer full): the same as values of `Link` headers (RFC 9725, 4.6) */
char **pb_server_turn_make_links (const PbServerTurn *self, const char *id,
    gint64 now, gint64 until);

G_END_DECLS
