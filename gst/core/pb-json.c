/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-json.h"

#include <string.h>

#include "core/pb-limits.h"

/* json-glib takes more than JSON (single quotes, hexadecimal, comments, two
 * values, a byte order mark), keeps the last of two equal keys, cuts strings at
 * \u0000, turns large integers into -1 and recurses without bound. So this
 * scanner reads everything that comes from outside first. It walks the text
 * once, with a stack of fixed size, and allocates nothing. */

/* A key of an object that is still open. */
typedef struct {
  guint32 offset;
  guint32 length;
  guint32 hash; /* of the text after unescaping */
  gboolean is_plain;
} Key;

typedef struct {
  gboolean is_object;
  guint first_key; /* in Scanner.keys */
} Level;

typedef struct {
  const guint8 *start;
  const guint8 *at;
  const guint8 *end;
  const char *problem; /* what is wrong at `at` */

  Level levels[PB_JSON_DEPTH_MAX];
  guint depth;
  Key keys[PB_JSON_DEPTH_MAX * PB_JSON_MEMBERS_MAX];
  guint n_keys;
} Scanner;

static gboolean
fail (Scanner *self, const char *problem)
{
  self->problem = problem;

  return FALSE;
}

static inline void
skip_space (Scanner *self)
{
  while (self->at < self->end && (*self->at == ' ' || *self->at == '\t'
             || *self->at == '\n' || *self->at == '\r'))
    self->at++;
}

static inline gboolean
is_digit (guint8 c)
{
  return c >= '0' && c <= '9';
}

/* RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF. */
static gboolean
skip_utf8 (Scanner *self)
{
  const guint8 *p = self->at;
  gsize left = self->end - p;
  guint8 low = 0x80, high = 0xbf;
  guint n;

  if (p[0] >= 0xc2 && p[0] <= 0xdf)
    n = 2;
  else if (p[0] >= 0xe0 && p[0] <= 0xef)
    n = 3;
  else if (p[0] >= 0xf0 && p[0] <= 0xf4)
    n = 4;
  else
    return fail (self, "not UTF-8");

  if (p[0] == 0xe0)
    low = 0xa0;
  else if (p[0] == 0xed)
    high = 0x9f;
  else if (p[0] == 0xf0)
    low = 0x90;
  else if (p[0] == 0xf4)
    high = 0x8f;

  if (left < n || p[1] < low || p[1] > high)
    return fail (self, "not UTF-8");
  for (guint i = 2; i < n; i++)
    if ((p[i] & 0xc0) != 0x80)
      return fail (self, "not UTF-8");

  self->at += n;

  return TRUE;
}

static int
hex_value (guint8 c)
{
  if (is_digit (c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;

  return -1;
}

/* Four hexadecimal digits at `p`, or -1. */
static int
read_hex4 (const guint8 *p, const guint8 *end)
{
  int value = 0;

  if (end - p < 4)
    return -1;
  for (guint i = 0; i < 4; i++) {
    int digit = hex_value (p[i]);

    if (digit < 0)
      return -1;
    value = value << 4 | digit;
  }

  return value;
}

static gboolean
skip_escape (Scanner *self)
{
  const guint8 *p = self->at + 1;
  int unit, second;

  if (p == self->end)
    return fail (self, "the text ends inside a string");
  if (*p != 'u') {
    if (strchr ("\"\\/bfnrt", *p) == NULL || *p == '\0')
      return fail (self, "unknown escape");
    self->at += 2;
    return TRUE;
  }

  unit = read_hex4 (p + 1, self->end);
  if (unit < 0)
    return fail (self, "\\u needs four hexadecimal digits");
  if (unit == 0)
    return fail (self, "an escaped NUL");
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return fail (self, "a lone surrogate");
  if (unit >= 0xd800 && unit <= 0xdbff) {
    if (self->end - p < 11 || p[5] != '\\' || p[6] != 'u')
      return fail (self, "a lone surrogate");
    second = read_hex4 (p + 7, self->end);
    if (second < 0xdc00 || second > 0xdfff)
      return fail (self, "a lone surrogate");
    self->at += 12;
    return TRUE;
  }
  self->at += 6;

  return TRUE;
}

/* Whether one of eight bytes is a quote, a backslash, below a space or not
 * ASCII. The last term is the usual carry trick; a false alarm costs a look at
 * single bytes and nothing else. */
static inline gboolean
has_special (guint64 word)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101);
  const guint64 highs = ones << 7;
  guint64 quote = word ^ (ones * '"');
  guint64 backslash = word ^ (ones * '\\');

  return ((word | (word - ones * 0x20) | (quote - ones) | (backslash - ones))
             & highs) != 0;
}

/* `at` is on the opening quote, and afterwards behind the closing one. */
static gboolean
skip_string (Scanner *self, gboolean *is_plain)
{
  const guint8 *opening = self->at++;

  *is_plain = TRUE;
  while (self->at < self->end) {
    guint8 c;

    while (self->end - self->at >= 8) {
      guint64 word;

      memcpy (&word, self->at, sizeof word);
      if (has_special (word))
        break;
      self->at += 8;
    }
    if (self->at == self->end)
      break;

    c = *self->at;
    if (c == '"') {
      self->at++;
      return TRUE;
    }
    if (c == '\\') {
      *is_plain = FALSE;
      if (!skip_escape (self))
        return FALSE;
    } else if (c < 0x20) {
      return fail (self, "a control character in a string");
    } else if (c < 0x80) {
      self->at++;
    } else if (!skip_utf8 (self)) {
      return FALSE;
    }
  }

  self->at = opening;

  return fail (self, "this string does not end");
}

static gsize
skip_digits (Scanner *self)
{
  const guint8 *first = self->at;

  while (self->at < self->end && is_digit (*self->at))
    self->at++;

  return self->at - first;
}

/* How large a number may be is decided from its decimal form: anything of 308
 * digits or fewer before the point is finite as a double, and no figure of ours
 * comes near. */
static gboolean
skip_number (Scanner *self, PbJsonKind *kind)
{
  const guint8 *first = self->at;
  const guint8 *digits;
  gint64 value = 0, exponent = 0;
  gssize magnitude;
  gsize n;

  if (*self->at == '-')
    self->at++;
  digits = self->at;
  n = skip_digits (self);
  if (n == 0)
    return fail (self, "a number needs a digit here");
  if (n > 1 && digits[0] == '0') {
    self->at = first;
    return fail (self, "a number with leading zeros");
  }
  magnitude = digits[0] == '0' ? G_MINSSIZE / 2 : (gssize) n;

  if (self->at == self->end || strchr (".eE", *self->at) == NULL
      || *self->at == '\0') {
    for (gsize i = 0; i < n && value <= PB_JSON_INTEGER_MAX; i++)
      value = value * 10 + (digits[i] - '0');
    *kind = PB_JSON_INTEGER;
    if (value <= PB_JSON_INTEGER_MAX)
      return TRUE;
    self->at = first;
    return fail (self, "an integer beyond 2^53");
  }

  *kind = PB_JSON_NUMBER;
  if (*self->at == '.') {
    self->at++;
    digits = self->at;
    n = skip_digits (self);
    if (n == 0)
      return fail (self, "a number needs a digit here");
    /* 0.00123 is of magnitude -2; all zeros leave it at nothing */
    for (gsize i = 0; i < n && magnitude < -PB_JSON_SIZE_MAX; i++)
      if (digits[i] != '0')
        magnitude = -(gssize) i;
  }
  if (self->at < self->end && (*self->at == 'e' || *self->at == 'E')) {
    gboolean is_negative;

    self->at++;
    is_negative = self->at < self->end && *self->at == '-';
    if (self->at < self->end && (*self->at == '-' || *self->at == '+'))
      self->at++;
    digits = self->at;
    n = skip_digits (self);
    if (n == 0)
      return fail (self, "a number needs a digit here");
    for (gsize i = 0; i < n && exponent <= 2 * PB_JSON_SIZE_MAX; i++)
      exponent = exponent * 10 + (digits[i] - '0');
    if (is_negative)
      exponent = -exponent;
  }
  if (magnitude + exponent > 308) {
    self->at = first;
    return fail (self, "a number too large");
  }

  return TRUE;
}

static gboolean
skip_word (Scanner *self, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->at) < length
      || memcmp (self->at, word, length) != 0)
    return fail (self, "a value was expected");
  self->at += length;

  return TRUE;
}

/* The next byte of a key after unescaping; `*at` moves. `pending` holds what
 * is left of a character that was escaped. */
typedef struct {
  const guint8 *at;
  const guint8 *end;
  char pending[4];
  guint n_pending;
  guint i_pending;
} Decoder;

static int
decode_byte (Decoder *self)
{
  static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
  const char *letter;
  gunichar c;

  if (self->i_pending < self->n_pending)
    return (guint8) self->pending[self->i_pending++];
  if (self->at == self->end)
    return -1;
  if (*self->at != '\\')
    return *self->at++;

  if (self->at[1] != 'u') {
    letter = strchr (letters, self->at[1]);
    c = letter != NULL ? (guint8) bytes[letter - letters] : self->at[1];
    self->at += 2;
    return c;
  }

  c = read_hex4 (self->at + 2, self->end);
  self->at += 6;
  if (c >= 0xd800 && c <= 0xdbff) {
    c = 0x10000 + ((c - 0xd800) << 10)
        + (read_hex4 (self->at + 2, self->end) - 0xdc00);
    self->at += 6;
  }
  self->n_pending = g_unichar_to_utf8 (c, self->pending);
  self->i_pending = 1;

  return (guint8) self->pending[0];
}

static gboolean
is_same_decoded (const guint8 *a, gsize a_length, const guint8 *b,
    gsize b_length)
{
  Decoder one = { a, a + a_length };
  Decoder two = { b, b + b_length };
  int c;

  do {
    c = decode_byte (&one);
    if (c != decode_byte (&two))
      return FALSE;
  } while (c >= 0);

  return TRUE;
}

static guint32
hash_key (const guint8 *text, gsize length, gboolean is_plain)
{
  guint32 hash = 2166136261u;

  if (is_plain) {
    for (gsize i = 0; i < length; i++)
      hash = (hash ^ text[i]) * 16777619u;
  } else {
    Decoder decoder = { text, text + length };
    int c;

    while ((c = decode_byte (&decoder)) >= 0)
      hash = (hash ^ (guint32) c) * 16777619u;
  }

  return hash;
}

/* Objects are bounded to PB_JSON_MEMBERS_MAX members, so that comparing each
 * key with its elders stays cheap whatever the text is. */
static gboolean
add_key (Scanner *self, const guint8 *text, gsize length, gboolean is_plain)
{
  guint first = self->levels[self->depth - 1].first_key;
  Key *key = &self->keys[self->n_keys];

  if (self->n_keys - first == PB_JSON_MEMBERS_MAX) {
    self->at = text - 1;
    return fail (self, "too many members in an object");
  }

  key->offset = text - self->start;
  key->length = length;
  key->hash = hash_key (text, length, is_plain);
  key->is_plain = is_plain;
  for (const Key *elder = &self->keys[first]; elder < key; elder++) {
    const guint8 *other = self->start + elder->offset;

    if (elder->hash != key->hash)
      continue;
    if (elder->is_plain && is_plain
            ? elder->length == length && memcmp (other, text, length) == 0
            : is_same_decoded (other, elder->length, text, length)) {
      self->at = text - 1;
      return fail (self, "the same key twice in an object");
    }
  }
  self->n_keys++;

  return TRUE;
}

/* Key and colon; `at` ends on the value. */
static gboolean
skip_key (Scanner *self, PbJsonMember *member)
{
  const guint8 *opening = self->at;

  if (self->at == self->end || *self->at != '"')
    return fail (self, "a key was expected");
  if (!skip_string (self, &member->is_plain))
    return FALSE;
  member->key = (const char *) opening + 1;
  member->key_length = self->at - opening - 2;
  if (!add_key (self, opening + 1, member->key_length, member->is_plain))
    return FALSE;

  skip_space (self);
  if (self->at == self->end || *self->at != ':')
    return fail (self, "a colon was expected");
  self->at++;
  skip_space (self);

  return TRUE;
}

/* A value that is no container, or the opening bracket of one. */
static gboolean
skip_value (Scanner *self, PbJsonKind *kind, gboolean *is_plain)
{
  if (self->at == self->end)
    return fail (self, "a value was expected");

  switch (*self->at) {
    case '"':
      *kind = PB_JSON_STRING;
      return skip_string (self, is_plain);
    case '{':
    case '[':
      *kind = *self->at == '{' ? PB_JSON_OBJECT : PB_JSON_ARRAY;
      if (self->depth == PB_JSON_DEPTH_MAX)
        return fail (self, "nested too deeply");
      self->levels[self->depth].is_object = *kind == PB_JSON_OBJECT;
      self->levels[self->depth].first_key = self->n_keys;
      self->depth++;
      self->at++;
      return TRUE;
    case 't':
      *kind = PB_JSON_BOOLEAN;
      return skip_word (self, "true");
    case 'f':
      *kind = PB_JSON_BOOLEAN;
      return skip_word (self, "false");
    case 'n':
      *kind = PB_JSON_NULL;
      return skip_word (self, "null");
    default:
      if (*self->at != '-' && !is_digit (*self->at))
        return fail (self, "a value was expected");
      return skip_number (self, kind);
  }
}

typedef struct {
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

  skip_space (self);
  if (collection != NULL && (self->at == self->end || *self->at != '{'))
    return fail (self, "an object was expected");
  do {
    const Level *level =
        self->depth > 0 ? &self->levels[self->depth - 1] : NULL;
    PbJsonKind kind = PB_JSON_NULL;
    gboolean is_plain = TRUE;
    const guint8 *first;
    guint depth = self->depth;

    if (level != NULL) {
      guint8 closing = level->is_object ? '}' : ']';

      skip_space (self);
      if (self->at == self->end)
        return fail (self, "the text ends too early");
      if (*self->at == closing) {
        self->at++;
        self->n_keys = level->first_key;
        self->depth--;
        if (self->depth == 1)
          member->value_length = (const char *) self->at - member->value;
        is_new = FALSE;
        continue;
      }
      if (!is_new) {
        if (*self->at != ',')
          return fail (self, "a comma or the end was expected");
        self->at++;
        skip_space (self);
      }
      if (level->is_object) {
        PbJsonMember *target = &scratch;

        if (depth == 1 && collection != NULL) {
          if (collection->n == collection->max)
            return fail (self, "too many members in an object");
          member = target = &collection->members[collection->n++];
        }
        if (!skip_key (self, target))
          return FALSE;
      }
    }

    first = self->at;
    if (!skip_value (self, &kind, &is_plain))
      return FALSE;
    is_new = self->depth > depth;
    if (depth == 1) {
      gboolean is_string = kind == PB_JSON_STRING;

      member->kind = kind;
      member->value = (const char *) first + is_string;
      member->value_length = self->at - first - 2 * is_string;
      member->is_plain = member->is_plain && is_plain;
    }
  } while (self->depth > 0);

  skip_space (self);
  if (self->at < self->end)
    return fail (self, "something follows the value");

  return TRUE;
}

static gboolean
scan (const char *text, gssize length, Collection *collection, GError **error)
{
  Scanner self; /* left as it is: 16 KiB of keys that are written first */

  self.start = (const guint8 *) text;
  self.end = self.start + (length < 0 ? strlen (text) : (gsize) length);
  self.at = self.start;
  self.depth = 0;
  self.n_keys = 0;
  if (self.end - self.start > PB_JSON_SIZE_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOO_LARGE,
        "more than %d octets of JSON", PB_JSON_SIZE_MAX);
    return FALSE;
  }
  if (scan_text (&self, collection))
    return TRUE;

  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "JSON, byte %" G_GSIZE_FORMAT ": %s",
      (gsize) (self.at - self.start), self.problem);

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
 * @members: (out caller-allocates): where the members of the outermost object go
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
            ? member->key_length == length
                  && memcmp (member->key, key, length) == 0
            : memchr (key, '\\', length) == NULL
                  && is_same_decoded ((const guint8 *) member->key,
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

/**
 * pb_json_print:
 * @node: a value
 *
 * Returns: (transfer full): compact, on one line
 */
char *
pb_json_print (JsonNode *node)
{
  g_return_val_if_fail (node != NULL, NULL);

  return json_to_string (node, FALSE);
}
