#!/bin/sh
# Sets livedump up in a folder of its own (.venv) and reads the two example dumps. Needs Python 3.9 or newer;
# on Debian, as root, it installs what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
venv=$root/.venv

if ! [ -x "$venv/bin/python" ]; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
        else
            echo "first-look.sh: Python 3.9 or newer with venv is needed; on Debian: apt-get install python3-venv" >&2
            exit 1
        fi
    fi
    python3 -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check "$root"

for dump in taskmgr powershell; do
    "$venv/bin/livedump" info "$here/$dump.dmp" -y "$here/symbols"
    echo
done
