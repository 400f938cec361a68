// thrum_trace_parked for aarch64 (env/trace.h): calls visit(argument) with a frame in between that tells the unwinder that its
// caller is not ours, but the code that left the stack at `sp`. The two words below `sp` are its frame pointer and where it goes on.
//   x0 = sp, x1 = visit, x2 = argument
    .text
    .globl thrum_trace_parked
    .hidden thrum_trace_parked
    .type thrum_trace_parked, %function
    .p2align 4
thrum_trace_parked:
    .cfi_startproc
    stp x29, x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset x29, -32
    .cfi_offset x30, -24
    str x19, [sp, #16]
    .cfi_offset x19, -16
    mov x19, x0
    mov x0, x2
    .cfi_remember_state
    .cfi_def_cfa x19, 0
    .cfi_offset x30, -8
    .cfi_offset x29, -16
    .cfi_same_value x19
    blr x1
    nop
    .cfi_restore_state
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_def_cfa_offset 0
    .cfi_restore x19
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_endproc
    .size thrum_trace_parked, . - thrum_trace_parked

    .section .note.GNU-stack, "", @progbits
