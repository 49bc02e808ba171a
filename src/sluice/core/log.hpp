// Log lines on stderr: an event and its fields, as logfmt or JSON lines. Fields hold names, places
// and counts; never a value of a row. Safe to call from any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::log {

enum class Level { debug, info, warning, error, off };
enum class Format { logfmt, json };

struct Field {
  std::string_view name;
  std::string value;
};

void configure(Level level, Format format);

void debug(std::string_view event, std::initializer_list<Field> fields = {});
void info(std::string_view event, std::initializer_list<Field> fields = {});
void warning(std::string_view event, std::initializer_list<Field> fields = {});
void error(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace sluice::log
