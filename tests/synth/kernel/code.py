"""Functions of the made-up kernel and its drivers: names that real stacks show, prologues made from the names.

Where a function's frame matters to a reader it is written out; all others get a prologue and return offsets that
follow from name and build, so that no offset repeats from one build to the next.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

from tests.synth.functions import (
    Alloc,
    Function,
    MachineFrame,
    Push,
    Save,
    SaveXmm,
    SetFrame,
    Step,
)
from tests.synth.kernel.layout import BUILDS, Layout, layout_of, words

SYSTEM_CALL = (MachineFrame(), Alloc(8), Push("rbp"), Alloc(0x158), SetFrame("rbp", 0x80))
TRAP = (MachineFrame(error_code=True), Push("rbp"), Alloc(0x158), SetFrame("rbp", 0x80))
EXCEPTION_FRAME = ("rbp", "rbx", "rdi", "rsi", "r12", "r13", "r14", "r15")
"""Order of the registers in _KEXCEPTION_FRAME from +f8 on."""
SWAP_CONTEXT: tuple[Step, ...] = (
    Alloc(0x138),
    SaveXmm("xmm6", 0x30),
    *(Save(name, 0xF8 + 8 * index) for index, name in enumerate(EXCEPTION_FRAME)),
)
ACQUIRE = (Push("rbx"), Push("rsi"), Push("rdi"), Push("r14"), Alloc(0xC8))
"""Frames that hold a lock in a register and a wait block on their stack."""
SWITCHES_STACK = (Push("rbp"), SetFrame("rbp", 0))
"""Goes on on another stack: only the frame register leads back."""
WRITTEN_OUT: Mapping[str, tuple[tuple[Step, ...], tuple[int, ...]]] = {
    "KiSwapContext": (SWAP_CONTEXT, (0x76,)),
    "KiSystemServiceCopyEnd": (SYSTEM_CALL, (0x25,)),
    "KiPageFault": (TRAP, (0x463,)),
    "KiDpcInterrupt": (SYSTEM_CALL, ()),
    "KiIpiInterrupt": (SYSTEM_CALL, ()),
    "KiInterruptDispatch": (SYSTEM_CALL, ()),
    "KiInterruptDispatchNoLock": (SYSTEM_CALL, ()),
    "KxRetireDpcList": (SWITCHES_STACK, ()),
    "KyRetireDpcList": (SWITCHES_STACK, ()),
    "KxSwitchKernelStackCallout": (SWITCHES_STACK, ()),
    **dict.fromkeys(
        (
            "ExfAcquirePushLockExclusiveEx",
            "ExfAcquirePushLockSharedEx",
            "ExfAcquirePushLockExclusive",
            "ExfAcquirePushLockShared",
            "ExpWaitForResource",
            "ExpAcquireFastMutexContended",
            "ExAcquireFastMutex",
            "KiAcquireFastMutex",
            "KeAcquireGuardedMutex",
            "KiAcquireGuardedMutex",
            "ExBlockOnAddressPushLock",
            "KxWaitForSpinLockAndAcquire",
            "KeAcquireSpinLockRaiseToDpc",
            "ExpWaitForSpinLockExclusiveAndAcquire",
            "NtfsWaitSync",
        ),
        (ACQUIRE, ()),
    ),
}
KERNEL = words(
    """
EntryPoint KiIdleLoop PoIdle PpmIdleExecuteTransition PpmIdleDefaultExecute HalProcessorIdle KiRetireDpcList
KiExecuteAllDpcs KyRetireDpcList KxRetireDpcList KiDispatchInterruptContinue KiDispatchInterrupt KiDpcInterrupt
KiIpiInterrupt KiInterruptDispatch KiInterruptDispatchNoLock KiInterruptSubDispatch KiCallInterruptServiceRoutine
KiProcessExpiredTimerList KiTimerExpiration KiExecuteDpc KiSwapContext KiSwapThread KiCommitThreadWait
KeWaitForSingleObject KeWaitForMultipleObjects KeDelayExecutionThread KeRemovePriQueue KeRemoveQueueEx KeRemoveQueue
KeWaitForGate KeWaitForAlertByThreadId KiFastExitThreadWait KiStartUserThread KiStartSystemThread
PspSystemThreadStartup PspUserThreadStartup KxStartSystemThread KiSystemServiceCopyEnd KiPageFault MmAccessFault
MiDispatchFault MiIssueHardFault MiWaitForInPageComplete MiResolveProtoPteFault MiUserFault IopLiveDumpCollectPages
IopLiveDumpEndMirroringCallback MmDuplicateMemory IopLiveDumpCapture IopLiveDumpCaptureMemoryPages IoCaptureLiveDump
DbgkCaptureLiveKernelDump NtSystemDebugControl DbgkpWerCaptureLiveFullDump DbgkpWerProcessPolicyResult
DbgkWerCaptureLiveKernelDump2 DbgkWerCaptureLiveKernelDump IopLiveDumpCorralDpc IopLiveDumpProcessCorralStateChange
KeYieldProcessorEx ExpWorkerThread IopProcessWorkItem ExpWorkQueueManagerThread KeBalanceSetManager
MiModifiedPageWriter MiZeroPageThread MiMappedPageWriter CcQueueLazyWriteScanThread PopIrpWorker EtwpLogger
KeSwapProcessOrStack MiDereferenceSegmentThread PfTLoggingWorker ExpTimeRefreshWork CcWorkerThread
PopPolicyWorkerThread PsWorker ExfAcquirePushLockExclusiveEx ExfAcquirePushLockSharedEx ExfAcquirePushLockExclusive
ExfAcquirePushLockShared ExAcquirePushLockExclusiveEx ExAcquirePushLockSharedEx ExBlockOnAddressPushLock
ExpWaitForResource ExpAcquireResourceExclusiveLite ExpAcquireResourceSharedLite ExAcquireResourceExclusiveLite
ExAcquireResourceSharedLite ExAcquireFastMutex ExpAcquireFastMutexContended KiAcquireFastMutex KeAcquireGuardedMutex
KiAcquireGuardedMutex KxWaitForSpinLockAndAcquire KeAcquireSpinLockRaiseToDpc KeAcquireSpinLockAtDpcLevel
KeAcquireInStackQueuedSpinLock KxWaitForLockOwnerShip ExpWaitForSpinLockExclusiveAndAcquire ExAcquireSpinLockExclusive
KeIpiGenericCall KeFlushMultipleRangeTb KiIpiSendRequestEx KeStallExecutionProcessor KeBugCheckEx KiBugCheckDispatch
KeBugCheck2 KiFreezeTargetExecution KxSwitchKernelStackCallout KeExpandKernelStackAndCalloutInternal KeAccumulateTicks
KiUpdateRunTime KeClockInterruptNotify NtReadFile NtWriteFile NtDeviceIoControlFile NtFsControlFile NtCreateFile
NtClose NtQueryDirectoryFile NtSetInformationFile NtWaitForSingleObject NtWaitForMultipleObjects NtDelayExecution
NtRemoveIoCompletion NtRemoveIoCompletionEx NtWaitForWorkViaWorkerFactory NtWaitForAlertByThreadId
NtAlpcSendWaitReceivePort NtReplyWaitReceivePort NtTerminateProcess NtSuspendThread NtAllocateVirtualMemory
NtFreeVirtualMemory NtMapViewOfSection NtQuerySystemInformation NtFlushBuffersFile NtLockFile
NtNotifyChangeDirectoryFile NtOpenKey NtQueryValueKey NtSetValueKey NtYieldExecution IoRemoveIoCompletion
IopSynchronousServiceTail IofCallDriver IopfCallDriver IopXxxControlFile IopParseDevice IopCloseFile IopDeleteFile
IopReadFile IopWriteFile IopCancelAlertedRequest IoCancelThreadIo AlpcpReceiveMessagePort AlpcpReceiveMessage
AlpcpSignalAndWait AlpcpReceiveSynchronousReply AlpcpProcessSynchronousRequest AlpcpWaitForSingleObject
ObpLookupObjectName ObOpenObjectByNameEx ObReferenceObjectByHandle ObfDereferenceObject ObpCloseHandle CmpLockRegistry
CmpDoParseKey CmQueryValueKey CmpFlushHive CmpCallCallBacks MiFlushSectionInternal MmFlushSection
MiAllocateVirtualMemory MiLockVad MiUnmapViewOfSection MiWriteComplete MiGatherMappedPages CcFlushCachePriv
CcCopyReadEx CcCopyWriteEx CcMapData CcPinRead CcWriteBehindInternal CcWaitForCurrentLazyWriterActivity CcCanIWrite
PspExitThread PspTerminateThreadByPointer PspExitProcess PspLockUnlockProcessExclusive PsSuspendThread
ExpGetProcessInformation ExpQuerySystemInformation KiSchedulerApcTerminate KiDeliverApc KiCheckForKernelApcDelivery
KiExecuteUserApc FsRtlCancellableWaitForMultipleObjects FsRtlNotifyFullChangeDirectory FsRtlAcquireFileExclusiveCommon
FsRtlpWaitOnIrp FsRtlBalanceReads FsRtlCheckOplockEx FsRtlWorkerThread SeAccessCheckWithHint PnpDeviceEventWorker
PnpRequestDeviceRemoval IopQueueWorkItemProlog WmipWorker DifWorker HvlWorker ViWorker
"""
)
DRIVERS: Mapping[str, tuple[str, ...]] = {
    "hal": ("HalpTimerStallExecution", "HalRequestSoftwareInterrupt", "HalpClockInterrupt"),
    "storport": words(
        "RaUnitStartIo RaidUnitCompleteRequest RaUnitScsiIrp RaidpAdapterContinueScatterGather StorPortNotification "
        "RaidpAdapterDpcRoutine RaidUnitHierarchicalReset RaidAdapterPostScatterGatherExecute RaDriverScsiIrp "
        "StorPortExtendedFunction RaUnitAsyncError RaidpCompletionDpcRoutine RaidAdapterRemoveTree"
    ),
    "stornvme": words(
        "NVMeHwStartIo NVMeHwBuildIo NVMeCompletionDpcRoutine NVMeControllerReset NVMeWaitForReady ProcessCommand "
        "NVMeHwInterrupt NVMeRequestComplete NVMeAllocateDmaBuffer IoQueueDispatch"
    ),
    "disk": words("DiskReadWriteVerification DiskDeviceControl DiskFlushDispatch DiskShutdownFlush"),
    "CLASSPNP": words(
        "ClassReadWrite ServiceTransferRequest SubmitTransferPacket TransferPktComplete ClassSendSrbSynchronous "
        "ClassDeviceControl ClassGlobalDispatch"
    ),
    "partmgr": words("PmReadWrite PmGlobalDispatch PmIoCompletion"),
    "volmgr": words("VmReadWrite VmpReadWriteCompletionRoutine VmFlushBuffers"),
    "volsnap": words("VolSnapRead VolSnapWrite VspWriteVolumePhase35 VspIncrementRefCount VspDecrementRefCount"),
    "spaceport": words("SpIoctlDispatch SpDriverReadWrite SP_WORK_ITEM SpWorkerRoutine SpWaitForDrain"),
    "clusdisk": words("ClusDiskReadWrite ClusDiskDeviceControl ClusDiskReservationWorker"),
    "csvfs": words("CsvFsCommonRead CsvFsCommonWrite CsvFsWaitForPause CsvFsFsdDispatch CsvFsDownlevelWait"),
    "csvflt": words("CsvFltPreWrite CsvFltDispatch CsvFltStateWorker"),
    "Ntfs": words(
        "NtfsCommonRead NtfsCommonWrite NtfsFsdRead NtfsFsdWrite NtfsFsdCreate NtfsCommonCreate NtfsCommonCleanup "
        "NtfsFsdCleanup NtfsAcquireExclusiveFcb NtfsAcquireSharedFcb NtfsAcquireExclusiveVcb NtfsCheckpointVolume "
        "NtfsCheckpointAllVolumesWorker NtfsFlushVolume NtfsCommonFlushBuffers NtfsFsdFlushBuffers NtfsNonCachedIo "
        "NtfsMultipleAsync NtfsWaitSync NtfsSingleAsync NtfsAcquireFileForCcFlush NtfsFspDispatch NtfsWorker "
        "NtfsAcquirePagingResourceExclusive NtfsDeleteFile NtfsCommonDirectoryControl NtfsFsdDirectoryControl "
        "NtfsStartUsnJournal NtfsWriteLog NtfsLockVolumeInternal"
    ),
    "refs": words("RefsCommonWrite RefsFsdWrite RefsAcquireExclusiveFcb RefsCheckpointVolume RefsWorker"),
    "FLTMGR": words(
        "FltpDispatch FltpPassThrough FltpLegacyProcessingAfterPreCallbacksCompleted FltpCreate FltpFsControl "
        "FltpPerformPreCallbacks FltReadFile FltpQueueWorker FltWaitForWork FltAcquireResourceExclusive"
    ),
    "rdbss": words("RxCommonWrite RxCommonRead RxFsdDispatch RxWaitForWork RxpWorkerThreadDispatcher"),
    "mrxsmb": words("SmbCeSubmitRequest MRxSmbWrite SmbCeTransportWorker RxCeReceiveIndication"),
    "srv2": words("Srv2ProcessRead Srv2ProcessWrite Srv2WorkerThread Srv2ReceiveHandler"),
    "ndis": words(
        "ndisMIndicateNetBufferListsToOpen NdisMIndicateReceiveNetBufferLists ndisInterruptDpc ndisCallReceiveHandler "
        "ndisMTopReceiveNetBufferLists ndisQueuedMiniportDpcWorkItem ndisThreadPoolTimerHandler "
        "ndisReceiveWorkerThread NdisMDpc ndisMiniportDpc ndisDoPeriodicReceivesIndication ndisWorkerThread"
    ),
    "tcpip": words(
        "FlpReceiveNonPreValidatedNetBufferListChain IppReceiveHeadersHelper TcpReceive TcpMatchReceive TcpTcbReceive "
        "IppDispatchReceive UdpReceiveDatagrams TcpPeriodicTimeoutHandler IppFlcReceivePacketsCore TcpIpWorker"
    ),
    "afd": words("AfdDispatchDeviceControl AfdReceive AfdSend AfdPoll AfdWaitForListen AfdWorkQueueThread"),
    "labnic": words("LabNicMiniportInterruptDpc LabNicReceive LabNicReclaim LabNicInterrupt LabNicTimerDpc"),
    "lab": words(
        "LabDispatchWrite LabAllocateRecord LabWorker LabWaitForHardware LabHoldLock LabDeviceControl LabSpin "
        "LabQueryThread LabReaderThread LabCancelRoutine"
    ),
    "labflt": words("LabFltPreWrite LabFltPostCreate LabFltScanWorker LabFltAcquireContext LabFltDispatch"),
    "win32kfull": words(
        "xxxSleepThread xxxRealSleepThread xxxRealInternalGetMessage NtUserGetMessage xxxSendMessageTimeout "
        "NtUserMessageCall NtUserMsgWaitForMultipleObjectsEx EnterCrit xxxMsgWaitForMultipleObjectsEx RawInputThread"
    ),
    "win32kbase": words("EnterCrit UserSessionSwitchEnterCrit xxxDesktopThread"),
    "dxgkrnl": words("DxgkWaitForVerticalBlankEvent DxgkSubmitCommand DXGADAPTER_Wait DpiFdoThread"),
    "dxgmms2": words("VidSchiWorkerThread VidSchiRun_PriorityTable VidMmWorkerThreadProc"),
    "intelppm": words("MWaitIdle AcpiCStateIdleExecute"),
    "HTTP": words("UlpThreadPoolWorker UlHttpWait UcWorkerThread"),
    "Wdf01000": words("FxDevice_Dispatch FxWorkItem_Thread FxIoQueue_DispatchRequest FxPkgPnp_Worker"),
    "netft": words("NetftWatchdogLiveDump NetftProcessWatchdogEvent NetftHeartbeatThread"),
    "dump_stornvme": ("EntryPointOfDump",),
}


def kernel_functions(layout: Layout) -> tuple[Function, ...]:
    """Functions of this build's kernel: all of KERNEL but those that its symbols are known to lack."""
    every = frozenset().union(*(layout_of(build).functions for build in BUILDS))
    names = [name for name in KERNEL if name in layout.functions or name not in every or name in ALWAYS]
    return placed(names, salt=layout.build)


ALWAYS = frozenset(
    words(
        "IopLiveDumpCaptureMemoryPages IopLiveDumpCorralDpc IopLiveDumpProcessCorralStateChange "
        "IopLiveDumpEndMirroringCallback IoCaptureLiveDump DbgkCaptureLiveKernelDump"
    )
)
"""7601 took no live dumps; its made-up kernel does, so that its layout is tried by every scenario."""


def driver_functions(module: str, tags: Sequence[str] = ()) -> tuple[Function, ...]:
    """Functions of a driver; the second one asks for pool with ``tags``."""
    names = ["EntryPoint", *DRIVERS[module]]
    return placed(names, module, {names[1]: tuple(int.from_bytes(tag.encode(), "little") for tag in tags)})


def placed(
    names: Iterable[str],
    salt: str,
    immediates: Mapping[str, tuple[int, ...]] = {},
) -> tuple[Function, ...]:
    """Functions one after another from the start of the code."""
    functions, rva = [], 0x1000
    for name in names:
        number = zlib.crc32(f"{salt}!{name}".encode())
        steps, sites = WRITTEN_OUT.get(name, (_prologue(number), ()))
        first = 0x60 + 8 * len(immediates.get(name, ())) + number % 0xA1
        sites = sites or (first, first + 0x21 + number // 7 % 0x60)
        functions.append(Function(name, rva, sites, steps, immediates=immediates.get(name, ())))
        rva = (rva + sites[-1] + 0x60 + number // 11 % 0x40) & ~0xF
    return tuple(functions)


def _prologue(number: int) -> tuple[Step, ...]:
    """Some pushes and an allocation that keeps the stack aligned."""
    pushes = [Push(name) for bit, name in enumerate(("rbp", "rbx", "rsi", "rdi", "r12", "r14")) if number >> bit & 1]
    size = 0x20 + 0x10 * (number >> 8 & 7)
    return (*pushes, Alloc(size + 8 * (1 - len(pushes) % 2)))
