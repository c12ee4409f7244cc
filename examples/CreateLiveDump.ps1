<#
.SYNOPSIS
    Takes a kernel live dump with Get-StorageDiagnosticInfo and says where it is.

.DESCRIPTION
    Windows writes a snapshot of kernel memory (stop code 0x161, parameter 1 null) while it keeps running.
    The script checks that it runs elevated, finds the storage subsystem, collects into a new folder and lists the
    dump. It never deletes or overwrites anything: a destination that already exists is refused.

.PARAMETER Destination
    Folder to collect into. It must not exist yet. Default: LiveDump-<date>-<time> on the desktop.

.PARAMETER SubSystem
    Friendly name of the storage subsystem. Default: the one of this computer.

.EXAMPLE
    .\CreateLiveDump.ps1

.EXAMPLE
    .\CreateLiveDump.ps1 -Destination D:\Dumps\hang-1

.NOTES
    The dump holds kernel memory: treat it as confidential.
#>
[CmdletBinding()]
param(
    [string] $Destination = (Join-Path ([Environment]::GetFolderPath('Desktop')) ('LiveDump-{0:yyyyMMdd-HHmmss}' -f (Get-Date))),
    [string] $SubSystem
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Test-Elevated {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Find-SubSystem {
    param([string] $Name)

    if ($Name) {
        return Get-StorageSubSystem -FriendlyName $Name
    }
    $all = @(Get-StorageSubSystem)
    $local = @($all | Where-Object { $_.FriendlyName -like "*$env:COMPUTERNAME*" })
    if ($local.Count -eq 1) {
        return $local[0]
    }
    if ($all.Count -eq 1) {
        return $all[0]
    }
    $names = ($all | ForEach-Object { $_.FriendlyName }) -join "', '"
    throw "There are $($all.Count) storage subsystems ('$names'). Choose one with -SubSystem."
}

if (-not (Test-Elevated)) {
    throw 'A live dump needs administrator rights. Start PowerShell with "Run as administrator" and try again.'
}
if (Test-Path -LiteralPath $Destination) {
    throw "The destination '$Destination' exists already. Name a folder that does not exist yet; nothing was deleted."
}

$system = Find-SubSystem -Name $SubSystem
Write-Host "Collecting from '$($system.FriendlyName)' into '$Destination'. This can take several minutes."
New-Item -ItemType Directory -Path $Destination | Out-Null
Get-StorageDiagnosticInfo -StorageSubSystemFriendlyName $system.FriendlyName -IncludeLiveDump -DestinationPath $Destination

$dumps = @(Get-ChildItem -LiteralPath $Destination -Recurse -Filter '*.dmp')
if ($dumps.Count -eq 0) {
    Write-Warning ("No dump was written to '$Destination'. See the event log Microsoft-Windows-Kernel-LiveDump/Operational, " +
        'event 2, and whether FullLiveReportsMax is 0 in the registry under CrashControl\FullLiveKernelReports.')
    exit 1
}
foreach ($dump in $dumps) {
    Write-Host ('{0}  ({1:N0} bytes)' -f $dump.FullName, $dump.Length)
}
