/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every number that bounds something, with the reason for it. */

/* Names: Punch 1.0, ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ */
#define PB_NAME_MAX 64
/* Peer ids are random and chosen by the peer: [A-Za-z0-9_-]{8,32} */
#define PB_PEER_ID_MIN 8
#define PB_PEER_ID_MAX 32
#define PB_PEER_ID_DEFAULT 16
/* Text a peer may show of itself ("pbsrtbin/0.1.0 libsrt/1.5.1") */
#define PB_CLIENT_MAX 64

/* Tokens: requirement S2 */
#define PB_TOKEN_MAX 1024
/* letters and digits: 95 bits, so that no two are alike */
#define PB_TOKEN_ID_LENGTH 16
#define PB_SECRET_MIN 64

/* Passphrases: requirement S16; libsrt takes 10 to 79 */
#define PB_PASSPHRASE_LENGTH 32

/* Session lifetime in seconds: Punch's default; a day at most */
#define PB_TTL_DEFAULT 1800
#define PB_TTL_MIN 10
#define PB_TTL_MAX 86400
/* Punch: PUNCH_MAX_STREAMS; the wall of a control room shows 50 */
#define PB_STREAMS_DEFAULT_MAX 64
#define PB_SLOT_RECEIVERS_MAX 16
/* SRT latency in ms: Punch's default; libsrt's own field is 16 bit */
#define PB_LATENCY_DEFAULT 200
#define PB_LATENCY_MIN 20
#define PB_LATENCY_MAX 8000
/* Ports a peer may name: never a privileged one (Punch) */
#define PB_PORT_MIN 1024
#define PB_PORT_MAX 65535
/* Slot ports handed out for third-party clients */
#define PB_SLOT_PORT_FIRST 20000
#define PB_SLOT_PORT_LAST 29999

/* JSON from outside: json-glib recurses without bound and keeps the last of
 * two equal keys, so the strict reader comes first. */
#define PB_JSON_DEPTH_MAX 16
#define PB_JSON_SIZE_MAX 65536
#define PB_JSON_MEMBERS_MAX 64
/* Integers beyond 2^53 lose digits in JavaScript */
#define PB_JSON_INTEGER_MAX G_GINT64_CONSTANT (9007199254740991)

/* WebSocket */
#define PB_WS_MESSAGE_MAX 65536
/* payload of a relayed message: requirement S65 */
#define PB_SIGNAL_MAX 10240
/* but of an offer or answer: what browsers offer for camera and microphone is
 * 6 to 9 KB before JSON escapes its line ends */
#define PB_SDP_MAX 32768
#define PB_SDP_SIGNAL_MAX 49152
#define PB_SDP_LINE_MAX 2048
#define PB_SDP_LINES_MAX 1024
/* audio, video and data, both ways, with room for more cameras */
#define PB_SDP_MEDIA_MAX 16
#define PB_CANDIDATE_MAX 1024
/* of one connection: hosts with many interfaces, v4 and v6, three kinds each */
#define PB_CANDIDATES_MAX 64

/* Short text cues ("stand by, cam 2"): a line on a phone */
#define PB_CUE_MAX 140

/* What a QR code on a screen is good for: requirement S25 */
#define PB_QR_TTL_S 900

/* Whom a token is for, as the admin's page lists it: a name and what they do */
#define PB_LABEL_MAX 64
/* tokens in one answer: each is at most 600 octets of JSON */
#define PB_TOKENS_TOLD_MAX 100

/* What third-party clients paste: a command line with a token in it */
#define PB_STRING_MAX 4096
/* six clients of SRT, four of WHIP, with room for more */
#define PB_STRINGS_MAX 16
/* in messages of its socket's rate: with its QR code an answer takes 1.5 ms,
 * and another message 0.06 */
#define PB_STRINGS_COST 25
/* a version 40 QR code as SVG is 90 KB; a link to Larix is a third of that */
#define PB_STRING_QR_MAX 40960

/* Thumbnails: a picture on a wall, as wide as a tile, in one message */
#define PB_THUMBNAIL_WIDTH 320
#define PB_THUMBNAIL_MAX 30720
#define PB_THUMBNAIL_BASE64_MAX (PB_THUMBNAIL_MAX / 3 * 4)
/* "every few seconds", however many walls ask: each is decoded at the receiver */
#define PB_THUMBNAIL_INTERVAL_S 2
/* until the next keyframe, which may be ten seconds away */
#define PB_THUMBNAIL_WAIT_S 15
/* one that a socket has this much before it unsent is dropped for it: a wall of
 * 50 feeds must not be closed for being slow (PB_WS_QUEUE_MAX) */
#define PB_THUMBNAIL_QUEUE_MAX (PB_WS_QUEUE_MAX / 4)
/* a tile is not taller than a telephone held upright (9:16), and some more */
#define PB_THUMBNAIL_HEIGHT 640
/* what waits for its demuxer: two seconds at 20 Mbit/s, or the one keyframe of
 * a studio's stream; the oldest goes first */
#define PB_THUMBNAIL_FEED_MAX (5 * 1024 * 1024)

/* Alarms: a condition that lasts this long raises one (a critical one does at
 * once); one that has been away this long clears it */
#define PB_ALARM_RAISE_S 4
#define PB_ALARM_CLEAR_S 10
/* two ends that meet have this long: ICE, a relay, the handshake of SRT */
#define PB_ALARM_MEET_S 10
/* kept for the session's life; the oldest that are cleared go first. Of those
 * that are open, receivers may have no more than these: slots and senders,
 * which are few, are never silenced by them. */
#define PB_ALARMS_MAX 500
/* in one message: each is at most 600 octets of JSON */
#define PB_ALARMS_TOLD_MAX 100
/* who acknowledged it: a name */
#define PB_ALARM_BY_MAX 32

/* TURN: one server over UDP, TCP and TLS */
#define PB_TURN_URLS_MAX 8
#define PB_TURN_URL_MAX 256
/* facts/security.md, C-7: ten minutes at most; told again at 80 % of it */
#define PB_TURN_TTL_S 600
/* or renewing them would be all that is done */
#define PB_TURN_TTL_MIN_S 60
#define PB_TURN_RENEW 0.8
/* its HMAC is SHA-1: more than its 20 octets of entropy gain nothing */
#define PB_TURN_SECRET_MIN 32

/* requirement S26: messages a second of one WebSocket. The burst: a control
 * room's page that comes back has an answer and ten candidates for each of 64
 * feeds. */
#define PB_WS_MESSAGE_RATE 100
#define PB_WS_MESSAGE_BURST 1000
/* refused in a row before the connection is closed: another second of it */
#define PB_WS_MESSAGE_REFUSALS 100
#define PB_WS_QUEUE_MAX (1024 * 1024)
#define PB_WS_PING_S 15
#define PB_WS_PONG_S 10
/* upgraded but not registered */
#define PB_WS_IDLE_S 10
/* to take our close frame and answer it: a round trip over a bad line */
#define PB_WS_CLOSE_S 5
#define PB_WS_FRAGMENTS_MAX 16
#define PB_WS_REGISTRATIONS_MAX 64

/* HTTP, from facts about libsoup 3.2: none of these are set by default */
#define PB_HTTP_HEADER_S 5
#define PB_HTTP_BODY_S 10
/* to take a response of a few KB: longer is a reader that holds memory */
#define PB_HTTP_RESPONSE_S 30
#define PB_HTTP_IDLE_S 30
/* A refused client may read why before it is cut; a slot is taken meanwhile */
#define PB_HTTP_LINGER_S 2
/* then a connection is closed, so that none holds its place for ever */
#define PB_HTTP_REQUESTS_MAX 100
/* How coarse the server's deadlines are: ten wakeups a second at most */
#define PB_SERVER_TICK_MS 100
#define PB_HTTP_BODY_MAX 65536
#define PB_HTTP_BACKLOG 1024
#define PB_HTTP_CONNECTIONS_MAX 10000
#define PB_HTTP_CONNECTIONS_PER_IP 64

/* WHIP and WHEP. A client waits for the answer of an end that gathers all its
 * candidates first: a STUN or TURN server that is silent costs some seconds. */
#define PB_WHIP_ANSWER_S 10
/* from the answer to media: a phone's TURN over TLS, and tries of ICE */
#define PB_WHIP_CONNECT_S 60
/* a session has 64 slots with 16 receivers; few are played by HTTP */
#define PB_WHIP_PER_SESSION_MAX 256
#define PB_WHIP_PER_TOKEN_MAX 32
/* candidates come one by one from some, and ICE restarts with the network */
#define PB_WHIP_PATCHES_MAX 256
/* so that nobody guesses one: 22 of 62 are 131 bits */
#define PB_WHIP_RESOURCE_LENGTH 24
/* with their tokens the strings of one slot are 8 KB */
#define PB_CONNECT_SLOTS_MAX 4

/* Health: reported every 5 s (Punch); two missed reports are a warning, three
 * are critical */
#define PB_HEALTH_INTERVAL_MS 5000
#define PB_HEALTH_STALE_MS 12000
#define PB_HEALTH_DEAD_MS 17000

/* How long a slot waits for an owner whose connection broke */
#define PB_SLOT_GRACE_S 15

/* Reconnecting: 250 ms, doubled, to 10 s, each shortened by up to 30 % */
#define PB_BACKOFF_FIRST_MS 250
#define PB_BACKOFF_MAX_MS 10000
#define PB_BACKOFF_JITTER 0.3
