/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"

G_BEGIN_DECLS

/* How one field of a message or body must look. Tables of these are the wire
 * format; pb_fields_check() is the only code that reads them. */
typedef enum {
  PB_FIELD_NAME, /* of a session or slot */
  PB_FIELD_PEER_ID,
  PB_FIELD_WORD,    /* one of `words` */
  PB_FIELD_FAULT,   /* a code of pb-fault.c */
  PB_FIELD_TEXT,    /* `min` to `max` characters, none of them a control */
  PB_FIELD_LINES,   /* the same, but line breaks may be in it (SDP) */
  PB_FIELD_BASE64,  /* `min` to `max` of RFC 4648's alphabet, padded */
  PB_FIELD_ICE,     /* `min` to `max` of RFC 8839's ice-char */
  PB_FIELD_ADDRESS, /* an IP literal */
  PB_FIELD_VERSION, /* "1.0" */
  PB_FIELD_INTEGER, /* `min` to `max` */
  PB_FIELD_FIGURE,  /* any number from 0 up to 2^53 */
  PB_FIELD_BOOLEAN,
  PB_FIELD_OBJECT, /* of `fields`; of anything where that is NULL */
  PB_FIELD_LIST,   /* `min` to `max` elements, each as `fields` (a single
                    * row) says */
} PbFieldKind;

typedef enum {
  PB_FIELD_IN = 1 << 0,        /* may go to the server */
  PB_FIELD_IN_NEEDED = 1 << 1, /* must be there on the way to the server */
  PB_FIELD_OUT = 1 << 2,       /* may go to a peer */
  PB_FIELD_OUT_NEEDED = 1 << 3,
  PB_FIELD_OPEN = 1 << 4,  /* newer words may come; a client takes them */
  PB_FIELD_LOOSE = 1 << 5, /* an object whose other members are not ours to
                            * judge, either way */
} PbFieldFlags;

typedef struct _PbField PbField;
struct _PbField
{
  const char *name; /* NULL ends a table */
  PbFieldKind kind;
  PbFieldFlags flags;
  gint64 min, max;
  const char *const *words;
  const PbField *fields;
};

/* Everything in `object` against `fields`; `fixed` is a member to pass over
 * (NULL: none). The message of the error names the field, never its value. */
gboolean pb_fields_check (const PbField *fields, JsonObject *object,
    const char *fixed, PbMessageWay way, PbFieldFlags flags,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
