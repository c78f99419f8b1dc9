#!/usr/bin/env bash
# Put an environment with asda on PATH; to be sourced. This is the active one if it has asda,
# otherwise tools/venv, which is created if necessary.

if ! command -v asda >/dev/null; then
  _tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  if [ ! -x "$_tools/venv/bin/asda" ]; then
    echo "the active environment lacks asda: creating tools/venv (make -C tools)" >&2
    make -C "$_tools" >&2 || exit 1
  fi
  export PATH=$_tools/venv/bin:$PATH
  unset _tools
fi
