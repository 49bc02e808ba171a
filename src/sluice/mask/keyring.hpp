// The keys that masks and seals are made with: one primary, and older ones that still read.
//
// The file's layout stands in docs/keys.md. No error and no log line holds key bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {

// What a key may be used for, from all to nothing.
enum class KeyStatus {
  primary,       // masks and reads; exactly one key has it
  enabled,       // reads, masks where it is asked for by its id, and is one of those of mask_*_all
  decrypt_only,  // reads
  disabled,      // nothing
};
const char* to_string(KeyStatus status);

// What may be told of a key.
struct KeyFacts {
  std::string id;
  KeyStatus status = KeyStatus::disabled;
  std::string created;         // "2026-01-31T12:00:00Z"
  std::string material_env{};  // the environment variable that holds the secret; empty: the file does
  std::string check{};         // as Keyring::check(); empty: of a disabled key whose variable is not set
};

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

  // Changes of a file, each written whole: whenever the process dies, the old or the new file is there. What was
  // before is kept beside it as FILE.bak, of the same mode. Two processes that change one file wait for each other.
  //
  // Adds an enabled key, random or from an environment variable that must be set; gives its id.
  static Result<std::string> add(const std::string& file, const std::string& material_env = {});
  // Makes `id` primary and the primary key enabled. A disabled key must be enabled first.
  static Result<void> promote(const std::string& file, std::string_view id);
  // Any status but primary, of any key that is not primary.
  static Result<void> set_status(const std::string& file, std::string_view id, KeyStatus status);

  const std::string& primary_id() const { return ids_[primary_]; }
  // Of all keys that may be used: those that are disabled are left out, here and below.
  const std::vector<std::string>& ids() const { return ids_; }
  bool has(std::string_view id) const;
  // Those that values may be masked with: the primary one first, then the enabled ones.
  std::vector<std::string> masking_ids() const;
  // All of them in the file's order, also those that are disabled.
  const std::vector<KeyFacts>& all() const { return all_; }
  // nullptr: the keyring does not hold it.
  const KeyFacts* find(std::string_view id) const;

  // Fills `out` with the sub-key of key `id` for a function and a domain: HKDF-SHA-256 of the key without salt,
  // with the info "sluice-v1", 0, function, 0, domain. `function` holds no zero byte. has(id) must be true.
  void derive(std::string_view id, std::string_view function, std::string_view domain,
              std::span<std::uint8_t> out) const;

  // 16 hex digits that are the same for the same key and tell nothing of it: the sub-key for "check".
  std::string check(std::string_view id) const;

 private:
  friend class KeyringReader;
  Keyring() = default;

  friend class KeyringEditor;
  void derive_from(std::size_t slot, std::string_view function, std::string_view domain,
                   std::span<std::uint8_t> out) const;
  std::string check_of(std::size_t slot) const;
  std::span<const std::uint8_t> key_in(std::size_t slot) const {
    return keys_.bytes().subspan(slot * key_size, key_size);
  }

  std::vector<KeyFacts> all_;
  std::vector<std::size_t> all_slots_;  // where in keys_ each of all_ stands
  std::vector<std::string> ids_;
  std::vector<std::size_t> slots_;  // of ids_
  SecretBytes keys_;                // key_size bytes a slot
  std::size_t primary_ = 0;
};

// "k1" to "k999999999": a token starts with it, and it is safe to repeat in a message.
bool is_key_id(std::string_view id);

}  // namespace sluice::mask
