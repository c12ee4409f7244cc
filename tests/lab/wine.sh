#!/bin/sh
# Runs a Windows program of the lab: wine.sh <program> <arguments>.
# LIVEDUMP_LAB_PYTHONPATH holds Windows paths, separated by ";", that Python is to look in first.

root=$(dirname "$(readlink -f "$0")")
windows_root="Z:$(printf %s "$root" | tr / '\\')"

export WINEPREFIX="$root/prefix"
export WINEDEBUG=-all
export WINEDLLOVERRIDES="dbgeng,dbghelp,dbgmodel,mscoree=n;dbgcore,msdia140=n,b;mshtml,winemenubuilder.exe,winedbg.exe=d"
# Without these two each start looks for Microsoft's symbol server, for 5 to 10 s: an empty folder in
# place of the engine's default path, and a proxy that refuses at once.
export _NT_SYMBOL_PATH="${_NT_SYMBOL_PATH-$windows_root\\no-symbols}"
export _NT_SYMBOL_PROXY=127.0.0.1:9
# Wine takes the encoding of file names from the locale, and the engine prints times in local time.
export LC_ALL=C.UTF-8
export TZ=UTC
# The debugger's .shell takes SHELL before COMSPEC.
unset SHELL
export COMSPEC='C:\windows\system32\cmd.exe'
# For Python inside the engine; its library is not beside the program there.
export PYTHONHOME="$windows_root\\python"
export PYTHONPATH="${LIVEDUMP_LAB_PYTHONPATH:+$LIVEDUMP_LAB_PYTHONPATH;}$windows_root\\python\\python39.zip;$windows_root\\python;$windows_root\\site"
export PYTHONDONTWRITEBYTECODE=1

# The first Windows program starts Wine's services, which keep its pipes open; whoever reads to the
# end of such a pipe waits for them. This one has no pipes to keep.
env -u LIVEDUMP_LAB_RUN wine "$root/engines/2017/pykd/host.exe" -version </dev/null >/dev/null 2>&1
exec wine "$@"
