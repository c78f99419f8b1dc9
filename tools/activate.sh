#!/usr/bin/env bash
# Puts an environment with asda on PATH, to be sourced: the active one if it has asda, else
# tools/venv, which is made first if need be.

if ! command -v asda >/dev/null; then
  _tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  if [ ! -x "$_tools/venv/bin/asda" ]; then
    echo "no active environment has asda: making tools/venv (make -C tools)" >&2
    make -C "$_tools" >&2 || exit 1
  fi
  export PATH=$_tools/venv/bin:$PATH
  unset _tools
fi
