/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-session.h"

G_BEGIN_DECLS

JsonObject *pb_server_connect_describe (PbServerSession *session,
    const char *stream);

G_END_DECLS
