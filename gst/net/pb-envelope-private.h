/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/* What an HTTP answer of 400 or more means: by the `reason` of its envelope,
 * else by its status. (transfer full) */
GError *pb_envelope_to_error (guint status, const char *text, gsize length);
/* "certificate expired, wrong host": what GTlsCertificateFlags say. */
char *pb_envelope_describe_tls (GTlsCertificateFlags flags);

G_END_DECLS
