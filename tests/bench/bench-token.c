/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tokens verified per second on one core, claims read and all, beside the bare
 * HMAC-SHA256 of the same text with a context that keeps its key: what is left
 * between the two is reading. Median of interleaved rounds. */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "core/pb-random.h"
#include "core/pb-token.h"

#define ROUNDS 5
#define OPERATIONS 400000
#define NOW 1000

static double
cpu_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);

  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static double
verify (PbKeyring *keyring, const char *text)
{
  double start = cpu_seconds ();

  for (guint i = 0; i < OPERATIONS; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbToken) token = pb_keyring_verify (keyring, text, NOW, &error);

    if (token == NULL) {
      fprintf (stderr, "bench-token: %s\n", error->message);
      exit (1);
    }
  }

  return OPERATIONS / (cpu_seconds () - start);
}

static double
hmac (EVP_MAC_CTX *ctx, const char *text)
{
  gsize length = strchr (text, '.') - text - 2, n;
  double start = cpu_seconds ();
  guint8 mac[32];

  for (guint i = 0; i < OPERATIONS; i++) {
    if (EVP_MAC_init (ctx, NULL, 0, NULL) != 1 ||
        EVP_MAC_update (ctx, (const guint8 *) text + 2, length) != 1 ||
        EVP_MAC_final (ctx, mac, &n, sizeof mac) != 1)
      exit (1);
  }

  return OPERATIONS / (cpu_seconds () - start);
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median (double *values)
{
  qsort (values, ROUNDS, sizeof *values, compare);

  return values[ROUNDS / 2];
}

static char *
base64url (const guint8 *data, gsize length)
{
  char *text = g_base64_encode (data, length);

  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';

  return text;
}

/* The shortest token there is: what a Punch server signs. */
static char *
sign_short (EVP_MAC_CTX *ctx)
{
  static const char claims[] =
      "{\"session\":\"demo\",\"role\":\"admin\",\"exp\":2000000000}";
  g_autofree char *payload =
      base64url ((const guint8 *) claims, sizeof claims - 1);
  g_autofree char *signature = NULL;
  guint8 mac[32];
  gsize n;

  if (EVP_MAC_init (ctx, NULL, 0, NULL) != 1 ||
      EVP_MAC_update (ctx, (const guint8 *) payload, strlen (payload)) != 1 ||
      EVP_MAC_final (ctx, mac, &n, sizeof mac) != 1)
    exit (1);
  signature = base64url (mac, sizeof mac);

  return g_strdup_printf ("p_%s.%s", payload, signature);
}

static void
measure (const char *what, PbKeyring *keyring, EVP_MAC_CTX *ctx,
    const char *text)
{
  double verified[ROUNDS], bare[ROUNDS];

  for (guint i = 0; i < ROUNDS; i++) {
    verified[i] = verify (keyring, text);
    bare[i] = hmac (ctx, text);
  }
  printf ("token-verify-%s %.0f per CPU-s (%zu characters; HMAC alone %.0f)\n",
      what, median (verified), strlen (text), median (bare));
}

int
main (void)
{
  char *secret = pb_keyring_generate_secret ();
  g_autoptr (PbKeyring) keyring = pb_keyring_new (secret, NULL);
  g_autoptr (PbToken) claims = pb_token_new ("nab-floor", PB_ROLE_PEER,
      "cam-wide", PB_DIRECTION_SEND, 2000000000);
  char *text = pb_keyring_sign (keyring, claims);
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_MAC_PARAM_DIGEST, (char *) "SHA256",
        0),
    OSSL_PARAM_construct_end (),
  };
  EVP_MAC *mac = EVP_MAC_fetch (NULL, "HMAC", NULL);
  EVP_MAC_CTX *ctx = EVP_MAC_CTX_new (mac);
  guint8 key[32];
  char *brief;

  pb_keyring_derive (keyring, "patchbay p_ token 1", key, sizeof key);
  if (EVP_MAC_init (ctx, key, sizeof key, params) != 1)
    return 1;
  brief = sign_short (ctx);
  measure ("short", keyring, ctx, brief);
  measure ("full", keyring, ctx, text);

  EVP_MAC_CTX_free (ctx);
  EVP_MAC_free (mac);
  pb_secret_free (brief);
  pb_secret_free (text);
  pb_secret_free (secret);

  return 0;
}
