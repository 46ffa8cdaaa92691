/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-limits.h"
#include "core/pb-sdp.h"

G_BEGIN_DECLS

/* What a description, a section of it and a fragment have in common: lines
 * that were found to have the form x=…, in order. */

/* A section: the session (before any m-line), or an m-line and what follows. */
typedef struct
{
  guint first, end; /* into the lines; `first` is the m-line itself */
  PbSdpKind kind;
  gboolean is_rejected;
  GArray *codecs; /* of PbSdpCodec; what they point to is owned */
} PbSdpMedia;

struct _PbSdp
{
  grefcount refs;
  PbSdpType type;
  PbSdpFlags flags;
  GPtrArray *lines; /* of char *, without line ends */
  GPtrArray *media; /* of PbSdpMedia */
  guint n_candidates, n_dropped;
  char *algorithm;
  GBytes *fingerprint;
  char *ufrag, *pwd;
};

/* Lines of a text from outside: size, number, length, form, characters.
 * `what` begins the sentence of an error. */
GPtrArray *pb_sdp_split (const char *what, const char *text, gssize length,
    GError **error);

/* The value of a line a=name:value; "" of a=name; else NULL. */
const char *pb_sdp_line_value (const char *line, const char *name);

/* ice-ufrag and ice-pwd: 4 and 22 to 256 ice-chars. */
gboolean pb_sdp_is_credential (const char *text, gsize min);
#define PB_SDP_UFRAG_MIN 4
#define PB_SDP_PWD_MIN 22
#define PB_SDP_CREDENTIAL_MAX 256

/* One a=candidate line: whether it stays; sets the error where it refuses all
 * of it. */
typedef enum {
  PB_SDP_KEEP,
  PB_SDP_DROP,
  PB_SDP_REFUSE,
} PbSdpFate;
PbSdpFate pb_sdp_judge_candidate (const char *line, PbSdpFlags flags,
    GError **error);

/* pb-sdp-media.c: the m-line and the codecs of a section. */
PbSdpMedia *pb_sdp_media_new (const char *line, guint first, GError **error);
void pb_sdp_media_free (PbSdpMedia *self);
gboolean pb_sdp_media_read_codecs (PbSdpMedia *self, GPtrArray *lines,
    GError **error);
int pb_sdp_find_tag (PbSdp *self, guint media);

char *pb_sdp_join (GPtrArray *lines);

G_END_DECLS
