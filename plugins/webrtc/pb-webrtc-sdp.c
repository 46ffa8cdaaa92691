/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-sdp.h"

#include <stdlib.h>
#include <string.h>

static PbWebrtcKind
get_kind (const GstSDPMedia *media)
{
  const char *name = gst_sdp_media_get_media (media);

  if (g_strcmp0 (name, "audio") == 0)
    return PB_WEBRTC_AUDIO;
  if (g_strcmp0 (name, "video") == 0)
    return PB_WEBRTC_VIDEO;
  if (g_strcmp0 (name, "application") == 0)
    return PB_WEBRTC_DATA;

  return PB_WEBRTC_OTHER;
}

static gboolean
has_direction (const GstSDPMessage *sdp, const GstSDPMedia *media,
    const char *name)
{
  static const char *const all[] = { "sendrecv", "sendonly", "recvonly",
    "inactive" };

  if (gst_sdp_media_get_attribute_val (media, name) != NULL)
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (gst_sdp_media_get_attribute_val (media, all[i]) != NULL)
      return FALSE;

  return gst_sdp_message_get_attribute_val (sdp, name) != NULL;
}

/**
 * pb_webrtc_sdp_get_mline: (skip)
 * @sdp: a description
 * @index: of the m-line
 *
 * Returns: what it is about
 */
PbWebrtcMline
pb_webrtc_sdp_get_mline (const GstSDPMessage *sdp, guint index)
{
  const GstSDPMedia *media = gst_sdp_message_get_media (sdp, index);
  PbWebrtcMline mline = { .index = index, .media = media };

  mline.kind = get_kind (media);
  mline.is_rejected =
      gst_sdp_media_get_port (media) == 0 &&
      gst_sdp_media_get_attribute_val (media, "bundle-only") == NULL;
  mline.sends = !mline.is_rejected &&
                !has_direction (sdp, media, "recvonly") &&
                !has_direction (sdp, media, "inactive");
  mline.receives = !mline.is_rejected &&
                   !has_direction (sdp, media, "sendonly") &&
                   !has_direction (sdp, media, "inactive");

  return mline;
}

/* How well a payload type of the m-line fits; 0: not at all. */
static guint
rate_payload (const PbWebrtcMline *mline, guint payload,
    const PbWebrtcCodec *codec, const GstCaps *ours)
{
  g_autoptr (GstCaps) caps =
      gst_sdp_media_get_caps_from_media (mline->media, payload);
  const GstStructure *theirs;
  const char *encoding, *mode, *profile, *want;
  int rate = 0;

  if (caps == NULL || gst_caps_get_size (caps) == 0)
    return 0;
  theirs = gst_caps_get_structure (caps, 0);
  encoding = gst_structure_get_string (theirs, "encoding-name");
  if (encoding == NULL || g_ascii_strcasecmp (encoding, codec->encoding) != 0)
    return 0;
  if (gst_structure_get_int (theirs, "clock-rate", &rate) &&
      rate != (int) codec->clock_rate)
    return 0;
  /* VP9's other profiles have more than 8 bits or colour than we handle */
  if (strcmp (codec->encoding, "VP9") == 0) {
    profile = gst_structure_get_string (theirs, "profile-id");
    return profile == NULL || strcmp (profile, "0") == 0 ? 2 : 1;
  }
  if (strcmp (codec->encoding, "H264") != 0)
    return 2;

  /* Packetization mode 0 cannot carry a frame larger than a packet. */
  mode = gst_structure_get_string (theirs, "packetization-mode");
  if (mode == NULL || strcmp (mode, "1") != 0)
    return 0;
  profile = gst_structure_get_string (theirs, "profile-level-id");
  want = gst_structure_get_string (gst_caps_get_structure (ours, 0),
      "profile-level-id");
  if (profile == NULL || strlen (profile) != 6)
    return 1;
  /* the profile and its constraints, then the profile alone */
  if (g_ascii_strncasecmp (profile, want, 4) == 0)
    return 4;

  return g_ascii_strncasecmp (profile, want, 2) == 0 ? 3 : 2;
}

/**
 * pb_webrtc_sdp_find_payload: (skip)
 * @mline: an m-line
 * @codec: a codec
 * @track: (nullable): caps of what would be sent
 *
 * Returns: the payload type that the m-line has for it, 0 for none
 */
guint
pb_webrtc_sdp_find_payload (const PbWebrtcMline *mline,
    const PbWebrtcCodec *codec, const GstCaps *track)
{
  g_autoptr (GstCaps) ours = pb_webrtc_codec_new_caps (codec, track, 96);
  guint best = 0, found = 0;

  for (guint i = 0; i < gst_sdp_media_formats_len (mline->media); i++) {
    guint payload = atoi (gst_sdp_media_get_format (mline->media, i));
    guint rating;

    /* static types are no codec of ours; 0 means none here */
    if (payload < 1 || payload > 127)
      continue;
    rating = rate_payload (mline, payload, codec, ours);
    if (rating > best) {
      best = rating;
      found = payload;
    }
  }

  return found;
}

/**
 * pb_webrtc_sdp_find_extmap: (skip)
 * @mline: an m-line
 * @uri: of a header extension
 *
 * Returns: its number there, 0 for none
 */
guint
pb_webrtc_sdp_find_extmap (const PbWebrtcMline *mline, const char *uri)
{
  for (guint i = 0;; i++) {
    const char *value =
        gst_sdp_media_get_attribute_val_n (mline->media, "extmap", i);
    const char *space;
    int id;

    if (value == NULL)
      return 0;
    space = strchr (value, ' ');
    id = atoi (value);
    /* RFC 8285: 15 is reserved in the one-byte form */
    if (space != NULL && g_str_has_prefix (space + 1, uri) &&
        (space[1 + strlen (uri)] == '\0' || space[1 + strlen (uri)] == ' ') &&
        id >= 1 && id <= 14)
      return id;
  }
}

/**
 * pb_webrtc_sdp_get_fingerprints: (skip)
 * @sdp: a description
 *
 * Returns: (transfer full): for each m-line in use the fingerprints of which one
 *   must be the certificate's
 */
GPtrArray *
pb_webrtc_sdp_get_fingerprints (const GstSDPMessage *sdp)
{
  GPtrArray *lists =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    PbWebrtcMline mline = pb_webrtc_sdp_get_mline (sdp, i);
    g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
    const char *value;
    guint n = 0;

    if (mline.is_rejected)
      continue;
    while ((value = gst_sdp_media_get_attribute_val_n (mline.media,
                "fingerprint", n)) != NULL) {
      g_strv_builder_add (list, value);
      n++;
    }
    /* the session's holds where the m-line has none of its own */
    for (guint j = 0; n == 0 && (value = gst_sdp_message_get_attribute_val_n (
                                     sdp, "fingerprint", j)) != NULL;
         j++)
      g_strv_builder_add (list, value);
    g_ptr_array_add (lists, g_strv_builder_end (list));
  }

  return lists;
}

/**
 * pb_webrtc_sdp_set_fingerprint: (skip)
 * @sdp: a description of ours
 * @value: for a=fingerprint
 */
void
pb_webrtc_sdp_set_fingerprint (GstSDPMessage *sdp, const char *value)
{
  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (sdp, i);

    for (guint j = 0; j < gst_sdp_media_attributes_len (media); j++)
      if (g_strcmp0 (gst_sdp_media_get_attribute (media, j)->key,
              "fingerprint") == 0) {
        GstSDPAttribute attribute;

        gst_sdp_attribute_set (&attribute, "fingerprint", value);
        gst_sdp_media_replace_attribute (media, j, &attribute);
      }
  }
}

/**
 * pb_webrtc_sdp_take_candidates: (skip)
 * @sdp: a description
 *
 * Returns: (transfer full): its candidates, which it no longer has
 */
GPtrArray *
pb_webrtc_sdp_take_candidates (GstSDPMessage *sdp)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < gst_sdp_message_medias_len (sdp); i++) {
    GstSDPMedia *media =
        (GstSDPMedia *) gst_sdp_message_get_media (sdp, i);

    for (guint j = gst_sdp_media_attributes_len (media); j-- > 0;) {
      const GstSDPAttribute *attribute =
          gst_sdp_media_get_attribute (media, j);

      if (g_strcmp0 (attribute->key, "candidate") == 0) {
        g_ptr_array_add (lines,
            g_strdup_printf ("%u candidate:%s", i, attribute->value));
        gst_sdp_media_remove_attribute (media, j);
      } else if (g_strcmp0 (attribute->key, "end-of-candidates") == 0) {
        gst_sdp_media_remove_attribute (media, j);
      }
    }
  }

  return lines;
}
