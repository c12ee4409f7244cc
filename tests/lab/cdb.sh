#!/bin/sh
# Stand-in for Microsoft's cdb.exe, to be put on PATH or named with --cdb.
#
# Real: the engine, Microsoft's dbgeng.dll in the folder pykd beside this file, with all it prints:
# the banner, the opening of the dump, the prompts, the output of each command, the log file.
# Faked: the program around the engine (host.cpp lists what it knows), and Windows, which is Wine.
# Not there: ext.dll and kdexts.dll, so no !analyze; any symbol server, so a path with "srv*" finds
# only what is stored locally; targets other than dump files; ntsd.ini.
#
# Takes cdb's switches, with Windows paths or absolute Linux ones. The exit status is 0 after "q" or
# the end of standard input, 2 for wrong switches, else the low byte of the HRESULT with which the
# dump could not be opened.

engine=$(dirname "$(readlink -f "$0")")
exec "$engine/../../wine.sh" "$engine/pykd/host.exe" "$@"
