/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "glue/pb-gst-session.h"

G_BEGIN_DECLS

/**
 * PbGstSettings:
 * The properties by which an element finds its session: `uri`, `token`,
 * `token-file` and `insecure`. All zeroes is a good beginning. The element's
 * lock guards it; what takes time works on a copy.
 */
typedef struct
{
  PbUri *uri;        /* (nullable) */
  char *uri_problem; /* (nullable): why the last uri was not taken */
  char *token;       /* (nullable), wiped */
  char *token_file;  /* (nullable) */
  gboolean insecure;
} PbGstSettings;

void pb_gst_settings_copy (const PbGstSettings *from, PbGstSettings *to);
void pb_gst_settings_clear (PbGstSettings *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PbGstSettings, pb_gst_settings_clear)

/* For GObject's set_property and get_property: FALSE where the property is none
 * of these. */
gboolean pb_gst_settings_set_property (PbGstSettings *self, const char *name,
    const GValue *value);
gboolean pb_gst_settings_get_property (const PbGstSettings *self,
    const char *name, GValue *value);
/* For text properties: "" is NULL, and what was there is wiped. */
void pb_gst_replace_text (char **to, const GValue *value);

/* From NULL to READY, with a uri that is allowed. The error is a sentence for a
 * person, about the token file. (transfer full) (nullable) */
PbGstSession *pb_gst_settings_find_session (const PbGstSettings *self,
    GstElement *element, const char *user_agent,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
