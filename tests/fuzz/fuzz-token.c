/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "core/pb-random.h"
#include "core/pb-token.h"
#include "fuzz.h"

/* The input is taken twice: as the text of a token, which must be refused
 * unless this keyring signed it; and as the payload of one, rightly signed, so
 * that the reader behind the signature is reached. */

#define NOW 1795374000
#define LABEL "patchbay p_ token 1"

static const char secret[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static char *
base64url (const guint8 *data, gsize size)
{
  char *text = g_base64_encode (data, size);

  for (char *p = text; *p != '\0'; p++) {
    if (*p == '+')
      *p = '-';
    else if (*p == '/')
      *p = '_';
    else if (*p == '=')
      *p = '\0';
    if (*p == '\0')
      break;
  }

  return text;
}

static char *
sign (PbKeyring *keyring, const guint8 *payload, gsize size)
{
  g_autofree char *body = base64url (payload, size);
  g_autofree char *mac = NULL;
  guint8 key[32], digest[EVP_MAX_MD_SIZE];
  guint length = 0;

  pb_keyring_derive (keyring, LABEL, key, sizeof key);
  HMAC (EVP_sha256 (), key, sizeof key, (const guint8 *) body, strlen (body),
      digest, &length);
  mac = base64url (digest, length);

  return g_strconcat ("p_", body, ".", mac, NULL);
}

static gboolean
verify (PbKeyring *keyring, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbToken) token = pb_keyring_verify (keyring, text, NOW, &error);
  g_autoptr (PbToken) again = NULL;
  char *same;

  FUZZ_CHECK ((token == NULL) == (error != NULL));
  if (token == NULL) {
    FUZZ_CHECK (g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_INVALID) ||
                g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_EXPIRED));
    return FALSE;
  }

  FUZZ_CHECK (pb_name_is_valid (pb_token_get_session (token)));
  FUZZ_CHECK (pb_token_get_stream (token) == NULL ||
              pb_name_is_valid (pb_token_get_stream (token)));
  FUZZ_CHECK (pb_token_get_expires (token) > NOW);
  FUZZ_CHECK (pb_token_get_identity (token) != NULL);
  FUZZ_CHECK (pb_token_get_stream (token) != NULL ||
              pb_token_get_role (token) == PB_ROLE_ADMIN ||
              (pb_token_get_directions (token) & PB_DIRECTION_SEND) == 0);

  /* what we sign ourselves says the same */
  same = pb_keyring_sign (keyring, token);
  again = pb_keyring_verify (keyring, same, NOW, NULL);
  FUZZ_CHECK (again != NULL);
  FUZZ_CHECK (
      pb_token_get_directions (again) == pb_token_get_directions (token));
  FUZZ_CHECK (pb_token_get_role (again) == pb_token_get_role (token));
  FUZZ_CHECK (g_strcmp0 (pb_token_get_stream (again),
                  pb_token_get_stream (token)) == 0);
  pb_secret_free (same);

  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static PbKeyring *keyring;
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *signed_text = NULL;

  if (keyring == NULL)
    keyring = pb_keyring_new (secret, NULL);
  FUZZ_CHECK (keyring != NULL);

  if (verify (keyring, text)) {
    /* there is one text for a token: no other spelling passes */
    g_autofree char *longer = g_strconcat (text, "=", NULL);

    FUZZ_CHECK (!verify (keyring, longer));
  }
  signed_text = sign (keyring, data, size);
  if (verify (keyring, signed_text))
    FUZZ_CHECK (strlen (signed_text) <= PB_TOKEN_MAX);

  return 0;
}
