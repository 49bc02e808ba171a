// What every source of credentials needs: times, JSON and the check of what came out.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sluice/aws/credentials_sources.hpp"

namespace sluice::aws {
namespace {

constexpr std::size_t answer_bytes_max = 65536;

// Fixed-width digits at `at`.
bool read_digits(std::string_view text, std::size_t at, std::size_t count, int& value) {
  if (at + count > text.size()) return false;
  value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

bool fits_a_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool shape = text.size() >= 20 && text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == ' ') &&
                     text[13] == ':' && text[16] == ':';
  if (!shape || !read_digits(text, 0, 4, year) || !read_digits(text, 5, 2, month) || !read_digits(text, 8, 2, day) ||
      !read_digits(text, 11, 2, hour) || !read_digits(text, 14, 2, minute) || !read_digits(text, 17, 2, second)) {
    return {};
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // system_clock ends in 2262.
  if (!date.ok() || year < 1970 || year > 2261 || hour > 23 || minute > 59 || second > 60) return {};
  std::string_view zone = text.substr(19);
  if (zone.starts_with('.')) {
    const std::size_t digits_end = std::min(zone.find_first_not_of("0123456789", 1), zone.size());
    zone.remove_prefix(digits_end);
  }
  std::chrono::minutes offset{0};
  if (zone != "Z" && zone != "z" && zone != "UTC") {
    int hours = 0, minutes = 0;
    const bool ok = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':' &&
                    read_digits(zone, 1, 2, hours) && read_digits(zone, 4, 2, minutes);
    if (!ok) return {};
    offset = std::chrono::minutes((zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes));
  }
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) - offset;
}

Result<Credentials> checked(Credentials credentials, const Clock& clock) {
  if (credentials.key_id.empty() || credentials.secret.empty()) {
    return fail(Fault::denied, "an access key without its secret, or the other way round");
  }
  if (!fits_a_header(credentials.key_id) || !fits_a_header(credentials.secret) || !fits_a_header(credentials.token)) {
    return fail(Fault::denied,
                "an access key, secret or session token that holds a space, line break or special character",
                "was it copied whole, and without a line break at the end?");
  }
  if (credentials.expires <= clock.now()) {
    return fail(Fault::transient, "credentials that have expired already", "is this machine's clock right?");
  }
  return credentials;
}

Result<Credentials> parse_json_credentials(std::string_view text, std::string_view token_name, const Clock& clock) {
  if (text.size() > answer_bytes_max) return fail(Fault::denied, "an answer of more than 64 KiB");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Fault::denied, "an answer that is not a JSON object");
  Credentials credentials;
  std::string expires;
  const auto read = [&json](std::string_view name, bool needed, std::string& value) -> Result<void> {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) {
      if (needed) return fail(Fault::denied, "an answer without " + std::string(name));
      return {};
    }
    if (!found->is_string()) return fail(Fault::denied, "an answer in which " + std::string(name) + " is not a text");
    value = found->get_ref<const std::string&>();
    return {};
  };
  SLUICE_CHECK(read("AccessKeyId", true, credentials.key_id));
  SLUICE_CHECK(read("SecretAccessKey", true, credentials.secret));
  SLUICE_CHECK(read(token_name, false, credentials.token));
  SLUICE_CHECK(read("Expiration", false, expires));
  if (!expires.empty()) {
    const auto time = parse_time(expires);
    if (!time) return fail(Fault::denied, "an answer in which Expiration is not a time");
    credentials.expires = *time;
  }
  return checked(std::move(credentials), clock);
}

}  // namespace sluice::aws
