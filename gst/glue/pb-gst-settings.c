/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-settings.h"

#include <string.h>

#include "core/pb-random.h"
#include "glue/pb-gst-uri.h"

/**
 * pb_gst_settings_copy: (skip)
 * @from: settings
 * @to: (out): a copy of them; end it with pb_gst_settings_clear()
 */
void
pb_gst_settings_copy (const PbGstSettings *from, PbGstSettings *to)
{
  to->uri = from->uri != NULL ? pb_uri_copy (from->uri) : NULL;
  to->uri_problem = g_strdup (from->uri_problem);
  to->token = g_strdup (from->token);
  to->token_file = g_strdup (from->token_file);
  to->insecure = from->insecure;
}

/**
 * pb_gst_settings_clear: (skip)
 * @self: settings; all zeroes afterwards
 */
void
pb_gst_settings_clear (PbGstSettings *self)
{
  g_clear_pointer (&self->uri, pb_uri_free);
  g_clear_pointer (&self->uri_problem, g_free);
  g_clear_pointer (&self->token, pb_secret_free);
  g_clear_pointer (&self->token_file, g_free);
  self->insecure = FALSE;
}

static void
set_uri (PbGstSettings *self, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->uri_problem, g_free);
  if (!pb_gst_uri_set (&self->uri, text, &error)) {
    g_clear_pointer (&self->uri, pb_uri_free);
    self->uri_problem = g_strdup (error->message);
  }
}

/**
 * pb_gst_replace_text: (skip)
 * @to: what a text property is kept in; the old text is wiped, as it may be a
 *   secret
 * @value: the new text, of which "" counts as none
 */
void
pb_gst_replace_text (char **to, const GValue *value)
{
  const char *text = g_value_get_string (value);

  pb_secret_free (*to);
  *to = text != NULL && text[0] != '\0' ? g_strdup (text) : NULL;
}

/**
 * pb_gst_settings_set_property: (skip)
 * @self: settings
 * @name: a property's name
 * @value: its new value
 *
 * Returns: whether it is one of the settings
 */
gboolean
pb_gst_settings_set_property (PbGstSettings *self, const char *name,
    const GValue *value)
{
  if (strcmp (name, "uri") == 0)
    set_uri (self, g_value_get_string (value));
  else if (strcmp (name, "token") == 0)
    pb_gst_replace_text (&self->token, value);
  else if (strcmp (name, "token-file") == 0)
    pb_gst_replace_text (&self->token_file, value);
  else if (strcmp (name, "insecure") == 0)
    self->insecure = g_value_get_boolean (value);
  else
    return FALSE;

  return TRUE;
}

/**
 * pb_gst_settings_get_property: (skip)
 * @self: settings
 * @name: a property's name
 * @value: where its value goes
 *
 * Returns: whether it is one of the settings, and no secret
 */
gboolean
pb_gst_settings_get_property (const PbGstSettings *self, const char *name,
    GValue *value)
{
  if (strcmp (name, "uri") == 0)
    g_value_take_string (value, pb_gst_uri_print (self->uri));
  else if (strcmp (name, "token-file") == 0)
    g_value_set_string (value, self->token_file);
  else if (strcmp (name, "insecure") == 0)
    g_value_set_boolean (value, self->insecure);
  else
    return FALSE;

  return TRUE;
}

/**
 * pb_gst_settings_find_session: (skip)
 * @self: settings with a uri that pb_gst_uri_is_allowed() lets pass
 * @element: who asks, on its way from NULL to READY, without its lock
 * @user_agent: who we are
 * @error: where the token file cannot be read; a sentence for a person
 *
 * Returns: (transfer full) (nullable): the session that a neighbour lends, or a
 *   new one. Whether it has a token is another question
 */
PbGstSession *
pb_gst_settings_find_session (const PbGstSettings *self, GstElement *element,
    const char *user_agent, GError **error)
{
  g_autoptr (GError) cause = NULL;
  PbGstSession *session;
  char *token =
      pb_gst_dup_token (self->token, self->uri, self->token_file, &cause);

  if (cause != NULL) {
    g_propagate_error (error, g_steal_pointer (&cause));
    return NULL;
  }
  session = pb_gst_session_find_or_make (element, self->uri, token, user_agent);
  pb_secret_free (token);
  if (self->insecure)
    pb_gst_session_set_allow_plain (session, TRUE);

  return session;
}
