/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-api.h"

G_BEGIN_DECLS

/**
 * PbError:
 * Every way a request, a message or a token can be refused. The code is all a
 * caller needs to act on: pb-error.c holds the one table that gives each its
 * HTTP status, its `status` and `reason` in the error envelope, its Punch
 * error code and its fixed sentence.
 */
typedef enum {
  PB_ERROR_INVALID,       /* 400: broken wire format, unknown or missing field */
  PB_ERROR_TOKEN_MISSING, /* 401 */
  PB_ERROR_TOKEN_INVALID, /* 401: forged, malformed, retired key */
  PB_ERROR_TOKEN_EXPIRED, /* 401 */
  PB_ERROR_TOKEN_REVOKED, /* 401: its admin took it back */
  PB_ERROR_DENIED,        /* 403: a good token without the scope */
  PB_ERROR_NOT_FOUND,     /* 404: no such session, slot, peer or route */
  PB_ERROR_METHOD,        /* 405 */
  PB_ERROR_EXISTS,        /* 409: session name in use */
  PB_ERROR_STREAM_EXISTS, /* 409: the session has a slot of that name */
  PB_ERROR_STATE,         /* 409: not in this state */
  PB_ERROR_STREAM_TAKEN,  /* 409: the slot has a live owner */
  PB_ERROR_NOT_LIVE,      /* 409: nobody sends on the slot that is to be played */
  PB_ERROR_EXPIRED,       /* 410: the session's lifetime has ended */
  PB_ERROR_MISMATCH,      /* 412: the entity tag is not the present one */
  PB_ERROR_TOO_LARGE,     /* 413 */
  PB_ERROR_MEDIA_TYPE,    /* 415 */
  PB_ERROR_UNPROCESSABLE, /* 422: understood, and not to be had */
  PB_ERROR_CONDITION,     /* 428: an entity tag is needed */
  PB_ERROR_FULL,          /* 429: SESSION_FULL, server at its limit */
  PB_ERROR_RATE,          /* 429 */
  PB_ERROR_VERSION,       /* 426: the peer speaks another protocol version */
  PB_ERROR_INTERNAL,      /* 500 */
  PB_ERROR_ABSENT,        /* 503: no end that could answer */
  PB_ERROR_UNAVAILABLE,   /* 503: also "the server cannot be reached" */
} PbError;

#define PB_ERROR (pb_error_quark ())
PB_API GQuark pb_error_quark (void);

PB_API guint pb_error_get_http_status (PbError code);
PB_API const char *pb_error_get_status (PbError code);   /* "NOT_FOUND" */
PB_API const char *pb_error_get_reason (PbError code);   /* "TOKEN_EXPIRED" */
PB_API const char *pb_error_get_code (PbError code);     /* Punch: "AUTH_FAILED" */
PB_API const char *pb_error_get_sentence (PbError code); /* for people */
/* The other way round, for a client that read an envelope; unknown reasons
 * give PB_ERROR_INTERNAL. */
PB_API PbError pb_error_from_reason (const char *reason);

G_END_DECLS
