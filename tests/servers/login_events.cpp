#include "login_events.hpp"

#include <array>
#include <cstdio>

namespace sluice::servers {
namespace {

constexpr std::uint64_t shared_pool = 1000;  // so many different shared addresses and devices
constexpr std::array locales{"US", "DE", "RU", "BR", "FR", "ID", "NL", "JP", "PL", "CN"};

}  // namespace

LoginEvents::LoginEvents(std::uint64_t count, std::uint64_t malformed, std::uint64_t seed)
    : count_(count), malformed_(malformed < count ? malformed : count), seed_(seed) {}

std::uint64_t LoginEvents::random() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

const std::string& LoginEvents::body(std::uint64_t index) {
  state_ = seed_ * 0xd1342543de82ef95U + index * 0xa0761d6478bd642fU;
  char text[320];
  int size = 0;
  const bool odd_one = (index + 1) * malformed_ / count_ != index * malformed_ / count_;
  if (odd_one) {
    size = std::snprintf(text, sizeof text, R"({"foo": "oops_wrong_msg_type", "bar": "%llu"})",
                         static_cast<unsigned long long>(index));
  } else {
    const std::uint64_t a = random(), b = random(), c = random(), d = random();
    const std::uint64_t ip = c % 8 == 0 ? (c >> 8U) % shared_pool * 2654435761U : c >> 8U;
    const std::uint64_t device = d % 8 == 0 ? (d >> 8U) % shared_pool * 7919 : d >> 8U;
    const std::uint64_t e = random();
    char locale[8] = "null";
    if (e % 10 >= 3) std::snprintf(locale, sizeof locale, "\"%s\"", locales[(e >> 8U) % locales.size()]);
    size =
        std::snprintf(text, sizeof text,
                      R"({"user_id": "%08x-%04x-%04x-%04x-%012llx", "app_version": "%u.%u.%u", "device_type": "%s", )"
                      R"("ip": "%u.%u.%u.%u", "locale": %s, "device_id": "%03u-%02u-%04u"})",
                      static_cast<unsigned>(a >> 32U), static_cast<unsigned>((a >> 16U) & 0xffffU),
                      static_cast<unsigned>(0x4000U | (a & 0xfffU)), static_cast<unsigned>(0x8000U | (b & 0x3fffU)),
                      static_cast<unsigned long long>(b >> 16U), static_cast<unsigned>((e >> 16U) % 6),
                      static_cast<unsigned>((e >> 24U) % 30), static_cast<unsigned>((e >> 32U) % 10),
                      (e >> 40U) % 2 == 0 ? "android" : "ios", static_cast<unsigned>(1 + ((ip >> 24U) & 0xffU) % 223),
                      static_cast<unsigned>((ip >> 16U) & 0xffU), static_cast<unsigned>((ip >> 8U) & 0xffU),
                      static_cast<unsigned>(ip & 0xffU), locale, static_cast<unsigned>(device % 1000),
                      static_cast<unsigned>(device / 1000 % 100), static_cast<unsigned>(device / 100000 % 10000));
  }
  body_.assign(text, static_cast<std::size_t>(size));
  return body_;
}

}  // namespace sluice::servers
