/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bad network on loopback: a UDP proxy that loses, delays, reorders,
 * duplicates and throttles, the same way every time for the same seed (the
 * kernels we test on have no netem).
 *
 *   pb-netsim --to PORT [--listen PORT] [--seed N] [--loss %] [--burst N]
 *             [--delay MS] [--jitter MS] [--duplicate %]
 *             [--reorder %] [--reorder-by MS]
 *             [--rate KBIT[,SECOND:KBIT]...] [--queue MS]
 *
 * Prints `listening on PORT`. One client at a time; each way has a random
 * sequence of its own, one draw per packet and kind, so that a packet's fate
 * depends on its number alone. `--burst` N loses N in a row at N times rarer
 * occasions: the same share. Jitter reorders by chance; `--reorder` holds that
 * share of the packets back by `--reorder-by` (10 ms), so that others overtake
 * them. `--rate` 1000,30:400,60:1000 is a line of 1 Mbit/s that has 400 kbit/s
 * from the 30th second after the first packet to the 60th; 0: no bound. What
 * would wait for the line longer than `--queue` is lost (0: it waits for ever).
 * Each way has a line of its own. SIGTERM ends it, with counts; `full` are
 * those lost at the queue.
 */
#include <glib-unix.h>
#include <gio/gio.h>
#include <stdio.h>

#define PACKET_MAX 2048

typedef struct {
  gint64 due; /* monotonic µs */
  guint64 serial; /* keeps the order of equal dues */
  gsize length;
  guint8 data[PACKET_MAX];
} Packet;

typedef struct {
  GRand *rand;
  GSequence *queue; /* Packet, by due */
  guint to_lose; /* left of a burst */
  gint64 line_free; /* when the throttled line is idle again */
  guint64 passed, lost, duplicated, held, full;
  guint64 octets; /* of those passed, UDP's payload */
} Way;

typedef struct
{
  gint64 at; /* µs after the first packet */
  int kbit;
} Rate;

typedef struct {
  GMainLoop *loop;
  GSocket *front, *back; /* towards the client, towards the target */
  GSocketAddress *client; /* of the last packet from in front */
  Way up, down;
  guint64 serial;
  GArray *rates; /* Rate, by time */
  gint64 begun;  /* monotonic µs of the first packet; 0: none yet */
  guint timer;
  gint64 timer_due;
} Sim;

static int listen_port = 0, to_port = 0, seed = 1, burst = 1;
static double loss = 0, duplicate = 0, delay_ms = 0, jitter_ms = 0;
static double reorder = 0, reorder_by_ms = 10, queue_ms = 0;
static char *rate_text = NULL;

/* "KBIT[,SECOND:KBIT]..." */
static gboolean
read_rates (GArray *rates, const char *text)
{
  g_auto (GStrv) words = g_strsplit (text != NULL ? text : "0", ",", -1);

  for (guint i = 0; words[i] != NULL; i++) {
    char *colon = strchr (words[i], ':');
    const char *kbit = colon != NULL ? colon + 1 : words[i];
    Rate rate = { 0, 0 };
    char *end;

    if ((i == 0) != (colon == NULL))
      return FALSE;
    rate.kbit = (int) g_ascii_strtoll (kbit, &end, 10);
    if (end == kbit || *end != '\0' || rate.kbit < 0)
      return FALSE;
    if (i > 0) {
      rate.at = (gint64) (g_ascii_strtod (words[i], &end) * G_USEC_PER_SEC);
      if (end != colon || rate.at < g_array_index (rates, Rate, i - 1).at)
        return FALSE;
    }
    g_array_append_val (rates, rate);
  }

  return rates->len > 0;
}

static int
get_rate (const Sim *sim, gint64 now)
{
  guint i = sim->rates->len - 1;

  while (g_array_index (sim->rates, Rate, i).at > now - sim->begun)
    i--;

  return g_array_index (sim->rates, Rate, i).kbit;
}

static int
compare (gconstpointer a, gconstpointer b, gpointer unused)
{
  const Packet *pa = a, *pb = b;

  if (pa->due != pb->due)
    return pa->due < pb->due ? -1 : 1;

  return pa->serial < pb->serial ? -1 : 1;
}

static void
flush_way (Way *way, GSocket *socket, GSocketAddress *to, gint64 now)
{
  GSequenceIter *iter = g_sequence_get_begin_iter (way->queue);

  while (!g_sequence_iter_is_end (iter)) {
    Packet *packet = g_sequence_get (iter);
    GSequenceIter *next = g_sequence_iter_next (iter);

    if (packet->due > now)
      break;
    if (to != NULL)
      g_socket_send_to (socket, to, (const char *) packet->data,
          packet->length, NULL, NULL);
    else
      g_socket_send (socket, (const char *) packet->data, packet->length, NULL,
          NULL);
    way->passed++;
    way->octets += packet->length;
    g_sequence_remove (iter);
    iter = next;
  }
}

static gint64
next_due (const Way *way)
{
  GSequenceIter *iter = g_sequence_get_begin_iter (way->queue);

  return g_sequence_iter_is_end (iter)
      ? G_MAXINT64 : ((Packet *) g_sequence_get (iter))->due;
}

static gboolean on_timer (gpointer user_data);

static void
arm (Sim *sim)
{
  gint64 due = MIN (next_due (&sim->up), next_due (&sim->down));
  gint64 wait = due - g_get_monotonic_time ();

  if (due == G_MAXINT64 || (sim->timer != 0 && sim->timer_due <= due))
    return;
  if (sim->timer != 0)
    g_source_remove (sim->timer);
  sim->timer_due = due;
  sim->timer = g_timeout_add (wait <= 0 ? 0 : (guint) ((wait + 999) / 1000),
      on_timer, sim);
}

static void
pump (Sim *sim)
{
  gint64 now = g_get_monotonic_time ();

  flush_way (&sim->up, sim->back, NULL, now);
  if (sim->client != NULL)
    flush_way (&sim->down, sim->front, sim->client, now);
  arm (sim);
}

static gboolean
on_timer (gpointer user_data)
{
  Sim *sim = user_data;

  sim->timer = 0;
  pump (sim);

  return G_SOURCE_REMOVE;
}

static void
enqueue (Sim *sim, Way *way, const guint8 *data, gsize length, gboolean is_held)
{
  gint64 now = g_get_monotonic_time (), start = now;
  int rate_kbit;
  double hold_ms = jitter_ms * g_rand_double (way->rand);
  Packet *packet;

  if (sim->begun == 0)
    sim->begun = now;
  rate_kbit = get_rate (sim, now);
  if (rate_kbit > 0) {
    start = MAX (now, way->line_free);
    if (queue_ms > 0 && start - now > queue_ms * 1000) {
      way->full++;
      return;
    }
    /* its last bit */
    start += (gint64) length * 8000 / rate_kbit;
    way->line_free = start;
  }
  packet = g_new (Packet, 1);
  packet->due =
      start +
      (gint64) (1000 * (delay_ms + hold_ms + (is_held ? reorder_by_ms : 0)));
  packet->serial = sim->serial++;
  packet->length = length;
  memcpy (packet->data, data, length);
  g_sequence_insert_sorted (way->queue, packet, compare, NULL);
}

static void
take (Sim *sim, Way *way, const guint8 *data, gsize length)
{
  gboolean begins = g_rand_double (way->rand) * 100 < loss / burst;
  gboolean twice = g_rand_double (way->rand) * 100 < duplicate;
  /* no draw where nobody asks: a seed's traces stay what they were */
  gboolean is_held = reorder > 0 && g_rand_double (way->rand) * 100 < reorder;

  if (begins && way->to_lose == 0)
    way->to_lose = (guint) burst;
  if (way->to_lose > 0) {
    way->to_lose--;
    way->lost++;
    return;
  }
  enqueue (sim, way, data, length, is_held);
  way->held += is_held;
  if (twice) {
    enqueue (sim, way, data, length, is_held);
    way->duplicated++;
  }
}

static gboolean
on_front (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Sim *sim = user_data;
  guint8 data[PACKET_MAX];
  gssize n;

  do {
    g_autoptr (GSocketAddress) from = NULL;

    n = g_socket_receive_from (socket, &from, (char *) data, sizeof data, NULL,
        NULL);
    if (n > 0) {
      g_set_object (&sim->client, from);
      take (sim, &sim->up, data, (gsize) n);
    }
  } while (n > 0);
  pump (sim);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_back (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Sim *sim = user_data;
  guint8 data[PACKET_MAX];
  gssize n;

  while ((n = g_socket_receive (socket, (char *) data, sizeof data, NULL,
              NULL)) > 0)
    take (sim, &sim->down, data, (gsize) n);
  pump (sim);

  return G_SOURCE_CONTINUE;
}

static GSocket *
open_socket (guint16 bind_port, guint16 connect_port, GError **error)
{
  g_autoptr (GInetAddress) loopback =
      g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) own =
      g_inet_socket_address_new (loopback, bind_port);
  g_autoptr (GSocketAddress) far =
      g_inet_socket_address_new (loopback, connect_port);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4,
      G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, error);

  if (socket == NULL || !g_socket_bind (socket, own, FALSE, error))
    return NULL;
  if (connect_port != 0 && !g_socket_connect (socket, far, NULL, error))
    return NULL;
  g_socket_set_blocking (socket, FALSE);

  return g_steal_pointer (&socket);
}

static gboolean
on_quit (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_CONTINUE;
}

static void
way_init (Way *way, guint32 way_seed)
{
  way->rand = g_rand_new_with_seed (way_seed);
  way->queue = g_sequence_new (g_free);
}

static void
way_clear (Way *way, const char *name)
{
  g_print ("%s passed %" G_GUINT64_FORMAT " lost %" G_GUINT64_FORMAT
           " duplicated %" G_GUINT64_FORMAT " held %" G_GUINT64_FORMAT
           " full %" G_GUINT64_FORMAT " octets %" G_GUINT64_FORMAT "\n",
      name, way->passed, way->lost, way->duplicated, way->held, way->full,
      way->octets);
  g_rand_free (way->rand);
  g_sequence_free (way->queue);
}

static void
watch (GSocket *socket, GSocketSourceFunc function, Sim *sim)
{
  g_autoptr (GSource) source = g_socket_create_source (socket, G_IO_IN, NULL);

  g_source_set_callback (source, G_SOURCE_FUNC (function), sim, NULL);
  g_source_attach (source, NULL);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "listen", 0, 0, G_OPTION_ARG_INT, &listen_port, "port, 0 picks", "PORT" },
    { "to", 0, 0, G_OPTION_ARG_INT, &to_port, "where to", "PORT" },
    { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "of every draw", "N" },
    { "loss", 0, 0, G_OPTION_ARG_DOUBLE, &loss, "each way", "PERCENT" },
    { "burst", 0, 0, G_OPTION_ARG_INT, &burst, "lost in a row", "N" },
    { "delay", 0, 0, G_OPTION_ARG_DOUBLE, &delay_ms, "each way", "MS" },
    { "jitter", 0, 0, G_OPTION_ARG_DOUBLE, &jitter_ms, "on top", "MS" },
    { "duplicate", 0, 0, G_OPTION_ARG_DOUBLE, &duplicate, "twice", "PERCENT" },
    { "reorder", 0, 0, G_OPTION_ARG_DOUBLE, &reorder, "held back", "PERCENT" },
    { "reorder-by", 0, 0, G_OPTION_ARG_DOUBLE, &reorder_by_ms, "how long",
        "MS" },
    { "rate", 0, 0, G_OPTION_ARG_STRING, &rate_text, "line rate, and when",
        "KBIT,SECOND:KBIT" },
    { "queue", 0, 0, G_OPTION_ARG_DOUBLE, &queue_ms, "before the line", "MS" },
    { NULL },
  };
  g_autoptr (GOptionContext) options = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) own = NULL;
  Sim sim = { NULL };

  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error) || to_port <= 0
      || burst < 1) {
    g_printerr ("%s\n", error != NULL ? error->message : "--to PORT is needed");
    return 2;
  }
  sim.rates = g_array_new (FALSE, FALSE, sizeof (Rate));
  if (!read_rates (sim.rates, rate_text)) {
    g_printerr ("--rate KBIT[,SECOND:KBIT]..., in the order of time\n");
    return 2;
  }
  sim.front = open_socket ((guint16) listen_port, 0, &error);
  sim.back = error == NULL ? open_socket (0, (guint16) to_port, &error) : NULL;
  if (error != NULL) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  sim.loop = g_main_loop_new (NULL, FALSE);
  way_init (&sim.up, (guint32) seed);
  way_init (&sim.down, (guint32) seed ^ 0x5bd1e995u);
  watch (sim.front, on_front, &sim);
  watch (sim.back, on_back, &sim);
  g_unix_signal_add (SIGTERM, on_quit, sim.loop);
  g_unix_signal_add (SIGINT, on_quit, sim.loop);
  own = g_socket_get_local_address (sim.front, NULL);
  g_print ("listening on %u\n",
      g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (own)));
  fflush (stdout);
  g_main_loop_run (sim.loop);
  way_clear (&sim.up, "up");
  way_clear (&sim.down, "down");
  g_clear_object (&sim.client);
  g_object_unref (sim.front);
  g_object_unref (sim.back);
  g_main_loop_unref (sim.loop);
  g_array_unref (sim.rates);
  g_free (rate_text);

  return 0;
}
