#!/bin/sh
# Makes the passwords of deploy/compose.yaml, once; what is there stays. For root: containers read them as their users.
#   sh deploy/docker/secrets.sh deploy/secrets
set -eu
umask 077
folder=$1
mkdir -p "$folder"
cd "$folder"
if [ -e database-url ]; then
    echo "$folder has its secrets already" >&2
    exit 0
fi
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
record=$(word)
speed=$(word)
printf '%s' "$record" > postgres-password
printf 'postgresql://cookiegate:%s@postgres:5432/cookiegate' "$record" > database-url
printf 'redis://:%s@redis:6379/0' "$speed" > redis-url
printf 'requirepass %s\nsave ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n' "$speed" > redis.conf
if [ "$(id -u)" = 0 ]; then
    chown 10001:10001 database-url redis-url
    chown 999:999 postgres-password redis.conf
fi
