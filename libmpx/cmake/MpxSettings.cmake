# Compiler settings of the whole tree, and the packages that it uses.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
  endif()
  find_program(MPX_CCACHE ccache)
  if(MPX_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${MPX_CCACHE})
  endif()
endif()

if(MPX_SANITIZE)
  add_compile_options(-fsanitize=${MPX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MPX_SANITIZE})
  if(MPX_SANITIZE MATCHES thread)
    # TSan does not model fences; those here order atomics, which it follows anyway.
    add_compile_options(-Wno-tsan)
  endif()
endif()

# Open MPI 4.1's mpi.h would otherwise drag in the old C++ bindings and their warnings.
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW)  # Boost's own package file, as FindBoost is going
endif()
find_package(Boost 1.74 REQUIRED COMPONENTS mpi serialization)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)

# The warnings that every target of this project is compiled with.
function(mpx_warnings)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${MPX_WERROR}>:-Werror>)
  endforeach()
endfunction()
