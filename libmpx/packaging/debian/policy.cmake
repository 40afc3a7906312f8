# What Debian's policy asks of the files of a package; cpack runs it on what it has installed.

set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(RENAME ${root}/share/doc/mpx ${root}/share/doc/${CPACK_PACKAGE_NAME})
set(doc ${root}/share/doc/${CPACK_PACKAGE_NAME})
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
file(REMOVE ${doc}/LICENSE)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/copyright ${doc}/copyright)
file(CHMOD ${doc}/copyright PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(GLOB_RECURSE pages ${root}/share/man/*)
run(gzip -9n ${doc}/changelog ${pages})

# Like --strip does with programs and shared libraries.
file(GLOB_RECURSE archives ${root}/lib/*.a)
if(archives)
  run(strip --strip-debug --enable-deterministic-archives ${archives})
endif()
