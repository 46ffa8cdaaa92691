/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wall of a control room in letters: one line per slot, the sender's
 * figures beside the receiver's. */
#include "config.h"

#include "pb-ctl-wall.h"

#include <math.h>
#include <string.h>

#include "pb-ctl.h"

#define RED "\033[1;37;41m"
#define GREEN "\033[1;30;42m"
#define GOOD "\033[32m"
#define DIM "\033[2m"

#define SLOT_COLUMNS 16
#define HEALTH_COLUMNS 22
#define SENDER_COLUMNS 34
#define RECEIVER_COLUMNS 44

typedef struct
{
  char *peer;
  gboolean is_sender;
  char *srt;
  char *path;
  char *transport;
  char *health; /* "" before the first report */
  char *cause;
  gboolean is_stale;
  gint64 measured_us; /* when the figures were taken, by our clock */
  gboolean is_measured;
  double bitrate, rtt, loss, drop;
  gint64 frames_dropped, freezes; /* of video, totals */
  gint64 latency;
} Peer;

typedef struct
{
  char *name;
  char *state;
  char *tally;
  GPtrArray *peers; /* of Peer; the sender first */
} Slot;

struct _PbCtlWall
{
  char *session;
  char *state;
  char *cipher;
  gint64 expires;
  gboolean is_known;
  GPtrArray *slots; /* of Slot */
};

static void
peer_free (Peer *peer)
{
  g_free (peer->peer);
  g_free (peer->srt);
  g_free (peer->path);
  g_free (peer->transport);
  g_free (peer->health);
  g_free (peer->cause);
  g_free (peer);
}

static void
slot_free (Slot *slot)
{
  g_free (slot->name);
  g_free (slot->state);
  g_free (slot->tally);
  g_ptr_array_unref (slot->peers);
  g_free (slot);
}

/* Nothing is known yet. */
PbCtlWall *
pb_ctl_wall_new (void)
{
  PbCtlWall *self = g_new0 (PbCtlWall, 1);

  self->slots = g_ptr_array_new_with_free_func ((GDestroyNotify) slot_free);
  return self;
}

/* Forgets it all. */
void
pb_ctl_wall_free (PbCtlWall *self)
{
  g_ptr_array_unref (self->slots);
  g_free (self->session);
  g_free (self->state);
  g_free (self->cipher);
  g_free (self);
}

/* Whether the server has described the session yet. */
gboolean
pb_ctl_wall_is_known (PbCtlWall *self)
{
  return self->is_known;
}

guint
pb_ctl_wall_get_n_slots (PbCtlWall *self)
{
  return self->slots->len;
}

gint64
pb_ctl_wall_get_expires (PbCtlWall *self)
{
  return self->expires;
}

const char *
pb_ctl_wall_get_session (PbCtlWall *self)
{
  return self->session;
}

const char *
pb_ctl_wall_get_state (PbCtlWall *self)
{
  return self->state;
}

int
pb_ctl_wall_find (PbCtlWall *self, const char *stream)
{
  for (guint i = 0; i < self->slots->len; i++) {
    Slot *slot = g_ptr_array_index (self->slots, i);

    if (g_strcmp0 (slot->name, stream) == 0)
      return (int) i;
  }

  return -1;
}

static Slot *
get_slot (PbCtlWall *self, const char *stream)
{
  int index = pb_ctl_wall_find (self, stream);

  return index < 0 ? NULL : g_ptr_array_index (self->slots, (guint) index);
}

static Peer *
get_peer (Slot *slot, const char *id)
{
  for (guint i = 0; i < slot->peers->len; i++) {
    Peer *peer = g_ptr_array_index (slot->peers, i);

    if (g_strcmp0 (peer->peer, id) == 0)
      return peer;
  }

  return NULL;
}

static double
number_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
             ? json_node_get_double (node)
             : 0;
}

static void
set_string (char **field, JsonObject *object, const char *name)
{
  const char *value = pb_ctl_member (object, name);

  if (value == NULL)
    return;
  g_free (*field);
  *field = pb_ctl_safe (value);
}

/* From a PEER of `session`, or a `health` or `status` message: what is absent
 * stays as it was. */
static void
read_peer (Peer *peer, JsonObject *object, gint64 now_us)
{
  JsonNode *stale = json_object_get_member (object, "stale");

  set_string (&peer->srt, object, "srt");
  set_string (&peer->path, object, "path");
  set_string (&peer->transport, object, "transport");
  set_string (&peer->health, object, "health");
  set_string (&peer->cause, object, "cause");
  if (stale != NULL && JSON_NODE_HOLDS_VALUE (stale))
    peer->is_stale = json_node_get_boolean (stale);
  if (json_object_has_member (object, "bitrate") ||
      json_object_has_member (object, "rtt")) {
    peer->is_measured = TRUE;
    peer->bitrate = number_of (object, "bitrate");
    peer->rtt = number_of (object, "rtt");
    peer->loss = number_of (object, "loss");
    peer->drop = number_of (object, "drop");
    peer->frames_dropped = pb_ctl_member_int (object, "frames_dropped");
    peer->freezes = pb_ctl_member_int (object, "freezes");
    peer->measured_us = now_us - (gint64) (number_of (object, "age") * 1000);
  }
  if (json_object_has_member (object, "latency"))
    peer->latency = pb_ctl_member_int (object, "latency");
}

static void
add_peer (Slot *slot, JsonNode *node, gboolean is_sender, gint64 now_us)
{
  JsonObject *object;
  Peer *peer;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return;
  object = json_node_get_object (node);
  if (pb_ctl_member (object, "peer") == NULL)
    return;

  peer = g_new0 (Peer, 1);
  peer->peer = g_strdup (pb_ctl_member (object, "peer"));
  peer->is_sender = is_sender;
  read_peer (peer, object, now_us);
  g_ptr_array_add (slot->peers, peer);
}

static void
add_slot (PbCtlWall *self, JsonNode *node, gint64 now_us)
{
  JsonObject *object;
  JsonNode *peers;
  Slot *slot;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return;
  object = json_node_get_object (node);
  slot = g_new0 (Slot, 1);
  slot->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) peer_free);
  set_string (&slot->name, object, "stream");
  set_string (&slot->state, object, "state");
  set_string (&slot->tally, object, "tally");
  add_peer (slot, json_object_get_member (object, "sender"), TRUE, now_us);
  peers = json_object_get_member (object, "receivers");
  if (peers != NULL && JSON_NODE_HOLDS_ARRAY (peers)) {
    JsonArray *array = json_node_get_array (peers);

    for (guint i = 0; i < json_array_get_length (array); i++)
      add_peer (slot, json_array_get_element (array, i), FALSE, now_us);
  }
  g_ptr_array_add (self->slots, slot);
}

static void
read_session (PbCtlWall *self, JsonObject *object, gint64 now_us)
{
  JsonNode *node = json_object_get_member (object, "streams");

  set_string (&self->session, object, "session");
  set_string (&self->state, object, "state");
  set_string (&self->cipher, object, "cipher");
  self->expires = pb_ctl_member_int (object, "expires");
  self->is_known = TRUE;
  g_ptr_array_set_size (self->slots, 0);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return;
  for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
    add_slot (self, json_array_get_element (json_node_get_array (node), i),
        now_us);
}

const char *
pb_ctl_wall_feed (PbCtlWall *self, PbMessage *message, gint64 now_us)
{
  JsonObject *object = pb_message_peek_object (message);
  PbMessageType type = pb_message_get_message_type (message);
  Slot *slot;
  Peer *peer;

  if (type == PB_MESSAGE_SESSION) {
    read_session (self, object, now_us);
    return "";
  }
  slot = get_slot (self, pb_message_get_string (message, "stream"));
  if (slot == NULL)
    return NULL;

  switch (type) {
    case PB_MESSAGE_TALLY:
      set_string (&slot->tally, object, "state");
      return slot->name;
    case PB_MESSAGE_HEALTH:
    case PB_MESSAGE_STATUS:
      peer = get_peer (slot, pb_message_get_string (message, "peer"));
      if (peer == NULL)
        return NULL; /* a `session` that names it is on its way */
      read_peer (peer, object, now_us);
      return slot->name;
    case PB_MESSAGE_PEER_GONE:
      peer = get_peer (slot, pb_message_get_string (message, "peer"));
      if (peer == NULL)
        return NULL;
      g_ptr_array_remove (slot->peers, peer);
      return slot->name;
    default:
      return NULL;
  }
}

/* Pads with spaces to the columns a terminal will use. */
static void
pad (GString *line, const char *text, const char *colour, guint columns)
{
  glong used = g_utf8_strlen (text, -1);

  if (colour != NULL)
    g_string_append (line, colour);
  g_string_append (line, text);
  if (colour != NULL)
    g_string_append (line, PB_CTL_PLAIN);
  for (; used < (glong) columns; used++)
    g_string_append_c (line, ' ');
  g_string_append_c (line, ' ');
}

static guint
rank_of (const Peer *peer)
{
  /* The server calls an end that never reported critical; before it is even
   * connected that is too early to say. */
  if (!peer->is_measured && g_strcmp0 (peer->srt, "connected") != 0)
    return 0;
  if (g_strcmp0 (peer->health, "critical") == 0)
    return 3;
  if (g_strcmp0 (peer->health, "warning") == 0)
    return 2;
  if (g_strcmp0 (peer->health, "healthy") == 0)
    return 1;
  return 0;
}

/* The peer that needs looking at: the worst, of one end or of both. */
static const Peer *
worst_of (const Slot *slot, gboolean senders, gboolean receivers)
{
  const Peer *worst = NULL;

  for (guint i = 0; i < slot->peers->len; i++) {
    const Peer *peer = g_ptr_array_index (slot->peers, i);

    if (!(peer->is_sender ? senders : receivers))
      continue;
    if (worst == NULL || rank_of (peer) > rank_of (worst))
      worst = peer;
  }

  return worst;
}

static guint
count_receivers (const Slot *slot)
{
  guint count = 0;

  for (guint i = 0; i < slot->peers->len; i++)
    count += !((const Peer *) g_ptr_array_index (slot->peers, i))->is_sender;

  return count;
}

static void
draw_tally (GString *line, const Slot *slot, gboolean colour)
{
  const char *tally = slot->tally != NULL ? slot->tally : "off";
  gboolean is_program = strcmp (tally, "program") == 0;
  gboolean is_preview = strcmp (tally, "preview") == 0;

  pad (line,
      is_program   ? "PROGRAM"
      : is_preview ? "preview"
                   : "off",
      !colour      ? NULL
      : is_program ? RED
      : is_preview ? GREEN
                   : DIM,
      7);
}

static void
draw_health (GString *line, const Slot *slot, gboolean colour)
{
  const Peer *sender = worst_of (slot, TRUE, FALSE);
  const Peer *receiver = worst_of (slot, FALSE, TRUE);
  const Peer *worst = worst_of (slot, TRUE, TRUE);
  g_autofree char *text = NULL;
  const char *paint = PB_CTL_WARN;

  if (worst == NULL)
    text = g_strdup ("nobody there");
  else if (sender == NULL)
    text = g_strdup ("nobody sends");
  else if (receiver == NULL)
    text = g_strdup ("nobody receives");
  else if (rank_of (worst) == 0)
    text = g_strdup ("connecting");
  else if (!worst->is_measured && g_strcmp0 (worst->cause, "stale") == 0)
    text = g_strdup ("no report yet");
  else {
    text = g_strconcat (worst->health,
        worst->cause != NULL && *worst->cause != '\0' ? ": " : "",
        worst->cause != NULL ? worst->cause : "", NULL);
    paint = rank_of (worst) == 1   ? GOOD
            : rank_of (worst) == 2 ? PB_CTL_WARN
                                   : PB_CTL_BAD;
  }
  pad (line, text, colour ? paint : NULL, HEALTH_COLUMNS);
}

static void
append_bitrate (GString *text, double kbps)
{
  if (kbps >= 1000)
    g_string_append_printf (text, "%5.1f Mbit/s", kbps / 1000);
  else
    g_string_append_printf (text, "%5.0f kbit/s", kbps);
}

static void
draw_end (GString *line, const Peer *peer, guint count, guint columns,
    gint64 now_us, gboolean colour)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (peer == NULL) {
    g_string_append_c (text, '-');
  } else if (!peer->is_measured) {
    g_string_append (text, peer->srt != NULL ? peer->srt : "no figures yet");
  } else {
    gint64 age_s = (now_us - peer->measured_us) / G_USEC_PER_SEC;

    append_bitrate (text, peer->bitrate);
    g_string_append_printf (text, " rtt %.0f ms", peer->rtt);
    g_string_append_printf (text, " loss %.1f %%", peer->loss);
    if (!peer->is_sender)
      g_string_append_printf (text, " drop %.2f %%", peer->drop);
    /* What a viewer saw; only WebRTC counts it. */
    if (peer->frames_dropped > 0)
      g_string_append_printf (text, " %" G_GINT64_FORMAT " frames lost",
          peer->frames_dropped);
    if (peer->freezes > 0)
      g_string_append_printf (text, " froze %" G_GINT64_FORMAT " x",
          peer->freezes);
    if (count > 1)
      g_string_append_printf (text, " x%u", count);
    /* Old figures say so themselves. */
    if (age_s >= 7)
      g_string_append_printf (text, " %d s ago", (int) age_s);
  }
  pad (line, text->str, colour && peer == NULL ? DIM : NULL, columns);
}

/* Cuts what does not fit, counting what a terminal shows, not what it obeys. */
static char *
fit (GString *line, guint width)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gboolean has_escape = FALSE;
  guint used = 0;

  g_strchomp (line->str);
  if (width == 0)
    return g_strdup (line->str);
  for (const char *p = line->str; *p != '\0'; p = g_utf8_next_char (p)) {
    if (*p == '\033') {
      const char *end = strchr (p, 'm');

      g_string_append_len (out, p, end - p + 1);
      p = end;
      has_escape = TRUE;
      continue;
    }
    if (used++ < width)
      g_string_append_unichar (out, g_utf8_get_char (p));
  }
  if (has_escape)
    g_string_append (out, PB_CTL_PLAIN);

  return g_strdup (out->str);
}

char *
pb_ctl_wall_draw_title (gboolean colour, guint width)
{
  g_autoptr (GString) line = g_string_new (colour ? DIM : NULL);

  pad (line, "SLOT", NULL, SLOT_COLUMNS);
  pad (line, "TALLY", NULL, 7);
  pad (line, "HEALTH", NULL, HEALTH_COLUMNS);
  pad (line, "SENDER SAYS", NULL, SENDER_COLUMNS);
  pad (line, "RECEIVER MEASURED", NULL, RECEIVER_COLUMNS);
  pad (line, "PATH", NULL, 6);
  if (colour)
    g_string_append (line, PB_CTL_PLAIN);

  return fit (line, width);
}

char *
pb_ctl_wall_draw (PbCtlWall *self, guint index, gint64 now_us, gboolean colour,
    guint width)
{
  const Slot *slot = g_ptr_array_index (self->slots, index);
  const Peer *sender = worst_of (slot, TRUE, FALSE);
  const Peer *receiver = worst_of (slot, FALSE, TRUE);
  const Peer *either = receiver != NULL ? receiver : sender;
  g_autoptr (GString) line = g_string_new (NULL);

  pad (line, slot->name != NULL ? slot->name : "?", NULL, SLOT_COLUMNS);
  draw_tally (line, slot, colour);
  draw_health (line, slot, colour);
  draw_end (line, sender, 1, SENDER_COLUMNS, now_us, colour);
  draw_end (line, receiver, count_receivers (slot), RECEIVER_COLUMNS, now_us,
      colour);
  if (either != NULL && either->path != NULL && *either->path != '\0') {
    g_string_append (line, either->path);
    if (either->transport != NULL && *either->transport != '\0')
      g_string_append_printf (line, " %s", either->transport);
    if (self->cipher != NULL)
      g_string_append_printf (line, " %s", self->cipher);
    if (either->latency > 0)
      g_string_append_printf (line, " %" G_GINT64_FORMAT " ms",
          either->latency);
  }

  return fit (line, width);
}
