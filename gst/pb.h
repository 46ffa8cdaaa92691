/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-api.h"
#include "core/pb-error.h"
#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "core/pb-json.h"
#include "core/pb-message.h"
#include "core/pb-token.h"
#include "core/pb-permit.h"
#include "core/pb-session.h"
#include "core/pb-health.h"
#include "core/pb-strings.h"
#include "core/pb-uri.h"
#include "core/pb-random.h"
#include "net/pb-channel.h"
#include "net/pb-client.h"
#include "net/pb-rest.h"
