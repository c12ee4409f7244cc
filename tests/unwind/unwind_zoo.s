# One function for each thing that x64 unwind data can say. `start` calls them all; an emulator runs it, and at every
# instruction the unwinder has to find the callers that the emulator saw. Functions whose unwind data the assembler has
# no words for (parts that were split off, version 2) have it written out behind them.
.intel_syntax noprefix

.macro function name
  .text
  .globl \name
  .def \name; .scl 2; .type 32; .endef
\name:
.endm

.macro proc name
  .text
  .globl \name
  .def \name; .scl 2; .type 32; .endef
  .seh_proc \name
\name:
.endm

# An entry of the function table, and the head of its unwind data: version and flags, prologue, slots, frame register.
.macro entry begin, end, info
  .section .pdata,"dr"
  .long \begin@IMGREL, \end@IMGREL, \info@IMGREL
.endm

.macro unwind_info name, version_flags, prologue, slots, frame=0
  .section .xdata,"dr"
  .p2align 2
\name:
  .byte \version_flags, \prologue, \slots, \frame
.endm

.macro parent begin, end, info
  .long \begin@IMGREL, \end@IMGREL, \info@IMGREL
.endm

# --- the driver

proc start
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x60
  .seh_stackalloc 0x60
  .seh_endprologue
  call pushes
  call small
  call large
  call huge
  call probed
  call frame_pointer
  call frame_pointer_with_offset
  call frame_in_r13
  call frame_in_r12
  call tail_jump_bound
  call tail_jump_with_argument
  call tail_jump_with_argument_by_frame
  call split_with_frame
  call split_in_epilogue
  call saved_in_home_space
  call saved_far
  call saved_xmm
  mov edx, 0
  call several_epilogues
  mov edx, 1
  call several_epilogues
  call stack_pointer_restored_by_move
  call tail_jump_near
  call tail_jump_far
  call tail_jump_memory
  call tail_jump_register
  call tail_jump_relative_memory
  mov ecx, 3
  call calls_itself
  call jumps_inside
  call repeated_return
  call returns_with_operand
  call split
  call indirect_entry
  call version2_at_end
  mov edx, 0
  call version2_several
  mov edx, 1
  call version2_several
  mov edx, 2
  call version2_several
  call version2_flags
  call version2_split
  call version2_no_epilogue
  call interrupted
  call never_returns_caller
  add rsp, 0x60
  pop rbx
  ret
.seh_endproc

# --- leaves

function leaf
  mov eax, 1
  add rax, rcx
  ret

# --- pushes and allocations

proc pushes
  push rbx
  .seh_pushreg rbx
  push rbp
  .seh_pushreg rbp
  push rsi
  .seh_pushreg rsi
  push rdi
  .seh_pushreg rdi
  push r12
  .seh_pushreg r12
  push r13
  .seh_pushreg r13
  push r14
  .seh_pushreg r14
  push r15
  .seh_pushreg r15
  sub rsp, 0x28
  .seh_stackalloc 0x28
  .seh_endprologue
  xor ebx, ebx
  lea rbp, [rsp + 8]
  mov rsi, -1
  mov rdi, rsi
  mov r12, rsp
  mov r13, 5
  mov r14, 6
  mov r15, 7
  call leaf
  call small
  add rsp, 0x28
  pop r15
  pop r14
  pop r13
  pop r12
  pop rdi
  pop rsi
  pop rbp
  pop rbx
  ret
.seh_endproc

proc small
  sub rsp, 8
  .seh_stackalloc 8
  .seh_endprologue
  nop
  call leaf
  add rsp, 8
  ret
.seh_endproc

proc large
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x1230
  .seh_stackalloc 0x1230
  .seh_endprologue
  mov ebx, 1
  call leaf
  call small
  add rsp, 0x1230
  pop rbx
  ret
.seh_endproc

proc huge
  sub rsp, 0x90008
  .seh_stackalloc 0x90008
  .seh_endprologue
  call leaf
  call small
  add rsp, 0x90008
  ret
.seh_endproc

function touch_stack
  test [rsp], eax
  ret

proc probed
  push rdi
  .seh_pushreg rdi
  mov eax, 0x2000
  call touch_stack
  sub rsp, rax
  .seh_stackalloc 0x2000
  .seh_endprologue
  xor edi, edi
  call leaf
  add rsp, 0x2000
  pop rdi
  ret
.seh_endproc

# --- frame registers

proc frame_pointer
  push rbp
  .seh_pushreg rbp
  push rbx
  .seh_pushreg rbx
  mov rbp, rsp
  .seh_setframe rbp, 0
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  mov ebx, 9
  sub rsp, 0x130
  call leaf
  sub rsp, 0x40
  call small
  lea rsp, [rbp + 0]
  pop rbx
  pop rbp
  ret
.seh_endproc

proc frame_pointer_with_offset
  mov [rsp + 0x10], rsi
  push rbp
  .seh_pushreg rbp
  sub rsp, 0x1080
  .seh_stackalloc 0x1080
  lea rbp, [rsp + 0x80]
  .seh_setframe rbp, 0x80
  .seh_savereg rsi, 0x1098
  .seh_endprologue
  xor esi, esi
  sub rsp, 0x2000
  call leaf
  call pushes
  mov rsi, [rbp + 0x1018]
  lea rsp, [rbp + 0x1000]
  pop rbp
  ret
.seh_endproc

proc frame_in_r13
  push r13
  .seh_pushreg r13
  sub rsp, 0x40
  .seh_stackalloc 0x40
  lea r13, [rsp + 0x30]
  .seh_setframe r13, 0x30
  .seh_endprologue
  and rsp, -0x100
  call leaf
  call frame_pointer
  lea rsp, [r13 + 0x10]
  pop r13
  ret
.seh_endproc

proc frame_in_r12
  push r12
  .seh_pushreg r12
  sub rsp, 0x240
  .seh_stackalloc 0x240
  lea r12, [rsp + 0x20]
  .seh_setframe r12, 0x20
  .seh_endprologue
  sub rsp, 0x50
  call leaf
  lea rsp, [r12 + 0x220]
  pop r12
  ret
.seh_endproc

# --- saves

proc saved_in_home_space
  mov [rsp + 8], rbx
  mov [rsp + 0x10], rbp
  push rdi
  .seh_pushreg rdi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_savereg rbx, 0x30
  .seh_savereg rbp, 0x38
  .seh_endprologue
  mov ebx, 1
  mov ebp, 2
  mov edi, 3
  call leaf
  call small
  mov rbx, [rsp + 0x30]
  mov rbp, [rsp + 0x38]
  add rsp, 0x20
  pop rdi
  ret
.seh_endproc

proc saved_far
  sub rsp, 0x91008
  .seh_stackalloc 0x91008
  mov [rsp + 0x90000], r12
  .seh_savereg r12, 0x90000
  mov [rsp + 0x90008], rsi
  .seh_savereg rsi, 0x90008
  .seh_endprologue
  xor r12, r12
  xor esi, esi
  call leaf
  mov r12, [rsp + 0x90000]
  mov rsi, [rsp + 0x90008]
  add rsp, 0x91008
  ret
.seh_endproc

proc saved_xmm
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x110020
  .seh_stackalloc 0x110020
  movups [rsp + 0x20], xmm6
  .seh_savexmm xmm6, 0x20
  movups [rsp + 0x110000], xmm7
  .seh_savexmm xmm7, 0x110000
  .seh_endprologue
  mov ebx, 4
  call leaf
  movups xmm6, [rsp + 0x20]
  movups xmm7, [rsp + 0x110000]
  add rsp, 0x110020
  pop rbx
  ret
.seh_endproc

# --- epilogues

proc several_epilogues
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x90
  .seh_stackalloc 0x90
  .seh_endprologue
  mov ebx, 2
  call leaf
  test dl, dl
  je 1f
  add rsp, 0x90
  pop rbx
  ret
1:
  call leaf
  add rsp, 0x90
  pop rbx
  ret
.seh_endproc

proc stack_pointer_restored_by_move
  sub rsp, 0x58
  .seh_stackalloc 0x58
  mov [rsp + 0x40], rbx
  .seh_savereg rbx, 0x40
  .seh_endprologue
  mov ebx, 2
  call leaf
  lea r11, [rsp + 0x58]
  mov rbx, [r11 - 0x18]
  mov rsp, r11
  ret
.seh_endproc

proc tail_jump_near
  push rsi
  .seh_pushreg rsi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  xor esi, esi
  call leaf
  add rsp, 0x20
  pop rsi
  jmp jumped_to_label
.seh_endproc

function jumped_to
jumped_to_label:
  mov eax, 4
  ret

proc tail_jump_bound
  push rsi
  .seh_pushreg rsi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  xor esi, esi
  call leaf
  add rsp, 0x20
  pop rsi
  .byte 0xf2
  jmp [rip + pointer]
.seh_endproc

# What a register was saved in is reused for the next function's argument, after the register has been restored.
proc tail_jump_with_argument
  mov [rsp + 8], rbx
  push rdi
  .seh_pushreg rdi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_savereg rbx, 0x30
  .seh_endprologue
  mov ebx, 1
  mov edi, 2
  call leaf
  mov rbx, [rsp + 0x30]
  mov [rsp + 0x30], rcx
  add rsp, 0x20
  pop rdi
  .byte 0xf2
  jmp pushes
.seh_endproc

proc tail_jump_with_argument_by_frame
  mov [rsp + 8], rbx
  push rbp
  .seh_pushreg rbp
  sub rsp, 0x220
  .seh_stackalloc 0x220
  lea rbp, [rsp + 0x20]
  .seh_setframe rbp, 0x20
  .seh_savereg rbx, 0x230
  .seh_endprologue
  mov ebx, 1
  sub rsp, 0x60
  call leaf
  mov rbx, [rbp + 0x210]
  mov [rbp + 0x210], rcx
  lea rsp, [rbp + 0x200]
  pop rbp
  jmp pushes
.seh_endproc

proc tail_jump_far
  push r14
  .seh_pushreg r14
  sub rsp, 0x220
  .seh_stackalloc 0x220
  .seh_endprologue
  xor r14, r14
  call leaf
  add rsp, 0x220
  pop r14
  jmp pushes
.seh_endproc

proc tail_jump_memory
  push rsi
  .seh_pushreg rsi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  lea rax, [rip + pointer]
  xor esi, esi
  add rsp, 0x20
  pop rsi
  .byte 0x48, 0xff, 0x20
.seh_endproc

proc tail_jump_register
  push rsi
  .seh_pushreg rsi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  mov rax, [rip + pointer]
  xor esi, esi
  add rsp, 0x20
  pop rsi
  .byte 0x48, 0xff, 0xe0
.seh_endproc

proc tail_jump_relative_memory
  sub rsp, 0x28
  .seh_stackalloc 0x28
  .seh_endprologue
  call leaf
  add rsp, 0x28
  jmp [rip + pointer]
.seh_endproc

proc calls_itself
  push rdi
  .seh_pushreg rdi
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  mov edi, ecx
  call leaf
  lea ecx, [rdi - 1]
  test ecx, ecx
  je 1f
  add rsp, 0x20
  pop rdi
  jmp calls_itself
1:
  add rsp, 0x20
  pop rdi
  ret
.seh_endproc

# Jumps that are no epilogues: within the function, backwards and forwards, with nothing between them and a call.
proc jumps_inside
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  xor ebx, ebx
1:
  call leaf
  jmp 2f
  int3
2:
  inc ebx
  cmp ebx, 2
  jae 3f
  jmp 1b
3:
  add rsp, 0x20
  pop rbx
  ret
.seh_endproc

proc repeated_return
  sub rsp, 0x18
  .seh_stackalloc 0x18
  .seh_endprologue
  add rsp, 0x18
  rep ret
.seh_endproc

proc returns_with_operand
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  mov ebx, 1
  call leaf
  add rsp, 0x20
  pop rbx
  ret 0
.seh_endproc

# --- a function in three parts: the second saves one more register, the third only borrows the frame

function split
  push rbx
  sub rsp, 0x30
split_prologue_end:
  mov ebx, 1
  call leaf
  .globl split_end
split_end:
  mov [rsp + 0x50], rsi
split_second_prologue_end:
  xor esi, esi
  call leaf
  jmp split_third
split_back:
  mov rsi, [rsp + 0x50]
  add rsp, 0x30
  pop rbx
  ret
split_second_end:
  int3
split_third:
  call small
  call leaf
  jmp split_back
split_third_end:

entry split, split_end, split_info
entry split_end, split_second_end, split_second_info
entry split_third, split_third_end, split_third_info
unwind_info split_info, 1, split_prologue_end - split, 2
  .byte split_prologue_end - split, 0x52
  .byte 1, 0x30
unwind_info split_second_info, 0x21, split_second_prologue_end - split_end, 2
  .byte split_second_prologue_end - split_end, 0x64
  .short 0x50 / 8
  parent split, split_end, split_info
unwind_info split_third_info, 0x21, 0, 2
  .byte 0, 0x64
  .short 0x50 / 8
  parent split, split_end, split_info

# The part that was split off counts from the frame register, for the stack pointer has moved.
function split_with_frame
  push rbp
  sub rsp, 0x40
  lea rbp, [rsp + 0x20]
split_with_frame_prologue_end:
  sub rsp, 0x70
  call leaf
  jmp split_with_frame_part
split_with_frame_end:
  int3
split_with_frame_part:
  mov [rbp + 0x30], rsi
split_with_frame_part_prologue_end:
  xor esi, esi
  call leaf
  mov rsi, [rbp + 0x30]
  lea rsp, [rbp + 0x20]
  pop rbp
  ret
split_with_frame_part_end:

entry split_with_frame, split_with_frame_end, split_with_frame_info
entry split_with_frame_part, split_with_frame_part_end, split_with_frame_part_info
unwind_info split_with_frame_info, 1, split_with_frame_prologue_end - split_with_frame, 3, 0x25
  .byte split_with_frame_prologue_end - split_with_frame, 0x03
  .byte 5, 0x72
  .byte 1, 0x50
  .byte 0, 0
unwind_info split_with_frame_part_info, 0x21, split_with_frame_part_prologue_end - split_with_frame_part, 2, 0x25
  .byte split_with_frame_part_prologue_end - split_with_frame_part, 0x64
  .short 0x50 / 8
  parent split_with_frame, split_with_frame_end, split_with_frame_info

# The epilogue starts in one part and ends in the next, as pykd.pyd of 0.3.4.15 has it at 0x5dd3fa.
function split_in_epilogue
  push rbx
  sub rsp, 0x20
split_in_epilogue_prologue_end:
  xor ebx, ebx
  call leaf
  jmp split_in_epilogue_part
split_in_epilogue_end:
  int3
split_in_epilogue_part:
  call leaf
  add rsp, 0x20
  pop rbx
split_in_epilogue_part_end:
  ret
split_in_epilogue_last_end:

entry split_in_epilogue, split_in_epilogue_end, split_in_epilogue_info
entry split_in_epilogue_part, split_in_epilogue_part_end, split_in_epilogue_part_info
entry split_in_epilogue_part_end, split_in_epilogue_last_end, split_in_epilogue_part_info
unwind_info split_in_epilogue_info, 1, split_in_epilogue_prologue_end - split_in_epilogue, 2
  .byte split_in_epilogue_prologue_end - split_in_epilogue, 0x32
  .byte 1, 0x30
unwind_info split_in_epilogue_part_info, 0x21, 0, 0
  parent split_in_epilogue, split_in_epilogue_end, split_in_epilogue_info

# --- an entry that refers to another one

function indirect_entry
  push rbx
  sub rsp, 0x20
indirect_prologue_end:
  call indirect_part
  add rsp, 0x20
  pop rbx
  ret
indirect_end:
  int3
function indirect_part
  push rbx
  sub rsp, 0x20
  nop
  call leaf
  add rsp, 0x20
  pop rbx
  ret
indirect_part_end:

entry indirect_entry, indirect_end, indirect_info
entry indirect_part, indirect_part_end, indirect_reference + 1
unwind_info indirect_info, 1, indirect_prologue_end - indirect_entry, 2
  .byte indirect_prologue_end - indirect_entry, 0x12 + 0x20
  .byte 1, 0x30
indirect_reference:
  .long indirect_part@IMGREL, indirect_part_end@IMGREL, indirect_info@IMGREL

# --- version 2: epilogues by codes

function version2_at_end
  push rbx
  push r12
  sub rsp, 0x28
version2_at_end_prologue_end:
  xor ebx, ebx
  xor r12, r12
  call leaf
  add rsp, 0x28
version2_at_end_epilogue:
  pop r12
  pop rbx
  ret
version2_at_end_end:

entry version2_at_end, version2_at_end_end, version2_at_end_info
unwind_info version2_at_end_info, 2, version2_at_end_prologue_end - version2_at_end, 5
  .byte version2_at_end_end - version2_at_end_epilogue, 0x16
  .byte 0, 0x06
  .byte version2_at_end_prologue_end - version2_at_end, 0x42
  .byte 3, 0xc0
  .byte 1, 0x30

# Three epilogues; the last one jumps, and the size counts one byte of whatever leaves.
function version2_several
  push rsi
  push rdi
  sub rsp, 0x28
version2_several_prologue_end:
  xor esi, esi
  xor edi, edi
  call leaf
  cmp edx, 1
  je 1f
  ja 2f
  add rsp, 0x28
version2_several_first:
  pop rdi
  pop rsi
  ret
  .skip 0x110, 0xcc
1:
  add rsp, 0x28
version2_several_second:
  pop rdi
  pop rsi
  ret
2:
  add rsp, 0x28
version2_several_third:
  pop rdi
  pop rsi
  jmp pushes
version2_several_end:

entry version2_several, version2_several_end, version2_several_info
unwind_info version2_several_info, 2, version2_several_prologue_end - version2_several, 7
  .byte 3, 0x06
  .byte version2_several_end - version2_several_third, 0x06
  .byte version2_several_end - version2_several_second, 0x06
  .byte (version2_several_end - version2_several_first) - 0x100, 0x16
  .byte version2_several_prologue_end - version2_several, 0x42
  .byte 2, 0x70
  .byte 1, 0x60

# Flags pushed first are eight bytes of allocation; the epilogue pops them into a register that need not survive.
function version2_flags
  pushfq
  push r15
  push rbx
version2_flags_prologue_end:
  xor ebx, ebx
  xor r15, r15
  call leaf
version2_flags_epilogue:
  pop rbx
  pop r15
  pop rcx
  ret
version2_flags_end:

entry version2_flags, version2_flags_end, version2_flags_info
unwind_info version2_flags_info, 2, version2_flags_prologue_end - version2_flags, 5
  .byte version2_flags_end - version2_flags_epilogue, 0x16
  .byte 0, 0x06
  .byte version2_flags_prologue_end - version2_flags, 0x30
  .byte 3, 0xf0
  .byte 1, 0x02

# The part that was split off holds the epilogue, the pushes stand in its parent.
function version2_split
  push rbp
  push r13
  sub rsp, 0x28
version2_split_prologue_end:
  xor ebp, ebp
  xor r13, r13
  call leaf
  jmp version2_split_cold
version2_split_end:
  int3
version2_split_cold:
  call leaf
  nop
  add rsp, 0x28
version2_split_epilogue:
  pop r13
  pop rbp
  ret
version2_split_cold_end:

entry version2_split, version2_split_end, version2_split_info
entry version2_split_cold, version2_split_cold_end, version2_split_cold_info
unwind_info version2_split_info, 2, version2_split_prologue_end - version2_split, 3
  .byte version2_split_prologue_end - version2_split, 0x42
  .byte 3, 0xd0
  .byte 1, 0x50
unwind_info version2_split_cold_info, 0x22, 0, 2
  .byte version2_split_cold_end - version2_split_epilogue, 0x16
  .byte 0, 0x06
  parent version2_split, version2_split_end, version2_split_info

# What decoding instructions would take for an epilogue, a jump out of the function, is none when no code says so.
function version2_no_epilogue
  sub rsp, 0x28
version2_no_epilogue_prologue_end:
  call leaf
  jmp version2_outside
version2_no_epilogue_back:
  add rsp, 0x28
version2_no_epilogue_epilogue:
  ret
version2_no_epilogue_end:
function version2_outside
  jmp version2_no_epilogue_back

entry version2_no_epilogue, version2_no_epilogue_end, version2_no_epilogue_info
unwind_info version2_no_epilogue_info, 2, version2_no_epilogue_prologue_end - version2_no_epilogue, 3
  .byte version2_no_epilogue_end - version2_no_epilogue_epilogue, 0x16
  .byte 0, 0x06
  .byte version2_no_epilogue_prologue_end - version2_no_epilogue, 0x42

# --- machine frames: what the processor would push is pushed by hand, on another stack

.macro interrupt handler, error_code=0
  mov rax, rsp
  mov rsp, [rip + other_stack]
  push 0x18
  push rax
  pushfq
  push 0x10
  lea rax, [rip + 9f]
  push rax
  .if \error_code
  push 0x7b
  .endif
  jmp \handler
9:
.endm

proc interrupted
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  interrupt interrupt_handler
  nop
  interrupt fault_handler, 1
  nop
  interrupt version2_handler
  nop
  add rsp, 0x20
  pop rbx
  ret
.seh_endproc

.globl interrupt_handler, fault_handler, version2_handler
proc interrupt_handler
  .seh_pushframe
  sub rsp, 0x158
  .seh_stackalloc 0x158
  mov [rsp + 0xd8], rbp
  .seh_savereg rbp, 0xd8
  lea rbp, [rsp + 0x80]
  .seh_setframe rbp, 0x80
  .seh_endprologue
  call leaf
  call pushes
  mov rdx, [rsp + 0xd8]
  lea rcx, [rsp + 0x158]
  lea rax, [rip + leave_interrupt]
  jmp rax
.seh_endproc

proc fault_handler
  .seh_pushframe @code
  push rbp
  .seh_pushreg rbp
  sub rsp, 0x100
  .seh_stackalloc 0x100
  .seh_endprologue
  xor ebp, ebp
  call leaf
  mov rdx, [rsp + 0x100]
  lea rcx, [rsp + 0x110]
  lea rax, [rip + leave_interrupt]
  jmp rax
.seh_endproc

function version2_handler
  push rbp
  sub rsp, 0x20
version2_handler_prologue_end:
  call leaf
  add rsp, 0x20
version2_handler_epilogue:
  pop rbp
  iretq
version2_handler_end:

entry version2_handler, version2_handler_end, version2_handler_info
unwind_info version2_handler_info, 2, version2_handler_prologue_end - version2_handler, 5
  .byte 2, 0x06
  .byte version2_handler_end - version2_handler_epilogue, 0x06
  .byte version2_handler_prologue_end - version2_handler, 0x32
  .byte 1, 0x50
  .byte 0, 0x0a

# The way out of the handlers is not described: rcx points to the machine frame, rdx is rbp as it was.
function leave_interrupt
  mov rbp, rdx
  mov rax, [rcx]
  mov rsp, [rcx + 0x18]
  jmp rax

# --- a call that never returns is the function's last instruction: the return address belongs to what follows

proc never_returns_caller
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x20
  .seh_stackalloc 0x20
  .seh_endprologue
  mov ebx, 1
  call last_call
  .globl after_last_call
after_last_call:
  add rsp, 0x20
  pop rbx
  ret
.seh_endproc

proc last_call
  push rdi
  .seh_pushreg rdi
  push rsi
  .seh_pushreg rsi
  sub rsp, 0x48
  .seh_stackalloc 0x48
  .seh_endprologue
  xor edi, edi
  call never_returns
.seh_endproc

proc never_returns
  push rbx
  .seh_pushreg rbx
  sub rsp, 0x2000
  .seh_stackalloc 0x2000
  .seh_endprologue
  call leaf
  nop
  add rsp, 0x2000
  pop rbx
  jmp unwound_by_hand
.seh_endproc

# Leaves last_call, to which nothing can return, for its caller. Not described either.
function unwound_by_hand
  add rsp, 8 + 0x48
  pop rsi
  pop rdi
  ret

.data
pointer:
  .quad pushes
.globl other_stack
other_stack:
  .quad 0
