#!/usr/bin/env bash
# Run the SQL on standard input against the demo's proxy; print rows tab separated
# without a header. Arguments go to the mysql client: e2e/sql.sh --table sky
set -euo pipefail

eval "$("$(dirname "${BASH_SOURCE[0]}")/env.sh")"
: "${ORRERY_PASSWORD:?the demo is not running; start it with: make demo}"

MYSQL_PWD=$ORRERY_PASSWORD exec mysql --no-defaults --protocol=tcp \
    --host="$ORRERY_HOST" --port="$ORRERY_PORT" --user="$ORRERY_USER" \
    --batch --skip-column-names --default-character-set=utf8mb4 "$@"
