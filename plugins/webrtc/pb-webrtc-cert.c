/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-cert.h"

#include <stdlib.h>
#include <string.h>

#include <gst/gst.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/pb-random.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free_all)

/* A clock that is wrong by a day must not cost the connection. */
#define NOT_BEFORE_S (-24 * 3600)
/* Longer than any production; a certificate lives as long as its connection. */
#define NOT_AFTER_S (30 * 24 * 3600)

static X509 *
make_certificate (EVP_PKEY *key)
{
  g_autoptr (X509) cert = X509_new ();
  X509_NAME *name;
  guint32 serial;

  if (cert == NULL)
    return NULL;
  pb_random_bytes (&serial, sizeof serial);
  serial = serial >> 1 | 1;

  /* Nothing of this says who we are: the name is the same everywhere. */
  name = X509_get_subject_name (cert);
  if (!X509_set_version (cert, 2) ||
      !ASN1_INTEGER_set (X509_get_serialNumber (cert), (long) serial) ||
      X509_gmtime_adj (X509_getm_notBefore (cert), NOT_BEFORE_S) == NULL ||
      X509_gmtime_adj (X509_getm_notAfter (cert), NOT_AFTER_S) == NULL ||
      !X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_ASC,
          (const unsigned char *) "WebRTC", -1, -1, 0) ||
      !X509_set_issuer_name (cert, name) || !X509_set_pubkey (cert, key) ||
      !X509_sign (cert, key, EVP_sha256 ()))
    return NULL;

  return g_steal_pointer (&cert);
}

static char *
make_pem (EVP_PKEY *key, X509 *cert)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_secmem ());
  char *data, *pem;
  long size;

  if (bio == NULL || !PEM_write_bio_X509 (bio, cert) ||
      !PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL))
    return NULL;

  size = BIO_get_mem_data (bio, &data);
  pem = g_malloc0 (size + 1);
  memcpy (pem, data, size);

  return pem;
}

static char *
make_fingerprint (X509 *cert)
{
  GString *text = g_string_new ("sha-256");
  guint8 digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;

  X509_digest (cert, EVP_sha256 (), digest, &size);
  for (unsigned int i = 0; i < size; i++)
    g_string_append_printf (text, "%c%02X", i == 0 ? ' ' : ':', digest[i]);

  return g_string_free (text, FALSE);
}

static struct
{
  char *pem, *fingerprint;
} ours;

static gpointer
make_ours (gpointer unused)
{
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (X509) cert = key != NULL ? make_certificate (key) : NULL;

  if (cert != NULL) {
    ours.pem = make_pem (key, cert);
    ours.fingerprint = make_fingerprint (cert);
  }

  return NULL;
}

static void
ensure_ours (void)
{
  static GOnce once = G_ONCE_INIT;

  g_once (&once, make_ours, NULL);
}

/**
 * pb_webrtc_cert_get_pem: (skip)
 *
 * Returns: (nullable): a self-signed ECDSA P-256 certificate, as browsers have,
 *   and its key, in PEM; made in the first call and never written anywhere
 */
const char *
pb_webrtc_cert_get_pem (void)
{
  ensure_ours ();

  return ours.pem;
}

/**
 * pb_webrtc_cert_get_fingerprint: (skip)
 *
 * Returns: (nullable): what a=fingerprint says of it
 */
const char *
pb_webrtc_cert_get_fingerprint (void)
{
  ensure_ours ();

  return ours.fingerprint;
}

/**
 * pb_webrtc_cert_read_der: (skip)
 * @pem: (nullable): a certificate
 *
 * Returns: (transfer full) (nullable): what a fingerprint is made of
 */
GBytes *
pb_webrtc_cert_read_der (const char *pem)
{
  g_autoptr (BIO) bio = pem != NULL ? BIO_new_mem_buf (pem, -1) : NULL;
  g_autoptr (X509) cert =
      bio != NULL ? PEM_read_bio_X509 (bio, NULL, NULL, NULL) : NULL;
  unsigned char *data = NULL;
  int size = cert != NULL ? i2d_X509 (cert, &data) : -1;
  GBytes *der = size > 0 ? g_bytes_new (data, size) : NULL;

  OPENSSL_free (data);

  return der;
}

static GMutex prepare_lock;
static gboolean is_prepared;    /* prepare_lock */
static GThread *prepare_thread; /* prepare_lock */

static gpointer
prepare (gpointer unused)
{
  GstElement *element = gst_element_factory_make ("dtlsdec", NULL);

  if (element != NULL)
    gst_object_unref (gst_object_ref_sink (element));

  return NULL;
}

/**
 * pb_webrtc_cert_settle: (skip)
 *
 * Waits for what pb_webrtc_cert_prepare() began.
 */
void
pb_webrtc_cert_settle (void)
{
  GThread *thread;

  g_mutex_lock (&prepare_lock);
  thread = g_steal_pointer (&prepare_thread);
  g_mutex_unlock (&prepare_lock);
  if (thread != NULL)
    g_thread_join (thread);
}

/**
 * pb_webrtc_cert_prepare: (skip)
 *
 * Does once what GStreamer otherwise does while a connection waits. Call it as
 * early as it is known that there will be one. Does not wait.
 */
void
pb_webrtc_cert_prepare (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&prepare_lock);

  if (is_prepared)
    return;

  is_prepared = TRUE;
  /* A process may end meanwhile: OpenSSL, which has to be there first, must not
   * go away under the thread. */
  OPENSSL_init_crypto (0, NULL);
  atexit (pb_webrtc_cert_settle);
  prepare_thread = g_thread_new ("pb-webrtc-cert", prepare, NULL);
}
