#!/bin/sh
# Sets livedump up in a folder of its own (.venv) and reads the two example dumps. Needs Python 3.9 or newer;
# on Debian, as root, it installs what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
venv=$root/.venv

say() {
    echo "first-look.sh: $*" >&2
}

if [ -x "$venv/bin/python" ]; then
    say "using $venv"
else
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing python3 and python3-venv with apt-get"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
        else
            say "Python 3.9 or newer with venv is needed; on Debian: apt-get install python3-venv"
            exit 1
        fi
    fi
    say "making $venv with $(python3 --version); nothing outside of it is changed"
    python3 -m venv "$venv"
fi
say "installing livedump and tabulate into it"
"$venv/bin/pip" install --quiet --disable-pip-version-check "$root"

for dump in taskmgr powershell; do
    say "livedump $here/$dump.dmp -y $here/symbols"
    "$venv/bin/livedump" "$here/$dump.dmp" -y "$here/symbols"
    echo
done
say "done. On a dump of your own, with Microsoft's symbols, which are downloaded into ~/symbols:"
echo "  $venv/bin/livedump YOUR.dmp -y 'srv*$HOME/symbols*https://msdl.microsoft.com/download/symbols'" >&2
