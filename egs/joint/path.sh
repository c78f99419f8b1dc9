#!/usr/bin/env bash
# Environment of a recipe, sourced in its folder; identical in every recipe.

MAIN_ROOT=$(cd ../.. && pwd)
export MAIN_ROOT
export PATH=$PWD/utils:$PATH
export LC_ALL=C PYTHONUTF8=1

. "$MAIN_ROOT/tools/activate.sh"
