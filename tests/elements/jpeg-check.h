/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake-server.h"

G_BEGIN_DECLS

/* What a still picture shows. */
typedef struct
{
  int width, height;
  double red, green, blue; /* the mean, 0 to 255 */
  gsize n_octets;          /* of the JPEG */
} Shown;

/* The text of a `thumbnail` message: its JPEG is decoded by jpegdec. */
Shown jpeg_check (const char *message, const char *peer);
/* The n-th that comes to the server */
Shown jpeg_wait (FakeServer *server, const char *peer, guint n);
/* A colour that an encoder and a JPEG have been at */
void jpeg_assert_red (const Shown *shown);
void jpeg_assert_size (const Shown *shown, int width, int height);

G_END_DECLS
