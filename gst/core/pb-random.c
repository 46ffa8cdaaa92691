/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-random.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/pb-limits.h"

static const char ALPHABET[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * pb_random_bytes: (skip)
 * @out: where to put them
 * @n_bytes: how many
 *
 * From the system's random source, by OpenSSL.
 */
void
pb_random_bytes (void *out, gsize n_bytes)
{
  if (RAND_bytes (out, (int) n_bytes) != 1) {
    g_printerr ("patchbay: the system has no random numbers to give\n");
    abort ();
  }
}

/**
 * pb_random_backoff:
 * @first_ms: the first delay, in milliseconds
 * @max_ms: the longest
 * @n_doublings: how often the first was doubled since
 *
 * Returns: a delay in milliseconds, shortened by up to %PB_BACKOFF_JITTER
 *
 * Since: 0.1
 */
guint
pb_random_backoff (guint first_ms, guint max_ms, guint n_doublings)
{
  /* 20 doublings of 1 ms are a quarter of an hour, and 64 bits hold them all */
  guint64 ms = MIN ((guint64) first_ms << MIN (n_doublings, 20), max_ms);
  guint32 chance;

  pb_random_bytes (&chance, sizeof chance);
  return (guint) ((double) ms *
                  (1.0 - PB_BACKOFF_JITTER * chance / (double) G_MAXUINT32));
}

/**
 * pb_random_id:
 * @n_chars: the length
 *
 * Letters and digits, each equally likely: a byte of 248 or more would make
 * the first 8 of 62 symbols likelier, so it is thrown away.
 *
 * Returns: (transfer full): free with pb_secret_free() if it is secret
 */
char *
pb_random_id (guint n_chars)
{
  const guint n_symbols = sizeof ALPHABET - 1;
  const guint limit = 256 - 256 % n_symbols;
  char *id = g_malloc (n_chars + 1);
  guint8 pool[64];
  guint i = 0;

  while (i < n_chars) {
    pb_random_bytes (pool, sizeof pool);
    for (guint j = 0; j < sizeof pool && i < n_chars; j++)
      if (pool[j] < limit)
        id[i++] = ALPHABET[pool[j] % n_symbols];
  }
  id[n_chars] = '\0';
  OPENSSL_cleanse (pool, sizeof pool);

  return id;
}

/**
 * pb_random_passphrase:
 *
 * Returns: (transfer full): an SRT passphrase; free with pb_secret_free()
 */
char *
pb_random_passphrase (void)
{
  return pb_random_id (PB_PASSPHRASE_LENGTH);
}

/**
 * pb_secret_free: (skip)
 * @secret: (nullable) (transfer full): wiped, then freed
 */
void
pb_secret_free (char *secret)
{
  if (secret == NULL)
    return;
  OPENSSL_cleanse (secret, strlen (secret));
  g_free (secret);
}

/**
 * pb_secret_equal:
 * @a: (nullable): one
 * @b: (nullable): the other
 *
 * Returns: whether both are the same text
 */
gboolean
pb_secret_equal (const char *a, const char *b)
{
  gsize length;

  if (a == NULL || b == NULL)
    return FALSE;
  length = strlen (a);

  return length == strlen (b) && CRYPTO_memcmp (a, b, length) == 0;
}
