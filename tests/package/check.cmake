# Builds and runs the program of this folder against thrum. For ctest:
#   cmake -DHOW=installed -DSOURCE=... -DBUILD=... -DWORK=... -P check.cmake     install BUILD to a prefix, then find_package
#   cmake -DHOW=subproject ...                                                  as a part of the program's own build
# GENERATOR, COMPILER, LAUNCHER (its words with | between them), FLAGS and WERROR are those of the present build; TLS and HTTP say whether it has those components.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "failed: ${line}\n${said}")
  endif()
endfunction()

set(ENV{CCACHE_NOHASHDIR} true) # the library was compiled before, in another folder
# The prefix and the program are made anew. As a subproject the library is configured anew, but its objects stay: to compile all of it
# each time would prove nothing more.
if(HOW STREQUAL "installed")
  file(REMOVE_RECURSE ${WORK})
else()
  file(REMOVE_RECURSE ${WORK}/source ${WORK}/build/CMakeCache.txt)
  file(REMOVE ${WORK}/build/consumer)
endif()
file(COPY ${SOURCE}/tests/package/CMakeLists.txt ${SOURCE}/tests/package/main.cc DESTINATION ${WORK}/source)

if(HOW STREQUAL "installed")
  step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
  set(where -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  # A cache has all of it already. Without one, what the objects are like does not matter here, and time does.
  if(NOT LAUNCHER)
    set(FLAGS -O0)
  endif()
  string(REPLACE "|" ";" LAUNCHER "${LAUNCHER}")
  set(ENV{CMAKE_CXX_COMPILER_LAUNCHER} "${LAUNCHER}")
  set(where -DTHRUM_SOURCE=${SOURCE} -DTHRUM_WERROR=${WERROR})
endif()
step(${CMAKE_COMMAND} -S ${WORK}/source -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=${FLAGS}" -DEXPECT_TLS=${TLS} -DEXPECT_HTTP=${HTTP} ${where})
step(${CMAKE_COMMAND} --build ${WORK}/build -j 2)

execute_process(COMMAND ${WORK}/build/consumer RESULT_VARIABLE result OUTPUT_VARIABLE said TIMEOUT 30)
if(NOT result EQUAL 0 OR NOT said STREQUAL "42\n")
  message(FATAL_ERROR "the program says '${said}' and ends with ${result}")
endif()
