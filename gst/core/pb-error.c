/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-error.h"

/* clang-format off */
static const struct {
  PbError code;
  guint http;
  const char *status, *reason, *punch, *sentence;
} errors[] = {
  { PB_ERROR_INVALID, 400, "INVALID_ARGUMENT", "INVALID_MESSAGE", "INVALID_MESSAGE",
    "The request is not well formed." },
  { PB_ERROR_TOKEN_MISSING, 401, "UNAUTHENTICATED", "TOKEN_MISSING", "AUTH_FAILED",
    "A token is needed: send it as “Authorization: Bearer p_…”." },
  { PB_ERROR_TOKEN_INVALID, 401, "UNAUTHENTICATED", "TOKEN_INVALID", "AUTH_FAILED",
    "This token is not valid here. Ask the session's admin for a new one." },
  { PB_ERROR_TOKEN_EXPIRED, 401, "UNAUTHENTICATED", "TOKEN_EXPIRED", "AUTH_FAILED",
    "This token has expired. Ask the session's admin for a new one." },
  { PB_ERROR_TOKEN_REVOKED, 401, "UNAUTHENTICATED", "TOKEN_REVOKED", "AUTH_FAILED",
    "This token was withdrawn by the session's admin. Ask for a new one." },
  { PB_ERROR_DENIED, 403, "PERMISSION_DENIED", "PERMISSION_DENIED", "AUTH_FAILED",
    "This token does not allow that." },
  { PB_ERROR_NOT_FOUND, 404, "NOT_FOUND", "NOT_FOUND", "INVALID_MESSAGE",
    "There is nothing of that name here." },
  { PB_ERROR_METHOD, 405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED", "INVALID_MESSAGE",
    "This address does not take that method." },
  { PB_ERROR_EXISTS, 409, "ALREADY_EXISTS", "SESSION_EXISTS", "INVALID_MESSAGE",
    "A session of this name is running. Choose another name." },
  { PB_ERROR_STREAM_EXISTS, 409, "ALREADY_EXISTS", "STREAM_EXISTS", "INVALID_MESSAGE",
    "The session has a slot of this name. Choose another name." },
  { PB_ERROR_STATE, 409, "FAILED_PRECONDITION", "WRONG_STATE", "INVALID_MESSAGE",
    "That cannot be done in the present state." },
  { PB_ERROR_STREAM_TAKEN, 409, "FAILED_PRECONDITION", "STREAM_TAKEN", "STREAM_TAKEN",
    "Somebody else is sending on this slot." },
  { PB_ERROR_NOT_LIVE, 409, "FAILED_PRECONDITION", "NOT_LIVE", "INVALID_MESSAGE",
    "Nobody sends on this slot by WebRTC yet. Try again in a moment." },
  { PB_ERROR_EXPIRED, 410, "FAILED_PRECONDITION", "SESSION_EXPIRED", "SESSION_EXPIRED",
    "The session has ended." },
  { PB_ERROR_MISMATCH, 412, "FAILED_PRECONDITION", "PRECONDITION_FAILED", "INVALID_MESSAGE",
    "The entity tag is not the present one." },
  { PB_ERROR_TOO_LARGE, 413, "INVALID_ARGUMENT", "TOO_LARGE", "INVALID_MESSAGE",
    "The request is larger than allowed." },
  { PB_ERROR_MEDIA_TYPE, 415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE", "INVALID_MESSAGE",
    "This address does not take a body of that type." },
  { PB_ERROR_UNPROCESSABLE, 422, "FAILED_PRECONDITION", "UNPROCESSABLE", "INVALID_MESSAGE",
    "What is asked for cannot be had from the other end." },
  { PB_ERROR_CONDITION, 428, "FAILED_PRECONDITION", "PRECONDITION_REQUIRED", "INVALID_MESSAGE",
    "Send “If-Match” with the entity tag that is to be changed." },
  { PB_ERROR_FULL, 429, "RESOURCE_EXHAUSTED", "SESSION_FULL", "SESSION_FULL",
    "There is no room for another one." },
  { PB_ERROR_RATE, 429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "SERVER_ERROR",
    "Too many requests. Wait a little, then try again." },
  { PB_ERROR_VERSION, 426, "FAILED_PRECONDITION", "VERSION_MISMATCH", "INVALID_MESSAGE",
    "The two ends speak different protocol versions. Update the older one." },
  { PB_ERROR_INTERNAL, 500, "INTERNAL", "SERVER_ERROR", "SERVER_ERROR",
    "The server made a mistake. The request id helps whoever runs it." },
  { PB_ERROR_ABSENT, 503, "UNAVAILABLE", "PEER_ABSENT", "SERVER_ERROR",
    "No end that speaks WebRTC is on this slot. Try again in a moment." },
  { PB_ERROR_UNAVAILABLE, 503, "UNAVAILABLE", "UNAVAILABLE", "SERVER_ERROR",
    "The server cannot do that now. Try again in a moment." },
};
/* clang-format on */

G_DEFINE_QUARK (pb-error-quark, pb_error)

static guint
find (PbError code)
{
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    if (errors[i].code == code)
      return i;

  return find (PB_ERROR_INTERNAL);
}

/**
 * pb_error_get_http_status:
 * @code: the error
 *
 * Returns: its HTTP status, such as 404
 */
guint
pb_error_get_http_status (PbError code)
{
  return errors[find (code)].http;
}

/**
 * pb_error_get_status:
 * @code: the error
 *
 * Returns: its class in the error envelope, such as "NOT_FOUND"
 */
const char *
pb_error_get_status (PbError code)
{
  return errors[find (code)].status;
}

/**
 * pb_error_get_reason:
 * @code: the error
 *
 * Returns: its exact reason in the error envelope, such as "TOKEN_EXPIRED"
 */
const char *
pb_error_get_reason (PbError code)
{
  return errors[find (code)].reason;
}

/**
 * pb_error_get_code:
 * @code: the error
 *
 * Returns: the nearest of the Punch 1.0 error codes, such as "AUTH_FAILED"
 */
const char *
pb_error_get_code (PbError code)
{
  return errors[find (code)].punch;
}

/**
 * pb_error_get_sentence:
 * @code: the error
 *
 * Returns: what happened and what to do, in one sentence without details
 */
const char *
pb_error_get_sentence (PbError code)
{
  return errors[find (code)].sentence;
}

/**
 * pb_error_from_reason:
 * @reason: (nullable): as pb_error_get_reason() gives it
 *
 * Returns: the error; PB_ERROR_INTERNAL for a reason we do not know
 */
PbError
pb_error_from_reason (const char *reason)
{
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    if (g_strcmp0 (errors[i].reason, reason) == 0)
      return errors[i].code;

  return PB_ERROR_INTERNAL;
}
