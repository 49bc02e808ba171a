#include "sluice/mask/keyring.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "sluice/mask/hmac_sha256.hpp"
#include "sluice/mask/must.hpp"

namespace sluice::mask {
namespace {

void sub_key(std::span<const std::uint8_t> key, std::string_view function, std::string_view domain,
             std::span<std::uint8_t> out) {
  assert(function.find('\0') == std::string_view::npos);  // else two pairs could give one info
  std::string info("sluice-v1");
  info.append(1, '\0').append(function).append(1, '\0').append(domain);
  hkdf_sha256(key, {}, info, out);
}

}  // namespace

bool is_key_id(std::string_view id) {
  if (id.size() < 2 || id.size() > 10 || id[0] != 'k' || id[1] == '0') return false;
  return std::ranges::all_of(id.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

const char* to_string(KeyStatus status) {
  switch (status) {
    case KeyStatus::primary: return "primary";
    case KeyStatus::enabled: return "enabled";
    case KeyStatus::decrypt_only: return "decrypt-only";
    case KeyStatus::disabled: return "disabled";
  }
  return "";
}

bool Keyring::has(std::string_view id) const { return std::ranges::find(ids_, id) != ids_.end(); }

std::vector<std::string> Keyring::masking_ids() const {
  std::vector<std::string> out{primary_id()};
  for (const KeyFacts& key : all_) {
    if (key.status == KeyStatus::enabled && key.fernet_domain.empty()) out.push_back(key.id);
  }
  return out;
}

const KeyFacts* Keyring::find(std::string_view id) const {
  const auto found = std::ranges::find(all_, id, &KeyFacts::id);
  return found == all_.end() ? nullptr : &*found;
}

void Keyring::derive_from(std::size_t slot, std::string_view function, std::string_view domain,
                          std::span<std::uint8_t> out) const {
  sub_key(key_in(slot), function, domain, out);
}

void Keyring::derive(std::string_view id, std::string_view function, std::string_view domain,
                     std::span<std::uint8_t> out) const {
  const auto found = std::ranges::find(ids_, id);
  must(found != ids_.end(), "finding a key");
  derive_from(slots_[static_cast<std::size_t>(found - ids_.begin())], function, domain, out);
}

std::vector<const KeyFacts*> Keyring::fernet_keys(std::string_view domain) const {
  std::vector<const KeyFacts*> out;
  for (const KeyFacts& key : all_) {
    if (key.fernet_domain.empty() || key.fernet_domain != domain || key.status == KeyStatus::disabled) continue;
    out.insert(key.status == KeyStatus::enabled ? out.begin() : out.end(), &key);
  }
  return out;
}

void Keyring::copy_fernet(const KeyFacts& key, std::span<std::uint8_t, key_size> out) const {
  const auto found = std::ranges::find(all_, key.id, &KeyFacts::id);
  must(found != all_.end() && !found->fernet_domain.empty(), "finding a Fernet key");
  std::ranges::copy(key_in(all_slots_[static_cast<std::size_t>(found - all_.begin())]), out.begin());
}

std::string check_value(std::span<const std::uint8_t> key) {
  std::array<std::uint8_t, 8> value;
  sub_key(key, "check", {}, value);
  std::string text;
  for (const std::uint8_t byte : value) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

std::string Keyring::check(std::string_view id) const {
  must(has(id), "finding a key");
  return find(id)->check;
}

}  // namespace sluice::mask
