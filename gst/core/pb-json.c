/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-json-private.h"

#include <string.h>

#include "core/pb-limits.h"

/* json-glib takes more than JSON (single quotes, hexadecimal, comments, two
 * values, a byte order mark), keeps the last of two equal keys, cuts strings at
 * \u0000, turns large integers into -1 and recurses without bound. So this
 * scanner reads everything that comes from outside first. It walks the text
 * once, with a stack of fixed size, and allocates nothing. */

/* A key of an object that is still open. */
typedef struct
{
  guint32 offset;
  guint32 length;
  guint32 hash; /* of the text after unescaping */
  gboolean is_plain;
} Key;

typedef struct
{
  gboolean is_object;
  guint first_key; /* in Scanner.keys */
} Level;

typedef struct
{
  PbJsonCursor in;
  Level levels[PB_JSON_DEPTH_MAX];
  guint depth;
  Key keys[PB_JSON_DEPTH_MAX * PB_JSON_MEMBERS_MAX];
  guint n_keys;
} Scanner;

static inline void
skip_space (PbJsonCursor *in)
{
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' ||
                                 *in->at == '\n' || *in->at == '\r'))
    in->at++;
}

static gboolean
skip_word (PbJsonCursor *in, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (in->end - in->at) < length || memcmp (in->at, word, length) != 0)
    return pb_json_fail (in, "a value was expected");
  in->at += length;

  return TRUE;
}

/* Objects are bounded to PB_JSON_MEMBERS_MAX members, so that comparing each
 * key with its elders stays cheap whatever the text is. */
static gboolean
add_key (Scanner *self, const guint8 *text, gsize length, gboolean is_plain)
{
  guint first = self->levels[self->depth - 1].first_key;
  Key *key = &self->keys[self->n_keys];

  if (self->n_keys - first == PB_JSON_MEMBERS_MAX) {
    self->in.at = text - 1;
    return pb_json_fail (&self->in, "too many members in an object");
  }

  key->offset = text - self->in.start;
  key->length = length;
  key->hash = pb_json_hash (text, length, is_plain);
  key->is_plain = is_plain;
  for (const Key *elder = &self->keys[first]; elder < key; elder++) {
    const guint8 *other = self->in.start + elder->offset;

    if (elder->hash != key->hash)
      continue;
    if (elder->is_plain && is_plain
            ? elder->length == length && memcmp (other, text, length) == 0
            : pb_json_is_same (other, elder->length, text, length)) {
      self->in.at = text - 1;
      return pb_json_fail (&self->in, "the same key twice in an object");
    }
  }
  self->n_keys++;

  return TRUE;
}

/* Key and colon; `at` ends on the value. */
static gboolean
skip_key (Scanner *self, PbJsonMember *member)
{
  const guint8 *opening = self->in.at;

  if (self->in.at == self->in.end || *self->in.at != '"')
    return pb_json_fail (&self->in, "a key was expected");
  if (!pb_json_skip_string (&self->in, &member->is_plain))
    return FALSE;
  member->key = (const char *) opening + 1;
  member->key_length = self->in.at - opening - 2;
  if (!add_key (self, opening + 1, member->key_length, member->is_plain))
    return FALSE;

  skip_space (&self->in);
  if (self->in.at == self->in.end || *self->in.at != ':')
    return pb_json_fail (&self->in, "a colon was expected");
  self->in.at++;
  skip_space (&self->in);

  return TRUE;
}

/* A value that is no container, or the opening bracket of one. */
static gboolean
skip_value (Scanner *self, PbJsonKind *kind, gboolean *is_plain)
{
  if (self->in.at == self->in.end)
    return pb_json_fail (&self->in, "a value was expected");

  switch (*self->in.at) {
    case '"':
      *kind = PB_JSON_STRING;
      return pb_json_skip_string (&self->in, is_plain);
    case '{':
    case '[':
      *kind = *self->in.at == '{' ? PB_JSON_OBJECT : PB_JSON_ARRAY;
      if (self->depth == PB_JSON_DEPTH_MAX)
        return pb_json_fail (&self->in, "nested too deeply");
      self->levels[self->depth].is_object = *kind == PB_JSON_OBJECT;
      self->levels[self->depth].first_key = self->n_keys;
      self->depth++;
      self->in.at++;
      return TRUE;
    case 't':
      *kind = PB_JSON_BOOLEAN;
      return skip_word (&self->in, "true");
    case 'f':
      *kind = PB_JSON_BOOLEAN;
      return skip_word (&self->in, "false");
    case 'n':
      *kind = PB_JSON_NULL;
      return skip_word (&self->in, "null");
    default:
      if (*self->in.at != '-' && !g_ascii_isdigit (*self->in.at))
        return pb_json_fail (&self->in, "a value was expected");
      return pb_json_skip_number (&self->in, kind);
  }
}

typedef struct
{
  PbJsonMember *members;
  gsize max;
  gsize n;
} Collection;

/* What stands in the outermost object is written down; `collection` is NULL
 * where only the form matters. */
static gboolean
scan_text (Scanner *self, Collection *collection)
{
  /* Of the member that is being read; in depth 1 it is the collected one. */
  PbJsonMember scratch = { NULL };
  PbJsonMember *member = &scratch;
  gboolean is_new = FALSE; /* a container has just been opened */

  skip_space (&self->in);
  if (collection != NULL &&
      (self->in.at == self->in.end || *self->in.at != '{'))
    return pb_json_fail (&self->in, "an object was expected");
  do {
    const Level *level =
        self->depth > 0 ? &self->levels[self->depth - 1] : NULL;
    PbJsonKind kind = PB_JSON_NULL;
    gboolean is_plain = TRUE;
    const guint8 *first;
    guint depth = self->depth;

    if (level != NULL) {
      guint8 closing = level->is_object ? '}' : ']';

      skip_space (&self->in);
      if (self->in.at == self->in.end)
        return pb_json_fail (&self->in, "the text ends too early");
      if (*self->in.at == closing) {
        self->in.at++;
        self->n_keys = level->first_key;
        self->depth--;
        if (self->depth == 1)
          member->value_length = (const char *) self->in.at - member->value;
        is_new = FALSE;
        continue;
      }
      if (!is_new) {
        if (*self->in.at != ',')
          return pb_json_fail (&self->in, "a comma or the end was expected");
        self->in.at++;
        skip_space (&self->in);
      }
      if (level->is_object) {
        PbJsonMember *target = &scratch;

        if (depth == 1 && collection != NULL) {
          if (collection->n == collection->max)
            return pb_json_fail (&self->in, "too many members in an object");
          member = target = &collection->members[collection->n++];
        }
        if (!skip_key (self, target))
          return FALSE;
      }
    }

    first = self->in.at;
    if (!skip_value (self, &kind, &is_plain))
      return FALSE;
    is_new = self->depth > depth;
    if (depth == 1) {
      gboolean is_string = kind == PB_JSON_STRING;

      member->kind = kind;
      member->value = (const char *) first + is_string;
      member->value_length = self->in.at - first - 2 * is_string;
      member->is_plain = member->is_plain && is_plain;
    }
  } while (self->depth > 0);

  skip_space (&self->in);
  if (self->in.at < self->in.end)
    return pb_json_fail (&self->in, "something follows the value");

  return TRUE;
}

static gboolean
scan (const char *text, gssize length, Collection *collection, GError **error)
{
  Scanner self; /* left as it is: 16 KiB of keys that are written first */

  self.in.start = (const guint8 *) text;
  self.in.end = self.in.start + (length < 0 ? strlen (text) : (gsize) length);
  self.in.at = self.in.start;
  self.depth = 0;
  self.n_keys = 0;
  if (self.in.end - self.in.start > PB_JSON_SIZE_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOO_LARGE,
        "more than %d octets of JSON", PB_JSON_SIZE_MAX);
    return FALSE;
  }
  if (scan_text (&self, collection))
    return TRUE;

  g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
      "JSON, byte %" G_GSIZE_FORMAT ": %s",
      (gsize) (self.in.at - self.in.start), self.in.problem);

  return FALSE;
}

/**
 * pb_json_check:
 * @text: (array length=length) (element-type guint8): what came
 * @length: its octets; -1 where it ends with a NUL
 * @error: PB_ERROR_INVALID or PB_ERROR_TOO_LARGE
 *
 * Whether this is JSON that we read: docs/protocol.md, section 2. Allocates
 * nothing unless it fails.
 *
 * Returns: whether it is
 */
gboolean
pb_json_check (const char *text, gssize length, GError **error)
{
  g_return_val_if_fail (text != NULL || length == 0, FALSE);

  return scan (text != NULL ? text : "", length, NULL, error);
}

/**
 * pb_json_scan: (skip)
 * @text: what came; the members point into it
 * @length: its octets; -1 where it ends with a NUL
 * @members: (out caller-allocates): where the members of the outermost object
 * go
 * @max_members: how many fit there
 * @n_members: (out): how many there are; untouched on failure
 * @error: PB_ERROR_INVALID or PB_ERROR_TOO_LARGE
 *
 * Checks as pb_json_check() does and takes the outermost object apart. A
 * container's slice includes its brackets.
 *
 * Returns: whether it is an object that we read
 */
gboolean
pb_json_scan (const char *text, gssize length, PbJsonMember *members,
    gsize max_members, gsize *n_members, GError **error)
{
  Collection collection = { members, max_members };

  g_return_val_if_fail (text != NULL || length == 0, FALSE);
  g_return_val_if_fail (members != NULL || max_members == 0, FALSE);
  g_return_val_if_fail (n_members != NULL, FALSE);

  if (!scan (text != NULL ? text : "", length, &collection, error))
    return FALSE;
  *n_members = collection.n;

  return TRUE;
}

/**
 * pb_json_find: (skip)
 * @members: as pb_json_scan() gave them
 * @n_members: how many
 * @key: the name, without escapes
 *
 * Returns: (nullable): the member of that name
 */
const PbJsonMember *
pb_json_find (const PbJsonMember *members, gsize n_members, const char *key)
{
  gsize length = strlen (key);

  for (gsize i = 0; i < n_members; i++) {
    const PbJsonMember *member = &members[i];

    if (member->is_plain
            ? member->key_length == length &&
                  memcmp (member->key, key, length) == 0
            : memchr (key, '\\', length) == NULL &&
                  pb_json_is_same ((const guint8 *) member->key,
                      member->key_length, (const guint8 *) key, length))
      return member;
  }

  return NULL;
}

/**
 * pb_json_parse:
 * @text: (array length=length) (element-type guint8): what came
 * @length: its octets; -1 where it ends with a NUL
 * @error: PB_ERROR_INVALID or PB_ERROR_TOO_LARGE
 *
 * Returns: (transfer full): the value, checked by pb_json_check() first
 */
JsonNode *
pb_json_parse (const char *text, gssize length, GError **error)
{
  g_autoptr (JsonParser) parser = NULL;

  if (!pb_json_check (text, length, error))
    return NULL;

  parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, text, length, NULL)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "JSON: cannot be read");
    return NULL;
  }

  return json_parser_steal_root (parser);
}
