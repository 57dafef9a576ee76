#!/bin/sh
# Copies the record into a new folder of today, renews the one copy of the keys, drops records older than DAYS days.
#   sh backup.sh RECORDS KEYS DAYS      (RECORDS and KEYS: folders on other disks than the data folder's, and than each other's)
# It lies beside the service's environment (/opt/cookiegate/backup.sh); timer and CronJob run it. Exits as `cookiegate backup` does.
set -eu
records=$1
keys=$2
days=$3
mkdir -p "$records"
"$(dirname "$0")/bin/cookiegate" backup "$records/$(date -u +%Y-%m-%dT%H%M%SZ)" \
    --subject-keys "$keys/subject-keys" --keys "$keys/keys"
# Only after a good copy: when copies fail, the old ones stay.
find "$records" -mindepth 1 -maxdepth 1 -type d -name '2[0-9]*Z' -mtime "+$days" -exec rm -rf {} +
# What a copy leaves that was killed half-way. No copy takes a day.
find "$records" -mindepth 1 -maxdepth 1 -type d -name '.2[0-9]*Z.partial-*' -mtime +0 -exec rm -rf {} +
