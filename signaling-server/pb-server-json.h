/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"

G_BEGIN_DECLS

/* What handlers do with JSON objects, all alike. */

/* A null counts as absent. */
gboolean pb_server_json_has (JsonObject *object, const char *member);
/* `text`: (nullable): null on the wire */
void pb_server_json_set_text (JsonObject *object, const char *member,
    const char *text);
/* In octets, as pb_json_print() writes it. */
gsize pb_server_json_measure (JsonObject *object);
/* All members of `object` become fields of the message. */
void pb_server_json_fill_message (PbMessage *message, JsonObject *object);

G_END_DECLS
