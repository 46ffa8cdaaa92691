/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-session.h"

G_BEGIN_DECLS

#define PB_N_EVENTS (PB_EVENT_CLOSE + 1)
#define PB_N_TALLIES (PB_TALLY_PROGRAM + 1)
#define PB_N_CIPHERS (PB_CIPHER_AES_128 + 1)

/* Where an edge leads; FALSE where there is none. */
gboolean pb_state_next (PbState from, PbEvent event, PbState *to);

G_END_DECLS
