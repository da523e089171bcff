#!/usr/bin/env bash
# The part of the official image's script of this name that compose.yaml needs: makes a cluster in PGDATA.
set -euo pipefail
mkdir -p "$PGDATA"
# The arguments are words, as there.
# shellcheck disable=SC2086
initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
