<#
.SYNOPSIS
Reads every dump in a folder and below it with cdb: livedump's verdict on each, and a log for each.

.DESCRIPTION
Logs hold cdb's own answers and livedump's, in folders of the same names as the dumps'. They can be read again without
dumps and debugger: livedump info NAME.log. Symbols come from _NT_SYMBOL_PATH, else from the folder of dumps alone.

.EXAMPLE
.\triage.ps1 D:\dumps -Logs D:\logs
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Dumps,
    [string] $Logs = $Dumps,
    [string] $Cdb = $env:CDB
)

$ErrorActionPreference = 'Stop'
$Dumps = (Resolve-Path -LiteralPath $Dumps).ProviderPath.TrimEnd('\')
$Logs = (New-Item -ItemType Directory -Force -Path $Logs).FullName.TrimEnd('\')
$places = @(
    "${env:ProgramFiles(x86)}\Windows Kits\10\Debuggers\x64\cdb.exe"
    "$env:ProgramFiles\Windows Kits\10\Debuggers\x64\cdb.exe"
    "${env:ProgramFiles(x86)}\Windows Kits\10\Debuggers\arm64\cdb.exe"
    "$env:LOCALAPPDATA\Microsoft\WindowsApps\cdbX64.exe"
    "$env:LOCALAPPDATA\Microsoft\WindowsApps\cdbARM64.exe"
)
$onPath = Get-Command cdb.exe -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
if ($Cdb) { $Cdb = $Cdb.Trim('"') }
elseif ($onPath) { $Cdb = $onPath.Source }
else { $Cdb = $places | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1 }
if (-not $Cdb -or -not (Test-Path -LiteralPath $Cdb)) {
    throw "There is no cdb: install the Debugging Tools for Windows or WinDbg, or give its path with -Cdb."
}
$symbols = if ($env:_NT_SYMBOL_PATH) { $env:_NT_SYMBOL_PATH } else { $Dumps }

# triage-commands.txt names its files from here.
Push-Location -LiteralPath (Split-Path -Parent $PSScriptRoot)
try {
    foreach ($dump in Get-ChildItem -LiteralPath $Dumps -Filter *.dmp -Recurse -File) {
        $name = $dump.FullName.Substring($Dumps.Length + 1)
        $log = Join-Path $Logs ([IO.Path]::ChangeExtension($name, '.log'))
        $null = New-Item -ItemType Directory -Force -Path (Split-Path -Parent $log)
        $switches = '-cf', 'examples\triage-commands.txt', '-noshell', '-sins', '-nosqm', '-logo', $log
        $null = $null | & $Cdb -z $dump.FullName -y $symbols @switches
        $verdict = Select-String -LiteralPath $log -Pattern '^(Live dump|Crash|Dump \()' | Select-Object -First 1
        [PSCustomObject]@{ Dump = $name; Verdict = $verdict.Line; Log = $log }
    }
}
finally {
    Pop-Location
}
