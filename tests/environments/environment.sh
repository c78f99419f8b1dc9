#!/usr/bin/env bash
# Makes an environment for packages that asda does not need, or that not all can have; to be sourced.
# It lies in a folder of its own, which git ignores, and also sees the packages of the active one:
# torch is not installed again.

# make_environment NAME PACKAGE...: also other words go to pip install. Does nothing if it is there.
make_environment() {
  local name=$1 content
  shift
  content="$(command -v python) $*"
  [ "$(cat "$name/installed" 2>/dev/null)" != "$content" ] || return 0
  rm -rf "$name"
  python -m venv --without-pip "$name"
  local packages
  packages=$("$name/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  python -c 'from sysconfig import get_path as path
print("import site; site.addsitedir(%r)" % path("purelib"))' >"$packages/active.pth"
  python -m pip --python "$name/bin/python" install --disable-pip-version-check --quiet "$@"
  echo "$content" >"$name/installed"
}

# run_tests NAME WORD...: words go to pytest.
run_tests() {
  local python=$PWD/$1/bin/python
  shift
  cd ../..
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
  exec "$python" -m pytest "$@"
}
