/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/pb-api.h"
#include "core/pb-error.h"

G_BEGIN_DECLS

typedef enum {
  PB_JSON_NULL,
  PB_JSON_BOOLEAN,
  PB_JSON_INTEGER, /* no fraction, no exponent, within +-2^53 */
  PB_JSON_NUMBER,  /* any other finite number */
  PB_JSON_STRING,
  PB_JSON_ARRAY,
  PB_JSON_OBJECT,
} PbJsonKind;

/**
 * PbJsonMember: (skip)
 * One member of the outermost object, as slices of the text that was scanned.
 * A string's `value` excludes its quotes; `is_plain` tells that neither key nor
 * value holds an escape, so that the bytes are the text.
 */
typedef struct {
  const char *key;
  gsize key_length;
  PbJsonKind kind;
  const char *value;
  gsize value_length;
  gboolean is_plain;
} PbJsonMember;

/* The strict reader: RFC 8259, exactly one value, UTF-8, depth at most
 * PB_JSON_DEPTH_MAX, size at most PB_JSON_SIZE_MAX, at most
 * PB_JSON_MEMBERS_MAX members in an object and no equal keys among them
 * (compared after unescaping), no NUL (raw or \u0000), no lone
 * surrogates, integers within +-2^53, finite numbers, no BOM.
 * PB_ERROR_INVALID or PB_ERROR_TOO_LARGE; the message names the byte. */
PB_API gboolean pb_json_check (const char *text, gssize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same, and the members of the outermost object (anything else is refused):
 * no allocation, for the relay path. More than `max_members` is refused. */
PB_API gboolean pb_json_scan (const char *text, gssize length,
    PbJsonMember *members, gsize max_members, gsize *n_members, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
PB_API const PbJsonMember *pb_json_find (const PbJsonMember *members,
    gsize n_members, const char *key);

/* The text of a string member, unescaped, with a NUL after it: `out` has room
 * for its value_length + 1. Returns the length. */
PB_API gsize pb_json_unescape (const PbJsonMember *member, char *out);

/* Strict check, then json-glib. (transfer full) */
PB_API JsonNode *pb_json_parse (const char *text, gssize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Compact, one line. (transfer full) */
PB_API char *pb_json_print (JsonNode *node);

G_END_DECLS
