// The keys that masks and seals are made with: one primary, and older ones that still read.
//
// The file's layout stands in docs/masks.md. No error and no log line holds key bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {

// Immutable after load, so any number of threads may use it. Key bytes stand in locked memory only.
class Keyring {
 public:
  static constexpr std::size_t key_size = 32;

  // Reads a keyring of mode 0600 or stricter. Every error names the file and says what to do.
  static Result<Keyring> load(const std::string& file);
  // `place` names where the text stands, for messages.
  static Result<Keyring> from_json(std::string_view json, std::string_view place);
  // Makes a keyring with one new random key. The file appears whole, or not at all, and never
  // replaces one.
  static Result<void> init(const std::string& file);

  const std::string& primary_id() const { return ids_[primary_]; }
  // Of all keys that may be used: those that are disabled are left out, here and below.
  const std::vector<std::string>& ids() const { return ids_; }
  bool has(std::string_view id) const;

  // Fills `out` with the sub-key of key `id` for a function and a domain: HKDF-SHA-256 of the key without salt,
  // with the info "sluice-v1", 0, function, 0, domain. `function` holds no zero byte. has(id) must be true.
  void derive(std::string_view id, std::string_view function, std::string_view domain,
              std::span<std::uint8_t> out) const;

  // 16 hex digits that are the same for the same key and tell nothing of it: the sub-key for "check".
  std::string check(std::string_view id) const;

 private:
  friend class KeyringReader;
  Keyring() = default;

  std::vector<std::string> ids_;
  SecretBytes keys_;  // key_size bytes an id, in the same order
  std::size_t primary_ = 0;
};

// "k1" to "k999999999": a token starts with it, and it is safe to repeat in a message.
bool is_key_id(std::string_view id);

}  // namespace sluice::mask
