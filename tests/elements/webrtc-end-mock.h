/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mock-webrtc-peer.h"
#include "webrtc-end-fixture.h"

G_BEGIN_DECLS

/* A PbWebrtcEnd whose connections are played by the test: the fixture over the
 * mock's peers. */

/* GStreamer, GLib's tests, and a watchdog */
void mock_init (int *argc, char ***argv);
void mock_tear_down (Fixture *f, gconstpointer unused);

/* The n-th of this kind that went to the server: (transfer full) */
char *mock_wait_signal (Fixture *f, const char *kind, guint link, guint n);
/* The n-th such status of the connection to THEM; `rest`: more members. */
void mock_expect_status (Fixture *f, const char *srt, const char *rest,
    guint n);
/* A caller's connection to THEM */
void mock_connect (Fixture *f);
/* (transfer full): everything that was handed to this peer */
char *mock_dup_heard (guint serial);
PbWebrtcPeer mock_peek (guint serial);

G_END_DECLS
