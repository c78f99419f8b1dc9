#!/usr/bin/env bash
# Parse the options of a shell script, as Kaldi's parse_options.sh does. To be sourced:
#
#   stage=0                        # a variable set beforehand is an option, with its default value
#   help_message="usage: ..."      # printed by --help
#   . utils/parse_options.sh       # `--stage 2` or `--stage=2` sets the variable
#
# `--stop-stage` and `--stop_stage` are equivalent. `--config FILE` is sourced first, so the command
# line overrides it. Parsing stops at the first argument that is not an option; the rest stays in
# "$@":
#
#   [ $# -eq 1 ] || usage          # prints help_message and fails; a script may have its own usage()

if ! declare -F usage >/dev/null; then
  usage() {
    printf '%b\n' "${help_message:?}" >&2
    exit 1
  }
fi

_options_fail() {
  echo "$0: error: $1" >&2
  exit 1
}

# Print the variable that a word such as --a-name=value sets; fail if it was not set beforehand.
_option_variable() {
  local _name=${1%%=*}
  _name=${_name#--}
  _name=${_name//-/_}
  [[ $_name =~ ^[a-zA-Z][a-zA-Z0-9_]*$ ]] && [ -n "${!_name+set}" ] && echo "$_name"
}

# Print ", did you mean --X?" if an option is similar to the unknown one.
_option_nearest() {
  compgen -v | python3 -c '
import difflib, sys
known = [name for name in sys.stdin.read().split() if name.islower() and name[0] != "_"]
wanted = sys.argv[1].strip("-").replace("-", "_")
for name in difflib.get_close_matches(wanted, known, n=1):
    print(", did you mean --" + name.replace("_", "-") + "?")' "$1" 2>/dev/null || true
}

_words=("$@")
for ((_word = 0; _word < $#; _word += 2)); do
  case ${_words[_word]} in
    --config=*) config=${_words[_word]#*=} && _word=$((_word - 1)) ;;
    --config) config=${_words[_word + 1]-} ;;
    --*=*) _word=$((_word - 1)) && continue ;;
    --*) continue ;;
    *) break ;;
  esac
  [ -r "$config" ] && [ -f "$config" ] || _options_fail "option --config: no file '$config'"
  [[ $config == */* ]] || config=./$config
  # shellcheck disable=SC1090 # the user chooses the file
  . "$config"
done

while [[ ${1-} == --* || ${1-} == -h ]]; do
  if [[ $1 == --help || $1 == -h ]]; then
    printf '%b\n' "${help_message-$0 has no help}"
    exit 0
  fi
  _word=${1%%=*}
  _option=$(_option_variable "$1") || _options_fail "unknown option $_word$(_option_nearest "$_word")"
  if [[ $1 == *=* ]]; then
    _value=${1#*=}
    shift
  elif [ $# -lt 2 ] || { [[ $2 == --* ]] && _option_variable "$2" >/dev/null; }; then
    # `--stage --nj 4` lacks a value, but `--pretrain-args "--optimizer.lr 1e-3"` has one
    _options_fail "option $_word needs a value (write $_word=VALUE if the value looks like an option)"
  else
    _value=$2
    shift 2
  fi
  if [[ ${!_option} =~ ^(true|false)$ && ! $_value =~ ^(true|false)$ ]]; then
    _options_fail "option $_word takes true or false, not '$_value'"
  fi
  printf -v "$_option" %s "$_value"
done

if [ -n "${cmd+set}" ] && [ -z "$cmd" ]; then
  _options_fail "option --cmd is empty"
fi
unset _words _word _value _option
