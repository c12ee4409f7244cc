#!/bin/sh
# Sets everything up and runs every check: linters, types, the suite on this Python, and the real debugger engine under
# Wine, as many files at once as there are processors, four at most. Arguments go to pytest. As root on Debian it
# installs what is missing; elsewhere it says what to install.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=$root/.venv

packages="python3 python3-venv wine wine64 g++-mingw-w64-x86-64 clang lld llvm chromium chromium-driver openssl fish"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    missing=$(for package in $packages; do dpkg -s "$package" >/dev/null 2>&1 || echo "$package"; done)
    if [ -n "$missing" ]; then
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    fi
else
    echo "run.sh: not root on Debian; the lab needs these packages: $packages" >&2
fi

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --editable "$root[test,lint,triage,archives,remote,parquet,distributed]"
PATH=$venv/bin:$venv/node_modules/.bin:$PATH
export PATH
inspector=@modelcontextprotocol/inspector@0.15.0
if ! [ -x "$venv/node_modules/.bin/mcp-inspector" ] &&
    ! npm install --loglevel error --no-audit --no-fund --prefix "$venv" $inspector >/dev/null; then
    echo "run.sh: npm could not install $inspector, which asks our MCP server as an assistant would" >&2
    [ -z "${CI:-}" ] || exit 1
    echo "run.sh: its test is left out" >&2
fi

ruff check .
ruff format --check --quiet .
mypy
vermin --quiet --no-tips --violations --eval-annotations -t=3.9- extensions
python -m tests.lab
exec python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
