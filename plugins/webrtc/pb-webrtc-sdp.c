/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-sdp.h"

#include <stdlib.h>
#include <string.h>

/* (transfer full) (nullable): of "name=value;…" */
static char *
dup_param (const char *fmtp, const char *name)
{
  g_auto (GStrv) params = fmtp != NULL ? g_strsplit (fmtp, ";", 64) : NULL;

  for (char **param = params; param != NULL && *param != NULL; param++) {
    const char *text = g_strstrip (*param);
    gsize length = strlen (name);

    if (g_ascii_strncasecmp (text, name, length) == 0 && text[length] == '=')
      return g_strdup (text + length + 1);
  }

  return NULL;
}

/* How well it fits; 0: not at all. */
static guint
rate_h264 (const char *fmtp, const GstCaps *ours)
{
  g_autofree char *mode = dup_param (fmtp, "packetization-mode");
  g_autofree char *profile = dup_param (fmtp, "profile-level-id");
  const char *want = gst_structure_get_string (gst_caps_get_structure (ours, 0),
      "profile-level-id");

  /* Mode 0 cannot carry a frame larger than a packet. */
  if (mode == NULL || strcmp (mode, "1") != 0)
    return 0;
  if (profile == NULL || strlen (profile) != 6)
    return 1;
  /* the profile and its constraints; then the profile alone */
  if (g_ascii_strncasecmp (profile, want, 4) == 0)
    return 4;

  return g_ascii_strncasecmp (profile, want, 2) == 0 ? 3 : 2;
}

static guint
rate_payload (const PbSdpCodec *theirs, const PbWebrtcCodec *codec,
    const GstCaps *ours)
{
  if (g_ascii_strcasecmp (theirs->name, codec->encoding) != 0 ||
      theirs->clock_rate != codec->clock_rate)
    return 0;
  if (strcmp (codec->encoding, "H264") == 0)
    return rate_h264 (theirs->fmtp, ours);
  if (strcmp (codec->encoding, "VP9") == 0) {
    g_autofree char *profile = dup_param (theirs->fmtp, "profile-id");

    /* the others have more than 8 bits, or more colour */
    return profile == NULL || strcmp (profile, "0") == 0 ? 2 : 1;
  }

  return 2;
}

/**
 * pb_webrtc_sdp_find_payload: (skip)
 * @sdp: a description
 * @media: an m-line of it
 * @codec: a codec
 * @track: (nullable): caps of what would be sent
 *
 * Returns: the payload type that the m-line has for it, 0 for none
 */
guint
pb_webrtc_sdp_find_payload (PbSdp *sdp, guint media, const PbWebrtcCodec *codec,
    const GstCaps *track)
{
  g_autoptr (GstCaps) ours = pb_webrtc_codec_new_caps (codec, track, 96);
  guint best = 0, found = 0;

  for (guint i = 0; i < pb_sdp_get_n_codecs (sdp, media); i++) {
    PbSdpCodec theirs;
    guint rating;

    pb_sdp_get_codec (sdp, media, i, &theirs);
    rating = theirs.payload_type > 0 ? rate_payload (&theirs, codec, ours) : 0;
    if (rating > best) {
      best = rating;
      found = theirs.payload_type;
    }
  }

  return found;
}

/**
 * pb_webrtc_sdp_find_extmap: (skip)
 * @sdp: a description
 * @media: an m-line of it
 * @uri: of a header extension
 *
 * Returns: its number there, 0 for none
 */
guint
pb_webrtc_sdp_find_extmap (PbSdp *sdp, guint media, const char *uri)
{
  const char *value;

  for (guint i = 0;
       (value = pb_sdp_get_attribute (sdp, media, "extmap", i)) != NULL; i++) {
    const char *space = strchr (value, ' ');
    gsize length = strlen (uri);
    int id = atoi (value);

    /* RFC 8285: 15 is reserved in the one-byte form */
    if (space != NULL && strncmp (space + 1, uri, length) == 0 &&
        (space[1 + length] == '\0' || space[1 + length] == ' ') && id >= 1 &&
        id <= 14)
      return id;
  }

  return 0;
}

static void
replace (GstSDPMessage *sdp, const char *key, const char *value)
{
  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (sdp, i);

    for (guint j = 0; j < gst_sdp_media_attributes_len (media); j++)
      if (g_strcmp0 (gst_sdp_media_get_attribute (media, j)->key, key) == 0) {
        GstSDPAttribute attribute;

        gst_sdp_attribute_set (&attribute, key, value);
        gst_sdp_media_replace_attribute (media, j, &attribute);
      }
  }
}

/**
 * pb_webrtc_sdp_set_fingerprint: (skip)
 * @sdp: a description of ours
 * @value: for a=fingerprint, where there is one
 */
void
pb_webrtc_sdp_set_fingerprint (GstSDPMessage *sdp, const char *value)
{
  replace (sdp, "fingerprint", value);
}

/**
 * pb_webrtc_sdp_set_credentials: (skip)
 * @sdp: a description of ours
 * @ufrag: for a=ice-ufrag, where there is one
 * @pwd: for a=ice-pwd
 */
void
pb_webrtc_sdp_set_credentials (GstSDPMessage *sdp, const char *ufrag,
    const char *pwd)
{
  replace (sdp, "ice-ufrag", ufrag);
  replace (sdp, "ice-pwd", pwd);
}

/**
 * pb_webrtc_sdp_add_candidates: (skip)
 * @sdp: a description of ours
 * @candidates: (array zero-terminated=1): "candidate:…"
 *
 * Adds them, and that these are all.
 */
void
pb_webrtc_sdp_add_candidates (GstSDPMessage *sdp, char **candidates)
{
  GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (sdp, 0);

  for (; *candidates != NULL; candidates++)
    gst_sdp_media_add_attribute (media, "candidate",
        *candidates + strlen ("candidate:"));
  gst_sdp_media_add_attribute (media, "end-of-candidates", NULL);
}

/**
 * pb_webrtc_sdp_hide_base: (skip)
 * @candidate: "candidate:…" of ours
 *
 * libnice tells in `raddr` of a relayed candidate which address of this machine
 * it was had from. Nobody sends anything there.
 *
 * Returns: (transfer full): the same, with nothing in `raddr` and `rport`
 */
char *
pb_webrtc_sdp_hide_base (const char *candidate)
{
  g_auto (GStrv) words = g_strsplit (candidate, " ", -1);

  for (char **word = words; word[0] != NULL && word[1] != NULL; word++) {
    const char *nothing = NULL;

    if (strcmp (word[0], "raddr") == 0)
      nothing = strchr (word[1], ':') != NULL ? "::" : "0.0.0.0";
    else if (strcmp (word[0], "rport") == 0)
      nothing = "0";
    if (nothing == NULL)
      continue;
    g_free (word[1]);
    word[1] = g_strdup (nothing);
  }

  return g_strjoinv (" ", words);
}

/**
 * pb_webrtc_sdp_take_candidates: (skip)
 * @sdp: a description of theirs
 *
 * Returns: (transfer full): its candidates, which it no longer has
 */
GPtrArray *
pb_webrtc_sdp_take_candidates (GstSDPMessage *sdp)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (sdp, i);

    for (guint j = 0; j < gst_sdp_media_attributes_len (media);) {
      const GstSDPAttribute *attribute = gst_sdp_media_get_attribute (media, j);
      gboolean is_one = g_strcmp0 (attribute->key, "candidate") == 0;

      if (is_one)
        g_ptr_array_add (lines,
            g_strdup_printf ("%u candidate:%s", i, attribute->value));
      if (is_one || g_strcmp0 (attribute->key, "end-of-candidates") == 0)
        gst_sdp_media_remove_attribute (media, j);
      else
        j++;
    }
  }

  return lines;
}

static const char *
find_transport (const GstSDPMessage *sdp, const char *key)
{
  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    const char *value =
        gst_sdp_media_get_attribute_val (gst_sdp_message_get_media (sdp, i),
            key);

    if (value != NULL)
      return value;
  }

  return NULL;
}

/**
 * pb_webrtc_sdp_complete: (skip)
 * @sdp: a description of theirs, with one transport
 *
 * webrtcbin asks of each m-line what only one of them has to have: RFC 8843
 * lets those of a BUNDLE group go without, and Firefox leaves it out of one
 * that it refuses.
 */
void
pb_webrtc_sdp_complete (GstSDPMessage *sdp)
{
  static const char *const keys[] = { "ice-ufrag", "ice-pwd", "fingerprint",
    "setup" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *value = g_strdup (find_transport (sdp, keys[i]));

    for (guint j = 0; value != NULL && j < gst_sdp_message_medias_len (sdp);
         j++) {
      GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (sdp, j);

      if (gst_sdp_media_get_attribute_val (media, keys[i]) == NULL)
        gst_sdp_media_add_attribute (media, keys[i], value);
    }
  }
}

static const char *
get_kind_name (PbSdp *sdp, guint media)
{
  static const char *const names[] = { "audio", "video", "application" };

  return names[pb_sdp_get_kind (sdp, media)];
}

/**
 * pb_webrtc_sdp_answers: (skip)
 * @answer: theirs
 * @offer: ours
 *
 * Returns: whether @answer has the m-lines of @offer, as webrtcbin takes for
 *   granted
 */
gboolean
pb_webrtc_sdp_answers (PbSdp *answer, const GstSDPMessage *offer)
{
  guint n = pb_sdp_get_n_media (answer);

  if (n != gst_sdp_message_medias_len (offer) ||
      (n > 1 && !pb_sdp_is_bundled (answer)))
    return FALSE;

  for (guint i = 0; i < n; i++) {
    const GstSDPMedia *media = gst_sdp_message_get_media (offer, i);

    if (g_strcmp0 (pb_sdp_get_mid (answer, i),
            gst_sdp_media_get_attribute_val (media, "mid")) != 0 ||
        g_strcmp0 (get_kind_name (answer, i),
            gst_sdp_media_get_media (media)) != 0)
      return FALSE;
  }

  return TRUE;
}

/**
 * pb_webrtc_sdp_continues: (skip)
 * @sdp: an offer
 * @earlier: (nullable): the one before
 *
 * Returns: whether @sdp keeps the m-lines of @earlier, names all of them, and
 *   has one transport: webrtcbin aborts the process on some of what else there
 *   could be
 */
gboolean
pb_webrtc_sdp_continues (PbSdp *sdp, PbSdp *earlier)
{
  guint n = pb_sdp_get_n_media (sdp);
  guint n_earlier = earlier != NULL ? pb_sdp_get_n_media (earlier) : 0;

  if (n == 0 || n < n_earlier || (n > 1 && !pb_sdp_is_bundled (sdp)))
    return FALSE;

  for (guint i = 0; i < n; i++) {
    const char *mid = pb_sdp_get_mid (sdp, i);

    if (mid == NULL || pb_sdp_find_mid (sdp, mid) != (int) i)
      return FALSE;
    if (i < n_earlier &&
        (g_strcmp0 (mid, pb_sdp_get_mid (earlier, i)) != 0 ||
            pb_sdp_get_kind (sdp, i) != pb_sdp_get_kind (earlier, i)))
      return FALSE;
  }

  return TRUE;
}
