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
#include "sluice/mask/key_material.hpp"
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
  std::string created;  // "2026-01-31T12:00:00Z"
  // One of these is set, or the file holds the secret.
  std::string material_env{};  // the environment variable that holds it
  std::string aws_secret{};    // the name or ARN of the secret in AWS Secrets Manager
  std::string kms_key{};       // the key of AWS KMS that has wrapped it,
  std::string wrapped{};       // and what came out, in base64
  std::string check{};         // as Keyring::check(); empty: of a key whose secret was never read here
  // Of a Fernet key from elsewhere: the domain of mask_fernet that it serves as it is. It serves nothing else, and is
  // none of ids().
  std::string fernet_domain{};

  bool in_aws() const { return !aws_secret.empty() || !kms_key.empty(); }
};

// Where a new key's secret stands, by one of these; all empty: random, in the file.
struct NewKey {
  std::string material_env{};             // a variable that is set
  std::string aws_secret{};               // a secret that is there
  std::string kms_key{};                  // id, ARN or alias of a key of KMS: random, wrapped by it
  std::string fernet_domain{};            // not empty: a Fernet key from elsewhere, for this domain,
  std::span<const std::uint8_t> bytes{};  // and, where its secret shall stand in the file, its bytes
};

// Immutable after load, so any number of threads may use it. Key bytes stand in locked memory only.
class Keyring {
 public:
  static constexpr std::size_t key_size = 32;

  // Reads a keyring of mode 0600 or stricter. Every error names the file and says what to do. `vault` is asked for
  // the secrets that stand in AWS, but not for those of disabled keys.
  static Result<Keyring> load(const std::string& file, KeyVault* vault = nullptr);
  // `place` names where the text stands, for messages.
  static Result<Keyring> from_json(std::string_view json, std::string_view place, KeyVault* vault = nullptr);
  // The keys of a file, without asking for secrets that stand in AWS: it need not be reached, nor variables be set.
  static Result<std::vector<KeyFacts>> look(const std::string& file);
  // Makes a keyring with one new key. The file appears whole, or not at all, and never replaces one.
  static Result<void> init(const std::string& file, const NewKey& key = {}, KeyVault* vault = nullptr);

  // Changes of a file, each written whole: whenever the process dies, the old or the new file is there. What was
  // before is kept beside it as FILE.bak, of the same mode. Two processes that change one file wait for each other.
  //
  // A key that is used from now on is read first, wherever its secret stands; the others need not be reached, but that
  // no key in use may have a secret that is given: those in variables are read for that.
  //
  // Adds an enabled key; gives its id. A second Fernet key of one domain is decrypt-only.
  static Result<std::string> add(const std::string& file, const NewKey& key = {}, KeyVault* vault = nullptr);
  // Makes `id` primary and the primary key enabled. A disabled key must be enabled first.
  static Result<void> promote(const std::string& file, std::string_view id, KeyVault* vault = nullptr);
  // Any status but primary, of any key that is not primary.
  static Result<void> set_status(const std::string& file, std::string_view id, KeyStatus status,
                                 KeyVault* vault = nullptr);

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

  // Fernet keys from elsewhere for a domain, that may be used: the one that is enabled, if there is one, first.
  std::vector<const KeyFacts*> fernet_keys(std::string_view domain) const;
  void copy_fernet(const KeyFacts& key, std::span<std::uint8_t, key_size> out) const;

  // 16 hex digits that are the same for the same key and tell nothing of it: the sub-key for "check".
  std::string check(std::string_view id) const;

 private:
  friend class KeyringReader;
  Keyring() = default;

  friend class KeyringEditor;
  void derive_from(std::size_t slot, std::string_view function, std::string_view domain,
                   std::span<std::uint8_t> out) const;
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

// The check value of a key's bytes: see Keyring::check().
std::string check_value(std::span<const std::uint8_t> key);

// "k1" to "k999999999": a token starts with it, and it is safe to repeat in a message.
bool is_key_id(std::string_view id);

}  // namespace sluice::mask
