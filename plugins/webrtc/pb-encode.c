/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-encode.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "pb-presets.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

#define PRESETS "/org/patchbay/presets/"
#define PRESET "Patchbay live"
#define ROW "pb-encoder-row"

/* How each is tuned. An encoder that is not here is not used: nobody knows
 * whether it has B-frames, or how it takes a bitrate. */
typedef struct
{
  const char *pattern; /* of the factory's name */
  PbCodec codec;
  const char *preset;  /* file in presets/encoders */
  const char *bitrate; /* (nullable): property */
  guint per_kbit;      /* of its unit in a kbit/s */
} Row;

/* clang-format off */
static const Row rows[] = {
  /* of equal rank the upper one is taken */
  { "va*h264enc",     PB_CODEC_H264, "GstVaH264Enc",       "bitrate", 1 },
  { "va*h264lpenc",   PB_CODEC_H264, "GstVaH264Enc",       "bitrate", 1 },
  { "nv*h264enc",     PB_CODEC_H264, "GstNvH264Enc",       "bitrate", 1 },
  { "qsvh264*enc",    PB_CODEC_H264, "GstQsvH264Enc",      "bitrate", 1 },
  { "msdkh264enc",    PB_CODEC_H264, "GstMsdkH264Enc",     "bitrate", 1 },
  { "v4l2*h264enc",   PB_CODEC_H264, "v4l2h264enc",        "extra-controls", 1000 },
  { "vaapih264enc",   PB_CODEC_H264, "GstVaapiEncodeH264", "bitrate", 1 },
  { "x264enc",        PB_CODEC_H264, "GstX264Enc",         "bitrate", 1 },
  { "openh264enc",    PB_CODEC_H264, "GstOpenh264Enc",     "bitrate", 1000 },
  { "va*h265enc",     PB_CODEC_H265, "GstVaH265Enc",       "bitrate", 1 },
  { "va*h265lpenc",   PB_CODEC_H265, "GstVaH265Enc",       "bitrate", 1 },
  { "x265enc",        PB_CODEC_H265, "GstX265Enc",         "bitrate", 1 },
  { "vp8enc",         PB_CODEC_VP8,  "GstVP8Enc",          "target-bitrate", 1000 },
  { "vp9enc",         PB_CODEC_VP9,  "GstVP9Enc",          "target-bitrate", 1000 },
  { "opusenc",        PB_CODEC_OPUS, "GstOpusEnc",         NULL, 0 },
};

/* What a browser decodes, the surest first. High would be some percent smaller,
 * and Firefox does not offer it. */
static const char *const profiles[] = {
  "constrained-baseline", "baseline", "main", "high",
};
/* clang-format on */

typedef struct
{
  GstElementFactory *factory; /* unowned */
  const Row *row;
} Candidate;

static const Row *
find_row (GstElementFactory *factory, PbCodec codec)
{
  const char *name = GST_OBJECT_NAME (factory);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].codec == codec &&
        g_pattern_match_simple (rows[i].pattern, name))
      return &rows[i];

  return NULL;
}

static gboolean
is_hardware (GstElementFactory *factory)
{
  return gst_element_factory_list_is_type (factory,
      GST_ELEMENT_FACTORY_TYPE_HARDWARE);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const Candidate *one = a, *other = b;
  gboolean has_one = is_hardware (one->factory);
  gboolean has_other = is_hardware (other->factory);
  guint rank_one =
      gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (one->factory));
  guint rank_other =
      gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (other->factory));

  if (has_one != has_other)
    return has_one ? -1 : 1;
  if (rank_one != rank_other)
    return rank_one > rank_other ? -1 : 1;

  return one->row < other->row ? -1 : one->row > other->row;
}

/* Sorted. What a user has taken away with a rank of none
 * (GST_PLUGIN_FEATURE_RANK) is not there; much hardware has that rank in 1.22
 * all the same. */
static GArray *
find_candidates (GList *factories, PbCodec codec)
{
  GArray *found = g_array_new (FALSE, FALSE, sizeof (Candidate));

  for (GList *l = factories; l != NULL; l = l->next) {
    Candidate one = { l->data, find_row (l->data, codec) };

    if (one.row == NULL)
      continue;
    if (!is_hardware (l->data) &&
        gst_plugin_feature_get_rank (l->data) == GST_RANK_NONE)
      continue;
    g_array_append_val (found, one);
  }
  g_array_sort (found, compare);

  return found;
}

static GList *
list_factories (PbCodec codec)
{
  return gst_element_factory_list_get_elements (
      codec == PB_CODEC_OPUS ? GST_ELEMENT_FACTORY_TYPE_AUDIO_ENCODER
                             : GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER,
      GST_RANK_NONE);
}

/* GLib takes its list of static resources before it has registered them: who
 * asks meanwhile, from another thread, gets NULL. */
static GResource *
get_presets (void)
{
  static gsize resource;

  if (g_once_init_enter (&resource)) {
    GResource *presets;

    while ((presets = pb_presets_get_resource ()) == NULL)
      g_thread_yield ();
    g_once_init_leave (&resource, (gsize) presets);
  }

  return (GResource *) resource;
}

/**
 * pb_encode_get_preset:
 * @file: its name, without the suffix
 *
 * Returns: (transfer full) (nullable): the preset's text
 */
GBytes *
pb_encode_get_preset (const char *file)
{
  g_autofree char *path = g_strconcat (PRESETS, file, ".prs", NULL);

  return g_resource_lookup_data (get_presets (), path,
      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

/* The file is a GstPreset's; but not every encoder implements that interface,
 * and the user's own presets are not to be mixed up with ours. */
static void
apply_preset (GstElement *encoder, const char *file)
{
  g_autoptr (GBytes) bytes = pb_encode_get_preset (file);
  g_autoptr (GKeyFile) preset = g_key_file_new ();
  g_auto (GStrv) keys = NULL;

  if (bytes == NULL ||
      !g_key_file_load_from_bytes (preset, bytes, G_KEY_FILE_NONE, NULL)) {
    GST_WARNING_OBJECT (encoder, "no preset %s", file);
    return;
  }

  keys = g_key_file_get_keys (preset, PRESET, NULL, NULL);
  for (guint i = 0; keys != NULL && keys[i] != NULL; i++) {
    g_autofree char *value = NULL;

    if (keys[i][0] == '_')
      continue;
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (encoder), keys[i]) ==
        NULL) {
      GST_INFO_OBJECT (encoder, "this version has no %s", keys[i]);
      continue;
    }
    value = g_key_file_get_string (preset, PRESET, keys[i], NULL);
    if (value != NULL)
      gst_util_set_object_arg (G_OBJECT (encoder), keys[i], value);
  }
}

/* A driver that is registered may still have no device. */
static gboolean
opens (GstElement *encoder)
{
  GstStateChangeReturn result =
      gst_element_set_state (encoder, GST_STATE_READY);

  gst_element_set_state (encoder, GST_STATE_NULL);

  return result != GST_STATE_CHANGE_FAILURE;
}

static GstElement *
try_out (const Candidate *candidate)
{
  GstElement *encoder = gst_element_factory_create (candidate->factory, NULL);

  if (encoder == NULL)
    return NULL;

  apply_preset (encoder, candidate->row->preset);
  g_object_set_data (G_OBJECT (encoder), ROW, (gpointer) candidate->row);
  if (opens (encoder))
    return encoder;
  GST_INFO ("%s does not open", GST_OBJECT_NAME (candidate->factory));
  gst_object_ref_sink (encoder);
  gst_object_unref (encoder);

  return NULL;
}

/* The usual one, which a person would install */
static const char *
get_usual (PbCodec codec)
{
  switch (codec) {
    case PB_CODEC_H265:
      return "x265enc";
    case PB_CODEC_VP8:
      return "vp8enc";
    case PB_CODEC_VP9:
      return "vp9enc";
    case PB_CODEC_OPUS:
      return "opusenc";
    default:
      return "x264enc";
  }
}

/**
 * pb_encode_make:
 * @codec: what to encode to
 * @error: a sentence for a person
 *
 * Returns: (transfer floating) (nullable): an encoder, set up
 */
GstElement *
pb_encode_make (PbCodec codec, GError **error)
{
  GList *factories = list_factories (codec);
  g_autoptr (GArray) candidates = find_candidates (factories, codec);
  g_autofree char *sentence = NULL;
  GstElement *encoder = NULL;

  for (guint i = 0; encoder == NULL && i < candidates->len; i++)
    encoder = try_out (&g_array_index (candidates, Candidate, i));
  gst_plugin_feature_list_free (factories);
  if (encoder == NULL) {
    sentence = pb_missing_dup_sentence (get_usual (codec));
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        sentence);
  } else {
    GST_INFO ("encoding with %" GST_PTR_FORMAT, encoder);
  }

  return encoder;
}

/**
 * pb_encode_make_any:
 * @codec: (out): what it encodes to
 * @error: a sentence for a person
 *
 * A driver that is registered may have no device, so only what has opened is
 * an encoder.
 *
 * Returns: (transfer floating) (nullable): a video encoder, set up
 */
GstElement *
pb_encode_make_any (PbCodec *codec, GError **error)
{
  GstElement *encoder = pb_encode_make (PB_CODEC_H264, error);

  *codec = PB_CODEC_H264;
  if (encoder != NULL)
    return encoder;
  encoder = pb_encode_make (PB_CODEC_VP8, NULL);
  if (encoder == NULL)
    return NULL;
  *codec = PB_CODEC_VP8;
  g_clear_error (error);

  return encoder;
}

/**
 * pb_encode_get_caps:
 * @encoder: a video encoder
 * @codec: what it makes
 *
 * Returns: (transfer full): what to ask of it
 */
GstCaps *
pb_encode_get_caps (GstElement *encoder, PbCodec codec)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (encoder, "src");
  g_autoptr (GstCaps) can = gst_pad_get_pad_template_caps (pad);

  for (guint i = 0; codec == PB_CODEC_H264 && i < G_N_ELEMENTS (profiles);
       i++) {
    g_autoptr (GstCaps) wanted = gst_caps_new_simple ("video/x-h264", "profile",
        G_TYPE_STRING, profiles[i], NULL);

    if (gst_caps_can_intersect (can, wanted))
      return g_steal_pointer (&wanted);
  }

  return gst_caps_new_empty_simple (pb_codec_get_media_type (codec));
}

/* As v4l2 takes it */
static void
set_control (GstElement *encoder, const char *property, guint value)
{
  g_autoptr (GstStructure) controls = NULL;

  g_object_get (encoder, property, &controls, NULL);
  if (controls == NULL)
    controls = gst_structure_new_empty ("controls");
  gst_structure_set (controls, "video_bitrate", G_TYPE_INT, (int) value, NULL);
  g_object_set (encoder, property, controls, NULL);
}

/**
 * pb_encode_set_bitrate:
 * @encoder: from pb_encode_make()
 * @kbps: in kbit/s
 */
void
pb_encode_set_bitrate (GstElement *encoder, guint kbps)
{
  const Row *row = g_object_get_data (G_OBJECT (encoder), ROW);
  GParamSpec *pspec;
  g_autofree char *text = NULL;

  if (row == NULL || row->bitrate == NULL)
    return;
  pspec =
      g_object_class_find_property (G_OBJECT_GET_CLASS (encoder), row->bitrate);
  if (pspec == NULL)
    return;

  GST_DEBUG_OBJECT (encoder, "%u kbit/s", kbps);
  if (G_PARAM_SPEC_VALUE_TYPE (pspec) == GST_TYPE_STRUCTURE) {
    set_control (encoder, row->bitrate, kbps * row->per_kbit);
    return;
  }
  /* int for some, unsigned for others */
  text = g_strdup_printf ("%u", kbps * row->per_kbit);
  gst_util_set_object_arg (G_OBJECT (encoder), row->bitrate, text);
}
