# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for pbctl: commands, options, words. Nothing is asked of a
# server and no token is used for it.

_pbctl ()
{
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local common='--server --token-file --session --json --allow-plain --help'
  local command= verb= words= i

  COMPREPLY=()
  case $prev in
    --token-file | --token-out | --output | -o)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    --direction) words='send receive observe' ;;
    --format) words='text svg png' ;;
    --cipher) words='aes-256 aes-128' ;;
    --client) words='ffmpeg obs vmix gstreamer srt-live-transmit larix
      whip obs-whip ffmpeg-whip gstreamer-whip whep gstreamer-whep' ;;
    --server) words='http:// https://' ;;
    --ttl | --latency | --session | --seconds | --token | --label | --ack | --by) return ;;
  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    return
  fi

  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --server | --token-file | --session | --token) i=$((i + 1)) ;;
      -*) ;;
      *)
        if [ -z "$command" ]; then
          command=${COMP_WORDS[i]}
        elif [ -z "$verb" ]; then
          verb=${COMP_WORDS[i]}
        fi
        ;;
    esac
  done

  case $command in
    '')
      words="session token qr connect watch alarms tally cue health secret help
        --version $common"
      ;;
    help) words='session token qr connect watch alarms tally cue health secret' ;;
    session)
      case $verb in
        '') words='create show extend add close --help' ;;
        create) words="--latency --ttl --cipher --token-out $common" ;;
        extend) words="--ttl $common" ;;
        *) words=$common ;;
      esac
      ;;
    token)
      case $verb in
        '') words="list revoke --direction --ttl --label --token-out $common" ;;
        list | revoke) words=$common ;;
        *) words="--direction --ttl --label --token-out $common" ;;
      esac
      ;;
    qr) words="--direction --ttl --format --output $common" ;;
    connect) words="--client --direction $common" ;;
    alarms) words="--open --ack --by $common" ;;
    watch) words="--once --seconds $common" ;;
    tally)
      words=$common
      [ -z "$verb" ] || words="off preview program $words"
      ;;
    secret) words='--output --json --help' ;;
    *) words=$common ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _pbctl pbctl
