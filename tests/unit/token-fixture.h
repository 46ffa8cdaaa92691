/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What test-token.c and test-keyring.c share: a keyring, and tokens made
 * without it. */

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/pb-token.h"

#define NOW G_GINT64_CONSTANT (1795374000)
#define SECRET                                                                 \
  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+secret"
#define SECRET_2                                                               \
  "another0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SECRET_3                                                               \
  "third0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+!"

typedef struct
{
  PbKeyring *keyring;
} Fixture;

static inline void
set_up (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  f->keyring = pb_keyring_new (SECRET, &error);
  g_assert_no_error (error);
}

static inline void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_keyring_unref (f->keyring);
}

/* A second way to the same bytes: RFC 5869 by hand and GLib's base64, so that
 * the wire form is not just whatever the code under test writes. */
static inline void
hkdf_by_hand (const char *secret, const char *label, guint8 *out)
{
  static const guint8 zeros[32];
  guint8 prk[32];
  g_autofree char *info = g_strdup_printf ("%s%c", label, 1);
  guint n;

  HMAC (EVP_sha256 (), zeros, sizeof zeros, (const guint8 *) secret,
      strlen (secret), prk, &n);
  HMAC (EVP_sha256 (), prk, sizeof prk, (const guint8 *) info, strlen (info),
      out, &n);
}

static inline char *
base64url (const void *data, gsize length)
{
  char *text = g_base64_encode (data, length);

  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';

  return text;
}

static inline char *
forge_payload (const char *secret, const char *payload)
{
  g_autofree char *signature = NULL;
  guint8 key[32], mac[32];
  guint n;

  hkdf_by_hand (secret, "patchbay p_ token 1", key);
  HMAC (EVP_sha256 (), key, sizeof key, (const guint8 *) payload,
      strlen (payload), mac, &n);
  signature = base64url (mac, sizeof mac);

  return g_strdup_printf ("p_%s.%s", payload, signature);
}

static inline char *
forge (const char *secret, const char *claims)
{
  g_autofree char *payload = base64url (claims, strlen (claims));

  return forge_payload (secret, payload);
}

static inline void
assert_refused (Fixture *f, const char *text, gint64 now, PbError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pb_keyring_verify (f->keyring, text, now, &error));
  g_assert_error (error, PB_ERROR, (int) code);
  /* what is said goes to a log: nothing of the token may be in it */
  if (text != NULL && strlen (text) > 20)
    g_assert_null (strstr (error->message, text + strlen (text) - 12));
}

static inline PbToken *
assert_taken (Fixture *f, const char *text)
{
  g_autoptr (GError) error = NULL;
  PbToken *token = pb_keyring_verify (f->keyring, text, NOW, &error);

  g_assert_no_error (error);
  g_assert_nonnull (token);

  return token;
}
