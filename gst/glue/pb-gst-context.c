/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug

/* How elements find one another's session, and their token. */

#define FIELD "session"
#define ENVIRONMENT "PATCHBAY_TOKEN"

/**
 * pb_gst_session_to_context: (skip)
 * @self: a session
 *
 * Returns: (transfer full): what lends it to other elements; not persistent, so
 *   that elements forget it in NULL
 */
GstContext *
pb_gst_session_to_context (PbGstSession *self)
{
  GstContext *context = gst_context_new (PB_GST_SESSION_CONTEXT, FALSE);

  gst_structure_set (gst_context_writable_structure (context), FIELD,
      PB_TYPE_GST_SESSION, self, NULL);

  return context;
}

/**
 * pb_gst_session_from_context: (skip)
 * @context: (nullable): a context of any type
 *
 * Returns: (transfer full) (nullable): the session in it
 */
PbGstSession *
pb_gst_session_from_context (GstContext *context)
{
  PbGstSession *session = NULL;

  if (context != NULL &&
      gst_context_has_context_type (context, PB_GST_SESSION_CONTEXT))
    gst_structure_get (gst_context_get_structure (context), FIELD,
        PB_TYPE_GST_SESSION, &session, NULL);

  return session;
}

/**
 * pb_gst_session_answer_query: (skip)
 * @self: a session
 * @query: a query of any type
 *
 * Returns: whether it asked for the session, and has it now
 */
gboolean
pb_gst_session_answer_query (PbGstSession *self, GstQuery *query)
{
  g_autoptr (GstContext) context = NULL;
  const char *type;

  if (GST_QUERY_TYPE (query) != GST_QUERY_CONTEXT ||
      !gst_query_parse_context_type (query, &type) ||
      strcmp (type, PB_GST_SESSION_CONTEXT) != 0)
    return FALSE;
  context = pb_gst_session_to_context (self);
  gst_query_set_context (query, context);

  return TRUE;
}

typedef struct
{
  const PbUri *uri;
  const char *token;
  PbGstSession *session; /* owned: the one found */
} Search;

static gboolean
try_context (Search *search, GstContext *context)
{
  g_autoptr (PbGstSession) session = pb_gst_session_from_context (context);

  if (session == NULL ||
      !pb_gst_session_matches (session, search->uri, search->token))
    return FALSE;
  search->session = g_steal_pointer (&session);

  return TRUE;
}

static gboolean
try_element (Search *search, GstElement *element)
{
  g_autoptr (GstContext) context =
      gst_element_get_context (element, PB_GST_SESSION_CONTEXT);

  return try_context (search, context);
}

static gboolean
ask_neighbour (GstElement *element, GstPad *pad, gpointer user_data)
{
  Search *search = user_data;
  g_autoptr (GstQuery) query = gst_query_new_context (PB_GST_SESSION_CONTEXT);
  GstContext *context = NULL;

  if (gst_pad_peer_query (pad, query))
    gst_query_parse_context (query, &context);

  /* FALSE ends the round */
  return context == NULL || !try_context (search, context);
}

/**
 * pb_gst_session_find_or_make: (skip)
 * @element: who asks, on its way from NULL to READY
 * @uri: the server and the session
 * @token: (nullable): the token the element has of its own
 * @user_agent: (nullable): who we are
 *
 * Returns: (transfer full): the session of a neighbour, the pipeline or the
 *   application that matches, else a new one, offered to them
 */
PbGstSession *
pb_gst_session_find_or_make (GstElement *element, const PbUri *uri,
    const char *token, const char *user_agent)
{
  Search search = { uri, token, NULL };
  g_autoptr (GstContext) context = NULL;

  if (try_element (&search, element))
    return search.session;

  gst_element_foreach_sink_pad (element, ask_neighbour, &search);
  if (search.session == NULL)
    gst_element_foreach_src_pad (element, ask_neighbour, &search);
  if (search.session == NULL) {
    /* bins and the application answer within the call */
    gst_element_post_message (element,
        gst_message_new_need_context (GST_OBJECT (element),
            PB_GST_SESSION_CONTEXT));
    try_element (&search, element);
  }
  if (search.session != NULL) {
    GST_DEBUG_OBJECT (element, "shares the session of another element");
    return search.session;
  }

  search.session = pb_gst_session_new (uri, token, user_agent);
  context = pb_gst_session_to_context (search.session);
  gst_element_set_context (element, context);
  gst_element_post_message (element,
      gst_message_new_have_context (GST_OBJECT (element),
          g_steal_pointer (&context)));

  return search.session;
}

static char *
read_token (const char *file, GError **error)
{
  char buffer[PB_TOKEN_MAX + 256];
  /* non-blocking: a state change must not wait for a writer on a pipe */
  int fd = g_open (file, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  int saved = errno;
  char *token = NULL;
  ssize_t n = -1;

  if (fd >= 0) {
    n = read (fd, buffer, sizeof buffer - 1);
    saved = errno;
    g_close (fd, NULL);
  }
  if (n < 0) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING,
        "The token file “%s” cannot be read: %s.", file, g_strerror (saved));
    return NULL;
  }

  buffer[n] = '\0';
  buffer[strcspn (buffer, "\r\n")] = '\0';
  token = g_strdup (g_strstrip (buffer));
  explicit_bzero (buffer, sizeof buffer);
  if (token[0] == '\0') {
    g_clear_pointer (&token, pb_secret_free);
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING,
        "The token file “%s” has no token in its first line.", file);
  }

  return token;
}

/**
 * pb_gst_dup_token: (skip)
 * @property: (nullable): the element's `token`
 * @uri: (nullable): its `uri`
 * @file: (nullable): its `token-file`
 * @error: where the file cannot be read; a sentence for a person
 *
 * Returns: (transfer full) (nullable): the first of these that there is, or
 *   PATCHBAY_TOKEN of the environment; %NULL without an error where none is.
 *   Free with pb_secret_free()
 */
char *
pb_gst_dup_token (const char *property, const PbUri *uri, const char *file,
    GError **error)
{
  const char *environment;

  if (property != NULL && property[0] != '\0')
    return g_strdup (property);
  if (uri != NULL && uri->token != NULL)
    return g_strdup (uri->token);
  if (file != NULL && file[0] != '\0')
    return read_token (file, error);
  environment = g_getenv (ENVIRONMENT);
  if (environment != NULL && environment[0] != '\0')
    return g_strdup (environment);

  return NULL;
}
