// thrum_entry for aarch64: where a new context starts (env/switch.h). The stack holds the argument and the function.
    .text
    .globl thrum_entry
    .hidden thrum_entry
    .type thrum_entry, %function
    .p2align 4
thrum_entry:
    .cfi_startproc
    .cfi_undefined x30       // nobody called us: back-traces end here
    hint #36                 // bti j
    ldp x0, x9, [sp], #16    // argument, function
    mov x29, xzr             // walks along frame pointers end here, too
    // A jump instead of a call: it leaves no entry in the return predictor (see the x86-64 twin).
    adr x30, 1f
    br x9
    nop                      // so that the return address lies inside this function
1:  brk #1                   // it must not return
    .cfi_endproc
    .size thrum_entry, . - thrum_entry

    .section .note.GNU-stack, "", %progbits
