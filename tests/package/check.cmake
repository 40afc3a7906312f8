# Installs the build tree BUILD below WORK, and builds and runs the project CONSUMER with it.

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs the command, which must print what the consumer prints.
function(expect_hello)
  run(${ARGN})
  if(NOT output MATCHES "hello foo")
    message(FATAL_ERROR "${ARGN}\nprinted no \"hello foo\":\n${output}")
  endif()
endfunction()

set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${prefix} ${WORK}/build)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
expect_hello(${WORK}/build/consumer)
if(EXISTS ${prefix}/bin/mpx-run)
  expect_hello(${prefix}/bin/mpx-run -n 2 ${WORK}/build/consumer)
endif()
