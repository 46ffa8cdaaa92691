/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-sdp-private.h"

/* The media sections of a description: m-lines, codecs, attributes. */

#define PAYLOAD_TYPE_MAX 127
#define CLOCK_RATE_MAX 1000000
#define CHANNELS_MAX 255
#define WHAT "the description"

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbSdpKind, pb_sdp_kind,
    G_DEFINE_ENUM_VALUE (PB_SDP_AUDIO, "audio"),
    G_DEFINE_ENUM_VALUE (PB_SDP_VIDEO, "video"),
    G_DEFINE_ENUM_VALUE (PB_SDP_DATA, "data"))
G_DEFINE_FLAGS_TYPE (PbSdpDirection, pb_sdp_direction,
    G_DEFINE_ENUM_VALUE (PB_SDP_INACTIVE, "inactive"),
    G_DEFINE_ENUM_VALUE (PB_SDP_SENDONLY, "sendonly"),
    G_DEFINE_ENUM_VALUE (PB_SDP_RECVONLY, "recvonly"),
    G_DEFINE_ENUM_VALUE (PB_SDP_SENDRECV, "sendrecv"))
/* clang-format on */

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, WHAT " %s", why);

  return FALSE;
}

/* Digits up to `end`, or to the end of the text where that is NULL. */
static gboolean
read_number (const char *text, const char *end, guint max, guint *out)
{
  gsize length = end != NULL ? (gsize) (end - text) : strlen (text);
  guint64 value = 0;

  if (length == 0 || length > 9)
    return FALSE;
  for (gsize i = 0; i < length; i++) {
    if (!g_ascii_isdigit (text[i]))
      return FALSE;
    value = value * 10 + (text[i] - '0');
  }
  if (value > max)
    return FALSE;
  *out = value;

  return TRUE;
}

/* ---- the m-line ---------------------------------------------------------- */

static const struct
{
  const char *media;
  PbSdpKind kind;
  const char *profile;
} rows[] = {
  { "audio", PB_SDP_AUDIO, "UDP/TLS/RTP/SAVPF" },
  { "video", PB_SDP_VIDEO, "UDP/TLS/RTP/SAVPF" },
  { "application", PB_SDP_DATA, "UDP/DTLS/SCTP" },
};

static void
clear_codec (gpointer data)
{
  PbSdpCodec *codec = data;

  g_free ((char *) codec->name);
  g_free ((char *) codec->fmtp);
}

static gboolean
add_payload_type (PbSdpMedia *self, const char *word)
{
  PbSdpCodec codec = { .channels = 1 };

  if (!read_number (word, NULL, PAYLOAD_TYPE_MAX, &codec.payload_type))
    return FALSE;
  for (guint i = 0; i < self->codecs->len; i++)
    if (g_array_index (self->codecs, PbSdpCodec, i).payload_type ==
        codec.payload_type)
      return FALSE;
  codec.name = g_strdup ("");
  g_array_append_val (self->codecs, codec);

  return TRUE;
}

/* m=<media> <port> <profile> <format> … */
static gboolean
read_media (PbSdpMedia *self, char **words, GError **error)
{
  const char *profile = NULL;
  guint port;

  if (g_strv_length (words) < 4)
    return refuse (error, "has an m-line that cannot be read");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    if (strcmp (rows[i].media, words[0]) == 0) {
      self->kind = rows[i].kind;
      profile = rows[i].profile;
    }
  }
  if (profile == NULL)
    return refuse (error, "has media other than audio, video and data");
  if (!read_number (words[1], NULL, G_MAXUINT16, &port))
    return refuse (error, "has an m-line that cannot be read");
  if (strcmp (words[2], profile) != 0)
    return refuse (error, "has a profile that is not of WebRTC over DTLS");
  self->is_rejected = port == 0;

  for (char **word = words + 3; *word != NULL; word++) {
    gboolean is_good = self->kind == PB_SDP_DATA
                           ? strcmp (*word, "webrtc-datachannel") == 0
                           : add_payload_type (self, *word);

    if (!is_good)
      return refuse (error, "has an m-line with a format that is none");
  }

  return TRUE;
}

PbSdpMedia *
pb_sdp_media_new (const char *line, guint first, GError **error)
{
  PbSdpMedia *self = g_new0 (PbSdpMedia, 1);
  g_auto (GStrv) words = g_strsplit (line + 2, " ", -1);

  self->first = first;
  self->codecs = g_array_new (FALSE, TRUE, sizeof (PbSdpCodec));
  g_array_set_clear_func (self->codecs, clear_codec);
  if (!read_media (self, words, error)) {
    pb_sdp_media_free (self);
    return NULL;
  }

  return self;
}

void
pb_sdp_media_free (PbSdpMedia *self)
{
  g_array_unref (self->codecs);
  g_free (self);
}

/* ---- codecs -------------------------------------------------------------- */

/* "<payload type> rest": the codec it is about, or NULL: one that the m-line
 * does not list has no meaning. */
static PbSdpCodec *
find_payload_type (PbSdpMedia *self, const char *value, const char **rest)
{
  const char *space = strchr (value, ' ');
  guint number;

  if (space == NULL || !read_number (value, space, PAYLOAD_TYPE_MAX, &number))
    return NULL;
  *rest = space + 1;
  for (guint i = 0; i < self->codecs->len; i++) {
    PbSdpCodec *codec = &g_array_index (self->codecs, PbSdpCodec, i);

    if (codec->payload_type == number)
      return codec;
  }

  return NULL;
}

static gboolean
is_token (const char *text, const char *end)
{
  if (text == end)
    return FALSE;
  for (; text < end; text++)
    if (!g_ascii_isalnum (*text) && strchr ("-_.+", *text) == NULL)
      return FALSE;

  return TRUE;
}

/* <name>/<clock rate>[/<channels>] */
static gboolean
read_rtpmap (PbSdpCodec *codec, const char *text)
{
  const char *slash = strchr (text, '/');
  const char *second = slash != NULL ? strchr (slash + 1, '/') : NULL;

  if (slash == NULL || *codec->name != '\0' || !is_token (text, slash) ||
      !read_number (slash + 1, second, CLOCK_RATE_MAX, &codec->clock_rate) ||
      codec->clock_rate == 0)
    return FALSE;
  if (second != NULL &&
      (!read_number (second + 1, NULL, CHANNELS_MAX, &codec->channels) ||
          codec->channels == 0))
    return FALSE;
  g_free ((char *) codec->name);
  codec->name = g_strndup (text, slash - text);

  return TRUE;
}

gboolean
pb_sdp_media_read_codecs (PbSdpMedia *self, GPtrArray *lines, GError **error)
{
  for (guint i = self->first + 1; i < self->end; i++) {
    const char *line = g_ptr_array_index (lines, i);
    const char *map = pb_sdp_line_value (line, "rtpmap");
    const char *fmtp = pb_sdp_line_value (line, "fmtp");
    const char *rest;
    PbSdpCodec *codec;

    if (map == NULL && fmtp == NULL)
      continue;
    codec = find_payload_type (self, map != NULL ? map : fmtp, &rest);
    if (codec == NULL)
      continue;
    if (map != NULL && !read_rtpmap (codec, rest))
      return refuse (error, "has an rtpmap that cannot be read");
    /* several lines of one format: the first counts */
    if (fmtp != NULL && codec->fmtp == NULL)
      codec->fmtp = g_strdup (rest);
  }

  return TRUE;
}

/* ---- what is asked of it ------------------------------------------------- */

static PbSdpMedia *
get_media (PbSdp *self, guint media)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (media < self->media->len, NULL);

  return g_ptr_array_index (self->media, media);
}

/**
 * pb_sdp_get_n_media:
 * @self: a description
 *
 * Returns: how many media sections it has, rejected ones included
 */
guint
pb_sdp_get_n_media (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->media->len;
}

/**
 * pb_sdp_get_kind:
 * @self: a description
 * @media: which section, from 0
 *
 * Returns: what it carries
 */
PbSdpKind
pb_sdp_get_kind (PbSdp *self, guint media)
{
  PbSdpMedia *section = get_media (self, media);

  return section != NULL ? section->kind : PB_SDP_AUDIO;
}

/**
 * pb_sdp_is_rejected:
 * @self: a description
 * @media: which section, from 0
 *
 * Returns: whether its port is 0 and it is not bundle-only
 */
gboolean
pb_sdp_is_rejected (PbSdp *self, guint media)
{
  PbSdpMedia *section = get_media (self, media);

  return section == NULL || section->is_rejected;
}

/**
 * pb_sdp_get_attribute:
 * @self: a description
 * @media: which section, from 0; -1: the session
 * @name: of an attribute, such as "mid"
 * @nth: which of those of that name, from 0
 *
 * Returns: (nullable) (transfer none): its value, "" where it is a flag
 */
const char *
pb_sdp_get_attribute (PbSdp *self, int media, const char *name, guint nth)
{
  guint first = 0, end;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);
  g_return_val_if_fail (media >= -1 && media < (int) self->media->len, NULL);

  if (media >= 0) {
    PbSdpMedia *section = g_ptr_array_index (self->media, media);

    first = section->first + 1;
    end = section->end;
  } else {
    end = self->media->len > 0
              ? ((PbSdpMedia *) g_ptr_array_index (self->media, 0))->first
              : self->lines->len;
  }
  for (guint i = first; i < end; i++) {
    const char *value =
        pb_sdp_line_value (g_ptr_array_index (self->lines, i), name);

    if (value != NULL && nth-- == 0)
      return value;
  }

  return NULL;
}

/**
 * pb_sdp_get_direction:
 * @self: a description
 * @media: which section, from 0
 *
 * Returns: which way its media go, seen from whoever wrote it
 */
PbSdpDirection
pb_sdp_get_direction (PbSdp *self, guint media)
{
  static const struct
  {
    const char *name;
    PbSdpDirection direction;
  } words[] = {
    { "sendrecv", PB_SDP_SENDRECV },
    { "sendonly", PB_SDP_SENDONLY },
    { "recvonly", PB_SDP_RECVONLY },
    { "inactive", PB_SDP_INACTIVE },
  };
  PbSdpMedia *section = get_media (self, media);

  if (section == NULL || section->is_rejected)
    return PB_SDP_INACTIVE;
  if (section->kind == PB_SDP_DATA)
    return PB_SDP_SENDRECV;
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (pb_sdp_get_attribute (self, media, words[i].name, 0) != NULL)
      return words[i].direction;
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (pb_sdp_get_attribute (self, -1, words[i].name, 0) != NULL)
      return words[i].direction;

  return PB_SDP_SENDRECV; /* RFC 8866, section 6.7 */
}

/**
 * pb_sdp_get_mid:
 * @self: a description
 * @media: which section, from 0
 *
 * Returns: (nullable) (transfer none): its name in BUNDLE and for candidates
 */
const char *
pb_sdp_get_mid (PbSdp *self, guint media)
{
  return pb_sdp_get_attribute (self, media, "mid", 0);
}

/**
 * pb_sdp_find_mid:
 * @self: a description
 * @mid: (nullable): as pb_sdp_get_mid() gives it
 *
 * Returns: the section of that name; -1 where there is none
 */
int
pb_sdp_find_mid (PbSdp *self, const char *mid)
{
  g_return_val_if_fail (self != NULL, -1);

  for (guint i = 0; mid != NULL && i < self->media->len; i++)
    if (g_strcmp0 (pb_sdp_get_mid (self, i), mid) == 0)
      return i;

  return -1;
}

/**
 * pb_sdp_get_n_codecs:
 * @self: a description
 * @media: which section, from 0
 *
 * Returns: how many payload types its m-line lists
 */
guint
pb_sdp_get_n_codecs (PbSdp *self, guint media)
{
  PbSdpMedia *section = get_media (self, media);

  return section != NULL ? section->codecs->len : 0;
}

/**
 * pb_sdp_get_codec: (skip)
 * @self: a description
 * @media: which section, from 0
 * @nth: which payload type, from 0
 * @codec: (out): what is said of it
 */
void
pb_sdp_get_codec (PbSdp *self, guint media, guint nth, PbSdpCodec *codec)
{
  PbSdpMedia *section = get_media (self, media);

  g_return_if_fail (section != NULL && nth < section->codecs->len);

  *codec = g_array_index (section->codecs, PbSdpCodec, nth);
}

/**
 * pb_sdp_find_codec: (skip)
 * @self: a description
 * @media: which section, from 0
 * @name: an encoding name, in any case
 * @codec: (out): the first of that name; untouched where there is none
 *
 * Returns: whether there is one
 */
gboolean
pb_sdp_find_codec (PbSdp *self, guint media, const char *name,
    PbSdpCodec *codec)
{
  PbSdpMedia *section = get_media (self, media);

  g_return_val_if_fail (section != NULL && name != NULL, FALSE);

  for (guint i = 0; i < section->codecs->len; i++) {
    const PbSdpCodec *row = &g_array_index (section->codecs, PbSdpCodec, i);

    if (g_ascii_strcasecmp (row->name, name) == 0) {
      *codec = *row;
      return TRUE;
    }
  }

  return FALSE;
}

/* ---- the transport ------------------------------------------------------- */

/**
 * pb_sdp_get_ufrag:
 * @self: a description
 *
 * Returns: (transfer none): the ICE user name fragment of its first section
 *   in use
 */
const char *
pb_sdp_get_ufrag (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->ufrag;
}

/**
 * pb_sdp_get_pwd:
 * @self: a description
 *
 * Returns: (transfer none): the ICE password of its first section in use
 */
const char *
pb_sdp_get_pwd (PbSdp *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->pwd;
}

/* The section that speaks for all in the BUNDLE group of another: the group's
 * first (of those there are: FFmpeg always lists two); -1 where that one is in
 * no group. */
int
pb_sdp_find_tag (PbSdp *self, guint media)
{
  const char *mid = pb_sdp_get_mid (self, media), *group;

  for (guint nth = 0; mid != NULL; nth++) {
    g_auto (GStrv) words = NULL;

    group = pb_sdp_get_attribute (self, -1, "group", nth);
    if (group == NULL)
      break;
    words = g_strsplit (group, " ", -1);
    if (g_strcmp0 (words[0], "BUNDLE") != 0 ||
        !g_strv_contains ((const char *const *) words + 1, mid))
      continue;
    for (char **word = words + 1; *word != NULL; word++)
      if (pb_sdp_find_mid (self, *word) >= 0)
        return pb_sdp_find_mid (self, *word);
  }

  return -1;
}

/**
 * pb_sdp_is_bundled:
 * @self: a description
 *
 * Returns: whether all its sections in use share one transport: there is only
 *   one, or a BUNDLE group names all of them
 */
gboolean
pb_sdp_is_bundled (PbSdp *self)
{
  int common = -1;
  guint n = 0;

  g_return_val_if_fail (self != NULL, FALSE);

  for (guint i = 0; i < self->media->len; i++) {
    int tag = pb_sdp_is_rejected (self, i) ? -1 : pb_sdp_find_tag (self, i);

    if (pb_sdp_is_rejected (self, i))
      continue;
    if (n > 0 && (tag < 0 || tag != common))
      return FALSE;
    common = tag;
    n++;
  }

  return TRUE;
}
