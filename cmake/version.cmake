# Run at each build: writes sluice_version.hpp with the version and the commit, only when one has changed.
file(STRINGS ${SOURCE_DIR}/VERSION version LIMIT_COUNT 1)
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=10 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(NOT failed EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define SLUICE_VERSION \"${version}\"\n#define SLUICE_COMMIT \"${commit}\"\n")
