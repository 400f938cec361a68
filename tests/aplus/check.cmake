# Fetches promises-aplus-tests with npm, once, and runs it: -DADAPTER=... -DNODE=... -DNPM=... -DRUN=run.js -DWORK=directory
# Where it cannot be had, says "skipped: " and why, which ctest knows as a skipped test.
set(package ${WORK}/node_modules/promises-aplus-tests)
if(NOT EXISTS ${package})
  file(MAKE_DIRECTORY ${WORK})
  execute_process(COMMAND ${NPM} install --prefix ${WORK} --no-audit --no-fund --ignore-scripts --fetch-retries=0
      --fetch-timeout=20000 promises-aplus-tests@2.1.2
    TIMEOUT 90 RESULT_VARIABLE code OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT code STREQUAL "0" OR NOT EXISTS ${package})
    message("skipped: npm cannot install promises-aplus-tests@2.1.2 (${code})\n${said}")
    return()
  endif()
endif()
execute_process(COMMAND ${NODE} ${RUN} ${ADAPTER} ${WORK} RESULT_VARIABLE code)
if(NOT code STREQUAL "0")
  message(FATAL_ERROR "Promises/A+: exit code ${code}")
endif()
