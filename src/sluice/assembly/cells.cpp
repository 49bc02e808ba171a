#include "sluice/assembly/cells.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "sluice/core/delivery.hpp"
#include "sluice/core/words.hpp"

namespace sluice::assembly {
namespace {

std::string decimal_text(Int128 number, unsigned scale) {
  const bool negative = number < 0;
  std::string digits;
  // The least number has no positive twin: digits are taken off with their sign.
  do {
    const int digit = static_cast<int>(number % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    number /= 10;
  } while (number != 0);
  while (digits.size() <= scale) digits += '0';
  std::ranges::reverse(digits);
  if (scale > 0) digits.insert(digits.size() - scale, ".");
  return negative ? "-" + digits : digits;
}

std::string timestamp_text(std::int64_t micros) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(micros)};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(seconds.time_since_epoch().count()));
  if (const auto rest = (time - seconds).count(); rest != 0) text += fmt::format(".{:06}", rest);
  return text;
}

}  // namespace

std::optional<std::string> cell_text(const Batch& batch, std::size_t column, std::size_t row) {
  const Vector& vector = batch.vectors[column];
  if (vector.is_null(row)) return std::nullopt;
  const Type type = (*batch.schema)[column].type;
  switch (type.kind) {
    case Kind::boolean: return vector.at<std::uint8_t>(row) != 0 ? "true" : "false";
    case Kind::int32: return std::to_string(vector.at<std::int32_t>(row));
    case Kind::int64: return std::to_string(vector.at<std::int64_t>(row));
    case Kind::float64: return fmt::format("{}", vector.at<double>(row));
    case Kind::decimal: return decimal_text(vector.at<Int128>(row), type.scale);
    case Kind::text:
    case Kind::json: return std::string(vector.at<Text>(row).view());
    case Kind::bytes: {
      std::string hex;
      for (const char c : vector.at<Text>(row).view()) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return hex;
    }
    case Kind::date: return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time_t{vector.at<std::int32_t>(row)} * 86400));
    case Kind::timestamp: return timestamp_text(vector.at<std::int64_t>(row));
    case Kind::timestamp_tz: return timestamp_text(vector.at<std::int64_t>(row)) + "Z";
    case Kind::uuid: {
      Key key;
      std::memcpy(key.bytes.data(), &vector.at<std::array<std::uint8_t, 16>>(row), 16);
      return to_uuid(key);
    }
  }
  return std::nullopt;
}

}  // namespace sluice::assembly
