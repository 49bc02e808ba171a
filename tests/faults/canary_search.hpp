// Values that stand nowhere else in the world, for personal fields, and the search for what is left of them: as they
// are, in another letter case, as hex digits, base64 or base64url at any alignment, JSON escapes or percent signs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::faults {

constexpr const char* mark = "Zq7canary";  // of every personal text
// Of what has a form of its own.
constexpr const char* mark_ip = "241.77.";
constexpr const char* mark_ip6 = "2001:db8:77c0";
constexpr const char* mark_device = "977-31-55";
constexpr const char* mark_phone = "+99977312";
constexpr const char* mark_date = "1907-07-";
constexpr const char* mark_card = "97713770";

// The first mark in `text`, with its surroundings; empty: there is none.
std::optional<std::string> mark_in(std::string_view text);

// Fails the test, with the place, where there is one.
void expect_no_mark(const std::string& where, std::string_view text);

}  // namespace sluice::faults
