@echo off
rem Reads every dump in a folder and below it with cdb: prints livedump's verdict on each, and leaves a log for each with
rem cdb's own answers and livedump's. Logs lie in folders of the same names as the dumps'.
rem
rem     triage.cmd FOLDER-OF-DUMPS [FOLDER-FOR-LOGS]
rem
rem The debugger is CDB, else the one on PATH, of the Windows SDK or of the Store. Symbols come from _NT_SYMBOL_PATH, else
rem from the folder of dumps alone. The logs can be read again without dumps and debugger: livedump info NAME.log
setlocal
if "%~1"=="" (
    echo usage: %~nx0 FOLDER-OF-DUMPS [FOLDER-FOR-LOGS]
    exit /b 2
)
for %%d in ("%~1\.") do set "dumps=%%~fd"
set "logs=%dumps%"
if not "%~2"=="" for %%d in ("%~2\.") do set "logs=%%~fd"
if not exist "%dumps%\" (
    echo %~nx0: there is no folder "%dumps%"
    exit /b 2
)

if defined CDB set CDB=%CDB:"=%
if not defined CDB for %%c in (cdb.exe) do set "CDB=%%~$PATH:c"
call :look_for "%ProgramFiles(x86)%\Windows Kits\10\Debuggers\x64\cdb.exe"
call :look_for "%ProgramFiles%\Windows Kits\10\Debuggers\x64\cdb.exe"
call :look_for "%ProgramFiles(x86)%\Windows Kits\10\Debuggers\arm64\cdb.exe"
call :look_for "%LOCALAPPDATA%\Microsoft\WindowsApps\cdbX64.exe"
call :look_for "%LOCALAPPDATA%\Microsoft\WindowsApps\cdbARM64.exe"
if not defined CDB (
    echo %~nx0: there is no cdb: install the Debugging Tools for Windows or WinDbg, or set CDB to its path
    exit /b 3
)
if not exist "%CDB%" (
    echo %~nx0: there is no debugger at "%CDB%"
    exit /b 3
)
if not defined _NT_SYMBOL_PATH set "_NT_SYMBOL_PATH=%dumps%"

rem triage-commands.txt names its files from here.
pushd "%~dp0.."
rem Names come from strangers: a variable between exclamation marks is put in after its line was understood.
for /r "%dumps%" %%q in (*.dmp) do (
    set "dump=%%q"
    set "folder=%%~dpq"
    set "name=%%~nq"
    set "file=%%~nxq"
    call set "folder=%%folder:*%dumps%=%%"
    setlocal EnableDelayedExpansion
    set "log=!logs!!folder!!name!.log"
    if not exist "!logs!!folder!" mkdir "!logs!!folder!"
    echo .!folder!!file!
    "!CDB!" -z "!dump!" -y "!_NT_SYMBOL_PATH!" -cf examples\triage-commands.txt -noshell -sins -nosqm ^
        -logo "!log!" <nul >nul
    findstr /b /c:"Live dump" /c:"Crash" /c:"Dump (" "!log!"
    endlocal
)
popd
exit /b 0

:look_for
if not defined CDB if exist %1 set "CDB=%~1"
exit /b
