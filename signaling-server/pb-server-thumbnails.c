/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-thumbnails.h"

#include "core/pb-limits.h"

#define INTERVAL_US (PB_THUMBNAIL_INTERVAL_S * G_TIME_SPAN_SECOND)
#define WAIT_US (PB_THUMBNAIL_WAIT_S * G_TIME_SPAN_SECOND)
/* an older request has been given up: pictures are not saved up for one burst
 */
#define OWED_MAX (PB_THUMBNAIL_WAIT_S / PB_THUMBNAIL_INTERVAL_S)

/* The pictures of one slot. */
typedef struct
{
  GHashTable *askers; /* number of a socket -> when it asked, monotonic */
  gboolean is_wanted; /* somebody has asked since the last picture */
  gint64 passed_us;   /* monotonic: the last request; 0: none yet */
  char *asked_of;     /* (nullable): the peer that got it */
  guint n_owed;       /* requests to it that no picture has answered */
} Feed;

struct _PbServerThumbnails
{
  GHashTable *feeds; /* slot -> Feed */
};

static void
feed_free (Feed *feed)
{
  g_hash_table_unref (feed->askers);
  g_free (feed->asked_of);
  g_free (feed);
}

/**
 * pb_server_thumbnails_new: (skip)
 *
 * Returns: (transfer full): nobody waits for anything
 */
PbServerThumbnails *
pb_server_thumbnails_new (void)
{
  PbServerThumbnails *self = g_new0 (PbServerThumbnails, 1);

  self->feeds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) feed_free);

  return self;
}

/**
 * pb_server_thumbnails_free: (skip)
 * @self: (nullable) (transfer full): it
 */
void
pb_server_thumbnails_free (PbServerThumbnails *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->feeds);
  g_free (self);
}

/**
 * pb_server_thumbnails_ask: (skip)
 * @self: the pictures of a session
 * @stream: a slot
 * @link: the number of a socket, which may see it
 * @now_us: the monotonic clock
 */
void
pb_server_thumbnails_ask (PbServerThumbnails *self, const char *stream,
    guint64 link, gint64 now_us)
{
  Feed *feed = g_hash_table_lookup (self->feeds, stream);
  guint64 *number = g_new (guint64, 1);
  gint64 *asked_us = g_new (gint64, 1);

  if (feed == NULL) {
    feed = g_new0 (Feed, 1);
    feed->askers =
        g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
    g_hash_table_insert (self->feeds, g_strdup (stream), feed);
  }
  *number = link;
  *asked_us = now_us;
  g_hash_table_replace (feed->askers, number, asked_us);
  feed->is_wanted = TRUE;
}

/**
 * pb_server_thumbnails_is_due: (skip)
 * @self: the pictures of a session
 * @stream: a slot
 * @now_us: the monotonic clock
 *
 * Returns: whether a receiver is to be asked for one
 */
gboolean
pb_server_thumbnails_is_due (PbServerThumbnails *self, const char *stream,
    gint64 now_us)
{
  Feed *feed = g_hash_table_lookup (self->feeds, stream);

  return feed != NULL && feed->is_wanted &&
         (feed->passed_us == 0 || now_us - feed->passed_us >= INTERVAL_US);
}

/**
 * pb_server_thumbnails_passed: (skip)
 * @self: the pictures of a session
 * @stream: a slot, of which one is due
 * @peer: who has been asked
 * @now_us: the monotonic clock
 */
void
pb_server_thumbnails_passed (PbServerThumbnails *self, const char *stream,
    const char *peer, gint64 now_us)
{
  Feed *feed = g_hash_table_lookup (self->feeds, stream);

  g_return_if_fail (feed != NULL);

  if (g_strcmp0 (feed->asked_of, peer) != 0 ||
      now_us - feed->passed_us >= WAIT_US) {
    g_free (feed->asked_of);
    feed->asked_of = g_strdup (peer);
    feed->n_owed = 0;
  }
  feed->n_owed = MIN (feed->n_owed + 1, OWED_MAX);
  feed->passed_us = now_us;
  feed->is_wanted = FALSE;
}

/**
 * pb_server_thumbnails_take: (skip)
 * @self: the pictures of a session
 * @stream: a slot
 * @peer: who sends a picture of it
 * @now_us: the monotonic clock
 *
 * A receiver gives one for each request at most: who sends more of them is
 * not heard.
 *
 * Returns: whether somebody may have it
 */
gboolean
pb_server_thumbnails_take (PbServerThumbnails *self, const char *stream,
    const char *peer, gint64 now_us)
{
  Feed *feed = g_hash_table_lookup (self->feeds, stream);

  if (feed == NULL || feed->n_owed == 0 ||
      g_strcmp0 (feed->asked_of, peer) != 0 ||
      now_us - feed->passed_us >= WAIT_US)
    return FALSE;
  feed->n_owed--;
  feed->is_wanted = FALSE;

  return TRUE;
}

/**
 * pb_server_thumbnails_is_waiting: (skip)
 * @self: the pictures of a session
 * @stream: a slot
 * @link: the number of a socket
 * @now_us: the monotonic clock
 *
 * Returns: whether it has asked lately
 */
gboolean
pb_server_thumbnails_is_waiting (PbServerThumbnails *self, const char *stream,
    guint64 link, gint64 now_us)
{
  Feed *feed = g_hash_table_lookup (self->feeds, stream);
  gint64 *asked_us =
      feed != NULL ? g_hash_table_lookup (feed->askers, &link) : NULL;

  return asked_us != NULL && now_us - *asked_us < WAIT_US;
}

/**
 * pb_server_thumbnails_forget: (skip)
 * @self: the pictures of a session
 * @link: the number of a socket that has closed
 */
void
pb_server_thumbnails_forget (PbServerThumbnails *self, guint64 link)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_hash_table_remove (((Feed *) value)->askers, &link);
}

/**
 * pb_server_thumbnails_list: (skip)
 * @self: the pictures of a session
 * @now_us: the monotonic clock
 *
 * Returns: (transfer full): slots that somebody waits for
 */
GPtrArray *
pb_server_thumbnails_list (PbServerThumbnails *self, gint64 now_us)
{
  GPtrArray *streams = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    Feed *feed = value;
    GHashTableIter askers;
    gpointer asked_us;

    g_hash_table_iter_init (&askers, feed->askers);
    while (g_hash_table_iter_next (&askers, NULL, &asked_us))
      if (now_us - *(gint64 *) asked_us >= WAIT_US)
        g_hash_table_iter_remove (&askers);
    if (g_hash_table_size (feed->askers) > 0)
      g_ptr_array_add (streams, g_strdup (key));
    else if (now_us - feed->passed_us >= WAIT_US)
      g_hash_table_iter_remove (&iter);
    else
      feed->is_wanted = FALSE;
  }

  return streams;
}
