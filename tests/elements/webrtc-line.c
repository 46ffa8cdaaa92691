/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../common/pb-mortal-child.h"
#include "webrtc-line.h"

#include <signal.h>
#include <stdlib.h>

#include "pb-rate-estimator.h"

struct _PairLine
{
  Pair *pair;
  char **options;
  GSubprocess *netsim; /* (nullable): before there is a candidate */
  GDataInputStream *out;
  guint encoder_kbps;
};

/* In front of where the receiver listens. */
static guint
start_netsim (PairLine *self, const char *port)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GPtrArray) args = g_ptr_array_new ();
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (args, (char *) PB_NETSIM);
  g_ptr_array_add (args, (char *) "--to");
  g_ptr_array_add (args, (char *) port);
  for (char **option = self->options; *option != NULL; option++)
    g_ptr_array_add (args, *option);
  g_ptr_array_add (args, NULL);
  g_subprocess_launcher_set_child_setup (launcher, pb_die_with_parent, NULL,
      NULL);
  self->netsim = g_subprocess_launcher_spawnv (launcher,
      (const char *const *) args->pdata, &error);
  g_assert_no_error (error);
  self->out =
      g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->netsim));
  line = g_data_input_stream_read_line (self->out, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (line, "listening on "));

  return (guint) atoi (line + strlen ("listening on "));
}

/* The receiver is told of nobody: it meets the sender as its checks arrive. */
static char *
withhold (Pair *pair, guint from, const char *candidate)
{
  return NULL;
}

/* The sender is told of the line instead of the receiver. */
static char *
divert (Pair *pair, guint from, const char *candidate)
{
  g_auto (GStrv) words = g_strsplit (candidate, " ", -1);
  guint port;

  if (pair->line->netsim != NULL || g_strv_length (words) < 8 ||
      g_ascii_strcasecmp (words[2], "udp") != 0 ||
      !g_str_equal (words[4], "127.0.0.1"))
    return NULL;

  port = start_netsim (pair->line, words[5]);
  g_free (words[5]);
  words[5] = g_strdup_printf ("%u", port);

  return g_strjoinv (" ", words);
}

PairLine *
pair_line_new (Pair *pair, const char *const *options)
{
  PairLine *self = g_new0 (PairLine, 1);

  self->pair = pair;
  self->options = g_strdupv ((char **) options);
  pair->line = self;
  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair->ends[0].config.min_kbps = PAIR_MIN_KBPS;
  /* a lost packet is asked for, and comes in time */
  pair->ends[0].config.latency_ms = 200;
  pair->ends[1].config.latency_ms = 200;
  pair->ends[0].on_candidate = withhold;
  pair->ends[1].on_candidate = divert;

  return self;
}

GstElement *
pair_line_find (PairLine *self, const char *factory)
{
  g_autoptr (GstIterator) iter =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (
                                                       self->pair->sources),
          factory);
  GValue value = G_VALUE_INIT;
  GstElement *element;

  g_assert_cmpint (gst_iterator_next (iter, &value), ==, GST_ITERATOR_OK);
  element = g_value_get_object (&value);
  g_value_unset (&value);

  return element;
}

guint
pair_line_follow (PairLine *self)
{
  const PairEnd *end = &self->pair->ends[0];
  guint video =
      end->estimate > PAIR_AUDIO_BPS ? end->estimate - PAIR_AUDIO_BPS : 0;
  guint kbps =
      pb_rate_share (&video, 1, PAIR_MIN_KBPS * 1000, PAIR_MAX_KBPS * 1000) /
      1000;

  if (end->n_estimates == 0 || kbps == self->encoder_kbps)
    return self->encoder_kbps;

  self->encoder_kbps = kbps;
  g_object_set (pair_line_find (self, "x264enc"), "bitrate", kbps, NULL);

  return kbps;
}

void
pair_line_halt (PairLine *self, gboolean is_halted)
{
  g_subprocess_send_signal (self->netsim, is_halted ? SIGSTOP : SIGCONT);
}

char *
pair_line_end (PairLine *self)
{
  g_autofree char *up = NULL, *down = NULL;

  g_subprocess_send_signal (self->netsim, SIGTERM);
  up = g_data_input_stream_read_line (self->out, NULL, NULL, NULL);
  down = g_data_input_stream_read_line (self->out, NULL, NULL, NULL);
  g_subprocess_wait (self->netsim, NULL, NULL);

  return g_strdup_printf ("%s %s", up, down);
}

void
pair_line_free (PairLine *self)
{
  g_clear_object (&self->out);
  g_clear_object (&self->netsim);
  g_strfreev (self->options);
  g_free (self);
}
