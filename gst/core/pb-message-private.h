/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"

G_BEGIN_DECLS

struct _PbMessage
{
  gatomicrefcount refs;
  PbMessageType type;
  JsonObject *object; /* owned; `type` is a member of it */
};

/* `object` (transfer full) holds a `type` that fits. */
PbMessage *pb_message_take (PbMessageType type, JsonObject *object);

G_END_DECLS
