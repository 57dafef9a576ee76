#!/bin/sh
# /usr/local/sbin/cookiegate: any command as the service would run it, with its settings and as its user. For root.
#   cookiegate requests list
set -eu
while IFS= read -r line || [ -n "$line" ]; do
    case $line in COOKIEGATE_*=*) ;; *) continue ;; esac
    value=${line#*=}
    case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac # quotes, which systemd takes off too
    export "${line%%=*}=$value"
done < /etc/cookiegate/cookiegate.env
export COOKIEGATE_DATA_DIR=/var/lib/cookiegate
umask 0077
exec setpriv --reuid cookiegate --regid cookiegate --init-groups -- /opt/cookiegate/bin/cookiegate "$@"
