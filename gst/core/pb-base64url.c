/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-base64url-private.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What each octet stands for. Anything with the top bit is outside. */
#define NO 128
/* clang-format off */
static const guint8 values[256] = {
    NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,
    NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,
    NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  62,  NO,  NO,
    52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  NO,  NO,  NO,  NO,  NO,  NO,
    NO,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
    15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  NO,  NO,  NO,  NO,  63,
    NO,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
    41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51,  NO,  NO,  NO,  NO,  NO,
  [128 ... 255] = NO,
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
  guint8 all = 0; /* every value, one over the other: NO shows in the end */
  guint spare = 0;
  gsize i;

  for (i = 0; i + 4 <= length; i += 4) {
    guint8 a = values[in[i]], b = values[in[i + 1]];
    guint8 c = values[in[i + 2]], d = values[in[i + 3]];

    all |= a | b | c | d;
    *out++ = a << 2 | b >> 4;
    *out++ = b << 4 | c >> 2;
    *out++ = c << 6 | d;
  }

  /* Two characters hold one octet and four spare bits, three hold two octets
   * and two spare bits; one character alone holds nothing. */
  if (length - i == 2) {
    guint8 a = values[in[i]], b = values[in[i + 1]];

    all |= a | b;
    spare = b & 15;
    *out++ = a << 2 | b >> 4;
  } else if (length - i == 3) {
    guint8 a = values[in[i]], b = values[in[i + 1]], c = values[in[i + 2]];

    all |= a | b | c;
    spare = c & 3;
    *out++ = a << 2 | b >> 4;
    *out++ = b << 4 | c >> 2;
  }

  return (all & NO) == 0 && spare == 0 && length - i != 1;
}
