/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-token-private.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "core/pb-base64url-private.h"
#include "core/pb-crypto-private.h"
#include "core/pb-random.h"

/* docs/protocol.md, section 3: no other family of token is signed by this */
#define LABEL_TOKEN "patchbay p_ token 1"
#define LABEL_KID "patchbay kid"
#define PREFIX "p_"
#define PREFIX_LENGTH 2
#define MAC_LENGTH 32
#define MAC_CHARS PB_BASE64URL_CHARS (MAC_LENGTH)

/* What one secret comes to: a context that holds the signing key, so that
 * signing again costs no key set-up, and the name of the secret. */
typedef struct
{
  EVP_MAC_CTX *mac; /* owned; OpenSSL wipes the key when it goes */
  char kid[PB_TOKEN_KID_LENGTH + 1];
  gint64 until; /* Unix seconds; 0 for the one that signs */
} Key;

struct _PbKeyring
{
  gatomicrefcount ref_count;
  char *secret;   /* wiped when it goes */
  Key *current;   /* owned */
  GQueue retired; /* of Key *, owned; newest first */
  EVP_MD *sha256; /* owned; fetched once, as a fetch costs as much as ten */
};

G_DEFINE_BOXED_TYPE (PbKeyring, pb_keyring, pb_keyring_ref, pb_keyring_unref)

/* OpenSSL fails here only when it is out of memory or has no SHA-256: like
 * GLib without memory, there is no way on that would be safe. */
static void
must (int ok, const char *what)
{
  if (ok != 1) {
    g_printerr ("patchbay: OpenSSL cannot %s\n", what);
    abort ();
  }
}

/* HKDF-SHA256 (RFC 5869), no salt; the label is the `info`. */
static void
hkdf (const char *secret, const char *label, guint8 *out, gsize length)
{
  g_autoptr (EVP_KDF) kdf = EVP_KDF_fetch (NULL, "HKDF", NULL);
  g_autoptr (EVP_KDF_CTX) ctx = kdf != NULL ? EVP_KDF_CTX_new (kdf) : NULL;
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_KDF_PARAM_DIGEST, (char *) "SHA256",
        0),
    OSSL_PARAM_construct_octet_string (OSSL_KDF_PARAM_KEY, (void *) secret,
        strlen (secret)),
    OSSL_PARAM_construct_octet_string (OSSL_KDF_PARAM_INFO, (void *) label,
        strlen (label)),
    OSSL_PARAM_construct_end (),
  };

  must (ctx != NULL, "offer HKDF");
  must (EVP_KDF_derive (ctx, out, length, params), "derive a key");
}

/* Hexadecimal, with its NUL. */
static void
write_hex (const guint8 *octets, gsize length, char *out)
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < length; i++) {
    *out++ = digits[octets[i] >> 4];
    *out++ = digits[octets[i] & 15];
  }
  *out = '\0';
}

static Key *
key_new (const char *secret)
{
  g_autoptr (EVP_MAC) hmac = EVP_MAC_fetch (NULL, "HMAC", NULL);
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_MAC_PARAM_DIGEST, (char *) "SHA256",
        0),
    OSSL_PARAM_construct_end (),
  };
  guint8 signing[MAC_LENGTH], kid[PB_TOKEN_KID_LENGTH / 2];
  Key *key = g_new0 (Key, 1);

  must (hmac != NULL, "offer HMAC");
  key->mac = EVP_MAC_CTX_new (hmac);
  must (key->mac != NULL, "offer HMAC");
  hkdf (secret, LABEL_TOKEN, signing, sizeof signing);
  must (EVP_MAC_init (key->mac, signing, sizeof signing, params), "take a key");
  OPENSSL_cleanse (signing, sizeof signing);

  hkdf (secret, LABEL_KID, kid, sizeof kid);
  write_hex (kid, sizeof kid, key->kid);

  return key;
}

static void
key_free (Key *key)
{
  EVP_MAC_CTX_free (key->mac);
  g_free (key);
}

static void
key_sign (Key *key, const char *text, gsize length, guint8 *out)
{
  gsize n;

  /* no key: the context keeps the one it has, ready made */
  must (EVP_MAC_init (key->mac, NULL, 0, NULL), "start HMAC");
  must (EVP_MAC_update (key->mac, (const guint8 *) text, length), "run HMAC");
  must (EVP_MAC_final (key->mac, out, &n, MAC_LENGTH), "finish HMAC");
}

static gboolean
check_secret (const char *secret, GError **error)
{
  if (secret != NULL && strlen (secret) >= PB_SECRET_MIN)
    return TRUE;

  g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
      "the secret must have at least %d characters", PB_SECRET_MIN);

  return FALSE;
}

static void
drop_retired (PbKeyring *self)
{
  g_queue_clear_full (&self->retired, (GDestroyNotify) key_free);
}

/**
 * pb_keyring_new:
 * @secret: at least %PB_SECRET_MIN characters from a random source
 * @error: where to put why not
 *
 * Returns: (transfer full): a keyring that signs with @secret;
 *   %PB_ERROR_INVALID where it is too short
 */
PbKeyring *
pb_keyring_new (const char *secret, GError **error)
{
  PbKeyring *self;

  if (!check_secret (secret, error))
    return NULL;

  self = g_new0 (PbKeyring, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->secret = g_strdup (secret);
  self->current = key_new (secret);
  g_queue_init (&self->retired);
  self->sha256 = EVP_MD_fetch (NULL, "SHA256", NULL);
  must (self->sha256 != NULL, "offer SHA-256");

  return self;
}

/**
 * pb_keyring_ref:
 * @self: a keyring
 *
 * Returns: (transfer full): the same, held once more
 */
PbKeyring *
pb_keyring_ref (PbKeyring *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/**
 * pb_keyring_unref:
 * @self: (transfer full): a keyring; its secrets are wiped with the last hold
 */
void
pb_keyring_unref (PbKeyring *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  drop_retired (self);
  key_free (self->current);
  EVP_MD_free (self->sha256);
  pb_secret_free (self->secret);
  g_free (self);
}

/**
 * pb_keyring_rotate:
 * @self: a keyring
 * @secret: the new secret, other than the present one
 * @grace_until: Unix seconds until which the present secret's tokens stay
 *   good; 0 refuses them, and those of every retired secret, from now on
 * @error: where to put why not
 *
 * Returns: whether @secret signs now; %PB_ERROR_INVALID where it is too short
 *   or no other
 */
gboolean
pb_keyring_rotate (PbKeyring *self, const char *secret, gint64 grace_until,
    GError **error)
{
  Key *key;

  g_return_val_if_fail (self != NULL, FALSE);

  if (!check_secret (secret, error))
    return FALSE;
  /* a rotation that leaves every token good is a mistake worth hearing of */
  if (pb_secret_equal (secret, self->secret)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "the new secret is the present one");
    return FALSE;
  }

  key = key_new (secret);
  if (grace_until > 0) {
    self->current->until = grace_until;
    g_queue_push_head (&self->retired, self->current);
  } else {
    drop_retired (self);
    key_free (self->current);
  }
  self->current = key;
  pb_secret_free (self->secret);
  self->secret = g_strdup (secret);

  return TRUE;
}

/**
 * pb_keyring_sign:
 * @self: a keyring
 * @token: what the bearer may do
 *
 * Returns: (transfer full): the token as text, a secret: free it with
 *   pb_secret_free()
 */
char *
pb_keyring_sign (PbKeyring *self, PbToken *token)
{
  g_autofree char *claims = NULL;
  guint8 mac[MAC_LENGTH];
  gsize length, n_payload;
  char *text;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (token != NULL, NULL);

  claims = pb_token_write_claims (token, self->current->kid);
  length = strlen (claims);
  n_payload = PB_BASE64URL_CHARS (length);
  text = g_malloc (PREFIX_LENGTH + n_payload + 1 + MAC_CHARS + 1);
  memcpy (text, PREFIX, PREFIX_LENGTH);
  pb_base64url_encode ((const guint8 *) claims, length, text + PREFIX_LENGTH);
  key_sign (self->current, text + PREFIX_LENGTH, n_payload, mac);
  text[PREFIX_LENGTH + n_payload] = '.';
  pb_base64url_encode (mac, sizeof mac, text + PREFIX_LENGTH + n_payload + 1);
  text[PREFIX_LENGTH + n_payload + 1 + MAC_CHARS] = '\0';
  OPENSSL_cleanse (mac, sizeof mac);

  return text;
}

/* Which secret signed it, if any. Those whose grace is over go here. */
static Key *
find_signer (PbKeyring *self, const char *payload, gsize length,
    const guint8 *signature, gint64 now)
{
  Key *signer = NULL;
  guint8 mac[MAC_LENGTH];
  GList *next;

  key_sign (self->current, payload, length, mac);
  if (CRYPTO_memcmp (mac, signature, sizeof mac) == 0)
    signer = self->current;
  for (GList *l = self->retired.head; l != NULL; l = next) {
    Key *key = l->data;

    next = l->next;
    if (key->until <= now) {
      g_queue_delete_link (&self->retired, l);
      key_free (key);
    } else if (signer == NULL) {
      key_sign (key, payload, length, mac);
      if (CRYPTO_memcmp (mac, signature, sizeof mac) == 0)
        signer = key;
    }
  }
  /* the right signature of a forged token must not stay on the stack */
  OPENSSL_cleanse (mac, sizeof mac);

  return signer;
}

/* Where the payload ends, or NULL: p_, payload, one dot, a signature of the
 * one length it can have. */
static const char *
check_form (const char *text)
{
  gsize length = strnlen (text, PB_TOKEN_MAX + 1);
  const char *dot;

  if (length > PB_TOKEN_MAX || length < PREFIX_LENGTH + 2 + 1 + MAC_CHARS)
    return NULL;
  if (memcmp (text, PREFIX, PREFIX_LENGTH) != 0)
    return NULL;
  dot = text + length - MAC_CHARS - 1;

  /* a second dot is outside the alphabet of base64url */
  return *dot == '.' ? dot : NULL;
}

static void
set_identity (PbKeyring *self, PbToken *token, const char *text)
{
  guint8 hash[SHA256_DIGEST_LENGTH];
  guint n;

  must (EVP_Digest (text, strlen (text), hash, &n, self->sha256, NULL),
      "run SHA-256");
  write_hex (hash, sizeof hash, token->identity);
}

/**
 * pb_keyring_read:
 * @self: a keyring
 * @text: (nullable): a token as it came
 * @now: Unix seconds, for the secrets whose grace ends
 * @error: where to put why not
 *
 * All of pb_keyring_verify() but the token's own time: for who may know of a
 * later end than the one that was signed, and must then look at it.
 *
 * Returns: (transfer full): its claims; %PB_ERROR_TOKEN_MISSING for %NULL,
 *   %PB_ERROR_TOKEN_INVALID
 */
PbToken *
pb_keyring_read (PbKeyring *self, const char *text, gint64 now, GError **error)
{
  guint8 payload[PB_BASE64URL_OCTETS (PB_TOKEN_MAX)], signature[MAC_LENGTH];
  g_autoptr (PbToken) token = NULL;
  const char *dot;
  gsize length;
  Key *key;

  g_return_val_if_fail (self != NULL, NULL);

  if (text == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_MISSING,
        "there is no token");
    return NULL;
  }
  dot = check_form (text);
  if (dot == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "this has not the form of a token");
    return NULL;
  }
  text += PREFIX_LENGTH;
  length = dot - text;
  if (!pb_base64url_decode (dot + 1, MAC_CHARS, signature) ||
      !pb_base64url_decode (text, length, payload)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "the token is not canonical base64url");
    return NULL;
  }
  key = find_signer (self, text, length, signature, now);
  if (key == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "no secret of this server signed the token");
    return NULL;
  }

  token = pb_token_read_claims ((const char *) payload,
      PB_BASE64URL_OCTETS (length), error);
  if (token == NULL)
    return NULL;
  if (token->kid[0] != '\0' && strcmp (token->kid, key->kid) != 0) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "the token names another secret than the one that signed it");
    return NULL;
  }
  /* also of one that names none */
  g_strlcpy (token->kid, key->kid, sizeof token->kid);
  if (token->identity[0] == '\0')
    set_identity (self, token, text - PREFIX_LENGTH);

  return g_steal_pointer (&token);
}

/**
 * pb_keyring_is_current:
 * @self: a keyring
 * @token: claims as pb_keyring_read() gave them
 *
 * What a retired secret signed must not be signed again: it would outlive the
 * grace that the secret was given.
 *
 * Returns: whether the current secret signed it
 */
gboolean
pb_keyring_is_current (PbKeyring *self, PbToken *token)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  return g_str_equal (token->kid, self->current->kid);
}

/**
 * pb_keyring_verify:
 * @self: a keyring
 * @text: (nullable): a token as it came
 * @now: Unix seconds
 * @error: where to put why not
 *
 * The form is checked before any cryptography, the signature before the
 * payload is read.
 *
 * Returns: (transfer full): its claims; %PB_ERROR_TOKEN_MISSING for %NULL,
 *   %PB_ERROR_TOKEN_INVALID, %PB_ERROR_TOKEN_EXPIRED
 */
PbToken *
pb_keyring_verify (PbKeyring *self, const char *text, gint64 now,
    GError **error)
{
  g_autoptr (PbToken) token = pb_keyring_read (self, text, now, error);

  if (token == NULL)
    return NULL;
  if (token->expires <= now) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_EXPIRED,
        "the token has expired");
    return NULL;
  }

  return g_steal_pointer (&token);
}

/**
 * pb_keyring_derive: (skip)
 * @self: a keyring
 * @label: what the key is for; no two uses share one
 * @out: where to put the key
 * @length: its length in octets
 *
 * HKDF-SHA256 of the current secret.
 */
void
pb_keyring_derive (PbKeyring *self, const char *label, guint8 *out,
    gsize length)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (label != NULL);

  hkdf (self->secret, label, out, length);
}

/**
 * pb_keyring_generate_secret:
 *
 * Returns: (transfer full): a fresh secret; free it with pb_secret_free()
 */
char *
pb_keyring_generate_secret (void)
{
  return pb_random_id (PB_SECRET_MIN);
}
