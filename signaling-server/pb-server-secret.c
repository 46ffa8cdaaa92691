/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/pb-error.h"
#include "core/pb-random.h"

/* A config or secret file beyond this is not one */
#define FILE_SIZE_MAX 65536

static gboolean
refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID, message);

  return FALSE;
}

/* What others on this machine can read is no secret any more. systemd hands a
 * credential to its one user by an access list, whose mask shows as the mode of
 * the group: mode 0440. */
static mode_t
get_foreign_modes (const char *path)
{
  const char *credentials = g_getenv ("CREDENTIALS_DIRECTORY");
  g_autofree char *prefix = NULL;

  if (credentials == NULL || credentials[0] != '/')
    return S_IRWXG | S_IRWXO;
  prefix = g_strconcat (credentials, "/", NULL);

  return g_str_has_prefix (path, prefix) ? S_IWGRP | S_IXGRP | S_IRWXO
                                         : S_IRWXG | S_IRWXO;
}

/**
 * pb_server_secret_read_file: (skip)
 * @path: its name
 * @text: (out) (transfer full): what it holds; wipe it after use
 * @error: PB_ERROR_INVALID: also where others may read it
 *
 * Returns: whether it was read
 */
gboolean
pb_server_secret_read_file (const char *path, char **text, GError **error)
{
  g_autofree char *buffer = NULL;
  struct stat st;
  gsize length = 0;
  gssize n;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

  if (fd < 0)
    return refuse (error, "%s: cannot be opened: %s.", path,
        g_strerror (errno));
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
    close (fd);
    return refuse (error, "%s: not a file.", path);
  }
  if ((st.st_mode & get_foreign_modes (path)) != 0) {
    close (fd);
    return refuse (error, "%s: others may read it (mode %04o). "
        "Make it private: chmod 600 %s", path, st.st_mode & 07777, path);
  }
  buffer = g_malloc0 (FILE_SIZE_MAX + 1);
  do {
    n = read (fd, buffer + length, FILE_SIZE_MAX - length);
    if (n > 0)
      length += (gsize) n;
  } while (n > 0 || (n < 0 && errno == EINTR));
  close (fd);
  if (n < 0 || length == FILE_SIZE_MAX || memchr (buffer, 0, length) != NULL) {
    OPENSSL_cleanse (buffer, length);
    return refuse (error, "%s: cannot be read as text of up to %d octets.",
        path, FILE_SIZE_MAX - 1);
  }
  *text = g_steal_pointer (&buffer);

  return TRUE;
}

/**
 * pb_server_secret_check: (skip)
 * @secret: what somebody gave as one
 * @min: how many characters it needs
 * @where: it came from
 * @error: PB_ERROR_INVALID
 *
 * Returns: whether it is long enough
 */
gboolean
pb_server_secret_check (const char *secret, guint min, const char *where,
    GError **error)
{
  if (strlen (secret) >= min)
    return TRUE;

  return refuse (error, "%s: a secret needs %u characters or more, this one "
      "has %zu. “patchbayd --generate-secret” makes one.", where,
      min, strlen (secret));
}

/**
 * pb_server_secret_read: (skip)
 * @file: its name
 * @min: how many characters it needs
 * @error: PB_ERROR_INVALID
 *
 * Returns: (transfer full): the secret, without white space around it
 */
char *
pb_server_secret_read (const char *file, guint min, GError **error)
{
  char *text = NULL;
  char *secret;

  if (!pb_server_secret_read_file (file, &text, error))
    return NULL;
  secret = g_strdup (g_strstrip (text));
  OPENSSL_cleanse (text, strlen (text));
  g_free (text);
  if (!pb_server_secret_check (secret, min, file, error)) {
    pb_secret_free (secret);
    return NULL;
  }

  return secret;
}
