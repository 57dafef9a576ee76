#!/bin/sh
# Makes an environment that holds the service and nothing else, not even pip.
#
#   sh build.sh SOURCE TARGET      (SOURCE: a checkout; TARGET: the folder that becomes a venv, where it will stay)
#
# The Dockerfile runs this, operators without containers do, and so do the tests. Every package is pinned by hash:
# requirements/build.lock makes the wheel, requirements/server.lock is what it runs on. A C compiler and Python's headers
# are for the gate's quick way (hatch_build.py); nothing needs them afterwards.
set -eu
source=$1
target=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/builder"
pip() { "$work/builder/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
pip install --require-hashes --requirement "$source/requirements/build.lock"
pip wheel --no-deps --no-build-isolation --wheel-dir "$work/wheel" "$source"
case $(echo "$work"/wheel/*.whl) in
    *-none-any.whl)
        echo "no C compiler, or no headers of Python: the gate takes its thorough way only: right, but several times slower" >&2 ;;
esac

python3 -m venv --without-pip "$target"
pip --python "$target" install --require-hashes --only-binary :all: --requirement "$source/requirements/server.lock"
pip --python "$target" install --no-deps --no-index "$work"/wheel/cookiegate-*.whl
cp "$source/deploy/backup.sh" "$source/deploy/docker/healthcheck.py" "$target"
