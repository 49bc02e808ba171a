// mask_date_shift: all dates of one entity are moved by one keyed number of days, so that the distances between them
// stay. Never by zero: a date would come out clear.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "sluice/mask/hmac_sha256.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool read_date(std::string_view text, sys_days& date) {
  unsigned parts[3] = {};
  constexpr std::size_t starts[] = {0, 5, 8};
  constexpr std::size_t sizes[] = {4, 2, 2};
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (std::size_t i = 0; i < 3; ++i) {
    const char* end = text.data() + starts[i] + sizes[i];
    const auto [at, error] = std::from_chars(text.data() + starts[i], end, parts[i]);
    if (error != std::errc{} || at != end) return false;
  }
  const year_month_day day{std::chrono::year(static_cast<int>(parts[0])), std::chrono::month(parts[1]),
                           std::chrono::day(parts[2])};
  date = day;
  return day.ok();
}

// Takes two digits that say at most `most` from the front of a text.
bool take_two(std::string_view& text, int most) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) return false;
  const int number = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return number <= most;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

// What stands behind the date: nothing, or a time of the day, which stays as it is. So it must be one and no more:
// HH:MM[:SS[.f]] and a zone, Z or +HH[:MM]. Digits of another shape could be anybody's number.
bool is_time(std::string_view text) {
  constexpr std::size_t fraction_max = 6;  // a timestamp counts microseconds
  constexpr int zone_hours_max = 15;
  if (text.empty()) return true;
  if (!take(text, ' ') && !take(text, 'T')) return false;
  if (!take_two(text, 23) || !take(text, ':') || !take_two(text, 59)) return false;
  if (take(text, ':')) {
    if (!take_two(text, 59)) return false;
    if (take(text, '.')) {
      const auto end = std::ranges::find_if_not(text, is_digit);
      const auto size = static_cast<std::size_t>(end - text.begin());
      if (size == 0 || size > fraction_max) return false;
      text.remove_prefix(size);
    }
  }
  if (text.empty() || text == "Z") return true;
  if (!take(text, '+') && !take(text, '-')) return false;
  if (!take_two(text, zone_hours_max)) return false;
  return text.empty() || (take(text, ':') && take_two(text, 59) && text.empty());
}

class DateShiftMask final : public Mask {
 public:
  DateShiftMask(const Keyring& keyring, std::string_view id, std::string_view domain, unsigned most)
      : hmac_(SubKey<HmacSha256::size>(keyring, id, "date_shift", domain).bytes), most_(most) {}

  const char* days(std::string_view entity, std::int32_t& out) override {
    if (const char* refusal = canonicalize(Form::text, entity, clear_.text)) return refusal;
    if (clear_.text.empty()) return "no_entity";
    std::array<std::uint8_t, HmacSha256::size> code;
    hmac_.mac(clear_.text, code);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) number = number << 8U | code[i];
    const auto step = static_cast<std::int32_t>(number % (2 * std::uint64_t{most_}));
    const auto most = static_cast<std::int32_t>(most_);
    out = step < most ? step - most : step - most + 1;
    return nullptr;
  }

  const char* mask(std::string_view value, std::string& out) override { return move(value, 1, out); }
  const char* unmask(std::string_view token, std::string& out) override { return move(token, -1, out); }

 private:
  const char* move(std::string_view line, int direction, std::string& out) {
    out.clear();
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return "no_entity";
    sys_days date;
    const std::string_view text = trimmed(line.substr(0, tab));
    const std::string_view time = text.substr(std::min<std::size_t>(text.size(), 10));
    if (!read_date(text.substr(0, 10), date) || !is_time(time)) return "invalid_date";
    std::int32_t shift = 0;
    if (const char* refusal = days(line.substr(tab + 1), shift)) return refusal;
    const sys_days to = date + std::chrono::days(direction * shift);
    for (const sys_days day : {date, to}) {
      const auto number = day.time_since_epoch().count();
      if (number < date_min || number > date_max) return "out_of_range";
    }
    const year_month_day moved(to);
    char moved_text[16];
    const int size = std::snprintf(moved_text, sizeof moved_text, "%04d-%02u-%02u", static_cast<int>(moved.year()),
                                   static_cast<unsigned>(moved.month()), static_cast<unsigned>(moved.day()));
    out.assign(moved_text, static_cast<std::size_t>(size));
    out += time;
    return nullptr;
  }

  HmacSha256 hmac_;
  unsigned most_;
  Clear clear_;
};

}  // namespace

Made make_date_shift(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_TRY(const unsigned most, read_number("days", arguments[0], 1, 36500));
  SLUICE_CHECK(check_domain(arguments[1]));
  return std::make_unique<DateShiftMask>(*keyring, key_id, arguments[1], most);
}

}  // namespace sluice::mask
