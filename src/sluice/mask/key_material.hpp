// Where a key's secret stands when it is not in the keyring's file, and how it is had from there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::mask {

struct KeyFacts;

// The far end that holds secrets: a door, so that this folder needs no network. No error holds a secret's bytes.
class KeyVault {
 public:
  virtual ~KeyVault() = default;

  // The text of key.aws_secret, into `out`; gives its size. One that does not fit is an error.
  virtual Result<std::size_t> read(const KeyFacts& key, std::span<char> out) = 0;
  // Makes a secret that key.kms_key has wrapped for the id key.id, and notes in `key` how it is unwrapped.
  virtual Result<void> make(KeyFacts& key, std::span<std::uint8_t> out) = 0;
  virtual Result<void> unwrap(const KeyFacts& key, std::span<std::uint8_t> out) = 0;
};

// Fills `out` with the secret of a key that does not stand in the file. `place` names the keyring, for messages.
Result<void> read_material(const KeyFacts& key, std::string_view place, KeyVault* vault, std::span<std::uint8_t> out);

bool read_hex(std::string_view hex, std::span<std::uint8_t> out);

// What may stand in the file as the name of a variable, a secret, a key of KMS, or as a wrapped secret: none of them
// holds a character that JSON or a terminal would take for another, and the names are no key as it is printed.
bool is_variable(std::string_view name);
bool is_aws_secret(std::string_view name);
bool is_kms_key(std::string_view name);
bool is_kms_arn(std::string_view name);  // as the file names it
bool is_wrapped(std::string_view text);
bool is_fernet_domain(std::string_view name);
// Base64 of either alphabet, or hex. `what` begins a message; none repeats the text.
Result<void> read_key_text(const std::string& what, std::string_view text, std::span<std::uint8_t> out);

}  // namespace sluice::mask
