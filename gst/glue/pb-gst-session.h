/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "net/pb-client.h"

G_BEGIN_DECLS

/**
 * PbGstSession:
 * A PbClient on a thread and main context of its own, shared by the elements
 * of a pipeline that speak to the same session with the same token: one
 * WebSocket, not three. Lent and found through a GstContext of type
 * PB_GST_SESSION_CONTEXT ("patchbay.session").
 *
 * All functions may be called from any thread and never block on the network.
 * Callbacks come on the session's thread, with no lock held.
 */
#define PB_GST_SESSION_CONTEXT "patchbay.session"

#define PB_TYPE_GST_SESSION (pb_gst_session_get_type ())
G_DECLARE_FINAL_TYPE (PbGstSession, pb_gst_session, PB, GST_SESSION, GObject)

typedef struct {
  /* a message for this registration (matched by `to`, `peer` or `stream`), or
   * one for everybody (session, closed) */
  void (*on_message) (PbMessage *message, gpointer user_data);
  void (*on_state) (PbClientState state, gpointer user_data);
  void (*on_fault) (PbFault fault, const char *detail, gpointer user_data);
} PbGstSessionCallbacks;

PbGstSession *pb_gst_session_new (const PbUri *uri, const char *token,
    const char *user_agent);
/* Same server, session and token: may be shared. An element without a token of
 * its own shares by server and session alone. */
gboolean pb_gst_session_matches (PbGstSession *self, const PbUri *uri,
    const char *token);
gboolean pb_gst_session_has_token (PbGstSession *self);
/* The context its timers, agents and links should live in. Runs from new until
 * the last reference is gone. */
GMainContext *pb_gst_session_get_context (PbGstSession *self);

/* Joins with a registration (copied). The handle ends with _leave(), after
 * which no callback comes (waits for one that is running, unless called from
 * it). The first join opens the connection. Members with the same peer id share
 * one registration, which ends with the last of them. */
typedef struct _PbGstMember PbGstMember;
PbGstMember *pb_gst_session_join (PbGstSession *self,
    const PbRegistration *registration, const PbGstSessionCallbacks *callbacks,
    gpointer user_data);
void pb_gst_session_leave (PbGstSession *self, PbGstMember *member);
void pb_gst_session_send (PbGstSession *self, PbMessage *message);
PbClientState pb_gst_session_get_state (PbGstSession *self);
/* About the last fault, also from within on_fault: how many attempts failed in a
 * row, and when the next one comes (0: never). */
void pb_gst_session_get_retry (PbGstSession *self, guint *attempt,
    guint *retry_in_ms);
/* Before the first join: pb:// to another machine is fine. */
void pb_gst_session_set_allow_plain (PbGstSession *self, gboolean allow);

/* The GstContext dance for an element going NULL->READY: asks neighbours and
 * the application (need-context), else makes a session and offers it
 * (have-context). (transfer full) */
PbGstSession *pb_gst_session_find_or_make (GstElement *element,
    const PbUri *uri, const char *token, const char *user_agent);
/* For GstElement::set_context. (transfer full) (nullable) */
PbGstSession *pb_gst_session_from_context (GstContext *context);
GstContext *pb_gst_session_to_context (PbGstSession *self);

/* For GST_QUERY_CONTEXT on a pad: TRUE where it asks for this. */
gboolean pb_gst_session_answer_query (PbGstSession *self, GstQuery *query);

/* Token lookup, in order: `property`, the uri's, `file` (first line), the
 * environment (PATCHBAY_TOKEN). (transfer full) (nullable) pb_secret_free() */
char *pb_gst_dup_token (const char *property, const PbUri *uri,
    const char *file, GError **error);

G_END_DECLS
