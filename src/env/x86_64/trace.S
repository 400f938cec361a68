// thrum_trace_parked for x86-64 (env/trace.h): calls visit(argument) with a frame in between that tells the unwinder that its
// caller is not ours, but the code that left the stack at `sp`. The two words below `sp` are its frame pointer and where it goes on.
//   rdi = sp, rsi = visit, rdx = argument
    .text
    .globl thrum_trace_parked
    .hidden thrum_trace_parked
    .type thrum_trace_parked, @function
    .p2align 4
thrum_trace_parked:
    .cfi_startproc
    endbr64
    pushq %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset %rbx, -16
    movq %rdi, %rbx
    movq %rdx, %rdi
    .cfi_remember_state
    .cfi_def_cfa %rbx, 0
    .cfi_offset %rip, -8
    .cfi_offset %rbp, -16
    .cfi_same_value %rbx
    callq *%rsi
    nop                      // the unwinder looks at the instruction before the return address
    .cfi_restore_state
    popq %rbx
    .cfi_def_cfa_offset 8
    .cfi_restore %rbx
    retq
    .cfi_endproc
    .size thrum_trace_parked, . - thrum_trace_parked

    .section .note.GNU-stack, "", @progbits
