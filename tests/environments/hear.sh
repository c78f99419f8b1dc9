#!/usr/bin/env bash
# Runs the validator of HEAR on asda.hear. The package states that it needs Python below 3.9 and
# tensorflow, of which it uses two names, to see that a model is none.
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
# shellcheck source=tests/environments/environment.sh
. ./environment.sh

make_environment hear --no-deps --ignore-requires-python hearvalidator==2021.0.6
packages=$(hear/bin/python -c 'import hearvalidator; print(*hearvalidator.__path__)')
cat >"$packages/../tensorflow.py" <<'END'
float32 = "float32"


class Module:
    pass
END
run_tests hear tests/benchmarks/test_hear.py "$@"
