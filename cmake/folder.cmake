# sluice_folder(NAME core SOURCES a.cpp ... USES other folders ... LINKS libraries ... TESTS a_test.cpp ...)
#
# One library `sluice_NAME` a folder of src/sluice, and one test binary `NAME_test`. A folder sees only
# its own headers and those of the folders it USES: each exports an include directory that holds nothing
# but a link to itself, so an include of any other folder does not compile.
set(SLUICE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# False alarms of g++ 12 with optimisation: the unused half of a moved tl::expected, and "x" + std::string (its bug 105651).
list(APPEND SLUICE_WARNINGS -Wno-maybe-uninitialized -Wno-restrict)

function(sluice_include_dir name out)
  set(dir ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${dir}/sluice)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/sluice/${name} ${dir}/sluice/${name} SYMBOLIC)
  set(${out} ${dir} PARENT_SCOPE)
endfunction()

function(sluice_folder)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;USES;LINKS;TESTS;TEST_LINKS" ${ARGN})
  sluice_include_dir(${ARG_NAME} include_dir)
  add_library(sluice_${ARG_NAME} STATIC ${ARG_SOURCES})
  target_include_directories(sluice_${ARG_NAME} PUBLIC ${include_dir})
  target_compile_options(sluice_${ARG_NAME} PRIVATE ${SLUICE_WARNINGS})
  if(SLUICE_CRASH_POINTS)
    target_compile_definitions(sluice_${ARG_NAME} PUBLIC SLUICE_CRASH_POINTS)
  endif()
  list(TRANSFORM ARG_USES PREPEND sluice_)
  target_link_libraries(sluice_${ARG_NAME} PUBLIC ${ARG_USES} ${ARG_LINKS})
  if(ARG_TESTS)
    add_executable(${ARG_NAME}_test ${ARG_TESTS})
    target_compile_options(${ARG_NAME}_test PRIVATE ${SLUICE_WARNINGS})
    target_compile_definitions(${ARG_NAME}_test PRIVATE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${ARG_NAME}_test PRIVATE sluice_${ARG_NAME} GTest::gtest GTest::gtest_main ${ARG_TEST_LINKS})
    # One entry a binary: ctest prints its output where it fails.
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}_test --gtest_brief=1 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()
endfunction()
