#!/usr/bin/env bash
# Fill a folder with the packages of asda that machines with PyTorch usually lack, for one that can
# download nothing. They take some megabytes.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=3.12 # of the machine with the GPU
help_message="usage: tools/gpu/wheels.sh [--python 3.12] FOLDER [PACKAGE ...]

Downloads wheels for Linux on x86-64 without what they depend on; PACKAGE names further ones."

. utils/parse_options.sh
[ $# -ge 1 ] || usage
folder=$1
shift

packages=(cffi pycparser)
for name in soundfile soxr jsonargparse docstring-parser kaldialign; do
  packages+=("$(sed -n "s/^ *\"\(${name}[<>=][^\"]*\)\".*/\1/p" pyproject.toml)")
done
platforms=()
for tag in manylinux_2_28 manylinux_2_27 manylinux_2_24 manylinux_2_17 manylinux2014 manylinux1; do
  platforms+=(--platform "${tag}_x86_64")
done
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
  --implementation cp --python-version "$python" "${platforms[@]}" -d "$folder" "${packages[@]}" "$@"
du -sh "$folder"
