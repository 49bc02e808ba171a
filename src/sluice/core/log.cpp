#include "sluice/core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace sluice::log {
namespace {

Format format_now = Format::logfmt;

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> made = [] {
    auto fresh = std::make_shared<spdlog::logger>("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    fresh->set_level(spdlog::level::info);
    fresh->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
    return fresh;
  }();
  return *made;
}

// Quoted where logfmt needs it; control characters never reach a terminal.
std::string in_logfmt(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\\t\r\n") == std::string_view::npos;
  std::string out;
  if (!plain) out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += '?';
    } else {
      out += c;
    }
  }
  if (!plain) out += '"';
  return out;
}

void write(spdlog::level::level_enum level, std::string_view event, std::initializer_list<Field> fields) {
  if (!logger().should_log(level)) return;
  std::string line;
  if (format_now == Format::json) {
    nlohmann::ordered_json object;
    object["event"] = event;
    for (const Field& field : fields) object[std::string(field.name)] = field.value;
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    // The pattern has written `{"time":...,"level":...,` before.
    line.erase(0, 1);
  } else {
    line = "event=" + in_logfmt(event);
    for (const Field& field : fields) {
      line += ' ';
      line += field.name;
      line += '=';
      line += in_logfmt(field.value);
    }
  }
  logger().log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void configure(Level level, Format format) {
  format_now = format;
  spdlog::level::level_enum wanted = spdlog::level::info;
  switch (level) {
    case Level::debug: wanted = spdlog::level::debug; break;
    case Level::info: wanted = spdlog::level::info; break;
    case Level::warning: wanted = spdlog::level::warn; break;
    case Level::error: wanted = spdlog::level::err; break;
    case Level::off: wanted = spdlog::level::off; break;
  }
  logger().set_level(wanted);
  if (format == Format::json) {
    logger().set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)", spdlog::pattern_time_type::utc);
  }
}

void debug(std::string_view event, std::initializer_list<Field> fields) { write(spdlog::level::debug, event, fields); }
void info(std::string_view event, std::initializer_list<Field> fields) { write(spdlog::level::info, event, fields); }
void warning(std::string_view event, std::initializer_list<Field> fields) { write(spdlog::level::warn, event, fields); }
void error(std::string_view event, std::initializer_list<Field> fields) { write(spdlog::level::err, event, fields); }

}  // namespace sluice::log
