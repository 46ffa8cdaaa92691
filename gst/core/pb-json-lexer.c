/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-json-private.h"

#include <string.h>

#include "core/pb-limits.h"

static inline gboolean
is_digit (guint8 c)
{
  return c >= '0' && c <= '9';
}

/* RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF. */
static gboolean
skip_utf8 (PbJsonCursor *self)
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
    return pb_json_fail (self, "not UTF-8");

  if (p[0] == 0xe0)
    low = 0xa0;
  else if (p[0] == 0xed)
    high = 0x9f;
  else if (p[0] == 0xf0)
    low = 0x90;
  else if (p[0] == 0xf4)
    high = 0x8f;

  if (left < n || p[1] < low || p[1] > high)
    return pb_json_fail (self, "not UTF-8");
  for (guint i = 2; i < n; i++)
    if ((p[i] & 0xc0) != 0x80)
      return pb_json_fail (self, "not UTF-8");

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
skip_escape (PbJsonCursor *self)
{
  const guint8 *p = self->at + 1;
  int unit, second;

  if (p == self->end)
    return pb_json_fail (self, "the text ends inside a string");
  if (*p != 'u') {
    if (strchr ("\"\\/bfnrt", *p) == NULL || *p == '\0')
      return pb_json_fail (self, "unknown escape");
    self->at += 2;
    return TRUE;
  }

  unit = read_hex4 (p + 1, self->end);
  if (unit < 0)
    return pb_json_fail (self, "\\u needs four hexadecimal digits");
  if (unit == 0)
    return pb_json_fail (self, "an escaped NUL");
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return pb_json_fail (self, "a lone surrogate");
  if (unit >= 0xd800 && unit <= 0xdbff) {
    if (self->end - p < 11 || p[5] != '\\' || p[6] != 'u')
      return pb_json_fail (self, "a lone surrogate");
    second = read_hex4 (p + 7, self->end);
    if (second < 0xdc00 || second > 0xdfff)
      return pb_json_fail (self, "a lone surrogate");
    self->at += 12;
    return TRUE;
  }
  self->at += 6;

  return TRUE;
}

/* The high bit of each of eight bytes that is a quote, a backslash, below a
 * space or not ASCII. The subtractions borrow upwards, so only the lowest bit
 * set is sure; nobody asks for the others. */
static inline guint64
find_special (guint64 word)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101);
  const guint64 highs = ones << 7;
  guint64 quote = word ^ (ones * '"');
  guint64 backslash = word ^ (ones * '\\');

  return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) &
         highs;
}

/* `at` is on the opening quote, and afterwards behind the closing one. */
gboolean
pb_json_skip_string (PbJsonCursor *self, gboolean *is_plain)
{
  const guint8 *opening = self->at++;

  *is_plain = TRUE;
  while (self->at < self->end) {
    guint8 c;

    while (self->end - self->at >= 8) {
      guint64 word, special;

      memcpy (&word, self->at, sizeof word);
      special = find_special (GUINT64_FROM_LE (word));
      if (special != 0) {
        self->at += __builtin_ctzll (special) / 8;
        break;
      }
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
      return pb_json_fail (self, "a control character in a string");
    } else if (c < 0x80) {
      self->at++;
    } else if (!skip_utf8 (self)) {
      return FALSE;
    }
  }

  self->at = opening;

  return pb_json_fail (self, "this string does not end");
}

static gsize
skip_digits (PbJsonCursor *self)
{
  const guint8 *first = self->at;

  while (self->at < self->end && is_digit (*self->at))
    self->at++;

  return self->at - first;
}

/* How large a number may be is decided from its decimal form: anything of 308
 * digits or fewer before the point is finite as a double, and no figure of ours
 * comes near. */
gboolean
pb_json_skip_number (PbJsonCursor *self, PbJsonKind *kind)
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
    return pb_json_fail (self, "a number needs a digit here");
  if (n > 1 && digits[0] == '0') {
    self->at = first;
    return pb_json_fail (self, "a number with leading zeros");
  }
  magnitude = digits[0] == '0' ? G_MINSSIZE / 2 : (gssize) n;

  if (self->at == self->end || strchr (".eE", *self->at) == NULL ||
      *self->at == '\0') {
    for (gsize i = 0; i < n && value <= PB_JSON_INTEGER_MAX; i++)
      value = value * 10 + (digits[i] - '0');
    *kind = PB_JSON_INTEGER;
    if (value <= PB_JSON_INTEGER_MAX)
      return TRUE;
    self->at = first;
    return pb_json_fail (self, "an integer beyond 2^53");
  }

  *kind = PB_JSON_NUMBER;
  if (*self->at == '.') {
    self->at++;
    digits = self->at;
    n = skip_digits (self);
    if (n == 0)
      return pb_json_fail (self, "a number needs a digit here");
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
      return pb_json_fail (self, "a number needs a digit here");
    for (gsize i = 0; i < n && exponent <= 2 * PB_JSON_SIZE_MAX; i++)
      exponent = exponent * 10 + (digits[i] - '0');
    if (is_negative)
      exponent = -exponent;
  }
  if (magnitude + exponent > 308) {
    self->at = first;
    return pb_json_fail (self, "a number too large");
  }

  return TRUE;
}

/* The next byte of a key after unescaping; `*at` moves. `pending` holds what
 * is left of a character that was escaped. */
typedef struct
{
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
    c = 0x10000 + ((c - 0xd800) << 10) +
        (read_hex4 (self->at + 2, self->end) - 0xdc00);
    self->at += 6;
  }
  self->n_pending = g_unichar_to_utf8 (c, self->pending);
  self->i_pending = 1;

  return (guint8) self->pending[0];
}

gboolean
pb_json_is_same (const guint8 *a, gsize a_length, const guint8 *b,
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

guint32
pb_json_hash (const guint8 *text, gsize length, gboolean is_plain)
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

/**
 * pb_json_unescape: (skip)
 * @member: a string, as pb_json_scan() gave it
 * @out: (out caller-allocates): where its text goes, with room for one octet
 * more than the slice has
 *
 * Returns: how long the text is; it ends with a NUL and holds no other
 */
gsize
pb_json_unescape (const PbJsonMember *member, char *out)
{
  Decoder decoder = { (const guint8 *) member->value,
    (const guint8 *) member->value + member->value_length };
  gsize n = 0;
  int c;

  g_return_val_if_fail (member->kind == PB_JSON_STRING, 0);

  while ((c = decode_byte (&decoder)) >= 0)
    out[n++] = (char) c;
  out[n] = '\0';

  return n;
}
