"""Call stacks of the scenarios, innermost call site first."""

from __future__ import annotations

CAPTURE = (
    "nt!IopLiveDumpCollectPages+0xd9",
    "nt!IopLiveDumpEndMirroringCallback+0x55",
    "nt!MmDuplicateMemory+0x2e7",
    "nt!IopLiveDumpCapture+0x86",
    "nt!IopLiveDumpCaptureMemoryPages+0x50",
)
"""What every full live dump ends in."""
SYSTEM_CALL = (
    *CAPTURE,
    "nt!IoCaptureLiveDump+0x432",
    "nt!DbgkCaptureLiveKernelDump+0x336",
    "nt!NtSystemDebugControl+0xc41bf",
    "nt!KiSystemServiceCopyEnd+0x25",
)
"""A program asked."""
REPORT = ("nt!DbgkWerCaptureLiveKernelDump2+0x1ea", "nt!DbgkWerCaptureLiveKernelDump+0x69")
FULL_REPORT = (
    *CAPTURE,
    "nt!IoCaptureLiveDump+0x428",
    "nt!DbgkpWerCaptureLiveFullDump+0x181",
    "nt!DbgkpWerProcessPolicyResult+0x30",
    *REPORT,
)
"""A driver asked, and Windows Error Reporting decided on a full dump."""
SMALL_REPORT = ("nt!DbgkpWerCaptureLiveTriageDump+0x8e", "nt!DbgkpWerProcessPolicyResult+0x21", *REPORT)
SYSTEM_THREAD = ("nt!PspSystemThreadStartup+0x57", "nt!KiStartSystemThread+0x34")
WORKER = ("nt!ExpWorkerThread+0x155", *SYSTEM_THREAD)
ENGINE_RESET = (
    "dxgkrnl!TdrCollectDbgInfoStage1+0xd69",
    "dxgmms2!VidSchiResetEngine+0x36e",
    "dxgmms2!VidSchiResetEngines+0xea",
    "dxgmms2!VidSchWaitForCompletionEvent+0x37b",
    "dxgmms2!VidSchiWaitForCompletePreemption+0x7e",
    "dxgmms2!VidSchiCompletePreemption+0x13",
    "dxgmms2!VidSchiRun_PriorityTable+0x25e",
    "dxgmms2!VidSchiWorkerThread+0xca",
    *SYSTEM_THREAD,
)
"""The scheduler of the display driver lost an engine of the card."""
DEADLOCK = ("watchdog!WdDbgReportRecreate+0xaf", "dxgkrnl!DxgCreateLiveDumpWithWdLogs+0x70", *WORKER)
PAGE_FAULT_CRASH = (
    "nt!KeBugCheckEx+0x100",
    "nt!KiBugCheckDispatch+0x69",
    "nt!KiPageFault+0x463",
    "livedrv!LiveDrvReadRegister+0x1b",
    "livedrv!LiveDrvWorker+0x9d",
    *WORKER,
)
CORRAL = ("nt!IopLiveDumpCorralDpc+0x5c", "nt!KiExecuteAllDpcs+0x335", "nt!KiRetireDpcList+0x1b0")
"""What every other processor shows while a live dump is taken: not its fault."""
IDLE = ("nt!KiIdleLoop+0x9e",)
INTERRUPTED = ("nt!KiDpcInterrupt+0x32f",)
SPINNING = ("livedrv!LiveDrvSpin+0x2c", "livedrv!LiveDrvWorker+0x9d", *WORKER)
CONTROLLER_RESET = ("stornvme!NVMeWaitForReady+0x5c", "stornvme!NVMeControllerReset+0x81", *WORKER)
WAITING = (
    "nt!SwapContext+0x1b4",
    "nt!KiSwapContext+0x76",
    "nt!KiSwapThread+0x500",
    "nt!KiCommitThreadWait+0x14f",
    "nt!KeWaitForSingleObject+0x233",
)
ZOO = (
    "nt!ZooTop+0x45",
    "nt!ZooPushes+0x44",
    "nt!ZooSaves+0x60",
    "nt!ZooFramePointer+0x55",
    "nt!ZooFrameR13+0x66",
    "nt!ZooLarge+0x30",
    "nt!ZooChained+0x200",
    "nt!KiPageFault+0x463",
    "nt!ZooLeaf+0x20",
    "nt!ZooChained+0x30",
    "nt!KiInterruptDispatch+0xb1",
    "nt!ZooPrologue+0x2",
    "nt!ZooHuge+0x41",
    *SYSTEM_THREAD,
)
"""One of each thing that unwind data can say."""
