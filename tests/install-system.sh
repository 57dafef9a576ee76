#!/bin/sh
# Installs Debian's packages that the tests start for real, where they are missing. Needs root with apt for that.
set -eu
missing=""
want() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
for name in ${*:-chromium redis postgresql nginx haproxy npm fonts wrk systemd promtool faketime venv ip slowhttptest curl firefox fiu cc headers}; do
    case $name in
        chromium) want chromium chromium ;;
        firefox) want firefox-esr firefox-esr ;;
        redis) want redis-server redis-server ;;
        postgresql) [ -x /usr/lib/postgresql/15/bin/postgres ] || missing="$missing postgresql-15" ;;
        nginx) want nginx nginx ;;
        haproxy) want haproxy haproxy ;;
        wrk) want wrk wrk ;;
        curl) want curl curl ;;
        npm) want npm npm ;;
        java) want java openjdk-17-jre-headless ;;
        systemd) want systemd-analyze systemd ;;
        promtool) want promtool prometheus ;;
        faketime) want faketime faketime ;;
        fiu) want fiu-ctrl fiu-utils ;;
        cc) want cc "gcc libc6-dev" ;;
        headers) ls /usr/include/python3.*/Python.h >/dev/null 2>&1 || missing="$missing libpython3-dev" ;;
        slowhttptest) want slowhttptest slowhttptest ;;
        venv) [ -n "$(ls -d /usr/lib/python3.*/ensurepip 2>/dev/null)" ] || missing="$missing python3-venv" ;;
        ip) want ip iproute2 ;;
        fonts) ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing="$missing fonts-noto-cjk" ;;
    esac
done
[ -z "$missing" ] && exit 0
echo "installing$missing …"
export DEBIAN_FRONTEND=noninteractive
case $missing in
    *postgresql*) # the tests start servers of their own; Debian's would only take a port and memory
        mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] \
            || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
        ;;
esac
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
