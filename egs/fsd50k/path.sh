#!/usr/bin/env bash
# Environment of a recipe, to be sourced in its folder; the same file in every recipe.

MAIN_ROOT=$(cd ../.. && pwd)
export MAIN_ROOT
export PATH=$PWD/utils:$PATH
export LC_ALL=C PYTHONUTF8=1

. "$MAIN_ROOT/tools/activate.sh"
