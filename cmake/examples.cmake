# Writes example_files.hpp: the example projects, so that `sluice demo` needs no source tree. A changed file configures
# anew.
function(sluice_examples output)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/examples ${CMAKE_SOURCE_DIR}/examples/*.yaml
                                                     ${CMAKE_SOURCE_DIR}/examples/*.sql)
  list(SORT files)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/${file})
    file(READ ${CMAKE_SOURCE_DIR}/examples/${file} text)
    string(APPEND entries "    ExampleFile{\"${file}\", R\"example(${text})example\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [[// Made by cmake/examples.cmake.
#pragma once

#include <array>
#include <string_view>

namespace sluice::demo {

struct ExampleFile {
  std::string_view path;  // below examples/
  std::string_view text;
};
inline constexpr std::array example_files{
@entries@};

}  // namespace sluice::demo
]])
endfunction()
