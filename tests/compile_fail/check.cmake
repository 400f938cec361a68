# Compiles one program and looks for the sentence that its first line promises. For ctest:
#   cmake -DCOMPILER=... -DVERSION=... -DINCLUDE=... -DPROGRAM=x.cc -DPASSED=file -P check.cmake
#
# PASSED keeps a digest of all that decides the outcome: the compiler, the program, the headers and this file. If it is the same as
# when the test passed last, the test passes again without the compiler.
#
# First lines:  // error: TEXT     must not compile, and the compiler says TEXT
#               // warning: TEXT   compiles, and the compiler says TEXT
#               // ok              compiles without a word: the others fail for their own reason, not for a common one
file(GLOB_RECURSE headers ${INCLUDE}/*.h)
set(inputs "${COMPILER} ${VERSION}\n")
foreach(file ${PROGRAM} ${CMAKE_CURRENT_LIST_FILE} ${headers})
  file(SHA256 ${file} digest)
  string(APPEND inputs "${digest} ${file}\n")
endforeach()
string(SHA256 now "${inputs}")
set(before)
if(EXISTS ${PASSED})
  file(READ ${PASSED} before)
endif()
if(before STREQUAL now)
  message(STATUS "unchanged since it passed")
  return()
endif()

file(STRINGS ${PROGRAM} lines LIMIT_COUNT 1)
execute_process(
  COMMAND ${COMPILER} -std=c++23 -Wall -Wextra -fsyntax-only -I ${INCLUDE} ${PROGRAM}
  RESULT_VARIABLE result ERROR_VARIABLE said OUTPUT_VARIABLE said)

if(lines STREQUAL "// ok")
  if(NOT result EQUAL 0 OR NOT said STREQUAL "")
    message(FATAL_ERROR "${PROGRAM} should compile without a word:\n${said}")
  endif()
  file(WRITE ${PASSED} ${now})
  return()
endif()
if(NOT lines MATCHES "^// (error|warning): (.+)$")
  message(FATAL_ERROR "${PROGRAM}: the first line is none of '// error: TEXT', '// warning: TEXT', '// ok'")
endif()
set(kind ${CMAKE_MATCH_1})
set(text ${CMAKE_MATCH_2})
if(kind STREQUAL "error" AND result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} compiles, but should not")
endif()
if(kind STREQUAL "warning" AND NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} should compile with a warning:\n${said}")
endif()
string(FIND "${said}" "${text}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "${PROGRAM}: the compiler does not say '${text}':\n${said}")
endif()
file(WRITE ${PASSED} ${now})
