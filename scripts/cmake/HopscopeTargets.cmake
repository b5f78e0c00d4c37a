# Flags and helper functions for the project's own targets; nothing here is global.

add_library(hopscope_flags INTERFACE)
target_compile_features(hopscope_flags INTERFACE cxx_std_20)
target_compile_options(
  hopscope_flags
  INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
            # g++ 12 sees uninitialised parts of std::optional that are never read.
            # So it sees overlapping copies in std::string's operator+ (GCC bug 105651).
            "$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-restrict>"
            $<$<BOOL:${HOPSCOPE_WERROR}>:-Werror>)
target_include_directories(hopscope_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(HOPSCOPE_ASSERTIONS)
  target_compile_definitions(hopscope_flags INTERFACE HOPSCOPE_ASSERTIONS)
endif()
if(HOPSCOPE_SANITIZE)
  target_compile_options(hopscope_flags INTERFACE -fsanitize=${HOPSCOPE_SANITIZE}
                                                  -fno-sanitize-recover=all)
  target_link_options(hopscope_flags INTERFACE -fsanitize=${HOPSCOPE_SANITIZE})
endif()

# Link-time optimisation takes longer than all of the compiling, so it is for the program and for
# what measures it. The objects of the rooms hold machine code as well, which the tests link.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(TRANSFORM CMAKE_C_COMPILE_OPTIONS_IPO REPLACE "^-fno-fat" "-ffat")
  list(TRANSFORM CMAKE_CXX_COMPILE_OPTIONS_IPO REPLACE "^-fno-fat" "-ffat")
endif()

# hopscope_without_lto(TARGET): links the machine code of the rooms as it is.
function(hopscope_without_lto target)
  set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Stated, because the linker's plugin optimises any object that it can.
    target_link_options(${target} PRIVATE -fno-lto)
    # What is tested are the rooms, as optimised as ever; the tests themselves compile faster so.
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# What the tests with the label "threads" run: all that the thread sanitizer needs.
add_custom_target(thread_tests)

# HOPSCOPE_ROOMS, and HOPSCOPE_ROOM_<room>: the rooms whose headers a room may include.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/rooms.txt)
file(STRINGS ${CMAKE_SOURCE_DIR}/src/rooms.txt room_lines REGEX "^[a-z]")
foreach(line IN LISTS room_lines)
  string(REGEX MATCH "^([^:]+): *(.*)$" line "${line}")
  list(APPEND HOPSCOPE_ROOMS ${CMAKE_MATCH_1})
  string(REPLACE " " ";" HOPSCOPE_ROOM_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()

# hopscope_link_rooms(TARGET ROOM SCOPE): links what src/rooms.txt lists for the room.
function(hopscope_link_rooms target room scope)
  set(rooms ${HOPSCOPE_ROOM_${room}})
  list(TRANSFORM rooms REPLACE "/" ".")
  list(TRANSFORM rooms PREPEND hopscope::)
  target_link_libraries(${target} ${scope} hopscope_flags ${rooms})
endfunction()

# hopscope_room([SOURCES a.cpp ...] [LINK x ...] [PRIVATE_LINK y ...]): the library of this folder;
# that of src/pipeline/decode is hopscope::pipeline.decode. Other rooms are linked by src/rooms.txt.
function(hopscope_room)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  file(RELATIVE_PATH room ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "." name ${room})
  if(ARG_SOURCES)
    add_library(hopscope_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(hopscope_${name} PRIVATE ${ARG_PRIVATE_LINK})
  else()
    add_library(hopscope_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(hopscope::${name} ALIAS hopscope_${name})
  hopscope_link_rooms(hopscope_${name} ${room} ${scope})
  target_link_libraries(hopscope_${name} ${scope} ${ARG_LINK})
endfunction()

# hopscope_test(NAME [LTO] SOURCES a.cpp ... LINK x ... LABELS l ... [TIMEOUT seconds] [SHARDS n]
# [FILTER filter]): one GoogleTest executable; exit code 77 means skipped.
#   LTO     linked as the program is, which takes half a minute
#   SHARDS  number of ctest entries that share its tests, for one that takes long
#   FILTER  the tests that ctest runs, as GoogleTest filters them
function(hopscope_test name)
  cmake_parse_arguments(ARG "LTO" "TIMEOUT;SHARDS;FILTER" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  if(NOT ARG_LTO)
    hopscope_without_lto(${name})
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE hopscope_flags ${ARG_LINK} GTest::gmock_main)
  target_compile_definitions(
    ${name} PRIVATE HOPSCOPE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                    HOPSCOPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set(tests ${name})
  if(ARG_SHARDS)
    set(tests)
    foreach(shard RANGE 1 ${ARG_SHARDS})
      list(APPEND tests ${name}_${shard}of${ARG_SHARDS})
    endforeach()
  endif()
  set(index 0)
  foreach(test IN LISTS tests)
    add_test(NAME ${test} COMMAND ${name})
    set(environment)
    if(ARG_FILTER)
      list(APPEND environment "GTEST_FILTER=${ARG_FILTER}")
    endif()
    if(ARG_SHARDS)
      list(APPEND environment GTEST_TOTAL_SHARDS=${ARG_SHARDS} GTEST_SHARD_INDEX=${index})
    endif()
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                                            SKIP_RETURN_CODE 77 ENVIRONMENT "${environment}")
    if("root" IN_LIST ARG_LABELS)
      # They use the same names for their interfaces.
      set_tests_properties(${test} PROPERTIES RESOURCE_LOCK interfaces)
    endif()
    if("threads" IN_LIST ARG_LABELS OR "root" IN_LIST ARG_LABELS OR "servers" IN_LIST ARG_LABELS)
      # Threads, interfaces and servers that wait for each other: with `ctest -j2`, alone.
      set_tests_properties(${test} PROPERTIES PROCESSORS 2)
    endif()
    math(EXPR index "${index} + 1")
  endforeach()
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
endfunction()

# hopscope_room_test([SUFFIX] SOURCES a.cpp ... [LINK x ...] [LABELS l ...] [THREADS filter]
# [TIMEOUT seconds] [SHARDS n] [SERIAL]): tests of the room that this folder mirrors, as one
# program: that of tests/pipeline/decode is pipeline.decode_test. LABELS: fast unless given. THREADS:
# the tests in it (a GoogleTest filter) that the thread sanitizer runs. SERIAL: real time counts in
# its tests, and nothing else may run beside them.
function(hopscope_room_test)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;THREADS;SHARDS" "SOURCES;LINK;LABELS" ${ARGN})
  file(RELATIVE_PATH room ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "." room ${room})
  set(name ${room})
  if(ARG_UNPARSED_ARGUMENTS)
    string(APPEND name "_${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  set(filter)
  if(ARG_THREADS)
    list(APPEND ARG_LABELS threads)
    if(HOPSCOPE_SANITIZE STREQUAL thread)
      set(filter FILTER "${ARG_THREADS}")
    endif()
  endif()
  hopscope_test(${name}_test SOURCES ${ARG_SOURCES} LINK hopscope::${room} ${ARG_LINK}
                LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT} SHARDS ${ARG_SHARDS} ${filter})
  if(ARG_SERIAL)
    set_tests_properties(${name}_test PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# hopscope_bench(NAME SOURCES a.cpp ... LINK x ...): a Google Benchmark executable, which the
# tests also run for one short iteration so that it cannot rot.
function(hopscope_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE hopscope_flags ${ARG_LINK} benchmark::benchmark)
endfunction()

# hopscope_fuzzer(NAME SOURCE a.cpp LINK x ...): with HOPSCOPE_LIBFUZZER a libFuzzer target, else
# the same entry point behind a plain main. A test replays corpus and regressions with either.
function(hopscope_fuzzer name)
  cmake_parse_arguments(ARG "" "SOURCE" "LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCE})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE hopscope_flags ${ARG_LINK})
  set(inputs ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/regressions/${name})
    list(APPEND inputs ${CMAKE_SOURCE_DIR}/tests/fuzz/regressions/${name})
  endif()
  if(HOPSCOPE_LIBFUZZER)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name}_replay COMMAND ${name} -runs=0 ${inputs})
  else()
    hopscope_without_lto(${name})
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME ${name}_replay COMMAND ${name} ${inputs})
  endif()
  set_tests_properties(${name}_replay PROPERTIES LABELS "fuzz" TIMEOUT 120)
endfunction()
