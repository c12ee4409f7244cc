@echo off
rem Reads every dump in a folder and below it with cdb: prints livedump's verdict on each, and leaves a log for each with
rem cdb's own answers and livedump's.
rem
rem     triage.cmd FOLDER-OF-DUMPS [FOLDER-FOR-LOGS]
rem
rem Set CDB to the debugger when it is not on PATH, and _NT_SYMBOL_PATH to where symbols are. The logs can be read
rem again without dumps and debugger: livedump info NAME.log
setlocal
if "%~1"=="" (
    echo usage: %~nx0 FOLDER-OF-DUMPS [FOLDER-FOR-LOGS]
    exit /b 2
)
if not defined CDB set "CDB=cdb"
if not defined _NT_SYMBOL_PATH set "_NT_SYMBOL_PATH=srv*"
for %%d in ("%~1") do set "dumps=%%~fd"
set "logs=%dumps%"
if not "%~2"=="" for %%d in ("%~2") do set "logs=%%~fd"

rem triage-commands.txt names its files from here.
pushd "%~dp0.."
for /r "%dumps%" %%f in (*.dmp) do (
    echo %%~nxf
    "%CDB%" -z "%%f" -y "%_NT_SYMBOL_PATH%" -cf examples\triage-commands.txt -noshell -sins -nosqm ^
        -logo "%logs%\%%~nf.log" <nul >nul
    findstr /b /c:"Live dump" /c:"Crash" /c:"Dump (" "%logs%\%%~nf.log"
)
popd
