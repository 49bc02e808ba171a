#include "sluice/demo/events.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace sluice::demo {

std::vector<std::string> login_events(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  // Not std::uniform_int_distribution: its results differ between libraries.
  const auto below = [&random](std::uint32_t most) { return random() % most; };
  const auto address = [&] {
    return fmt::format("{}.{}.{}.{}", 1 + below(223), below(256), below(256), 1 + below(254));
  };
  const auto device = [&] { return fmt::format("{:03}-{:02}-{:04}", below(1000), below(100), below(10000)); };
  const std::array<const char*, 8> locales{"RU", "PH", "US", "DE", "BR", "IN", "FR", "JP"};

  std::vector<std::string> addresses;
  std::vector<std::string> devices;
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == count / 8) {
      bodies.emplace_back(R"({"event": "password_reset", "at": "2026-01-01"})");
      continue;
    }
    // A fifth of the logins come from an address or a device that was there before.
    const std::string ip = !addresses.empty() && below(5) == 0
                               ? addresses[below(static_cast<std::uint32_t>(addresses.size()))]
                               : address();
    const std::string id =
        !devices.empty() && below(5) == 0 ? devices[below(static_cast<std::uint32_t>(devices.size()))] : device();
    addresses.push_back(ip);
    devices.push_back(id);
    const std::string locale = below(3) == 0 ? "null" : fmt::format("\"{}\"", locales[below(locales.size())]);
    bodies.push_back(fmt::format(
        R"({{"user_id": "{:08x}-{:04x}-4{:03x}-a{:03x}-{:08x}{:04x}", "app_version": "{}.{}.{}", "device_type": "{}", "ip": "{}", "locale": {}, "device_id": "{}"}})",
        random(), below(0x10000), below(0x1000), below(0x1000), random(), below(0x10000), below(4), below(20),
        below(10), below(2) == 0 ? "android" : "ios", ip, locale, id));
  }
  return bodies;
}

}  // namespace sluice::demo
