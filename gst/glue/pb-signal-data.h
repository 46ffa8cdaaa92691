/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"

G_BEGIN_DECLS

/* What a `signal` of another end holds: anybody's, so nothing is sure to be
 * there, or of the right kind. */

/* (transfer none) (nullable): the message's `data`, where it is an object */
JsonObject *pb_signal_data_peek (PbMessage *message);
/* (transfer none) (nullable): a text of `data`, which may be NULL */
const char *pb_signal_data_get_text (JsonObject *data, const char *key);

G_END_DECLS
