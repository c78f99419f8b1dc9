#!/usr/bin/env bash
# Parse a recipe's own options and leave all others in "$@" for utils/asda.sh. To be sourced by its
# run.sh:
#
#   form=v2_35                     # default value
#   own_options="form"             # variables; here the option is --form
#   . utils/own_options.sh
#   one_of form v2_35 v1_30        # refuses any other value

# one_of VARIABLE VALUE...: fail unless the variable has one of the values
one_of() {
  local name=$1 value
  shift
  for value in "$@"; do
    [ "$value" != "${!name}" ] || return 0
  done
  value=$*
  echo "${0##*/}: error: --${name//_/-} must be ${value// / or }, not '${!name}'" >&2
  exit 1
}

_others=()
while [ $# -gt 0 ]; do
  _name=${1%%=*}
  _name=${_name#--}
  _name=${_name//-/_}
  if [[ $1 != --* || " ${own_options:?} " != *" $_name "* ]]; then
    _others+=("$1")
    shift
  elif [[ $1 == *=* ]]; then
    printf -v "$_name" %s "${1#*=}"
    shift
  elif [ $# -ge 2 ]; then
    printf -v "$_name" %s "$2"
    shift 2
  else
    echo "$0: error: option $1 needs a value" >&2
    exit 1
  fi
done
set -- ${_others[@]+"${_others[@]}"}
unset _others _name
