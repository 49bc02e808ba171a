#include "sluice/schedule/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "sluice/core/words.hpp"

namespace sluice::schedule {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRule {
  const char* name;
  unsigned least;
  unsigned most;
  std::span<const std::string_view> names;  // the first stands for `least`
};
constexpr std::array fields{
    FieldRule{"minute", 0, 59, {}},
    FieldRule{"hour", 0, 23, {}},
    FieldRule{"day of month", 1, 31, {}},
    FieldRule{"month", 1, 12, month_names},
    FieldRule{"day of week", 0, 7, weekday_names},  // 7 is Sunday, as 0 is
};

struct Shorthand {
  std::string_view name;
  std::string_view line;
};
constexpr std::array shorthands{
    Shorthand{"@yearly", "0 0 1 1 *"}, Shorthand{"@annually", "0 0 1 1 *"}, Shorthand{"@monthly", "0 0 1 * *"},
    Shorthand{"@weekly", "0 0 * * 0"}, Shorthand{"@daily", "0 0 * * *"},    Shorthand{"@midnight", "0 0 * * *"},
    Shorthand{"@hourly", "0 * * * *"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::vector<std::string> split(std::string_view text, std::string_view between) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (between.find(c) == std::string_view::npos) {
      parts.back() += c;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

std::optional<unsigned> number_in(std::string_view text) {
  unsigned number = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || last != text.data() + text.size()) return std::nullopt;
  return number;
}

class FieldReader {
 public:
  FieldReader(const FieldRule& rule, std::string_view text) : rule_(rule), text_(text) {}

  // One bit a value.
  Result<std::bitset<64>> read() {
    for (const std::string& item : split(text_, ",")) SLUICE_CHECK(read_item(item));
    return bits_;
  }

 private:
  tl::unexpected<Error> bad(const std::string& why, std::string hint = {}) const {
    return fail(Fault::config,
                "cron: " + std::string(rule_.name) + " '" + std::string(text_.substr(0, 40)) + "': " + why,
                std::move(hint));
  }

  Result<unsigned> value(std::string_view text) const {
    if (const auto number = number_in(text)) {
      if (*number >= rule_.least && *number <= rule_.most) return *number;
      return bad(std::string(text.substr(0, 12)) + " is not within " + std::to_string(rule_.least) + " to " +
                 std::to_string(rule_.most));
    }
    const std::string name = lower(text);
    for (std::size_t i = 0; i < rule_.names.size(); ++i) {
      if (rule_.names[i] == name) return rule_.least + static_cast<unsigned>(i);
    }
    if (text.empty()) return bad("a value is missing", "as in 5, 1-5, 1,15, */10 or 8-18/2");
    const std::string what = "'" + std::string(text.substr(0, 12)) + "' is no " + rule_.name;
    if (rule_.names.empty()) return bad(what, "as in 5, 1-5, 1,15, */10 or 8-18/2");
    const std::vector<std::string> known(rule_.names.begin(), rule_.names.end());
    return bad(what, did_you_mean(name, known));
  }

  Result<void> read_item(const std::string& item) {
    const std::vector<std::string> halves = split(item, "/");
    if (halves.size() > 2) return bad("it has more than one step");
    unsigned first = rule_.least;
    unsigned last = is_weekday() ? 6 : rule_.most;
    bool is_range = halves[0] == "*";
    if (!is_range) {
      const std::vector<std::string> ends = split(halves[0], "-");
      if (ends.size() > 2) return bad("a range has two ends");
      is_range = ends.size() == 2;
      SLUICE_TRY(first, value(ends.front()));
      SLUICE_TRY(last, value(ends.back()));
      if (is_range && is_weekday() && last == 0 && first > 0) last = 7;  // fri-sun
      if (first > last) return bad("the range ends before it begins");
    }
    unsigned step = 1;
    if (halves.size() == 2) {
      const auto number = number_in(halves[1]);
      if (!number || *number == 0 || *number > rule_.most)
        return bad("a step is a number from 1 to " + std::to_string(rule_.most));
      if (!is_range) {
        return bad("a step needs a range", "write " + halves[0].substr(0, 12) + "-" + std::to_string(rule_.most) + "/" +
                                               halves[1].substr(0, 12));
      }
      step = *number;
    }
    for (unsigned at = first; at <= last; at += step) bits_.set(is_weekday() ? at % 7 : at);
    return {};
  }

  bool is_weekday() const { return !rule_.names.empty() && rule_.least == 0; }

  const FieldRule& rule_;
  std::string_view text_;
  std::bitset<64> bits_;
};

template <std::size_t N>
void take(std::bitset<N>& out, const std::bitset<64>& bits) {
  for (std::size_t i = 0; i < N; ++i) out[i] = bits[i];
}

Result<std::string> without_shorthand(const std::string& text) {
  if (!text.starts_with('@')) return text;
  std::vector<std::string> known;
  for (const Shorthand& shorthand : shorthands) {
    if (lower(text) == shorthand.name) return std::string(shorthand.line);
    known.emplace_back(shorthand.name);
  }
  return fail(Fault::config, "cron: '" + text.substr(0, 20) + "' is unknown", did_you_mean(text, known));
}

}  // namespace

std::optional<LocalTime> Cron::first_from(LocalTime from) const {
  local_days day = floor<std::chrono::days>(from);
  std::chrono::minutes start = ceil<std::chrono::minutes>(from - day);  // of the day
  // 29 February comes round after eight years at most.
  for (int looked = 0; looked < 9 * 366; ++looked, day += std::chrono::days(1), start = std::chrono::minutes(0)) {
    const year_month_day date(day);
    if (!months[static_cast<unsigned>(date.month())]) continue;
    const bool day_fits = days[static_cast<unsigned>(date.day())];
    const bool weekday_fits = weekdays[weekday(day).c_encoding()];
    if (any_day || any_weekday ? !(day_fits && weekday_fits) : !(day_fits || weekday_fits)) continue;
    for (auto at = static_cast<std::size_t>(start.count()); at < 24U * 60; ++at) {
      if (hours[at / 60] && minutes[at % 60]) return day + std::chrono::minutes(static_cast<int>(at));
    }
  }
  return std::nullopt;
}

Result<Cron> parse_cron(std::string_view text) {
  std::vector<std::string> words = split(text, " \t\n");
  std::erase(words, "");
  if (words.size() == 1) {
    SLUICE_TRY(const std::string line, without_shorthand(words.front()));
    words = split(line, " ");
  }
  if (words.size() != fields.size()) {
    return fail(Fault::config, "cron: it has " + std::to_string(words.size()) + " of 5 fields",
                "minute, hour, day of month, month, day of week, as in 15 6 * * mon-fri; or @daily");
  }
  Cron cron;
  std::array<std::bitset<64>, fields.size()> bits;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    SLUICE_TRY(bits[i], FieldReader(fields[i], words[i]).read());
  }
  take(cron.minutes, bits[0]);
  take(cron.hours, bits[1]);
  take(cron.days, bits[2]);
  take(cron.months, bits[3]);
  take(cron.weekdays, bits[4]);
  cron.any_day = words[2].starts_with('*');
  cron.any_weekday = words[4].starts_with('*');
  if (!cron.first_from(local_days(year(2024) / January / 1))) {
    return fail(Fault::config, "cron: it is never due: no such month has day of month '" + words[2] + "'");
  }
  return cron;
}

}  // namespace sluice::schedule
