/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-mux.h"

#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug_srt_bin

/* Elements of a branch, kept as data of its queue */
#define PARSER "pb-parser"

/* clang-format off */
static const struct {
  const char *caps;
  const char *parser;
  gboolean repeats_headers; /* has config-interval */
} formats[] = {
  /* Headers with every key frame: a receiver may come at any time. */
  { "video/x-h264", "h264parse", TRUE },
  { "video/x-h265", "h265parse", TRUE },
  { "video/mpeg, mpegversion = (int) { 1, 2 }", "mpegvideoparse", FALSE },
  { "audio/mpeg, mpegversion = (int) 1", "mpegaudioparse", FALSE },
  { "audio/mpeg, mpegversion = (int) { 2, 4 }", "aacparse", FALSE },
  { "audio/x-ac3", "ac3parse", FALSE },
  { "audio/x-opus", "opusparse", FALSE },
};
/* clang-format on */

/* --- the gate ------------------------------------------------------------- */

/* A program table that names half of the streams misleads whoever reads it
 * first: many receivers settle on it. So the first buffer of each branch waits
 * until every branch has one. A silent one holds the others no longer than
 * this; the queues take more. */
#define GATE "pb-gate"
#define GATE_TIME (2 * GST_SECOND)
#define QUEUE_TIME (3 * GST_SECOND)
#define QUEUE_BYTES (32 * 1024 * 1024)

typedef struct
{
  GstPad *pad; /* owned */
  gulong probe;
} Held;

typedef struct
{
  /* Taken alone: mpegtsmux gives two pads that are requested at the same time
   * the same number, and the second one fails. */
  GMutex linking;

  GMutex lock;
  guint n_branches; /* lock */
  GArray *held;     /* lock; of Held */
  gboolean is_open; /* lock */
} Gate;

static void
held_clear (gpointer data)
{
  g_clear_object (&((Held *) data)->pad);
}

static GArray *
new_held (void)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (Held));

  g_array_set_clear_func (array, held_clear);

  return array;
}

static void
gate_free (gpointer data)
{
  Gate *gate = data;

  g_array_unref (gate->held);
  g_mutex_clear (&gate->lock);
  g_mutex_clear (&gate->linking);
  g_free (gate);
}

static void
add_gate (GstElement *mux)
{
  Gate *gate = g_new0 (Gate, 1);

  g_mutex_init (&gate->lock);
  g_mutex_init (&gate->linking);
  gate->held = new_held ();
  g_object_set_data_full (G_OBJECT (mux), GATE, gate, gate_free);
}

static Gate *
peek_gate (GstElement *mux)
{
  return g_object_get_data (G_OBJECT (mux), GATE);
}

/* With all there, or in any case. `except` lets itself through. */
static void
open_gate (Gate *gate, gboolean in_any_case, GstPad *except)
{
  g_autoptr (GArray) held = NULL;

  g_mutex_lock (&gate->lock);
  if (!gate->is_open && (in_any_case || gate->held->len >= gate->n_branches)) {
    gate->is_open = TRUE;
    held = g_steal_pointer (&gate->held);
    gate->held = new_held ();
  }
  g_mutex_unlock (&gate->lock);

  for (guint i = 0; held != NULL && i < held->len; i++) {
    Held *one = &g_array_index (held, Held, i);

    if (one->pad != except)
      gst_pad_remove_probe (one->pad, one->probe);
  }
}

static gboolean
on_late (GstClock *clock, GstClockTime time, GstClockID id, gpointer user_data)
{
  g_autoptr (GstElement) mux = g_weak_ref_get (user_data);

  if (mux != NULL)
    open_gate (peek_gate (mux), TRUE, NULL);

  return TRUE;
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
limit_wait (GstElement *mux)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockID id = gst_clock_new_single_shot_id (clock,
      gst_clock_get_time (clock) + GATE_TIME);
  GWeakRef *ref = g_new0 (GWeakRef, 1);

  g_weak_ref_init (ref, mux);
  gst_clock_id_wait_async (id, on_late, ref, weak_ref_free);
  gst_clock_id_unref (id);
}

static GstPadProbeReturn
on_first (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstElement *mux = user_data;
  Gate *gate = peek_gate (mux);
  gboolean is_open, is_first;

  g_mutex_lock (&gate->lock);
  is_first = !gate->is_open && gate->held->len == 0;
  if (!gate->is_open) {
    Held one = { gst_object_ref (pad), GST_PAD_PROBE_INFO_ID (info) };
    gboolean is_known = FALSE;

    for (guint i = 0; i < gate->held->len; i++)
      is_known |= g_array_index (gate->held, Held, i).pad == pad;
    if (is_known)
      gst_object_unref (one.pad);
    else
      g_array_append_val (gate->held, one);
  }
  g_mutex_unlock (&gate->lock);

  open_gate (gate, FALSE, pad);
  g_mutex_lock (&gate->lock);
  is_open = gate->is_open;
  g_mutex_unlock (&gate->lock);
  if (is_first && !is_open)
    limit_wait (mux);

  return is_open ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_OK;
}

/* A branch that goes is not waited for. */
static void
leave_gate (GstElement *mux, GstPad *pad)
{
  Gate *gate = peek_gate (mux);

  g_mutex_lock (&gate->lock);
  if (gate->n_branches > 0)
    gate->n_branches--;
  for (guint i = 0; pad != NULL && i < gate->held->len; i++)
    if (g_array_index (gate->held, Held, i).pad == pad) {
      g_array_remove_index (gate->held, i);
      break;
    }
  g_mutex_unlock (&gate->lock);
  open_gate (gate, FALSE, NULL);
}

/**
 * pb_srt_mux_new:
 *
 * The engine cuts seven packets to an SRT payload by itself. The muxer's own
 * alignment=7 would keep back up to six packets, so the end of every frame,
 * until the next one comes: 40 ms more at 25 frames a second, measured.
 *
 * Returns: (transfer floating) (nullable): the muxer
 */
GstElement *
pb_srt_mux_new (void)
{
  GstElement *mux = gst_element_factory_make ("mpegtsmux", NULL);

  if (mux != NULL)
    add_gate (mux);

  return mux;
}

/* --- branches ------------------------------------------------------------- */

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What still comes down the branch goes nowhere: the element upstream would
 * only add an error of its own. */
static void
close_branch (GstElement *queue)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (queue, "src");

  gst_pad_add_probe (src,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data, NULL,
      NULL);
}

static gboolean
fail_format (GstObject *bin, GstElement *queue, const char *detail)
{
  close_branch (queue);
  GST_ELEMENT_ERROR (bin, STREAM, FORMAT,
      ("This kind of media cannot be put into a transport stream."),
      ("%s", detail));

  return FALSE;
}

static gboolean
fail_missing (GstObject *bin, GstElement *queue, const char *name)
{
  close_branch (queue);
  GST_ELEMENT_ERROR (bin, CORE, MISSING_PLUGIN,
      ("The GStreamer element %s is not installed.", name), (NULL));

  return FALSE;
}

static const char *
find_parser (GstCaps *caps, gboolean *repeats_headers)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GstCaps) format = gst_caps_from_string (formats[i].caps);

    if (!gst_caps_can_intersect (caps, format))
      continue;
    *repeats_headers = formats[i].repeats_headers;
    return formats[i].parser;
  }

  return NULL;
}

static gboolean
link_to_mux (GstElement *parser, GstElement *mux)
{
  g_autoptr (GMutexLocker) locker =
      g_mutex_locker_new (&peek_gate (mux)->linking);

  return gst_element_link (parser, mux);
}

/* Streaming thread, before the caps go further */
static gboolean
complete (GstElement *queue, GstElement *mux, GstCaps *caps)
{
  g_autoptr (GstObject) bin = gst_object_get_parent (GST_OBJECT (queue));
  gboolean repeats_headers = FALSE;
  const char *name = find_parser (caps, &repeats_headers);
  g_autoptr (GstPad) src = NULL;
  GstElement *parser;

  if (bin == NULL)
    return FALSE;
  if (name == NULL) {
    g_autofree char *text = gst_caps_to_string (caps);

    return fail_format (bin, queue, text);
  }
  parser = gst_element_factory_make (name, NULL);
  if (parser == NULL)
    return fail_missing (bin, queue, name);
  if (repeats_headers)
    g_object_set (parser, "config-interval", -1, NULL);

  gst_bin_add (GST_BIN (bin), parser);
  g_object_set_data (G_OBJECT (queue), PARSER, parser);
  if (!link_to_mux (parser, mux) ||
      !gst_element_link_pads (queue, "src", parser, "sink"))
    return fail_format (bin, queue, name);
  src = gst_element_get_static_pad (parser, "src");
  gst_pad_add_probe (src,
      GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER |
          GST_PAD_PROBE_TYPE_BUFFER_LIST,
      on_first, gst_object_ref (mux), gst_object_unref);

  return gst_element_sync_state_with_parent (parser);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GstElement) queue = gst_pad_get_parent_element (pad);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  if (queue == NULL || g_object_get_data (G_OBJECT (queue), PARSER) != NULL)
    return GST_PAD_PROBE_REMOVE;

  gst_event_parse_caps (event, &caps);
  complete (queue, GST_ELEMENT (user_data), caps);

  return GST_PAD_PROBE_REMOVE;
}

/**
 * pb_srt_mux_add_branch:
 * @bin: holds @mux and will hold the branch
 * @mux: the muxer
 *
 * Returns: (transfer full) (nullable): where the stream goes in
 */
GstPad *
pb_srt_mux_add_branch (GstBin *bin, GstElement *mux)
{
  GstElement *queue = gst_element_factory_make ("queue", NULL);
  g_autoptr (GstPad) src = NULL;

  Gate *gate = peek_gate (mux);

  if (queue == NULL)
    return NULL;

  g_mutex_lock (&gate->lock);
  gate->n_branches++;
  g_mutex_unlock (&gate->lock);
  g_object_set (queue, "max-size-time", (guint64) QUEUE_TIME, "max-size-bytes",
      QUEUE_BYTES, "max-size-buffers", 0, NULL);
  gst_bin_add (bin, queue);
  src = gst_element_get_static_pad (queue, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event,
      gst_object_ref (mux), gst_object_unref);
  gst_element_sync_state_with_parent (queue);

  return gst_element_get_static_pad (queue, "sink");
}

/**
 * pb_srt_mux_remove_branch:
 * @bin: holds the branch
 * @mux: the muxer
 * @pad: the branch's sink pad
 */
void
pb_srt_mux_remove_branch (GstBin *bin, GstElement *mux, GstPad *pad)
{
  g_autoptr (GstElement) queue = gst_pad_get_parent_element (pad);
  GstElement *parser;

  if (queue == NULL)
    return;

  parser = g_object_get_data (G_OBJECT (queue), PARSER);
  gst_element_set_locked_state (queue, TRUE);
  gst_element_set_state (queue, GST_STATE_NULL);
  if (parser != NULL) {
    g_autoptr (GstPad) src = gst_element_get_static_pad (parser, "src");
    g_autoptr (GstPad) in = gst_pad_get_peer (src);

    gst_element_set_locked_state (parser, TRUE);
    gst_element_set_state (parser, GST_STATE_NULL);
    leave_gate (mux, src);
    if (in != NULL) {
      gst_pad_unlink (src, in);
      gst_element_release_request_pad (mux, in);
    }
    gst_bin_remove (bin, parser);
  } else {
    leave_gate (mux, NULL);
  }
  gst_bin_remove (bin, queue);
}
