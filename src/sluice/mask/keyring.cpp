#include "sluice/mask/keyring.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "sluice/mask/hmac_sha256.hpp"
#include "sluice/mask/must.hpp"

namespace sluice::mask {

bool is_key_id(std::string_view id) {
  if (id.size() < 2 || id.size() > 10 || id[0] != 'k' || id[1] == '0') return false;
  return std::ranges::all_of(id.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

bool Keyring::has(std::string_view id) const { return std::ranges::find(ids_, id) != ids_.end(); }

void Keyring::derive(std::string_view id, std::string_view function, std::string_view domain,
                     std::span<std::uint8_t> out) const {
  const auto found = std::ranges::find(ids_, id);
  must(found != ids_.end(), "finding a key");
  assert(function.find('\0') == std::string_view::npos);  // else two pairs could give one info
  const auto index = static_cast<std::size_t>(found - ids_.begin());
  std::string info("sluice-v1");
  info.append(1, '\0').append(function).append(1, '\0').append(domain);
  hkdf_sha256(keys_.bytes().subspan(index * key_size, key_size), {}, info, out);
}

std::string Keyring::check(std::string_view id) const {
  std::array<std::uint8_t, 8> value;
  derive(id, "check", {}, value);
  std::string text;
  for (const std::uint8_t byte : value) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

}  // namespace sluice::mask
