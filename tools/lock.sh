#!/bin/sh
# Resolves pyproject.toml into requirements.lock: every package with its hashes, for every platform and Python 3.11+.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || { [ -x .venv/bin/uv ] && echo .venv/bin/uv; }) || {
	echo "Expected uv, was not found. Install it (pip install uv) and run make lock again." >&2
	exit 1
}
new=requirements.lock.new
# What the lock already pins stays where it is unless --upgrade is given.
cp requirements.lock "$new" 2>/dev/null || true
"$uv" pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet --output-file "$new" "$@"
{
	echo "# Made by \`make lock\` from pyproject.toml; installed by \`make\` with --require-hashes. Do not edit."
	cat "$new"
} | awk '!/^# Made by/ || !seen++' > requirements.lock
rm -f "$new"
