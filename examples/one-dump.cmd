@echo off
rem The report on one dump with cdb, in one line.
rem
rem     one-dump.cmd DUMP
rem
rem Set CDB to the debugger when it is not on PATH, and _NT_SYMBOL_PATH to where symbols are.
if not defined CDB set "CDB=cdb"
"%CDB%" -z "%~f1" -noshell -nosqm -c "$$><%~dp0..\extensions\livedump.wds; .block { !livedumpinfo }; q" <nul
