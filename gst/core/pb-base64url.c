/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-base64url-private.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What each octet stands for, plus one: 0 is outside the alphabet. */
#define UPPER(c) [c] = c - 'A' + 1
#define LOWER(c) [c] = c - 'a' + 27
#define DIGIT(c) [c] = c - '0' + 53
/* clang-format off */
static const guint8 values[256] = {
  UPPER ('A'), UPPER ('B'), UPPER ('C'), UPPER ('D'), UPPER ('E'),
  UPPER ('F'), UPPER ('G'), UPPER ('H'), UPPER ('I'), UPPER ('J'),
  UPPER ('K'), UPPER ('L'), UPPER ('M'), UPPER ('N'), UPPER ('O'),
  UPPER ('P'), UPPER ('Q'), UPPER ('R'), UPPER ('S'), UPPER ('T'),
  UPPER ('U'), UPPER ('V'), UPPER ('W'), UPPER ('X'), UPPER ('Y'),
  UPPER ('Z'),
  LOWER ('a'), LOWER ('b'), LOWER ('c'), LOWER ('d'), LOWER ('e'),
  LOWER ('f'), LOWER ('g'), LOWER ('h'), LOWER ('i'), LOWER ('j'),
  LOWER ('k'), LOWER ('l'), LOWER ('m'), LOWER ('n'), LOWER ('o'),
  LOWER ('p'), LOWER ('q'), LOWER ('r'), LOWER ('s'), LOWER ('t'),
  LOWER ('u'), LOWER ('v'), LOWER ('w'), LOWER ('x'), LOWER ('y'),
  LOWER ('z'),
  DIGIT ('0'), DIGIT ('1'), DIGIT ('2'), DIGIT ('3'), DIGIT ('4'),
  DIGIT ('5'), DIGIT ('6'), DIGIT ('7'), DIGIT ('8'), DIGIT ('9'),
  ['-'] = 63, ['_'] = 64,
};
/* clang-format on */

void
pb_base64url_encode (const guint8 *data, gsize length, char *out)
{
  gsize i;

  for (i = 0; i + 3 <= length; i += 3) {
    guint32 word = data[i] << 16 | data[i + 1] << 8 | data[i + 2];

    *out++ = alphabet[word >> 18];
    *out++ = alphabet[word >> 12 & 63];
    *out++ = alphabet[word >> 6 & 63];
    *out++ = alphabet[word & 63];
  }
  if (length - i == 1) {
    *out++ = alphabet[data[i] >> 2];
    *out++ = alphabet[data[i] << 4 & 63];
  } else if (length - i == 2) {
    guint32 word = data[i] << 8 | data[i + 1];

    *out++ = alphabet[word >> 10];
    *out++ = alphabet[word >> 4 & 63];
    *out++ = alphabet[word << 2 & 63];
  }
}

gboolean
pb_base64url_decode (const char *text, gsize length, guint8 *out)
{
  const guint8 *in = (const guint8 *) text;
  gsize i;

  for (i = 0; i + 4 <= length; i += 4) {
    guint8 a = values[in[i]], b = values[in[i + 1]];
    guint8 c = values[in[i + 2]], d = values[in[i + 3]];
    guint32 word;

    if (a == 0 || b == 0 || c == 0 || d == 0)
      return FALSE;
    word = (guint32) (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
    *out++ = word >> 16;
    *out++ = word >> 8;
    *out++ = word;
  }

  /* Two characters hold one octet and four spare bits, three hold two octets
   * and two spare bits; one character alone holds nothing. */
  if (length - i == 2) {
    guint8 a = values[in[i]], b = values[in[i + 1]];

    if (a == 0 || b == 0 || ((b - 1) & 15) != 0)
      return FALSE;
    *out++ = (a - 1) << 2 | (b - 1) >> 4;
  } else if (length - i == 3) {
    guint8 a = values[in[i]], b = values[in[i + 1]], c = values[in[i + 2]];

    if (a == 0 || b == 0 || c == 0 || ((c - 1) & 3) != 0)
      return FALSE;
    *out++ = (a - 1) << 2 | (b - 1) >> 4;
    *out++ = (b - 1) << 4 | (c - 1) >> 2;
  }

  return length - i != 1;
}
