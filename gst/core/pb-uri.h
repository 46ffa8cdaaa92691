/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-error.h"

G_BEGIN_DECLS

/**
 * PbUri:
 * pbs://host[:port]/session[/slot][?t=token], or pb:// for plain HTTP, which is
 * refused off loopback unless allowed. The token is taken out on parsing and
 * never printed back.
 */
typedef struct {
  gboolean is_secure;
  char *host;
  guint port;    /* 443 or 8080 where none is given */
  char *session;
  char *stream;  /* (nullable) */
  char *token;   /* (nullable), wiped on free */
} PbUri;

#define PB_TYPE_URI (pb_uri_get_type ())
PB_API GType pb_uri_get_type (void);
PB_API PbUri *pb_uri_parse (const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
PB_API PbUri *pb_uri_copy (const PbUri *uri);
PB_API void pb_uri_free (PbUri *uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbUri, pb_uri_free)
/* Without the token. */
PB_API char *pb_uri_print (const PbUri *uri);
PB_API gboolean pb_uri_is_loopback (const PbUri *uri);

G_END_DECLS
