/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-sdp-private.h"

#include <string.h>

#include "core/pb-limits.h"

/* A description from outside, checked; docs/protocol.md, section 10. What
 * other libraries make of it afterwards is theirs, so that nothing gets to
 * them that is not of the plain form. */

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbSdpType, pb_sdp_type,
    G_DEFINE_ENUM_VALUE (PB_SDP_OFFER, "offer"),
    G_DEFINE_ENUM_VALUE (PB_SDP_ANSWER, "answer"))
G_DEFINE_FLAGS_TYPE (PbSdpFlags, pb_sdp_flags,
    G_DEFINE_ENUM_VALUE (PB_SDP_STRICT, "strict"),
    G_DEFINE_ENUM_VALUE (PB_SDP_LOOPBACK, "loopback"),
    G_DEFINE_ENUM_VALUE (PB_SDP_DROP_CANDIDATES, "drop-candidates"))
/* clang-format on */

G_DEFINE_BOXED_TYPE (PbSdp, pb_sdp, pb_sdp_ref, pb_sdp_unref)

static const char *const type_names[] = {
  [PB_SDP_OFFER] = "offer",
  [PB_SDP_ANSWER] = "answer",
};

/**
 * pb_sdp_type_get_name:
 * @type: a kind of description
 *
 * Returns: (nullable): its name on the wire, such as "offer"
 */
const char *
pb_sdp_type_get_name (PbSdpType type)
{
  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (type_names), NULL);

  return type_names[type];
}

/**
 * pb_sdp_type_from_name:
 * @name: (nullable): as pb_sdp_type_get_name() gives it
 * @out: (out): the type; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_sdp_type_from_name (const char *name, PbSdpType *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (type_names); i++) {
    if (g_strcmp0 (type_names[i], name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/* ---- lines --------------------------------------------------------------- */

static gboolean
refuse (GError **error, const char *what, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "%s %s", what, why);

  return FALSE;
}

/* CR LF ends a line; LF alone is borne with; CR alone would be a line end to
 * some readers and none to others. */
static gboolean
check_characters (const char *what, const char *text, gsize length,
    GError **error)
{
  for (gsize i = 0; i < length; i++) {
    guchar c = text[i];

    if (c == '\n')
      continue;
    if (c == '\r' && i + 1 < length && text[i + 1] == '\n')
      continue;
    /* C1 controls: U+0080 to U+009F */
    if (c < 0x20 || c == 0x7f ||
        (c == 0xc2 && i + 1 < length && (guchar) text[i + 1] >= 0x80 &&
            (guchar) text[i + 1] < 0xa0))
      return refuse (error, what, "holds a control character");
  }

  return g_utf8_validate_len (text, length, NULL) ||
         refuse (error, what, "is not UTF-8");
}

GPtrArray *
pb_sdp_split (const char *what, const char *text, gssize length, GError **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  gsize size = length >= 0 ? (gsize) length : strnlen (text, PB_SDP_MAX + 1);

  if (size > PB_SDP_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOO_LARGE,
        "%s is larger than %d octets", what, PB_SDP_MAX);
    return NULL;
  }
  if (!check_characters (what, text, size, error))
    return NULL;

  for (gsize at = 0; at < size;) {
    const char *newline = memchr (text + at, '\n', size - at);
    gsize end = newline != NULL ? (gsize) (newline - text) : size;
    gsize n = end - at;

    if (n > 0 && text[at + n - 1] == '\r')
      n--;
    if (n > PB_SDP_LINE_MAX || lines->len >= PB_SDP_LINES_MAX) {
      refuse (error, what,
          n > PB_SDP_LINE_MAX ? "has a line that is too long"
                              : "has too many lines");
      return NULL;
    }
    if (n < 2 || !g_ascii_islower (text[at]) || text[at + 1] != '=') {
      refuse (error, what, "has a line that is not of the form x=…");
      return NULL;
    }
    g_ptr_array_add (lines, g_strndup (text + at, n));
    at = end + 1;
  }

  return g_steal_pointer (&lines);
}

char *
pb_sdp_join (GPtrArray *lines)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++) {
    g_string_append (text, g_ptr_array_index (lines, i));
    g_string_append (text, "\r\n");
  }

  return g_string_free (text, FALSE);
}

const char *
pb_sdp_line_value (const char *line, const char *name)
{
  gsize length = strlen (name);

  if (!g_str_has_prefix (line, "a=") || strncmp (line + 2, name, length) != 0)
    return NULL;
  line += 2 + length;

  return *line == '\0' ? line : *line == ':' ? line + 1 : NULL;
}

/* ---- what must be in it -------------------------------------------------- */

static const struct
{
  const char *name;
  GChecksumType type;
  gsize length;
} hashes[] = {
  { "sha-256", G_CHECKSUM_SHA256, 32 },
  { "sha-384", G_CHECKSUM_SHA384, 48 },
  { "sha-512", G_CHECKSUM_SHA512, 64 },
};

#define WHAT "the description"

/* "sha-256 AB:CD:…"; `bytes` holds the longest. The index into the hashes, or
 * -1. */
static int
read_fingerprint (const char *value, guint8 *bytes)
{
  const char *space = strchr (value, ' ');
  gsize length = space != NULL ? (gsize) (space - value) : 0;
  int found = -1;

  for (guint i = 0; i < G_N_ELEMENTS (hashes); i++)
    if (length == strlen (hashes[i].name) &&
        g_ascii_strncasecmp (value, hashes[i].name, length) == 0)
      found = i;
  if (found < 0 || strlen (space + 1) != hashes[found].length * 3 - 1)
    return -1;
  for (gsize i = 0; i < hashes[found].length; i++) {
    const char *digits = space + 1 + i * 3;

    if (!g_ascii_isxdigit (digits[0]) || !g_ascii_isxdigit (digits[1]) ||
        (digits[2] != ':' && digits[2] != '\0'))
      return -1;
    bytes[i] = g_ascii_xdigit_value (digits[0]) << 4 |
               g_ascii_xdigit_value (digits[1]);
  }

  return found;
}

/* The same certificate wherever one is named: a transport that a later reader
 * sets up for one section only must not get by with another. */
static gboolean
add_fingerprint (PbSdp *self, const char *value, GError **error)
{
  guint8 bytes[64];
  int found = read_fingerprint (value, bytes);
  g_autoptr (GBytes) fingerprint = NULL;

  if (found < 0)
    return refuse (error, WHAT,
        "has a fingerprint that is not SHA-256, "
        "SHA-384 or SHA-512");
  fingerprint = g_bytes_new (bytes, hashes[found].length);
  if (self->fingerprint != NULL &&
      !g_bytes_equal (self->fingerprint, fingerprint))
    return refuse (error, WHAT, "has fingerprints that differ");
  if (self->fingerprint == NULL) {
    self->fingerprint = g_steal_pointer (&fingerprint);
    self->algorithm = g_strdup (hashes[found].name);
  }

  return TRUE;
}

gboolean
pb_sdp_is_credential (const char *text, gsize min)
{
  gsize length = strlen (text);

  if (length < min || length > PB_SDP_CREDENTIAL_MAX)
    return FALSE;
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && *text != '+' && *text != '/')
      return FALSE;

  return TRUE;
}

static gboolean
is_setup (PbSdpType type, const char *value)
{
  return strcmp (value, "active") == 0 || strcmp (value, "passive") == 0 ||
         (type == PB_SDP_OFFER && strcmp (value, "actpass") == 0);
}

PbSdpFate
pb_sdp_judge_candidate (const char *line, PbSdpFlags flags, GError **error)
{
  g_autoptr (GError) problem = NULL;
  PbCandidateVerdict verdict = pb_candidate_judge (line,
      (flags & PB_SDP_LOOPBACK) != 0 ? PB_ADDRESS_LOOPBACK : PB_ADDRESS_STRICT,
      &problem);

  if (verdict == PB_CANDIDATE_FIT)
    return PB_SDP_KEEP;
  if ((flags & PB_SDP_DROP_CANDIDATES) != 0 &&
      verdict != PB_CANDIDATE_MALFORMED)
    return PB_SDP_DROP;
  if (verdict == PB_CANDIDATE_NAME)
    return PB_SDP_KEEP;
  g_propagate_error (error, g_steal_pointer (&problem));

  return PB_SDP_REFUSE;
}

/* ---- line by line -------------------------------------------------------- */

/* What one attribute of the session or a section may say. */
static gboolean
check_attribute (PbSdp *self, const char *line, GError **error)
{
  const char *value;

  if (pb_sdp_line_value (line, "crypto") != NULL)
    return refuse (error, WHAT, "has SDES keys: DTLS only");
  value = pb_sdp_line_value (line, "fingerprint");
  if (value != NULL && !add_fingerprint (self, value, error))
    return FALSE;
  value = pb_sdp_line_value (line, "ice-ufrag");
  if (value != NULL && !pb_sdp_is_credential (value, PB_SDP_UFRAG_MIN))
    return refuse (error, WHAT,
        "has an ice-ufrag that is not 4 to 256 "
        "letters, digits, plus signs or slashes");
  value = pb_sdp_line_value (line, "ice-pwd");
  if (value != NULL && !pb_sdp_is_credential (value, PB_SDP_PWD_MIN))
    return refuse (error, WHAT,
        "has an ice-pwd that is not 22 to 256 "
        "letters, digits, plus signs or slashes");
  value = pb_sdp_line_value (line, "setup");
  if (value != NULL && !is_setup (self->type, value))
    return refuse (error, WHAT, "has a setup that does not fit it");

  return TRUE;
}

/* Whether the line stays. */
static PbSdpFate
check_candidate (PbSdp *self, const char *line, GError **error)
{
  PbSdpFate fate;

  if (self->media->len == 0) {
    refuse (error, WHAT, "has a candidate outside of a media section");
    return PB_SDP_REFUSE;
  }
  if (self->n_candidates + self->n_dropped >= PB_CANDIDATES_MAX) {
    refuse (error, WHAT, "has too many candidates");
    return PB_SDP_REFUSE;
  }
  fate = pb_sdp_judge_candidate (line, self->flags, error);
  if (fate == PB_SDP_KEEP)
    self->n_candidates++;
  else if (fate == PB_SDP_DROP)
    self->n_dropped++;

  return fate;
}

static gboolean
begin_media (PbSdp *self, const char *line, guint at, GError **error)
{
  PbSdpMedia *media;

  if (self->media->len >= PB_SDP_MEDIA_MAX)
    return refuse (error, WHAT, "has too many media sections");
  media = pb_sdp_media_new (line, at, error);
  if (media == NULL)
    return FALSE;
  g_ptr_array_add (self->media, media);

  return TRUE;
}

static gboolean
read_lines (PbSdp *self, GPtrArray *lines, GError **error)
{
  for (guint i = 0; i < lines->len; i++) {
    const char *line = g_ptr_array_index (lines, i);

    if (pb_sdp_line_value (line, "candidate") != NULL) {
      PbSdpFate fate = check_candidate (self, line, error);

      if (fate == PB_SDP_REFUSE)
        return FALSE;
      if (fate == PB_SDP_DROP)
        continue;
    } else if (line[0] == 'm') {
      if (!begin_media (self, line, self->lines->len, error))
        return FALSE;
    } else if (line[0] == 'v' && i > 0) {
      return refuse (error, WHAT, "begins twice");
    } else if (!check_attribute (self, line, error)) {
      return FALSE;
    }
    g_ptr_array_add (self->lines, g_strdup (line));
  }

  return TRUE;
}

/* ---- the whole ----------------------------------------------------------- */

/* What a section says itself, or the session or the first of its BUNDLE group
 * says for it: RFC 8843, section 7.1.3, lets it be said once. */
static const char *
inherited (PbSdp *self, guint media, const char *name)
{
  const char *value = pb_sdp_get_attribute (self, media, name, 0);
  int tag;

  if (value == NULL)
    value = pb_sdp_get_attribute (self, -1, name, 0);
  if (value != NULL)
    return value;
  tag = pb_sdp_find_tag (self, media);

  return tag >= 0 ? pb_sdp_get_attribute (self, tag, name, 0) : NULL;
}

static gboolean
check_media (PbSdp *self, guint i, GError **error)
{
  const char *ufrag = inherited (self, i, "ice-ufrag");
  const char *pwd = inherited (self, i, "ice-pwd");

  if (inherited (self, i, "fingerprint") == NULL)
    return refuse (error, WHAT, "has a media section without a fingerprint");
  if (ufrag == NULL || pwd == NULL)
    return refuse (error, WHAT, "has a media section without ICE credentials");
  if (inherited (self, i, "setup") == NULL)
    return refuse (error, WHAT, "has a media section without a setup");
  if (self->ufrag == NULL) {
    self->ufrag = g_strdup (ufrag);
    self->pwd = g_strdup (pwd);
  }

  return TRUE;
}

/* Where each section ends, which have to be known before any is asked. */
static void
close_media (PbSdp *self)
{
  guint end = self->lines->len;

  for (guint i = self->media->len; i > 0; i--) {
    PbSdpMedia *media = g_ptr_array_index (self->media, i - 1);

    media->end = end;
    end = media->first;
    if (pb_sdp_get_attribute (self, i - 1, "bundle-only", 0) != NULL)
      media->is_rejected = FALSE;
  }
}

static gboolean
check_whole (PbSdp *self, GError **error)
{
  gboolean has_media = FALSE;

  close_media (self);
  for (guint i = 0; i < self->media->len; i++) {
    PbSdpMedia *media = g_ptr_array_index (self->media, i);
    const char *mid = pb_sdp_get_mid (self, i);

    if (!pb_sdp_media_read_codecs (media, self->lines, error))
      return FALSE;
    if (mid != NULL && pb_sdp_find_mid (self, mid) != (int) i)
      return refuse (error, WHAT, "has a mid twice");
    if (media->is_rejected)
      continue;
    has_media = TRUE;
    if (!check_media (self, i, error))
      return FALSE;
  }

  return has_media || refuse (error, WHAT, "has no media section in use");
}

/**
 * pb_sdp_parse:
 * @type: what it is to be
 * @text: a description from outside
 * @length: its length in octets; -1: up to the NUL
 * @flags: what is done about candidates that are not fit
 * @error: where to put why not
 *
 * Returns: (transfer full): the description, checked; %NULL with
 *   %PB_ERROR_TOO_LARGE or %PB_ERROR_INVALID
 */
PbSdp *
pb_sdp_parse (PbSdpType type, const char *text, gssize length, PbSdpFlags flags,
    GError **error)
{
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (PbSdp) self = NULL;

  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (type_names), NULL);
  g_return_val_if_fail (text != NULL, NULL);

  lines = pb_sdp_split (WHAT, text, length, error);
  if (lines == NULL)
    return NULL;
  if (lines->len == 0 || strcmp (g_ptr_array_index (lines, 0), "v=0") != 0) {
    refuse (error, WHAT, "does not begin with v=0");
    return NULL;
  }

  self = g_new0 (PbSdp, 1);
  g_ref_count_init (&self->refs);
  self->type = type;
  self->flags = flags;
  self->lines = g_ptr_array_new_with_free_func (g_free);
  self->media =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_sdp_media_free);
  if (!read_lines (self, lines, error) || !check_whole (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * pb_sdp_ref:
 * @self: a description
 *
 * Returns: (transfer full): the same
 */
PbSdp *
pb_sdp_ref (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_ref_count_inc (&self->refs);

  return self;
}

/**
 * pb_sdp_unref:
 * @self: (transfer full): a description
 */
void
pb_sdp_unref (PbSdp *self)
{
  g_return_if_fail (self != NULL);

  if (!g_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->lines);
  g_ptr_array_unref (self->media);
  g_clear_pointer (&self->fingerprint, g_bytes_unref);
  g_free (self->algorithm);
  g_free (self->ufrag);
  g_free (self->pwd);
  g_free (self);
}

/**
 * pb_sdp_get_sdp_type:
 * @self: a description
 *
 * Returns: what it was parsed as
 */
PbSdpType
pb_sdp_get_sdp_type (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, PB_SDP_OFFER);

  return self->type;
}

/**
 * pb_sdp_print:
 * @self: a description
 *
 * Returns: (transfer full): its lines, without those dropped, each ended by
 *   CR LF
 */
char *
pb_sdp_print (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return pb_sdp_join (self->lines);
}

/**
 * pb_sdp_get_n_dropped:
 * @self: a description
 *
 * Returns: how many candidates %PB_SDP_DROP_CANDIDATES left out
 */
guint
pb_sdp_get_n_dropped (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->n_dropped;
}

/* ---- the certificate ----------------------------------------------------- */

/**
 * pb_sdp_get_fingerprint_algorithm:
 * @self: a description
 *
 * Returns: "sha-256", "sha-384" or "sha-512"
 */
const char *
pb_sdp_get_fingerprint_algorithm (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->algorithm;
}

/**
 * pb_sdp_peek_fingerprint: (skip)
 * @self: a description
 * @length: (out): how many octets
 *
 * Returns: (transfer none): the hash of the certificate that it names
 */
const guint8 *
pb_sdp_peek_fingerprint (PbSdp *self, gsize *length)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_bytes_get_data (self->fingerprint, length);
}

/**
 * pb_sdp_matches_certificate:
 * @self: a description
 * @der: (array length=length): a certificate, as DER
 * @length: its length
 *
 * Returns: whether the description's fingerprint is that certificate's
 */
gboolean
pb_sdp_matches_certificate (PbSdp *self, const guint8 *der, gsize length)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (der != NULL || length == 0, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (hashes); i++) {
    g_autoptr (GChecksum) checksum = NULL;
    guint8 digest[64];
    gsize size = sizeof digest;

    if (strcmp (hashes[i].name, self->algorithm) != 0)
      continue;
    checksum = g_checksum_new (hashes[i].type);
    g_checksum_update (checksum, der, length);
    g_checksum_get_digest (checksum, digest, &size);
    return size == g_bytes_get_size (self->fingerprint) &&
           memcmp (digest, g_bytes_get_data (self->fingerprint, NULL), size) ==
               0;
  }

  return FALSE;
}
