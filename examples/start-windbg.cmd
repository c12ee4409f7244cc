@echo off
rem Opens a dump in WinDbg with livedump's commands at hand, and its report on the screen.
rem
rem     start-windbg.cmd DUMP
rem
rem Set WINDBG to the debugger when it is not on PATH: windbgx is the one from the Store, windbg that of the Windows SDK.
setlocal
if "%~1"=="" (
    echo usage: %~nx0 DUMP
    exit /b 2
)
if not defined WINDBG set "WINDBG=windbgx"
start "" "%WINDBG%" -z "%~f1" -c "$$><%~dp0..\extensions\livedump.wds; .block { !livedumpinfo }"
