#!/bin/sh
# Installs Debian's packages that the tests start for real, where they are missing. Needs root with apt for that.
set -eu
missing=""
want() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
for name in ${*:-chromium redis nginx npm fonts wrk}; do
    case $name in
        chromium) want chromium chromium ;;
        redis) want redis-server redis-server ;;
        nginx) want nginx nginx ;;
        wrk) want wrk wrk ;;
        npm) want npm npm ;;
        fonts) ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$missing fonts-noto-cjk" ;;
    esac
done
[ -z "$missing" ] && exit 0
echo "installing$missing …"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
