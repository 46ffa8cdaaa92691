/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-sdp-private.h"

/* application/trickle-ice-sdpfrag (RFC 8840): what a PATCH of WHIP and WHEP
 * carries, and what it does to a description. */

#define WHAT "the fragment"
#define END "end-of-candidates"

G_DEFINE_BOXED_TYPE (PbSdpFragment, pb_sdp_fragment, pb_sdp_fragment_copy,
    pb_sdp_fragment_free)

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, WHAT " %s", why);

  return FALSE;
}

/* ---- one of its own ------------------------------------------------------ */

static void
clear_candidate (gpointer data)
{
  PbSdpFragmentCandidate *candidate = data;

  g_free (candidate->mid);
  g_free (candidate->line);
}

/* Candidates under construction. */
static GArray *
new_candidates (void)
{
  GArray *candidates =
      g_array_new (FALSE, TRUE, sizeof (PbSdpFragmentCandidate));

  g_array_set_clear_func (candidates, clear_candidate);

  return candidates;
}

static void
add_candidate (GArray *candidates, const char *mid, const char *line)
{
  PbSdpFragmentCandidate candidate = { g_strdup (mid), g_strdup (line) };

  g_array_append_val (candidates, candidate);
}

static void
take_candidates (PbSdpFragment *self, GArray *candidates)
{
  gsize n;

  g_array_set_clear_func (candidates, NULL);
  self->candidates = g_array_steal (candidates, &n);
  self->n_candidates = n;
}

/**
 * pb_sdp_fragment_copy:
 * @fragment: a fragment
 *
 * Returns: (transfer full): another one like it
 */
PbSdpFragment *
pb_sdp_fragment_copy (const PbSdpFragment *fragment)
{
  g_autoptr (GArray) candidates = new_candidates ();
  PbSdpFragment *copy;

  g_return_val_if_fail (fragment != NULL, NULL);

  copy = g_memdup2 (fragment, sizeof *fragment);
  copy->ufrag = g_strdup (fragment->ufrag);
  copy->pwd = g_strdup (fragment->pwd);
  for (guint i = 0; i < fragment->n_candidates; i++)
    add_candidate (candidates, fragment->candidates[i].mid,
        fragment->candidates[i].line);
  take_candidates (copy, candidates);

  return copy;
}

/**
 * pb_sdp_fragment_free:
 * @fragment: (nullable) (transfer full): a fragment
 */
void
pb_sdp_fragment_free (PbSdpFragment *fragment)
{
  if (fragment == NULL)
    return;
  for (guint i = 0; i < fragment->n_candidates; i++)
    clear_candidate (&fragment->candidates[i]);
  g_free (fragment->candidates);
  g_free (fragment->ufrag);
  g_free (fragment->pwd);
  g_free (fragment);
}

/* ---- reading ------------------------------------------------------------- */

typedef struct
{
  PbSdpFragment *fragment;
  PbSdpFlags flags;
  GArray *candidates;
  guint n_media;
  guint first;     /* candidate of the section that is being read */
  const char *mid; /* of that section, once it has said so */
} Reader;

/* The same for all sections: there is one transport. */
static gboolean
read_credential (char **slot, const char *value, gsize min, GError **error)
{
  if (!pb_sdp_is_credential (value, min))
    return refuse (error, "has ICE credentials that cannot be read");
  if (*slot != NULL && strcmp (*slot, value) != 0)
    return refuse (error, "has ICE credentials that differ");
  if (*slot == NULL)
    *slot = g_strdup (value);

  return TRUE;
}

static gboolean
read_candidate (Reader *self, const char *line, GError **error)
{
  if (self->candidates->len + self->fragment->n_dropped >= PB_CANDIDATES_MAX)
    return refuse (error, "has too many candidates");
  switch (pb_sdp_judge_candidate (line, self->flags, error)) {
    case PB_SDP_KEEP:
      add_candidate (self->candidates, self->mid, line + strlen ("a="));
      return TRUE;
    case PB_SDP_DROP:
      self->fragment->n_dropped++;
      return TRUE;
    default:
      return FALSE;
  }
}

/* It may come after candidates of its section. */
static gboolean
read_mid (Reader *self, const char *value, GError **error)
{
  if (self->n_media == 0 || self->mid != NULL || *value == '\0')
    return refuse (error, "has a mid where none belongs");
  self->mid = value;
  for (guint i = self->first; i < self->candidates->len; i++)
    g_array_index (self->candidates, PbSdpFragmentCandidate, i).mid =
        g_strdup (value);

  return TRUE;
}

static gboolean
read_line (Reader *self, const char *line, GError **error)
{
  const char *value;

  if (line[0] == 'm') {
    self->mid = NULL;
    self->first = self->candidates->len;
    return self->n_media++ < PB_SDP_MEDIA_MAX ||
           refuse (error, "has too many media sections");
  }
  if (line[0] != 'a')
    return refuse (error, "has a line that is neither a= nor m=");
  if (pb_sdp_line_value (line, "candidate") != NULL)
    return read_candidate (self, line, error);
  value = pb_sdp_line_value (line, "ice-ufrag");
  if (value != NULL)
    return read_credential (&self->fragment->ufrag, value, PB_SDP_UFRAG_MIN,
        error);
  value = pb_sdp_line_value (line, "ice-pwd");
  if (value != NULL)
    return read_credential (&self->fragment->pwd, value, PB_SDP_PWD_MIN, error);
  value = pb_sdp_line_value (line, "mid");
  if (value != NULL)
    return read_mid (self, value, error);
  if (pb_sdp_line_value (line, END) != NULL)
    self->fragment->is_ended = TRUE;

  return TRUE;
}

/**
 * pb_sdp_fragment_parse:
 * @text: an application/trickle-ice-sdpfrag from outside
 * @length: its length in octets; -1: up to the NUL
 * @flags: what is done about candidates that are not fit
 * @error: where to put why not
 *
 * Returns: (transfer full): the fragment, checked; %NULL with
 *   %PB_ERROR_TOO_LARGE or %PB_ERROR_INVALID
 */
PbSdpFragment *
pb_sdp_fragment_parse (const char *text, gssize length, PbSdpFlags flags,
    GError **error)
{
  g_autoptr (PbSdpFragment) self = NULL;
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (GArray) candidates = NULL;
  Reader reader = { .flags = flags };

  g_return_val_if_fail (text != NULL, NULL);

  lines = pb_sdp_split (WHAT, text, length, error);
  if (lines == NULL)
    return NULL;
  self = g_new0 (PbSdpFragment, 1);
  candidates = new_candidates ();
  reader.fragment = self;
  reader.candidates = candidates;
  for (guint i = 0; i < lines->len; i++)
    if (!read_line (&reader, g_ptr_array_index (lines, i), error))
      return NULL;
  if (lines->len == 0 || (self->ufrag == NULL) != (self->pwd == NULL)) {
    refuse (error,
        lines->len == 0 ? "is empty" : "has one half of the ICE credentials");
    return NULL;
  }
  take_candidates (self, candidates);

  return g_steal_pointer (&self);
}

/* ---- writing ------------------------------------------------------------- */

/**
 * pb_sdp_fragment_find_media:
 * @fragment: a fragment
 * @candidate: which of its candidates, from 0
 * @sdp: the description it belongs to
 *
 * Returns: the section it is for, as `mline` of a `candidate` message counts:
 *   0 without a mid; -1 where the description has no such mid
 */
int
pb_sdp_fragment_find_media (const PbSdpFragment *fragment, guint candidate,
    PbSdp *sdp)
{
  g_return_val_if_fail (fragment != NULL && sdp != NULL, -1);
  g_return_val_if_fail (candidate < fragment->n_candidates, -1);

  if (fragment->candidates[candidate].mid == NULL)
    return 0;

  return pb_sdp_find_mid (sdp, fragment->candidates[candidate].mid);
}

/* m=<media> <port> <profile> <first format>, with the port of a section in
 * use */
static void
append_media (GString *text, PbSdp *sdp, guint media)
{
  PbSdpMedia *section = g_ptr_array_index (sdp->media, media);
  g_auto (GStrv) words =
      g_strsplit (g_ptr_array_index (sdp->lines, section->first), " ", -1);
  const char *mid = pb_sdp_get_mid (sdp, media);

  g_string_append_printf (text, "%s 9 %s %s\r\n", words[0], words[2], words[3]);
  if (mid != NULL)
    g_string_append_printf (text, "a=mid:%s\r\n", mid);
}

/* Whether the section is to stand in the text: it has candidates, or it is the
 * first in use and has to tell that there are none. */
static gboolean
has_news (const PbSdpFragment *fragment, PbSdp *sdp, guint media)
{
  for (guint i = 0; i < fragment->n_candidates; i++)
    if (pb_sdp_fragment_find_media (fragment, i, sdp) == (int) media)
      return TRUE;

  return fragment->n_candidates == 0 && fragment->is_ended && media == 0;
}

/**
 * pb_sdp_fragment_print:
 * @fragment: a fragment
 * @sdp: the description it belongs to
 *
 * Candidates of a mid that the description lacks are left out.
 *
 * Returns: (transfer full): an application/trickle-ice-sdpfrag
 */
char *
pb_sdp_fragment_print (const PbSdpFragment *fragment, PbSdp *sdp)
{
  GString *text;
  const char *group;

  g_return_val_if_fail (fragment != NULL && sdp != NULL, NULL);

  text = g_string_new (NULL);
  group = pb_sdp_get_attribute (sdp, -1, "group", 0);
  if (group != NULL)
    g_string_append_printf (text, "a=group:%s\r\n", group);
  if (fragment->ufrag != NULL)
    g_string_append_printf (text, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
        fragment->ufrag, fragment->pwd);
  for (guint media = 0; media < sdp->media->len; media++) {
    if (!has_news (fragment, sdp, media))
      continue;
    append_media (text, sdp, media);
    for (guint i = 0; i < fragment->n_candidates; i++)
      if (pb_sdp_fragment_find_media (fragment, i, sdp) == (int) media)
        g_string_append_printf (text, "a=%s\r\n", fragment->candidates[i].line);
    if (fragment->is_ended)
      g_string_append (text, "a=" END "\r\n");
  }

  return g_string_free (text, FALSE);
}

/**
 * pb_sdp_dup_fragment:
 * @self: a description
 *
 * Returns: (transfer full): its ICE credentials and candidates
 */
PbSdpFragment *
pb_sdp_dup_fragment (PbSdp *self)
{
  g_autoptr (GArray) candidates = new_candidates ();
  PbSdpFragment *fragment;

  g_return_val_if_fail (self != NULL, NULL);

  fragment = g_new0 (PbSdpFragment, 1);
  fragment->ufrag = g_strdup (self->ufrag);
  fragment->pwd = g_strdup (self->pwd);
  fragment->is_ended = pb_sdp_get_attribute (self, -1, END, 0) != NULL;
  for (guint i = 0; i < self->media->len; i++) {
    const char *mid = pb_sdp_get_mid (self, i), *value;

    for (guint nth = 0;
         (value = pb_sdp_get_attribute (self, i, "candidate", nth)) != NULL;
         nth++)
      add_candidate (candidates, mid, value - strlen ("candidate:"));
    if (pb_sdp_get_attribute (self, i, END, 0) != NULL)
      fragment->is_ended = TRUE;
  }
  take_candidates (fragment, candidates);

  return fragment;
}

/* ---- merging ------------------------------------------------------------- */

/**
 * pb_sdp_fragment_is_restart:
 * @fragment: a fragment
 * @sdp: the description it belongs to
 *
 * Returns: whether it brings other ICE credentials
 */
gboolean
pb_sdp_fragment_is_restart (const PbSdpFragment *fragment, PbSdp *sdp)
{
  g_return_val_if_fail (fragment != NULL && sdp != NULL, FALSE);

  return fragment->ufrag != NULL &&
         (strcmp (fragment->ufrag, sdp->ufrag) != 0 ||
             strcmp (fragment->pwd, sdp->pwd) != 0);
}

/* Public structures are anybody's to fill in: no line may hold two. */
static gboolean
check_fragment (const PbSdpFragment *fragment, PbSdp *sdp, GError **error)
{
  if ((fragment->ufrag == NULL) != (fragment->pwd == NULL) ||
      (fragment->ufrag != NULL &&
          (!pb_sdp_is_credential (fragment->ufrag, PB_SDP_UFRAG_MIN) ||
              !pb_sdp_is_credential (fragment->pwd, PB_SDP_PWD_MIN))))
    return refuse (error, "has ICE credentials that cannot be read");
  for (guint i = 0; i < fragment->n_candidates; i++) {
    if (!g_str_has_prefix (fragment->candidates[i].line, "candidate:"))
      return refuse (error, "has a candidate that is none");
    if (pb_sdp_judge_candidate (fragment->candidates[i].line, sdp->flags,
            error) == PB_SDP_REFUSE)
      return FALSE;
    if (pb_sdp_fragment_find_media (fragment, i, sdp) < 0)
      return refuse (error, "has a mid that the description has not");
  }

  return TRUE;
}

/* o=<user> <session> <version> …: RFC 3264, section 8: the next version. */
static char *
bump_origin (const char *line, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);
  guint64 version;

  if (g_strv_length (words) != 4 || !g_ascii_string_to_unsigned (words[2], 10,
                                        0, G_MAXUINT64 - 1, &version, NULL)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "the description has an o= line that cannot be read");
    return NULL;
  }

  return g_strdup_printf ("%s %s %" G_GUINT64_FORMAT " %s", words[0], words[1],
      version + 1, words[3]);
}

/* One line of the old description, as a restart leaves it: NULL with no error
 * where it goes. */
static char *
restart_line (const char *line, const PbSdpFragment *fragment, GError **error)
{
  if (line[0] == 'o')
    return bump_origin (line, error);
  if (pb_sdp_line_value (line, "candidate") != NULL ||
      pb_sdp_line_value (line, END) != NULL)
    return NULL;
  if (pb_sdp_line_value (line, "ice-ufrag") != NULL)
    return g_strconcat ("a=ice-ufrag:", fragment->ufrag, NULL);
  if (pb_sdp_line_value (line, "ice-pwd") != NULL)
    return g_strconcat ("a=ice-pwd:", fragment->pwd, NULL);

  return g_strdup (line);
}

static gboolean
add_old_lines (GPtrArray *lines, PbSdp *sdp, guint first, guint end,
    const PbSdpFragment *restart, GError **error)
{
  for (guint i = first; i < end; i++) {
    const char *old = g_ptr_array_index (sdp->lines, i);
    GError *problem = NULL;
    char *line = restart != NULL ? restart_line (old, restart, &problem)
                                 : g_strdup (old);

    if (problem != NULL) {
      g_propagate_error (error, problem);
      return FALSE;
    }
    if (line != NULL)
      g_ptr_array_add (lines, line);
  }

  return TRUE;
}

static void
add_new_lines (GPtrArray *lines, PbSdp *sdp, guint media,
    const PbSdpFragment *fragment)
{
  for (guint i = 0; i < fragment->n_candidates; i++)
    if (pb_sdp_fragment_find_media (fragment, i, sdp) == (int) media)
      g_ptr_array_add (lines,
          g_strconcat ("a=", fragment->candidates[i].line, NULL));
  if (fragment->is_ended && !pb_sdp_is_rejected (sdp, media) &&
      (pb_sdp_get_attribute (sdp, media, END, 0) == NULL ||
          pb_sdp_fragment_is_restart (fragment, sdp)))
    g_ptr_array_add (lines, g_strdup ("a=" END));
}

/**
 * pb_sdp_merge:
 * @self: a description
 * @fragment: what came after it
 * @error: where to put why not
 *
 * Other ICE credentials in the fragment restart ICE: they take the place of all
 * there were, the old candidates go, and the version of o= is one higher.
 *
 * Returns: (transfer full): the description with what the fragment brings;
 *   %NULL with %PB_ERROR_INVALID or %PB_ERROR_TOO_LARGE
 */
PbSdp *
pb_sdp_merge (PbSdp *self, const PbSdpFragment *fragment, GError **error)
{
  g_autoptr (GPtrArray) lines = NULL;
  g_autofree char *text = NULL;
  const PbSdpFragment *restart;
  guint at = 0;

  g_return_val_if_fail (self != NULL && fragment != NULL, NULL);

  if (!check_fragment (fragment, self, error))
    return NULL;
  restart = pb_sdp_fragment_is_restart (fragment, self) ? fragment : NULL;
  lines = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i <= self->media->len; i++) {
    guint end =
        i == 0 ? ((PbSdpMedia *) g_ptr_array_index (self->media, 0))->first
               : ((PbSdpMedia *) g_ptr_array_index (self->media, i - 1))->end;

    if (!add_old_lines (lines, self, at, end, restart, error))
      return NULL;
    if (i > 0)
      add_new_lines (lines, self, i - 1, fragment);
    at = end;
  }
  text = pb_sdp_join (lines);

  return pb_sdp_parse (self->type, text, -1, self->flags, error);
}
